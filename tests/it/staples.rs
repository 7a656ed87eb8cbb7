//! Stapled OCSP responses, each as a responder makes it (`tests/data/staples/make.sh`), and what becomes of it in time.

use std::fs;
use std::path::Path;

use crate::common::flight::{chain, stapled};
use crate::common::{Told, analyse_by};
use why502::analysis::Options;
use why502::base::Timestamp;

const NAME: &str = "origin.example.com";
/// When the responses were made, and a minute later.
const MADE: &str = "2026-11-01T12:00:00Z";
const THEN: &str = "2026-11-01T12:01:00Z";

const GOOD: &str = "tls.certificate-rejected";
const REVOKED: &str = "tls.certificate-revoked";
const INVALID: &str = "tls.ocsp-staple-invalid";

fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/staples").join(name)).unwrap()
}

/// What is said of a handshake with this response at that time, the root being trusted.
fn told(response: &[u8], at: &str) -> Told {
    let mut options = Options::default();
    options.trust.at = Timestamp::parse(at);
    options.trust.add_pem(&data("root.pem")).unwrap();
    let capture = stapled(&chain("staples/chain.pem"), response, NAME);
    analyse_by(&capture, &options).unwrap().0.connections.remove(0)
}

#[test]
fn each_response_is_judged_as_the_edge_judges_it() {
    for (name, at, cause, why) in [
        ("good", THEN, GOOD, ""),
        ("good", MADE, GOOD, ""),
        ("good", "2026-11-01T11:59:59Z", INVALID, "is valid from 2026-11-01 12:00 UTC on"),
        ("good", "2026-11-08T12:00:00Z", GOOD, ""),
        ("good", "2026-11-08T12:00:01Z", INVALID, "was valid until 2026-11-08 12:00 UTC"),
        ("good-by-key", THEN, GOOD, ""),
        ("good-delegated", THEN, GOOD, ""),
        ("good-of-two", THEN, GOOD, ""),
        ("good-without-next-update", "2026-11-01T12:59:59Z", GOOD, ""),
        ("good-without-next-update", "2026-11-01T13:00:00Z", INVALID, "has no nextUpdate"),
        ("good-sha256", THEN, INVALID, "another hash than SHA-1"),
        ("revoked", THEN, REVOKED, "was revoked on 2026-10-20 08:00 UTC: the"),
        ("revoked-key-compromise", THEN, REVOKED, "2026-10-20 08:00 UTC (keyCompromise)"),
        ("revoked-hold-delegated", THEN, REVOKED, "(certificateHold)"),
        ("unknown", THEN, INVALID, "does not know it"),
        ("other-certificate", THEN, INVALID, "about another certificate"),
        ("by-powerless", THEN, INVALID, "that the issuer appointed"),
        ("by-unsigned", THEN, INVALID, "that the issuer appointed"),
        ("by-stranger", THEN, INVALID, "that the issuer appointed"),
        ("delegated-unsent", THEN, INVALID, "that the issuer appointed"),
        ("try-later", THEN, INVALID, "tryLater"),
    ] {
        let told = told(&data(&format!("{name}.der")), at);
        assert_eq!(told.cause, Some(cause), "{name} at {at}: {told:?}");
        assert!(told.message.contains(why), "{name} at {at}: {}", told.message);
    }
}

#[test]
fn a_damaged_response_is_no_good_wherever_the_damage_is() {
    let good = data("good.der");
    let (mut unreadable, mut unproven, mut unknown) = (0, 0, 0);
    // What lies behind are certificates that come along, of which none is asked for.
    let signed = data("good-by-key.der");
    assert_eq!(told(&good, THEN).cause, Some(GOOD));
    for at in 0..signed.len() {
        let mut damaged = signed.clone();
        damaged[at] ^= 0x55;
        let told = told(&damaged, THEN);
        assert_ne!(told.cause, Some(REVOKED), "byte {at}: a revocation that nobody signed");
        // The algorithm's own name: nobody can say what a signature by another one is worth.
        unknown += usize::from(told.cause == Some(GOOD));
        unreadable += usize::from(told.message.contains("cannot be read"));
        unproven += usize::from(told.message.contains("not its responder's"));
    }
    assert!(unreadable > 20 && unproven > 80 && unknown <= 10, "{unreadable}, {unproven}, {unknown}");
    for len in 0..signed.len() {
        assert_eq!(told(&signed[..len], THEN).cause, Some(INVALID), "cut at {len}");
    }
}
