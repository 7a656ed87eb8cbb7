//! Which protocol lies on which: decided by content, for each side on its own.
//!
//! Invariant: a side's bytes go to exactly one observer, in order, each byte once; a port number decides nothing.
//! The two sides may well speak differently: HTTPS to a port that speaks HTTP is what many a 502 is made of.
//! A PROXY protocol header takes the bytes before the others; what comes after it is told as if it were not there.

pub mod http1;
pub mod http2;
pub mod proxy;
pub mod tls;
pub mod websocket;

mod foreign;

pub use foreign::Foreign;

use crate::base::{FrameRef, PerSide, Side};
use crate::tcp::{End, Missing, Stream};
use foreign::Prefix;

/// A side that speaks neither protocol is looked at again at the start of each segment up to this many bytes:
/// STARTTLS, CONNECT, SOCKS and the like change to TLS or HTTP early or never.
const MAX_FOREIGN_BYTES: u64 = 64 * 1024;

/// What a side turned out to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Spoken {
    /// Too few bytes to tell.
    #[default]
    Undecided,
    /// A PROXY protocol header, so far; another protocol follows it.
    Proxy,
    Tls,
    Http1,
    Http2,
    /// None of them, so far.
    Foreign,
}

/// What one side speaks, as its first bytes tell, and who it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guess {
    NeedMore,
    Neither,
    Is(Spoken, Option<Side>),
}

/// The protocols of one connection.
#[derive(Debug, Clone, Default)]
pub struct Session {
    spoken: PerSide<Spoken>,
    prefix: PerSide<Option<Box<Prefix>>>,
    odd: Option<Box<Odd>>,
    proxy: Option<Box<proxy::Observer>>,
    tls: Option<tls::Observer>,
    http: Option<http1::Observer>,
    http2: Option<Box<http2::Observer>>,
    websocket: Option<Box<websocket::Observer>>,
    /// Secrets to open TLS with.
    keys: Option<tls::Keys>,
    /// What lies inside of TLS, where keys open it: a session of its own.
    within: Within,
    /// The SYN told who is the client.
    client_known: bool,
    /// The client is the other end than the TCP stage guessed.
    flipped: bool,
    /// The protocol told who is the client.
    oriented: bool,
}

/// What is counted of sides that nobody understands, or not yet.
#[derive(Debug, Clone, Default)]
struct Odd {
    foreign_bytes: PerSide<u64>,
    /// Bytes that are not in the capture, before it is known what the side speaks.
    missing: PerSide<u64>,
}

/// The session of what both sides say inside of TLS, from their first bytes on.
#[derive(Debug, Clone, Default)]
struct Within(Option<Box<Session>>);

impl tls::Inside for Within {
    fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        self.0.get_or_insert_with(|| Box::new(Session::new(true))).data(from, bytes, frame);
    }

    /// What lasts until the close ends here, whatever becomes of the connection.
    fn closed(&mut self, from: Side, frame: FrameRef) {
        if let Some(within) = &mut self.0 {
            within.end(from, End::Fin, frame);
        }
    }
}

/// What the protocols were, once the connection is over.
#[derive(Debug, Default)]
pub struct Protocols {
    /// The PROXY protocol header before everything else of the client's.
    pub proxy: Option<Box<proxy::Header>>,
    /// The TLS handshake, where either side spoke TLS.
    pub tls: Option<Box<tls::Transcript>>,
    /// The HTTP/1 exchanges, where either side spoke HTTP/1: in clear, or inside of TLS that was opened as a whole.
    pub http: Option<Box<http1::Transcript>>,
    /// The streams of HTTP/2, where either side spoke that: in clear, or as above.
    pub http2: Option<Box<http2::Transcript>>,
    /// The frames of a WebSocket that began with HTTP/1: in clear, or as above.
    pub websocket: Option<Box<websocket::Transcript>>,
    /// The first bytes of a side that spoke none of these.
    pub foreign: PerSide<Option<Box<Foreign>>>,
    /// The client is the other end than the TCP stage guessed: the sides here are right, its are to be exchanged.
    pub flipped: bool,
    /// The protocol told who is the client.
    pub oriented: bool,
}

