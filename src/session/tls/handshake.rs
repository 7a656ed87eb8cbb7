//! Handshake messages, put together from records (RFC 8446 sections 4 and 5.1).

use std::fmt;

use super::fault::{FaultKind, MAX_EXCERPT};
use super::names::handshake_name;
use crate::base::FrameRef;

/// The longest handshake message that is put together, in bytes after its header: what s2n accepts. A chain of
/// certificates has 3 to 8 KiB.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;

/// Type and length in front of a message.
const HEADER_LEN: usize = 4;

/// The type of a handshake message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandshakeType(pub u8);

impl HandshakeType {
    /// ClientHello.
    pub const CLIENT_HELLO: Self = Self(1);
    /// ServerHello, and HelloRetryRequest in its final form.
    pub const SERVER_HELLO: Self = Self(2);
    /// NewSessionTicket (RFC 5077 section 3.3).
    pub const NEW_SESSION_TICKET: Self = Self(4);
    /// EndOfEarlyData (TLS 1.3).
    pub const END_OF_EARLY_DATA: Self = Self(5);
    /// HelloRetryRequest of drafts before TLS 1.3.
    pub const HELLO_RETRY_REQUEST: Self = Self(6);
    /// EncryptedExtensions (TLS 1.3).
    pub const ENCRYPTED_EXTENSIONS: Self = Self(8);
    /// Certificate.
    pub const CERTIFICATE: Self = Self(11);
    /// ServerKeyExchange.
    pub const SERVER_KEY_EXCHANGE: Self = Self(12);
    /// CertificateRequest.
    pub const CERTIFICATE_REQUEST: Self = Self(13);
    /// ServerHelloDone.
    pub const SERVER_HELLO_DONE: Self = Self(14);
    /// CertificateVerify.
    pub const CERTIFICATE_VERIFY: Self = Self(15);
    /// ClientKeyExchange.
    pub const CLIENT_KEY_EXCHANGE: Self = Self(16);
    /// Finished; always encrypted, unless the suite encrypts nothing.
    pub const FINISHED: Self = Self(20);
    /// KeyUpdate (TLS 1.3).
    pub const KEY_UPDATE: Self = Self(24);
    /// CertificateStatus: the stapled OCSP response (RFC 6066 section 8).
    pub const CERTIFICATE_STATUS: Self = Self(22);
}

/// The name of the RFCs, or the number.
impl fmt::Display for HandshakeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match handshake_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "handshake message {}", self.0),
        }
    }
}

/// One whole message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) kind: HandshakeType,
    pub(super) body: &'a [u8],
    /// The frame with its last byte.
    pub(super) frame: FrameRef,
    /// The frame with its first byte.
    pub(super) first_frame: FrameRef,
    /// Where it begins in the stream of its side.
    pub(super) offset: u64,
}

impl Message<'_> {
    /// The four bytes before its body: type and length.
    pub(super) fn header(&self) -> [u8; HEADER_LEN] {
        let [.., a, b, c] = self.body.len().to_be_bytes();
        [self.kind.0, a, b, c]
    }
}

/// Where an assembler is in the sequence of messages.
///
/// ```text
///           bytes of a message that ends elsewhere          the rest of them
/// Between ----------------------------------------> Partial ----------------> Between
///    |  \_ too long                                    | hole within the message
///    |      \____________________> Skipping <__________/      -- its end --> Between
///    |  hole, unknown type            | hole beyond its end
///    +----------------------------> Lost <-------------+      -- reset, by the reader -->  Between
/// ```
#[derive(Debug, Clone, Default)]
enum Stage {
    /// The next byte begins a message.
    #[default]
    Between,
    /// The first bytes of a message are kept.
    Partial { bytes: Vec<u8>, first_frame: FrameRef, offset: u64 },
    /// This many bytes belong to a message that cannot be read.
    Skipping { left: u64 },
    /// Nobody knows where the next message begins.
    Lost,
}

/// Where a message begins, and its first bytes as far as they are at hand.
pub(super) type Place = (u64, Vec<u8>);

impl Stage {
    /// Where the message begins that is wrong: in what was kept and goes on with `rest`, else with the `whole` that came now.
    #[cold]
    fn place(&self, offset: u64, whole: &[u8], rest: &[u8]) -> Place {
        let shown = |bytes: &[u8]| bytes.get(..MAX_EXCERPT).unwrap_or(bytes).to_vec();
        match self {
            Stage::Partial { bytes, offset, .. } => (*offset, [bytes.as_slice(), &shown(rest)].concat()),
            _ => (offset, shown(whole)),
        }
    }
}

/// Puts the messages of one side together. A message that lies in one slice is handed on in place.
#[derive(Debug, Clone, Default)]
pub(super) struct Assembler {
    stage: Stage,
}

