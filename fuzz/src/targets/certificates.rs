//! Certificates of one Certificate message, two bytes of length before each: read, and judged with the connection that
//! shows them.

use why502::base::{FrameRef, Side, Timestamp};
use why502::session::tls::Observer;

use super::{in_proportion, ops, pipeline, tape};

/// A hello of either side, so that what follows is a handshake of TLS 1.2.
fn hello(kind: u8) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([0x5a; 32]);
    body.push(0);
    if kind == 1 {
        body.extend([0, 2, 0xc0, 0x2f, 1, 0]);
        // SNI: a.example.
        body.extend([0, 18, 0, 0, 0, 14, 0, 12, 0, 0, 9]);
        body.extend(b"a.example");
    } else {
        body.extend([0xc0, 0x2f, 0]);
    }
    message(kind, &body)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[kind], &len[1..], body].concat()
}

fn records(handshake: &[u8]) -> Vec<u8> {
    let record = |piece: &[u8]| [&[22, 3, 3][..], &(piece.len() as u16).to_be_bytes(), piece].concat();
    handshake.chunks(16_000).flat_map(record).collect()
}

/// What the server says: its hello and these certificates.
fn flight(bytes: &[u8]) -> Vec<u8> {
    let (mut rest, mut list) = (bytes, Vec::new());
    while let Some((&[a, b], after)) = rest.split_first_chunk::<2>() {
        let (der, next) = after.split_at(after.len().min(usize::from(u16::from_be_bytes([a, b]))));
        list.extend(&u32::try_from(der.len()).unwrap_or(0).to_be_bytes()[1..]);
        list.extend(der);
        rest = next;
    }
    let len = u32::try_from(list.len()).unwrap_or(u32::MAX).to_be_bytes();
    let certificate = message(11, &[&len[1..], &list].concat());
    records(&[hello(2), certificate].concat())
}

pub(super) fn run(bytes: &[u8]) {
    let frame = FrameRef::new(1, 1, Timestamp(1_780_000_000_000_000_000), 0);
    let server = flight(bytes);
    let told = in_proportion(bytes.len(), || {
        let mut observer = Observer::new();
        observer.data(Side::Client, &records(&hello(1)), frame);
        observer.data(Side::Server, &server, frame);
        observer.into_transcript()
    });
    for certificate in &told.certificates {
        if let Ok(summary) = in_proportion(bytes.len(), || certificate.summary()) {
            assert!(summary.names.len() <= 512, "docs/limits.md");
        }
    }
    let mut said = Vec::new();
    for (side, data) in [(Side::Client, records(&hello(1))), (Side::Server, server)] {
        for piece in data.chunks(ops::LONGEST) {
            said.extend(ops::head(side, false, piece.len()));
            said.extend(piece);
        }
    }
    pipeline::run(&tape::tape(&said, usize::MAX));
}
