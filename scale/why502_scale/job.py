"""All units of a fleet, and the table that tells what became of them."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pyspark import SparkFiles
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from .captures import PlanError, Rules, Unit, plan
from .fleetfs import FleetFs
from .transport import Hadoop, shown
from .unit import MESSAGE, Settings, record_uri, run

RECORD = """unit string, capture_host string, status string, message string, files array<string>, context array<string>,
bytes bigint, seconds double, version string, attempts int, executor string, parts array<string>"""
"""A unit's record, which is a row of the table `units`."""

FINISHED = ("done", "partial")
"""What another attempt would not change."""

# In whose words a job ends: the unit's place in it, and what its last attempt came to.
_GIVEN_UP = re.compile(r"Task (\d+) in stage \S+ failed (\d+) times?, most recent failure: (.*)")


@dataclass(frozen=True)
class Ran:
    """What a run did."""

    planned: int
    skipped: int
    superseded: int


def run_units(spark: SparkSession, patterns: Sequence[str], rules: Rules, settings: Settings) -> Ran:
    """Brings the tables up to date with the captures."""
    files = FleetFs(spark)
    captures = {capture.uri: capture for pattern in patterns for capture in files.captures(pattern)}
    if not captures:
        raise PlanError(f"no captures match {' '.join(patterns)}")
    settings = replace(
        settings,
        out=files.qualified(settings.out),
        hadoop=_hadoop(spark) if files.schemes([*captures, files.qualified(settings.out)]) != {"file"} else None,
    )
    units = plan(captures.values(), rules, [settings.version, *settings.options])
    known = {row.unit: row for row in records(spark, settings.out).collect()}
    todo = [unit for unit in units if unit.id not in known or known[unit.id].status not in FINISHED]
    # What is tried anew has no record until it has been.
    files.delete(uri for unit in todo if unit.id in known for uri in _record_uris(settings.out, unit.id))
    given_up = _run(spark, todo, settings)
    heard = _units(records(spark, settings.out))
    for unit in todo:
        if unit.id not in heard:
            record = _failed(unit, given_up.get(unit.id, "nothing was heard of it"))
            files.write(record_uri(settings.out, unit.id, "failed"), json.dumps(record) + "\n")
    old = _superseded(known.values(), units)
    if old:
        files.delete(f"{settings.out}/{part}" for row in old for part in row.parts or ())
        files.delete(uri for row in old for uri in _record_uris(settings.out, row.unit))
    if todo or old or _is_stale(spark, settings.out, known.values()):
        # Of all codecs the one that the binary reads: `why502 report` does this table.
        told = records(spark, settings.out).coalesce(1)
        told.write.mode("overwrite").parquet(f"{settings.out}/units", compression="zstd")
    return Ran(len(units), len(units) - len(todo), len(old))


def _run(spark: SparkSession, units: Sequence[Unit], settings: Settings) -> dict[str, str]:
    """Runs units; gives those that Spark gave up, and why.

    What takes its executor with it leaves no record. Only Spark knows how often: it numbers copies and preempted attempts as
    well. It ends the whole job then, and what is left of it is another.
    """
    given_up = dict[str, str]()
    todo = list(units)
    while todo:
        try:
            # One task a unit, in this order: the costliest are begun first.
            spark.sparkContext.parallelize(todo, len(todo)).foreach(lambda unit: run(unit, settings))
            break
        except Exception as why:
            found = _GIVEN_UP.search(str(why))
            if not found:
                raise
            given_up[todo[int(found[1])].id] = f"given up by Spark, attempts: {found[2]}; the last: {found[3]}"[:MESSAGE]
        heard = _units(records(spark, settings.out))
        todo = [unit for unit in todo if unit.id not in heard and unit.id not in given_up]
    return given_up


def _record_uris(out: str, unit: str) -> Iterator[str]:
    """Where records of a unit may be."""
    return (record_uri(out, unit, status) for status in ("done", "failed"))