impl Session {
    /// A connection of which the SYN or SYN-ACK was seen, or not.
    #[must_use]
    pub fn new(client_known: bool) -> Session {
        Session { client_known, ..Session::default() }
    }

    /// The same, with secrets to open TLS with.
    #[must_use]
    pub fn with_keys(self, keys: tls::Keys) -> Session {
        Session { keys: Some(keys), ..self }
    }

    /// Memory that what was seen takes, about so many bytes: what grows with the bytes that come.
    #[must_use]
    #[inline]
    pub fn held(&self) -> usize {
        let tls = self.tls.as_ref().map_or(0, |tls| tls.held());
        let http = self.http.as_ref().map_or(0, http1::Observer::held);
        let others = if self.http2.is_some() || self.within.0.is_some() { self.held_by_others() } else { 0 };
        tls + http + others
    }

    #[inline(never)]
    fn held_by_others(&self) -> usize {
        let http2 = self.http2.as_ref().map_or(0, |http2| http2.held());
        http2 + self.within.0.as_ref().map_or(0, |within| within.held())
    }

    /// What was seen, once nothing more will come.
    #[must_use]
    pub fn finish(&mut self) -> Protocols {
        self.settle();
        let tls = self.tls.take().map(|o| o.into_transcript());
        // Of a side that was not opened to its end, an answer may be missing that was given.
        let whole = tls.as_ref().is_some_and(|tls| tls.decrypted);
        let foreign = PerSide {
            client: self.prefix.client.take().map(|p| Box::new(p.into_foreign())),
            server: self.prefix.server.take().map(|p| Box::new(p.into_foreign())),
        };
        // One on which nothing was said is one, too.
        let silent = self.http.as_ref().filter(|http| http.is_websocket()).map(|_| Box::default());
        let websocket = self.websocket.take().or(silent).map(|o| Box::new(o.finish()));
        let mut protocols = Protocols {
            proxy: self.proxy.take().and_then(|o| o.finish()).map(Box::new),
            tls,
            http: self.http.take().map(|o| Box::new(o.finish())),
            http2: self.http2.take().map(|o| Box::new(o.finish())),
            websocket,
            foreign,
            flipped: self.flipped,
            oriented: self.oriented,
        };
        if let Some(mut within) = self.within.0.take().filter(|_| whole) {
            let within = within.finish();
            protocols.http = protocols.http.or(within.http);
            protocols.http2 = protocols.http2.or(within.http2);
            protocols.websocket = protocols.websocket.or(within.websocket);
        }
        protocols
    }

    /// Takes for a response what an origin that was asked in HTTP/1 sent, although too little of it came to tell.
    fn settle(&mut self) {
        if self.spoken.client != Spoken::Http1 || self.spoken.server != Spoken::Undecided {
            return;
        }
        if let Some(prefix) =
            self.prefix.server.take_if(|prefix| prefix.held() > 0 && b"HTTP/".starts_with(prefix.bytes()))
        {
            self.spoken.server = Spoken::Http1;
            self.observe(Side::Server, prefix.bytes(), prefix.frame());
        }
    }

    /// Side as it is now known, of a side as the TCP stage guessed it.
    fn side(&self, guessed: Side) -> Side {
        if self.flipped { guessed.peer() } else { guessed }
    }

