//! Whole connections, opened.

use super::super::observer::{Inside, Observer};
use super::super::testing::{Recording, frame, recording};
use super::super::{Handshake, HandshakeType, Keys, Transcript};
use crate::base::{FrameRef, PerSide, Side};

const LOG: &str = include_str!("../testdata/tls13-key-update.keys.txt");

fn key_update() -> Recording {
    recording(include_str!("../testdata/tls13-key-update.txt"))
}

/// Keeps what lies inside.
#[derive(Default)]
struct Said(PerSide<Vec<u8>>);

impl Inside for Said {
    fn data(&mut self, from: Side, bytes: &[u8], _: FrameRef) {
        self.0[from].extend_from_slice(bytes);
    }

    fn closed(&mut self, _: Side, _: FrameRef) {}
}

/// What is opened of a recording whose segments are cut into pieces of `size`.
fn open(log: &str, size: usize) -> (Transcript, PerSide<Vec<u8>>) {
    let keys = Keys::default();
    keys.read(log.as_bytes()).unwrap();
    let (mut observer, mut said) = (Observer::with_keys(keys), Said::default());
    for ((from, bytes), n) in key_update().iter().zip(1..) {
        bytes.chunks(size).for_each(|piece| observer.data_and(*from, piece, frame(n), &mut said));
    }
    (*observer.into_transcript(), said.0)
}

#[test]
fn keys_are_updated_on_both_sides() {
    for size in [usize::MAX, 1000, 7, 1] {
        let (t, said) = open(LOG, size);
        assert!(t.decrypted && t.tls13.told, "pieces of {size}");
        assert_eq!(said.client, b"GET / HTTP/1.0\r\n\r\n", "pieces of {size}");
        assert!(said.server.starts_with(b"HTTP/1.0 200 ok\r\n") && said.server.ends_with(b"</BODY></HTML>\r\n\r\n"));
        let updates =
            |from: Side| t.messages.iter().filter(|m| m.from == from && m.kind == HandshakeType::KEY_UPDATE).count();
        assert_eq!((updates(Side::Client), updates(Side::Server)), (2, 1));
        assert_eq!((t.handshake(), t.certificates.len()), (Handshake::Complete, 1));
        assert!(t.message(Side::Server, HandshakeType::CERTIFICATE_VERIFY).is_some());
        let [farewell] = t.alerts.as_slice() else { panic!("one alert") };
        assert!(farewell.encrypted && farewell.is_close_notify() && farewell.from == Side::Client);
    }
}

#[test]
fn one_byte_that_is_not_authentic_ends_it() {
    let keys = Keys::default();
    keys.read(LOG.as_bytes()).unwrap();
    let (mut observer, mut said) = (Observer::with_keys(keys), Said::default());
    let mut flights = key_update();
    let answer = flights.iter_mut().rev().find(|(from, _)| *from == Side::Server).unwrap();
    *answer.1.last_mut().unwrap() ^= 1;
    for ((from, bytes), n) in flights.iter().zip(1..) {
        observer.data_and(*from, bytes, frame(n), &mut said);
    }
    assert!(said.0.server.is_empty() && !observer.into_transcript().decrypted);
}
