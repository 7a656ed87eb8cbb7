"""A real standalone Spark on loopback: one master, two workers of one core each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession

from why502_scale.__main__ import main, session

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = ROOT / "captures"
INCIDENT = CAPTURES / "incident" / "logs" / "cloudfront"
HOME = Path(pyspark.__file__).parent
# JVMs that live for a minute do better without the second compiler.
LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# Compiling a query takes longer than a few thousand rows do.
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}


class Cluster:
    """Its processes, by the names of their classes and in the order in which they were started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.processes: list[subprocess.Popen[bytes]] = []
        self.url = f"spark://127.0.0.1:{self.port}"
        self._start("master.Master", "--host", "127.0.0.1", "--port", str(self.port), "--webui-port", "0")
        self._wait_for_master()

    def add_worker(self) -> subprocess.Popen[bytes]:
        """Starts one more."""
        work = self.directory / f"work-{len(self.processes)}"
        return self._start(
            "worker.Worker", "--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g",
            "--work-dir", str(work), self.url,
        )  # fmt: skip

    def stop(self) -> None:
        """Ends all of them, by their numbers."""
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait()

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ, "SPARK_HOME": str(HOME), "SPARK_DAEMON_MEMORY": "256m", "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable, "SPARK_DAEMON_JAVA_OPTS": LIGHT,
            "SPARK_LOCAL_DIRS": str(self.directory / "local"),
        }  # fmt: skip
        # Executors get this package from the job, or not at all.
        environment.pop("PYTHONPATH", None)
        log = (self.directory / f"{name}-{len(self.processes)}.log").open("wb")
        command = [str(HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.directory)
        self.processes.append(process)
        return process

    def _wait_for_master(self) -> None:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the master does not listen")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    started.add_worker()
    started.add_worker()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def spark(cluster: Cluster) -> Iterator[SparkSession]:
    """A session on the cluster. More than a handful of rows does not fit through its driver."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    settings = {
        "spark.executor.memory": "768m", "spark.executor.cores": "1", "spark.driver.memory": "768m",
        "spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", **INTERPRETED,
        "spark.driver.maxResultSize": "8m", "spark.ui.showConsoleProgress": "false",
        "spark.hadoop.fs.viewfs.mounttable.fleet.linkMergeSlash": "file:///",
        "spark.driver.extraJavaOptions": LIGHT, "spark.executor.extraJavaOptions": LIGHT,
    }  # fmt: skip
    builder = SparkSession.builder.master(cluster.url).appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    made = session(builder.getOrCreate())
    made.sparkContext.setLogLevel("ERROR")
    yield made
    made.stop()


@pytest.fixture(scope="session")
def binary() -> str:
    """The real one, by WHY502."""
    path = os.environ.get("WHY502", str(ROOT / "target" / "release" / "why502"))
    if not os.access(path, os.X_OK):
        raise pytest.UsageError(f"{path}: build why502, or say by WHY502 where it is")
    return os.path.realpath(path)


@pytest.fixture(scope="session")
def incident(spark: SparkSession, binary: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole job over a capture that has logs beside it: its output."""
    directory = tmp_path_factory.mktemp("incident")
    (directory / "captures" / "web-1").mkdir(parents=True)
    (directory / "captures" / "web-1" / "a.pcap").symlink_to(INCIDENT / "capture.pcap")
    out = directory / "out"
    logs = ["--standard-logs", f"{INCIDENT}/standard.log.gz", "--alb-logs", f"{INCIDENT}/load-balancer.log.gz"]
    assert main([f"{directory}/captures/*/*.pcap", "-o", str(out), "--binary", binary, *logs]) == 0
    return out