impl Assembler {
    /// Takes `bytes` of the stream of messages, which `frame` carries at `offset`, and hands on each message that is
    /// now whole. An error is told once and stops nothing.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        frame: FrameRef,
        mut offset: u64,
        emit: &mut dyn FnMut(Message<'_>),
    ) -> Result<(), (FaultKind, Place)> {
        let mut result = Ok(());
        while !bytes.is_empty() {
            let whole = bytes;
            let step = match &mut self.stage {
                Stage::Lost => return result,
                Stage::Skipping { left } => Ok(skip(left, &mut bytes)),
                Stage::Between => begin(&mut bytes, frame, offset, emit),
                Stage::Partial { bytes: have, first_frame, offset: start } => {
                    proceed(have, *first_frame, *start, &mut bytes, frame, emit)
                }
            };
            match step {
                Ok(Some(stage)) => self.stage = stage,
                Ok(None) => {}
                Err((kind, stage)) => {
                    let place = self.stage.place(offset, whole, bytes);
                    result = result.and(Err((kind, place)));
                    self.stage = stage;
                }
            }
            offset += (whole.len() - bytes.len()) as u64;
        }
        result
    }

    /// Steps over `len` bytes that were not captured, and says which message they cut.
    pub(super) fn gap(&mut self, len: u64) -> Option<HandshakeType> {
        let (cut, left) = match &self.stage {
            Stage::Partial { bytes, .. } => {
                let total = bytes.first_chunk().map(|h| HEADER_LEN + message_len(*h));
                let missing = total.map(|t| (t - bytes.len()) as u64);
                (bytes.first().map(|&b| HandshakeType(b)), missing)
            }
            Stage::Skipping { left } => (None, Some(*left)),
            Stage::Between | Stage::Lost => (None, None),
        };
        self.stage = match left.and_then(|left| left.checked_sub(len)) {
            Some(0) => Stage::Between,
            Some(left) => Stage::Skipping { left },
            None => Stage::Lost,
        };
        cut
    }

    /// Bytes that are kept of a message.
    pub(super) fn held(&self) -> usize {
        if let Stage::Partial { bytes, .. } = &self.stage { bytes.len() } else { 0 }
    }

    /// Begins anew at a boundary: after a hole, or when the keys change.
    pub(super) fn reset(&mut self) {
        self.stage = Stage::Between;
    }

    /// Whether the next byte begins a message.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.stage, Stage::Between)
    }

    /// Whether the next byte may be that of no message.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.stage, Stage::Lost)
    }
}

/// Whether `record` is filled exactly by whole messages of known types, as an encrypted one never is but by chance.
pub(super) fn is_whole_messages(mut record: &[u8]) -> bool {
    while let Some(header) = record.first_chunk() {
        let Some(rest) = record.get(HEADER_LEN + message_len(*header)..) else { return false };
        if handshake_name(header[0]).is_none() {
            return false;
        }
        record = rest;
    }
    record.is_empty()
}

const fn message_len([_, a, b, c]: [u8; HEADER_LEN]) -> usize {
    u32::from_be_bytes([0, a, b, c]) as usize
}

type Step = Result<Option<Stage>, (FaultKind, Stage)>;

/// The stage after skipping what there is.
fn skip(left: &mut u64, bytes: &mut &[u8]) -> Option<Stage> {
    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *bytes = bytes.get(n..).unwrap_or_default();
    *left -= n as u64;
    (*left == 0).then_some(Stage::Between)
}

