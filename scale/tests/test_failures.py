"""What fails within a unit ends as a row that says so, and the others go on."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark import TaskContext
from pyspark.sql import SparkSession

from why502_scale.captures import Capture, Rules, plan
from why502_scale.job import Ran, records, run_units
from why502_scale.tables import tables
from why502_scale.transport import Courier, Hadoop, Inputs, TransportError, put
from why502_scale.unit import Settings, run

from .conftest import CAPTURES, HOME

CAPTURE = CAPTURES / "tls" / "no-common-version" / "nginx-tls13-only" / "capture.pcap"

# What becomes of the binary, by host.
FAULTS = {
    "slow": "sleep 60",
    "killed": "kill -9 $$",
    "hungry": "exec python3 -c 'bytearray(3 << 30)'",
    "mute": "exit 1",
    "cut-short": '"$0".real "$@"; exit 3',
    "lethal": "kill -9 $PPID",
    "-sound": ":",
}


def test_each_failure_is_a_row_and_a_later_run_tries_again(spark: SparkSession, binary: str, tmp_path: Path) -> None:
    for host in FAULTS:
        (tmp_path / "captures" / host).mkdir(parents=True)
        (tmp_path / "captures" / host / "a.pcap").write_bytes(CAPTURE.read_bytes())
    faults = "\n".join(f'*"--capture-host={host} "*) {fault} ;;' for host, fault in FAULTS.items())
    faulty = tmp_path / "faulty"
    (tmp_path / "faulty.real").symlink_to(binary)
    faulty.write_text(f'#!/bin/sh\ncase "$*" in\n{faults}\nesac\nexec {binary} "$@"\n')
    faulty.chmod(0o755)
    out = tmp_path / "out"
    settings = Settings(str(out), f"file:{faulty}", "faulty", timeout=5)
    pattern = f"{tmp_path}/captures/*/*.pcap"
    assert run_units(spark, [pattern], Rules(), settings) == Ran(7, 0, 0)
    told = {row.capture_host: row for row in spark.read.parquet(f"{out}/units").collect()}
    assert {host: row.status for host, row in told.items()} == dict.fromkeys(FAULTS, "failed") | {"-sound": "done"}
    assert "more than 5 s" in told["slow"].message
    assert "SIGKILL" in told["killed"].message
    assert "MemoryError" in told["hungry"].message
    assert "status 1" in told["mute"].message
    assert "status 3" in told["cut-short"].message
    assert "given up by Spark, attempts: 4" in told["lethal"].message
    assert {path.parent.name for path in (out / "connections").rglob("*.parquet")} == {"host=-sound"}
    # A row whose unit has no record is not seen.
    record = out / "records" / f"{told['-sound'].unit}.json"
    kept = record.read_bytes()
    assert tables(spark, str(out)).connections.count() == 1
    record.unlink()
    assert tables(spark, str(out)).connections.count() == 0
    # Nor is one whose record cannot be written, and its unit is told as failed.
    record.mkdir()
    assert run_units(spark, [pattern.replace("*", "-sound", 1)], Rules(), settings) == Ran(1, 0, 0)
    told = {row.capture_host: row for row in spark.read.parquet(f"{out}/units").collect()}
    assert (told["-sound"].status, told["-sound"].message) == ("failed", "nothing was heard of it")
    assert len(told) == len(FAULTS)
    record.rmdir()
    record.write_bytes(kept)
    faulty.write_text(f'#!/bin/sh\nexec {binary} "$@"\n')
    assert run_units(spark, [pattern], Rules(), settings) == Ran(7, 1, 0)
    assert {row.status for row in spark.read.parquet(f"{out}/units").collect()} == {"done"}
    assert tables(spark, str(out)).connections.count() == 7
    # What a driver that died has not written is written by the next.
    for file in (out / "units").glob("*.parquet"):
        file.unlink()
    assert run_units(spark, [pattern], Rules(), settings) == Ran(7, 7, 0)
    assert {row.status for row in spark.read.parquet(f"{out}/units").collect()} == {"done"}


def test_an_attempt_is_judged_by_what_becomes_of_it(
    spark: SparkSession, binary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Copy:
        """The fourth attempt by number, none of which has failed."""

        def attemptNumber(self) -> int:
            return 3

    monkeypatch.setattr(TaskContext, "get", Copy)
    captures = [Capture(f"file:{CAPTURE}", CAPTURE.stat().st_size, 1)]
    unit, settings = plan(captures, Rules(), [])[0], Settings(f"file:{tmp_path}/out", binary, "1")
    run(unit, settings)
    # A late one that fails does not undo it.
    run(unit, replace(settings, binary="/bin/false"))
    told = records(spark, settings.out).collect()
    assert [(row.unit, row.status, row.attempts) for row in told] == [(unit.id, "done", 4)]


@pytest.fixture(scope="module")
def courier() -> Courier:
    # Also under the name of what stores objects.
    settings = {
        "fs.viewfs.mounttable.fleet.linkMergeSlash": "file:///",
        "fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
    }
    return Courier.shared(Hadoop(f"{HOME}/jars/*", settings))


def read(path: Path) -> bytes:
    return subprocess.run(["cat", str(path)], capture_output=True, check=True).stdout


def test_bytes_pass_through_pipes_whole_or_not_at_all(courier: Courier, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3 << 20))
    uri = f"viewfs://fleet{source}"
    directory = tmp_path / "work"
    inputs = Inputs(courier, directory)
    name = inputs.path(uri, 3 << 20)
    # What the binary says of it names the file and no pipe.
    assert name == uri
    assert read(directory / name) == source.read_bytes()
    assert list(inputs.missed(60)) == []
    # Shorter or longer than it was listed; not there; nobody ever read it; read in part.
    grown = Inputs(courier, tmp_path / "grown")
    read(tmp_path / "grown" / grown.path(uri, 7))
    assert list(grown.missed(60)) == [f"{uri}: {3 << 20} bytes came, and 7 were listed"]
    gone = Inputs(courier, tmp_path / "gone")
    assert read(tmp_path / "gone" / gone.path(uri + "-gone", 7)) == b""
    assert "FileNotFoundException" in next(gone.missed(60))
    unread = Inputs(courier, tmp_path / "unread")
    unread.path(uri, 3 << 20)
    assert "Broken pipe" in next(unread.missed(60))
    part = Inputs(courier, tmp_path / "part")
    with open(tmp_path / "part" / part.path(uri, 3 << 20), "rb") as pipe:
        pipe.read(100)
    assert "Broken pipe" in next(part.missed(60))


def test_files_appear_whole_in_the_stead_of_what_was_there(courier: Courier, tmp_path: Path) -> None:
    local, there = tmp_path / "local", tmp_path / "a" / "b"
    for content in (b"first", b"second"):
        local.write_bytes(content)
        for target in (f"viewfs://fleet{there}/by-hadoop", f"s3://fleet{there}/object", f"file:{tmp_path}/c/d/by-path"):
            put(courier, local, target, 60)
        assert (there / "by-hadoop").read_bytes() == (there / "object").read_bytes() == content
        assert (tmp_path / "c" / "d" / "by-path").read_bytes() == content
    assert not list(tmp_path.rglob("*.part"))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TransportError):
        put(courier, local, f"file:{tmp_path}/file/below", 60)
    # What breaks off in the middle leaves what was there, and nothing beside it.
    for broken in (Path("/proc/self/mem"), tmp_path / "nothing"):
        with pytest.raises(TransportError):
            put(courier, broken, f"viewfs://fleet{there}/by-hadoop", 60)
    with pytest.raises(TransportError, match="Input/output error"):
        put(courier, Path("/proc/self/mem"), f"s3://fleet{there}/object", 60)
    assert {path.name for path in there.iterdir() if path.suffix != ".crc"} == {"by-hadoop", "object"}
    assert (there / "by-hadoop").read_bytes() == b"second"


def test_a_courier_that_dies_is_said_and_replaced(courier: Courier, tmp_path: Path) -> None:
    doomed = Courier(Hadoop(f"{HOME}/jars/*"))
    thread = threading.Timer(0.5, doomed.close)
    thread.start()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TransportError, match="has ended"):
        doomed.answer(doomed.cat(f"file:{CAPTURE}", str(tmp_path / "pipe")), 60)
    with pytest.raises(TransportError):
        Courier(Hadoop("/nowhere"))
