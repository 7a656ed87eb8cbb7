"""How captures get to the binary, and its tables to their place, on an executor.

What lies on a mounted file system is opened by its path. Anything else passes through pipes from Hadoop's own file systems,
by one `Courier` a Python worker, so that a JVM is started once and not for each unit.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

# What a courier's heap may take.
COURIER_HEAP = "-Xmx384m"


class TransportError(Exception):
    """Bytes could not be brought where they belong; another attempt may do."""


@dataclass(frozen=True)
class Hadoop:
    """What an executor must know to use Hadoop's file systems by itself."""

    class_path: str
    settings: Mapping[str, str] = field(default_factory=dict)


def local_path(uri: str) -> str | None:
    """The path of a `file:` URI, as Hadoop writes them: nothing in it is escaped."""
    if uri.startswith("file:"):
        path = uri[len("file:") :]
        return "/" + path.lstrip("/")
    return None


def shown(uri: str) -> str:
    """A file's name in tables and messages: its path where it has one, else its URI."""
    return local_path(uri) or uri


class Inputs:
    """Files under names that a process in this directory can open, while the context lasts.

    A pipe lies where its URI, taken for a relative path, points to: whatever the process says of it, it says of the URI.
    """

    def __init__(self, courier: Courier | None, directory: Path) -> None:
        self._courier = courier
        self._directory = directory
        self._sent: dict[str, tuple[str, int, Path]] = {}

    def path(self, uri: str, size: int) -> str:
        """Where this file can be opened, once."""
        known = local_path(uri)
        if known is not None:
            return known
        assert self._courier is not None, "a courier is there for whatever is not local"
        name = uri if ".." not in uri.split("/") else f"in-{len(self._sent)}"
        pipe = self._directory / name
        pipe.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(pipe)
        self._sent[self._courier.cat(uri, str(pipe))] = (uri, size, pipe)
        return name

    def missed(self, timeout: float) -> Iterator[str]:
        """What did not come as it was listed, once the process has ended."""
        deadline = time.monotonic() + timeout
        for order, (uri, size, pipe) in self._sent.items():
            assert self._courier is not None
            try:
                while not self._courier.answered(order, 0.1) and time.monotonic() < deadline:
                    # Lets go of a courier that waits for somebody to open the pipe, as soon as it does.
                    with contextlib.suppress(OSError):
                        os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
                came = self._courier.answer(order, 0)
            except TransportError as why:
                yield f"{uri}: {why}"
            else:
                if came != size:
                    yield f"{uri}: {came} bytes came, and {size} were listed"


class Courier:
    """A JVM that carries bytes between Hadoop's file systems and this host."""

    _shared: Courier | None = None

    @classmethod
    def shared(cls, hadoop: Hadoop) -> Courier:
        """The one of this process, started where there is none or where it has died."""
        if cls._shared is None or cls._shared._process.poll() is not None:
            cls._shared = Courier(hadoop)
            atexit.register(cls._shared.close)
        return cls._shared

    def __init__(self, hadoop: Hadoop) -> None:
        home = os.environ.get("JAVA_HOME")
        java = os.path.join(home, "bin", "java") if home else "java"
        with _source() as source:
            command = [java, COURIER_HEAP, "-XX:+UseSerialGC", "-Xshare:auto", "-cp", hadoop.class_path]
            command += ["org.codehaus.janino.SimpleCompiler", source, "Courier"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            self._answers: dict[str, tuple[str, str]] = {}
            self._lines: queue.Queue[str | None] = queue.Queue()
            self._said: list[str] = []
            assert self._process.stdout is not None
            assert self._process.stderr is not None
            threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
            threading.Thread(target=self._note, args=(self._process.stderr,), daemon=True).start()
            for name, value in hadoop.settings.items():
                self._say("conf", name, value)
            # The source can go when it has been read: it has been when the first order is carried out.
            self.answer(self._order("cat", "file:///dev/null", "/dev/null"), 60)

    def cat(self, uri: str, pipe: str) -> str:
        """Sends a file into a pipe; gives the order's number."""
        return self._order("cat", uri, pipe)

    def put(self, local: str, uri: str, timeout: float) -> None:
        """Puts a local file where it belongs."""
        self.answer(self._order("put", local, uri), timeout)

    def answer(self, order: str, timeout: float) -> int:
        """How many bytes it was; raises TransportError."""
        if not self.answered(order, timeout):
            self.close()
            raise TransportError("there is no answer from Hadoop's file system")
        outcome, text = self._answers.pop(order)
        if outcome != "ok":
            raise TransportError(text)
        return int(text)

    def answered(self, order: str, timeout: float) -> bool:
        """Whether the answer has come, after so many seconds without any; raises TransportError where none will."""
        while order not in self._answers:
            try:
                line = self._lines.get(timeout=timeout) if timeout else self._lines.get_nowait()
            except queue.Empty:
                return False
            if line is None:
                raise TransportError("the JVM that reads Hadoop's file systems has ended: " + " ".join(self._said[-3:]))
            number, outcome, text = (line.rstrip("\n").split("\t", 2) + ["", ""])[:3]
            self._answers[number] = (outcome, text)
        return True

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()

    def _order(self, verb: str, *values: str) -> str:
        order = uuid.uuid4().hex
        self._say(verb, order, *values)
        return order

    def _say(self, *values: str) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write("\t".join(values) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise TransportError("the JVM that reads Hadoop's file systems has ended") from None

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put(None)

    def _note(self, stream: IO[str]) -> None:
        for line in stream:
            self._said.append(line.strip())
            del self._said[:-10]


@contextlib.contextmanager
def _source() -> Iterator[str]:
    """The courier's source as a file, also where this package is in an archive."""
    import pkgutil
    import tempfile

    text = pkgutil.get_data(__package__ or "why502_scale", "Courier.java")
    assert text is not None, "Courier.java is part of this package"
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "Courier.java")
        Path(path).write_bytes(text)
        yield path


def put(courier: Courier | None, local: Path, uri: str, timeout: float) -> None:
    """Puts a local file where it belongs; there it appears when it is whole, in the stead of what was there."""
    to = local_path(uri)
    if to is None:
        assert courier is not None, "a courier is there for whatever is not local"
        courier.put(str(local), uri, timeout)
        return
    target = Path(to)
    draft = target.parent / f".{target.name}.{uuid.uuid4().hex}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(local, draft)
        os.replace(draft, target)
    except OSError as why:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise TransportError(f"{target}: {why.strerror}") from why
