#!/usr/bin/env python3
"""Arguments of curl, a line a connection: downloads.py CONNECTIONS. The same in every run."""
import random
import sys

MIB = 1 << 20
choice = random.Random(502).choice
for _ in range(int(sys.argv[1])):
    sizes = [choice([1, 1, 2, 2, 4, 4, 8]) for _ in range(choice([1, 1, 1, 2, 2, 3]))]
    files = " ".join(f"-o /dev/null https://198.18.0.20/{size * MIB}.bin" for size in sizes)
    print("--tls-max", choice(["1.2", "1.3", "1.3"]), files)
