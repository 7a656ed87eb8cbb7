//! What a probe found beside its connections, as a table.

use std::io::{self, Write};

use crate::base::escape;
use crate::diagnosis::Outcome;
use crate::report::layout::{Paint, Tone, paragraph};
use crate::report::{Probed, Row};

/// Writes the section.
pub(super) fn section(out: &mut dyn Write, paint: Paint, probed: &Probed) -> io::Result<()> {
    writeln!(out, "\n{}", paint.text(Tone::Strong, "ASKED AS CLOUDFRONT WOULD"))?;
    paragraph(out, "  ", &format!("{}.", escape(&probed.name_in_words())))?;
    if let Some(trouble) = &probed.trouble {
        paragraph(out, "  ! ", &format!("{}: {}", trouble.cause.id(), escape(&trouble.message)))?;
        for step in &trouble.fix {
            paragraph(out, "    - ", &escape(step))?;
        }
    }
    if let Some(policy) = &probed.policy {
        paragraph(
            out,
            "  ",
            &format!("TLS by s2n-tls, policy {}: which policy a distribution uses is not documented.", escape(policy)),
        )?;
    }
    let mut area = "";
    for row in &probed.rows {
        if row.area != area {
            area = row.area;
            writeln!(out, "\n  {}", paint.text(Tone::Strong, area))?;
        }
        write_row(out, paint, row)?;
    }
    Ok(())
}

fn write_row(out: &mut dyn Write, paint: Paint, row: &Row) -> io::Result<()> {
    let (word, tone) = match row.outcome {
        Some(Outcome::Ok) => ("ok", Tone::Good),
        Some(Outcome::Failed) => ("failed", Tone::Bad),
        Some(Outcome::Inconclusive) => ("unclear", Tone::Unsure),
        None => ("", Tone::Good),
    };
    let mut lines = Vec::new();
    paragraph(&mut lines, "            ", &format!("{}: {}", escape(&row.asked), escape(&row.answer)))?;
    let text = String::from_utf8_lossy(&lines);
    let rest = text.get(12..).unwrap_or_default();
    write!(out, "    {}{:pad$}{rest}", paint.text(tone, word), "", pad = 8 - word.len())
}
