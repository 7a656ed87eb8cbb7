"""Rows of logs, and what the captures say to them.

```text
1. the same identifier      x-edge-request-id is the X-Amz-Cf-Id of the request
2. time and path            rows of errors with exchanges of the same method and path within the row's time
3. time alone               rows of errors with connections that failed before any request
```
What is left never reached any host, where all hosts were captured at that time and nothing hides requests in what they
captured. Every join is on equal values, times by buckets: what a fleet logs in a day is never held against all that it
captured.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from .logs import decoded, is_error
from .tables import Tables

_SECOND = 1_000_000
# A bucket of time for exchanges, in microseconds: a row lies in as many as it lasted.
BUCKET = 10 * _SECOND
# A bucket of time for what was captured at all.
MINUTE = 60 * _SECOND
# A row that lasted longer is looked for in its last part only.
LONGEST = 600 * _SECOND
# Buckets that one thing lies in at most; of minutes these are two days.
MOST_BUCKETS = 2_880
# Exchanges of one connection that the tables are sure to list.
LISTED = 128

REACHED = "reached"
NEVER = "never-reached"
# It never reached a host, or was answered in order by one: of long connections the tables list what failed, and not all else.
NO_FAILURE = "no-failure-seen"
NOT_COVERED = "not-covered"
UNDECIDED = "undecided"


def joined(logs: DataFrame, tables: Tables, slack: float = 2.0) -> DataFrame:
    """Rows of errors, and rows whose request failed at a host and ended well, each with its `answer`.

    `slack` is by how many seconds the clocks of hosts and logs may differ.
    """
    margin = int(slack * _SECOND)
    exchanges = _exchanges(tables)
    rows = logs.where(F.col("ended").isNotNull() & F.col("status").isNotNull()).withColumn("error", is_error())
    rows = rows.where(F.col("error") | F.col("request_id").isNotNull())
    # Rows without an identifier are no one's, and shall not meet in one place because of it.
    no_id = F.concat(F.lit(" "), F.hash("ended", "path", "server").cast("string"))
    rows = rows.withColumn("id_or_none", F.coalesce("request_id", no_id))
    attempts = _attempts(exchanges).withColumnRenamed("request_id", "id_or_none")
    by_id = rows.join(attempts, "id_or_none", "left").drop("id_or_none")
    known = by_id.where(F.col("seen").isNotNull() & (F.col("error") | F.col("seen.cause").isNotNull()))
    open_rows = by_id.where(F.col("seen").isNull() & F.col("error")).drop("seen", "attempts")
    # The name of a row, for as long as it lies in several buckets. It is made once, and what is made of it stays beside it.
    open_rows = open_rows.withColumn("row", F.monotonically_increasing_id())
    by_path = _by_path(open_rows, exchanges, margin)
    found = by_path.where(F.col("seen").isNotNull()).drop("row")
    left = _by_time(by_path.where(F.col("seen").isNull()).drop("seen", "attempts", "candidates"), tables, margin)
    none = F.lit(None).cast("bigint")
    told = (
        known.withColumn("candidates", F.lit(1).cast("bigint"))
        .withColumn("by", F.lit("id"))
        .unionByName(found.withColumn("by", F.lit("path")))
        .withColumn("answer", F.lit(REACHED))
        .withColumn("hosts_covering", none)
        .unionByName(_answered(left, tables))
    )
    return told.select(
        "kind", "file", F.timestamp_micros("ended").alias("time"), "status", "method", "host", "path", "request_id",
        "location", "result", "detail", "origin", "server", "error", "answer", "by", "attempts", "candidates",
        "hosts_covering", "seen.capture_host", "seen.unit", "seen.connection", "seen.exchange", "seen.community_id",
        "seen.cause", "seen.confidence", "seen.message",
    )  # fmt: skip


def _exchanges(tables: Tables) -> DataFrame:
    """Exchanges with what was found of them, and what they are looked for by."""
    of_exchange = ["unit", "connection", "exchange"]
    found = (
        tables.findings.where(F.col("exchange").isNotNull() & (F.col("outcome") == "failed"))
        .groupBy(*of_exchange)
        .agg(F.min_by(F.struct("cause", "confidence", "message"), "number").alias("f"))
    )
    asked = tables.exchanges.where(F.col("request").isNotNull()).select(
        "unit",
        "connection",
        F.col("index").alias("exchange"),
        "capture_host",
        "community_id",
        F.floor(F.col("request.time_ns") / 1000).alias("asked"),
        F.col("request.method").alias("method"),
        _path(F.col("request.target")).alias("key"),
        F.col("request.cf_id").alias("request_id"),
    )
    told = asked.join(found, of_exchange, "left")
    seen = F.struct(
        "capture_host", "unit", "connection", "exchange", "community_id", "asked",
        F.col("f.cause").alias("cause"), F.col("f.confidence").alias("confidence"), F.col("f.message").alias("message"),
    )  # fmt: skip
    return told.select("request_id", "method", "key", "asked", seen.alias("seen"))


def _path(target: Column) -> Column:
    """A path in one spelling: without query, scheme and host, and with nothing encoded."""
    path = F.regexp_replace(F.substring_index(target, "?", 1), r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*", "")
    return decoded(path)


def _attempts(exchanges: DataFrame) -> DataFrame:
    """By identifier the attempt that decided: the last that failed, else the last."""
    weight = F.struct(F.col("seen.cause").isNotNull(), "asked", "seen.unit", "seen.connection", "seen.exchange")
    known = exchanges.where(F.col("request_id").isNotNull())
    return known.groupBy("request_id").agg(F.max_by("seen", weight).alias("seen"), F.count("*").alias("attempts"))


def _by_path(rows: DataFrame, exchanges: DataFrame, margin: int) -> DataFrame:
    """Rows with the exchange that fits best: one that failed, and of those the nearest to the row's end."""
    first = F.greatest(F.col("started"), F.col("ended") - LONGEST) - margin
    last = F.col("ended") + F.col("grain") + margin
    spread = rows.withColumn("key", decoded(F.col("path"))).withColumn("bucket", F.explode(_range(first, last, BUCKET)))
    there = exchanges.select(
        F.col("method").alias("asked_by"),
        F.col("key").alias("asked_for"),
        F.floor(F.col("asked") / BUCKET).alias("in_bucket"),
        "asked",
        F.col("seen"),
    )
    fits = (
        (F.col("key") == F.col("asked_for"))
        & (F.col("bucket") == F.col("in_bucket"))
        & (F.col("method") == F.col("asked_by"))
        & F.col("asked").between(first, last)
    )
    pairs = spread.join(there, fits, "left")
    late = F.abs(F.col("asked") - F.col("started"))
    weight = F.struct(F.col("seen.cause").isNull(), late, "seen.unit", "seen.connection", "seen.exchange")
    columns = [name for name in rows.columns if name != "row"]
    best = pairs.groupBy("row").agg(
        *(F.first(name).alias(name) for name in columns),
        F.min_by("seen", F.when(F.col("seen").isNotNull(), weight)).alias("seen"),
        F.count("seen").alias("candidates"),
    )
    return best.withColumn("attempts", F.when(F.col("seen").isNotNull(), F.lit(1).cast("bigint")))