    /// What the first bytes of a side are, in the light of what the other side speaks.
    fn guess(&self, side: Side, bytes: &[u8]) -> Guess {
        // No other protocol begins with a byte that TLS begins with.
        let tls = tls::detect(bytes);
        if let tls::Detection::Yes(who) = tls {
            return Guess::Is(Spoken::Tls, sender(who));
        }
        match self.detect_proxy(side, bytes) {
            proxy::Detection::Yes => return Guess::Is(Spoken::Proxy, Some(Side::Client)),
            proxy::Detection::NeedMore => return Guess::NeedMore,
            proxy::Detection::No => {}
        }
        match self.detect_http2(side, bytes) {
            http2::Detection::Preface => return Guess::Is(Spoken::Http2, Some(Side::Client)),
            http2::Detection::Settings => return Guess::Is(Spoken::Http2, Some(Side::Server)),
            http2::Detection::NeedMore => return Guess::NeedMore,
            http2::Detection::No => {}
        }
        match (tls, http1::detect(bytes)) {
            (_, http1::Detection::Request) => Guess::Is(Spoken::Http1, Some(Side::Client)),
            (_, http1::Detection::Response) => Guess::Is(Spoken::Http1, Some(Side::Server)),
            (tls::Detection::NeedMore, _) | (_, http1::Detection::NeedMore) => Guess::NeedMore,
            // An answer in no known protocol is the asker's protocol gone wrong: its observer says how.
            _ if side == Side::Server && self.spoken.client != Spoken::Foreign => match self.spoken.client {
                Spoken::Undecided | Spoken::Proxy => Guess::Neither,
                asked => Guess::Is(asked, None),
            },
            _ => Guess::Neither,
        }
    }

    /// Whether a PROXY protocol header begins here: only a client sends one.
    fn detect_proxy(&self, side: Side, bytes: &[u8]) -> proxy::Detection {
        let is_server = side == Side::Server && (self.client_known || self.oriented);
        if is_server || self.proxy.as_ref().is_some_and(|proxy| proxy.is_enough()) {
            return proxy::Detection::No;
        }
        proxy::detect(bytes)
    }

    /// Whether HTTP/2 begins here: a client's preface, or the first frame of a server that was not asked in any other
    /// protocol.
    fn detect_http2(&self, side: Side, bytes: &[u8]) -> http2::Detection {
        let known = self.client_known || self.oriented;
        let asked_otherwise = !matches!(self.spoken.client, Spoken::Undecided | Spoken::Http2 | Spoken::Proxy);
        match http2::detect(bytes) {
            http2::Detection::Preface if known && side == Side::Server => http2::Detection::No,
            http2::Detection::Settings | http2::Detection::NeedMore
                if bytes.first() == Some(&0) && (asked_otherwise || (known && side == Side::Client)) =>
            {
                http2::Detection::No
            }
            other => other,
        }
    }

    /// Bytes of a side whose protocol is not known yet.
    fn undecided(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        let side = self.side(from);
        if let Some(prefix) = self.prefix[side].take() {
            return self.still_undecided(side, prefix, bytes, frame);
        }
        // The first bytes nearly always tell.
        let guess = self.guess(side, bytes);
        if let Guess::Is(spoken, who) = guess {
            let side = self.begin(side, spoken, who, frame);
            self.observe(side, bytes, frame);
        } else {
            let mut prefix = Box::new(Prefix::new(frame));
            prefix.push(bytes);
            self.keep(side, prefix, guess == Guess::Neither);
        }
    }

    /// More bytes of a side whose first ones did not tell.
    #[cold]
    fn still_undecided(&mut self, side: Side, mut prefix: Box<Prefix>, bytes: &[u8], frame: FrameRef) {
        let held = prefix.held();
        let guess = if held == 0 {
            self.guess(side, bytes)
        } else {
            prefix.push(bytes);
            self.guess(side, prefix.bytes())
        };
        if let Guess::Is(spoken, who) = guess {
            let side = self.begin(side, spoken, who, prefix.frame());
            if let Some(kept @ [_, ..]) = prefix.bytes().get(..held) {
                self.observe(side, kept, prefix.frame());
            }
            self.observe(side, bytes, frame);
        } else {
            let enough = held > 0 && prefix.held() >= Prefix::ENOUGH;
            if held == 0 {
                prefix.push(bytes);
            }
            self.keep(side, prefix, enough || guess == Guess::Neither);
        }
    }

    /// It is known what a side speaks, since `first`. Returns the side as now known.
    fn begin(&mut self, side: Side, spoken: Spoken, who: Option<Side>, first: FrameRef) -> Side {
        let side = self.decide(side, spoken, who);
        if spoken == Spoken::Proxy {
            self.proxy.get_or_insert_default().begin(first);
        } else if self.odd.is_some() {
            self.tell_missing(side, first);
        }
        side
    }

