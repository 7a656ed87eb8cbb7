"""All units of a fleet, and the table that tells what became of them."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pyspark import SparkFiles
from pyspark.sql import DataFrame, Row, SparkSession

from .captures import PlanError, Rules, Unit, plan
from .fleetfs import FleetFs
from .transport import Hadoop, shown
from .unit import Settings, record_uri, run

RECORD = """unit string, capture_host string, status string, message string, files array<string>, context array<string>,
bytes bigint, seconds double, version string, attempts int, executor string, parts array<string>"""
"""A unit's record, which is a row of the table `units`."""

FINISHED = ("done", "partial")
"""What another attempt would not change."""


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
    told = list[bool]()
    if todo:
        # One task a unit, in this order: the costliest are begun first.
        told = spark.sparkContext.parallelize(todo, len(todo)).map(lambda unit: run(unit, settings)).collect()
    old = _superseded(known.values(), units)
    if old:
        files.delete(f"{settings.out}/{part}" for row in old for part in row.parts or ())
        files.delete(record_uri(settings.out, row.unit) for row in old)
    if todo or old or not files.exists(f"{settings.out}/units"):
        unheard = [unit for unit, heard in zip(todo, told) if not heard and unit.id not in known]
        _write_units(spark, settings.out, unheard)
    return Ran(len(units), len(units) - len(todo), len(old))


def records(spark: SparkSession, out: str) -> DataFrame:
    """What became of each unit so far."""
    if not FleetFs(spark).exists(f"{out}/records"):
        return spark.createDataFrame([], RECORD)
    return spark.read.schema(RECORD).json(f"{out}/records")


def _superseded(known: Iterable[Row], units: Sequence[Unit]) -> list[Row]:
    """Units of other shapes over the same files: those have grown, or others came beside them."""
    current = {unit.id for unit in units}
    files = {shown(capture.uri) for unit in units for capture in unit.own}
    return [row for row in known if row.unit not in current and not files.isdisjoint(row.files)]


def _write_units(spark: SparkSession, out: str, unheard: Sequence[Unit]) -> None:
    """Writes the table `units`; those of which nothing was heard are told as failed."""
    told = records(spark, out)
    if unheard:
        told = told.unionByName(spark.createDataFrame([_failed(unit) for unit in unheard], RECORD))
    # Of all codecs the one that the binary reads: `why502 report` does this table.
    told.coalesce(1).write.mode("overwrite").parquet(f"{out}/units", compression="zstd")


def _failed(unit: Unit) -> tuple[Any, ...]:
    files, context = ([shown(capture.uri) for capture in captures] for captures in (unit.own, unit.context))
    told = (unit.id, unit.host, "failed", "nothing was heard of it", files, context, unit.own_bytes)
    return (*told, None, None, None, None, None)


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
