//! A connection kept to be shown: its texts, not its data.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::timeline::Timeline;
use crate::base::{CaptureIndex, FrameRef, escape};
use crate::diagnosis::{Confidence, Diagnosis};
use crate::observation::{Connection, EdgeKind, Role};
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
    also: Vec<String>,
    timeline: Timeline,
}

impl Example {
    /// What explains this connection; where no finding does, the reason of its verdict.
    pub(super) fn of(c: &Connection, d: &Diagnosis) -> Example {
        let finding = d.verdict.cause.and(d.findings.first()).map(|(_, f)| f);
        let message = finding.map(|f| f.message.as_str()).or(d.verdict.reason.as_deref()).unwrap_or_default();
        let others = d.findings.iter().skip(usize::from(finding.is_some())).take(MAX_OTHERS);
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
            also: others
                .map(|(cause, f)| format!("{} ({}): {}", cause.id(), f.confidence, bounded(&f.message)))
                .collect(),
            timeline: Timeline::of(c, finding),
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
        for other in &self.also {
            paragraph(out, "    Also  ", other)?;
        }
        Ok(())
    }
}

fn ruled_out(f: &crate::diagnosis::Finding) -> Vec<(&'static str, String)> {
    f.ruled_out.iter().map(|r| (r.cause, bounded(&r.why))).collect()
}

/// A text with values from the wire: escaped, and not endless.
pub(super) fn bounded(text: &str) -> String {
    shorten(&escape(text), MAX_MESSAGE).into_owned()
}

/// `connection 17: 130.176.1.2:40112 → 10.0.0.5:443 (CloudFront)`.
pub(super) fn title(c: &Connection) -> String {
    let who = match (c.role, c.edge.kind) {
        (Role::HealthCheck, _) => "health check",
        (Role::Inner, _) => "this host's own",
        (Role::Edge, EdgeKind::CloudFront) => "CloudFront",
        (Role::Edge, _) if c.edge.via_cloudfront => "passes on CloudFront's requests",
        (Role::Edge, _) => "private address",
        (Role::Other, _) => "not CloudFront's address",
    };
    format!("connection {}: {} \u{2192} {} ({who})", c.id, c.client, c.server)
}
