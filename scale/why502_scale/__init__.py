"""why502 over a fleet's captures, on Apache Spark."""

__version__ = "0.1.0"
