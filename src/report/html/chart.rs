//! Pictures in numbers: where bars and marks stand, in hundredths of the width.

use crate::base::{Micros, Timestamp};
use crate::report::IdleCloses;
use crate::report::example::bounded;

use super::outcomes::OverTime;
use super::rich::{Span, spans};

/// Pixels that the highest bar has.
const HEIGHT: f64 = 56.0;

/// How long CloudFront keeps an idle connection by default.
const CLOUDFRONT: Micros = Micros::from_secs(5);

/// How long an Application Load Balancer does.
const ALB: Micros = Micros::from_secs(60);

/// Connections by outcome over time.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) bars: Vec<Bar>,
    /// How long a bar is, in words.
    pub(super) each: String,
    pub(super) first: String,
    pub(super) last: String,
    /// The most that failed, or could not be told, in one bar; and the most that were in order.
    pub(super) most: (u64, u64),
}

/// A stretch of time.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) when: String,
    pub(super) failed: u64,
    pub(super) inconclusive: u64,
    pub(super) ok: u64,
    /// Top and height of what failed, what cannot be told, and what is in order.
    pub(super) boxes: [(String, String); 3],
}

impl Timeline {
    /// The picture; none where all connections began at once.
    pub(super) fn of(times: &OverTime) -> Option<Timeline> {
        let stretches = times.stretches();
        if stretches.len() < 2 {
            return None;
        }
        let bad = |o: &super::outcomes::Outcomes| o.failed + o.inconclusive;
        let most = (
            stretches.iter().map(|(_, o)| bad(o)).max().unwrap_or(0),
            stretches.iter().map(|(_, o)| o.ok).max().unwrap_or(0),
        );
        let step = 100.0 / stretches.len() as f64;
        let high = |n: u64, most: u64| {
            if n == 0 { 0.0 } else { (n as f64 / most.max(1) as f64 * HEIGHT).max(2.0) }
        };
        let bars = stretches.iter().enumerate().map(|(i, (begin, o))| {
            let (failed, unsure, ok) = (high(o.failed, most.0), high(o.inconclusive, most.0), high(o.ok, most.1));
            let place = |top: f64, height: f64| (format!("{top:.1}"), format!("{height:.1}"));
            Bar {
                x: format!("{:.3}", i as f64 * step),
                width: format!("{:.3}", step * 0.86),
                when: moment(*begin, times.each()),
                failed: o.failed,
                inconclusive: o.inconclusive,
                ok: o.ok,
                boxes: [
                    place(HEIGHT - failed, failed),
                    place((HEIGHT - failed - unsure).max(0.0), unsure),
                    place(HEIGHT - ok, ok),
                ],
            }
        });
        let bars: Vec<_> = bars.collect();
        let end = |bar: Option<&Bar>| bar.map(|b| b.when.clone()).unwrap_or_default();
        Some(Timeline { each: long(times.each()), first: end(bars.first()), last: end(bars.last()), bars, most })
    }
}

/// A moment as exactly as the length of a stretch asks for.
fn moment(t: Timestamp, each: Micros) -> String {
    let text = t.to_string().replace('T', " ");
    let digits = match each.0 {
        0..1_000_000 => 23,
        1_000_000..60_000_000 => 19,
        _ => 16,
    };
    text.get(..digits).unwrap_or(&text).to_owned()
}

/// A length of time in whole units.
fn long(each: Micros) -> String {
    let seconds = each.0 / 1_000_000;
    let unit = |n: i64, name: &str| format!("{n} {name}{}", if n == 1 { "" } else { "s" });
    match seconds {
        0 => format!("{} ms", each.0 / 1_000),
        1..60 => unit(seconds, "second"),
        60..3_600 => unit(seconds / 60, "minute"),
        3_600..86_400 => unit(seconds / 3_600, "hour"),
        _ => unit(seconds / 86_400, "day"),
    }
}

/// After how long idle one origin closes.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) told: Vec<Span>,
    /// Where each close stands.
    pub(super) closes: Vec<String>,
    /// What they are held against: where it stands, and what it is.
    pub(super) marks: Vec<(String, String)>,
    pub(super) end: String,
}

impl Idle {
    pub(super) fn of(i: &IdleCloses) -> Idle {
        let longest = i.times.last().copied().unwrap_or(CLOUDFRONT).0;
        let end = if longest > CLOUDFRONT.0 * 3 { longest.max(ALB.0) } else { longest.max(CLOUDFRONT.0) };
        let end = Micros(end.saturating_add(end / 4).max(1));
        let at = |t: Micros| format!("{:.2}", t.0 as f64 / end.0 as f64 * 100.0);
        let known = [(CLOUDFRONT, "CloudFront 5 s"), (ALB, "ALB 60 s")];
        let marks = known.iter().filter(|(t, _)| t.0 <= end.0).map(|(t, what)| (at(*t), (*what).to_owned()));
        let mut closes: Vec<_> = i.times.iter().map(|t| at(*t)).collect();
        closes.dedup();
        Idle { told: spans(&bounded(&i.in_words())), closes, marks: marks.collect(), end: end.to_string() }
    }
}
