//! Whole connections, cut in every way.

use super::super::testing::{Recording, client_hello_body, frame, message, record, recording, server_hello_body};
use super::super::{ContentType, FaultKind, Handshake, HandshakeType, Transcript};
use super::Observer;
use crate::base::Side::{Client, Server};
use crate::base::{Side, Timestamp};

macro_rules! recorded {
    ($name:literal) => {
        recording(include_str!(concat!("../testdata/", $name, ".txt")))
    };
}

fn all_recordings() -> Vec<(&'static str, Recording)> {
    vec![
        ("tls12", recorded!("tls12")),
        ("tls12-resumed", recorded!("tls12-resumed")),
        ("tls13", recorded!("tls13")),
        ("tls13-hrr", recorded!("tls13-hrr")),
        ("tls13-resumed", recorded!("tls13-resumed")),
        ("tls12-client-cert", recorded!("tls12-client-cert")),
        ("tls13-client-cert", recorded!("tls13-client-cert")),
        ("alert-version", recorded!("alert-version")),
        ("alert-cipher", recorded!("alert-cipher")),
        ("alert-name", recorded!("alert-name")),
    ]
}

/// Observes `flights`, each the frame with its index, counted from 1.
fn observe(flights: &[(Side, Vec<u8>)]) -> Transcript {
    let mut observer = Observer::new();
    for ((from, bytes), n) in flights.iter().zip(1..) {
        observer.data(*from, bytes, frame(n));
    }
    *observer.into_transcript()
}

fn alerts(transcript: &Transcript) -> Vec<(Side, Option<u8>, Option<&'static str>)> {
    transcript.alerts.iter().map(|a| (a.from, a.level, a.name())).collect()
}

#[test]
fn a_full_handshake_of_tls12() {
    let t = observe(&recorded!("tls12"));
    let client = t.client_hello.as_ref().unwrap();
    assert_eq!((client.frame, client.sni.as_deref()), (frame(1), Some("origin.example.com")));
    assert_eq!(
        (client.alpn.as_slice(), client.ciphers.as_slice()),
        (&["http/1.1".to_owned()][..], &[0xc02b, 0xff][..])
    );
    let server = t.server_hello.as_ref().unwrap();
    assert_eq!((server.frame, server.version, server.cipher), (frame(2), 0x0303, 0xc02b));
    assert_eq!(server.group, Some(0x001d));
    assert_eq!((t.handshake(), t.resumed()), (Handshake::Complete, Some(false)));
    assert_eq!((t.server_hello_done(), t.client_key_exchange()), (Some(frame(2)), Some(frame(3))));
    assert_eq!((t.handshake_done(), t.new_session_ticket()), (Some(frame(4)), Some(frame(4))));
    assert!(t.encrypted.client.application > 0 && t.encrypted.server.application > 0);
    assert!(!t.client_certificate_requested && t.fault.is_none() && !t.lost.client && !t.lost.server);
}

#[test]
fn the_certificate_of_tls12_is_kept_and_read_when_asked() {
    let t = observe(&recorded!("tls12"));
    let [certificate] = t.certificates.as_slice() else { panic!("one certificate") };
    assert_eq!((certificate.from, certificate.frame), (Server, frame(2)));
    let summary = certificate.summary().unwrap();
    assert_eq!(summary.subject, "O=Example, CN=origin.example.com");
    assert_eq!(summary.common_name.as_deref(), Some("origin.example.com"));
    assert_eq!(summary.names, ["origin.example.com", "*.example.org", "192.0.2.7"]);
    assert_eq!((summary.key.as_str(), summary.signature.as_str()), ("EC P-256", "ecdsa-with-SHA256"));
    assert!(summary.self_issued && summary.is_ca && summary.server_auth);
    assert!(summary.not_before > Timestamp(0) && summary.not_after > summary.not_before);
    assert_eq!(certificate.sha256().len(), 64);
}

