"""What Spark costs: the time of a job and of each of its units beside the bare binary, and two workers beside one.

    python bench/measure.py BINARY CAPTURE [UNITS]

Each unit is the whole CAPTURE, by links to one file that is in the page cache. Jobs of UNITS (48) and of a quarter of that
give a line: what a job costs, and what each unit of it does. All figures but the first job's are medians of three. Needs what
the tests need.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import SparkSession

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.conftest import Cluster
from why502_scale.__main__ import session
from why502_scale.captures import Rules
from why502_scale.job import bring_binary, run_units
from why502_scale.unit import Settings

RUNS = 3


def median(run: Callable[[], object]) -> float:
    """Seconds of it."""
    times = []
    for _ in range(RUNS):
        began = time.monotonic()
        run()
        times.append(time.monotonic() - began)
    return statistics.median(times)


def bare(binary: str, capture: Path, directory: Path, units: int, at_once: int) -> float:
    """Seconds of the binary alone, as often as there are units."""

    def one(unit: int) -> None:
        out = str(directory / f"bare-{unit}")
        command = [binary, "analyze", "--format", "parquet", "-o", out, "--threads", "1", str(capture)]
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert done.returncode in (0, 1, 2)
        shutil.rmtree(out)

    with ThreadPoolExecutor(at_once) as pool:
        return median(lambda: list(pool.map(one, range(units))))


def on_spark(binary: str, capture: Path, directory: Path, workers: int, counts: list[int]) -> list[float]:
    """Seconds of jobs of so many units by workers of one core, behind those of the first one with Spark's start."""
    directory.mkdir()
    cluster = Cluster(directory)
    for _ in range(workers):
        cluster.add_worker()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    began = time.monotonic()
    builder = SparkSession.builder.master(cluster.url).config("spark.executor.memory", "768m")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
    spark = session(builder.config("spark.executor.cores", "1").config("spark.ui.showConsoleProgress", "false").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    try:
        path, version = bring_binary(spark, binary)
        out = directory / "out"

        def job(units: int) -> None:
            run_units(spark, [f"{directory}/in-{units}/*/*.pcap"], Rules(unit_bytes=1), Settings(str(out), path, version))
            assert len(list(out.glob("records/*.json"))) == units
            shutil.rmtree(out)

        for units in counts:
            for unit in range(units):
                link = directory / f"in-{units}" / f"host-{unit}" / "a.pcap"
                link.parent.mkdir(parents=True)
                link.symlink_to(capture)
        job(counts[0])
        first = time.monotonic() - began
        return [first, *(median(lambda units=units: job(units)) for units in counts)]  # type: ignore[misc]
    finally:
        spark.stop()
        cluster.stop()


def main() -> None:
    binary, capture = os.path.realpath(sys.argv[1]), Path(sys.argv[2]).resolve()
    units = int(sys.argv[3]) if len(sys.argv) > 3 else 48
    few = units // 4
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        alone, pair = (bare(binary, capture, directory, units, at_once) for at_once in (1, 2))
        print(f"{units} units of {capture.stat().st_size >> 20} MiB", flush=True)
        print(f"bare: {alone:.2f} s, {alone / units:.3f} s each; two at once {alone / pair:.2f} times as fast", flush=True)
        first, short, one = on_spark(binary, capture, directory / "one", 1, [few, units])
        each = (one - short) / (units - few)
        print(f"Spark, one core: {one:.2f} s, {one - each * units:.2f} s for a job and {each:.3f} s for each unit")
        print(f"the first job of {few} units, with Spark's start: {first:.1f} s")
        print(f"throughput {alone / one:.2f} of the bare binary, {alone / units / each:.2f} without what a job costs")
        sys.stdout.flush()
        _, two = on_spark(binary, capture, directory / "two", 2, [units])
        print(f"two workers of one core: {two:.2f} s, {one / two:.2f} times one")


if __name__ == "__main__":
    main()
