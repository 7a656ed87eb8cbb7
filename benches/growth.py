#!/usr/bin/env python3
"""Whether time is a straight line over the size of the input, and memory depends on open connections alone.

    cargo build --release --locked
    benches/growth.py CAPTURE [--why502 PATH] [--runs 3]

The first packets of a capture in pcap are written once, four times and sixteen times behind each other, each time later
than before, and read with one thread. A row shows the instructions for a packet (by valgrind, where it is installed), the
least user and system time for a packet, both as ratios to those of the single one, and the peak of memory.
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMES = [1, 4, 16]
# Seconds after which the same addresses and numbers are those of other connections.
APART = 400


def records(capture, count):
    """The file header, and the first records: when, and what follows the seconds."""
    with open(capture, "rb") as file:
        header, found = file.read(24), []
        if header[:4] != b"\xd4\xc3\xb2\xa1" and header[:4] != b"\x4d\x3c\xb2\xa1":
            sys.exit(f"{capture}: not a little-endian pcap file")
        while len(found) < count:
            record = file.read(16)
            if len(record) < 16:
                break
            seconds, length = struct.unpack_from("<I4xI", record)
            found.append((seconds, record[4:] + file.read(length)))
    return header, found


def write(path, header, found, times):
    span = max(seconds for seconds, _ in found) - min(seconds for seconds, _ in found) + APART
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(header)
        for n in range(times):
            for seconds, rest in found:
                out.write(struct.pack("<I", seconds + n * span) + rest)


def instructions(command):
    try:
        told = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    except FileNotFoundError:
        return None
    return next((int(line.split()[-1].replace(",", "")) for line in told.splitlines() if "refs" in line), None)


def measure(command):
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("capture")
    arguments.add_argument("--why502", default=str(HERE.parent / "target/release/why502"))
    arguments.add_argument("--packets", type=int, default=600_000, help="of the single one, where time is measured")
    arguments.add_argument("--counted", type=int, default=60_000, help="of the single one, where instructions are")
    arguments.add_argument("--runs", type=int, default=3)
    wish = arguments.parse_args()
    print(f"| packets | instructions each | | time each | | peak MiB |\n|{' --- |' * 6}")
    first = None
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "capture.pcap")
        command = [wish.why502, "--threads", "1", path]
        for times in TIMES:
            write(path, *records(wish.capture, wish.counted), times)
            counted = instructions(command)
            header, found = records(wish.capture, wish.packets)
            write(path, header, found, times)
            packets = len(found) * times
            runs = [measure(command) for _ in range(wish.runs)]
            row = (counted and counted / wish.counted / times, min(time for time, _ in runs) / packets)
            first = first or row
            steps = f"{row[0]:,.0f} | {row[0] / first[0]:.3f}" if row[0] and first[0] else " | "
            peak = max(peak for _, peak in runs)
            print(f"| {packets:,} | {steps} | {row[1] * 1e9:,.0f} ns | {row[1] / first[1]:.2f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