#[test]
fn resumptions_are_told_from_full_handshakes() {
    let t = observe(&recorded!("tls12-resumed"));
    assert_eq!((t.resumed(), t.handshake()), (Some(true), Handshake::Complete));
    // The order is reversed: the server finishes first.
    assert!(t.change_cipher_spec.server < t.change_cipher_spec.client);
    assert_eq!(t.handshake_done(), t.encrypted.client.first_handshake);
    assert!(t.certificates.is_empty());
    let t = observe(&recorded!("tls13-resumed"));
    assert_eq!((t.resumed(), t.handshake()), (Some(true), Handshake::Complete));
    assert!(t.client_hello.unwrap().psk);
}

#[test]
fn tls13_is_complete_when_data_went_both_ways() {
    let t = observe(&recorded!("tls13"));
    assert_eq!((t.handshake(), t.resumed()), (Handshake::Complete, Some(false)));
    let server = t.server_hello.as_ref().unwrap();
    assert_eq!((server.version, server.cipher, server.group), (0x0304, 0x1302, Some(0x001d)));
    assert!(t.is_tls13() && !server.hello_retry && t.certificates.is_empty());
    assert_eq!(t.tls13.client_finished, t.handshake_done());
    let finished = t.encrypted.client.first.first().unwrap();
    assert_eq!((finished.content_type, finished.len), (ContentType::APPLICATION_DATA, 69));
    let until_finished = &recorded!("tls13")[..3];
    assert_eq!(observe(until_finished).handshake(), Handshake::Unknown);
}

#[test]
fn a_retry_has_two_hellos_on_either_side() {
    let t = observe(&recorded!("tls13-hrr"));
    let server = t.server_hello.as_ref().unwrap();
    assert!(server.hello_retry);
    assert_eq!((server.group, t.hello_retry_group), (Some(24), Some(24)));
    assert_eq!((t.client_hello.as_ref().unwrap().frame, t.hello_retry_request), (frame(1), Some(frame(2))));
    assert_eq!((t.second_client_hello, t.client_hello_count, server.frame), (Some(frame(3)), 2, frame(4)));
    assert_eq!(t.client_hello.as_ref().unwrap().key_shares, [29]);
    assert_eq!(t.handshake(), Handshake::Complete);
}

#[test]
fn a_missing_client_certificate_is_seen() {
    let t = observe(&recorded!("tls12-client-cert"));
    assert!(t.client_certificate_requested);
    assert_eq!((t.certificate_request(), t.empty_certificate.client), (Some(frame(2)), Some(frame(3))));
    assert_eq!(alerts(&t), [(Server, Some(2), Some("handshake_failure"))]);
    assert_eq!(t.handshake(), Handshake::Failed);
    let t = observe(&recorded!("tls13-client-cert"));
    assert!(t.tls13.empty_certificate.is_some() && t.tls13.client_finished.is_some());
    assert!(t.tls13.alert_sized.server.is_some() && t.tls13.server_application.is_none());
    assert_eq!((t.handshake(), alerts(&t)), (Handshake::Unknown, vec![]));
}

#[test]
fn refusals_name_their_alert() {
    for (flights, name) in [
        (recorded!("alert-version"), "protocol_version"),
        (recorded!("alert-cipher"), "handshake_failure"),
        (recorded!("alert-name"), "unrecognized_name"),
    ] {
        let t = observe(&flights);
        assert_eq!(alerts(&t), [(Server, Some(2), Some(name))]);
        assert_eq!((t.handshake(), t.alerts[0].frame, t.server_hello), (Handshake::Failed, frame(2), None));
    }
}

#[test]
fn the_transcript_does_not_depend_on_how_the_stream_is_cut() {
    for (name, flights) in all_recordings() {
        let feed = |cut: &dyn Fn(usize) -> Vec<usize>| {
            let (mut observer, mut at) = (Observer::new(), 0);
            for (from, bytes) in &flights {
                let mut rest = bytes.as_slice();
                for len in cut(at).into_iter().chain([usize::MAX]) {
                    let (head, tail) = rest.split_at(len.min(rest.len()));
                    observer.data(*from, head, frame(1));
                    rest = tail;
                }
                at += bytes.len();
            }
            observer.into_transcript()
        };
        let whole = feed(&|_| vec![]);
        assert_eq!(feed(&|_| vec![1; 20_000]), whole, "{name}, byte by byte");
        let total: usize = flights.iter().map(|(_, bytes)| bytes.len()).sum();
        for point in 0..total {
            assert_eq!(feed(&|at| point.checked_sub(at).into_iter().collect()), whole, "{name}, cut at {point}");
        }
    }
}

