"""The queries of docs/fleet.md run as they stand there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import duckdb
import pyarrow  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
from pyspark.sql import SparkSession

from why502_scale.__main__ import main
from why502_scale.tables import tables

from . import fleet
from .conftest import ROOT


def test_duckdb_runs_the_queries_of_the_page(incident: Path) -> None:
    page = (ROOT / "docs" / "fleet.md").read_text()
    queries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert len(queries) == 4
    with duckdb.connect() as connection:
        told = [connection.execute(query.replace("DIR", str(incident))).fetchall() for query in queries]
    causes, proofs, paths, missing = told
    assert ("web-1", "http.closed-before-response", 44) in {row[:3] for row in causes}
    assert {row[0] for row in proofs} == {row[1] for row in causes}
    assert paths
    assert missing == []


def test_the_binary_and_spark_read_each_others_tables(
    spark: SparkSession, incident: Path, binary: str, tmp_path: Path
) -> None:
    told = subprocess.run([binary, "report", str(incident)], capture_output=True, text=True, check=False)
    assert told.returncode == 1, told.stderr
    alone = tmp_path / "alone"
    command = [binary, "fleet", str(incident.parent / "captures"), "-o", str(alone)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    own = subprocess.run([binary, "report", str(alone)], capture_output=True, text=True, check=False)
    assert re.findall(r"[\d,]+ connections?\b.*", told.stdout) == re.findall(r"[\d,]+ connections?\b.*", own.stdout) != []
    assert main(["-o", str(alone)]) == 0
    assert fleet.rows(alone, "answer/causes_by_host") == fleet.rows(incident, "answer/causes_by_host")
    # What is not finished is not told.
    units = pyarrow.parquet.read_table(alone / "units")
    failed = units.set_column(units.schema.get_field_index("status"), "status", pyarrow.array(["failed"]))
    pyarrow.parquet.write_table(failed, next((alone / "units").glob("*.parquet")))
    assert tables(spark, str(alone)).connections.count() == 0


def test_the_summary_reads_as_it_should(incident: Path) -> None:
    text = (incident / "answer" / "summary.txt").read_text()
    for line in (
        "Units: 1 done",
        "Connections that count: 165, of 1 host\n",
        "44  http.closed-before-response on 1 host\n",
        "FRA56-P3 2026-11-28 17 app.origin-502",
    ):
        assert line in text
    tables = {path.name for path in (incident / "answer").iterdir() if path.is_dir()}
    page = (ROOT / "docs" / "fleet.md").read_text()
    assert all(f"`{table}`" in page for table in tables)
    assert len(tables) == 7
