//! What is around an IP packet: two bytes of link type, two of length on the wire, and the frame.

use why502::link::{Decoded, decode};
use why502::source::LinkType;

use super::in_proportion;

pub(super) fn run(bytes: &[u8]) {
    let Some((&[a, b, c, d], frame)) = bytes.split_first_chunk::<4>() else { return };
    let link_type = LinkType(u16::from_be_bytes([a, b]));
    let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    let original = len.saturating_add(u32::from(u16::from_be_bytes([c, d])));
    // Constant work for each frame, however long.
    let decoded = in_proportion(0, || decode(link_type, frame, original));
    if let Decoded::Ip(ip) = decoded {
        let within = frame.as_ptr_range();
        let found = ip.bytes.as_ptr_range();
        assert!(within.start <= found.start && found.end <= within.end, "the packet lies in the frame");
        assert!(ip.wire_len <= original, "and was no longer on the wire");
        assert_eq!(decode(link_type, frame, original), decoded);
    }
}
