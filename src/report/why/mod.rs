//! What one frame has to do with any finding: the answer of `why502 why`.

mod carried;
mod json;
mod text;

pub use json::{SCHEMA, json};
pub use text::text;

use std::fmt;

use crate::base::{Endpoint, Side, Timestamp};
use crate::diagnosis::{Confidence, Diagnosis, Outcome};
use crate::ip::TcpFlags;
use crate::observation::Connection;
use crate::source::Packet;

use super::{facts, wireshark};

/// All that there is to say.
#[derive(Debug)]
pub struct Answer {
    /// The frame by itself.
    pub watched: Watched,
    /// The connection that it belongs to, where there is one.
    pub connection: Option<Involved>,
}

/// One frame by itself.
#[derive(Debug)]
pub struct Watched {
    pub(super) path: String,
    pub(super) frame: u64,
    pub(super) time: Timestamp,
    /// Bytes captured, and on the wire.
    pub(super) captured: usize,
    pub(super) length: u32,
    pub(super) layer: Layer,
    pub(super) marks: Vec<Mark>,
}

/// How far a frame was understood.
#[derive(Debug)]
pub enum Layer {
    /// The filter leaves it out.
    Filtered,
    /// It carries no IP packet.
    NotIp,
    /// Neither TCP nor an ICMP error about TCP.
    OtherProtocol,
    /// It cannot be decoded, and why.
    Undecodable(String),
    /// A part of an IP packet.
    Fragment,
    /// A TCP segment between ports that are not looked at.
    OtherPort(Segment),
    /// An ICMP error.
    Icmp {
        /// What it says, and who says it.
        what: String,
        /// Source and destination of the segment that it is about.
        about: (Endpoint, Endpoint),
    },
    /// A TCP segment that was looked at.
    Segment(Segment),
}

/// The header of a TCP segment, as far as a person asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// Who sent it.
    pub source: Endpoint,
    /// For whom it is.
    pub destination: Endpoint,
    /// The control bits.
    pub flags: TcpFlags,
    /// Bytes of payload on the wire.
    pub payload: u32,
}

/// Something that the TCP stage noticed about a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The packet was captured before.
    Duplicate,
    /// It carries bytes that were sent before.
    Retransmission,
    /// It came after a later one.
    OutOfOrder,
    /// It asks whether the peer is still there.
    KeepAlive,
    /// It announces a window of 0.
    ZeroWindow,
}

/// A connection, as far as it concerns the frame.
#[derive(Debug)]
pub struct Involved {
    pub(super) id: u64,
    pub(super) title: String,
    pub(super) role: &'static str,
    pub(super) from: Option<Side>,
    pub(super) frames: (u64, u64),
    pub(super) conversation: String,
    /// What lies in the frame; names from the wire are escaped in it.
    pub(super) carried: Vec<String>,
    pub(super) outcome: Outcome,
    pub(super) cause: Option<&'static str>,
    pub(super) confidence: Option<Confidence>,
    pub(super) reason: Option<String>,
    /// Findings that cite the frame, the verdict's first.
    pub(super) cited: Vec<Cited>,
    /// The nearest evidence before and after it, where nothing cites it.
    pub(super) near: [Option<Cited>; 2],
    /// The first FIN or RST.
    end: Option<u64>,
    findings: usize,
}

/// A piece of evidence.
#[derive(Debug, Clone)]
pub(super) struct Cited {
    pub(super) cause: &'static str,
    pub(super) confidence: Confidence,
    /// It is the finding that the verdict names.
    pub(super) is_verdict: bool,
    pub(super) frame: u64,
    pub(super) note: String,
}

impl Watched {
    /// A frame of the capture at `path`, and what was made of it.
    #[must_use]
    pub fn of(path: &str, packet: &Packet<'_>, layer: Layer, marks: Vec<Mark>) -> Watched {
        Watched {
            path: path.to_owned(),
            frame: packet.frame,
            time: packet.time,
            captured: packet.bytes.len(),
            length: packet.original_len,
            layer,
            marks,
        }
    }
}

impl Layer {
    /// The ends of the connection that it belongs to, or speaks of.
    #[must_use]
    pub fn ends(&self) -> Option<(Endpoint, Endpoint)> {
        match self {
            Layer::Segment(s) => Some((s.source, s.destination)),
            Layer::Icmp { about, .. } => Some(*about),
            _ => None,
        }
    }

    /// Who sent the segment.
    #[must_use]
    pub fn sender(&self) -> Option<Endpoint> {
        match self {
            Layer::Segment(s) => Some(s.source),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Layer::Filtered => "filtered",
            Layer::NotIp => "not-ip",
            Layer::OtherProtocol => "other-protocol",
            Layer::Undecodable(_) => "undecodable",
            Layer::Fragment => "fragment",
            Layer::OtherPort(_) => "other-port",
            Layer::Icmp { .. } => "icmp-error",
            Layer::Segment(_) => "tcp",
        }
    }

