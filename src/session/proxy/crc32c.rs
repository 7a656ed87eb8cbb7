//! The checksum of a header of version 2.

/// CRC-32C (Castagnoli, RFC 9260 appendix A) of several slices in a row, bit by bit: there is at most one a connection.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let bytes = parts.iter().copied().flatten();
    let register = bytes.fold(u32::MAX, |register, &byte| {
        (0..8).fold(register ^ u32::from(byte), |r, _| if r & 1 == 1 { r >> 1 ^ POLYNOMIAL } else { r >> 1 })
    });
    !register
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn as_the_standard_has_it() {
        // The check value of the CRC, and the first example of RFC 3720 appendix B.4.
        assert_eq!(crc32c(&[b"1234", b"56789"]), 0xe306_9283);
        assert_eq!(crc32c(&[&[0; 32]]), 0x8a91_36aa);
    }
}