#[test]
fn every_prefix_of_a_connection_is_understood_as_far_as_it_goes() {
    for (name, flights) in all_recordings() {
        let (mut observer, mut n) = (Observer::new(), 0);
        for (from, bytes) in &flights {
            for byte in bytes {
                n += 1;
                observer.data(*from, std::slice::from_ref(byte), frame(n));
                assert_eq!(observer.transcript().fault, None, "{name} at byte {n}");
            }
        }
    }
}

#[test]
fn a_message_is_cited_by_the_frame_that_completes_it() {
    let flights = recorded!("tls12");
    let hello = &flights[0].1;
    let mut observer = Observer::new();
    for (byte, n) in hello.iter().zip(1..) {
        assert!(observer.transcript().client_hello.is_none());
        observer.data(Client, &[*byte], frame(n));
    }
    let seen = observer.transcript().client_hello.as_ref().unwrap();
    // The record header has five bytes; the message begins after it.
    assert_eq!((seen.first_frame, seen.frame), (frame(6), frame(hello.len() as u64)));
}

#[test]
fn a_message_waits_for_the_end_of_its_record() {
    let certificate = message(11, &[0, 0, 6, 0, 0, 3, 1, 2, 3]);
    let flight = record(22, &[message(2, &server_hello_body(0x0303, 0x009c)), certificate].concat());
    let (early, late) = flight.split_at(flight.len() - 1);
    let (before, mut observer) = (record(22, &message(0, &[])), Observer::new());
    observer.data(Server, &[before.as_slice(), early].concat(), frame(1));
    assert_eq!(observer.transcript().server_hello.as_ref().unwrap().frame, frame(1));
    observer.data(Server, late, frame(2));
    let t = observer.into_transcript();
    assert_eq!(t.server_hello.as_ref().map(|hello| (hello.first_frame, hello.frame)), Some((frame(1), frame(2))));
    assert_eq!(t.certificates[0].frame, frame(2));
    assert_eq!(t.messages.iter().map(|m| m.frame.frame).collect::<Vec<_>>(), [1, 2, 2]);
}

#[test]
fn one_message_may_take_many_records_and_one_record_many_messages() {
    let hello = message(1, &client_hello_body(0x0303, &[0x1301], &[]));
    let records: Vec<u8> = hello.chunks(10).flat_map(|chunk| record(22, chunk)).collect();
    let flight = [message(2, &server_hello_body(0x0303, 0x009c)), message(11, &[0, 0, 0]), message(14, &[])].concat();
    let t = observe(&[(Client, records), (Server, record(22, &flight))]);
    assert_eq!(t.client_hello.as_ref().unwrap().ciphers, [0x1301]);
    assert_eq!(t.messages.iter().map(|m| m.kind.0).collect::<Vec<_>>(), [1, 2, 11, 14]);
    assert_eq!((t.records.client.count, t.records.server.count), (5, 1));
    assert_eq!((t.empty_certificate.server, t.handshake()), (Some(frame(2)), Handshake::Incomplete));
}

