//! The second step about names: what a connection with another name, or of the same peer, makes of a verdict.

use crate::common::{tape, wrapping};
use std::fs;
use std::io::Cursor;

use crate::common::{Case, analyse_by, cases};
use serde_json::Value;
use why502::analysis::run;
use why502::diagnosis::Confidence;
use why502::report::NdJson;
use why502::source::Source;

const CAUSE: &str = "tls.sni-forwarded-host";

/// The captures with a name that works and one that does not.
fn two_names() -> Vec<Case> {
    cases()
        .into_iter()
        .filter(|c| c.name.starts_with("tls/sni-forwarded-host/") && c.name.contains("two-names"))
        .collect()
}

#[test]
fn without_the_name_that_works_it_is_the_verdict_of_the_connection_alone() {
    let alone =
        |name: &str| if name.contains("nginx") { "tls.certificate-name-mismatch" } else { "tls.unrecognized-name" };
    assert!(two_names().len() >= 3);
    for case in two_names() {
        let file = fs::read(&case.path).unwrap();
        let told = analyse_by(&file, &case.trusting()).unwrap().0.connections;
        let failed = told.iter().find(|t| t.cause == Some(CAUSE)).unwrap();
        assert_eq!(failed.confidence, Some(Confidence::Likely), "{}", case.name);
        assert!(failed.message.contains("accepts \"origin.example.com\""), "{}", failed.message);
        let (first, last) = failed.frames;
        let tape = tape::read(&file);
        let own: Vec<_> = tape[first as usize - 1..last as usize].to_vec();
        let told = analyse_by(&wrapping::write(&own, wrapping::LINK_ETHERNET), &case.trusting()).unwrap().0.connections;
        assert_eq!(told[0].cause, Some(alone(&case.name)), "{}", case.name);
    }
}

#[test]
fn a_line_says_what_the_second_step_made_of_a_verdict() {
    for case in two_names() {
        let file = fs::read(&case.path).unwrap();
        let source = Source::from_reader(Box::new(Cursor::new(file)), "memory").unwrap();
        let mut out = Vec::new();
        run(vec![("memory".into(), source)], &case.trusting(), &mut NdJson::new(&mut out, true), |_, _| {}).unwrap();
        let lines: Vec<Value> = out.split(|&b| b == b'\n').filter_map(|l| serde_json::from_slice(l).ok()).collect();
        let refined: Vec<_> = lines.iter().filter(|l| l["refines"].is_u64()).collect();
        assert_eq!(refined.len(), 1, "{}", case.name);
        let first = lines.iter().find(|l| l["id"] == refined[0]["refines"]).unwrap();
        assert_ne!(first["verdict"]["cause"], CAUSE, "{}", case.name);
        assert_eq!(refined[0]["verdict"]["cause"], CAUSE, "{}", case.name);
        assert_eq!(refined[0]["verdict"]["confidence"], "likely", "{}", case.name);
    }
}

#[test]
fn a_name_under_cloudfront_net_is_enough() {
    let sure = |name: &str| match name {
        n if n.contains("nginx-reject") || n.contains("strict-sni") || n.contains("tls12") => Confidence::Certain,
        n if n.contains("node") || n.contains("preread") || n.contains("rejects-name") => Confidence::Possible,
        _ => Confidence::Likely,
    };
    let alone = cases().into_iter().filter(|c| c.cause.as_deref() == Some(CAUSE) && !c.name.contains("two-names"));
    for case in alone {
        let told = analyse_by(&fs::read(&case.path).unwrap(), &case.trusting()).unwrap().0.connections;
        assert_eq!((told[0].cause, told[0].confidence), (Some(CAUSE), Some(sure(&case.name))), "{}", case.name);
        assert!(told[0].message.contains("d111111abcdef8.cloudfront.net"), "{}", told[0].message);
    }
}

#[test]
fn a_certificate_that_the_same_peer_accepts_is_doubted_where_it_left_without_a_word() {
    let accepted: Vec<_> = cases().into_iter().filter(|c| c.name.ends_with("-accepted-before")).collect();
    assert_eq!(accepted.len(), 2);
    for case in accepted {
        let file = fs::read(&case.path).unwrap();
        let told = analyse_by(&file, &case.trusting()).unwrap().0.connections;
        let failed = told.iter().find(|t| t.cause.is_some()).unwrap();
        assert_eq!(failed.confidence, Some(Confidence::Possible), "{}", case.name);
        let what =
            if case.name.contains("self-signed") { "the same certificate" } else { "what is shown for this name" };
        let against = format!("against it: the same peer accepts {what} on another connection (from frame 1)");
        assert!(failed.notes.contains(&against), "{}: {:?}", case.name, failed.notes);
        // Where the certificate was in order, or not shown, when it was accepted, that says nothing of now.
        if case.name.contains("self-signed") {
            let later = tape::read(&file).into_iter().enumerate().map(|(i, packet)| {
                let days = if i as u64 + 1 >= failed.frames.0 { 365 } else { 0 };
                tape::Packet { micros: packet.micros + days * 86_400_000_000, ..packet }
            });
            let later = tape::write(&later.collect::<Vec<_>>());
            let told = analyse_by(&later, &case.trusting()).unwrap().0.connections;
            assert!(told.iter().any(|t| t.confidence == Some(Confidence::Certain)), "{}: {told:?}", case.name);
        }
        // Alone, a fault that is seen and an edge that drops the connection there are what AWS describes.
        let (first, last) = failed.frames;
        let tape = tape::read(&file);
        let own: Vec<_> = tape[first as usize - 1..last as usize].to_vec();
        let alone =
            analyse_by(&wrapping::write(&own, wrapping::LINK_ETHERNET), &case.trusting()).unwrap().0.connections;
        let shown = if case.name.contains("self-signed") { Confidence::Certain } else { Confidence::Possible };
        assert_eq!((alone[0].cause, alone[0].confidence), (failed.cause, Some(shown)), "{}", case.name);
    }
}
