"""Whether a host's share of failures differs from that of the others by more than chance explains.

The same as `why502 fleet` and `why502 compare` do: Fisher's exact test, two-sided. Connections are taken to fail independently
of each other. Where one fault hits many at a time, chance explains more than is said here.
"""

from __future__ import annotations

LEVEL = 0.05
"""Below this probability, divided by the number of hosts, chance is not taken for the explanation."""

# What is left out of a sum: a share of the whole that no digit shows.
_NEGLIGIBLE = 1e-17


def probability(failed: int, of: int, other_failed: int, other_of: int) -> float:
    """How probable a difference at least this large is if both shares are the same."""
    if of == 0 or other_of == 0:
        return 1.0
    k = failed + other_failed
    low, high = max(0, k - other_of), min(k, of)
    mode = min(max((of + 1) * (k + 1) // (of + other_of + 2), low), high)

    def ratio(x: int, step: int) -> float:
        """How much more probable `x + step` failures of the first are than `x`."""
        if step > 0:
            return (of - x) * (k - x) / ((x + 1) * (other_of - k + x + 1))
        return x * (other_of - k + x) / ((of - x + 1) * (k - x + 1))

    # By the same factors as below, so that what was observed is as rare as itself to the last digit.
    observed, at, step = 1.0, mode, 1 if failed > mode else -1
    while at != failed and observed > _NEGLIGIBLE**2:
        observed *= ratio(at, step)
        at += step
    observed *= 1 + 1e-9
    whole, tails = 1.0, 1.0 if observed >= 1 else 0.0
    for step in (1, -1):
        at, weight = mode, 1.0
        while low <= at + step <= high and weight > whole * _NEGLIGIBLE:
            weight *= ratio(at, step)
            at += step
            whole += weight
            tails += weight if weight <= observed else 0.0
    return min(tails / whole, 1.0)


def interval(failed: int, of: int) -> tuple[float, float]:
    """Where the true share lies with 95 percent confidence (Wilson's score interval)."""
    if of == 0:
        return 0.0, 1.0
    z = 1.959963984540054
    p, scale = failed / of, 1 + z * z / of
    middle = (p + z * z / (2 * of)) / scale
    reach = z / scale * (p * (1 - p) / of + z * z / (4 * of * of)) ** 0.5
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
