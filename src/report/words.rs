//! What reports for people say in the same words.

use super::layout::count;
use super::{Capture, CauseCount, OtherCounts};
use crate::base::{CaptureIndex, Timestamp};
use crate::diagnosis::Confidence;
use crate::source::Info;

/// The path of a capture; nothing where there is one capture only.
pub(super) fn path_of(captures: &[Capture], capture: CaptureIndex) -> Option<&str> {
    captures.get(usize::from(capture)).filter(|_| captures.len() > 1).map(|c| c.path.as_str())
}

/// The connections that do not count, in a sentence.
pub(super) fn beside(other: OtherCounts) -> String {
    match (other.connections, other.failed) {
        (1, 0) => "beside them 1 connection of another than the edge (--all-peers counts it, too)".to_owned(),
        (1, _) => {
            "beside them 1 connection of another than the edge, which failed (--all-peers counts it, too)".to_owned()
        }
        (n, failed) => format!(
            "beside them {} of others than the edge, {failed} of which failed (--all-peers counts them, too)",
            count(n, "connection")
        ),
    }
}

/// How sure a verdict is, in a few words.
pub(super) fn sureness(confidence: Confidence) -> String {
    match confidence {
        Confidence::Certain => "Certain: the packets prove it.",
        Confidence::Likely => "Likely: the packets admit one ordinary explanation.",
        Confidence::Possible => "Possible: the packets admit this and other explanations.",
    }
    .to_owned()
}

/// What the viewer and CloudFront's log saw, as far as it is known.
pub(super) fn viewer(told: &CauseCount) -> Option<String> {
    let log = told.edge.detail.map_or_else(String::new, |d| format!("; CloudFront's log says {d}"));
    match told.edge.status {
        Some(status) => Some(format!("The viewer most likely saw {status}{log}.")),
        // The facts: a connection attempt without answer is 502 on one of AWS's pages and 504 on another.
        None if told.cause.id().starts_with("tcp.syn-") => {
            Some("The viewer saw 502 or 504 (AWS's pages disagree).".to_owned())
        }
        None => None,
    }
}

/// `From 14:03:07 to 14:05:11 UTC.`, with the day where it is not the same.
pub(super) fn when(told: &CauseCount) -> String {
    let (first, last) = (clock(told.first_time), clock(told.last_time));
    match (first == last, first.0 == last.0) {
        (true, _) => format!("At {}\u{a0}UTC.", first.1),
        (_, true) => format!("From {}\u{a0}to\u{a0}{}\u{a0}UTC.", first.1, last.1),
        _ => format!("From {} {} to {} {} UTC.", first.0, first.1, last.0, last.1),
    }
}

/// Day and time of day.
pub(super) fn clock(t: Timestamp) -> (String, String) {
    let text = t.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    (part(0..10), part(11..19))
}

/// How much was captured and when.
pub(super) fn span(info: &Info) -> String {
    let packets = count(info.frames, "packet");
    match (info.first_time, info.last_time) {
        (Some(first), Some(last)) => {
            let (day, from) = clock(first);
            let (last_day, to) = clock(last);
            let to = match (day == last_day, from == to) {
                (true, true) => String::new(),
                (true, false) => format!(" to {to}"),
                (false, _) => format!(" to {last_day} {to}"),
            };
            format!("{packets}, {day} {from}{to} UTC ({})", last.since(first))
        }
        _ => packets,
    }
}
