//! Text of unknown encoding.

/// `bytes` as text; what is not UTF-8 becomes U+FFFD.
///
/// Nearly all is in order, and is checked where it stays: memory begins where many bytes can be looked at at a time.
#[must_use]
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_replaced() {
        assert_eq!(lossy("caf\u{e9}".as_bytes()), "caf\u{e9}");
        assert_eq!(lossy(b"a\xff\xc3"), "a\u{fffd}\u{fffd}");
    }
}