    /// The segment, looked at or not.
    pub(super) fn segment(&self) -> Option<&Segment> {
        match self {
            Layer::Segment(s) | Layer::OtherPort(s) => Some(s),
            _ => None,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Filtered => f.write_str("it was not looked at: --filter leaves it out"),
            Layer::NotIp => f.write_str("it carries no IP packet"),
            Layer::OtherProtocol => f.write_str("it is IP, but neither TCP nor an ICMP error about TCP"),
            Layer::Undecodable(why) => write!(f, "it cannot be decoded: {why}"),
            Layer::Fragment => f.write_str(
                "it is a fragment of an IP packet: what it carries counts in the frame that brings the last fragment",
            ),
            Layer::OtherPort(s) => {
                write!(f, "it was not looked at: --port names neither {} nor {}", s.source.port, s.destination.port)
            }
            Layer::Icmp { what, about } => {
                write!(f, "an ICMP error, {what}, about a segment from {} to {}", about.0, about.1)
            }
            Layer::Segment(s) => {
                write!(f, "{} \u{2192} {}, {}", s.source, s.destination, s.flags)?;
                if s.payload == 0 { f.write_str(", no payload") } else { write!(f, ", {} bytes of payload", s.payload) }
            }
        }
    }
}

impl Mark {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Mark::Duplicate => "duplicate",
            Mark::Retransmission => "retransmission",
            Mark::OutOfOrder => "out-of-order",
            Mark::KeepAlive => "keep-alive",
            Mark::ZeroWindow => "zero-window",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mark::Duplicate => "a copy of a packet that was captured before: it is not counted again",
            Mark::Retransmission => "a retransmission: it was sent before",
            Mark::OutOfOrder => "captured after a later one: it was put in its place",
            Mark::KeepAlive => "a keep-alive probe",
            Mark::ZeroWindow => "it announces a window of 0: its sender takes no more for now",
        })
    }
}

impl Involved {
    /// What a connection has to do with one of its frames, which `sender` sent.
    #[must_use]
    pub fn of(c: &Connection, d: &Diagnosis, frame: u64, sender: Option<Endpoint>) -> Involved {
        let from = sender.map(|end| if end == c.client { Side::Client } else { Side::Server });
        let verdict = d.verdict.cause;
        let evidence = d.findings.iter().flat_map(|(cause, f)| {
            f.evidence.iter().map(|e| Cited {
                cause: cause.id(),
                confidence: f.confidence,
                is_verdict: verdict == Some(*cause),
                frame: e.frame.frame,
                note: e.note.to_string(),
            })
        });
        let (cited, others): (Vec<_>, Vec<_>) = evidence.partition(|e| e.frame == frame);
        // Of several at one frame that of the verdict, which comes first.
        let before = others.iter().filter(|e| e.frame < frame).rev().max_by_key(|e| e.frame);
        let after = others.iter().filter(|e| e.frame > frame).min_by_key(|e| e.frame);
        let near = if cited.is_empty() { [before.cloned(), after.cloned()] } else { [None, None] };
        Involved {
            id: c.id,
            title: facts::title(c),
            role: c.role.as_str(),
            from,
            frames: (c.first.frame, c.last.frame),
            conversation: wireshark::Conversation::of(c).to_string(),
            carried: from.map(|from| carried::carried(c, from, frame)).unwrap_or_default(),
            outcome: d.verdict.outcome,
            cause: verdict.map(|cause| cause.id()),
            confidence: d.verdict.confidence,
            reason: d.verdict.reason.as_deref().map(str::to_owned),
            near,
            cited,
            end: c.closer().map(|end| end.frame.frame),
            findings: d.findings.len(),
        }
    }
}

impl Answer {
    /// Why no finding cites the frame; `None` where one does.
    pub(super) fn why_not(&self) -> Option<String> {
        let watched = &self.watched;
        let Some(c) = &self.connection else {
            return Some(match &watched.layer {
                Layer::Icmp { .. } => "no connection is in the capture that it speaks of".to_owned(),
                Layer::Segment(_) => "its connection was not kept".to_owned(),
                other => other.to_string(),
            });
        };
        let segment = watched.layer.segment();
        let speaks = segment.is_some_and(|s| s.payload > 0 || s.flags.syn() || s.flags.fin() || s.flags.rst());
        Some(match c.end {
            _ if !c.cited.is_empty() => return None,
            _ if c.findings == 0 && c.outcome == Outcome::Ok => {
                "nothing was found on its connection, which is in order".to_owned()
            }
            _ if c.findings == 0 => "nothing was found on its connection".to_owned(),
            _ if watched.marks.contains(&Mark::Duplicate) => {
                "it is a copy of a packet that was captured before".to_owned()
            }
            _ if watched.marks.contains(&Mark::Retransmission) => "it says only what was said before".to_owned(),
            Some(end) if end < watched.frame => {
                format!("it comes after frame {end}, which ended the connection: what comes later explains nothing")
            }
            _ if segment.is_some() && !speaks => {
                "it only acknowledges; findings rest on what a side says and on what ends a connection".to_owned()
            }
            _ => "no finding rests on what it carries".to_owned(),
        })
    }

    /// The answer in one sentence.
    pub(super) fn headline(&self) -> String {
        let frame = self.watched.frame;
        let Some(c) = &self.connection else {
            return format!("frame {frame} has to do with no finding: it belongs to no connection");
        };
        let mut causes: Vec<_> = c.cited.iter().map(|e| e.cause).collect();
        causes.dedup();
        let verdict = match c.cause {
            Some(cause) => format!("{}: {cause}", c.outcome.as_str()),
            None => c.outcome.as_str().to_owned(),
        };
        match causes.is_empty() {
            false => format!("frame {frame} is evidence of {} on connection {}", causes.join(" and "), c.id),
            true => format!("frame {frame} belongs to connection {} ({verdict}), but no finding cites it", c.id),
        }
    }
}
