//! IEEE 802.11: data frames that are neither protected nor aggregated.

use super::ether::{ether_type, snap};
use super::{Encapsulation, Found, Span};

/// A frame behind its radiotap header, whose length is little-endian.
pub(super) fn radiotap(span: Span<'_>) -> Found<'_> {
    let ([_, _, a, b], _) = span.head()?;
    frame(span.skip(usize::from(u16::from_le_bytes([a, b])).max(8))?)
}

/// A frame, from its frame control field on.
pub(super) fn frame(span: Span<'_>) -> Found<'_> {
    let ([control, flags], _) = span.head()?;
    let is_data = control & 0x0c == 0x08;
    let (is_null, is_protected) = (control & 0x40 != 0, flags & 0x40 != 0);
    if !is_data || is_null || is_protected {
        return Ok(None);
    }
    let has_quality = control & 0x80 != 0;
    // Between access points there is a fourth address.
    let mut header = if flags & 3 == 3 { 30 } else { 24 };
    if has_quality {
        let ([quality, _], _) = span.skip(header)?.head()?;
        if quality & 0x80 != 0 {
            return Ok(None);
        }
        // With the order bit set, a high-throughput control field follows.
        header += if flags & 0x80 != 0 { 6 } else { 2 };
    }
    match snap(span.skip(header)?)? {
        Some((kind, rest)) => ether_type(kind, rest, Encapsulation::default()),
        None => Ok(None),
    }
}
