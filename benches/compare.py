#!/usr/bin/env python3
"""How fast why502 is beside other tools, on the captures of benches/traffic/make.sh.

    cargo build --release --locked
    benches/compare.py DIR [--runs 15] [--slow] [--why502 PATH]... [--scale 1]

Captures that DIR lacks are made (as root). On each one `cat`, `tcpdump -w`, and why502 as text, by one thread and shared
out, and as NDJSON take turns, so that what slows the machine slows them all; `--slow` adds what other analyzers take,
once. A row shows the medians of user and system time and of the time that passed, their ratios to those of `cat` run by
run, and the highest peak of memory, which begins with this script's own, some 15 MiB. Then the answers on `small` are
checked against what was asked there; the exit status is 1 where they are wrong. Several builds may be named, to be
compared with each other.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CAPTURES = ["small", "bulk", "http"]
FIELDS = ["tls.handshake.extensions_server_name", "tls.handshake.version", "tls.handshake.ciphersuite",
          "tls.alert_message.desc", "http.response.code"]
SLOW = [
    ("capinfos", ["capinfos"]),
    ("tcptrace", ["tcptrace", "-n"]),
    ("tshark -T fields", ["tshark", "-T", "fields", *[word for field in FIELDS for word in ("-e", field)], "-r"]),
    ("tshark -z expert", ["tshark", "-q", "-z", "expert", "-r"]),
]
# What was asked on `small`: requests in clear, and failures of each kind.
IN_CLEAR = 10_000 + 4 * 29_000 + 40_000
FAILURES = 1_200
CAUSES = ["tcp.port-closed", "tls.certificate-self-signed", "tls.no-common-version", "tls.no-common-cipher"]


def measure(command):
    """User and system time and the time that passed, in seconds, and the peak of memory in MiB."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_utime + used.ru_stime, time.monotonic() - began, used.ru_maxrss / 1024


def row(name, results, cat):
    cells = []
    for which in (0, 1):
        taken = [result[which] for result in results]
        ratios = [own / base[which] for own, base in zip(taken, cat)]
        cells += [f"{statistics.median(taken):.2f}", f"{statistics.median(ratios):.2f}"]
    print(f"| {name} | {' | '.join(cells)} | {max(result[2] for result in results):.0f} |", flush=True)


def compare(capture, builds, runs, slow):
    tools = {"cat": ["cat", capture], "tcpdump -w": ["tcpdump", "-r", capture, "-w", "/dev/null"]}
    for why502 in builds:
        name = why502 if len(builds) > 1 else "why502"
        for how in (["--threads", "1"], [], ["--threads", "1", "--format", "ndjson"]):
            tools[" ".join([name, *how])] = [why502, *how, capture]
    measure(tools["cat"])
    results = {name: [] for name in tools}
    for _ in range(runs):
        for name, command in tools.items():
            results[name].append(measure(command))
    print(f"\n{Path(capture).name}\n\n| tool | CPU s | / cat | wall s | / cat | peak MiB |\n|{' --- |' * 6}")
    for name, result in results.items():
        row(name, result, results["cat"])
    for name, command in SLOW if slow else []:
        try:
            once = measure([*command, capture])
        except FileNotFoundError:
            continue
        row(name, [once], [sorted(results["cat"])[runs // 2]])


def check(capture, why502, scale):
    """Whether why502 says of `small` what was done there. Edges that stop leave a few connections more."""
    seen = {"connections": 0, "with TLS": 0, "HTTP responses": 0}
    causes = {}
    with subprocess.Popen([why502, "--format", "ndjson", capture], stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            connection = json.loads(line)
            if "first_frame" not in connection:
                continue
            seen["connections"] += 1
            seen["with TLS"] += connection["tls"] is not None
            seen["HTTP responses"] += sum(e["response"] is not None for e in connection["http"])
            cause = connection["verdict"]["cause"]
            causes[cause] = causes.get(cause, 0) + 1
    print(f"\nsmall: {', '.join(f'{n:,} {what}' for what, n in seen.items())}")
    right = True
    for what, found, least in [("HTTP responses", seen["HTTP responses"], IN_CLEAR)] + [
        (cause, causes.get(cause, 0), FAILURES) for cause in CAUSES
    ]:
        least = int(least * scale)
        fits = least <= found <= least * 1.02 + 50
        print(f"  {'as asked' if fits else 'WRONG   '}  {what}: {found:,}, of at least {least:,}")
        right &= fits
    return right


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--slow", action="store_true", help="other analyzers, too: several minutes")
    parser.add_argument("--why502", action="append", help="target/release/why502, or what is named; several beside each other")
    parser.add_argument("--scale", type=float, default=1, help="make so much of the traffic")
    args = parser.parse_args()
    builds = args.why502 or [str(HERE.parent / "target/release/why502")]
    for name in CAPTURES:
        path = args.dir / f"{name}.pcap"
        if not path.exists():
            environment = {**os.environ, "SCALE": str(args.scale)}
            subprocess.run([HERE / "traffic/make.sh", args.dir, name], check=True, env=environment)
        compare(str(path), builds, args.runs, args.slow)
    right = [check(str(args.dir / "small.pcap"), why502, args.scale) for why502 in builds]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
