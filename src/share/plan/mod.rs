//! What of a stream stays, byte by byte: decided once, by stream offset, from the same reassembly as the analysis.
//!
//! ```text
//! undecided -> PROXY header -> undecided -> TLS | request | response | HTTP/2 -> (upgrade) WebSocket
//!      ^ in no known protocol: blanked, and looked at again where a segment begins
//! ```
//! Invariant: a plan holds the bytes that are written, not places to be spared: whatever a packet carries, first copy or
//! another one, in order or not, what is written of it comes from the plan, or is blank.

mod field;
mod http1;
mod http2;
mod phrases;
mod proxy;
mod side;
mod tls;
mod websocket;

pub(super) use field::{addresses, is_kept_field, target};
pub(super) use side::{Note, Plan};

use std::net::IpAddr;

use crate::base::{FrameRef, PerSide, Side};
use crate::observation::protocol;
use crate::session::{http1 as h1, http2 as h2, proxy as px, tls as t};
use crate::tcp::{End, Missing, Stream};

use super::address::Addresses;
use http1::{Exchanges, Message};
use side::Out;

/// With this many first bytes every protocol that can be told is told.
const ENOUGH: usize = 32;

/// First bytes of a protocol that nobody knows of which the kind is kept: letter, space, other.
const SHAPED: usize = 64;

/// What bytes are written in place of others.
pub(super) const BLANK: u8 = b'x';

/// What to remove beside what is always removed.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Names of header fields whose values are removed although they would be kept, in lower case.
    pub(super) fields: Vec<String>,
    /// Texts that are removed wherever they stand, in lower case.
    pub(super) texts: Vec<String>,
    /// How addresses are written.
    pub(super) addresses: Addresses,
}

impl Rules {
    /// Whether a text has something in it that is to be removed.
    pub(super) fn names(&self, bytes: &[u8]) -> bool {
        self.texts.iter().any(|text| position(bytes, text.as_bytes()).is_some())
    }

    /// Blanks in a text what is to be removed wherever it stands.
    pub(super) fn blank(&self, bytes: &mut [u8]) -> bool {
        let mut found = false;
        for text in &self.texts {
            let mut from = 0;
            while let Some(at) = bytes.get(from..).and_then(|rest| position(rest, text.as_bytes())) {
                from += at;
                for byte in bytes.iter_mut().skip(from).take(text.len()).filter(|b| b.is_ascii_alphanumeric()) {
                    *byte = BLANK;
                }
                from += text.len();
                found = true;
            }
        }
        found
    }

    fn text_of(&self, ip: IpAddr, len: usize) -> Option<String> {
        self.addresses.text(ip, len)
    }
}

/// Where a text stands first, in whatever case.
fn position(bytes: &[u8], text: &[u8]) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    bytes.windows(text.len()).position(|part| part.eq_ignore_ascii_case(text))
}

/// What one direction is in the middle of.
#[derive(Debug)]
enum Mode {
    /// These first bytes do not tell yet.
    Undecided(Vec<u8>),
    Proxy(Vec<u8>),
    Tls(tls::Records),
    Request(Box<Message>),
    Response(Box<Message>),
    Http2(Box<http2::Frames>),
    WebSocket(websocket::Frames),
    /// Of a protocol that nobody knows, so many bytes were taken.
    Foreign(usize),
}

/// The plan of one connection in the making: a listener to the TCP stage.
pub(super) struct Planner<'r> {
    rules: &'r Rules,
    modes: PerSide<Mode>,
    outs: PerSide<Out>,
    exchanges: Exchanges,
}

impl<'r> Planner<'r> {
    pub(super) fn new(rules: &'r Rules) -> Planner<'r> {
        let begun = || Mode::Undecided(Vec::new());
        Planner {
            rules,
            modes: PerSide { client: begun(), server: begun() },
            outs: PerSide::default(),
            exchanges: Exchanges::default(),
        }
    }

    /// Memory that it takes, in bytes.
    pub(super) fn held(&self) -> usize {
        self.outs.client.held() + self.outs.server.held()
    }

    /// What was removed, and what was kept on purpose, since this was last asked.
    pub(super) fn notes(&mut self, mut each: impl FnMut(side::Note)) {
        self.outs.client.notes.drain(..).for_each(&mut each);
        self.outs.server.notes.drain(..).for_each(&mut each);
    }

    /// The plans of both sides; why there are none, where something could not be blanked.
    pub(super) fn finish(&mut self) -> Result<PerSide<Plan>, &'static str> {
        for side in [Side::Client, Side::Server] {
            self.settle(side);
        }
        let outs = std::mem::take(&mut self.outs);
        match outs.client.unable.or(outs.server.unable) {
            Some(why) => Err(why),
            None => Ok(outs.map(|out| out.finish(self.rules))),
        }
    }

