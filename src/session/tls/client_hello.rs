//! ClientHello: what the edge asks for (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2).

use super::extension::{self, Extension, list8, list16, number};
use super::fingerprint;
use crate::base::{Cursor, FrameRef, Short, lossy};

/// The most entries kept of any list of a hello; real ones have fewer than 200 cipher suites.
pub(super) const MAX_LISTED: usize = 1024;

/// How many extensions most hellos have, or nearly so many.
const USUAL_EXTENSIONS: usize = 16;

/// What a client offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// The frame that completes the message.
    pub frame: FrameRef,
    /// The frame with its first byte.
    pub first_frame: FrameRef,
    /// `client_version`, which stays at 0x0303 from TLS 1.2 on.
    pub legacy_version: u16,
    /// The version in the header of the record that completes the message.
    pub record_version: u16,
    /// The random, by which key logs name connections.
    pub(super) random: [u8; 32],
    /// Bytes of the session id: 32 with tickets and in TLS 1.3's compatibility mode.
    pub session_id_len: u8,
    /// The session id, to be found again in the ServerHello of a resumption.
    pub(super) session_id: [u8; 32],
    /// Cipher suites in the order of the client's preference, GREASE and signalling values included.
    pub ciphers: Vec<u16>,
    /// Numbers of all extensions, in order, GREASE included.
    pub extensions: Vec<u16>,
    /// The host name of server_name (RFC 6066 section 3); bytes that are no UTF-8 are replaced. May be hostile.
    pub sni: Option<String>,
    /// supported_versions; empty before TLS 1.3.
    pub versions: Vec<u16>,
    /// Protocol names of ALPN (RFC 7301 section 3.1), bytes that are no UTF-8 replaced. May be hostile.
    pub alpn: Vec<String>,
    /// The first ALPN name as it is on the wire, where that is not UTF-8.
    odd_alpn_first: Option<Box<[u8]>>,
    /// supported_groups, in order.
    pub groups: Vec<u16>,
    /// The groups for which key_share has a key.
    pub key_shares: Vec<u16>,
    /// signature_algorithms, in order.
    pub signature_schemes: Vec<u16>,
    /// Formats of ec_point_formats (RFC 8422 section 5.1.2).
    pub point_formats: Vec<u8>,
    /// Whether the client announces early data (RFC 8446 section 4.2.10).
    pub early_data: bool,
    /// Whether the client offers a pre-shared key, which most often means a resumption.
    pub psk: bool,
    /// Whether the client presents a session ticket that is not empty (RFC 5077 section 3.2).
    pub ticket: bool,
    /// Whether the client asks for a stapled OCSP response (RFC 6066 section 8).
    pub status_request: bool,
    /// Whether the hello came in the format of SSL 2.0.
    pub ssl2: bool,
    /// The first extension whose contents do not follow its definition; it counts as empty.
    pub malformed_extension: Option<u16>,
    /// Whether a list was longer than what is kept of it.
    pub shortened: bool,
}

impl ClientHello {
    pub(super) const fn empty(frame: FrameRef, first_frame: FrameRef) -> Self {
        Self {
            frame,
            first_frame,
            legacy_version: 0,
            record_version: 0,
            random: [0; 32],
            session_id_len: 0,
            session_id: [0; 32],
            ciphers: Vec::new(),
            extensions: Vec::new(),
            sni: None,
            versions: Vec::new(),
            alpn: Vec::new(),
            odd_alpn_first: None,
            groups: Vec::new(),
            key_shares: Vec::new(),
            signature_schemes: Vec::new(),
            point_formats: Vec::new(),
            early_data: false,
            psk: false,
            ticket: false,
            status_request: false,
            ssl2: false,
            malformed_extension: None,
            shortened: false,
        }
    }

    /// The versions on offer, best first: supported_versions without GREASE, else the legacy version.
    #[must_use]
    pub fn offered_versions(&self) -> Vec<u16> {
        let listed: Vec<u16> = self.versions.iter().copied().filter(|&v| !super::names::is_grease(v)).collect();
        if listed.is_empty() { vec![self.legacy_version] } else { listed }
    }

    /// How many cipher suites are on offer: GREASE (RFC 8701), TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746) and
    /// TLS_FALLBACK_SCSV (RFC 7507) are none.
    #[must_use]
    pub fn cipher_count(&self) -> usize {
        self.ciphers.iter().filter(|&&code| !Self::is_signal(code)).count()
    }

