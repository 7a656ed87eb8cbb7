//! The packets of an analysis once more, for whoever writes some of them.

use crate::base::{CaptureIndex, FrameRef};
use crate::ip::{self, Defragmenter, IcmpError, TcpSegment};
use crate::link::{self, IpFrame, MAX_ENCAPSULATION};
use crate::source::{Info, Merge, Source};

use super::clock::Clock;
use super::filter::Filter;
use super::{Failure, Options};

/// What one packet turned out to be.
#[derive(Debug)]
pub enum Replayed<'a> {
    /// A segment, and the IP packet in which it was captured: where that is wrapped in another one, the outermost.
    Tcp(&'a TcpSegment<'a>, IpFrame<'a>),
    /// An error about one.
    Icmp(&'a IcmpError),
    /// Anything else.
    Other,
}

/// Reads captures as [`run`](super::run) does, and hands on each packet under the same number; a segment in fragments
/// with the one that completes it.
///
/// # Errors
/// [`Failure`].
pub fn replay(
    mut sources: Vec<(String, Source)>,
    options: &Options,
    mut each: impl FnMut(FrameRef, Replayed<'_>),
) -> Result<Vec<(String, Info)>, Failure> {
    let mut filter = Filter::new(options.filter.as_deref())?;
    let mut merge = Merge::new(sources.iter_mut().map(|(_, source)| source));
    let (mut clock, mut defragmenter, mut order) = (Clock::new(), Defragmenter::default(), 0);
    while let Some(turn) = merge.turn() {
        let capture = CaptureIndex::try_from(turn.capture).unwrap_or(CaptureIndex::MAX);
        let Some((_, source)) = sources.get_mut(turn.capture) else { continue };
        while turn.is_last() || source.due().is_some_and(|time| turn.includes(time)) {
            let Some(packet) = source.next_packet() else { break };
            if !filter.passes(&packet)? {
                continue;
            }
            clock.tick(packet.time);
            let frame = FrameRef::new(order, packet.frame, packet.time, capture);
            order += 1;
            match link::decode(packet.link_type, packet.bytes, packet.original_len) {
                link::Decoded::Ip(whole) => datagram(whole, frame, &mut defragmenter, &clock, &mut each),
                _ => each(frame, Replayed::Other),
            }
        }
        if !turn.is_last() {
            merge.again(turn, source.due());
        }
    }
    Ok(sources.into_iter().map(|(path, source)| (path, source.info().clone())).collect())
}

fn datagram(
    outermost: IpFrame<'_>,
    frame: FrameRef,
    defragmenter: &mut Defragmenter,
    clock: &Clock,
    each: &mut impl FnMut(FrameRef, Replayed<'_>),
) {
    let mut completed = match ip::decode(outermost) {
        ip::Decoded::Tcp(segment) => return each(frame, Replayed::Tcp(&segment, outermost)),
        ip::Decoded::Icmp(error) => return each(frame, Replayed::Icmp(&error)),
        ip::Decoded::Fragment(fragment) => defragmenter.take(&fragment, clock.now()),
        _ => None,
    };
    for _ in 0..=MAX_ENCAPSULATION {
        let Some(whole) = &completed else { break };
        completed = match ip::decode(whole.frame()) {
            ip::Decoded::Tcp(segment) => return each(frame, Replayed::Tcp(&segment, whole.frame())),
            ip::Decoded::Icmp(error) => return each(frame, Replayed::Icmp(&error)),
            ip::Decoded::Fragment(fragment) => defragmenter.take(&fragment, clock.now()),
            _ => None,
        };
    }
    each(frame, Replayed::Other);
}
