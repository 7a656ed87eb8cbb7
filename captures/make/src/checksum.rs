//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).

/// The one's complement sum of these bytes, folded to 16 bits, not yet complemented.
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    let total = bytes.chunks(2).fold(0_u32, |total, pair| {
        let word = [pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)];
        total + u32::from(u16::from_be_bytes(word))
    });
    fold(total)
}

/// Adds two folded sums.
pub(crate) fn add(a: u16, b: u16) -> u16 {
    fold(u32::from(a) + u32::from(b))
}

/// The checksum after bytes that summed up to `old` were replaced by bytes that sum up to `new` (RFC 1624, eqn. 3).
pub(crate) fn update(checksum: u16, old: u16, new: u16) -> u16 {
    !add(add(!checksum, !old), new)
}

fn fold(mut total: u32) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}
