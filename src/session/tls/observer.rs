//! The observer of one connection: what the rest of the program talks to.

use std::sync::LazyLock;

use super::decrypt::Decryption;
use super::keylog::Keys;
use super::reader::{Context, Reader};
use super::transcript::Transcript;
use crate::base::{FrameRef, PerSide, Side};

/// Follows the TLS of one connection, in both directions.
///
/// A pointer until something is seen: there may be hundreds of thousands of connections, and most of them are at rest
/// inside of a record.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    state: Option<Box<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// Bytes of the current encrypted record that are still to come: all that a packet of a large transfer looks at.
    skip: PerSide<u32>,
    /// Memory that certificates, a stapled response, and what is not whole yet take: asked for with each packet.
    held: usize,
    readers: PerSide<Reader>,
    /// It outlives the rest.
    transcript: Box<Transcript>,
    decryption: Option<Decryption>,
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

static NOTHING_SEEN: LazyLock<Transcript> = LazyLock::new(Transcript::default);

impl Observer {
    /// Has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: None }
    }

    /// Has seen nothing, and opens records where `keys` has the secrets.
    #[must_use]
    pub fn with_keys(keys: Keys) -> Self {
        Self { state: Some(State::new(Some(keys))) }
    }

    /// Takes the next bytes of the stream of `from`, which `frame` carries.
    #[inline]
    pub fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        self.data_and(from, bytes, frame, &mut ());
    }

    /// The same; `inside` takes the application data.
    #[inline]
    pub fn data_and(&mut self, from: Side, bytes: &[u8], frame: FrameRef, inside: &mut dyn Inside) {
        if let Some(state) = &mut self.state
            && let Ok(len) = u32::try_from(bytes.len())
            && len < state.skip[from]
        {
            state.skip[from] -= len;
            return;
        }
        self.read(from, bytes, frame, inside);
    }

    /// What is not the middle of an encrypted record.
    #[inline(never)]
    fn read(&mut self, from: Side, bytes: &[u8], frame: FrameRef, inside: &mut dyn Inside) {
        self.state.get_or_insert_with(|| State::new(None)).data(from, bytes, frame, inside);
    }

    /// `len` bytes of `from` are not in the capture: lost, or cut by its snap length. The stream goes on after them.
    /// `frame` is the one that shows the hole.
    pub fn gap(&mut self, from: Side, len: u64, frame: FrameRef) {
        if len > 0 {
            self.state.get_or_insert_with(|| State::new(None)).gap(from, len, frame);
        }
    }

    /// Memory that certificates, a stapled response, and what is not whole yet take, about so many bytes.
    #[must_use]
    #[inline]
    pub fn held(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.held)
    }

    /// What has been seen so far.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        self.state.as_ref().map_or(&NOTHING_SEEN, |state| &state.transcript)
    }

    /// What has been seen, to be kept.
    #[must_use]
    pub fn into_transcript(self) -> Box<Transcript> {
        self.state.map_or_else(Box::default, |state| {
            let mut transcript = state.transcript;
            if let Some(decryption) = &state.decryption {
                transcript.decrypted = decryption.is_whole();
                transcript.not_opened = decryption.not_opened(&transcript).map(Box::new);
            }
            transcript
        })
    }

    /// Whether an encrypted record of `from` has begun and not ended.
    #[must_use]
    pub fn is_within_record(&self, from: Side) -> bool {
        self.state.as_ref().is_some_and(|state| state.skip[from] > 0)
    }
}

impl State {
    #[inline(never)]
    fn new(keys: Option<Keys>) -> Box<Self> {
        // It is large, and made where it stays.
        let mut state = Box::<Self>::default();
        state.decryption = keys.map(Decryption::new);
        state
    }

    fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef, inside: &mut dyn Inside) {
        let Self { skip, readers, transcript, decryption, .. } = self;
        let mut cx = Context { from, frame, transcript, skip: &mut skip[from], decryption, inside };
        readers[from].data(bytes, &mut cx);
        self.held = self.count_held();
    }

    fn gap(&mut self, from: Side, len: u64, frame: FrameRef) {
        let Self { skip, readers, transcript, decryption, .. } = self;
        let mut cx = Context { from, frame, transcript, skip: &mut skip[from], decryption, inside: &mut () };
        readers[from].gap(len, &mut cx);
        self.held = self.count_held();
    }

    fn count_held(&self) -> usize {
        let Self { readers, transcript, decryption, .. } = self;
        let staple = transcript.ocsp_staple.as_ref().map_or(0, |staple| staple.1.len());
        let early = decryption.as_ref().map_or(0, |decryption| decryption.held());
        transcript.certificate_bytes + staple + early + readers.client.held() + readers.server.held()
    }
}

#[cfg(test)]
mod tests;
