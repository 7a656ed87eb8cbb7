"""Rows of logs, and what the captures say to them.

```text
1. the same identifier      x-edge-request-id is the X-Amz-Cf-Id of the request
2. time and path            rows of errors with exchanges of the same method and path within the row's time, of no other
                            identifier and, where a load balancer names its target, at no other server
3. time alone               rows of errors with connections that failed before any request
```
What is left never reached any host, where all hosts were captured at that time and nothing hides requests in what they
captured. Every join is on equal values, times by buckets: what a fleet logs in a day is never held against all that it
captured.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
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
DAY = 1_440 * MINUTE
# Buckets that one thing lies in at most; of days these are eight years.
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

    `slack` is by how many seconds the clocks of hosts and logs may differ. The rows pass through the steps in one line, so
    that nothing is read twice; what one step has answered the next ones leave as it is.
    """
    margin = int(slack * _SECOND)
    exchanges = _exchanges(tables)
    told = _answered(_by_time(_by_path(_by_id(logs, exchanges), exchanges, margin), tables, margin), tables)
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
    at = tables.connections.select("unit", F.col("id").alias("connection"), _server().alias("of_server"))
    told = asked.join(found, of_exchange, "left").join(at, ["unit", "connection"], "left")
    seen = F.struct(
        "capture_host", "unit", "connection", "exchange", "community_id", "asked",
        F.col("f.cause").alias("cause"), F.col("f.confidence").alias("confidence"), F.col("f.message").alias("message"),
    )  # fmt: skip
    return told.select("request_id", "method", "key", "asked", "of_server", seen.alias("seen"))


def _server() -> Column:
    """A connection's server as logs write it."""
    return F.concat_ws(":", "server.ip", "server.port")


def _is_target() -> Column:
    """Whether `of_server` is the target that a row names, if it does; an address of IPv6 may be in brackets there."""
    return F.col("server").isNull() | (F.regexp_replace("server", r"[\[\]]", "") == F.col("of_server"))


def _never_connected() -> Column:
    """Whether CloudFront could not connect: whatever was answered then was another request."""
    return F.coalesce(F.col("detail") == "OriginConnectError", F.lit(False))