    /// Keeps first bytes that do not tell, or tell that this is none of the protocols.
    fn keep(&mut self, side: Side, prefix: Box<Prefix>, is_foreign: bool) {
        if is_foreign {
            self.spoken[side] = Spoken::Foreign;
        }
        self.prefix[side] = Some(prefix);
    }

    /// Bytes of a side that spoke neither protocol so far.
    #[cold]
    fn foreign(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        let side = self.side(from);
        let odd = self.odd.get_or_insert_default();
        odd.foreign_bytes[side] += bytes.len() as u64;
        if odd.foreign_bytes[side] > MAX_FOREIGN_BYTES {
            return;
        }
        let who = match (tls::detect(bytes), http1::detect(bytes)) {
            (tls::Detection::Yes(who), _) if bytes.len() > tls::RecordHeader::LEN => {
                Guess::Is(Spoken::Tls, sender(who))
            }
            (_, http1::Detection::Request) => Guess::Is(Spoken::Http1, Some(Side::Client)),
            (_, http1::Detection::Response) => Guess::Is(Spoken::Http1, Some(Side::Server)),
            _ => Guess::Neither,
        };
        if let Guess::Is(spoken, who) = who {
            let side = self.decide(side, spoken, who);
            self.observe(side, bytes, frame);
        }
    }

    /// Settles what a side speaks, and who is the client where no SYN told. Returns the side as now known.
    fn decide(&mut self, side: Side, spoken: Spoken, who: Option<Side>) -> Side {
        let mut side = side;
        if let Some(who) = who
            && !self.oriented
        {
            if who != side && !self.client_known {
                self.flip();
                side = side.peer();
            }
            self.oriented = true;
        }
        self.spoken[side] = spoken;
        match spoken {
            Spoken::Tls => {
                let keys = &self.keys;
                self.tls.get_or_insert_with(|| keys.clone().map_or_else(tls::Observer::new, tls::Observer::with_keys));
            }
            Spoken::Http1 => {
                // An answer without a request is one whose request was before the capture, or was no HTTP.
                let asked_otherwise = matches!(self.spoken.client, Spoken::Tls | Spoken::Http2 | Spoken::Foreign);
                let in_order = self.client_known && !asked_otherwise;
                self.http.get_or_insert_with(|| {
                    if in_order { http1::Observer::new() } else { http1::Observer::mid_stream() }
                });
            }
            Spoken::Http2 => {
                self.http2.get_or_insert_default();
            }
            Spoken::Undecided | Spoken::Proxy | Spoken::Foreign => {}
        }
        side
    }

    /// Bytes of a PROXY protocol header, and what follows it.
    #[cold]
    fn proxied(&mut self, side: Side, bytes: &[u8], frame: FrameRef) {
        let Some(proxy) = &mut self.proxy else { return };
        let taken = proxy.data(bytes, frame);
        self.leave_proxy(side);
        let rest = bytes.get(taken..).unwrap_or_default();
        if !rest.is_empty() && self.spoken[side] == Spoken::Undecided {
            let from = self.side(side);
            self.undecided(from, rest, frame);
        }
    }

    /// Once a header is over, the side has said nothing yet.
    fn leave_proxy(&mut self, side: Side) {
        if let Some(proxy) = self.proxy.as_ref().filter(|proxy| !proxy.is_reading()) {
            self.spoken[side] = if proxy.is_lost() { Spoken::Foreign } else { Spoken::Undecided };
        }
    }

    /// Tells the observer of a side of the hole in front of its first bytes.
    #[cold]
    fn tell_missing(&mut self, side: Side, frame: FrameRef) {
        let Some(odd) = &mut self.odd else { return };
        let len = std::mem::take(&mut odd.missing[side]);
        match (self.spoken[side], &mut self.tls, &mut self.http) {
            (Spoken::Tls, Some(tls), _) => tls.gap(side, len, frame),
            (Spoken::Http1, _, Some(http)) => http.gap(side, len, frame),
            (Spoken::Http2, ..) => self.http2.iter_mut().for_each(|http| http.gap(side, len, frame)),
            _ => {}
        }
    }

