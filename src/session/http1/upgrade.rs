//! The opening handshake of a WebSocket (RFC 6455 section 4).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest as _, Sha1};

use super::field::{Field, MAX_VALUE, keep};

/// What stands behind the key in what is hashed (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the `Sec-WebSocket-*` fields of a request say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebSocket {
    /// Sec-WebSocket-Key: what the origin's answer is computed from.
    pub key: Option<Box<str>>,
    /// There are several keys, or one that is not kept as it was sent.
    pub is_odd: bool,
    /// Sec-WebSocket-Version; 13 is the only one in use.
    pub version: Option<Box<str>>,
}

impl WebSocket {
    /// Whether a field belongs to the handshake.
    pub(super) fn is_one(field: &Field<'_>) -> bool {
        const PREFIX: &[u8] = b"sec-websocket-";
        field.name.get(..PREFIX.len()).is_some_and(|name| name.eq_ignore_ascii_case(PREFIX))
    }

    pub(super) fn read(&mut self, field: &Field<'_>) {
        if field.is(b"sec-websocket-key") {
            self.is_odd |= self.key.is_some() || field.value.len() > MAX_VALUE || !field.value.is_ascii();
            keep(&mut self.key, field.value);
        } else if field.is(b"sec-websocket-version") {
            keep(&mut self.version, field.value);
        }
    }

    /// Whether this Sec-WebSocket-Accept is the answer to the key; where there is no key, or an odd one, nothing can be
    /// said against it.
    pub(super) fn is_answered_by(&self, accept: Option<&str>) -> bool {
        self.key.as_ref().filter(|_| !self.is_odd).is_none_or(|key| {
            let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
            accept == Some(BASE64_STANDARD.encode(digest).as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_the_key() {
        // The example of RFC 6455 section 1.3.
        let asked = WebSocket { key: Some("dGhlIHNhbXBsZSBub25jZQ==".into()), ..WebSocket::default() };
        assert!(asked.is_answered_by(Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
        assert!(!asked.is_answered_by(Some("S3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
        assert!(!asked.is_answered_by(None));
        assert!(WebSocket::default().is_answered_by(None));
    }
}
