//! The packets of a connection as lines.

use std::io::{self, Write};

use crate::report::layout::{Paint, Tone, WIDTH, wrap};
use crate::report::timeline::Timeline;

pub(super) fn write(timeline: &Timeline, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    if timeline.rows.is_empty() {
        return Ok(());
    }
    let frames = timeline.rows.iter().map(|r| timeline.number(r).len()).max().unwrap_or(0).max(5);
    let times = timeline.rows.iter().map(|r| timeline.seconds(r).len()).max().unwrap_or(0).max(8);
    writeln!(out, "{}", paint.text(Tone::Quiet, format_args!("      {:>frames$}  {:>times$}", "frame", "seconds")))?;
    let indent = 6 + frames + 2 + times + 2 + 8 + 2;
    for row in &timeline.rows {
        if row.skipped > 0 {
            let steps = if row.skipped == 1 { "step" } else { "steps" };
            writeln!(out, "      {:>frames$}  {} more {steps}", "\u{2026}", row.skipped)?;
        }
        let mark = if row.is_proof() { paint.text(Tone::Bad, "    > ") } else { paint.text(Tone::Plain, "      ") };
        let (number, seconds) = (timeline.number(row), timeline.seconds(row));
        write!(out, "{mark}{number:>frames$}  {seconds:>times$}  {:8}", timeline.side(row))?;
        let mut lines = 0;
        for (text, proof) in row.lines() {
            let tone = if proof { Tone::Strong } else { Tone::Plain };
            for line in wrap(text, WIDTH.saturating_sub(indent)) {
                let lead = if lines == 0 { 2 } else { indent };
                writeln!(out, "{:lead$}{}", "", paint.text(tone, line))?;
                lines += 1;
            }
        }
        if lines == 0 {
            writeln!(out)?;
        }
    }
    Ok(())
}