def _by_time(rows: DataFrame, tables: Tables, margin: int) -> DataFrame:
    """Rows with the cause of connections that failed before any request, where all within their time have one cause.

    Of these there may be as many as there are rows, so that they are counted by the second first.
    """
    failed = tables.connections.where(
        F.col("counted") & (F.col("verdict.outcome") == "failed") & F.col("verdict.stage").isin("tcp", "tls")
    )
    by_second = failed.groupBy(
        F.floor(F.col("first_time_ns") / (1000 * _SECOND)).alias("second"),
        F.col("verdict.cause").alias("cause"),
        "capture_host",
        F.concat_ws(":", "server.ip", "server.port").alias("at_server"),
    ).agg(F.count("*").alias("n"), F.min(F.struct("unit", "id", "community_id")).alias("one"))
    first = F.greatest(F.col("started"), F.col("ended") - LONGEST) - margin
    last = F.col("ended") + F.col("grain") + margin
    # A load balancer tells which host it was, CloudFront that it could not connect.
    connects = F.col("server").isNotNull() | (F.col("detail") == "OriginConnectError")
    seconds = F.when(connects, _range(first, last, _SECOND))
    spread = rows.withColumn("second_of_row", F.explode_outer(seconds))
    there = F.col("server").isNull() | (F.col("server") == F.col("at_server"))
    pairs = spread.join(by_second, (F.col("second_of_row") == F.col("second")) & there, "left")
    columns = [name for name in rows.columns if name != "row"]
    told = pairs.groupBy("row").agg(
        *(F.first(name).alias(name) for name in columns),
        F.collect_set("cause").alias("causes"),
        F.collect_set("capture_host").alias("at"),
        F.coalesce(F.sum("n"), F.lit(0)).alias("candidates"),
        F.min("one").alias("one"),
    )
    one_cause, one_host = F.size("causes") == 1, F.size("at") == 1
    only = F.col("candidates") == 1
    seen = F.struct(
        F.when(one_host, F.col("at")[0]).alias("capture_host"),
        F.when(only, F.col("one.unit")).alias("unit"),
        F.when(only, F.col("one.id")).alias("connection"),
        F.lit(None).cast("bigint").alias("exchange"),
        F.when(only, F.col("one.community_id")).alias("community_id"),
        F.lit(None).cast("bigint").alias("asked"),
        F.when(one_cause, F.col("causes")[0]).alias("cause"),
        F.when(one_cause, F.lit("possible")).alias("confidence"),
        F.lit(None).cast("string").alias("message"),
    )
    told = told.withColumn("seen", F.when(F.col("candidates") > 0, seen))
    return told.drop("row", "causes", "at", "one")


