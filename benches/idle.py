#!/usr/bin/env python3
"""What a connection costs that is open and says nothing.

    cargo build --release --locked
    benches/idle.py DIR [--why502 PATH] [--connections 1000000]

A capture in DIR has as many connections as asked for, each open to its end: after its handshake alone, or after one
exchange of HTTP. A row shows the peak of memory, and what of it each connection took beside those of a capture that has
one only.
"""
import argparse
import os
import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ORIGIN = bytes([10, 0, 0, 5])
SYN, ACK = 2, 16
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
PORTS = 50_000
REQUEST = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HANDSHAKE = [(True, SYN, 0, 0, b""), (False, SYN | ACK, 0, 1, b""), (True, ACK, 1, 1, b"")]
EXCHANGE = [(True, ACK, 1, 1, REQUEST), (False, ACK, 1, 1 + len(REQUEST), RESPONSE),
            (True, ACK, 1 + len(REQUEST), 1 + len(RESPONSE), b"")]


def write(path, connections, packets):
    """Packets 4 us apart, the next of all connections before the one after it of any."""
    at = 0
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(HEADER)
        for from_edge, flags, seq, ack, payload in packets:
            for i in range(connections):
                edge = struct.pack(">I", 0x82B0_0000 + i // PORTS), 1_024 + i % PORTS
                ends = (edge, (ORIGIN, 80)) if from_edge else ((ORIGIN, 80), edge)
                (source, port), (destination, to) = ends
                length = 40 + len(payload)
                ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, at & 0xFFFF, 0, 64, 6, 0, source, destination)
                tcp = struct.pack(">HHIIBBHHH", port, to, 1_000 + seq, (1_000 + ack) * (flags != SYN), 0x50, flags,
                                  64_240, 0, 0)
                second, micro = divmod(at * 4, 1_000_000)
                out.write(struct.pack("<IIII", 1_780_000_000 + second, micro, length, length) + ip + tcp + payload)
                at += 1


def peak(why502, path, connections):
    command = [why502, "--threads", "1", "--max-connections", str(2 * connections), path]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_maxrss * 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("dir", type=Path)
    arguments.add_argument("--why502", default=str(HERE.parent / "target/release/why502"))
    arguments.add_argument("--connections", type=int, default=1_000_000)
    wish = arguments.parse_args()
    wish.dir.mkdir(parents=True, exist_ok=True)
    print("| open connections | after | peak MiB | bytes each |\n| --- | --- | --- | --- |")
    for name, packets in [("the handshake", HANDSHAKE), ("an exchange", HANDSHAKE + EXCHANGE)]:
        path, took = wish.dir / "idle.pcap", []
        for connections in [1, wish.connections]:
            write(path, connections, packets)
            took.append(peak(wish.why502, path, connections))
        each = (took[1] - took[0]) / wish.connections
        print(f"| {wish.connections:,} | {name} | {took[1] / 2**20:.0f} | {each:,.0f} |", flush=True)
        path.unlink()


if __name__ == "__main__":
    main()
