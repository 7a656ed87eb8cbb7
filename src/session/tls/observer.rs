//! The observer of one connection: what the rest of the program talks to.

use super::decrypt::Decryption;
use super::keylog::Keys;
use super::reader::{Reader, World};
use super::transcript::Transcript;
use crate::base::{FrameRef, PerSide, Side};

/// Follows the TLS of one connection, in both directions.
///
/// Sixteen bytes until something is seen; the transcript lies behind a pointer, since there may be
/// hundreds of thousands of connections and most of them are at rest inside of a record.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    /// Bytes of the current encrypted record that are still to come: all that a packet of a large transfer looks at.
    skip: PerSide<u32>,
    state: Option<Box<State>>,
}

#[derive(Debug, Clone)]
struct State {
    readers: PerSide<Reader>,
    transcript: Box<Transcript>,
    decryption: Option<Box<Decryption>>,
}

/// Takes the application data that keys opened, in the order in which it was captured.
pub trait Inside {
    /// The next bytes of `from`; `frame` completes their record.
    fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef);
    /// `from` says by close_notify that nothing more comes (RFC 8446 section 6.1).
    fn closed(&mut self, from: Side, frame: FrameRef);
}

/// Looks at none of it.
impl Inside for () {
    fn data(&mut self, _: Side, _: &[u8], _: FrameRef) {}
    fn closed(&mut self, _: Side, _: FrameRef) {}
}

static NOTHING_SEEN: Transcript = Transcript::EMPTY;

impl Observer {
    /// Has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { skip: PerSide { client: 0, server: 0 }, state: None }
    }

    /// Has seen nothing, and opens records where `keys` has the secrets.
    #[must_use]
    pub fn with_keys(keys: Keys) -> Self {
        let mut state = State::new();
        state.decryption = Some(Box::new(Decryption::new(keys)));
        Self { state: Some(state), ..Self::new() }
    }

    /// Takes the next bytes of the stream of `from`, which `frame` carries.
    #[inline]
    pub fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        self.data_and(from, bytes, frame, &mut ());
    }

    /// The same; `inside` takes the application data.
    #[inline]
    pub fn data_and(&mut self, from: Side, bytes: &[u8], frame: FrameRef, inside: &mut dyn Inside) {
        let skip = &mut self.skip[from];
        match u32::try_from(bytes.len()) {
            Ok(len) if len < *skip => *skip -= len,
            _ => {
                let state = self.state.get_or_insert_with(State::new);
                let State { readers, transcript, decryption } = &mut **state;
                readers[from].data(from, bytes, frame, World { transcript, skip, decryption, inside });
            }
        }
    }

    /// `len` bytes of `from` are not in the capture: lost, or cut by its snap length. The stream goes on after them.
    /// `frame` is the one that shows the hole.
    pub fn gap(&mut self, from: Side, len: u64, frame: FrameRef) {
        if len == 0 {
            return;
        }
        let state = self.state.get_or_insert_with(State::new);
        let State { readers, transcript, decryption } = &mut **state;
        let skip = &mut self.skip[from];
        readers[from].gap(from, len, frame, World { transcript, skip, decryption, inside: &mut () });
    }

    /// Memory that certificates, a stapled response, and what is not whole yet take, about so many bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.state.as_deref().map_or(0, State::held)
    }

    /// What has been seen so far.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        self.state.as_ref().map_or(&NOTHING_SEEN, |state| &state.transcript)
    }

    /// What has been seen, to be kept.
    #[must_use]
    pub fn into_transcript(self) -> Box<Transcript> {
        self.state.map_or_else(Transcript::nothing_seen, |state| {
            let mut transcript = state.transcript;
            if let Some(decryption) = state.decryption {
                transcript.decrypted = decryption.is_whole();
                transcript.not_opened = decryption.not_opened(&transcript);
            }
            transcript
        })
    }

    /// Whether an encrypted record of `from` has begun and not ended.
    #[must_use]
    pub fn is_within_record(&self, from: Side) -> bool {
        self.skip[from] > 0
    }
}

impl State {
    fn held(&self) -> usize {
        let State { readers, transcript, decryption } = self;
        let shown = transcript.certificates.iter().map(|certificate| certificate.der.len()).sum::<usize>();
        let staple = transcript.ocsp_staple.as_ref().map_or(0, |(_, staple)| staple.len());
        let early = decryption.as_ref().map_or(0, |decryption| decryption.held());
        shown + staple + early + readers.client.held() + readers.server.held()
    }

    fn new() -> Box<Self> {
        Box::new(Self { readers: PerSide::default(), transcript: Transcript::nothing_seen(), decryption: None })
    }
}

#[cfg(test)]
mod tests;
