//! What is fuzzed: a function of bytes for each parser, and one for all of them together.
//!
//! Each asserts more than that nothing panics: the time is in proportion to the bytes, what comes out is within what went
//! in, and is the same in whatever pieces the bytes come. The same functions run under libFuzzer (`fuzz/fuzz_targets/`) and
//! from seeds in the ordinary tests (`tests/it/fuzz_targets.rs`).

mod captures;
mod certificates;
mod fragments;
mod keylog;
mod links;
mod logs;
pub(crate) mod ops;
mod pipeline;
mod reassembly;
mod sessions;
pub mod tape;

use std::hint::black_box;
use std::io::{self, Read};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A function that is fuzzed.
pub type Body = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: &[(&str, Body)] = &[
    ("pcap", captures::pcap),
    ("pcapng", captures::pcapng),
    ("compressed", captures::compressed),
    ("link", links::run),
    ("ip", fragments::packets),
    ("fragments", fragments::model),
    ("tcp", reassembly::run),
    ("proxy", sessions::proxy),
    ("tls", sessions::tls),
    ("decrypt", sessions::decrypt),
    ("http1", sessions::http1),
    ("http2", sessions::http2),
    ("websocket", sessions::websocket),
    ("session", sessions::session),
    ("certificates", certificates::run),
    ("keylog", keylog::run),
    ("log_w3c", logs::w3c),
    ("log_json", logs::json),
    ("log_real_time", logs::real_time),
    ("log_alb", logs::alb),
    ("log_combined", logs::combined),
    ("pipeline", pipeline::run),
    ("connection", pipeline::connection),
];

/// Runs the target of this name; now and then on what becomes of the input when a part of it comes again and again, too.
pub fn run(name: &str, bytes: &[u8]) {
    let Some((_, body)) = TARGETS.iter().find(|(known, _)| *known == name) else {
        panic!("no target is called {name}");
    };
    body(bytes);
    if hash(bytes).is_multiple_of(SWELLS) {
        body(&swollen(bytes));
    }
}

/// How long an input becomes of which a part comes again and again.
const SWOLLEN: usize = 64 << 10;

/// One input in so many: a long one takes what many short ones do.
const SWELLS: u64 = 128;

/// The input with a part of it repeated. Nothing shows a loop within a loop as this does, and a fuzzer that is guided by
/// coverage has no reason to write the same line a thousand times.
pub(crate) fn swollen(bytes: &[u8]) -> Vec<u8> {
    let hash = hash(bytes);
    let draw = |shift: u32, below: usize| usize::try_from(hash >> shift & 0xffff).unwrap_or(0) % below.max(1);
    let (before, rest) = bytes.split_at(draw(16, bytes.len()));
    let (part, after) = rest.split_at(rest.len().min(1 + draw(32, 64)));
    let times = SWOLLEN.saturating_sub(bytes.len()) / part.len().max(1);
    [before, &part.repeat(times), after].concat()
}

/// FNV-1a: which inputs are swollen, and where, is as good as random, and always the same.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

/// Writes every report of what may be a capture; says how long that took this thread, and whether it is one.
#[must_use]
pub fn reported(bytes: &[u8]) -> (Duration, bool) {
    let before = spent();
    let is_capture = pipeline::checked(bytes);
    (spent().saturating_sub(before), is_capture)
}

/// What an input may take beside what its bytes may: the first run fills caches and tables.
const START: Duration = Duration::from_millis(100);

/// What a byte may take, under the address sanitizer and in a build for tests: far more than it does, and far less than
/// bytes times bytes.
const A_BYTE: Duration = Duration::from_micros(5);

/// Does something about `len` bytes, in time that is in proportion to them. It is the time of this thread: what else runs on
/// the machine does not count. What took long for once is done again.
pub(crate) fn in_proportion<T>(len: usize, run: impl Fn() -> T) -> T {
    let bound = START + A_BYTE * u32::try_from(len).unwrap_or(u32::MAX);
    let mut tries = 3;
    loop {
        let before = spent();
        let done = black_box(run());
        let took = spent().saturating_sub(before);
        tries -= 1;
        if took <= bound {
            return done;
        }
        assert!(tries > 0, "{len} bytes took {took:?}");
    }
}

/// What this thread has computed so far.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Gives bytes in pieces of one to `most` bytes.
pub(crate) struct Drip {
    bytes: Vec<u8>,
    at: usize,
    most: usize,
    turn: usize,
}

impl Drip {
    pub(crate) fn new(bytes: &[u8], most: usize) -> Drip {
        Drip { bytes: bytes.to_vec(), at: 0, most, turn: 0 }
    }
}

impl Read for Drip {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        let n = (1 + self.turn * 7 % self.most).min(self.bytes.len() - self.at).min(buf.len());
        buf[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