    fn flip(&mut self) {
        self.flipped = !self.flipped;
        self.spoken.swap();
        self.prefix.swap();
        if let Some(odd) = &mut self.odd {
            odd.foreign_bytes.swap();
            odd.missing.swap();
        }
    }

    fn observe(&mut self, side: Side, bytes: &[u8], frame: FrameRef) {
        match self.spoken[side] {
            Spoken::Tls => {
                if let Some(tls) = &mut self.tls {
                    tls.data_and(side, bytes, frame, &mut self.within);
                }
            }
            Spoken::Http1 => {
                if let Some(http) = &mut self.http {
                    let rest = http.data(side, bytes, frame);
                    if !rest.is_empty() {
                        self.after_http(side, rest, frame);
                    }
                }
            }
            Spoken::Http2 => {
                if let Some(http) = &mut self.http2 {
                    http.data(side, bytes, frame);
                }
            }
            Spoken::Proxy => self.proxied(side, bytes, frame),
            Spoken::Undecided | Spoken::Foreign => {}
        }
    }

    /// Bytes that are not HTTP/1 any more.
    #[cold]
    fn after_http(&mut self, side: Side, bytes: &[u8], frame: FrameRef) {
        if self.http.as_ref().is_some_and(http1::Observer::is_websocket) {
            self.websocket.get_or_insert_default().data(side, bytes, frame);
        }
    }

    /// After CONNECT or an upgrade to something else than a WebSocket nothing more is HTTP/1; TLS may begin.
    fn left_http(&self, side: Side) -> bool {
        let left = |http: &http1::Observer| http.is_upgraded() && !http.is_websocket();
        self.spoken[side] == Spoken::Http1 && self.http.as_ref().is_some_and(left)
    }
}

impl Stream for Session {
    #[inline]
    fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        let side = self.side(from);
        match self.spoken[side] {
            Spoken::Undecided => self.undecided(from, bytes, frame),
            Spoken::Foreign => self.foreign(from, bytes, frame),
            Spoken::Tls => {
                if let Some(tls) = &mut self.tls {
                    tls.data_and(side, bytes, frame, &mut self.within);
                }
            }
            _ if self.left_http(side) => self.foreign(from, bytes, frame),
            Spoken::Proxy | Spoken::Http1 | Spoken::Http2 => self.observe(side, bytes, frame),
        }
    }

    fn gap(&mut self, from: Side, len: u64, _why: Missing, frame: FrameRef) {
        let side = self.side(from);
        match (self.spoken[side], &mut self.tls, &mut self.http) {
            (Spoken::Tls, Some(tls), _) => tls.gap(side, len, frame),
            (Spoken::Http1, _, Some(http)) if http.is_websocket() => {
                self.websocket.get_or_insert_default().gap(side, len, frame);
            }
            (Spoken::Http1, _, Some(http)) => http.gap(side, len, frame),
            (Spoken::Http2, ..) => self.http2.iter_mut().for_each(|http| http.gap(side, len, frame)),
            (Spoken::Proxy, ..) => {
                let len = self.proxy.as_mut().map_or(len, |proxy| proxy.gap(len));
                self.odd.get_or_insert_default().missing[side] += len;
                self.leave_proxy(side);
            }
            // What comes next need not be the beginning of anything.
            (Spoken::Undecided, ..) => {
                self.odd.get_or_insert_default().missing[side] += len;
                if let Some(prefix) = &mut self.prefix[side] {
                    prefix.seal();
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, from: Side, how: End, frame: FrameRef) {
        let side = self.side(from);
        if let Within(Some(within)) = &mut self.within {
            within.end(side, how, frame);
        }
        if let Some(http) = &mut self.http {
            let how = match how {
                End::Fin => http1::End::Fin,
                End::Rst => http1::End::Rst,
            };
            http.end(side, frame, how);
        }
    }
}

/// The side that a kind of TLS message gives away.
fn sender(who: tls::Sender) -> Option<Side> {
    match who {
        tls::Sender::Client => Some(Side::Client),
        tls::Sender::Server => Some(Side::Server),
        tls::Sender::Either => None,
    }
}