def _answered(rows: DataFrame, tables: Tables) -> DataFrame:
    """What is to be said of rows of which no exchange is known."""
    hosts = tables.captures.select(F.count_distinct("capture_host")).first()
    told = rows.withColumn("minute", F.floor(F.col("ended") / MINUTE))
    told = told.join(_covered(tables), "minute", "left").join(_dark(tables), "minute", "left").drop("minute")
    covering = F.coalesce(F.col("covering"), F.lit(0))
    some = covering < (hosts[0] if hosts else 0)
    answer = (
        F.when(F.col("seen").isNotNull() & F.col("seen.cause").isNotNull(), REACHED)
        .when(covering == 0, NOT_COVERED)
        .when(F.col("seen").isNotNull() | F.coalesce("hidden", F.lit(False)) | some, UNDECIDED)
        .when(F.coalesce("unlisted", F.lit(False)), NO_FAILURE)
        .otherwise(NEVER)
    )
    return told.select(
        *rows.columns,
        F.when(F.col("seen").isNotNull(), F.lit(1).cast("bigint")).alias("attempts"),
        F.when(answer == REACHED, "time").alias("by"),
        answer.alias("answer"),
        covering.cast("bigint").alias("hosts_covering"),
    )


def _covered(tables: Tables) -> DataFrame:
    """How many hosts were captured in each minute."""
    spans = tables.captures.where(F.col("first_time_ns").isNotNull())
    return _minutes(spans, "capture_host").groupBy("minute").agg(F.count_distinct("capture_host").alias("covering"))


def _dark(tables: Tables) -> DataFrame:
    """Minutes in which requests may have come that are not seen: within TLS that was not opened, or not listed."""
    hidden = F.col("tls").isNotNull() & ~F.col("tls.decrypted") & (F.col("http_total") == 0)
    hidden = hidden & (F.col("verdict.outcome") != "failed") & (F.col("tls.handshake") != "failed")
    kinds = tables.connections.where("counted").select(
        "first_time_ns",
        "last_time_ns",
        F.coalesce(hidden, F.lit(False)).alias("hidden"),
        (F.col("http_total") > LISTED).alias("unlisted"),
    )
    spans = _minutes(kinds.where(F.col("hidden") | F.col("unlisted")), "hidden", "unlisted")
    return spans.groupBy("minute").agg(F.max("hidden").alias("hidden"), F.max("unlisted").alias("unlisted"))


def _minutes(spans: DataFrame, *columns: str) -> DataFrame:
    """A row for each minute between `first_time_ns` and `last_time_ns`."""
    first, last = F.floor(F.col("first_time_ns") / 1000), F.floor(F.col("last_time_ns") / 1000)
    return spans.select(*columns, F.explode(_range(first, last, MINUTE)).alias("minute"))


def _range(first: Column, last: Column, width: int) -> Column:
    """Every bucket between two times."""
    begin, end = F.floor(first / width), F.floor(F.greatest(first, last) / width)
    return F.sequence(begin, F.least(end, begin + MOST_BUCKETS))
