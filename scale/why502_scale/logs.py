"""Access logs of each kind, as rows of one kind.

Columns: `kind`, `file`, `ended` and `started` (microseconds since 1970, UTC), `grain` (what `ended` does not tell, in
microseconds), `status`, `method`, `host` (of the viewer), `path`, `request_id`, `location`, `result`, `detail`, `origin`
(the name of the origin that was asked), `server` (`ip:port` of the host, as a load balancer tells it). What a log does not
have is null; `ended` and `status` are null where a line cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Callable

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

STANDARD = "standard"
V2_JSON = "v2-json"
V2_PARQUET = "v2-parquet"
REAL_TIME = "real-time"
ALB = "alb"
KINDS = (STANDARD, V2_JSON, V2_PARQUET, REAL_TIME, ALB)

_SECOND = 1_000_000

# Fields of CloudFront's by the names under which they are told here; those of Parquet have `_` for whatever is no letter.
_FIELDS = {
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamp_ms": "millis",
    "time_taken": "taken",
    "sc_status": "status",
    "cs_method": "method",
    "cs_uri_stem": "stem",
    "x_edge_request_id": "id",
    "x_host_header": "x_host",
    "cs_host": "cs_host",
    "x_edge_location": "location",
    "x_edge_result_type": "result",
    "x_edge_detailed_result_type": "detail",
    "r_host": "origin",
}


class LogError(Exception):
    """Logs cannot be read as asked."""


def plain(name: str) -> str:
    """`timestamp(ms)` and `timestamp_ms` are one field."""
    return "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")


def read(spark: SparkSession, kind: str, paths: Sequence[str], fields: Sequence[str] = ()) -> DataFrame:
    """Rows of the logs under these paths. `fields` names those of logs without a header, in their order."""
    readers: dict[str, Callable[[], DataFrame]] = {
        STANDARD: lambda: _with_header(spark, paths) if not fields else _listed(spark, STANDARD, paths, fields),
        REAL_TIME: lambda: _listed(spark, REAL_TIME, paths, fields),
        V2_JSON: lambda: _json(spark, paths),
        V2_PARQUET: lambda: _parquet(spark, paths),
        ALB: lambda: _alb(spark, paths),
    }
    if kind == REAL_TIME and not fields:
        raise LogError("real-time records do not name their fields: say by --log-fields which they have, in their order")
    return readers[kind]()


def union(logs: Sequence[DataFrame]) -> DataFrame:
    """Rows of all of these."""
    return reduce(DataFrame.unionByName, logs)


def is_error() -> Column:
    """Whether a row tells of an error: a 5xx, or a result that is one behind a page of one's own; or the load balancer's."""
    result, status = F.col("result"), F.col("status")
    behind = result.isin("Error", "LimitExceeded", "CapacityExceeded") | result.endswith("ExecutionError")
    own = (F.col("kind") == ALB) & status.between(460, 464)
    return F.coalesce(status.between(500, 599) | own | (status.between(200, 399) & behind), F.lit(False))


def _lines(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    return spark.read.text(list(paths)).select("value", F.input_file_name().alias("file"))


def _split(line: Column) -> Column:
    """A line's values; what v2 logs separate by blanks has none within its values."""
    return F.when(line.contains("\t"), F.split(line, "\t")).otherwise(F.split(line, " "))


def _listed(spark: SparkSession, kind: str, paths: Sequence[str], fields: Sequence[str]) -> DataFrame:
    """Lines whose fields are known beforehand."""
    names = [plain(field) for field in fields]
    lines = _lines(spark, paths).where(~F.col("value").startswith("#")).select("file", _split(F.col("value")).alias("v"))
    fits = F.size("v") == len(names)
    values = {told: F.when(fits, F.col("v")[names.index(name)]) for name, told in _FIELDS.items() if name in names}
    return _row(lines, kind, values, real_time="cs_host" in names and kind == REAL_TIME)