def _units(told: DataFrame) -> set[str]:
    return {row.unit for row in told.select("unit").collect()}


def records(spark: SparkSession, out: str) -> DataFrame:
    """What became of each unit so far."""
    if not FleetFs(spark).exists(f"{out}/records"):
        return spark.createDataFrame([], RECORD)
    told = spark.read.schema(RECORD).json(f"{out}/records")
    # Where one of two attempts failed, the unit has not.
    best = F.max_by(F.struct(*told.columns), F.col("status") != "failed")
    return told.groupBy("unit").agg(best.alias("best")).select("best.*")


def _superseded(known: Iterable[Row], units: Sequence[Unit]) -> list[Row]:
    """Units of other shapes over the same files: those have grown, or others came beside them."""
    current = {unit.id for unit in units}
    files = {shown(capture.uri) for unit in units for capture in unit.own}
    return [row for row in known if row.unit not in current and not files.isdisjoint(row.files)]


def _is_stale(spark: SparkSession, out: str, known: Iterable[Row]) -> bool:
    """Whether the table `units` is not what the records say: a driver may have died before it wrote it."""
    if not FleetFs(spark).exists(f"{out}/units"):
        return True
    told = spark.read.schema(RECORD).parquet(f"{out}/units").select("unit", "status").collect()
    return {(row.unit, row.status) for row in told} != {(row.unit, row.status) for row in known}


def _failed(unit: Unit, message: str) -> dict[str, Any]:
    """The record of a unit that has written none."""
    files, context = ([shown(capture.uri) for capture in captures] for captures in (unit.own, unit.context))
    told = {"unit": unit.id, "capture_host": unit.host, "status": "failed", "message": message, "bytes": unit.own_bytes}
    return {**told, "files": files, "context": context}


def bring_binary(spark: SparkSession, binary: str) -> tuple[str, str]:
    """Ships the binary with the job, unless it says `local:PATH`; gives how executors find it, and its version."""
    if binary.startswith("local:"):
        path = here = binary[len("local:") :]
    else:
        if ":" not in binary:
            found = binary if os.path.isfile(binary) else shutil.which(binary)
            if not found:
                raise PlanError(f"{binary}: there is no such program; say by --binary where why502 is")
            binary = os.path.realpath(found)
        spark.sparkContext.addFile(binary)
        path = binary.rsplit("/", 1)[-1]
        here = SparkFiles.get(path)
        os.chmod(here, os.stat(here).st_mode | stat.S_IXUSR)
    try:
        told = subprocess.run([here, "--version"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as why:
        raise PlanError(f"{here}: cannot be run: {why}") from why
    return path, told.stdout.strip()


def _hadoop(spark: SparkSession) -> Hadoop:
    """What executors need for the file systems that this driver uses."""
    context: Any = spark.sparkContext
    settings = {
        name[len("spark.hadoop.") :]: value
        for name, value in context.getConf().getAll()
        if name.startswith("spark.hadoop.")
    }
    home = os.environ.get("SPARK_HOME")
    paths = [str(context._jvm.java.lang.System.getProperty("java.class.path")), "*"]
    return Hadoop(":".join(paths + ([f"{home}/jars/*"] if home else [])), settings)


def ship(spark: SparkSession) -> None:
    """Brings this package to the executors, where --py-files has not."""
    # Where it runs from an archive, that came by --py-files.
    if Path(__file__).is_file():
        spark.sparkContext.addPyFile(_archive())


@cache
def _archive() -> str:
    """This package in an archive, for as long as this process runs."""
    package = Path(__file__).parent
    directory = tempfile.mkdtemp(prefix="why502-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    archive = os.path.join(directory, "why502_scale.zip")
    with zipfile.ZipFile(archive, "w") as out:
        for file in sorted(package.glob("*")):
            if file.suffix in (".py", ".java"):
                out.write(file, f"{package.name}/{file.name}")
    return archive
