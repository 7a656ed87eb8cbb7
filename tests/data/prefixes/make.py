"""Which of many addresses are CloudFront's, by Python's `ipaddress`: what `src/observation/prefixes` is held against.

    make.py ip-ranges.json [FURTHER.json ...]

reads lists in the form of AWS's ip-ranges.json and writes beside itself `prefixes.txt`, those of CloudFront's services, and
`answers`, a bit for each address, the highest of a byte first: four for each prefix (the one before its first address, the
first, the last, the one after it), then 100,000 random ones. `tests/it/prefixes.rs` makes the same addresses.
"""

import ipaddress
import json
import pathlib
import sys

SERVICES = {"CLOUDFRONT", "CLOUDFRONT_ORIGIN_FACING"}
RANDOM = 100_000


def numbers():
    """xorshift64."""
    state = 0x9E3779B97F4A7C15
    while True:
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        yield state


def addresses(networks):
    for network in networks:
        first, last = int(network.network_address), int(network.broadcast_address)
        for number in (first - 1, first, last, last + 1):
            yield type(network.network_address)(number)
    random = numbers()
    for _ in range(RANDOM):
        network = networks[next(random) % len(networks)]
        width = network.max_prefixlen
        # It has so many of the first bits of a prefix; the others are random.
        kept = next(random) % (width + 1)
        bits = (next(random) << 64 | next(random)) >> (128 - width)
        mask = (1 << width) - (1 << (width - kept))
        yield type(network.network_address)(int(network.network_address) & mask | bits & ~mask)


def main():
    networks = set()
    for path in sys.argv[1:]:
        listed = json.loads(pathlib.Path(path).read_text())
        for entry in listed["prefixes"] + listed.get("ipv6_prefixes", []):
            if entry["service"] in SERVICES:
                networks.add(ipaddress.ip_network(entry.get("ip_prefix") or entry["ipv6_prefix"]))
    networks = sorted(networks, key=lambda n: (n.version, n))
    answers = bytearray()
    for i, address in enumerate(addresses(networks)):
        if i % 8 == 0:
            answers.append(0)
        answers[-1] |= any(address in network for network in networks) << (7 - i % 8)
    here = pathlib.Path(__file__).parent
    (here / "prefixes.txt").write_text("".join(f"{network}\n" for network in networks))
    (here / "answers").write_bytes(answers)


main()
