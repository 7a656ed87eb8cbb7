"""Captures for tests: those of the repository one after the other, cut into files at arbitrary records."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MAGIC = b"\xd4\xc3\xb2\xa1"
ETHERNET = 1
# Where addresses are in a packet, also within tunnels and ICMP.
HEADERS = 128


class Record(NamedTuple):
    """A packet."""

    micros: int
    length: int
    data: bytes


def read(path: Path) -> list[Record] | None:
    """The packets of a capture of Ethernet in microseconds, little-endian; `None` of any other."""
    data = path.read_bytes()
    if data[:4] != MAGIC or struct.unpack_from("<I", data, 20)[0] != ETHERNET:
        return None
    records, at = [], 24
    while at + 16 <= len(data):
        seconds, micros, kept, length = struct.unpack_from("<IIII", data, at)
        records.append(Record(seconds * 1_000_000 + micros, length, data[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return records


def write(path: Path, records: Iterable[Record]) -> None:
    """Writes a capture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        out.write(struct.pack("<4sHHiIII", MAGIC, 2, 4, 0, 0, 262_144, ETHERNET))
        for r in records:
            out.write(struct.pack("<IIII", r.micros // 1_000_000, r.micros % 1_000_000, len(r.data), r.length))
            out.write(r.data)


def one_after_the_other(captures: Iterable[list[Record]], begin: int, gap: int) -> list[list[Record]]:
    """Captures shifted in time, each to begin so long after the end of the one before."""
    shifted, at = [], begin
    for records in captures:
        first, last = min(r.micros for r in records), max(r.micros for r in records)
        shifted.append([r._replace(micros=r.micros - first + at) for r in records])
        at += last - first + gap
    return shifted


def moved(records: list[Record], server: bytes) -> list[Record]:
    """The same packets of another server: 10.0.0.5 has another address (checksums are as if the card had yet to make them)."""
    return [r._replace(data=r.data[:HEADERS].replace(b"\x0a\x00\x00\x05", server) + r.data[HEADERS:]) for r in records]


def asked_for(records: list[Record], name: bytes) -> list[Record]:
    """The same packets of other requests: the identifiers of those that can be read begin with this name."""
    begin = re.compile(rb"(?i)(x-amz-cf-id: )[^\r\n]{%d}" % len(name))
    return [r._replace(data=begin.sub(rb"\g<1>" + name, r.data)) for r in records]


def cut(captures: list[list[Record]], pieces: int, chance: random.Random) -> list[list[Record]]:
    """What is one after the other cut at arbitrary records, with two captures or more between any two places.

    So the file after holds what comes of a connection, and packets enough to tell that nothing more came of it.
    """
    starts = [sum(map(len, captures[:i])) for i in range(len(captures))]
    apart = range(chance.randrange(3), len(captures), 3)
    long = [i for i in apart if len(captures[i]) > 1]
    places = sorted(starts[i] + chance.randrange(1, len(captures[i])) for i in chance.sample(long, pieces - 1))
    whole = [record for records in captures for record in records]
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)])]