    /// Whether a code among the cipher suites is none: GREASE or a signalling value.
    #[must_use]
    pub fn is_signal(code: u16) -> bool {
        super::names::is_grease(code) || matches!(code, 0x00ff | 0x5600)
    }

    /// The JA3 fingerprint, as 32 hexadecimal digits. Computed when asked for: most hellos are never printed.
    /// `None` for an SSLv2 hello, of which there is no definition.
    #[must_use]
    pub fn ja3(&self) -> Option<String> {
        (!self.ssl2).then(|| fingerprint::ja3(self))
    }

    /// The JA4 fingerprint, as `t13d1516h2_8daaf6152771_02713d6af862`. Computed when asked for.
    #[must_use]
    pub fn ja4(&self) -> String {
        fingerprint::ja4(self)
    }

    /// The first ALPN name as it is on the wire; empty where there is none.
    pub(super) fn alpn_first(&self) -> &[u8] {
        let first = self.alpn.first().map(String::as_bytes);
        self.odd_alpn_first.as_deref().or(first).unwrap_or_default()
    }

    /// Whether `id`, from a ServerHello, repeats the session id of this hello.
    pub(super) fn has_session_id(&self, id: &[u8]) -> bool {
        !id.is_empty() && self.session_id.get(..usize::from(self.session_id_len)) == Some(id)
    }

    /// Reads the body of the message.
    pub(super) fn read(body: &[u8], frame: FrameRef, first_frame: FrameRef) -> Result<Self, Short> {
        let mut c = Cursor::new(body);
        let mut hello = Self::empty(frame, first_frame);
        hello.legacy_version = c.u16()?;
        hello.random = c.take(32)?.first_chunk().copied().unwrap_or_default();
        let id = list8(&mut c)?.rest();
        hello.session_id_len = u8::try_from(id.len()).unwrap_or(u8::MAX);
        for (slot, byte) in hello.session_id.iter_mut().zip(id) {
            *slot = *byte;
        }
        let mut ciphers = list16(&mut c)?;
        hello.ciphers = hello.numbers(&mut ciphers)?;
        list8(&mut c)?;
        if !c.is_empty() {
            hello.extensions = Vec::with_capacity(USUAL_EXTENSIONS);
        }
        for extension in extension::block(&mut c)? {
            hello.extension(extension?);
        }
        Ok(hello)
    }

    fn extension(&mut self, extension: Extension<'_>) {
        if self.extensions.len() == MAX_LISTED {
            self.shortened = true;
            return;
        }
        self.extensions.push(extension.number);
        if self.extension_data(extension).is_err() {
            self.malformed_extension.get_or_insert(extension.number);
        }
    }

