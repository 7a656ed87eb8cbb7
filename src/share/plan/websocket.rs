//! WebSocket (RFC 6455): the heads of frames stay, and the code with which one is closed.

use super::BLANK;
use super::side::Out;

const CLOSE: u8 = 8;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: Vec<u8>,
    /// Bytes of the payload that are to come, and how many of them stay.
    left: u64,
    stay: u64,
    lost: bool,
}

impl Frames {
    pub(super) fn take(&mut self, mut bytes: &[u8], out: &mut Out) {
        while !bytes.is_empty() && !self.lost {
            if self.left > 0 {
                let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (payload, rest) = bytes.split_at_checked(n).unwrap_or((bytes, &[]));
                let kept = usize::try_from(self.stay).unwrap_or_default().min(n);
                let (kept, blanked) = payload.split_at_checked(kept).unwrap_or((payload, &[]));
                out.text(kept);
                out.removed(blanked);
                out.fill(BLANK, blanked.len() as u64);
                self.left -= n as u64;
                self.stay -= kept.len() as u64;
                bytes = rest;
                continue;
            }
            let Some((byte, rest)) = bytes.split_first() else { return };
            self.head.push(*byte);
            out.text(&[*byte]);
            bytes = rest;
            self.begin();
        }
        out.removed(bytes);
        out.fill(BLANK, bytes.len() as u64);
    }

    /// Begins a payload once the head is whole.
    fn begin(&mut self) {
        let [first, second, extended @ ..] = self.head.as_slice() else { return };
        let wide = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = if second & 0x80 != 0 { 4 } else { 0 };
        if extended.len() < wide + masked {
            return;
        }
        let long = extended.iter().take(wide).fold(0, |len, byte| len << 8 | u64::from(*byte));
        self.left = if wide == 0 { u64::from(second & 0x7f) } else { long };
        self.stay = if first & 0xf == CLOSE { self.left.min(2) } else { 0 };
        // What is no frame is read no further.
        let opcode = first & 0xf;
        let control = opcode & 8 != 0;
        let known = matches!(opcode, 0..=2 | CLOSE..=0xa) && !(control && (wide > 0 || first & 0x80 == 0));
        self.lost = !known;
        self.head.clear();
    }

    /// A hole.
    pub(super) fn gap(&mut self, len: u64, out: &mut Out) {
        out.fill(BLANK, len);
        self.lost |= !self.head.is_empty() || len > self.left;
        self.left = self.left.saturating_sub(len);
        self.stay = 0;
    }
}
