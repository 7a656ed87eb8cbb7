//! One pass that keeps an eye on one frame.
//!
//! The engine does its ordinary work and knows nothing of it: what it made of the frame is the difference between
//! what it knew before and after.

use std::cell::Cell;
use std::io;

use crate::base::Endpoint;
use crate::diagnosis::Diagnosis;
use crate::ip;
use crate::link;
use crate::observation::Connection;
use crate::report::why::{Answer, Involved, Layer, Mark, Segment, Watched};
use crate::report::{Capture, Renderer, Summary};
use crate::source::{Packet, Source};
use crate::tcp;

use super::desk::Desk;
use super::filter::Filter;
use super::run::drops;
use super::{Engine, Failure, Options};

/// Reads a capture and says what one of its frames, counted from 1, has to do with any finding.
///
/// # Errors
/// [`Failure`]; among them that there is no such frame.
pub fn why(path: &str, mut source: Source, options: &Options, frame: u64) -> Result<Answer, Failure> {
    let (id, sender) = (Cell::new(None), Cell::new(None));
    let mut ear = Ear { id: &id, sender: &sender, frame, told: None };
    let mut engine = Engine::new(options);
    let mut desk = Desk::new(options, None, &mut ear);
    let mut filter = Filter::new(options.filter.as_deref())?;
    let mut watched = None;
    let mut known = 0;
    loop {
        if source.info().secrets.len() > known {
            known = engine.learn(&source.info().secrets, known);
        }
        let Some(packet) = source.next_packet() else { break };
        let passes = filter.passes(&packet)?;
        if packet.frame == frame {
            let layer = if passes { understood(&packet, options) } else { Layer::Filtered };
            let ends = layer.ends();
            let before = ends.and_then(|(a, b)| engine.open_between(a, b));
            if passes {
                engine.packet(0, &packet, |c| desk.take_and_tell(c, None))?;
            }
            let after = ends.and_then(|(a, b)| engine.open_between(a, b));
            let marks = match &layer {
                Layer::Segment(_) => marks(before, after.as_ref()),
                _ => Vec::new(),
            };
            id.set(match &layer {
                Layer::Fragment => engine.open_that_took(frame),
                _ => after.map(|(id, _)| id),
            });
            sender.set(layer.sender());
            watched = Some(Watched::of(path, &packet, layer, marks));
        } else if passes {
            engine.packet(0, &packet, |c| desk.take_and_tell(c, None))?;
        }
    }
    engine.finish(|c| desk.take_and_tell(c, None))?;
    desk.finish(&drops(std::iter::once(source.info())))?;
    let frames = source.info().frames;
    let watched = watched.ok_or(Failure::NoFrame { frame, frames })?;
    Ok(Answer { watched, connection: ear.told })
}

/// How far a packet is understood by itself.
fn understood(packet: &Packet<'_>, options: &Options) -> Layer {
    let whole = match link::decode(packet.link_type, packet.bytes, packet.original_len) {
        link::Decoded::Ip(whole) => whole,
        link::Decoded::NotIp => return Layer::NotIp,
        link::Decoded::Undecodable(why) => return Layer::Undecodable(why.to_string()),
    };
    match ip::decode(whole) {
        ip::Decoded::Tcp(s) => {
            let segment =
                Segment { source: s.source, destination: s.destination, flags: s.flags, payload: s.payload_len };
            let ports = &options.ports;
            let looked_at = |end: Endpoint| ports.is_empty() || ports.contains(&end.port);
            if looked_at(s.source) || looked_at(s.destination) {
                Layer::Segment(segment)
            } else {
                Layer::OtherPort(segment)
            }
        }
        ip::Decoded::Icmp(error) => {
            let what = format!("{} from {}", error.kind, error.sender);
            Layer::Icmp { what, about: error.about }
        }
        ip::Decoded::Fragment(_) => Layer::Fragment,
        ip::Decoded::OtherProtocol => Layer::OtherProtocol,
        ip::Decoded::Undecodable(why) => Layer::Undecodable(why.to_string()),
    }
}

/// What the TCP stage made of a segment.
fn marks(before: Option<(u64, tcp::Summary)>, after: Option<&(u64, tcp::Summary)>) -> Vec<Mark> {
    let Some((id, after)) = after else { return Vec::new() };
    let before = before.filter(|(b, _)| b == id).map(|(_, summary)| summary).unwrap_or_default();
    let counts = |s: &tcp::Summary| {
        [
            (Mark::Duplicate, s.odd.duplicates),
            (Mark::Retransmission, s.odd.retransmissions),
            (Mark::OutOfOrder, s.odd.out_of_order),
            (Mark::KeepAlive, s.odd.keep_alives),
            (Mark::ZeroWindow, s.odd.zero_windows),
        ]
    };
    let grown = counts(&before).into_iter().zip(counts(after)).filter(|(was, is)| was.1 != is.1);
    grown.map(|(_, (mark, _))| mark).collect()
}

/// Waits for the connection of the frame.
struct Ear<'w> {
    id: &'w Cell<Option<u64>>,
    sender: &'w Cell<Option<Endpoint>>,
    frame: u64,
    told: Option<Involved>,
}

impl Renderer for Ear<'_> {
    fn connection(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        if self.id.get() == Some(connection.id) {
            self.told = Some(Involved::of(connection, diagnosis, self.frame, self.sender.get()));
        }
        Ok(())
    }

    fn finish(&mut self, _captures: &[Capture], _summary: &Summary) -> io::Result<()> {
        Ok(())
    }
}
