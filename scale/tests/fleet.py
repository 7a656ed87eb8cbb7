"""A fleet made of the repository's captures: six hosts, forty files, and what one process says of each host unsplit."""

from __future__ import annotations

import collections
import gzip
import json
import random
import subprocess
from collections import Counter
from datetime import datetime, timezone
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb

from . import pcap
from .conftest import CAPTURES

HOSTS = 6
FILES = 40
BEGIN = 1_795_000_000_000_000
# Longer than any connection may be idle: a capture's connections are over when the next one begins.
GAP = 1_000_000_000
# Requests in the log that no host has seen, in a day of which the captures last some twenty hours.
NEVER = 60
DAY = 86_400_000_000
FIELDS = "date time x-edge-location cs-method cs-uri-stem sc-status x-edge-request-id time-taken x-edge-detailed-result-type"
# Larger captures tell nothing more here.
LARGEST = 60_000
# What is told of these depends on all else in the same file. One that lacks packets makes the binary careful about all of it;
# and for how long a silent connection was watched is known when the table of connections is next swept.
OF_THE_WHOLE = (
    "capture/lost-packets", "capture/one-sided", "tcp/segment-loss-stall/node-upload-hole", "tcp/path-mtu-black-hole",
    "capture/still-open/within-a-handshake",
)  # fmt: skip

# What counts from the beginning of a file, or names one.
OF_FILES = {
    "unit", "id", "connection", "capture_path", "wireshark_capture_path", "wireshark_filter", "first_frame", "last_frame",
    "frame", "fin", "rst", "preface", "settings", "second_frame", "last", "lost", "note", "message", "reason", "why",
}  # fmt: skip


def make(directory: Path, whole: Path) -> list[Path]:
    """Writes the files of all hosts, and below `whole` each host's as one."""
    chance = random.Random(502)
    small = [path for path in sorted(CAPTURES.glob("**/capture.pcap")) if path.stat().st_size < LARGEST]
    read = [pcap.read(path) for path in small if not any(name in str(path) for name in OF_THE_WHOLE)]
    captures = [records for records in read if records]
    assert len(captures) > 400
    files = []
    for host in range(HOSTS):
        # Servers of their own: verdicts take other connections to the same server into account, within a unit.
        moved = [pcap.moved(r, bytes([10, 1, host, i])) for i, r in enumerate(captures[host::HOSTS])]
        # Identifiers of their own as well, by which a row of a log is known.
        own = [pcap.asked_for(r, b"%d.%03d" % (host, i)) for i, r in enumerate(moved)]
        line = pcap.one_after_the_other(own, BEGIN, GAP)
        pcap.write(whole / f"web-{host}.pcap", [record for records in line for record in records])
        pieces = FILES // HOSTS + (host < FILES % HOSTS)
        for i, piece in enumerate(pcap.cut(line, pieces, chance)):
            file = directory / f"web-{host}" / f"origin-{i}.pcap"
            pcap.write(file, piece)
            files.append(file)
    return files


def analyze(binary: str, whole: Path, out: Path) -> None:
    """One process a host over its unsplit capture, as each host could do by itself."""
    for file in sorted(whole.iterdir()):
        name = ["--unit", file.stem, "--capture-host", file.stem]
        done = subprocess.run([binary, "analyze", "--format", "parquet", "-o", str(out), *name, str(file)], check=False)
        assert done.returncode in (0, 1)


def write_log(tables: Path, file: Path) -> None:
    """CloudFront's log of what these tables hold, and of requests that no host has seen."""
    asked = f"""
        select request.time_ns // 1000 + coalesce(duration_us, 1_000_000), coalesce(duration_us, 1_000_000), request.method,
               request.target, case when f.cause is null then coalesce(response.status, 200) else 502 end,
               case when f.cause is null then 'Miss' else 'OriginCommError' end, request.cf_id
        from read_parquet('{tables}/exchanges/*.parquet') as e left join (
            select unit, connection, exchange, min(cause) as cause from read_parquet('{tables}/findings/*.parquet')
            where outcome = 'failed' and exchange is not null group by all
        ) as f on f.unit = e.unit and f.connection = e.connection and f.exchange = e.index
        where request is not null order by all"""
    refused = f"""
        select first_time_ns // 1000 + 1_000_000, 1_000_000, 'GET', '/', 502, 'OriginConnectError', 'refused-' || community_id
        from read_parquet('{tables}/connections/*.parquet')
        where verdict.outcome = 'failed' and verdict.stage in ('tcp', 'tls') order by all"""
    with duckdb.connect() as connection:
        exchanges, failures = connection.execute(asked).fetchall(), connection.execute(refused).fetchall()
    # Every third is known by its time and path alone.
    nameless = [row[:-1] + ("-",) if i % 3 == 0 else row for i, row in enumerate(exchanges)]
    times = range(BEGIN, BEGIN + DAY, DAY // NEVER)
    never = [(t, 100_000, "GET", f"/never/{i}", 502, "OriginDnsError", f"never-{i}") for i, t in enumerate(times)]
    with gzip.open(file, "wt") as out:
        print("#Version: 1.0", f"#Fields: {FIELDS}", sep="\n", file=out)
        for micros, taken, method, target, status, detail, name in nameless + failures + never:
            at = datetime.fromtimestamp(micros // 1_000_000, timezone.utc)
            when, edge, path = f"{at:%Y-%m-%d\t%H:%M:%S}", f"FRA56-P{at.hour}", target.split("?")[0]
            print(when, edge, method, path, status, name or "-", f"{taken / 1e6:.3f}", detail, sep="\t", file=out)


def rows(out: Path, table: str, hosts: str | None = None) -> Counter[str]:
    """Rows of a table, or of some hosts in it, with all that does not depend on how captures were split."""
    query = f"select * from read_parquet('{out}/{table}/**/*.parquet', hive_partitioning = false)"
    if hosts:
        query += f" where capture_host like '{hosts}'"
    with duckdb.connect() as connection:
        told = connection.execute(query)
        columns = [column[0] for column in told.description or ()]
        found = [dict(zip(columns, row)) for row in told.fetchall()]
    return collections.Counter(json.dumps(_plain(row), sort_keys=True, default=str) for row in found)


def differences(ours: Counter[str], theirs: Counter[str]) -> list[str]:
    """Where rows differ, in a readable form: of those of the same connection field by field."""
    pairs = zip_longest(sorted((ours - theirs).elements()), sorted((theirs - ours).elements()), fillvalue="null")
    return [line for a, b in pairs for line in _fields("", json.loads(a), json.loads(b))]


def _fields(name: str, a: Any, b: Any) -> list[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        return [line for key in a for line in _fields(f"{name}.{key}", a[key], b.get(key))]
    return [] if a == b else [f"{name}: {str(a)[:200]} and not {str(b)[:200]}"]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name not in OF_FILES}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def paths(out: Path) -> set[str]:
    """Every path that evidence is in."""
    query = f"""select distinct e.capture_path from
        (select unnest(evidence) as e from read_parquet('{out}/findings/**/*.parquet', hive_partitioning = false))"""
    with duckdb.connect() as connection:
        return {row[0] for row in connection.execute(query).fetchall()}
