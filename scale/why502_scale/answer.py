"""The fleet's answer: a handful of small tables, and a page of text.

Each is a table in Parquet below `answer/`: `requests` (rows of logs and what became of them), `causes_by_host`,
`causes_by_path`, `causes_by_location`, `hosts_apart`, `log_hours` and `never_reached`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from . import chance
from .fleetfs import FleetFs
from .join import NEVER, NO_FAILURE, joined
from .logs import is_error
from .tables import Tables, units

# Lines of each part of the text.
LINES = 12
# Hosts that are held against each other at most: a fleet's, not a planet's.
MAX_HOSTS = 100_000

APART = """capture_host string, connections bigint, failed bigint, share double, share_low double, share_high double,
others_share double, probability double, differs boolean"""


def write(spark: SparkSession, out: str, tables: Tables, logs: DataFrame | None, slack: float) -> str:
    """Writes the answer's tables, and the text, which it gives as well."""

    def put(name: str, table: DataFrame, files: int = 1) -> DataFrame:
        place = f"{out}/answer/{name}"
        table.coalesce(files).write.mode("overwrite").parquet(place)
        return spark.read.parquet(place)

    by_host = put("causes_by_host", causes_by_host(tables))
    put("causes_by_path", causes_by_path(tables), 4)
    told = units(spark, out)
    apart = hosts_apart(spark, by_host, known_hosts(tables, told))
    parts = [_units(told), _causes(by_host), _apart(put("hosts_apart", apart))]
    if logs is not None:
        requests = put("requests", joined(logs, tables, slack), 16)
        hours = put("log_hours", log_hours(logs))
        by_location = put("causes_by_location", causes_by_location(requests))
        never = put("never_reached", never_reached(requests), 4)
        parts += [_logs(hours, requests), _locations(by_location), _never(never)]
    text = "\n".join(line for part in parts for line in part) + "\n"
    FleetFs(spark).write(f"{out}/answer/summary.txt", text)
    return text


def causes_by_host(tables: Tables) -> DataFrame:
    """Connections that count, by host and what became of them."""
    counted = tables.connections.where("counted")
    return counted.groupBy(
        "capture_host",
        F.col("verdict.outcome").alias("outcome"),
        F.col("verdict.stage").alias("stage"),
        F.col("verdict.cause").alias("cause"),
        F.col("verdict.confidence").alias("confidence"),
        F.col("verdict.edge_status").alias("edge_status"),
    ).agg(
        F.count("*").alias("connections"),
        F.min("first_time").alias("first_time"),
        F.max("first_time").alias("last_time"),
        F.min(F.struct("first_time_ns", "unit", "id")).alias("example"),
    )


def causes_by_path(tables: Tables) -> DataFrame:
    """Exchanges that failed on connections that count, by what was asked for."""
    counted = tables.connections.where("counted").select("unit", F.col("id").alias("connection"))
    found = tables.findings.where(F.col("is_verdict") & (F.col("outcome") == "failed") & F.col("exchange").isNotNull())
    asked = tables.exchanges.select(
        "unit",
        "connection",
        F.col("index").alias("exchange"),
        F.col("request.host").alias("host"),
        F.substring_index("request.target", "?", 1).alias("path"),
    )
    told = found.join(counted, ["unit", "connection"], "left_semi").join(asked, ["unit", "connection", "exchange"], "left")
    return told.groupBy("host", "path", "cause").agg(
        F.count("*").alias("exchanges"),
        F.count_distinct("capture_host").alias("hosts"),
        F.min("connection_time").alias("first_time"),
        F.max("connection_time").alias("last_time"),
    )


def causes_by_location(requests: DataFrame) -> DataFrame:
    """Requests that failed at a host, by edge location and hour."""
    failed = requests.where(F.col("cause").isNotNull())
    hour = F.date_trunc("hour", "time").alias("hour")
    return failed.groupBy("location", hour, "cause", "capture_host").agg(
        F.count("*").alias("requests"), F.sum(F.col("error").cast("bigint")).alias("errors")
    )


def log_hours(logs: DataFrame) -> DataFrame:
    """What the logs have at all, by edge location and hour; lines that cannot be read have no hour."""
    readable = F.col("ended").isNotNull() & F.col("status").isNotNull()
    hour = F.date_trunc("hour", F.timestamp_micros(F.when(readable, F.col("ended")))).alias("hour")
    return logs.groupBy("kind", "location", hour).agg(
        F.count("*").alias("rows"), F.sum((readable & is_error()).cast("bigint")).alias("errors")
    )


def never_reached(requests: DataFrame) -> DataFrame:
    """Rows of errors that no host has anything to do with, as far as the captures tell."""
    kinds = requests.where(F.col("error") & F.col("answer").isin(NEVER, NO_FAILURE))
    return kinds.groupBy("answer", "status", "detail", "host", "path", "location").agg(
        F.count("*").alias("requests"),
        F.min("time").alias("first_time"),
        F.max("time").alias("last_time"),
        F.min("request_id").alias("example"),
    )


