//! The answer for a terminal.

use std::io::{self, Write};

use super::{Change, Comparison, Picture, Row};
use crate::base::{Micros, escape};
use crate::report::layout::{Paint, Tone, WIDTH, count, paragraph, shorten, wrap};
use crate::report::steps::TOLD;

/// Causes listed; the catalogue has fewer than 200, most of which never come together.
const MAX_ROWS: usize = 40;

/// Differences listed.
const MAX_DIFFERENCES: usize = 12;

/// Columns of a cause's name.
const NAME: usize = 38;

/// Writes the answer.
///
/// # Errors
/// What the output said.
pub fn text(out: &mut dyn Write, c: &Comparison, colour: bool) -> io::Result<()> {
    let paint = Paint(colour);
    let changed = c.rows.iter().any(|row| row.change != Change::Unchanged);
    let tone = if c.got_worse() {
        Tone::Bad
    } else if changed {
        Tone::Good
    } else {
        Tone::Strong
    };
    for line in wrap(&format!("why502: {}", escape(&c.headline())), WIDTH) {
        writeln!(out, "{}", paint.text(tone, line))?;
    }
    writeln!(out)?;
    for (name, picture) in [("Before", &c.before), ("After", &c.after)] {
        paragraph(out, &format!("  {name:8}"), &about(picture))?;
    }
    writeln!(
        out,
        "\n{}",
        paint.text(Tone::Strong, format_args!("{:12}{:NAME$} {:>14} {:>14}", "", "FAILED BY", "BEFORE", "AFTER"))
    )?;
    for row in c.rows.iter().take(MAX_ROWS).chain([&c.total]) {
        self::row(out, paint, row)?;
    }
    if let Some(more @ 1..) = c.rows.len().checked_sub(MAX_ROWS) {
        writeln!(out, "  and {}, see --format json", count(more as u64, "more cause"))?;
    }
    for (i, difference) in c.differences.iter().take(MAX_DIFFERENCES).enumerate() {
        if i == 0 {
            writeln!(out)?;
        }
        paragraph(out, "  ! ", &shorten(&escape(difference), WIDTH * 5))?;
    }
    timing(out, paint, c)
}

fn about(p: &Picture) -> String {
    let length = p.length().map_or_else(String::new, |length| format!(" in {length}"));
    let path = escape(&p.path);
    let judged = format!("{} failed, {} inconclusive, {} in order", p.failed, p.inconclusive, p.ok);
    format!("{path}: {}{length}, {}: {judged}", count(p.frames, "packet"), count(p.connections, "connection"))
}

fn row(out: &mut dyn Write, paint: Paint, row: &Row) -> io::Result<()> {
    let tone = match row.change {
        Change::Broken | Change::Worse | Change::New => Tone::Bad,
        Change::Mended | Change::Better => Tone::Good,
        Change::Gone | Change::Unchanged => Tone::Plain,
    };
    let share = |share: super::Share| match share.rate() {
        Some(rate) if share.of < 100_000 => format!("{}/{} {:3.0} %", share.n, share.of, rate * 100.0),
        _ => format!("{}/{}", share.n, share.of),
    };
    let name = escape(row.name());
    let change = paint.text(tone, format!("{:10}", row.change.as_str()));
    let (before, after) = (share(row.before), share(row.after));
    writeln!(out, "  {change}{:NAME$} {before:>14} {after:>14}", shorten(&name, NAME))
}

fn timing(out: &mut dyn Write, paint: Paint, c: &Comparison) -> io::Result<()> {
    let both =
        TOLD.iter().filter_map(|(step, name, _)| Some((name, c.before.timing.get(step)?, c.after.timing.get(step)?)));
    for (i, (name, before, after)) in both.enumerate() {
        if i == 0 {
            writeln!(out, "\n{}", paint.text(Tone::Strong, "TIMING"))?;
        }
        let [a, b, x, y] = [before.p50, after.p50, before.p99, after.p99].map(|us| Micros(us).to_string());
        writeln!(out, "  {name:14}  p50 {a:>8} \u{2192} {b:>8}  p99 {x:>8} \u{2192} {y:>8}")?;
    }
    Ok(())
}
