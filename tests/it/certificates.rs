//! Certificates in clear, or opened by keys: each fault told from the others, and a chain of the real web.

use crate::common;
use crate::common::tape;
use std::fs;

use crate::common::flight::{Shows, accepted, also_refused, chain, refused};
use crate::common::packets::Capture;
use crate::common::{Told, analyse_by, cases};
use why502::analysis::Options;
use why502::base::Timestamp;
use why502::diagnosis::{Confidence, Outcome};

const RST: u8 = 4;

/// Faults that are told of in the captures of `tls.certificate-*`.
fn faults() -> impl Iterator<Item = common::Case> {
    let told = |cause: &str| cause.starts_with("tls.certificate-") && cause != "tls.certificate-rejected";
    cases().into_iter().filter(move |case| case.cause.as_deref().is_some_and(told))
}

#[test]
fn each_fault_is_told_from_the_others() {
    for case in faults() {
        let told = analyse_by(&fs::read(&case.path).unwrap(), &case.with_keys()).unwrap().0.connections;
        let told = told.iter().find(|t| !t.findings.is_empty()).unwrap();
        assert_eq!(told.findings, [case.cause.as_deref().unwrap()], "{}", case.name);
    }
}

#[test]
fn without_its_root_a_chain_leads_nowhere_and_its_own_fault_still_comes_first() {
    for case in faults() {
        let options = Options { keys: case.with_keys().keys, ..Options::default() };
        let told = analyse_by(&fs::read(&case.path).unwrap(), &options).unwrap().0.connections;
        let told = told.iter().find(|t| !t.findings.is_empty()).unwrap();
        assert_eq!(told.findings[0], case.cause.as_deref().unwrap(), "{}", case.name);
    }
}

#[test]
fn a_fault_before_the_end_of_the_capture_is_likely_and_no_verdict() {
    let case = faults().find(|case| case.name == "tls/certificate-expired/nginx-tls12-rst").unwrap();
    let mut tape = tape::read(&fs::read(&case.path).unwrap());
    while tape.last().is_some_and(|p| p.flags() & RST != 0) {
        tape.pop();
    }
    let told = &common::analyse(&tape::write(&tape)).unwrap().0.connections[0];
    assert_eq!((told.outcome, told.cause), (Outcome::Inconclusive, Some("capture.still-open")));
    assert!(told.findings.contains(&"tls.certificate-expired"), "{told:?}");
}

#[test]
fn a_chain_of_the_real_web_verifies_at_its_own_time() {
    const NAME: &str = "www.ugdturner.com";
    const THEN: &str = "2024-05-03T12:00:00Z";
    let whole = chain("web-chain-2024.pem");
    let leaf = whole[..1].to_vec();
    let reversed = vec![whole[0].clone(), whole[1].clone(), whole[1].clone()];
    let mut damaged = whole.clone();
    // The last byte of the leaf's signature.
    *damaged[0].last_mut().unwrap() ^= 1;
    for (what, chain, sni, at, names, cause) in [
        ("as it is", &whole, NAME, THEN, vec![], "tls.certificate-rejected"),
        ("one sent twice", &reversed, NAME, THEN, vec![], "tls.certificate-rejected"),
        ("a year later", &whole, NAME, "2025-05-03T12:00:00Z", vec![], "tls.certificate-expired"),
        ("a year earlier", &whole, NAME, "2023-05-03T12:00:00Z", vec![], "tls.certificate-not-yet-valid"),
        ("its last second", &whole, NAME, "2025-03-14T23:59:59.9Z", vec![], "tls.certificate-rejected"),
        ("a second later", &whole, NAME, "2025-03-15T00:00:00Z", vec![], "tls.certificate-expired"),
        ("another name", &whole, "www.example.com", THEN, vec![], "tls.certificate-name-mismatch"),
        ("a name given", &whole, "a.example", THEN, vec!["b.example", "UGDturner.com."], "tls.certificate-rejected"),
        ("no intermediate", &leaf, NAME, THEN, vec![], "tls.certificate-chain-incomplete"),
        ("damaged", &damaged, NAME, THEN, vec![], "tls.certificate-chain-invalid"),
    ] {
        let mut options = Options::default();
        options.trust.at = Timestamp::parse(at);
        options.trust.names = names.into_iter().map(str::to_owned).collect();
        let told: Told = analyse_by(&refused(chain, sni), &options).unwrap().0.connections.remove(0);
        assert_eq!((told.outcome, told.cause), (Outcome::Failed, Some(cause)), "{what}: {told:?}");
        assert_eq!(told.confidence == Some(Confidence::Certain), cause != "tls.certificate-rejected", "{what}");
    }
}

