//! How long the steps took: a line for each over all connections.

use std::io::{self, Write};

use crate::observation::Timings;
use crate::report::layout::{Paint, Tone, WIDTH, count};
use crate::report::steps::{TOLD, is_enough};

/// Writes a line for each step of which enough is known, of so many connections.
pub(super) fn section(out: &mut dyn Write, paint: Paint, timings: &Timings, connections: u64) -> io::Result<()> {
    let mut lines = Vec::new();
    for (step, histogram) in timings.steps() {
        let Some((_, name, noun)) = TOLD.iter().find(|(told, ..)| *told == step) else { continue };
        let (true, Some((_, max))) = (is_enough(histogram.count(), connections), histogram.range()) else { continue };
        let [p50, p99] = [50, 99].map(|p| histogram.percentile(p).unwrap_or(max).to_string());
        let line = format!("  {name:14}  p50 {p50:>8}  p99 {p99:>8}  max {:>8}", max.to_string());
        let of = format!("  ({})", count(histogram.count(), noun));
        let room = line.chars().count() + of.chars().count() <= WIDTH;
        lines.push(if room { line + &of } else { line });
    }
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paint.text(Tone::Strong, "TIMING"))?;
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}
