//! The catalogue tests itself: every cause is listed, explained, shown and emitted.
//!
//! Emitted: first on its own captures, and silent on every other and on every healthy one, unless `origin.md` names it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::common::{Told, analyse_by, analyse_case, cases};
use why502::analysis::run;
use why502::causes::{CATALOGUE, by_id};
use why502::diagnosis::{Diagnosis, Effect, Outcome};
use why502::observation::{Connection, Role, Signs};
use why502::report::{Capture, NO_EDGE_TRAFFIC_ID, Renderer, Summary};
use why502::source::Source;

const HEADINGS: [&str; 7] =
    ["What happened", "Evidence", "Who must act", "How to confirm", "How to fix", "Often confused with", "References"];

/// `src/causes/tls/no_common_cipher.rs` is `tls.no-common-cipher`.
fn files() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/causes");
    let mut found = BTreeSet::new();
    for area in fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
        for file in fs::read_dir(&area).unwrap().map(|e| e.unwrap().path()) {
            let slug = file.file_stem().unwrap().to_str().unwrap().replace('_', "-");
            if slug != "mod" {
                found.insert(format!("{}.{slug}", area.file_name().unwrap().to_str().unwrap()));
            }
        }
    }
    found
}

#[test]
fn every_file_is_listed() {
    let listed: BTreeSet<_> = CATALOGUE.iter().map(|c| c.id().to_owned()).collect();
    assert_eq!(listed, files());
    assert_eq!(listed.len(), CATALOGUE.len(), "a cause is listed twice");
}

#[test]
fn every_cause_is_explained() {
    for cause in CATALOGUE.iter() {
        let id = cause.id();
        assert!(cause.title().len() > 10 && !cause.title().starts_with('#'), "{id}: no title");
        for heading in HEADINGS {
            assert!(!cause.section(heading).is_empty(), "{id}: nothing under `{heading}`");
        }
        let references = cause.section("References");
        let kinds = ["RFC ", "AWS", "draft-", "man "];
        assert!(kinds.iter().any(|kind| references.contains(kind)), "{id}: no document is named");
        for other in cause.supersedes {
            assert!(by_id(other).is_some(), "{id} supersedes {other}, which is no cause");
        }
    }
}

/// What no capture shows: `why502 probe` asks for it, and the tests of `src/probe/name.rs` show it.
const ASKED_FOR: [&str; 2] = ["dns.name-not-found", "dns.private-address"];

#[test]
fn every_cause_is_shown() {
    let shown: BTreeSet<_> = cases().into_iter().filter_map(|c| c.cause).collect();
    for cause in CATALOGUE.iter().filter(|cause| !ASKED_FOR.contains(&cause.id())) {
        assert!(shown.contains(cause.id()), "{}: no capture", cause.id());
    }
    for id in shown {
        assert!(by_id(&id).is_some(), "captures of {id}, which is no cause");
    }
}

/// What lies before TLS, or is told because there are no keys.
const IN_CLEAR_ALONE: [&str; 7] = [
    "http.encrypted-closed-before-response",
    "http.encrypted-reset-before-response",
    "http.encrypted-response-timeout",
    "http.plaintext-on-tls-port",
    "http.proxy-header-expected",
    "http.unexpected-proxy-header",
    "tls.certificate-rejected",
];

/// What concerns TLS and HTTP together.
const BEHIND_KEYS_ALONE: &str = "http.body-end-unmarked";

#[test]
fn what_is_wrong_with_http_and_certificates_is_shown_in_clear_and_behind_keys() {
    let shown: BTreeSet<_> = cases().into_iter().filter_map(|c| Some((c.cause?, c.needs_keys))).collect();
    let about =
        |id: &&str| ["http.", "http2.", "app.", "tls.certificate-", "tls.ocsp-"].iter().any(|a| id.starts_with(a));
    for id in CATALOGUE.iter().map(|cause| cause.id()).filter(about) {
        let in_clear = shown.contains(&(id.to_owned(), false));
        assert_eq!(in_clear, id != BEHIND_KEYS_ALONE, "{id}: captures in clear");
        let behind_keys = shown.contains(&(id.to_owned(), true));
        assert_eq!(behind_keys, !IN_CLEAR_ALONE.contains(&id), "{id}: captures behind keys");
    }
}

/// Of the connections of a capture, the one that its cause is about.
fn subject<'t>(told: &'t [Told], cause: &str) -> &'t Told {
    let named = told.iter().find(|t| t.findings.contains(&cause));
    named.or(told.first()).unwrap()
}

