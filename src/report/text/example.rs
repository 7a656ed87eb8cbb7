//! A connection that is shown.

use std::io::{self, Write};

use super::timeline;
use crate::base::{CaptureIndex, escape};
use crate::report::example::Example;
use crate::report::layout::{Paint, paragraph};

/// Who talks to whom, and the packets. `told` is what was said already and need not be said again.
pub(super) fn write<'c>(
    example: &Example,
    out: &mut dyn Write,
    paint: Paint,
    lead: &str,
    path: impl Fn(CaptureIndex) -> Option<&'c str>,
    told: &str,
) -> io::Result<()> {
    let (title, (first, last)) = (&example.title, example.frames);
    let file = |capture| path(capture).map_or_else(String::new, |path| format!(", in {}", escape(path)));
    let range = match (first.frame, last.frame, first.capture() == last.capture()) {
        (first_frame, last_frame, true) => {
            format!("frames\u{a0}{first_frame}\u{a0}to\u{a0}{last_frame}{}", file(first.capture()))
        }
        (first_frame, last_frame, false) => {
            format!(
                "frame\u{a0}{first_frame}{}, to frame\u{a0}{last_frame}{}",
                file(first.capture()),
                file(last.capture())
            )
        }
    };
    paragraph(out, "    ", &format!("{lead}{title}, {range}"))?;
    if example.says_something && !escape(told).starts_with(example.message.trim_end_matches('.')) {
        paragraph(out, "    ", &example.message)?;
    }
    timeline::write(&example.timeline, out, paint)?;
    for inner in &example.behind {
        paragraph(out, "    Behind  ", inner)?;
    }
    paragraph(out, "    Times  ", &example.times)?;
    if let Some(why) = &example.keys {
        paragraph(out, "    Keys  ", &format!("not opened: {why}"))?;
    }
    for other in &example.also {
        paragraph(out, "    Also  ", other)?;
    }
    for limit in &example.limits {
        paragraph(out, "    Limit  ", limit)?;
    }
    Ok(())
}