    /// What is held back of a direction is all that there will be of it.
    fn settle(&mut self, side: Side) {
        let out = &mut self.outs[side];
        match std::mem::replace(&mut self.modes[side], Mode::Foreign(0)) {
            Mode::Undecided(held) | Mode::Proxy(held) if starts_line(&held) => {
                // Too little of a status line to tell is one all the same.
                let mut message = Box::new(Message::default());
                message.response(&held, out, self.rules, &mut self.exchanges);
                message.settle(out, self.rules);
                self.modes[side] = Mode::Response(message);
            }
            Mode::Undecided(held) | Mode::Proxy(held) => {
                foreign(&held, 0, out);
                self.modes[side] = Mode::Foreign(held.len());
            }
            Mode::Request(mut message) => {
                message.settle(out, self.rules);
                self.modes[side] = Mode::Request(message);
            }
            Mode::Response(mut message) => {
                message.settle(out, self.rules);
                self.modes[side] = Mode::Response(message);
            }
            Mode::Http2(mut frames) => {
                frames.settle(out);
                self.modes[side] = Mode::Http2(frames);
            }
            Mode::Tls(mut records) => {
                records.settle(out);
                self.modes[side] = Mode::Tls(records);
            }
            other => self.modes[side] = other,
        }
    }

    /// What first bytes are, if that is told.
    fn guess(&self, side: Side, bytes: &[u8]) -> Option<Option<Mode>> {
        let may_be_proxy = side == Side::Client || !matches!(self.modes.client, Mode::Undecided(_));
        if may_be_proxy {
            match px::detect(bytes) {
                px::Detection::Yes => return Some(Some(Mode::Proxy(Vec::new()))),
                px::Detection::NeedMore => return None,
                px::Detection::No => {}
            }
        }
        match h2::detect(bytes) {
            h2::Detection::Preface => return Some(Some(Mode::Http2(http2::Frames::boxed(true)))),
            h2::Detection::Settings => return Some(Some(Mode::Http2(http2::Frames::boxed(false)))),
            h2::Detection::NeedMore => return None,
            h2::Detection::No => {}
        }
        match (t::detect(bytes), h1::detect(bytes)) {
            (t::Detection::Yes(_), _) => Some(Some(Mode::Tls(tls::Records::default()))),
            (_, h1::Detection::Request) => Some(Some(Mode::Request(Box::default()))),
            (_, h1::Detection::Response) => Some(Some(Mode::Response(Box::default()))),
            (t::Detection::NeedMore, _) | (_, h1::Detection::NeedMore) => None,
            _ => Some(None),
        }
    }

    fn undecided(&mut self, side: Side, mut held: Vec<u8>, bytes: &[u8]) {
        held.extend_from_slice(bytes);
        match self.guess(side, &held) {
            None if held.len() < ENOUGH => self.modes[side] = Mode::Undecided(held),
            Some(Some(mode)) => {
                self.modes[side] = mode;
                self.take(side, &held);
            }
            // No record, where one was due: its head is the fault.
            Some(None) if matches!(self.modes[side.peer()], Mode::Tls(_)) && tls::may_begin(&held) => {
                self.modes[side] = Mode::Tls(tls::Records::default());
                self.take(side, &held);
            }
            None | Some(None) => {
                foreign(&held, 0, &mut self.outs[side]);
                self.modes[side] = Mode::Foreign(held.len());
            }
        }
    }