#[test]
fn ssl3_and_ssl2_hellos_are_recognised() {
    let hello = record(22, &message(1, &client_hello_body(0x0300, &[4, 5], &[])));
    let reply = record(22, &message(2, &server_hello_body(0x0300, 4)));
    let t = observe(&[(Client, hello), (Server, reply.clone())]);
    assert_eq!((t.client_hello.unwrap().legacy_version, t.server_hello.unwrap().version), (0x0300, 0x0300));

    let mut body = vec![1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 4, 1, 0, 0x80];
    body.extend([7; 16]);
    let ssl2 = [&[0x80, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
    for cut in 0..ssl2.len() {
        let (a, b) = ssl2.split_at(cut);
        let t = observe(&[(Client, a.to_vec()), (Client, b.to_vec()), (Server, reply.clone())]);
        let hello = t.client_hello.unwrap();
        assert_eq!((hello.ssl2, hello.ciphers.as_slice(), hello.frame), (true, &[4][..], frame(2)), "cut at {cut}");
        assert!(t.server_hello.is_some() && t.fault.is_none());
    }
    let old_server = [0x80, 0x20, 4, 0, 1, 0, 2, 0, 0];
    let t = observe(&[(Client, ssl2), (Server, old_server.to_vec())]);
    assert_eq!(t.fault.map(|f| (f.from, f.kind)), Some((Server, FaultKind::Ssl2)));
}

#[test]
fn what_is_no_tls_is_a_fault_with_its_place() {
    let hello = recorded!("tls12")[0].clone();
    let t = observe(&[hello.clone(), (Server, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())]);
    let fault = t.fault.as_ref().unwrap();
    assert_eq!((fault.frame, fault.from, fault.offset, fault.kind), (frame(2), Server, 0, FaultKind::NotARecord));
    assert_eq!(t.handshake(), Handshake::Failed);

    let late = [record(21, &[1, 112]), b"oops".to_vec()].concat();
    let fault = observe(&[hello.clone(), (Server, late)]).fault.unwrap();
    assert_eq!((fault.offset, fault.kind), (7, FaultKind::NotARecord));

    let long = vec![22, 3, 3, 0x48, 1, 0, 0];
    let fault = observe(&[hello.clone(), (Server, long)]).fault.unwrap();
    assert_eq!(fault.kind, FaultKind::RecordTooLong { len: 18_433 });

    let broken = record(22, &message(2, &[3, 3, 9]));
    let t = observe(&[hello, (Server, broken), (Server, record(21, &[2, 80]))]);
    let fault = t.fault.as_ref().unwrap();
    assert!(matches!(fault.kind, FaultKind::MalformedHandshake { message: HandshakeType::SERVER_HELLO, .. }));
    assert_eq!((fault.offset, alerts(&t)), (5, vec![(Server, Some(2), Some("internal_error"))]));
}

#[test]
fn a_fault_keeps_its_bytes_and_no_others() {
    let banner = b"SSH-2.0-dropbear\r\n";
    let pieces: Vec<_> = banner.chunks(3).map(|piece| (Server, piece.to_vec())).collect();
    assert_eq!(observe(&pieces).fault.unwrap().excerpt, banner);

    let mut observer = Observer::new();
    observer.data(Server, banner, frame(1));
    observer.gap(Server, 7, frame(2));
    observer.data(Server, b"after the hole", frame(2));
    assert_eq!(observer.transcript().fault.as_ref().unwrap().excerpt, banner);

    let long = observe(&[(Server, vec![b'x'; 60]), (Server, vec![b'y'; 60])]).fault.unwrap();
    assert_eq!((long.excerpt.len(), long.excerpt.last()), (64, Some(&b'y')));
}

#[test]
fn a_message_that_is_wrong_is_shown_from_its_first_byte_however_its_header_is_cut() {
    let good = message(2, &server_hello_body(0x0303, 0xc02f));
    for (wrong, kind) in [
        (message(99, &[0xab; 20]), FaultKind::UnknownHandshake { message: HandshakeType(99) }),
        (
            [&[11, 1, 0, 1][..], &[0xcd; 20]].concat(),
            FaultKind::HandshakeTooLong { message: HandshakeType::CERTIFICATE, len: 65_537 },
        ),
    ] {
        let bytes = record(22, &[good.as_slice(), &wrong].concat());
        let begins = 5 + good.len();
        // Up to a cut behind the header the packet that shows it holds the header's last byte.
        for cut in begins..=begins + 4 {
            let (first, second) = bytes.split_at(cut);
            let fault = observe(&[(Server, first.to_vec()), (Server, second.to_vec())]).fault.unwrap();
            assert_eq!((fault.kind, fault.offset), (kind, begins as u64), "cut at {cut}");
            let showed = if cut < begins + 4 { 2 } else { 1 };
            assert_eq!(fault.frame, frame(showed), "cut at {cut}");
            let shown = if showed == 1 { &first[begins..] } else { &bytes[begins..] };
            assert_eq!(fault.excerpt, shown, "cut at {cut}");
        }
        // Every byte in a packet of its own: what there was when the header was whole.
        let single: Vec<_> = bytes.iter().map(|b| (Server, vec![*b])).collect();
        let fault = observe(&single).fault.unwrap();
        assert_eq!((fault.kind, fault.offset, fault.excerpt.as_slice()), (kind, begins as u64, &wrong[..4]));
    }
}

#[test]
fn a_malformed_certificate_is_a_value() {
    let list = [&[0, 0, 7, 0, 0, 4][..], &[0x30, 2, 1, 1]].concat();
    let t = observe(&[(Server, record(22, &message(11, &list)))]);
    assert!(t.certificates[0].summary().is_err());
    assert_eq!(t.fault, None);
}

/// s2n says close_notify in clear, even in TLS 1.3, when it has refused a certificate.
#[test]
fn a_clear_close_notify_in_tls13_is_a_failure() {
    let flights = recorded!("tls13");
    let t = observe(&[flights[0].clone(), flights[1].clone(), (Client, record(21, &[1, 0]))]);
    assert_eq!((alerts(&t), t.handshake()), (vec![(Client, Some(1), Some("close_notify"))], Handshake::Failed));
}

#[test]
fn alerts_behind_the_keys_are_encrypted() {
    let flights = recorded!("tls12");
    let alert = (Server, record(21, &[7; 26]));
    let t = observe(&[flights[0].clone(), flights[1].clone(), flights[2].clone(), alert]);
    assert_eq!((alerts(&t), t.alerts[0].encrypted), (vec![(Server, None, None)], true));
    assert_eq!(t.handshake(), Handshake::Failed);
}

#[test]
fn a_second_hello_after_a_change_of_keys_is_in_clear_if_its_bytes_say_so() {
    let first = recorded!("tls13-hrr")[0].1.clone();
    let second = recorded!("tls13-hrr")[2].1.clone();
    let t = observe(&[(Client, first), (Client, second)]);
    assert_eq!((t.second_client_hello, t.encrypted.client.handshake), (Some(frame(2)), 0));
    assert!(t.change_cipher_spec.client.is_some());
    let one_sided: Recording = recorded!("tls12").into_iter().filter(|(from, _)| *from == Client).collect();
    let t = observe(&one_sided);
    assert_eq!((t.encrypted.client.handshake, &t.fault, t.client_hello_count), (1, &None, 1));
    assert_eq!(t.handshake(), Handshake::Unknown);
}

#[test]
fn holes_inside_of_encrypted_records_only_count() {
    let mut observer = Observer::new();
    let bulk = record(23, &[7; 1000]);
    observer.data(Server, &bulk[..100], frame(1));
    assert!(observer.is_within_record(Server));
    observer.gap(Server, 500, frame(2));
    observer.data(Server, &bulk[600..], frame(3));
    observer.data(Server, &bulk, frame(4));
    let t = observer.transcript();
    assert_eq!((t.encrypted.server.application, t.encrypted.server.missing, t.lost.server), (2, 500, false));
    assert_eq!(t.fault, None);
}

#[test]
fn after_a_hole_reading_goes_on_at_a_packet_that_begins_with_a_record() {
    let flights = recorded!("tls12");
    let flight = &flights[1].1;
    let mut observer = Observer::new();
    observer.data(Client, &flights[0].1, frame(1));
    observer.data(Server, &flight[..40], frame(2));
    observer.gap(Server, (flight.len() - 40) as u64, frame(2));
    observer.data(Server, &[99; 60], frame(3));
    for ((from, bytes), n) in flights[2..].iter().zip(4..) {
        observer.data(*from, bytes, frame(n));
    }
    let t = observer.into_transcript();
    assert!(t.lost.server && !t.lost.client && t.server_hello.is_none() && t.fault.is_none());
    let cut = t.cut_message.server.unwrap();
    assert_eq!((cut.frame, cut.kind), (frame(2), HandshakeType::SERVER_HELLO));
    assert!(t.change_cipher_spec.server.is_some() && t.encrypted.server.application > 0);
    assert_eq!(t.handshake(), Handshake::Unknown);
}

#[test]
fn a_message_that_is_cut_ends_where_its_length_says() {
    let flights = recorded!("tls12");
    let hello = &flights[0].1;
    for (packets, ended) in [(vec![hello.len()], 1), (vec![60, hello.len() - 60], 2)] {
        let (mut observer, mut at) = (Observer::new(), 0);
        for (len, n) in packets.into_iter().zip(1..) {
            observer.data(Client, &hello[at..at + 30], frame(n));
            observer.gap(Client, (len - 30) as u64, frame(n));
            at += len;
        }
        let cut = observer.transcript().cut_message.client.unwrap();
        assert_eq!((cut.frame, cut.kind), (frame(1), HandshakeType::CLIENT_HELLO));
        assert_eq!(cut.ended, Some(frame(ended)));
        // So that what comes next is read as what it is.
        observer.data(Client, &[21, 3, 3, 0, 2, 2, 40], frame(9));
        assert_eq!(observer.transcript().alerts.len(), 1);
    }
}

/// A snap length of 96 leaves about 40 bytes of payload of each packet.
#[test]
fn cut_packets_never_make_a_failure_of_a_healthy_connection() {
    for (name, flights) in all_recordings() {
        let mut observer = Observer::new();
        for ((from, bytes), n) in flights.iter().zip(1..) {
            for packet in bytes.chunks(1448) {
                let (kept, cut) = packet.split_at(packet.len().min(40));
                observer.data(*from, kept, frame(n));
                observer.gap(*from, cut.len() as u64, frame(n));
            }
        }
        let t = observer.into_transcript();
        assert!(t.client_hello.is_none() && t.fault.is_none(), "{name}: {:?}", t.fault);
        assert!(t.handshake() != Handshake::Failed || t.alerts.iter().any(|a| !a.encrypted), "{name}");
    }
}

/// Xorshift: the same damage at every run.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

#[test]
fn damage_of_any_kind_is_survived() {
    let mut state = 502;
    for (_, flights) in all_recordings() {
        for _ in 0..300 {
            let mut observer = Observer::new();
            for ((from, bytes), n) in flights.iter().zip(1..) {
                let mut bytes = bytes.clone();
                for _ in 0..next(&mut state) % 4 {
                    let at = next(&mut state) % bytes.len().min(200);
                    bytes[at] = next(&mut state).to_le_bytes()[0];
                }
                let hole = next(&mut state) % (2 * bytes.len());
                observer.data(*from, &bytes[..hole.min(bytes.len())], frame(n));
                if next(&mut state).is_multiple_of(3) {
                    observer.gap(*from, (next(&mut state) % 3000) as u64, frame(n));
                }
                observer.data(*from, &bytes[hole.min(bytes.len())..], frame(n));
            }
            let t = observer.into_transcript();
            let _ = (t.handshake(), t.resumed(), t.client_hello.map(|hello| (hello.ja3(), hello.ja4())));
            let read = t.certificates.iter().filter(|c| c.summary().is_ok()).count();
            assert!(read <= t.certificates.len());
        }
    }
    let mut observer = Observer::new();
    observer.gap(Client, u64::MAX, frame(1));
    observer.gap(Client, u64::MAX, frame(1));
    assert!(observer.transcript().lost.client);
}

#[test]
fn an_observer_of_nothing_is_small_and_answers() {
    assert!(size_of::<Observer>() <= 16);
    let observer = Observer::new();
    assert_eq!(observer.transcript().handshake(), Handshake::Unknown);
    assert_eq!(observer.transcript().resumed(), None);
}

/// Thousands of transcripts are held at once: what few of them have must not take room in all.
#[test]
fn a_transcript_is_bounded() {
    let size = size_of::<crate::session::tls::Transcript>();
    assert!(size <= 1280, "{size}");
}
