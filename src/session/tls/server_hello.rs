//! ServerHello and HelloRetryRequest: what the origin chose (RFC 8446 sections 4.1.3 and 4.1.4).

use super::extension::{self, Extension, list8, list16, number};
use super::names::{KeyExchange, is_tls13, key_exchange};
use crate::base::{Cursor, FrameRef, Short, lossy};

/// What a server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    /// The frame that completes the message.
    pub frame: FrameRef,
    /// The frame with its first byte.
    pub first_frame: FrameRef,
    /// The version of the connection: supported_versions where it is there, else `server_version`; drafts as they
    /// are on the wire (0x7fXX).
    pub version: u16,
    /// `server_version` (`legacy_version` in TLS 1.3).
    pub legacy_version: u16,
    /// The random, which goes into keys up to TLS 1.2.
    pub(super) random: [u8; 32],
    /// The compression method; 0 is none.
    pub(super) compression: u8,
    /// The cipher suite.
    pub cipher: u16,
    /// The protocol that ALPN settled on, bytes that are no UTF-8 replaced; encrypted in TLS 1.3. May be hostile.
    pub alpn: Option<String>,
    /// The group of the key exchange: from key_share, or from a ServerKeyExchange that names a curve.
    pub group: Option<u16>,
    /// Whether a HelloRetryRequest went before.
    pub hello_retry: bool,
    /// Whether it repeats a session id that is not empty: a resumption up to TLS 1.2, a formality in TLS 1.3.
    pub session_id_echoed: bool,
    /// Whether the server took up a pre-shared key (TLS 1.3): a resumption, unless keys were shared out of band.
    pub pre_shared_key: bool,
    /// Numbers of all extensions, in order.
    pub extensions: Vec<u16>,
}

/// SHA-256 of "HelloRetryRequest": the random that makes a ServerHello a request to try again (RFC 8446 section 4.1.3).
const HELLO_RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The most extensions listed; a server answers only what was offered.
const MAX_EXTENSIONS: usize = 64;

/// A message of type server_hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read<'a> {
    /// The hello, with `hello_retry` and `session_id_echoed` still to be filled in.
    pub(super) hello: ServerHello,
    /// Whether it is a HelloRetryRequest.
    pub(super) is_retry: bool,
    /// The session id.
    pub(super) session_id: &'a [u8],
}

/// Reads the body of the message.
pub(super) fn read(body: &[u8], frame: FrameRef, first_frame: FrameRef) -> Result<Read<'_>, Short> {
    let mut c = Cursor::new(body);
    let legacy_version = c.u16()?;
    let random = c.take(HELLO_RETRY_RANDOM.len())?.first_chunk().copied().unwrap_or_default();
    let is_retry = random == HELLO_RETRY_RANDOM;
    // Drafts 18 to 21 wrote their number here and had neither session id nor compression.
    let old_draft = legacy_version >> 8 == 0x7f;
    let session_id = if old_draft { &[][..] } else { list8(&mut c)?.rest() };
    let cipher = c.u16()?;
    let compression = if old_draft { 0 } else { c.u8()? };
    let mut hello = ServerHello {
        frame,
        first_frame,
        version: legacy_version,
        legacy_version,
        random,
        compression,
        cipher,
        alpn: None,
        group: None,
        hello_retry: false,
        session_id_echoed: false,
        pre_shared_key: false,
        extensions: Vec::new(),
    };
    for extension in extension::block(&mut c)? {
        hello.extension(extension?)?;
    }
    Ok(Read { hello, is_retry, session_id })
}

/// The curve that a ServerKeyExchange of a suite with ECDHE names (RFC 8422 section 5.4).
pub(super) fn named_curve(cipher: u16, body: &[u8]) -> Option<u16> {
    const NAMED_CURVE: u8 = 3;
    match *body {
        [NAMED_CURVE, high, low, ..] if key_exchange(cipher) == Some(KeyExchange::Ecdhe) => {
            Some(u16::from_be_bytes([high, low]))
        }
        _ => None,
    }
}

impl ServerHello {
    /// Whether everything after this hello is encrypted.
    #[must_use]
    pub const fn is_tls13(&self) -> bool {
        is_tls13(self.version)
    }

    fn extension(&mut self, Extension { number, mut data }: Extension<'_>) -> Result<(), Short> {
        if self.extensions.len() < MAX_EXTENSIONS {
            self.extensions.push(number);
        }
        match number {
            number::SUPPORTED_VERSIONS => self.version = data.u16()?,
            number::KEY_SHARE => self.group = Some(data.u16()?),
            number::KEY_SHARE_DRAFT if is_tls13(self.version) => self.group = Some(data.u16()?),
            number::PRE_SHARED_KEY => self.pre_shared_key = true,
            number::ALPN => {
                let name = list8(&mut list16(&mut data)?)?.rest();
                self.alpn = Some(lossy(name));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;

    fn body(version: u16, random: [u8; 32], rest: &[u8]) -> Vec<u8> {
        [&version.to_be_bytes()[..], &random, rest].concat()
    }

    #[test]
    fn a_retry_is_told_by_its_random() {
        let rest = [0, 0x13, 0x01, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 24];
        let retry = body(0x0303, HELLO_RETRY_RANDOM, &rest);
        let read_retry = read(&retry, frame(1), frame(1)).unwrap();
        assert!(read_retry.is_retry);
        assert_eq!((read_retry.hello.version, read_retry.hello.group), (0x0304, Some(24)));
        assert!(!read(&body(0x0303, [7; 32], &rest), frame(1), frame(1)).unwrap().is_retry);
    }

    #[test]
    fn an_old_draft_has_no_session_id() {
        let bytes = body(0x7f12, [7; 32], &[0x13, 0x02, 0, 8, 0, 40, 0, 4, 0, 29, 0, 0]);
        let hello = read(&bytes, frame(1), frame(1)).unwrap().hello;
        assert_eq!((hello.version, hello.cipher, hello.group), (0x7f12, 0x1302, Some(29)));
        assert!(hello.is_tls13());
    }

    #[test]
    fn ssl3_ends_after_the_compression_method() {
        let bytes = body(0x0300, [7; 32], &[2, 9, 9, 0, 4, 0]);
        let read = read(&bytes, frame(1), frame(1)).unwrap();
        assert_eq!((read.hello.version, read.hello.cipher, read.session_id), (0x0300, 4, &[9, 9][..]));
    }

    #[test]
    fn only_an_elliptic_suite_names_a_curve() {
        assert_eq!(named_curve(0xc02f, &[3, 0, 23, 65]), Some(23));
        assert_eq!(named_curve(0x009e, &[3, 0, 23, 65]), None);
        assert_eq!(named_curve(0xc02f, &[1]), None);
    }
}
