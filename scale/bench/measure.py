"""What Spark costs: overhead of a unit, throughput of a core beside the bare binary, and two workers beside one.

    python bench/measure.py BINARY CAPTURE [BYTES]

CAPTURE is cut to BYTES (1 GiB), which are a unit; the file is in the page cache. Medians of three. Needs what the tests need.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyspark.sql import SparkSession

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.conftest import CAPTURES, Cluster
from why502_scale.__main__ import session
from why502_scale.captures import Rules
from why502_scale.job import bring_binary, run_units
from why502_scale.unit import Settings

RUNS = 3
LARGE_UNITS = 6
SMALL_UNITS = 40
SMALL = CAPTURES / "tls" / "no-common-version" / "nginx-tls13-only" / "capture.pcap"


def timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def bare(binary: str, capture: Path, directory: Path) -> float:
    """Seconds of the binary alone."""
    out = directory / "bare"
    command = [binary, "analyze", "--format", "parquet", "-o", str(out), "--threads", "1", str(capture)]
    return statistics.median(timed(command) for _ in range(RUNS))


def on_spark(binary: str, directory: Path, workers: int, hosts: dict[str, Path]) -> float:
    """Seconds of a job over these captures, each a unit, by workers of one core."""
    (directory / "logs").mkdir(exist_ok=True)
    cluster = Cluster(directory / "logs")
    for _ in range(workers):
        cluster.add_worker()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.master(cluster.url).config("spark.executor.memory", "768m")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
    spark = session(builder.config("spark.executor.cores", "1").config("spark.ui.showConsoleProgress", "false").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    try:
        path, version = bring_binary(spark, binary)
        inputs = directory / f"in-{len(hosts)}"
        for host, capture in hosts.items():
            (inputs / host).mkdir(parents=True, exist_ok=True)
            link = inputs / host / "a.pcap"
            if not link.exists():
                link.symlink_to(capture)
        # Everything is loaded once before anything is timed.
        times = []
        for run in range(RUNS + 1):
            out = directory / f"out-{workers}-{len(hosts)}-{run}"
            began = time.monotonic()
            run_units(spark, [f"{inputs}/*/*.pcap"], Rules(unit_bytes=1), Settings(str(out), path, version))
            times.append(time.monotonic() - began)
            shutil.rmtree(out)
        return statistics.median(times[1:])
    finally:
        spark.stop()
        cluster.stop()


def main() -> None:
    binary, capture = os.path.realpath(sys.argv[1]), Path(sys.argv[2])
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 30
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        unit = directory / "unit.pcap"
        with capture.open("rb") as source, unit.open("wb") as target:
            # The last packet is cut, which the binary says and goes on.
            target.write(source.read(size))
        size = unit.stat().st_size
        alone, small = bare(binary, unit, directory), bare(binary, SMALL.resolve(), directory)
        print(f"bare binary: {alone:.2f} s for {size >> 20} MiB, {small:.3f} s for a small capture", flush=True)
        little = on_spark(binary, directory, 1, {f"h{i}": SMALL.resolve() for i in range(SMALL_UNITS)})
        print(f"{SMALL_UNITS} small units, one core: {little:.2f} s; overhead {little / SMALL_UNITS - small:.3f} s a unit")
        large = {f"h{i}": unit for i in range(LARGE_UNITS)}
        one, two = (on_spark(binary, directory, workers, large) for workers in (1, 2))
        share = LARGE_UNITS * alone / one
        print(f"{LARGE_UNITS} large units, one core: {one:.2f} s; throughput {share:.2f} of the bare binary")
        print(f"{LARGE_UNITS} large units, two workers of one core: {two:.2f} s; {one / two:.2f} times one")


if __name__ == "__main__":
    main()
