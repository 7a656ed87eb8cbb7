//! Both directions of one WebSocket.

use super::reader::{Event, Reader};
use super::{Close, Transcript};
use crate::base::{FrameRef, PerSide, Side};

/// Reads both directions of one WebSocket as they come.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    readers: PerSide<Reader>,
    told: Transcript,
}

impl Observer {
    /// The next bytes of a direction, from the first after the 101 on.
    pub fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        let told = &mut self.told;
        told.first[from].get_or_insert(frame);
        told.last[from] = Some(frame);
        if told.lost[from].is_some() {
            return;
        }
        let mut malformed = false;
        self.readers[from].read(bytes, |event| match event {
            Event::Frame => told.frames[from] += 1,
            Event::Close => drop(told.close[from].get_or_insert(Close::new(frame))),
            Event::Code(code) => {
                if let Some(close) = &mut told.close[from] {
                    close.code.get_or_insert(code);
                }
            }
            Event::Malformed => malformed = true,
        });
        if malformed {
            told.lost[from] = Some(frame);
        }
    }

    /// The next `len` bytes of a direction are not in the capture.
    pub fn gap(&mut self, from: Side, len: u64, frame: FrameRef) {
        if !self.readers[from].skip_missing(len) {
            self.told.lost[from].get_or_insert(frame);
        }
    }

    /// What was seen.
    #[must_use]
    pub fn finish(self) -> Transcript {
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    fn at(frame: u64) -> FrameRef {
        FrameRef::new(frame, frame, Timestamp(0), 0)
    }

    /// Close 1001 of a client, masked; a text of 300 bytes, a ping, Close 1000 of a server.
    fn both() -> (Vec<u8>, Vec<u8>) {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let client = [&[0x88, 0x82][..], &key, &[0x03 ^ key[0], 0xe9 ^ key[1]]].concat();
        let server = [&[0x81, 126, 1, 44][..], &[b'x'; 300], &[0x89, 0], &[0x88, 2, 0x03, 0xe8]].concat();
        (client, server)
    }

    #[test]
    fn frames_are_told_apart_however_they_are_cut() {
        let (client, server) = both();
        for size in 1..=server.len() {
            let mut observer = Observer::default();
            for part in client.chunks(size) {
                observer.data(Side::Client, part, at(1));
            }
            for (n, part) in server.chunks(size).enumerate() {
                observer.data(Side::Server, part, at(2 + n as u64));
            }
            let told = observer.finish();
            assert_eq!((told.frames.client, told.frames.server), (1, 3), "{size}");
            let codes = (told.close.client.and_then(|c| c.code), told.close.server.and_then(|c| c.code));
            assert_eq!(codes, (Some(1001), Some(1000)), "{size}");
            assert_eq!(told.lost, PerSide::default(), "{size}");
        }
    }

    #[test]
    fn a_hole_within_a_payload_is_counted_and_one_at_a_header_loses_the_frames() {
        let (_, server) = both();
        for (before, len, known) in [(4, 300, true), (10, 100, true), (3, 1, false), (4, 301, false), (304, 1, false)] {
            let mut observer = Observer::default();
            observer.data(Side::Server, &server[..before], at(1));
            observer.gap(Side::Server, len, at(2));
            observer.data(Side::Server, &server[before + len as usize..], at(2));
            let told = observer.finish();
            assert_eq!((told.lost.server.is_none(), told.close.server.is_some()), (known, known), "{before}, {len}");
        }
    }

    #[test]
    fn what_is_no_frame_is_lost() {
        // An opcode of no meaning, a Close in fragments, a ping that is too long.
        for bytes in [[0x83, 0, 0, 0], [0x08, 0, 0, 0], [0x89, 126, 1, 0]] {
            let mut observer = Observer::default();
            observer.data(Side::Server, &bytes, at(7));
            assert_eq!(observer.finish().lost.server, Some(at(7)), "{bytes:?}");
        }
    }
}
