#!/usr/bin/env python3
"""What it costs to read captures that somebody made to be costly, beside ordinary traffic.

    cargo build --release --locked
    benches/hostile.py DIR [--why502 PATH] [--runs 3]

Each is made in DIR, some 20 to 30 MB, and read with one thread. A row shows the least user and system time for a byte of
the capture, its ratio to that of `small` (see benches/compare.py, which makes it), and the peak of memory.
"""
import argparse
import os
import struct
import subprocess
import sys
from pathlib import Path

EDGE, ORIGIN = bytes([130, 176, 1, 2]), bytes([10, 0, 0, 5])
SYN, ACK, FIN, RST = 2, 16, 1, 4
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)


class Tape:
    """Packets, 10 us apart."""

    def __init__(self, path):
        self.out, self.at = open(path, "wb", buffering=1 << 20), 0
        self.out.write(HEADER)

    def put(self, source, destination, flags, seq, ack=0, payload=b""):
        (a, p), (b, q) = source, destination
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), self.at & 0xFFFF, 0, 64, 6, 0, a, b)
        tcp = struct.pack(">HHIIBBHHH", p, q, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 64_240, 0, 0)
        packet = ip + tcp + payload
        second, micro = divmod(self.at * 10, 1_000_000)
        self.out.write(struct.pack("<IIII", 1_780_000_000 + second, micro, len(packet), len(packet)) + packet)
        self.at += 1


def connect(tape, port=40_000, seq=1_000):
    edge, origin = (EDGE, port), (ORIGIN, 80)
    tape.put(edge, origin, SYN, seq)
    tape.put(origin, edge, SYN | ACK, 5_000, seq + 1)
    tape.put(edge, origin, ACK, seq + 1, 5_001)
    return edge, origin


def ask(tape, edge, origin):
    request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    tape.put(edge, origin, ACK, 1_001, 5_001, request)
    return 1_001 + len(request)


def answer(tape, pieces):
    """One response that comes in these pieces: offset and bytes."""
    edge, origin = connect(tape)
    ack = ask(tape, edge, origin)
    for at, piece in pieces:
        tape.put(origin, edge, ACK, 5_001 + at, ack, piece)


def syn_flood(tape):
    for i in range(400_000):
        source = bytes([130, 176, i >> 8 & 255, i & 255])
        tape.put((source, 1_024 + i * 31 % 60_000), (ORIGIN, 443), SYN, i * 2_654_435_761)


def byte_a_segment(tape):
    answer(tape, enumerate(bytes([b]) for b in b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400_000))


def overlapping(tape):
    # A hole in front, and behind it segments that each cover half of the one before.
    answer(tape, [(100 + i * 50, b"y" * 100) for i in range(200_000)])


def many_headers(tape):
    line = b"X-Header: value\r\n" * 80
    head = b"HTTP/1.1 200 OK\r\n" + line * 18_000
    answer(tape, [(at, head[at:at + 1_360]) for at in range(0, len(head), 1_360)])


def endless_interim(tape):
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50
    answer(tape, [(i * len(interim), interim) for i in range(18_000)])


def one_four_tuple(tape):
    for i in range(70_000):
        edge, origin = connect(tape, seq=1_000 + i * 100_000)
        tape.put(origin, edge, RST | ACK, 5_001, 1_001 + i * 100_000)


def alternating_holes(tape):
    # Every other byte, backwards: each is kept, none can be handed on.
    answer(tape, [(2 * i + 1, b"z") for i in range(400_000, 0, -1)])


HOSTILE = [syn_flood, byte_a_segment, overlapping, many_headers, endless_interim, one_four_tuple, alternating_holes]


def measure(command):
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def cost(why502, path, runs):
    """Nanoseconds a byte, and the peak of memory in MiB."""
    measured = [measure([why502, "--threads", "1", path]) for _ in range(runs)]
    return min(time for time, _ in measured) * 1e9 / path.stat().st_size, max(memory for _, memory in measured)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--why502", default=str(Path(__file__).resolve().parent.parent / "target/release/why502"))
    args = parser.parse_args()
    small = args.dir / "small.pcap"
    if not small.exists():
        sys.exit(f"{small} is missing: benches/compare.py makes it")
    ordinary, memory = cost(args.why502, small, args.runs)
    print("| capture | ns a byte | / ordinary | peak MiB |\n| --- | --- | --- | --- |")
    print(f"| small | {ordinary:.1f} | 1.0 | {memory:.0f} |")
    for make in HOSTILE:
        path = args.dir / f"hostile-{make.__name__.replace('_', '-')}.pcap"
        if not path.exists():
            tape = Tape(path)
            make(tape)
            tape.out.close()
        spent, memory = cost(args.why502, path, args.runs)
        print(f"| {path.stem} | {spent:.1f} | {spent / ordinary:.1f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