    fn extension_data(&mut self, Extension { number, mut data }: Extension<'_>) -> Result<(), Short> {
        match number {
            number::SERVER_NAME => self.sni = server_name(&mut data)?,
            number::STATUS_REQUEST => self.status_request = true,
            number::SUPPORTED_GROUPS => self.groups = self.numbers(&mut list16(&mut data)?)?,
            number::POINT_FORMATS => self.point_formats = list8(&mut data)?.rest().to_vec(),
            number::SIGNATURE_ALGORITHMS => self.signature_schemes = self.numbers(&mut list16(&mut data)?)?,
            number::ALPN => self.protocol_names(&mut list16(&mut data)?)?,
            number::SESSION_TICKET => self.ticket = !data.is_empty(),
            number::PRE_SHARED_KEY => self.psk = true,
            number::EARLY_DATA => self.early_data = true,
            number::SUPPORTED_VERSIONS => self.versions = self.numbers(&mut list8(&mut data)?)?,
            number::KEY_SHARE => self.shares(&mut list16(&mut data)?)?,
            number::KEY_SHARE_DRAFT if self.versions.iter().any(|v| v >> 8 == 0x7f) => {
                self.shares(&mut list16(&mut data)?)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A list of two-byte numbers, to its end.
    fn numbers(&mut self, list: &mut Cursor<'_>) -> Result<Vec<u16>, Short> {
        let mut pairs = list.rest().as_chunks().0;
        if let Some((kept, [_, ..])) = pairs.split_at_checked(MAX_LISTED) {
            self.shortened = true;
            pairs = kept;
        } else if list.remaining() > size_of_val(pairs) {
            // Half of a number is left.
            list.take(size_of_val(pairs))?;
            list.u16()?;
        }
        Ok(pairs.iter().map(|&pair| u16::from_be_bytes(pair)).collect())
    }

    fn protocol_names(&mut self, list: &mut Cursor<'_>) -> Result<(), Short> {
        while !list.is_empty() {
            let name = list8(list)?.rest();
            if self.alpn.len() == MAX_LISTED {
                self.shortened = true;
                break;
            }
            let text = lossy(name);
            if self.alpn.is_empty() && text.as_bytes() != name {
                self.odd_alpn_first = Some(name.into());
            }
            self.alpn.push(text);
        }
        Ok(())
    }

    fn shares(&mut self, list: &mut Cursor<'_>) -> Result<(), Short> {
        while !list.is_empty() {
            let group = list.u16()?;
            list16(list)?;
            if self.key_shares.len() == MAX_LISTED {
                self.shortened = true;
                break;
            }
            self.key_shares.push(group);
        }
        Ok(())
    }
}

/// The first name of type host_name.
fn server_name(data: &mut Cursor<'_>) -> Result<Option<String>, Short> {
    let mut names = list16(data)?;
    while !names.is_empty() {
        let name_type = names.u8()?;
        let name = list16(&mut names)?.rest();
        if name_type == 0 {
            return Ok(Some(lossy(name)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{client_hello_body, frame};
    use super::*;

    fn read(extensions: &[u8]) -> Result<ClientHello, Short> {
        ClientHello::read(&client_hello_body(0x0303, &[0x1301, 0xc02f], extensions), frame(2), frame(1))
    }

    #[test]
    fn every_extension_that_matters_is_read() {
        let mut extensions = vec![0x0a, 0x0a, 0, 0];
        extensions.extend([0, 0, 0, 7, 0, 5, 0, 0, 2, b'a', b'b']);
        extensions.extend([0, 16, 0, 5, 0, 3, 2, b'h', b'2']);
        extensions.extend([0, 43, 0, 5, 4, 3, 4, 3, 3]);
        extensions.extend([0, 10, 0, 4, 0, 2, 0x11, 0xec, 0, 13, 0, 4, 0, 2, 4, 3]);
        extensions.extend([0, 51, 0, 7, 0, 5, 0, 29, 0, 1, 9, 0, 11, 0, 2, 1, 0, 0, 35, 0, 1, 7]);
        let hello = read(&extensions).unwrap();
        assert_eq!(hello.sni.as_deref(), Some("ab"));
        assert_eq!(hello.alpn, ["h2"]);
        assert_eq!(hello.offered_versions(), [0x0304, 0x0303]);
        assert_eq!((hello.groups.as_slice(), hello.key_shares.as_slice()), (&[0x11ec][..], &[29][..]));
        assert_eq!((hello.signature_schemes.as_slice(), hello.point_formats.as_slice()), (&[0x0403][..], &[0][..]));
        assert_eq!(hello.extensions, [0x0a0a, 0, 16, 43, 10, 13, 51, 11, 35]);
        assert!(hello.ticket && !hello.psk && !hello.early_data && !hello.shortened);
        assert_eq!(hello.malformed_extension, None);
    }

    #[test]
    fn one_bad_extension_does_not_spoil_the_hello() {
        let hello = read(&[0, 0, 0, 3, 0, 9, 0, 0, 16, 0, 5, 0, 3, 2, b'h', b'2']).unwrap();
        assert_eq!((hello.sni, hello.malformed_extension), (None, Some(0)));
        assert_eq!(hello.alpn, ["h2"]);
    }

    #[test]
    fn a_block_that_lies_about_its_length_is_malformed() {
        assert!(read(&[0, 0, 0, 9, 0]).is_err());
        assert!(ClientHello::read(&[3, 3, 0], frame(1), frame(1)).is_err());
    }

    #[test]
    fn hostile_names_stay_text() {
        let hello = read(&[0, 0, 0, 7, 0, 5, 0, 0, 2, 0xff, 0x1b]).unwrap();
        assert_eq!(hello.sni.as_deref(), Some("\u{fffd}\u{1b}"));
    }

    #[test]
    fn without_extensions_the_legacy_version_is_the_offer() {
        let hello = ClientHello::read(&client_hello_body(0x0300, &[4], &[]), frame(1), frame(1)).unwrap();
        assert_eq!(hello.offered_versions(), [0x0300]);
        assert_eq!(hello.extensions, [0u16; 0]);
    }
}
