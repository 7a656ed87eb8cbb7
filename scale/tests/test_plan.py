"""Which files make which unit."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest

from why502_scale import chance
from why502_scale.captures import Capture, PlanError, Rules, host_of, plan
from why502_scale.logs import plain


def files(*names: str, size: int = 10) -> list[Capture]:
    return [Capture(f"s3://bucket/{name}", size, 1) for name in names]


def shape(rules: Rules, captures: list[Capture]) -> list[tuple[str, str, str]]:
    def names(group: tuple[Capture, ...]) -> str:
        return " ".join(capture.uri.rsplit("/", 1)[-1] for capture in group)

    units = sorted(plan(captures, rules, ["v1"]), key=lambda unit: (unit.host, unit.own[0].uri))
    return [(names(unit.before), names(unit.own), names(unit.after)) for unit in units]


def test_files_are_taken_in_the_order_of_their_numbers() -> None:
    captures = files("a/x.pcap", "a/x.pcap10", "a/x.pcap2", "a/x.pcap1")
    expected = [("", "x.pcap x.pcap1", "x.pcap2"), ("x.pcap1", "x.pcap2 x.pcap10", "")]
    assert sorted(shape(Rules(unit_bytes=20), captures)) == sorted(expected)


def test_what_looks_like_a_digit_is_none() -> None:
    captures = files("a/1²10.pcap", "a/1²9.pcap")
    assert shape(Rules(), captures) == [("", "1²9.pcap 1²10.pcap", "")]


def test_the_order_may_be_that_of_a_time_in_the_path() -> None:
    captures = files("a/z-0900.pcap", "a/a-1000.pcap")
    order = re.compile(r"-(?P<time>\d+)")
    assert shape(Rules(order=order), captures) == [("", "z-0900.pcap a-1000.pcap", "")]


def test_context_is_bounded_by_files_and_bytes_and_stays_on_the_host() -> None:
    captures = files("a/1", "a/2", "a/3", "b/1", size=10)
    two = Rules(unit_bytes=1, context_files=2, context_bytes=15)
    assert shape(two, captures) == [("", "1", "2"), ("1", "2", "3"), ("2", "3", ""), ("", "1", "")]
    none = Rules(unit_bytes=1, context_bytes=5)
    assert {before + after for before, _, after in shape(none, captures)} == {""}


def test_the_costliest_units_come_first() -> None:
    captures = [Capture(f"s3://b/{host}/x", size, 1) for host, size in (("a", 1), ("b", 9), ("c", 5))]
    assert [unit.host for unit in plan(captures, Rules(), [])] == ["b", "c", "a"]


def test_names_of_units_say_what_goes_into_them() -> None:
    def name(size: int = 10, modified: int = 1, salt: str = "v1", more: tuple[str, ...] = ()) -> set[str]:
        captures = [Capture("s3://b/a/1", size, modified), *files(*more)]
        return {unit.id for unit in plan(captures, Rules(unit_bytes=1), [salt])}

    assert name() == name()
    changed = [name(size=11), name(modified=2), name(salt="v2"), name(more=("a/2",))]
    assert all(not ids & name() for ids in changed)


def test_a_rule_that_finds_no_host_is_an_error() -> None:
    assert host_of("file:/data/web-1/x.pcap", None) == "web-1"
    assert host_of("file:/data/x-web-7.pcap", re.compile(r"(?P<host>web-\d+)")) == "web-7"
    with pytest.raises(PlanError, match=r"x\.pcap"):
        host_of("file:/data/x.pcap", re.compile(r"(?P<host>web-\d+)"))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((2, 3, 0, 3), 0.4),
        ((3, 3, 0, 3), 0.1),
        ((3, 4, 1, 4), 0.485_714_286),
        ((10, 12, 2, 12), 0.003_328_950),
        ((0, 100, 0, 200), 1.0),
        ((5, 5, 0, 0), 1.0),
    ],
)
def test_probabilities_are_those_of_the_textbook(counts: tuple[int, int, int, int], expected: float) -> None:
    assert chance.probability(*counts) == pytest.approx(expected, abs=1e-6)


def exactly(failed: int, of: int, other_failed: int, other_of: int) -> float:
    """The same in whole numbers."""
    k = failed + other_failed
    ways = [math.comb(of, x) * math.comb(other_of, k - x) for x in range(max(0, k - other_of), min(k, of) + 1)]
    observed = math.comb(of, failed) * math.comb(other_of, other_failed)
    return float(Fraction(sum(n for n in ways if n <= observed), sum(ways)))


def test_rare_failures_on_busy_hosts_are_counted_exactly() -> None:
    assert exactly(0, 1_000_000, 3, 1_000_000) == pytest.approx(0.25, rel=1e-5)
    assert exactly(1, 100_000, 0, 700_000) == pytest.approx(0.125)
    busy = [(0, 1_000_000, 3, 1_000_000), (1, 100_000, 0, 700_000), (0, 700_000, 1, 100_000), (4, 50_000, 1, 400_000)]
    middling = [(a, 40 + 7 * a, b, 90 - 5 * b) for a in range(0, 40, 7) for b in range(0, 17, 4)]
    for counts in busy + middling:
        assert chance.probability(*counts) == pytest.approx(exactly(*counts), rel=1e-9), counts


def test_large_numbers_take_no_longer() -> None:
    many = 1 << 34
    assert chance.probability(many // 2, many, many // 2, many) > 0.99
    assert chance.probability(many // 2, many, many // 4, many) < 1e-9


def test_names_of_fields_are_the_same_in_every_format() -> None:
    assert plain("timestamp(ms)") == plain("timestamp_ms") == "timestamp_ms"
    assert plain("cs(Host)") == plain("cs_host") == "cs_host"