def _path(target: Column) -> Column:
    """A path in one spelling: without query, scheme and host, and with nothing encoded."""
    path = F.regexp_replace(F.substring_index(target, "?", 1), r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*", "")
    return decoded(path)


def _attempts(exchanges: DataFrame) -> DataFrame:
    """By identifier the attempt that decided: the last that failed, else the last."""
    weight = F.struct(F.col("seen.cause").isNotNull(), "asked", "seen.unit", "seen.connection", "seen.exchange")
    known = exchanges.where(F.col("request_id").isNotNull())
    return known.groupBy("request_id").agg(F.max_by("seen", weight).alias("seen"), F.count("*").alias("attempts"))


def _by_id(logs: DataFrame, exchanges: DataFrame) -> DataFrame:
    """Rows with the exchange of their identifier, and of the rest those of errors."""
    rows = logs.where(F.col("ended").isNotNull() & F.col("status").isNotNull()).withColumn("error", is_error())
    rows = rows.where(F.col("error") | F.col("request_id").isNotNull())
    # Rows without an identifier are no one's, and shall not meet in one place because of it.
    no_id = F.concat(F.lit(" "), F.hash("ended", "path", "server").cast("string"))
    rows = rows.withColumn("id_or_none", F.coalesce("request_id", no_id))
    attempts = _attempts(exchanges).withColumnRenamed("request_id", "id_or_none")
    told = rows.join(attempts, "id_or_none", "left").drop("id_or_none")
    told = told.where(F.col("error") | F.col("seen.cause").isNotNull())
    known = F.col("seen").isNotNull()
    told = told.withColumn("by", F.when(known, "id")).withColumn("candidates", F.when(known, F.lit(1).cast("bigint")))
    # The name of a row, for as long as it lies in several buckets: what it says, and its number among its equals. A row that
    # is read again, on another executor and in another order, has the same.
    told = told.withColumn("says", F.xxhash64(*logs.columns))
    number = F.row_number().over(Window.partitionBy("says").orderBy("says"))
    return told.withColumn("row", F.struct("says", number.alias("number"))).drop("says")


def _window(margin: int) -> tuple[Column, Column]:
    """When a row's request may have come."""
    first = F.greatest(F.col("started"), F.col("ended") - LONGEST) - margin
    return first, F.col("ended") + F.col("grain") + margin


def _by_path(rows: DataFrame, exchanges: DataFrame, margin: int) -> DataFrame:
    """Open rows with the exchange that fits best: one that failed, and of those the nearest to the row's begin."""
    first, last = _window(margin)
    buckets = F.when(F.col("seen").isNull(), _range(first, last, BUCKET))
    spread = rows.withColumn("key", decoded(F.col("path"))).withColumn("bucket", F.explode_outer(buckets))
    there = exchanges.select(
        F.col("method").alias("asked_by"),
        F.col("key").alias("asked_for"),
        F.floor(F.col("asked") / BUCKET).alias("in_bucket"),
        "asked",
        F.col("request_id").alias("of_id"),
        "of_server",
        F.col("seen").alias("there"),
    )
    # What has the row's own identifier was found by it.
    no_other = F.col("request_id").isNull() | F.col("of_id").isNull()
    fits = (
        (F.col("key") == F.col("asked_for"))
        & (F.col("bucket") == F.col("in_bucket"))
        & (F.col("method") == F.col("asked_by"))
        & F.col("asked").between(first, last)
        & no_other
        & _is_target()
        & (~_never_connected() | F.col("there.cause").isNotNull())
    )
    pairs = spread.join(there, fits, "left")
    late = F.abs(F.col("asked") - F.col("started"))
    weight = F.struct(F.col("there.cause").isNull(), late, "there.unit", "there.connection", "there.exchange")
    best = pairs.groupBy("row").agg(
        *_as_they_are(rows),
        F.min_by("there", F.when(F.col("there").isNotNull(), weight)).alias("there"),
        F.count("there").alias("n"),
    )
    return _taken(best, "path", F.col("there"), F.col("there").isNotNull())


def _by_time(rows: DataFrame, tables: Tables, margin: int) -> DataFrame:
    """Open rows with the cause of connections that failed before any request, where all within their time have one cause.

    Of these there may be as many as there are rows, so that they are counted by the second first.
    """
    failed = tables.connections.where(
        F.col("counted") & (F.col("verdict.outcome") == "failed") & F.col("verdict.stage").isin("tcp", "tls")
    )
    by_second = failed.groupBy(
        F.floor(F.col("first_time_ns") / (1000 * _SECOND)).alias("second"),
        F.col("verdict.cause").alias("of_cause"),
        F.col("capture_host").alias("of_host"),
        _server().alias("of_server"),
    ).agg(F.count("*").alias("failures"), F.min(F.struct("unit", "id", "community_id")).alias("one"))
    # A load balancer tells which host it was, CloudFront that it could not connect.
    connects = F.col("seen").isNull() & (F.col("server").isNotNull() | _never_connected())
    seconds = F.when(connects, _range(*_window(margin), _SECOND))
    spread = rows.withColumn("second_of_row", F.explode_outer(seconds))
    pairs = spread.join(by_second, (F.col("second_of_row") == F.col("second")) & _is_target(), "left")
    told = pairs.groupBy("row").agg(
        *_as_they_are(rows),
        F.collect_set("of_cause").alias("causes"),
        F.collect_set("of_host").alias("at"),
        F.coalesce(F.sum("failures"), F.lit(0)).alias("n"),
        F.min("one").alias("one"),
    )
    one_cause, one_host, only = F.size("causes") == 1, F.size("at") == 1, F.col("n") == 1
    none = F.lit(None)
    seen = F.struct(
        F.when(one_host, F.col("at")[0]).alias("capture_host"),
        F.when(only, F.col("one.unit")).alias("unit"),
        F.when(only, F.col("one.id")).alias("connection"),
        none.cast("bigint").alias("exchange"),
        F.when(only, F.col("one.community_id")).alias("community_id"),
        none.cast("bigint").alias("asked"),
        F.when(one_cause, F.col("causes")[0]).alias("cause"),
        F.when(one_cause, F.lit("possible")).alias("confidence"),
        none.cast("string").alias("message"),
    )
    return _taken(told, "time", seen, F.col("n") > 0).drop("causes", "at", "one")


def _as_they_are(rows: DataFrame) -> list[Column]:
    """The columns of a row that lies in several buckets."""
    return [F.first(name).alias(name) for name in rows.columns if name != "row"]


def _taken(rows: DataFrame, by: str, there: Column, fits: Column) -> DataFrame:
    """Open rows answered by `there`, of which there are `n`, where it `fits`."""
    here = F.col("seen").isNull() & fits
    return rows.select(
        *(F.col(name) for name in rows.columns if name not in ("seen", "by", "candidates", "attempts", "there", "n")),
        F.when(here, there).otherwise(F.col("seen")).alias("seen"),
        F.when(here, F.lit(by)).otherwise(F.col("by")).alias("by"),
        F.when(here, F.col("n")).otherwise(F.col("candidates")).alias("candidates"),
        F.when(here, F.lit(1).cast("bigint")).otherwise(F.col("attempts")).alias("attempts"),
    )


def _answered(rows: DataFrame, tables: Tables) -> DataFrame:
    """What is to be said of each row."""
    hosts = tables.captures.select(F.count_distinct("capture_host")).first()
    told = rows.withColumn("minute", F.floor(F.col("ended") / MINUTE))
    told = told.join(_covered(tables), "minute", "left").join(_dark(tables), "minute", "left").drop("minute")
    covering = F.coalesce(F.col("covering"), F.lit(0))
    some = covering < (hosts[0] if hosts else 0)
    # What several causes may explain is not answered.
    vague = (F.col("by") == "time") & F.col("seen.cause").isNull()
    answer = (
        F.when(F.col("seen").isNotNull() & ~vague, REACHED)
        .when(covering == 0, NOT_COVERED)
        .when(F.col("seen").isNotNull() | F.coalesce("hidden", F.lit(False)) | some, UNDECIDED)
        .when(F.coalesce("unlisted", F.lit(False)), NO_FAILURE)
        .otherwise(NEVER)
    )
    told = told.withColumn("answer", answer).withColumn("hosts_covering", covering.cast("bigint"))
    return told.withColumn("by", F.when(~F.coalesce(vague, F.lit(False)), F.col("by")))


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
    # By the day first, so that no list is longer than a day's.
    days = spans.select(*columns, first.alias("first"), last.alias("last"), F.explode(_range(first, last, DAY)).alias("day"))
    begin, end = F.col("day") * DAY, (F.col("day") + 1) * DAY - 1
    minutes = _range(F.greatest("first", begin), F.least("last", end), MINUTE)
    return days.select(*columns, F.explode(minutes).alias("minute"))


def _range(first: Column, last: Column, width: int) -> Column:
    """Every bucket between two times."""
    begin, end = F.floor(first / width), F.floor(F.greatest(first, last) / width)
    return F.sequence(begin, F.least(end, begin + MOST_BUCKETS))
