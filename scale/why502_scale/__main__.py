"""`python -m why502_scale`: a fleet's captures to tables, and tables and logs to the fleet's answer."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame, SparkSession

from . import answer, logs
from .captures import PlanError, Rules
from .fleetfs import FleetFs
from .job import bring_binary, run_units, ship
from .tables import tables
from .unit import Settings

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size(text: str) -> int:
    """Bytes, also as `512m` or `2g`."""
    found = re.fullmatch(r"(\d+)([kmgt]?)i?b?", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"{text}: say bytes, or a number with k, m, g or t")
    return int(found[1]) * UNITS[found[2]]


def rule(group: str) -> Callable[[str], re.Pattern[str]]:
    """A regular expression with this group."""

    def parse(text: str) -> re.Pattern[str]:
        try:
            pattern = re.compile(text)
        except re.error as why:
            raise argparse.ArgumentTypeError(f"{text}: {why}") from None
        if group not in pattern.groupindex:
            raise argparse.ArgumentTypeError(f"{text}: has no group (?P<{group}>...)")
        return pattern

    return parse


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser("why502_scale", description=__doc__)
    p.add_argument("captures", nargs="*", metavar="PATTERN", help="captures, on any file system that Spark reads; without "
                   "any the answer alone is made again from the tables that are there")  # fmt: skip
    p.add_argument("-o", "--output", required=True, metavar="DIR", help="where tables and answer are written")
    g = p.add_argument_group("units")
    g.add_argument("--host", type=rule("host"), metavar="REGEX", help="finds (?P<host>...) in a path [default: its directory]")
    g.add_argument("--order", type=rule("time"), metavar="REGEX", help="finds (?P<time>...) in a path [default: its name]")
    g.add_argument("--unit-bytes", type=size, default=2 << 30, metavar="SIZE", help="files of one unit [default: 2g]")
    g.add_argument("--context-files", type=int, default=1, metavar="N", help="files before and after [default: 1]")
    g.add_argument("--context-bytes", type=size, default=1 << 30, metavar="SIZE", help="most of these, each way [default: 1g]")
    g = p.add_argument_group("the binary")
    g.add_argument("--binary", default="why502", metavar="FILE", help="shipped to the executors; local:PATH is there already")
    g.add_argument("--option", action="append", default=[], metavar="ARG", help="passed on to it, as in --option=--port=443")
    g.add_argument("--timeout", type=float, default=3600, metavar="SECONDS", help="for one unit [default: 3600]")
    g.add_argument("--memory", type=size, default=2 << 30, metavar="SIZE", help="address space of it [default: 2g]")
    g.add_argument("--attempts", type=int, default=2, metavar="N", help="where bytes do not come or go [default: 2]")
    g = p.add_argument_group("logs")
    for kind in logs.KINDS:
        g.add_argument(f"--{kind}-logs", action="append", default=[], metavar="PATTERN")
    g.add_argument("--log-fields", type=lambda text: re.split(r"[\s,]+", text.strip()), default=[], metavar="NAMES",
                   help="of real-time records, in their order")  # fmt: skip
    g.add_argument("--slack", type=float, default=2, metavar="SECONDS", help="by which clocks may differ [default: 2]")
    return p


def read_logs(spark: SparkSession, given: argparse.Namespace) -> DataFrame | None:
    """All logs that are given."""
    found = []
    for kind in logs.KINDS:
        paths = getattr(given, f"{kind.replace('-', '_')}_logs")
        if paths:
            found.append(logs.read(spark, kind, paths, given.log_fields if kind == logs.REAL_TIME else ()))
    return logs.union(found) if found else None


def session(spark: SparkSession) -> SparkSession:
    """What the analysis relies on: this package on executors, times in UTC, and values that cannot be read are null.

    Of times that is the case only where nobody asks whether Spark 2 would have read them, which Spark 3 does by itself.
    """
    ship(spark)
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.ansi.enabled", "false")
    spark.conf.set("spark.sql.legacy.timeParserPolicy", "CORRECTED")
    return spark


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the job; 2 is wrong usage or nothing to do, and what fails within is told by the tables."""
    given = parser().parse_args(arguments)
    spark = session(SparkSession.builder.appName("why502").getOrCreate())
    files = FleetFs(spark)
    out = files.qualified(given.output)
    try:
        if given.captures:
            binary, version = bring_binary(spark, given.binary)
            conf = spark.sparkContext.getConf()
            settings = Settings(
                out, binary, version, tuple(given.option), given.timeout, given.memory,
                threads=int(conf.get("spark.task.cpus", "1")), attempts=given.attempts,
            )  # fmt: skip
            rules = Rules(given.host, given.order, given.unit_bytes, given.context_files, given.context_bytes)
            ran = run_units(spark, given.captures, rules, settings)
            print(f"{ran.planned} units, {ran.skipped} of them known, {ran.superseded} others superseded")
        if not files.exists(f"{out}/connections"):
            raise PlanError(f"{out}: no unit has any rows; the table `units` there says why")
        found = read_logs(spark, given)
        print(answer.write(spark, out, tables(spark, out), found, given.slack), end="")
    except (PlanError, logs.LogError) as why:
        print(f"why502_scale: {why}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
