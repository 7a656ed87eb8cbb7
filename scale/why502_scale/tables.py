"""The tables of a fleet, as Spark sees them.

Rows count when their unit's record says so: what an attempt left behind that never finished is there, and is not seen.
`why502 fleet` has no records and tells of units in a table; `why502 analyze` tells of none, and all of its rows count.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from .fleetfs import FleetFs
from .job import FINISHED, records


@dataclass(frozen=True)
class Tables:
    """Rows of finished units."""

    connections: DataFrame
    """With `continues`, where it is the rest of a connection that another unit tells of, and `counted`, where it is one
    that a report would count: the edge's, on a host that has any of those."""
    exchanges: DataFrame
    findings: DataFrame
    captures: DataFrame


def tables(spark: SparkSession, out: str) -> Tables:
    """The tables below this directory."""
    told = records(spark, out) if FleetFs(spark).exists(f"{out}/records") else units(spark, out)

    def table(name: str) -> DataFrame:
        # The directories' `date` and `host` say what rows have by themselves.
        rows = spark.read.parquet(f"{out}/{name}").drop("date", "host")
        if told is None:
            return rows
        finished = told.where(F.col("status").isin(*FINISHED)).select("unit")
        return rows.join(F.broadcast(finished), "unit", "left_semi")

    return Tables(
        marked(table("connections")), table("exchanges"), table("findings"), table("captures")
    )


def units(spark: SparkSession, out: str) -> DataFrame | None:
    """The table `units`, where there is one."""
    return spark.read.parquet(f"{out}/units") if FleetFs(spark).exists(f"{out}/units") else None


def marked(connections: DataFrame) -> DataFrame:
    """Connections with `continues` and `counted`.

    A connection that outlives the context of its unit is told by that unit as open. What comes of it later looks to a later
    unit like a connection that began before the capture.
    """
    same = Window.partitionBy("capture_host", "community_id").orderBy("first_time_ns")
    before = F.lag(F.struct("unit", "tcp.end")).over(same)
    rest = ~F.col("tcp.syn") & (before["end"] == "open") & (before["unit"] != F.col("unit"))
    edge = connections.groupBy("capture_host").agg(F.max(F.col("role") == "edge").alias("has_edge"))
    told = connections.withColumn("continues", F.coalesce(rest, F.lit(False)))
    counts = ~F.col("continues") & ((F.col("role") == "edge") | ~F.col("has_edge"))
    joined = told.join(
        F.broadcast(edge).withColumnRenamed("capture_host", "of_host"), F.col("capture_host").eqNullSafe(F.col("of_host"))
    )
    return joined.withColumn("counted", counts).drop("has_edge", "of_host")
