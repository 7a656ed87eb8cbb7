"""One unit of work, on an executor. Whatever happens to it, it ends as one record.

The record is written last, under the unit's name, when all of its tables are where they belong; until then its rows do
not count. An attempt that comes twice, or two at once, write the same files with the same rows. The record of a failure has
a name of its own, so that it never takes the place of one that tells of success.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipimport
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark import SparkFiles, TaskContext

from .captures import Unit
from .transport import Courier, Hadoop, Inputs, TransportError, local_path, put, shown

TABLES = ("findings", "exchanges", "captures", "connections")
"""In the order in which they are put in their place: what a connection has to do with is there before it is."""

# How much of what the binary says is kept.
MESSAGE = 1_000
# Seconds to wait for Hadoop's file systems once the binary has ended.
PATIENCE = 300.0
# Linux' prctl(PR_SET_PDEATHSIG): what is started here does not outlive this process.
_PDEATHSIG = 1


@dataclass(frozen=True)
class Settings:
    """What is the same for all units of a job."""

    out: str
    binary: str
    """A path on every host, or the name of a file that Spark has brought."""
    version: str
    options: tuple[str, ...] = field(default=())
    timeout: float = 3_600.0
    memory: int = 2 << 30
    """Most address space of the binary, in bytes."""
    threads: int = 1
    attempts: int = 2
    hadoop: Hadoop | None = None
    """Set where captures or tables are on no mounted file system."""


class UnitError(Exception):
    """The unit cannot be analysed; another attempt would not help."""


def run(unit: Unit, settings: Settings) -> None:
    """Analyses a unit and writes its record."""
    began = time.monotonic()
    _settle()
    context = TaskContext.get()
    # Those of Spark before this one: lost, preempted, or still at it where this is a copy.
    others = context.attemptNumber() if context else 0
    status, message, parts, attempts = "failed", "", list[str](), 0
    while attempts < settings.attempts:
        attempts += 1
        try:
            status, message, parts = _attempt(unit, settings)
            break
        except UnitError as why:
            message = str(why)
            break
        except (TransportError, OSError) as why:
            message = str(why)
    record = {
        "unit": unit.id,
        "capture_host": unit.host,
        "status": status,
        "message": message or None,
        "files": [shown(capture.uri) for capture in unit.own],
        "context": [shown(capture.uri) for capture in unit.context],
        "bytes": unit.own_bytes,
        "seconds": round(time.monotonic() - began, 3),
        "version": settings.version,
        "attempts": attempts + others,
        "executor": socket.gethostname(),
        "parts": parts,
    }
    try:
        with _directory() as directory:
            file = directory / "record.json"
            file.write_text(json.dumps(record) + "\n")
            put(_courier(settings), file, record_uri(settings.out, unit.id, status), PATIENCE)
    except (TransportError, OSError) as why:
        # The driver tells a unit that has no record as failed; its rows are not seen.
        print(f"why502_scale: the record of unit {unit.id} cannot be written: {why}", file=sys.stderr)


def _settle() -> None:
    """Spares this Python worker what costs more than a small unit does, and Spark has it do again for each task.

    That is to read the lists of what is in each archive it imports from, among them Spark's own jar, and to look for garbage
    among all that was ever imported.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            # It comes back, without reading, when something is imported.
            del sys.path_importer_cache[path]
    if not gc.get_freeze_count():
        gc.freeze()


def _courier(settings: Settings) -> Courier | None:
    return Courier.shared(settings.hadoop) if settings.hadoop else None


def record_uri(out: str, unit: str, status: str) -> str:
    """Where a unit's record is."""
    return f"{out}/records/{unit}.{'failed.' if status == 'failed' else ''}json"


def _attempt(unit: Unit, settings: Settings) -> tuple[str, str, list[str]]:
    """The status, a message, and where the tables are, below the output."""
    courier = _courier(settings)
    with _directory() as directory:
        tables = directory / "tables"
        inputs = Inputs(courier, directory)
        code, said = _analyze(unit, settings, inputs, directory, tables)
        # Whoever reads a damaged file to its end has no use for the rest of it.
        missed = [why for why in inputs.missed(PATIENCE) if code != 2 or "Broken pipe" not in why]
        if missed:
            raise TransportError("; ".join(missed)[:MESSAGE])
        found = {table: sorted((tables / table).rglob("part-*.parquet")) for table in TABLES}
        # Each table has a part, and be it without a row, where the binary came to its end.
        if code not in (0, 1, 2) or not all(found.values()):
            raise UnitError(said or f"why502 ended with status {code}")
        parts = []
        for table in TABLES:
            for part in found[table]:
                place = part.relative_to(tables).as_posix()
                put(courier, part, f"{settings.out}/{place}", PATIENCE)
                parts.append(place)
        return ("partial" if code == 2 else "done"), said, parts


def _analyze(unit: Unit, settings: Settings, inputs: Inputs, directory: Path, tables: Path) -> tuple[int, str]:
    """Runs the binary; gives its exit status and what it said."""
    command = [_binary(settings), "analyze", "--format", "parquet", "-o", str(tables), "--partition-by", "date,host"]
    command += ["--unit", unit.id, f"--capture-host={unit.host}", "--threads", str(settings.threads), *settings.options]
    for capture in unit.context:
        command += ["--context", inputs.path(capture.uri, capture.size)]
    command += ["--", *(inputs.path(capture.uri, capture.size) for capture in unit.own)]
    with open(directory / "said", "w+b") as said:
        try:
            process = subprocess.Popen(
                command,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                preexec_fn=_limits(settings.memory),
            )
        except OSError as why:
            raise UnitError(f"{command[0]}: {why.strerror}") from why
        # To wait with a timeout would be to look every 50 ms.
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(settings.timeout, stop)
        timer.start()
        try:
            code = process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
        if late.is_set():
            raise UnitError(f"it took more than {settings.timeout:.0f} s")
        said.seek(0)
        text = " ".join(said.read(8 * MESSAGE).decode(errors="replace").split())[:MESSAGE]
    if code < 0:
        name = signal.Signals(-code).name
        raise UnitError(f"why502 was ended by {name}" + (f": {text}" if text else ""))
    return code, text


def _limits(memory: int) -> Any:
    """Limits of the binary, set between fork and exec."""
    import ctypes

    prctl = ctypes.CDLL(None).prctl

    def set_limits() -> None:
        prctl(_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return set_limits


def _binary(settings: Settings) -> str:
    if "/" in settings.binary:
        return local_path(settings.binary) or settings.binary
    brought = SparkFiles.get(settings.binary)
    # A file that came through an object store has lost that it can be run.
    if not os.access(brought, os.X_OK):
        with contextlib.suppress(OSError):
            os.chmod(brought, 0o755)
    return brought


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    """A directory for one attempt, among what Spark clears away when the application ends."""
    with tempfile.TemporaryDirectory(prefix="why502-", dir=SparkFiles.getRootDirectory()) as name:
        yield Path(name).resolve()