#[test]
fn every_cause_is_emitted_on_its_own_captures() {
    let mut wrong = Vec::new();
    for case in cases() {
        let Some(cause) = &case.cause else { continue };
        let file = fs::read(&case.path).unwrap();
        let (ear, summary) = analyse_by(&file, &case.with_keys()).unwrap();
        if cause == NO_EDGE_TRAFFIC_ID {
            assert!(summary.no_edge_traffic, "{}: not said", case.name);
            continue;
        }
        let told = subject(&ear.connections, cause);
        let effect = by_id(cause).map_or(Effect::Failed, |c| c.effect);
        if effect == Effect::Note && told.findings.contains(&cause.as_str()) && told.outcome == Outcome::Ok {
            let without = analyse_by(&file, &case.trusting()).unwrap().0.connections;
            assert!(without.iter().all(|t| t.outcome == Outcome::Ok), "{}: {without:?}", case.name);
            continue;
        }
        let expected = if effect == Effect::Failed { Outcome::Failed } else { Outcome::Inconclusive };
        if case.needs_keys {
            // What can only be told behind the keys is not told otherwise; what fails all the same is named.
            let without = analyse_by(&file, &case.trusting()).unwrap().0.connections;
            let failed: Vec<_> = without.iter().filter(|t| t.outcome == Outcome::Failed).collect();
            let named = failed.first().and_then(|t| t.cause);
            assert!(failed.len() <= 1 && named == case.without_keys.as_deref(), "{}: {without:?}", case.name);
        }
        if told.cause != Some(cause) || told.outcome != expected {
            wrong.push(format!("{}: {:?} {:?} {:?}", case.name, told.outcome, told.findings, told.reason));
        }
    }
    assert!(wrong.is_empty(), "not the cause:\n{}", wrong.join("\n"));
}

#[test]
fn no_cause_is_emitted_elsewhere() {
    let mut wrong = Vec::new();
    for case in cases() {
        let file = fs::read(&case.path).unwrap();
        let (without, with) =
            (analyse_by(&file, &case.trusting()).unwrap().0, analyse_by(&file, &case.with_keys()).unwrap().0);
        for told in without.connections.iter().chain(&with.connections) {
            let own = |id: &&&str| case.cause.as_deref() == Some(**id) || case.also.contains(**id);
            let stray: Vec<_> = told.findings.iter().filter(|id| !own(id)).collect();
            if !stray.is_empty() || (case.cause.is_none() && told.outcome != Outcome::Ok) {
                wrong.push(format!("{}: {:?} {stray:?} {:?}", case.name, told.outcome, told.reason));
            }
        }
    }
    assert!(wrong.is_empty(), "an alarm that is none:\n{}", wrong.join("\n"));
}

/// Asks every predicate of every connection, also those of which the catalogue does not ask it.
#[derive(Default)]
struct Asked {
    wrong: Vec<String>,
    spared: usize,
}

impl Renderer for Asked {
    fn connection(&mut self, c: &Connection, _: &Diagnosis) -> io::Result<()> {
        let signs = Signs::of(c);
        let lacking = CATALOGUE.iter().filter(|cause| !signs.show_any(cause.needs));
        for cause in lacking {
            self.spared += 1;
            if (cause.detect)(c).is_some() {
                self.wrong.push(format!("connection {}: {} without {:?}", c.id, cause.id(), cause.needs));
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_is_found_where_the_sign_does_not_show() {
    for case in cases() {
        for options in [case.trusting(), case.with_keys()] {
            let source = Source::open(&case.path).unwrap();
            let mut asked = Asked::default();
            run(vec![(case.name.clone(), source)], &options, &mut asked, |_, _| {}).unwrap();
            assert!(asked.wrong.is_empty(), "{}: {:?}", case.name, asked.wrong);
            assert!(asked.spared > 0, "{}: every predicate is asked", case.name);
        }
    }
}

#[test]
fn evidence_lies_within_its_connection() {
    for case in cases() {
        let (ear, _) = analyse_case(&case).unwrap();
        for told in &ear.connections {
            for (id, cause, frames) in &told.inner {
                let named = ear.connections.iter().find(|c| c.id == *id).unwrap();
                assert_eq!((named.cause, named.role), (Some(*cause), Role::Inner), "{}", case.name);
                assert_eq!(Some(frames), named.evidence.first(), "{}: {cause} behind {}", case.name, told.id);
            }
            for (cause, frames) in told.findings.iter().zip(&told.evidence) {
                assert!(!frames.is_empty(), "{}: {cause} without evidence", case.name);
                let (first, last) = told.frames;
                assert!(frames.iter().all(|f| (first..=last).contains(f)), "{}: {cause} {frames:?}", case.name);
            }
        }
    }
}

#[test]
fn there_are_captures_enough() {
    let cases = cases();
    assert!(cases.iter().filter(|c| c.cause.is_none()).count() >= 15, "too few healthy captures");
    for case in &cases {
        let size = fs::metadata(&case.path).unwrap().len();
        assert!(size <= 512 * 1024, "{}: {size} bytes are too many for a fixture", case.name);
    }
}
