//! The answer for a terminal.

use std::io::{self, Write};

use super::{Answer, Cited, Involved, Watched};
use crate::base::{Side, escape};
use crate::diagnosis::Outcome;
use crate::report::layout::{Paint, Tone, WIDTH, paragraph, shorten, wrap};

/// Characters of one text from a connection; real ones have some 200.
const MAX_TEXT: usize = 1_000;

/// Columns before what a label names.
const LABEL: usize = 12;

/// Writes the answer.
///
/// # Errors
/// What the output said.
pub fn text(out: &mut dyn Write, answer: &Answer, colour: bool) -> io::Result<()> {
    let paint = Paint(colour);
    for line in wrap(&format!("why502: {}", escape(&answer.headline())), WIDTH) {
        writeln!(out, "{}", paint.text(Tone::Strong, line))?;
    }
    writeln!(out)?;
    frame(out, &answer.watched)?;
    if let Some(c) = &answer.connection {
        connection(out, c)?;
        for cited in &c.cited {
            evidence(out, "Evidence", cited, false)?;
        }
    }
    if let Some(why_not) = answer.why_not().filter(|_| answer.connection.is_some()) {
        label(out, "Not cited", &format!("because {why_not}"))?;
    }
    if let Some(c) = &answer.connection {
        for (name, near) in ["Before it", "After it"].into_iter().zip(&c.near) {
            near.iter().try_for_each(|near| evidence(out, name, near, true))?;
        }
        label(out, "Wireshark", &c.conversation)?;
    }
    // In one piece, however long: it is there to be copied.
    writeln!(out, "  {:LABEL$}{}", "Packet", escape(&command(&answer.watched)))?;
    if let Some(cause) = answer.connection.as_ref().and_then(|c| c.cited.first().map(|e| e.cause).or(c.cause)) {
        label(out, "More", &format!("why502 explain {cause}"))?;
    }
    Ok(())
}

fn frame(out: &mut dyn Write, w: &Watched) -> io::Result<()> {
    let cut = if (w.captured as u64) < u64::from(w.length) {
        format!(", {} of {} bytes captured", w.captured, w.length)
    } else {
        String::new()
    };
    label(out, &format!("Frame {}", w.frame), &format!("{}, {}{cut}", w.time, w.layer))?;
    w.marks.iter().try_for_each(|mark| label(out, "", &mark.to_string()))
}

fn connection(out: &mut dyn Write, c: &Involved) -> io::Result<()> {
    for (i, carried) in c.carried.iter().enumerate() {
        let name = if i == 0 { "Carries" } else { "" };
        paragraph(out, &format!("  {name:LABEL$}"), &shorten(carried, MAX_TEXT))?;
    }
    let (first, last) = c.frames;
    let from = match (c.from, c.role) {
        (None, _) => "",
        (Some(Side::Client), "edge") => "sent by the edge on ",
        (Some(Side::Server), "edge") => "sent by the origin on ",
        (Some(Side::Client), _) => "sent by the client on ",
        (Some(Side::Server), _) => "sent by the server on ",
    };
    label(out, "Belongs to", &format!("{from}{}, frames {first} to {last}", c.title))?;
    let verdict = match (c.outcome, c.cause, c.confidence) {
        (outcome, Some(cause), Some(confidence)) => format!("{}: {cause} ({confidence})", outcome.as_str()),
        (Outcome::Ok, ..) => "ok".to_owned(),
        (outcome, ..) => format!("{}: {}", outcome.as_str(), c.reason.as_deref().unwrap_or_default()),
    };
    label(out, "Verdict", &verdict)
}

fn evidence(out: &mut dyn Write, name: &str, e: &Cited, elsewhere: bool) -> io::Result<()> {
    let place = if elsewhere { format!("frame {}, ", e.frame) } else { String::new() };
    let verdict = if e.is_verdict { ", the verdict" } else { "" };
    label(out, name, &format!("{place}of {} ({}{verdict}): {}", e.cause, e.confidence, e.note))
}

fn label(out: &mut dyn Write, name: &str, what: &str) -> io::Result<()> {
    paragraph(out, &format!("  {name:LABEL$}"), &shorten(&escape(what), MAX_TEXT))
}

/// How to see the packet in full.
fn command(w: &Watched) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    let path = match w.path.as_str() {
        "-" => "FILE".to_owned(),
        path if path.chars().all(plain) => path.to_owned(),
        path => format!("'{}'", path.replace('\'', r"'\''")),
    };
    format!("tshark -r {path} -Y 'frame.number == {}' -V", w.frame)
}
