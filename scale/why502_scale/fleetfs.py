"""The driver's view of Hadoop's file systems: names, sizes and times, through the JVM that Spark has. No contents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyspark.sql import SparkSession

from .captures import Capture


class FleetFs:
    """Any file system that Spark reads."""

    def __init__(self, spark: SparkSession) -> None:
        context: Any = spark.sparkContext
        self._jvm = context._jvm
        self._settings = context._jsc.hadoopConfiguration()

    def _at(self, uri: str) -> tuple[Any, Any]:
        path = self._jvm.org.apache.hadoop.fs.Path(uri)
        return path.getFileSystem(self._settings), path

    def qualified(self, uri: str) -> str:
        """The path with its scheme: what has none is on the file system that Spark takes for the default."""
        system, path = self._at(uri.rstrip("/") or "/")
        return str(system.makeQualified(path).toString())

    def captures(self, pattern: str) -> Iterator[Capture]:
        """Files that match, and those below directories that do; hidden ones and empty ones are none."""
        system, path = self._at(pattern)
        for status in system.globStatus(path) or ():
            if status.isDirectory():
                files = system.listFiles(status.getPath(), True)
                while files.hasNext():
                    yield from _capture(files.next())
            else:
                yield from _capture(status)

    def exists(self, uri: str) -> bool:
        """Whether there is such a file or directory."""
        system, path = self._at(uri)
        return bool(system.exists(path))

    def delete(self, uris: Iterable[str]) -> None:
        """Removes files; what is not there is removed already."""
        for uri in uris:
            system, path = self._at(uri)
            system.delete(path, False)

    def write(self, uri: str, text: str) -> None:
        """Writes a small file."""
        system, path = self._at(uri)
        out = system.create(path, True)
        try:
            out.write(bytearray(text.encode()))
        finally:
            out.close()

    def schemes(self, uris: Iterable[str]) -> set[str]:
        """Those of qualified URIs."""
        return {uri.split(":", 1)[0] for uri in uris}


def _capture(status: Any) -> Iterator[Capture]:
    uri, size = str(status.getPath().toString()), int(status.getLen())
    name = uri.rsplit("/", 1)[-1]
    if size > 0 and not name.startswith((".", "_")):
        yield Capture(uri, size, int(status.getModificationTime()))
