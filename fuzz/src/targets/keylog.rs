//! Key logs: the same secrets in whatever pieces the log comes, and no more than it has lines.

use std::io::Cursor;

use why502::session::tls::Keys;

use super::{Drip, in_proportion};

pub(super) fn run(bytes: &[u8]) {
    let (keys, read) = in_proportion(bytes.len(), || {
        let keys = Keys::default();
        let read = keys.read(Cursor::new(bytes)).expect("memory can be read");
        (keys, read)
    });
    let lines = bytes.split(|b| *b == b'\n').count();
    assert!(keys.len() <= lines);
    assert!(keys.len() as u64 <= read.secrets, "{read:?}");
    let pieces = Keys::default();
    assert_eq!(pieces.read(Drip::new(bytes, 61)).expect("memory can be read"), read);
    assert_eq!(pieces.len(), keys.len());
}