def known_hosts(tables: Tables, told: DataFrame | None) -> DataFrame:
    """All hosts, also those of which no connection counts or no capture could be read."""
    hosts = tables.captures.select("capture_host")
    return (hosts if told is None else hosts.union(told.select("capture_host"))).distinct()


def hosts_apart(spark: SparkSession, by_host: DataFrame, known: DataFrame) -> DataFrame:
    """Hosts beside each other: who fails more, or less, than the others by more than chance explains."""
    every = by_host.select("capture_host", "outcome", "connections").union(known.selectExpr("*", "null", "0"))
    failed = F.sum(F.when(F.col("outcome") == "failed", F.col("connections")).otherwise(0))
    hosts = every.groupBy("capture_host").agg(F.sum("connections").alias("n"), failed.alias("failed"))
    # A row a host: all of them are held against their sum by one task, which is no driver.
    return spark.createDataFrame(hosts.limit(MAX_HOSTS).coalesce(1).rdd.mapPartitions(_judge), APART)


def _judge(rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    hosts = sorted((row.capture_host or "", int(row.n), int(row.failed)) for row in rows)
    all_n, all_failed = sum(n for _, n, _ in hosts), sum(failed for _, _, failed in hosts)
    for name, n, failed in hosts:
        others, others_failed = all_n - n, all_failed - failed
        p = chance.probability(failed, n, others_failed, others)
        low, high = chance.interval(failed, n)
        share = others_failed / others if others else None
        yield name, n, failed, failed / n if n else None, low, high, share, p, p * len(hosts) < chance.LEVEL


def _units(told: DataFrame | None) -> Iterator[str]:
    if told is None:
        return
    counts = {row["status"]: row for row in told.groupBy("status").agg(F.count("*").alias("n")).collect()}
    kinds = ", ".join(f"{counts[name].n:,} {name}" for name in ("done", "partial", "failed") if name in counts)
    yield f"Units: {kinds or 'none'}"
    for row in told.where("status != 'done'").orderBy("capture_host", "unit").limit(LINES).collect():
        yield f"  {row.status} {row.unit} of {row.capture_host}: {row.message}"


def _causes(by_host: DataFrame) -> Iterator[str]:
    total = by_host.agg(F.sum("connections").alias("n"), F.count_distinct("capture_host").alias("hosts")).first()
    yield f"Connections that count: {(total and total.n) or 0:,}, of {_hosts((total and total.hosts) or 0)}"
    causes = by_host.where("outcome = 'failed'").groupBy("cause").agg(
        F.sum("connections").alias("n"), F.count_distinct("capture_host").alias("hosts")
    )
    for row in causes.orderBy(F.desc("n"), "cause").limit(LINES).collect():
        yield f"  {row.n:>10,}  {row.cause} on {_hosts(row.hosts)}"


def _hosts(n: int) -> str:
    return f"{n:,} host" + ("" if n == 1 else "s")


def _apart(apart: DataFrame) -> Iterator[str]:
    rows = apart.where("differs").orderBy("probability", "capture_host").limit(LINES).collect()
    if rows:
        yield f"Hosts that differ from the others (Fisher's exact test, {chance.LEVEL:.0%} over all hosts):"
    for row in rows:
        yield (
            f"  {row.capture_host}: {row.failed:,} of {row.connections:,} failed ({row.share:.2%}, the others "
            f"{row.others_share:.2%})"
        )


def _logs(hours: DataFrame, requests: DataFrame) -> Iterator[str]:
    total = hours.agg(F.sum("rows"), F.sum("errors"), F.sum(F.when(F.col("hour").isNull(), F.col("rows")))).first()
    rows, errors, unread = (value or 0 for value in total) if total else (0, 0, 0)
    yield f"Rows of logs: {rows:,}, of which {errors:,} errors; {unread:,} cannot be read"
    answers = requests.where("error").groupBy("answer", "by").count()
    for row in answers.orderBy(F.desc("count"), "answer", "by").collect():
        yield f"  {row['count']:>10,}  {row.answer}" + (f" (by {row.by})" if row.by else "")


def _locations(by_location: DataFrame) -> Iterator[str]:
    rows = by_location.groupBy("location", "hour", "cause").agg(F.sum("requests").alias("n"))
    yield "Requests that failed at a host, by edge location and hour (UTC):"
    # A time that is collected is the driver's own, wherever that is.
    rows = rows.withColumn("hour", F.date_format("hour", "yyyy-MM-dd HH"))
    for row in rows.orderBy(F.desc("n"), "location", "hour", "cause").limit(LINES).collect():
        yield f"  {row.n:>10,}  {row.location or '-'} {row.hour} {row.cause}"


def _never(never: DataFrame) -> Iterator[str]:
    rows = never.groupBy("answer", "status", "detail").agg(F.sum("requests").alias("n"))
    yield "Errors that no host has to do with:"
    for row in rows.orderBy(F.desc("n"), "status", "detail").limit(LINES).collect():
        yield f"  {row.n:>10,}  {row.status} {row.detail or '-'} ({row.answer})"
