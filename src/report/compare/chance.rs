//! Whether two shares differ by more than chance explains.
//!
//! Connections are taken to fail independently of each other. Where one fault hits many at a time, chance explains
//! more than is said here.

/// Below this probability chance is not taken for the explanation.
pub(in crate::report) const LEVEL: f64 = 0.05;

/// What is left out of a sum: a share of the whole that no digit shows.
const NEGLIGIBLE: f64 = 1e-17;

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Share {
    pub(in crate::report) n: u64,
    pub(in crate::report) of: u64,
}

impl Share {
    /// From 0 to 1; `None` of nothing.
    pub(in crate::report) fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| self.n as f64 / self.of as f64)
    }

    /// Where the true rate lies with 95 percent confidence (Wilson's score interval).
    pub(in crate::report) fn interval(self) -> Option<(f64, f64)> {
        const Z: f64 = 1.959_963_984_540_054;
        let (p, n) = (self.rate()?, self.of as f64);
        let scale = 1.0 + Z * Z / n;
        let middle = (p + Z * Z / (2.0 * n)) / scale;
        let reach = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some(((middle - reach).max(0.0), (middle + reach).min(1.0)))
    }
}

/// How probable a difference at least this large is if nothing has changed: Fisher's exact test, two-sided.
pub(in crate::report) fn probability(before: Share, after: Share) -> f64 {
    if before.of == 0 || after.of == 0 {
        return 1.0;
    }
    let table = Table { n1: before.of as f64, n2: after.of as f64, k: (before.n + after.n) as f64 };
    let (low, high) = ((table.k - table.n2).max(0.0), table.k.min(table.n1));
    let mode = ((table.n1 + 1.0) * (table.k + 1.0) / (table.n1 + table.n2 + 2.0)).floor().clamp(low, high);
    let observed = table.weight(mode, before.n as f64) * (1.0 + 1e-9);
    let (mut whole, mut tails) = (0.0, 0.0);
    let mut add = |weight: f64| {
        whole += weight;
        tails += if weight <= observed { weight } else { 0.0 };
        weight > whole * NEGLIGIBLE
    };
    add(1.0);
    for up in [true, false] {
        let (mut at, mut weight) = (mode, 1.0);
        while if up { at < high } else { at > low } {
            weight *= if up { table.up(at) } else { table.down(at) };
            at += if up { 1.0 } else { -1.0 };
            if !add(weight) {
                break;
            }
        }
    }
    (tails / whole).min(1.0)
}

/// Failures that fall by chance on one of two groups: hypergeometric, up to a factor.
struct Table {
    n1: f64,
    n2: f64,
    /// Failures in both.
    k: f64,
}

impl Table {
    /// How much more probable `x + 1` failures in the first group are than `x`.
    fn up(&self, x: f64) -> f64 {
        (self.n1 - x) * (self.k - x) / ((x + 1.0) * (self.n2 - self.k + x + 1.0))
    }

    /// How much more probable `x - 1` are than `x`.
    fn down(&self, x: f64) -> f64 {
        x * (self.n2 - self.k + x) / ((self.n1 - x + 1.0) * (self.k - x + 1.0))
    }

    /// How probable `x` is in relation to `mode`.
    fn weight(&self, mode: f64, x: f64) -> f64 {
        let (mut at, mut weight) = (mode, 1.0);
        while at != x && weight > NEGLIGIBLE * NEGLIGIBLE {
            weight *= if at < x { self.up(at) } else { self.down(at) };
            at += if at < x { 1.0 } else { -1.0 };
        }
        weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_textbook() {
        // Failed and judged, before and after; the probability counted with whole numbers.
        for ((a, b, c, d), expected) in [
            ((2, 3, 0, 3), 0.4),
            ((3, 3, 0, 3), 0.1),
            ((1, 1, 0, 1), 1.0),
            ((3, 4, 1, 4), 0.485_714_286),
            ((10, 12, 2, 12), 0.003_328_950),
            ((0, 100, 0, 200), 1.0),
            ((5, 0, 1, 10), 1.0),
        ] {
            let p = probability(Share { n: a, of: b }, Share { n: c, of: d });
            assert!((p - expected).abs() < 1e-6, "{a}/{b} {c}/{d}: {p}");
        }
    }

    #[test]
    fn large_numbers_take_no_longer() {
        let many = 1 << 40;
        assert!(probability(Share { n: many / 2, of: many }, Share { n: many / 2, of: many }) > 0.99);
        assert!(probability(Share { n: many / 2, of: many }, Share { n: many / 4, of: many }) < 1e-9);
        let rare = probability(Share { n: 3, of: many }, Share { n: 9, of: many });
        assert!((0.1..0.2).contains(&rare), "{rare}");
    }

    #[test]
    fn few_connections_leave_a_wide_interval() {
        let (low, high) = Share { n: 0, of: 3 }.interval().unwrap();
        assert!(low == 0.0 && (0.56..0.57).contains(&high), "{low} {high}");
        assert_eq!(Share { n: 0, of: 0 }.interval(), None);
    }
}