def _with_header(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    """Lines whose fields are named by each file itself: older files have fewer."""
    lines = _lines(spark, paths)
    named = F.split(F.trim(F.substring("value", len("#Fields:") + 1, 1 << 16)), r"[\s,]+")
    header = lines.where(F.col("value").startswith("#Fields:")).groupBy("file").agg(F.first(named).alias("names"))
    normal = F.transform("names", lambda name: F.regexp_replace(F.lower(name), r"[^a-z0-9]+", "_"))
    normal = F.transform(normal, lambda name: F.trim(F.regexp_replace(name, r"_+$", "")))
    places = header.select(
        "file",
        F.size("names").alias("n"),
        *(F.array_position(normal, name).alias(f"at_{told}") for name, told in _FIELDS.items()),
    )
    rows = lines.where(~F.col("value").startswith("#")).select("file", _split(F.col("value")).alias("v"))
    rows = rows.join(F.broadcast(places), "file", "left")
    fits = F.size("v") == F.col("n")
    values = {
        told: F.when(fits & (F.col(f"at_{told}") > 0), F.col("v")[(F.col(f"at_{told}") - 1).cast("int")])
        for told in _FIELDS.values()
    }
    return _row(rows, STANDARD, values)


def _json(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    raw = "timestamp(ms)"
    names = {raw: "millis"} | {name.replace("_", "-"): told for name, told in _FIELDS.items() if name != "timestamp_ms"}
    schema = ", ".join(f"`{name}` string" for name in names)
    rows = spark.read.schema(schema).json(list(paths)).withColumn("file", F.input_file_name())
    return _row(rows, V2_JSON, {told: F.col(f"`{name}`") for name, told in names.items()})


def _parquet(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    rows = spark.read.parquet(*paths).withColumn("file", F.input_file_name())
    values = {
        _FIELDS[plain(name)]: F.col(f"`{name}`").cast("string") for name in rows.columns if plain(name) in _FIELDS
    }
    return _row(rows, V2_PARQUET, values)


def _row(rows: DataFrame, kind: str, values: Mapping[str, Column], real_time: bool = False) -> DataFrame:
    """CloudFront's values as a row."""

    def value(name: str) -> Column:
        column = values.get(name, F.lit(None).cast("string"))
        return F.when(~column.isin("-", ""), F.trim(column))

    stamp = value("timestamp").cast("double")
    # Twelve digits of seconds are the year 5138: what is larger are milliseconds.
    seconds = F.coalesce(value("millis").cast("double") / 1000, F.when(stamp < 1e11, stamp).otherwise(stamp / 1000))
    clock = F.to_timestamp(F.concat_ws(" ", value("date"), value("time")), "yyyy-MM-dd HH:mm:ss")
    by_clock = F.unix_timestamp(clock) * _SECOND
    fine = F.round(seconds * _SECOND).cast("long")
    taken = F.round(value("taken").cast("double") * _SECOND).cast("long")
    whole = F.coalesce(value("millis").isNull() & ~value("timestamp").contains("."), F.lit(True))
    return rows.select(
        F.lit(kind).alias("kind"),
        "file",
        F.coalesce(fine, by_clock).alias("ended"),
        (F.coalesce(fine, by_clock) - F.coalesce(F.greatest(taken, F.lit(0)), F.lit(0))).alias("started"),
        F.when(fine.isNull() | whole, F.lit(_SECOND)).otherwise(F.lit(1000)).alias("grain"),
        value("status").cast("int").alias("status"),
        value("method").alias("method"),
        decoded(value("cs_host" if real_time else "x_host")).alias("host"),
        F.substring_index(decoded(value("stem")), "?", 1).alias("path"),
        value("id").alias("request_id"),
        value("location").alias("location"),
        value("result").alias("result"),
        value("detail").alias("detail"),
        value("origin").alias("origin"),
        F.lit(None).cast("string").alias("server"),
    )


def decoded(text: Column) -> Column:
    """Undoes one encoding of a value, in which `+` is itself and a `%` that encodes nothing, too."""
    safe = F.regexp_replace(F.regexp_replace(text, r"%(?![0-9A-Fa-f]{2})", "%25"), r"\+", "%2B")
    return F.when(text.contains("%"), F.url_decode(safe)).otherwise(text)


def _alb(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    """Values separated by blanks, some of them in quotes: what is in quotes is every second part."""
    line = F.regexp_replace("value", r'\\"', "'")
    parts = _lines(spark, paths).select("file", F.split(line, '"').alias("q"))
    rows = parts.select("file", "q", F.split(F.trim(F.col("q")[0]), " ").alias("v"), F.split(F.col("q")[1], " ").alias("r"))
    fits = (F.size("v") >= 12) & (F.size("r") >= 2) & (F.size("q") >= 11)
    v = [F.when(fits & (F.col("v")[i] != "-"), F.col("v")[i]) for i in range(12)]
    ended = F.expr("unix_micros(to_timestamp(v[1]))")
    steps = [step.cast("double") for step in v[5:8]]
    taken = reduce(lambda a, b: a + b, [F.when(step > 0, step).otherwise(F.lit(0.0)) for step in steps])
    # Behind the name of the certificate: `priority time`, of which the time is when the request came.
    created = F.expr("unix_micros(to_timestamp(split(trim(q[10]), ' ')[1]))")
    url = F.col("r")[1]
    path = F.regexp_replace(F.substring_index(url, "?", 1), r"^[a-z]+://[^/]*", "")
    none = F.lit(None).cast("string")
    return rows.select(
        F.lit(ALB).alias("kind"),
        "file",
        F.when(fits, ended).alias("ended"),
        F.when(fits, F.coalesce(created, ended - F.round(taken * _SECOND).cast("long"))).alias("started"),
        F.lit(1000).alias("grain"),
        v[8].cast("int").alias("status"),
        F.when(fits, F.col("r")[0]).alias("method"),
        F.when(fits & (F.col("q")[7] != "-"), F.col("q")[7]).alias("host"),
        F.when(fits, F.when(path == "", "/").otherwise(path)).alias("path"),
        none.alias("request_id"),
        none.alias("location"),
        none.alias("result"),
        none.alias("detail"),
        none.alias("origin"),
        v[4].alias("server"),
    )
