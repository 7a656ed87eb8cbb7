"""Which captures there are of which host, and what a unit of work is.

A unit is a run of one host's files in the order of time, with some files before and after for context: a connection is
told by the unit whose own files hold its first packet, and followed into the context. Nothing here reads a capture.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


class PlanError(Exception):
    """The captures cannot be planned as asked."""


@dataclass(frozen=True)
class Capture:
    """A file as its file system lists it."""

    uri: str
    size: int
    modified: int


@dataclass(frozen=True)
class Rules:
    """How files become units."""

    host: re.Pattern[str] | None = None
    """Has a group `host`, looked for in the URI; without it the host is the name of the directory."""
    order: re.Pattern[str] | None = None
    """Has a group `time`; without it files are in the order of their names, in which numbers count as numbers."""
    unit_bytes: int = 2 << 30
    context_files: int = 1
    context_bytes: int = 1 << 30


@dataclass(frozen=True)
class Unit:
    """Work for one process."""

    id: str
    host: str
    own: tuple[Capture, ...]
    before: tuple[Capture, ...] = field(default=())
    after: tuple[Capture, ...] = field(default=())

    @property
    def context(self) -> tuple[Capture, ...]:
        """The files that are read for the sake of others."""
        return self.before + self.after

    @property
    def own_bytes(self) -> int:
        """What its own files amount to."""
        return sum(capture.size for capture in self.own)

    @property
    def read_bytes(self) -> int:
        """What is read for it."""
        return sum(capture.size for capture in self.own + self.context)


def plan(captures: Iterable[Capture], rules: Rules, salt: Sequence[str]) -> list[Unit]:
    """Units of all captures, the costliest first. `salt` is what else their rows depend on."""
    hosts: dict[str, list[Capture]] = {}
    for capture in captures:
        hosts.setdefault(host_of(capture.uri, rules.host), []).append(capture)
    units = [unit for host in sorted(hosts) for unit in _units(host, hosts[host], rules, salt)]
    return sorted(units, key=lambda unit: (-unit.read_bytes, unit.id))


def host_of(uri: str, rule: re.Pattern[str] | None) -> str:
    """The host on which a capture was taken."""
    if rule is None:
        return uri.rstrip("/").rsplit("/", 2)[-2] if uri.count("/") > 1 else "unnamed"
    found = rule.search(uri)
    if not found or not found.group("host"):
        raise PlanError(f"{uri}: the rule for hosts, {rule.pattern}, finds none in it")
    return found.group("host")


def _natural(text: str) -> list[tuple[int, int, str]]:
    """A key by which `file9` comes before `file10`."""
    parts = re.split(r"(\d+)", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _order(capture: Capture, rule: re.Pattern[str] | None) -> tuple[list[tuple[int, int, str]], str]:
    found = rule.search(capture.uri) if rule else None
    if rule and not found:
        raise PlanError(f"{capture.uri}: the rule for the order, {rule.pattern}, finds no time in it")
    return _natural(found.group("time") if found else capture.uri), capture.uri


def _units(host: str, captures: list[Capture], rules: Rules, salt: Sequence[str]) -> Iterable[Unit]:
    files = sorted(captures, key=lambda capture: _order(capture, rules.order))
    start = 0
    while start < len(files):
        end, size = start + 1, files[start].size
        while end < len(files) and size + files[end].size <= rules.unit_bytes:
            size += files[end].size
            end += 1
        before = _context(list(reversed(files[:start])), rules)
        own, after = files[start:end], _context(files[end:], rules)
        yield _named(host, own, list(reversed(before)), after, salt)
        start = end


def _context(neighbours: list[Capture], rules: Rules) -> list[Capture]:
    """The nearest files, as many as are wanted and no more bytes than are allowed."""
    taken: list[Capture] = []
    size = 0
    for capture in neighbours[: rules.context_files]:
        size += capture.size
        if size > rules.context_bytes:
            break
        taken.append(capture)
    return taken


def _named(
    host: str, own: list[Capture], before: list[Capture], after: list[Capture], salt: Sequence[str]
) -> Unit:
    """A unit under a name that says what goes into its rows: the same files, the same name."""
    files = [[[c.uri, c.size, c.modified] for c in group] for group in (own, before, after)]
    text = json.dumps([list(salt), host, files], ensure_ascii=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:20]
    return Unit(name, host, tuple(own), tuple(before), tuple(after))
