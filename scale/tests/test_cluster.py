"""Forty units of six hosts on a real cluster: the same rows as one process over what was not split, whatever happens."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from pyspark.sql import Row, SparkSession

from why502_scale import join, logs
from why502_scale.__main__ import main
from why502_scale.captures import Rules
from why502_scale.job import Ran, bring_binary, records, run_units
from why502_scale.tables import tables
from why502_scale.unit import Settings

from . import fleet
from .conftest import Cluster

TABLES = ("connections", "exchanges", "findings")
ANSWER = (
    "answer/requests", "answer/causes_by_host", "answer/causes_by_path", "answer/causes_by_location", "answer/hosts_apart",
    "answer/log_hours", "answer/never_reached",
)  # fmt: skip
# Every file a unit.
RULES = Rules(unit_bytes=1)


class Fleet(NamedTuple):
    files: list[Path]
    pattern: str
    out: Path
    expected: Path
    log: Path
    settings: Settings


@pytest.fixture(scope="module")
def made(spark: SparkSession, binary: str, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    directory = tmp_path_factory.mktemp("fleet")
    files = fleet.make(directory / "captures", directory / "whole")
    expected, log = directory / "expected", directory / "cloudfront.log.gz"
    fleet.analyze(binary, directory / "whole", expected)
    fleet.write_log(expected, log)
    assert main(["-o", str(expected), "--standard-logs", str(log)]) == 0
    path, version = bring_binary(spark, binary)
    settings = Settings(str(directory / "out"), path, version, timeout=120)
    pattern = str(directory / "captures" / "*" / "*.pcap")
    return Fleet(files, pattern, directory / "out", expected, log, settings)


def assert_same(out: Path, expected: Path, hosts: str | None = None, names: tuple[str, ...] = TABLES) -> None:
    for table in names:
        ours, theirs = fleet.rows(out, table, hosts), fleet.rows(expected, table, hosts)
        assert sum(theirs.values()) > 0
        assert fleet.differences(ours, theirs) == [], table


def units(spark: SparkSession, out: Path) -> dict[str, Row]:
    return {row.unit: row for row in spark.read.parquet(f"{out}/units").collect()}


def modified(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}


def test_rows_are_those_of_one_process(spark: SparkSession, made: Fleet) -> None:
    ran = run_units(spark, [made.pattern], RULES, made.settings)
    assert ran == Ran(fleet.FILES, 0, 0)
    assert_same(made.out, made.expected)
    told = units(spark, made.out)
    assert len(told) == fleet.FILES
    assert {row.status for row in told.values()} == {"done"}
    assert {row.capture_host for row in told.values()} == {f"web-{i}" for i in range(fleet.HOSTS)}
    assert sum(row.bytes for row in told.values()) == sum(file.stat().st_size for file in made.files)
    assert all(row.files == [str(file)] for file, row in zip(made.files, sorted(told.values(), key=lambda r: r.files)))
    assert not list(made.out.rglob("*.part"))


def test_the_answer_is_that_of_one_process(spark: SparkSession, made: Fleet) -> None:
    assert main(["-o", str(made.out), "--standard-logs", str(made.log)]) == 0
    assert_same(made.out, made.expected, names=ANSWER)
    told = spark.read.parquet(f"{made.out}/answer/requests").collect()
    assert {row.by for row in told} == {"id", "path", "time", None}
    assert {row.answer for row in told} == {join.REACHED, join.NEVER, join.UNDECIDED, join.NOT_COVERED}
    named = [row for row in told if row.by == "id" and row.request_id[1] == "."]
    assert {row.capture_host for row in named} == {f"web-{i}" for i in range(fleet.HOSTS)}
    assert all(row.capture_host == f"web-{row.request_id[0]}" for row in named)
    never = [row for row in told if row.detail == "OriginDnsError"]
    assert len(never) == fleet.NEVER
    assert {row.cause for row in never} == {None}
    assert sum(row.answer == join.NEVER for row in never) > fleet.NEVER // 2


def test_a_second_run_does_nothing(spark: SparkSession, made: Fleet) -> None:
    before = modified(made.out)
    assert run_units(spark, [made.pattern], RULES, made.settings) == Ran(fleet.FILES, fleet.FILES, 0)
    assert modified(made.out) == before


def test_a_damaged_file_is_a_row_and_its_neighbours_go_on(spark: SparkSession, made: Fleet, tmp_path: Path) -> None:
    out = tmp_path / "out"
    damaged = made.files[9]
    assert damaged.parent.name == "web-1"
    good = damaged.read_bytes()
    # Two hosts will do.
    pattern = made.pattern.replace("/*/", "/web-[12]/")
    files = [file for file in made.files if file.parent.name in ("web-1", "web-2")]
    damaged.write_bytes(b"\x00" * 64 + good[64:])
    try:
        run_units(spark, [pattern], RULES, replace(made.settings, out=str(out)))
        told = {row.files[0]: row for row in units(spark, out).values()}
        assert told[str(damaged)].status == "failed"
        assert damaged.name in told[str(damaged)].message
        # Those that want it for context are told without it.
        partial = {file for file, row in told.items() if row.status == "partial"}
        assert partial == {str(made.files[8]), str(made.files[10])}
        assert sum(row.status == "done" for row in told.values()) == len(files) - 3
        assert_same(out, made.expected, "web-2")
    finally:
        damaged.write_bytes(good)
    # Mended, it is analysed, and so are the neighbours; nothing is there twice.
    ran = run_units(spark, [pattern], RULES, replace(made.settings, out=str(out)))
    assert ran == Ran(len(files), len(files) - 3, 3)
    for each in ("web-1", "web-2"):
        assert_same(out, made.expected, each)
    assert {row.status for row in units(spark, out).values()} == {"done"}


def test_captures_that_are_on_no_mounted_file_system(spark: SparkSession, made: Fleet, tmp_path: Path) -> None:
    """Through Hadoop's own file system, with rules for hosts and order, and several files a unit."""
    import re

    pattern = "viewfs://fleet" + made.pattern.replace("web-*", "web-1").replace("/*/", "/web-[12]/")
    rules = Rules(host=re.compile(r"/(?P<host>web-\d+)/"), order=re.compile(r"origin-(?P<time>\d+)"), unit_bytes=60_000)
    settings = replace(made.settings, out=f"file:{tmp_path}/out")
    ran = run_units(spark, [pattern], rules, settings)
    assert 2 < ran.planned < 14
    told = records(spark, settings.out).collect()
    assert {row.status for row in told} == {"done"}, told
    assert all(file.startswith("viewfs://fleet/") for row in told for file in row.files)
    for host in ("web-1", "web-2"):
        assert_same(tmp_path / "out", made.expected, host)
    with_paths = fleet.paths(tmp_path / "out")
    assert with_paths
    assert all(path.startswith("viewfs:/") for path in with_paths)


