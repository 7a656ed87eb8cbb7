"""Logs of each kind joined with a capture of which the truth is known, and two million rows that are joined as they should."""

from __future__ import annotations

import collections
import gzip
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from why502_scale import answer, join, logs
from why502_scale.__main__ import session
from why502_scale.tables import Tables, marked, tables

from .conftest import INCIDENT, INTERPRETED

# Rows of errors by what became of them, as the edge that wrote the logs knows it.
TRUTH = {
    ("app.origin-502", "id"): 12,
    ("http.closed-before-response", "id"): 12,
    ("http.response-timeout", "id"): 6,
    ("tcp.port-closed", "time"): 10,
    ("tls.certificate-expired", "time"): 10,
    (None, None): 10,
}
RETRIED = 8
ROWS = 2_000_000
SPAN = "capture_host string, first_time_ns long, last_time_ns long"


@pytest.fixture(scope="module")
def seen(spark: SparkSession, incident: Path) -> Tables:
    return tables(spark, str(incident))


@pytest.fixture(scope="module")
def read(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """The same requests from logs of each kind, and once more as if their identifiers were not known."""
    parquet = tmp_path_factory.mktemp("logs") / "v2.parquet"
    with duckdb.connect() as connection:
        rows = f"select columns('(.*)') as '\\1' from read_json('{INCIDENT}/v2.json.gz', format = 'newline_delimited')"
        names = [row[0] for row in connection.execute(f"describe {rows}").fetchall()]
        renamed = ", ".join(f'cast("{name}" as varchar) as {logs.plain(name)}' for name in names)
        connection.execute(f"copy (select {renamed} from ({rows})) to '{parquet}' (format parquet)")
    fields = (INCIDENT / "real-time.fields").read_text().strip().split(",")
    standard = logs.read(spark, logs.STANDARD, [f"{INCIDENT}/standard.log.gz"])
    nameless = standard.withColumn("request_id", F.lit(None).cast("string")).withColumn("kind", F.lit("nameless"))
    return logs.union(
        [
            standard,
            nameless,
            logs.read(spark, logs.V2_JSON, [f"{INCIDENT}/v2.json.gz"]),
            logs.read(spark, logs.V2_PARQUET, [str(parquet)]),
            logs.read(spark, logs.REAL_TIME, [f"{INCIDENT}/real-time.tsv.gz"], fields),
            logs.read(spark, logs.ALB, [f"{INCIDENT}/load-balancer.log.gz"]),
        ]
    )


def test_logs_of_each_kind_say_the_same(read: DataFrame) -> None:
    told = read.groupBy("kind").agg(
        F.count("*").alias("rows"),
        F.sum(logs.is_error().cast("int")).alias("errors"),
        F.sum(F.col("ended").isNull().cast("int")).alias("unread"),
        F.count_distinct("path").alias("paths"),
        F.count_distinct("host").alias("hosts"),
    )
    rows = {row.kind: row[1:] for row in told.collect()}
    assert set(rows) == {*logs.KINDS, "nameless"}
    assert rows.pop(logs.ALB)[0] == 2_000
    assert set(rows.values()) == {rows[logs.STANDARD]}
    assert rows[logs.STANDARD][:3] == (2_000, 60, 0)


def test_answers_are_the_truth(read: DataFrame, seen: Tables) -> None:
    told = join.joined(read, seen).collect()
    assert not [row for row in told if row.error and row.answer == join.NOT_COVERED]
    for kind in (logs.STANDARD, logs.V2_JSON, logs.V2_PARQUET, logs.REAL_TIME):
        rows = [row for row in told if row.kind == kind]
        errors = collections.Counter((row.cause, row.by) for row in rows if row.error)
        assert errors == TRUTH, kind
        never = {row.answer for row in rows if row.error and row.cause is None}
        assert never <= {join.NEVER, join.NO_FAILURE, join.UNDECIDED}
        retried = [row for row in rows if not row.error]
        assert {row.cause for row in retried} == {"http.closed-before-response"}
        assert len(retried) == RETRIED
        assert all(row.attempts > 1 for row in retried)
        assert all(row.capture_host == "web-1" and row.unit for row in rows if row.by == "id")
    # Each identifier is answered as the edge that sent the request would.
    with gzip.open(INCIDENT / "truth.tsv.gz", "rt") as lines:
        truth = {name: fate for name, _, fate in (line.rstrip("\n").split("\t") for line in lines)}
    fates = {"never": None, "retried": "http.closed-before-response"}
    for row in told:
        if row.kind == logs.STANDARD:
            assert row.cause == fates.get(truth[row.request_id], truth[row.request_id])
    # By time and path, where no identifier tells: the same causes.
    nameless = collections.Counter((row.cause, row.by) for row in told if row.kind == "nameless")
    assert nameless == {(cause, "path" if by == "id" else by): n for (cause, by), n in TRUTH.items()}
    # A load balancer tells its target: what it could not reach is not on this host's port 80.
    balanced = collections.Counter(row.cause for row in told if row.kind == logs.ALB and row.error and row.cause)
    assert balanced["app.origin-502"] == 12
    assert balanced["http.closed-before-response"] >= 12


@pytest.fixture
def compiled(spark: SparkSession) -> Iterator[None]:
    """Queries of many rows are worth compiling."""
    for name in INTERPRETED:
        spark.conf.unset(name)
    yield
    for name, value in INTERPRETED.items():
        spark.conf.set(name, value)


def asked(seen: Tables) -> DataFrame:
    """A row of a log for each request that was captured."""
    return seen.exchanges.where("request.cf_id is not null").select(
        F.floor(F.col("request.time_ns") / 1_000_000).cast("string"), "request.cf_id", "request.method", "request.target",
        F.lit("502"), F.lit("FRA56-P3"), F.lit("0.1"), F.lit("OriginCommError"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def many(spark: SparkSession, seen: Tables, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """These among two million others."""
    path = str(tmp_path_factory.mktemp("many") / "logs")
    first = seen.connections.agg(F.min(F.floor(F.col("first_time_ns") / 1_000_000))).first()
    assert first
    n = F.col("id")
    generated = spark.range(ROWS).select(
        (F.lit(first[0]) + n % 86_400_000).cast("string").alias("timestamp_ms"),
        F.concat(F.lit("generated-"), n).alias("x_edge_request_id"),
        F.lit("GET").alias("cs_method"),
        F.concat(F.lit("/page/"), n % 1_000, F.lit("/0")).alias("cs_uri_stem"),
        F.when(n % 100 == 0, "502").otherwise("200").alias("sc_status"),
        F.lit("FRA56-P3").alias("x_edge_location"),
        F.lit("0.1").alias("time_taken"),
        F.when(n % 100 == 0, "OriginDnsError").otherwise("Miss").alias("x_edge_detailed_result_type"),
    )
    generated.union(asked(seen)).write.parquet(path)
    return logs.read(spark, logs.V2_PARQUET, [path])


@pytest.mark.usefixtures("compiled")
def test_two_million_rows_are_joined_by_equal_values(spark: SparkSession, seen: Tables, many: DataFrame) -> None:
    told, merges = [], []
    # As they come, and where nothing is small enough to be sent to all executors.
    for threshold in ("10m", "-1"):
        spark.conf.set("spark.sql.autoBroadcastJoinThreshold", threshold)
        answer = join.joined(many, seen)
        plan = answer._jdf.queryExecution().toString()
        for product in ("CartesianProduct", "BroadcastNestedLoopJoin", "Join Cross", "CollectLimit", "CollectTail"):
            assert product not in plan
        # Nor does a row's name depend on where it was read.
        assert "monotonically_increasing_id" not in plan
        merges.append(answer._jdf.queryExecution().executedPlan().toString().count("SortMergeJoin"))
        whole = F.sum(F.xxhash64(*answer.columns).cast("decimal(38)"))
        by = answer.groupBy("by").agg(F.count("*").alias("n"), F.count("cause").alias("causes"), whole.alias("whole"))
        told.append({row.by: row for row in by.collect()})
    spark.conf.unset("spark.sql.autoBroadcastJoinThreshold")
    assert merges[0] < merges[1]
    # Whichever way they are joined, every value of every row is the same.
    assert told[0] == told[1]
    counts, requests = told[0], asked(seen)
    distinct = requests.select("cf_id").distinct().count()
    assert counts["id"].n == requests.count() >= distinct > 1_900
    # The truth of the capture: what failed at the host, and each of these once for each row.
    assert counts["id"].causes >= 38
    assert sum(row.n for row in counts.values()) == ROWS // 100 + requests.count()


def test_the_rest_of_a_long_connection_is_marked(spark: SparkSession) -> None:
    rows = [
        ("u1", "web-1", "1:a", 1, True, "open", "edge"),
        ("u2", "web-1", "1:a", 5, False, "fin", "edge"),
        ("u2", "web-1", "1:b", 5, False, "fin", "edge"),
        ("u2", "web-2", "1:a", 6, False, "fin", "other"),
        ("u3", "web-1", "1:a", 9, True, "fin", "edge"),
    ]
    flat = spark.createDataFrame(
        rows, "unit string, capture_host string, community_id string, first_time_ns long, syn boolean, end string, role string"
    )
    told = marked(flat.withColumn("tcp", F.struct("syn", "end")).drop("syn", "end")).collect()
    assert [(row.unit, row.community_id) for row in told if row.continues] == [("u2", "1:a")]
    counted = {(row.unit, row.capture_host, row.community_id) for row in told if row.counted}
    # On web-2 there is no connection of the edge's: all count.
    assert counted == {("u1", "web-1", "1:a"), ("u2", "web-1", "1:b"), ("u2", "web-2", "1:a"), ("u3", "web-1", "1:a")}


def test_nothing_is_said_to_be_what_its_own_row_denies(read: DataFrame, seen: Tables) -> None:
    def of_another_host(table: DataFrame) -> DataFrame:
        """Another host with the same requests at the same time, which sorts before the first."""
        return table.withColumn("unit", F.lit("!")).withColumn("capture_host", F.lit("web-2"))

    server = F.col("server").withField("ip", F.lit("10.0.0.6"))
    twins = Tables(
        seen.connections.union(of_another_host(seen.connections).withColumn("server", server)),
        *(table.union(of_another_host(table)) for table in (seen.exchanges, seen.findings, seen.captures)),
    )
    nameless = read.where((F.col("kind") == "nameless") & logs.is_error())
    named = nameless.withColumn("request_id", F.concat(F.lit("other-"), "path")).withColumn("kind", F.lit("named"))
    served = seen.exchanges.where("outcome = 'ok' and request.cf_id is not null").first()
    assert served
    one, micros = nameless.limit(1), F.lit(served.request.time_ns // 1000)
    warm = one.withColumns({"started": micros, "ended": micros, "path": F.lit(served.request.target), "method": F.lit("GET")})
    error, connect = (warm.withColumns({"detail": F.lit(s), "kind": F.lit(s)}) for s in ("Error", "OriginConnectError"))
    # Two rows that say the same are two.
    told = join.joined(logs.union([read.where(F.col("kind") == logs.ALB), named, error, error, connect]), twins).collect()
    balanced = [row for row in told if row.kind == logs.ALB and row.cause]
    assert {row.by for row in balanced} == {"path", "time"}
    # Every row names 10.0.0.5 for its target.
    assert {row.capture_host for row in balanced} <= {"web-1", None}
    assert {row.capture_host for row in balanced if row.by == "path"} == {"web-1"}
    assert {row.by for row in told if row.kind == "named"} == {"time", None}
    assert [row.by for row in told if row.kind == "Error"] == ["path", "path"]
    assert [row.cause for row in told if row.kind == "OriginConnectError" and row.by == "path"] == []


@pytest.fixture
def new_york() -> Iterator[None]:
    """The driver's own time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_hours_are_utc_wherever_the_driver_is(spark: SparkSession) -> None:
    failed = spark.sql("select 'FRA56' as location, timestamp '2026-11-28 03:00:00 UTC' as hour, 'c' as cause, 1L as requests")
    assert list(answer._locations(failed))[1].split() == ["1", "FRA56", "2026-11-28", "03", "c"]


def test_a_capture_of_many_days_covers_them_all(spark: SparkSession, seen: Tables) -> None:
    days = 5
    first = 1_795_000_030_000_000_000
    span = spark.createDataFrame([("web-1", first, first + days * 86_400 * 10**9)], SPAN)
    minutes = [row.minute for row in join._covered(replace(seen, captures=span)).orderBy("minute").collect()]
    assert minutes == list(range(minutes[0], minutes[0] + days * 1_440 + 1))
    assert minutes[0] == first // (60 * 10**9)


def test_a_time_that_cannot_be_read_is_null(spark: SparkSession, tmp_path: Path) -> None:
    # As Spark 3 comes; Spark 2 would have read these.
    spark.conf.set("spark.sql.legacy.timeParserPolicy", "EXCEPTION")
    session(spark)
    (tmp_path / "log").write_text("#Fields: date time sc-status\n2026-11-28\t9:1:1\t502\n2026-11-28\t09:01:01\t502\n")
    ended = [row.ended for row in logs.read(spark, logs.STANDARD, [f"{tmp_path}/log"]).collect()]
    assert ended == [None, 1_795_856_461_000_000]


def test_paths_are_those_of_connections_that_count(seen: Tables) -> None:
    def failed(tables: Tables) -> int:
        return sum(row.exchanges for row in answer.causes_by_path(tables).collect())

    health = F.when(F.col("id") % 2 == 0, F.col("counted")).otherwise(False)
    some = replace(seen, connections=seen.connections.withColumn("counted", health))
    assert 0 < failed(some) < failed(seen)
