#!/usr/bin/env python3
"""What it costs to read captures that somebody made to be costly, beside ordinary traffic.

    cargo build --release --locked
    benches/hostile.py DIR [--why502 PATH] [--runs 3]

With `--limits`, captures of another kind: each reaches a bound, as far beyond it as a file can be, and a row shows how long it
took, the peak of memory, and what the report says of the bound.

Each is made in DIR, some 20 to 30 MB, and read with one thread. A row shows the least user and system time for a byte of
the capture, its ratio to that of `small` (see benches/compare.py, which makes it), and the peak of memory.
"""
import argparse
import os
import struct
import subprocess
import sys
import time
import zlib
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


def syn_flood(tape, count=400_000):
    for i in range(count):
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


def record(packet, second=1):
    return struct.pack("<IIII", 1_780_000_000 + second, 0, len(packet), len(packet)) + packet


def packed_zeros():
    """256 MiB of zeros, a member of gzip. Forty of them, one behind the other, are 10 GiB."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(pack.compress(bytes(1 << 20)) for _ in range(256)) + pack.flush()


def bomb(path):
    """10 GiB of zeros in gzip, behind a header and one packet."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = pack.compress(HEADER + record(b"E" + bytes(99))) + pack.flush()
    path.write_bytes(head + packed_zeros() * 40)


def zeros(path):
    """10 GiB of zeros in gzip, and nothing else."""
    path.write_bytes(packed_zeros() * 40)


def ten_million_syns(path):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0)
    tail = struct.pack(">IBBHHH", 0, 0x50, SYN, 64_240, 0, 0)
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(HEADER)
        for i in range(10_000_000):
            second, micro = divmod(i * 6, 1_000_000)
            source = 0x82B0_0000 + i // 50_000
            ends = struct.pack(">I4sHHI", source, ORIGIN, 1_024 + i % 50_000, 443, i * 2_654_435_761 & 0xFFFFFFFF)
            out.write(struct.pack("<IIII", 1_780_000_000 + second, micro, 40, 40) + head + ends + tail)


def never_answered(path):
    """A thousand requests of 18 bytes on each of 9,000 connections, and no answer: each is kept until it comes."""
    tape = Tape(path)
    asked = b"GET / HTTP/1.1\r\n\r\n" * 50
    for i in range(9_000):
        edge, origin = connect(tape, port=1_024 + i)
        for at in range(20):
            tape.put(edge, origin, ACK, 1_001 + at * len(asked), 5_001, asked)
    tape.out.close()


def long_header(path):
    """A header line of 100 MiB."""
    tape = Tape(path)
    head = b"HTTP/1.1 200 OK\r\nX-Long: "
    edge, origin = connect(tape)
    ack = ask(tape, edge, origin)
    tape.put(origin, edge, ACK, 5_001, ack, head)
    at = 5_001 + len(head)
    for _ in range(100 * 1024 * 1024 // 1_400):
        tape.put(origin, edge, ACK, at, ack, b"x" * 1_400)
        at += 1_400
    tape.out.close()


def fragments(path):
    """65,535 first fragments."""
    with open(path, "wb") as out:
        out.write(HEADER)
        for i in range(65_535):
            source = EDGE[:2] + struct.pack(">H", i)
            out.write(record(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28, i, 0x2000, 64, 6, 0, source, ORIGIN) + bytes(8)))


def chain(path):
    """1,000 certificates of 1,000 bytes, of TLS 1.2."""

    def message(kind, body):
        return bytes([kind]) + struct.pack(">I", len(body))[1:] + body

    def records(handshake):
        pieces = [handshake[i:i + 16_000] for i in range(0, len(handshake), 16_000)]
        return b"".join(b"\x16\x03\x03" + struct.pack(">H", len(p)) + p for p in pieces)

    tape = Tape(path)
    edge, origin = connect(tape)
    hello = records(message(1, b"\x03\x03" + bytes(32) + b"\x00\x00\x02\xc0\x2f\x01\x00"))
    tape.put(edge, origin, ACK, 1_001, 5_001, hello)
    one = struct.pack(">I", 1_000)[1:] + b"\x30\x82\x03\xe4" + bytes(996)
    listed = one * 1_000
    flight = message(2, b"\x03\x03" + bytes(32) + b"\x00\xc0\x2f\x00")
    flight = records(flight + message(11, struct.pack(">I", len(listed))[1:] + listed))
    for at in range(0, len(flight), 1_400):
        tape.put(origin, edge, ACK, 5_001 + at, 1_001 + len(hello), flight[at:at + 1_400])
    tape.out.close()


def tunnels(path):
    """VXLAN within VXLAN, a thousand deep, ten thousand packets of it."""
    frame = b""
    for _ in range(1_000):
        udp = 16 + len(frame)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + udp, 0, 0, 64, 17, 0, ORIGIN, EDGE)
        frame = bytes(12) + b"\x08\x00" + ip + struct.pack(">HHHH", 49_152, 4_789, udp, 0) + b"\x08" + bytes(5) + b"\x01\x00" + frame
    with open(path, "wb") as out:
        out.write(HEADER[:20] + struct.pack("<I", 1))
        for _ in range(2_000):
            out.write(record(frame))


# What is made, and what is told of it: for people, or in JSON, which lists every connection.
LIMITS = [
    (zeros, "is not a pcap or pcapng capture"),
    (bomb, "decompression-limited"),
    (ten_million_syns, "connections-evicted"),
    (never_answered, "took more memory than is kept"),
    (long_header, "http.headers-too-large"),
    (fragments, "fragments-not-reassembled"),
    (chain, "65536 are accepted"),
    (tunnels, "undecodable-frames"),
]


def limits(args):
    """A row for each capture that reaches a bound; whether all said so in time."""
    print("| capture | bytes | s | peak MiB | status | what is told |\n| --- | --- | --- | --- | --- | --- |")
    well = True
    for make, word in LIMITS:
        path = args.dir / f"limit-{make.__name__.replace('_', '-')}.pcap"
        if not path.exists():
            make(path)
        report, said = args.dir / "limit.report", args.dir / "limit.err"
        with open(report, "wb") as out, open(said, "wb") as err:
            begun = time.monotonic()
            form = "json" if make is chain else "text"
            with subprocess.Popen([args.why502, "--format", form, path], stdout=out, stderr=err) as process:
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            took = time.monotonic() - begun
        told = report.read_bytes() + said.read_bytes()
        named = word.encode() in told
        well &= named and took < 30 and process.returncode in (0, 1, 2)
        text = word if named else f"NOT {word}"
        row = [path.stem, path.stat().st_size, f"{took:.1f}", f"{used.ru_maxrss / 1024:.0f}", process.returncode, text]
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
    return well


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
    parser.add_argument("--limits", action="store_true")
    parser.add_argument("--why502", default=str(Path(__file__).resolve().parent.parent / "target/release/why502"))
    args = parser.parse_args()
    if args.limits:
        sys.exit(0 if limits(args) else 1)
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