/// One message from the front of `bytes`, or the start of one.
fn begin(bytes: &mut &[u8], frame: FrameRef, offset: u64, emit: &mut dyn FnMut(Message<'_>)) -> Step {
    let all = *bytes;
    if let Some((header, rest)) = all.split_first_chunk() {
        let (kind, len) = checked(*header, 0)?;
        if let Some((body, rest)) = rest.split_at_checked(len) {
            *bytes = rest;
            emit(Message { kind, body, frame, first_frame: frame, offset });
            return Ok(None);
        }
    }
    *bytes = &[];
    Ok(Some(Stage::Partial { bytes: all.to_vec(), first_frame: frame, offset }))
}

/// More of a message of which `have` has come.
fn proceed(
    have: &mut Vec<u8>,
    first_frame: FrameRef,
    offset: u64,
    bytes: &mut &[u8],
    frame: FrameRef,
    emit: &mut dyn FnMut(Message<'_>),
) -> Step {
    if have.len() < HEADER_LEN {
        take(have, HEADER_LEN, bytes);
    }
    let Some(header) = have.first_chunk().copied() else { return Ok(None) };
    let (kind, len) = checked(header, have.len())?;
    take(have, HEADER_LEN + len, bytes);
    if have.len() < HEADER_LEN + len {
        return Ok(None);
    }
    let body = have.get(HEADER_LEN..).unwrap_or_default();
    emit(Message { kind, body, frame, first_frame, offset });
    Ok(Some(Stage::Between))
}

/// Moves bytes until `have` is `target` long.
fn take(have: &mut Vec<u8>, target: usize, bytes: &mut &[u8]) {
    let (head, tail) = bytes.split_at(target.saturating_sub(have.len()).min(bytes.len()));
    have.extend_from_slice(head);
    *bytes = tail;
}

/// Type and length of a message of which `taken` bytes have been stepped over, held against the limits.
fn checked(header: [u8; HEADER_LEN], taken: usize) -> Result<(HandshakeType, usize), (FaultKind, Stage)> {
    let (kind, len) = (HandshakeType(header[0]), message_len(header));
    if handshake_name(kind.0).is_none() {
        return Err((FaultKind::UnknownHandshake { message: kind }, Stage::Lost));
    }
    if len > MAX_MESSAGE {
        let fault = FaultKind::HandshakeTooLong { message: kind, len: u32::try_from(len).unwrap_or(u32::MAX) };
        return Err((fault, Stage::Skipping { left: (HEADER_LEN + len).saturating_sub(taken) as u64 }));
    }
    Ok((kind, len))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{frame, message};
    use super::*;

    /// Type, length, first frame, last frame, offset.
    type Seen = (u8, usize, u64, u64, u64);

    /// Feeds each piece with its index as frame.
    fn run(pieces: &[&[u8]]) -> (Vec<Seen>, Result<(), FaultKind>) {
        let (mut assembler, mut seen, mut result, mut offset) = (Assembler::default(), Vec::new(), Ok(()), 0);
        for (piece, n) in pieces.iter().zip(0..) {
            let fed = assembler.feed(piece, frame(n), offset, &mut |m| {
                seen.push((m.kind.0, m.body.len(), m.first_frame.frame, m.frame.frame, m.offset));
            });
            result = result.and(fed.map_err(|(kind, _)| kind));
            offset += piece.len() as u64;
        }
        (seen, result)
    }

    #[test]
    fn messages_come_out_whole_wherever_they_are_cut() {
        let bytes = [message(2, &[1; 5]), message(14, &[]), message(11, &[2; 300])].concat();
        assert_eq!(run(&[&bytes]).0, [(2, 5, 0, 0, 0), (14, 0, 0, 0, 9), (11, 300, 0, 0, 13)]);
        for at in 0..bytes.len() {
            let (a, b) = bytes.split_at(at);
            let kinds: Vec<_> = run(&[a, b]).0.iter().map(|m| (m.0, m.1, m.4)).collect();
            assert_eq!(kinds, [(2, 5, 0), (14, 0, 9), (11, 300, 13)], "cut at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(run(&single).0, [(2, 5, 0, 8, 0), (14, 0, 9, 12, 9), (11, 300, 13, 316, 13)]);
    }

    #[test]
    fn a_message_beyond_the_limit_is_stepped_over() {
        let long = message(11, &vec![0; MAX_MESSAGE + 1]);
        let bytes = [long.as_slice(), &message(14, &[])].concat();
        let fault = FaultKind::HandshakeTooLong { message: HandshakeType::CERTIFICATE, len: 65_537 };
        for cut in [0, 1, 3, 4, 5, 1000] {
            let (a, b) = bytes.split_at(cut);
            let (seen, result) = run(&[a, b]);
            assert_eq!((seen.len(), seen[0].0, result), (1, 14, Err(fault)), "cut at {cut}");
        }
    }

    #[test]
    fn an_unknown_type_ends_the_reading() {
        let bytes = [message(99, &[1, 2]), message(14, &[])].concat();
        let unknown = FaultKind::UnknownHandshake { message: HandshakeType(99) };
        assert_eq!(run(&[&bytes]), (vec![], Err(unknown)));
    }

    #[test]
    fn a_hole_within_a_message_costs_that_message_alone() {
        let bytes = [message(11, &[2; 300]), message(14, &[])].concat();
        let mut assembler = Assembler::default();
        let mut seen = Vec::new();
        assembler.feed(&bytes[..100], frame(0), 0, &mut |m| seen.push(m.kind)).unwrap();
        assert_eq!(assembler.gap(150), Some(HandshakeType::CERTIFICATE));
        assembler.feed(&bytes[250..], frame(1), 250, &mut |m| seen.push(m.kind)).unwrap();
        assert_eq!(seen, [HandshakeType::SERVER_HELLO_DONE]);
        assert_eq!(assembler.gap(1), None);
        assert!(assembler.is_lost());
    }

    #[test]
    fn encrypted_bytes_are_not_whole_messages() {
        assert!(is_whole_messages(&[message(14, &[]), message(2, &[9; 70])].concat()));
        assert!(!is_whole_messages(&[7; 40]));
        assert!(!is_whole_messages(&message(2, &[9; 70])[..60]));
    }
}