    /// The next bytes of a direction.
    fn take(&mut self, side: Side, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (out, rules) = (&mut self.outs[side], self.rules);
        match &mut self.modes[side] {
            Mode::Undecided(held) => {
                let held = std::mem::take(held);
                self.undecided(side, held, bytes);
            }
            Mode::Proxy(held) => {
                held.extend_from_slice(bytes);
                if let Some(len) = proxy::length(held) {
                    let held = std::mem::take(held);
                    let (header, rest) = held.split_at_checked(len).unwrap_or((&held, &[]));
                    proxy::write(header, out, rules);
                    let rest = rest.to_vec();
                    self.modes[side] = Mode::Undecided(Vec::new());
                    self.take(side, &rest);
                }
            }
            Mode::Tls(records) => records.take(bytes, out),
            Mode::Http2(frames) => frames.take(bytes, out, rules),
            Mode::WebSocket(frames) => frames.take(bytes, out),
            Mode::Request(message) => {
                let rest = message.request(bytes, out, rules, &mut self.exchanges);
                self.leave(side, bytes.get(bytes.len() - rest..).unwrap_or_default());
            }
            Mode::Response(message) => {
                let rest = message.response(bytes, out, rules, &mut self.exchanges);
                self.leave(side, bytes.get(bytes.len() - rest..).unwrap_or_default());
            }
            Mode::Foreign(taken) => {
                let begun = *taken;
                let again = match (t::detect(bytes), h1::detect(bytes)) {
                    (t::Detection::Yes(_), _) if bytes.len() > t::RecordHeader::LEN => {
                        Some(Mode::Tls(tls::Records::default()))
                    }
                    (_, h1::Detection::Request) => Some(Mode::Request(Box::default())),
                    (_, h1::Detection::Response) => Some(Mode::Response(Box::default())),
                    _ => None,
                };
                match again {
                    Some(mode) => {
                        self.modes[side] = mode;
                        self.take(side, bytes);
                    }
                    None => {
                        *taken = begun + bytes.len();
                        foreign(bytes, begun, out);
                    }
                }
            }
        }
    }

    /// Both directions become what was agreed upon; these bytes are the first of it.
    fn leave(&mut self, side: Side, rest: &[u8]) {
        let Some(websocket) = self.exchanges.became() else { return };
        for side in [Side::Client, Side::Server] {
            self.settle(side);
            let is_http = matches!(self.modes[side], Mode::Request(_) | Mode::Response(_));
            if is_http {
                self.modes[side] =
                    if websocket { Mode::WebSocket(websocket::Frames::default()) } else { Mode::Foreign(0) };
            }
        }
        self.take(side, rest);
    }
}

/// Whether bytes may begin a status line that did not come any further.
fn starts_line(held: &[u8]) -> bool {
    !held.is_empty() && b"HTTP/".starts_with(held)
}

/// Bytes of a protocol that nobody knows. Of the first ones so much is kept as gives the protocol away, and of some
/// further ones what kind of bytes they are.
fn foreign(bytes: &[u8], begun: usize, out: &mut Out) {
    let shaped = SHAPED.saturating_sub(begun).min(bytes.len());
    let (first, rest) = bytes.split_at_checked(shaped).unwrap_or((bytes, &[]));
    let mut shown: Vec<u8> = first.iter().map(|b| shape(*b)).collect();
    if begun == 0 {
        let told = protocol(first).is_some();
        for n in 0..=first.len() {
            for (place, byte) in shown.iter_mut().zip(first).take(n) {
                *place = *byte;
            }
            if protocol(&shown).is_some() == told {
                break;
            }
        }
    }
    out.removed(first);
    out.text(&shown);
    out.removed(rest);
    out.fill(BLANK, rest.len() as u64);
}

/// What kind of byte this is, as one of that kind.
pub(super) const fn shape(byte: u8) -> u8 {
    match byte {
        b' ' | b'\t' | b'\r' | b'\n' | 0 => byte,
        b if b.is_ascii_alphanumeric() => BLANK,
        b if b.is_ascii_graphic() => b'.',
        b if b.is_ascii() => 1,
        _ => 0x80,
    }
}

impl Stream for Planner<'_> {
    fn data(&mut self, from: Side, bytes: &[u8], _frame: FrameRef) {
        self.outs[from].taken += bytes.len() as u64;
        self.take(from, bytes);
    }

    fn gap(&mut self, from: Side, len: u64, _why: Missing, _frame: FrameRef) {
        let out = &mut self.outs[from];
        out.taken += len;
        match &mut self.modes[from] {
            Mode::Tls(records) => return records.gap(len, out),
            Mode::Http2(frames) => return frames.gap(len, out),
            Mode::WebSocket(frames) => return frames.gap(len, out),
            Mode::Request(message) | Mode::Response(message) => return message.gap(len, out, self.rules),
            Mode::Undecided(_) | Mode::Proxy(_) | Mode::Foreign(_) => {}
        }
        if matches!(&self.modes[from], Mode::Undecided(held) if held.is_empty()) {
            self.outs[from].fill(BLANK, len);
            return;
        }
        self.settle(from);
        self.outs[from].fill(BLANK, len);
    }

    fn end(&mut self, _from: Side, _how: End, _frame: FrameRef) {}
}
