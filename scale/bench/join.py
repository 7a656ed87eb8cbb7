"""A generated log of many rows joined with a capture's tables, within so much memory.

    python bench/join.py BINARY [ROWS]

50 million rows by default, by one Spark process of two cores with a heap of 4 GiB. Prints the joins of the plan, the seconds,
and the most memory that the process had.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.conftest import INCIDENT
from why502_scale import join, logs
from why502_scale.__main__ import session
from why502_scale.captures import Rules
from why502_scale.job import bring_binary, run_units
from why502_scale.tables import tables
from why502_scale.unit import Settings

DAY_MS = 86_400_000


def main() -> None:
    binary, rows = os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 50_000_000
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "4g").config("spark.ui.enabled", "false")
    spark = session(builder.config("spark.ui.showConsoleProgress", "false").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        directory = Path(name)
        (directory / "captures" / "web-1").mkdir(parents=True)
        (directory / "captures" / "web-1" / "a.pcap").symlink_to(INCIDENT / "capture.pcap")
        path, version = bring_binary(spark, binary)
        out = str(directory / "out")
        run_units(spark, [f"{directory}/captures/*/*.pcap"], Rules(), Settings(out, path, version))
        seen = tables(spark, out)
        first = seen.connections.agg(F.min(F.floor(F.col("first_time_ns") / 1_000_000))).first()
        assert first
        began = time.monotonic()
        n = F.col("id")
        generated = spark.range(rows).select(
            (F.lit(first[0]) + n % DAY_MS).cast("string").alias("timestamp_ms"),
            F.concat(F.lit("generated-"), F.sha1(n.cast("string"))).alias("x_edge_request_id"),
            F.lit("GET").alias("cs_method"),
            F.concat(F.lit("/page/"), n % 1_000, F.lit("/0")).alias("cs_uri_stem"),
            F.when(n % 100 == 0, "502").otherwise("200").alias("sc_status"),
            F.lit("FRA56-P3").alias("x_edge_location"),
            F.lit("0.1").alias("time_taken"),
            F.when(n % 100 == 0, "OriginConnectError").otherwise("Miss").alias("x_edge_detailed_result_type"),
        )
        generated.write.parquet(f"{directory}/logs")
        print(f"{rows:,} rows generated in {time.monotonic() - began:.0f} s", flush=True)
        told = join.joined(logs.read(spark, logs.V2_PARQUET, [f"{directory}/logs"]), seen)
        print(sorted(set(re.findall(r"\w*(?:Join|Cartesian)\w*", told._jdf.queryExecution().executedPlan().toString()))))
        began = time.monotonic()
        told.write.parquet(f"{directory}/told")
        print(f"joined in {time.monotonic() - began:.0f} s", flush=True)
        spark.read.parquet(f"{directory}/told").groupBy("answer", "by").count().show()
        jvm = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
        status = Path(f"/proc/{jvm}/status").read_text()
        print(next(line for line in status.splitlines() if line.startswith("VmHWM")))


if __name__ == "__main__":
    main()