#[test]
fn a_certificate_is_doubted_only_where_the_same_one_was_accepted_by_the_same_peer() {
    const NAME: &str = "www.ugdturner.com";
    const BALANCER: ([u8; 4], u16) = ([10, 0, 1, 7], 2_000);
    const EDGE: ([u8; 4], u16) = ([130, 176, 1, 2], 40_112);
    const HOST: ([u8; 4], u16) = ([10, 0, 0, 5], 80);
    let whole = chain("web-chain-2024.pem");
    let leaf = whole[..1].to_vec();
    let mut options = Options::default();
    options.trust.at = Timestamp::parse("2025-05-03T12:00:00Z");
    let before = |shows, sni| accepted(Capture::new(), shows, sni).next();
    let balancer = accepted(Capture::new().between(BALANCER, HOST), Shows::Chain(&whole), NAME);
    for (what, before, doubted) in [
        ("nothing", Capture::new(), false),
        ("the same chain", before(Shows::Chain(&whole), NAME), true),
        ("another chain", before(Shows::Chain(&leaf), NAME), false),
        ("another name", before(Shows::Chain(&whole), "ugdturner.com"), false),
        ("an earlier session, which shows none", before(Shows::Session, NAME), false),
        ("one behind keys", before(Shows::Hidden, NAME), false),
        ("the same, by a load balancer", balancer.between(EDGE, HOST), false),
    ] {
        let told = analyse_by(&also_refused(before, &whole, NAME).bytes(), &options).unwrap().0.connections;
        let failed: Vec<_> = told.iter().filter(|t| t.outcome == Outcome::Failed).collect();
        assert_eq!((failed.len(), failed[0].cause), (1, Some("tls.certificate-expired")), "{what}: {told:?}");
        let sure = if doubted { Confidence::Possible } else { Confidence::Certain };
        assert_eq!(failed[0].confidence, Some(sure), "{what}: {:?}", failed[0].notes);
        let against = "against it: the same peer accepts the same certificate";
        assert_eq!(failed[0].notes.iter().any(|note| note.starts_with(against)), doubted, "{what}");
    }
}

#[test]
fn a_judgement_is_remembered_for_its_own_chain_name_and_time_alone() {
    let whole = chain("web-chain-2024.pem");
    // More than are remembered, then all of them again.
    let names: Vec<String> = (0..300).chain(0..300).map(|i| format!("n{i}.example")).collect();
    let begin = Capture::new();
    let capture = names.iter().fold(begin, |capture, name| also_refused(capture, &whole, name).next());
    let mut options = Options::default();
    options.trust.at = Timestamp::parse("2024-05-03T12:00:00Z");
    let told = analyse_by(&capture.bytes(), &options).unwrap().0.connections;
    assert_eq!(told.len(), names.len());
    for told in told {
        let name = &names[usize::try_from(told.id).unwrap() - 1];
        assert!(told.message.contains(&format!("not for \"{name}\"")), "{}", told.message);
    }

    // One capture, before and after the chain expires.
    let before = also_refused(Capture::new(), &whole, "www.ugdturner.com").later(20 * 86_400).next();
    let capture = at(1_740_787_200, also_refused(before, &whole, "www.ugdturner.com").bytes());
    let mut told = analyse_by(&capture, &Options::default()).unwrap().0.connections;
    told.sort_by_key(|t| t.id);
    let causes: Vec<_> = told.iter().map(|t| t.cause).collect();
    assert_eq!(causes, [Some("tls.certificate-rejected"), Some("tls.certificate-expired")]);
}

/// The capture as if its first packet had come at that second of the Unix era.
fn at(second: u32, mut capture: Vec<u8>) -> Vec<u8> {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (first, mut record) = (word(&capture, 24), 24);
    while record < capture.len() {
        let time = word(&capture, record) - first + second;
        capture[record..record + 4].copy_from_slice(&time.to_le_bytes());
        record += 16 + word(&capture, record + 8) as usize;
    }
    capture
}

#[test]
fn what_will_not_do_for_long_is_told_without_alarm() {
    let case = cases().into_iter().find(|case| case.name == "healthy/nginx-tls12-near-misses").unwrap();
    let bytes = fs::read(&case.path).unwrap();
    let all = ["expires-soon", "root-sent", "unlisted-key", "unrelated"];
    for (at, soon) in [(None, true), (Some("2026-11-21T12:00:00Z"), false), (Some("2026-11-21T13:00:00Z"), true)] {
        let mut options = case.trusting();
        options.trust.at = at.map(|at| Timestamp::parse(at).unwrap());
        let (told, summary) = analyse_by(&bytes, &options).unwrap();
        assert_eq!(told.connections[0].findings, [] as [&str; 0], "{at:?}");
        let mut names: Vec<_> = summary.near_misses.iter().map(|n| n.name).collect();
        names.sort_unstable();
        assert_eq!(names, if soon { &all[..] } else { &all[1..] }, "{at:?}");
        assert!(summary.near_misses.iter().all(|n| n.message.contains("origin.example.com") && n.connections == 1));
    }

    // The same certificate twice, and one of the real web, are nothing to tell of.
    let whole = chain("web-chain-2024.pem");
    let twice = vec![whole[0].clone(), whole[1].clone(), whole[1].clone()];
    for (at, names) in [
        ("2024-05-03T12:00:00Z", &[][..]),
        ("2025-02-28T23:59:58Z", &[]),
        ("2025-02-28T23:59:59Z", &["expires-soon"]),
        ("2025-03-15T00:00:00Z", &[]),
    ] {
        let mut options = Options::default();
        options.trust.at = Timestamp::parse(at);
        let (_, summary) = analyse_by(&refused(&twice, "www.ugdturner.com"), &options).unwrap();
        assert_eq!(summary.near_misses.iter().map(|n| n.name).collect::<Vec<_>>(), names, "{at}");
    }
}

#[test]
fn where_there_is_no_other_name_the_common_name_counts() {
    let case = cases().into_iter().find(|case| case.name == "healthy/nginx-tls12-common-name").unwrap();
    for (name, findings) in [
        (None, &[][..]),
        (Some("Origin.Example.COM."), &[]),
        (Some("www.example.com"), &["tls.certificate-name-mismatch"]),
        (Some("example.com"), &["tls.certificate-name-mismatch"]),
    ] {
        let mut options = case.trusting();
        options.trust.names = name.into_iter().map(str::to_owned).collect();
        let told = &analyse_by(&fs::read(&case.path).unwrap(), &options).unwrap().0.connections[0];
        assert_eq!((told.outcome, told.findings.as_slice()), (Outcome::Ok, findings), "{name:?}");
    }
}