def test_a_worker_is_killed_in_the_middle(
    spark: SparkSession, cluster: Cluster, made: Fleet, binary: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    slow = tmp_path / "why502-slow"
    slow.write_text(f'#!/bin/sh\nsleep 0.4\nexec {binary} "$@"\n')
    slow.chmod(0o755)
    settings = replace(made.settings, out=str(out), binary=f"file:{slow}")
    failed: list[BaseException] = []

    def job() -> None:
        try:
            run_units(spark, [made.pattern], RULES, settings)
        except BaseException as why:
            failed.append(why)

    running = threading.Thread(target=job)
    running.start()
    deadline = time.monotonic() + 120
    while len(list(out.glob("records/*.json"))) < 8 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(cluster.processes[1].pid, signal.SIGKILL)
    finished = len(list(out.glob("records/*.json")))
    assert 8 <= finished < fleet.FILES - 4
    running.join()
    assert failed == []
    told = units(spark, out).values()
    assert {row.status for row in told} == {"done"}
    assert len(told) == fleet.FILES
    assert_same(out, made.expected)
    requests = join.joined(logs.read(spark, logs.STANDARD, [str(made.log)]), tables(spark, str(out)))
    requests.write.parquet(f"{out}/answer/requests")
    assert_same(out, made.expected, names=("answer/requests",))
    # And a run over what is there does nothing.
    assert run_units(spark, [made.pattern], RULES, settings) == Ran(fleet.FILES, fleet.FILES, 0)
