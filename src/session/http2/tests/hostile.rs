//! Floods and noise: never a panic, and memory that has a bound.

use super::{FaultKind, MAX_BLOCK, MAX_FIRST, MAX_LAST, MAX_OPEN, Observer, PREFACE, asked, at, block, frame, read};
use crate::base::Side;
use crate::session::http2::{MAX_GOAWAYS, MAX_HELD, MAX_NOTABLE};

const GET: [u8; 3] = [0x82, 0x86, 0x84];

#[test]
fn a_block_without_end_is_given_up() {
    let mut observer = Observer::new();
    observer.data(Side::Client, &[PREFACE, &frame(4, 0, 0, &[]), &frame(1, 1, 1, &GET)].concat(), at(1));
    for _ in 0..10_000 {
        observer.data(Side::Client, &frame(9, 0, 1, &[0x82; 1_000]), at(2));
        let kept = observer.client.block.as_ref().map_or(0, |block| block.bytes.capacity());
        assert!(kept <= 2 * MAX_BLOCK, "{kept} bytes are kept of one block");
    }
    observer.data(Side::Client, &frame(9, 4, 1, &[]), at(3));
    let told = observer.finish();
    assert!(told.unread.client && told.exchanges[0].lost.client && told.fault.client.is_none());
    // Frames of nothing cost nothing.
    let empty: Vec<u8> = std::iter::repeat_n(frame(9, 0, 3, &[]), 10_000).flatten().collect();
    let client = [asked(), frame(1, 1, 3, &GET), empty, frame(9, 4, 3, &[])].concat();
    assert_eq!(read(&client, &frame(4, 0, 0, &[]), usize::MAX).total, 2);
}

#[test]
fn a_hundred_thousand_streams_are_counted_and_few_are_kept() {
    let mut observer = Observer::new();
    observer.data(Side::Client, &[PREFACE, &frame(4, 0, 0, &[])].concat(), at(1));
    observer.data(Side::Server, &frame(4, 0, 0, &[]), at(2));
    for n in 0..100_000_u32 {
        observer.data(Side::Client, &frame(1, 5, 2 * n + 1, &GET), at(3));
        if n % 2 == 0 {
            observer.data(Side::Server, &frame(1, 5, 2 * n + 1, &[0x88]), at(4));
        }
    }
    let told = observer.finish();
    assert_eq!(told.total, 100_000);
    assert!(told.exchanges.len() <= MAX_FIRST + MAX_LAST + MAX_NOTABLE);
    assert_eq!(told.overflowed, 50_000 - MAX_OPEN as u64);
}

#[test]
fn floods_of_small_frames_leave_nothing_behind() {
    let many = |bytes: Vec<u8>| std::iter::repeat_n(bytes, 20_000).flatten().collect::<Vec<u8>>();
    for server in [
        many(frame(4, 0, 0, &[0, 1, 0, 0, 16, 0])),
        many(frame(6, 0, 0, &[0; 8])),
        many(frame(7, 0, 0, &[0; 8])),
        many(frame(3, 0, 1, &[0; 4])),
        many(frame(8, 0, 1, &[0x7f, 0xff, 0xff, 0xff])),
        many(frame(0, 0, 1, &[])),
    ] {
        let told = read(&asked(), &[frame(4, 0, 0, &[]), server].concat(), 1_448);
        assert!(told.goaways.len() <= MAX_GOAWAYS && told.exchanges.len() == 1);
        assert_eq!(told.frames.server, 20_001);
    }
}

#[test]
fn noise_is_read_to_its_end() {
    let good = [
        frame(4, 0, 0, &[0, 5, 0, 0, 64, 0]),
        frame(1, 4, 1, &block(&[(":status", "200"), ("server", "x")])),
        frame(0, 8, 1, &[1, b'h', b'i', 0]),
        frame(1, 5, 1, &block(&[("grpc-status", "5")])),
    ]
    .concat();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut compression = 0;
    for _ in 0..20_000 {
        let mut server = good.clone();
        for _ in 0..=next() % 4 {
            let place = next() as usize % server.len();
            server[place] = next() as u8;
        }
        let size = 1 + next() as usize % server.len();
        let told = read(&asked(), &server, size);
        compression += usize::from(matches!(told.fault.server.map(|f| f.kind), Some(FaultKind::Compression(_))));
    }
    assert!(compression > 0, "no mutation reached the header blocks");
}

#[test]
fn values_that_are_named_by_a_byte_are_kept_within_a_bound() {
    // A path of 2,000 bytes goes into the table, and every later request names it.
    let literal = [&[0x82, 0x86, 0x44, 0x7f, 0xd1, 0x0e][..], b"/", &[b'p'; 1_999]].concat();
    let mut observer = Observer::new();
    observer.data(Side::Client, &[PREFACE, &frame(4, 0, 0, &[]), &frame(1, 5, 1, &literal)].concat(), at(1));
    observer.data(Side::Server, &frame(4, 0, 0, &[]), at(2));
    for n in 1..1_000 {
        observer.data(Side::Client, &frame(1, 5, 2 * n + 1, &[0x82, 0x86, 0xbe]), at(3));
    }
    // Short methods are kept beyond it.
    assert!(observer.streams.held <= MAX_HELD + 1_000 * b"GET".len(), "{}", observer.streams.held);
    // Answers make room again.
    for n in 0..1_000 {
        observer.data(Side::Server, &frame(1, 5, 2 * n + 1, &[0x88]), at(4));
    }
    observer.data(Side::Client, &frame(1, 5, 2_001, &[0x82, 0x86, 0xbe]), at(5));
    let told = observer.finish();
    assert_eq!((told.total, told.unread.client, told.unread.server), (1_001, true, false));
    let kept: usize = told.exchanges.iter().map(|exchange| exchange.held()).sum();
    assert!(kept <= MAX_HELD, "{kept}");
    let whole = |stream: u32| {
        let exchange = told.exchanges.iter().find(|exchange| exchange.stream == stream).unwrap();
        let request = exchange.request.as_ref().unwrap();
        (&*request.method, request.path.len(), exchange.lost.client)
    };
    assert_eq!(whole(1), ("GET", 2_000, false));
    assert_eq!(whole(1_999), ("GET", 0, true));
    assert_eq!(whole(2_001), ("GET", 2_000, false));
}
