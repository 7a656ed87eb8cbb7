//! The answer for a program: `schemas/compare.v1.json`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::chance::{LEVEL, Share};
use super::{Comparison, Picture, Row};
use crate::observation::Step;
use crate::report::json::capture::{GENERATOR, Generator};
use crate::report::json::document;
use crate::report::json::timing::Spread;

/// The name of the schema: it changes when a field is renamed, removed or changes meaning.
pub const SCHEMA: &str = "why502.compare.v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    generator: Generator,
    before: Side<'a>,
    after: Side<'a>,
    level: f64,
    failures: Difference<'a>,
    causes: Vec<Difference<'a>>,
    timing: BTreeMap<String, Times>,
    differences: &'a [String],
    got_worse: bool,
    headline: String,
}

#[derive(Serialize)]
struct Side<'a> {
    path: &'a str,
    frames: u64,
    duration_us: Option<i64>,
    connections: u64,
    failed: u64,
    ok: u64,
    inconclusive: u64,
}

#[derive(Serialize)]
struct Difference<'a> {
    cause: Option<&'a str>,
    change: &'static str,
    before: Rate,
    after: Rate,
    probability: f64,
}

#[derive(Serialize)]
struct Rate {
    failed: u64,
    judged: u64,
    rate: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Serialize)]
struct Times {
    before: Option<Spread>,
    after: Option<Spread>,
}

impl<'a> Side<'a> {
    fn of(p: &'a Picture) -> Side<'a> {
        Side {
            path: &p.path,
            frames: p.frames,
            duration_us: p.length().map(|length| length.0),
            connections: p.connections,
            failed: p.failed,
            ok: p.ok,
            inconclusive: p.inconclusive,
        }
    }
}

impl<'a> Difference<'a> {
    fn of(row: &'a Row) -> Difference<'a> {
        Difference {
            cause: row.cause.as_deref(),
            change: row.change.as_str(),
            before: Rate::of(row.before),
            after: Rate::of(row.after),
            probability: row.probability,
        }
    }
}

impl Rate {
    fn of(share: Share) -> Rate {
        let interval = share.interval();
        Rate {
            failed: share.n,
            judged: share.of,
            rate: share.rate(),
            low: interval.map(|i| i.0),
            high: interval.map(|i| i.1),
        }
    }
}

/// Writes the answer.
///
/// # Errors
/// What the output said.
pub fn json(out: &mut dyn Write, c: &Comparison) -> io::Result<()> {
    let times = |step: Step| {
        let of = |p: &Picture| p.timing.get(&step).copied();
        (format!("{}_us", step.as_str()), Times { before: of(&c.before), after: of(&c.after) })
    };
    let value = Document {
        schema: SCHEMA,
        generator: GENERATOR,
        before: Side::of(&c.before),
        after: Side::of(&c.after),
        level: LEVEL,
        failures: Difference::of(&c.total),
        causes: c.rows.iter().map(Difference::of).collect(),
        timing: Step::ALL.into_iter().map(times).collect(),
        differences: &c.differences,
        got_worse: c.got_worse(),
        headline: c.headline(),
    };
    document(out, &value)
}
