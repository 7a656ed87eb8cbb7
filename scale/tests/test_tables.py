"""The tables as engines read them: pyarrow, DuckDB and Spark see what the JSON report of the same captures says."""

from __future__ import annotations

import calendar
import json
import resource
import struct
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow  # type: ignore[import-untyped]
import pyarrow.dataset  # type: ignore[import-untyped]
import pytest
from pyspark.sql import SparkSession

from . import pcap
from .conftest import CAPTURES

TABLES = ("connections", "exchanges", "findings", "captures")
Report = dict[str, Any]


class Made(NamedTuple):
    """The report of every capture, by its unit, and their tables."""

    reports: dict[str, Report]
    tables: Path


@pytest.fixture(scope="module")
def made(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Made:
    tables = tmp_path_factory.mktemp("tables")
    reports = {}
    for path in sorted(CAPTURES.glob("**/capture.pcap*")):
        unit = str(path.parent.relative_to(CAPTURES)).replace("/", "_")
        keys = path.with_name("keys.log")
        options = ["--keylog", str(keys)] if keys.exists() else []
        shown = subprocess.run([binary, "analyze", "--format", "json", *options, path], capture_output=True, check=False)
        written = subprocess.run(
            [binary, "analyze", "--format", "parquet", "-o", tables, "--unit", unit, "--capture-host", "web-1",
             "--partition-by", "date,host", *options, path], check=False, capture_output=True,
        )  # fmt: skip
        assert shown.returncode == written.returncode < 2, path
        reports[unit] = json.loads(shown.stdout)
    assert len(reports) > 400
    return Made(reports, tables)


def connections(made: Made) -> list[Report]:
    return [c for report in made.reports.values() for c in report["connections"]]


def nanoseconds(text: str) -> int:
    """Of a time as the report writes it."""
    seconds, fraction = text.removesuffix("Z").split(".")
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * 1_000_000_000 + int(fraction)


def as_reported(value: Any) -> Any:
    """A value of a table in the shape of the report: of a time, what its nanoseconds say."""
    if isinstance(value, list):
        return [as_reported(each) for each in value]
    if isinstance(value, dict):
        twins = {name.removesuffix("_ns") for name in value if name.endswith("_ns")}
        return {name: as_reported(each) for name, each in value.items() if name not in twins}
    return value


def as_tabled(value: Any, paths: list[str]) -> Any:
    """A value of the report in the shape of a table's."""
    if isinstance(value, list):
        return [as_tabled(each, paths) for each in value]
    if isinstance(value, dict):
        shaped: dict[str, Any] = {}
        for name, each in value.items():
            if name in ("capture", "wireshark_capture"):
                shaped[name + "_path"] = paths[each]
            elif name in ("time", "first_time", "last_time", "not_before", "not_after", "judged_at"):
                shaped[name + "_ns"] = None if each is None else nanoseconds(each)
            else:
                shaped[name] = as_tabled(each, paths)
        return shaped
    return value


def test_pyarrow_reads_every_row_as_it_was_reported(made: Made) -> None:
    dataset = pyarrow.dataset.dataset(made.tables / "connections", format="parquet", partitioning="hive")
    rows = {(row["unit"], row["id"]): row for row in dataset.to_table().to_pylist()}
    assert len(rows) == len(connections(made))
    for unit, report in made.reports.items():
        paths = [capture["path"] for capture in report["captures"]]
        for connection in report["connections"]:
            row = rows[unit, connection["id"]]
            assert (str(row.pop("date")), row.pop("host")) == (connection["first_time"][:10], "web-1")
            shared = {name: each for name, each in row.items() if name not in ("unit", "capture_host")}
            told = {name: each for name, each in connection.items() if name not in ("http", "findings")}
            assert as_reported(shared) == as_tabled(told, paths), unit


def meant(schema: Report, part: Report) -> tuple[Report, bool]:
    """What a part of a JSON Schema describes beside null, and whether it may be null."""
    if "$ref" in part:
        return meant(schema, schema["$defs"][part["$ref"].removeprefix("#/$defs/")])
    for name in ("oneOf", "anyOf"):
        if name in part:
            kinds = [kind for kind in part[name] if kind.get("type") != "null"]
            described, null = meant(schema, kinds[0])
            return described, null or len(kinds) < len(part[name])
    kind = part.get("type")
    return part, isinstance(kind, list) and "null" in kind


def misfits(schema: Report, part: Report, field: pyarrow.Field, elsewhere: tuple[str, ...] = ()) -> list[str]:
    """What a report may say and a field cannot hold."""
    described, null = meant(schema, part)
    found = [] if null == field.nullable or elsewhere else [f"{field.name}: null or not"]
    if pyarrow.types.is_list(field.type):
        found += misfits(schema, described["items"], field.type.value_field)
    if pyarrow.types.is_struct(field.type):
        fields = {below.name: below for below in field.type}
        for name, below in described["properties"].items():
            held = fields.get(name) or fields.get(f"{name}_path")
            if held is not None:
                found += [f"{name}.{misfit}" for misfit in misfits(schema, below, held)]
            elif name not in elsewhere:
                found.append(f"{name} is missing")
    return found


def test_whatever_a_report_may_say_has_a_place(made: Made) -> None:
    schema = json.loads((CAPTURES.parent / "schemas" / "report.v1.json").read_text())
    rows_of = {"connections": "connection", "exchanges": "exchange", "findings": "finding", "captures": "capture"}
    for table, name in rows_of.items():
        dataset = pyarrow.dataset.dataset(made.tables / table, format="parquet")
        row = pyarrow.field(table, pyarrow.struct(list(dataset.schema)), nullable=False)
        assert misfits(schema, schema["$defs"][name], row, ("http", "findings")) == [], table


# In the words of DuckDB, and of Spark where they are others.
QUESTIONS = {
    "causes": """SELECT coalesce(verdict.cause, ''), count(*), sum(packets.to_server + packets.to_client), sum(http_total)
                 FROM connections GROUP BY 1""",
    "nulls": """SELECT count(*), count(tls), count(tls.client_hello.sni), count(tcp.handshake_rtt_us), count(http2),
                count(proxy_protocol.source) FROM connections""",
    "lists": """SELECT sum(len(tls.client_hello.ciphers)), sum(len(tls.certificates)), sum(len(encapsulation)),
                max(len(verdict.limits)) FROM connections""",
    "times": """SELECT min(epoch_us(first_time)), max(epoch_us(last_time)), min(first_time_ns), max(last_time_ns)
                FROM connections""",
    "statuses": """SELECT coalesce(response.status, 0), count(*), coalesce(sum(response.body_bytes), 0),
                   count(first_byte_us) FROM exchanges GROUP BY 1""",
    "evidence": "SELECT count(*), sum(e.frame), max(e.time_ns) FROM (SELECT unnest(evidence) AS e FROM findings)",
    "verdicts": "SELECT confidence, count(*) FROM findings WHERE is_verdict GROUP BY 1",
    "captures": "SELECT sum(frames), sum(bytes), sum(len(problems)), count(DISTINCT unit) FROM captures",
}
FOR_SPARK = {"epoch_us(": "unix_micros(", "len(": "array_size(", "unnest(": "explode("}


def answers(made: Made) -> dict[str, Counter[tuple[Any, ...]]]:
    """What the reports say to these questions."""
    everything = connections(made)
    causes: dict[str, list[int]] = {}
    statuses: dict[int, list[int]] = {}
    for c in everything:
        sums = causes.setdefault(c["verdict"]["cause"] or "", [0, 0, 0])
        packets = c["packets"]["to_server"] + c["packets"]["to_client"]
        causes[c["verdict"]["cause"] or ""] = [sums[0] + 1, sums[1] + packets, sums[2] + c["http_total"]]
        for e in c["http"]:
            response = e["response"] or {"status": 0, "body_bytes": 0}
            sums = statuses.setdefault(response["status"], [0, 0, 0])
            timed = int(e["first_byte_us"] is not None)
            statuses[response["status"]] = [sums[0] + 1, sums[1] + response["body_bytes"], sums[2] + timed]
    tls = [c["tls"] for c in everything if c["tls"]]
    hellos = [t["client_hello"] for t in tls if t["client_hello"]]
    findings = [f for c in everything for f in c["findings"]]
    verdicts = Counter(c["findings"][0]["confidence"] for c in everything if c["verdict"]["cause"] and c["findings"])
    cited = [e for f in findings for e in f["evidence"]]
    captures = [capture for report in made.reports.values() for capture in report["captures"]]
    first = min(nanoseconds(c["first_time"]) for c in everything)
    last = max(nanoseconds(c["last_time"]) for c in everything)
    told: dict[str, list[tuple[Any, ...]]] = {
        "causes": [(cause, *sums) for cause, sums in causes.items()],
        "nulls": [(
            len(everything), len(tls), sum(h["sni"] is not None for h in hellos),
            sum(c["tcp"]["handshake_rtt_us"] is not None for c in everything), sum(c["http2"] is not None for c in everything),
            sum((c["proxy_protocol"] or {}).get("source") is not None for c in everything),
        )],
        "lists": [(
            sum(len(h["ciphers"]) for h in hellos), sum(len(t["certificates"]) for t in tls),
            sum(len(c["encapsulation"]) for c in everything), max(len(c["verdict"]["limits"]) for c in everything),
        )],
        "times": [(first // 1000, last // 1000, first, last)],
        "statuses": [(status, *sums) for status, sums in statuses.items()],
        "evidence": [(len(cited), sum(e["frame"] for e in cited), max(nanoseconds(e["time"]) for e in cited))],
        "verdicts": list(verdicts.items()),
        "captures": [(
            sum(c["frames"] for c in captures), sum(c["bytes"] for c in captures),
            sum(len(c["problems"]) for c in captures), len(made.reports),
        )],
    }  # fmt: skip
    return {name: Counter(rows) for name, rows in told.items()}


def test_duckdb_and_spark_answer_as_the_reports_do(made: Made, spark: SparkSession) -> None:
    database = duckdb.connect()
    for table in TABLES:
        files = f"{made.tables}/{table}/**/*.parquet"
        database.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")
        spark.read.parquet(f"{made.tables}/{table}").createOrReplaceTempView(table)
    expected = answers(made)
    for name, question in QUESTIONS.items():
        ours = Counter(tuple(row) for row in database.execute(question).fetchall())
        assert ours == expected[name], name
        for word, other in FOR_SPARK.items():
            question = question.replace(word, other)
        theirs = Counter(tuple(row) for row in spark.sql(question).collect())
        assert theirs == expected[name], name


def test_a_hundred_thousand_connections_in_constant_memory(binary: str, spark: SparkSession, tmp_path: Path) -> None:
    refused = pcap.read(CAPTURES / "tcp" / "port-closed" / "nothing-listens" / "capture.pcap")
    assert refused is not None
    syn, rst = refused[0], refused[1]
    count = 100_000

    def of_client(data: bytes, at: int, number: int) -> bytes:
        """The same packet of another client: its address and checksums as the card has yet to fill them in."""
        ip = bytearray(data)
        struct.pack_into(">I", ip, at, 0x82B0_0000 + number)
        return bytes(ip)

    records = []
    for number in range(count):
        begin = syn.micros + number * 50
        records.append(pcap.Record(begin, syn.length, of_client(syn.data, 26, number)))
        records.append(pcap.Record(begin + 20, rst.length, of_client(rst.data, 30, number)))
    pcap.write(tmp_path / "many.pcap", records)
    capture, out = tmp_path / "many.pcap", tmp_path / "out"
    ended = subprocess.run([binary, "analyze", "--format", "parquet", "-o", out, capture], check=False)
    assert ended.returncode < 2
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    rows = spark.read.parquet(f"{tmp_path}/out/connections")
    assert rows.count() == count == rows.select("client.ip").distinct().count()
    assert rows.where("verdict.cause = 'tcp.port-closed'").count() == count
    files = f"{tmp_path}/out/connections/*.parquet"
    groups = duckdb.connect().execute(f"SELECT count(DISTINCT row_group_id) FROM parquet_metadata('{files}')").fetchall()
    assert groups[0][0] > 1
    assert peak < 700_000, "kilobytes, of the largest process so far"
