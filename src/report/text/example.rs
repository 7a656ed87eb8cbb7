//! A connection kept to be shown: its texts, not its data.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::timeline::Timeline;
use super::timing;
use crate::base::{CaptureIndex, FrameRef, escape};
use crate::diagnosis::{Confidence, Diagnosis, Inner, Limit, Tie};
use crate::observation::Connection;
use crate::report::facts::title;
use crate::report::layout::{Paint, paragraph, shorten};
use crate::report::wireshark;

/// Characters of a message from a cause; real ones have some 200.
const MAX_MESSAGE: usize = 1_000;

/// Further findings on the same connection that are told.
const MAX_OTHERS: usize = 3;

/// What is told of one connection.
#[derive(Debug)]
pub(super) struct Example {
    id: u64,
    pub(super) confidence: Option<Confidence>,
    message: String,
    /// Whether a finding speaks; a verdict's reason is said for all of its connections at once.
    says_something: bool,
    pub(super) fix: Vec<String>,
    pub(super) ruled_out: Vec<(&'static str, String)>,
    pub(super) filter: String,
    /// The capture that the filter is for, where it names frames.
    pub(super) filter_capture: Option<CaptureIndex>,
    title: String,
    frames: (FrameRef, FrameRef),
    /// What failed behind it.
    behind: Vec<String>,
    also: Vec<String>,
    limits: Vec<String>,
    timeline: Timeline,
    times: String,
    /// Why a key log does not open it.
    keys: Option<String>,
}

impl Example {
    /// What explains this connection; where no finding does, the reason of its verdict.
    pub(super) fn of(c: &Connection, d: &Diagnosis) -> Example {
        let finding = d.verdict.cause.and(d.findings.first()).map(|(_, f)| f);
        let message = finding.map(|f| f.message.as_str()).or(d.verdict.reason.as_deref()).unwrap_or_default();
        // What a limit of the capture is, is said with what it blocks.
        let others = d.findings.iter().skip(usize::from(finding.is_some())).filter(|(_, f)| f.blocks.is_none());
        let frames = finding.map(|f| wireshark::Frames::of(f, c.first.capture));
        let filter = frames.map_or_else(|| wireshark::Conversation::of(c).to_string(), |frames| frames.to_string());
        Example {
            id: c.id,
            confidence: d.verdict.confidence,
            message: bounded(message),
            says_something: finding.is_some(),
            fix: finding.map(|f| f.fix.iter().map(|s| bounded(s)).collect()).unwrap_or_default(),
            ruled_out: finding.map(ruled_out).unwrap_or_default(),
            filter,
            filter_capture: frames.map(|frames| frames.capture()),
            title: title(c),
            frames: (c.first, c.last),
            behind: finding.iter().flat_map(|f| &f.inner).map(behind).collect(),
            also: others
                .take(MAX_OTHERS)
                .map(|(cause, f)| format!("{} ({}): {}", cause.id(), f.confidence, bounded(&f.message)))
                .collect(),
            limits: told_limits(d),
            timeline: Timeline::of(c, finding),
            times: timing::decisive(c, finding),
            keys: c.tls.as_ref().and_then(|tls| tls.not_opened_in_words()),
        }
    }

    /// What makes one connection a better example than another: a surer verdict, then an earlier beginning.
    pub(super) fn rank(&self) -> (Reverse<Option<Confidence>>, u64) {
        (Reverse(self.confidence), self.id)
    }

    /// Who talks to whom, and the packets. `told` is what was said already and need not be said again.
    pub(super) fn write<'c>(
        &self,
        out: &mut dyn Write,
        paint: Paint,
        lead: &str,
        path: impl Fn(CaptureIndex) -> Option<&'c str>,
        told: &str,
    ) -> io::Result<()> {
        let (title, (first, last)) = (&self.title, self.frames);
        let file = |capture| path(capture).map_or_else(String::new, |path| format!(", in {}", escape(path)));
        let range = match (first.frame, last.frame, first.capture == last.capture) {
            (first_frame, last_frame, true) => {
                format!("frames\u{a0}{first_frame}\u{a0}to\u{a0}{last_frame}{}", file(first.capture))
            }
            (first_frame, last_frame, false) => format!(
                "frame\u{a0}{first_frame}{}, to frame\u{a0}{last_frame}{}",
                file(first.capture),
                file(last.capture)
            ),
        };
        paragraph(out, "    ", &format!("{lead}{title}, {range}"))?;
        if self.says_something && !escape(told).starts_with(self.message.trim_end_matches('.')) {
            paragraph(out, "    ", &self.message)?;
        }
        self.timeline.write(out, paint)?;
        for inner in &self.behind {
            paragraph(out, "    Behind  ", inner)?;
        }
        paragraph(out, "    Times  ", &self.times)?;
        if let Some(why) = &self.keys {
            paragraph(out, "    Keys  ", &format!("not opened: {why}"))?;
        }
        for other in &self.also {
            paragraph(out, "    Also  ", other)?;
        }
        for limit in &self.limits {
            paragraph(out, "    Limit  ", limit)?;
        }
        Ok(())
    }
}

/// What failed on a connection behind this one, and where to read on.
fn behind(inner: &Inner) -> String {
    let tie = match inner.tie {
        Tie::Request => "of the same request",
        Tie::Time => "tied to it by nothing but the time",
    };
    let (id, cause) = (inner.connection, inner.cause.id());
    format!("connection {id}, {tie}: {} ({}; why502 explain {cause})", bounded(&inner.message), inner.confidence)
}

/// The limits that apply, where the verdict itself is not one of them.
fn told_limits(d: &Diagnosis) -> Vec<String> {
    let others = d.verdict.limits.iter().filter(|l| d.verdict.cause.is_none_or(|cause| cause.id() != l.limit));
    others.map(told_limit).collect()
}

/// `capture.mid-stream: does not show what the handshake settled`.
pub(super) fn told_limit(l: &Limit) -> String {
    format!("{}: does not show {}", l.limit, bounded(&l.blocks))
}

fn ruled_out(f: &crate::diagnosis::Finding) -> Vec<(&'static str, String)> {
    f.ruled_out.iter().map(|r| (r.cause, bounded(&r.why))).collect()
}

/// A text with values from the wire: escaped, and not endless.
pub(super) fn bounded(text: &str) -> String {
    shorten(&escape(text), MAX_MESSAGE).into_owned()
}
