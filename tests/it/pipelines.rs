//! What pipelines read says by cause what the analysis found: SARIF and JUnit.

use crate::common;
use crate::common::packets;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;

use quick_xml::events::Event;
use quick_xml::reader::Reader;
use serde_json::Value;
use why502::analysis::{Options, run};
use why502::base::escape;
use why502::causes::CATALOGUE;
use why502::diagnosis::Outcome;
use why502::report::{Junit, Renderer, Sarif};
use why502::source::Source;

fn report(capture: &[u8], options: &Options, render: impl FnOnce(&mut Vec<u8>) -> Box<dyn Renderer + '_>) -> String {
    let mut out = Vec::new();
    let source = Source::from_reader(Box::new(Cursor::new(capture.to_vec())), "capture.pcap").unwrap();
    run(vec![("a b.pcap".into(), source)], options, render(&mut out).as_mut(), |_, _| {}).unwrap();
    let text = String::from_utf8(out).unwrap();
    let hidden =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'..='\u{200f}');
    assert!(!text.contains(hidden), "{text}");
    text
}

fn sarif(capture: &[u8], options: &Options) -> Value {
    let log: Value = serde_json::from_str(&report(capture, options, |out| Box::new(Sarif::new(out)))).unwrap();
    assert_eq!((log["version"].as_str(), log["runs"].as_array().unwrap().len()), (Some("2.1.0"), 1));
    log["runs"][0].clone()
}

/// A test of a suite, and how it ended: `passed`, `failure` or `skipped`, and what it says.
type Tests = BTreeMap<String, (String, String)>;

fn junit(capture: &[u8], options: &Options) -> Tests {
    let text = report(capture, options, |out| Box::new(Junit::new(out)));
    let mut reader = Reader::from_str(&text);
    let (mut tests, mut test, mut counted) = (Tests::new(), String::new(), BTreeMap::new());
    loop {
        let event = reader.read_event().unwrap();
        let (Event::Start(start) | Event::Empty(start)) = &event else {
            if matches!(event, Event::Eof) { break } else { continue }
        };
        let attribute = |name: &str| {
            let found = start.attributes().map(Result::unwrap).find(|a| a.key.0 == name);
            found.map(|a| quick_xml::escape::unescape(&a.value).unwrap().into_owned()).unwrap_or_default()
        };
        match start.name().0 {
            "testsuite" => {
                for name in ["tests", "failures", "errors", "skipped"] {
                    counted.insert(name, attribute(name).parse::<usize>().unwrap());
                }
            }
            "testcase" => {
                test = attribute("name");
                tests.insert(test.clone(), ("passed".to_owned(), String::new()));
            }
            ended @ ("failure" | "skipped") => {
                tests.insert(test.clone(), (ended.to_owned(), attribute("message")));
            }
            "testsuites" | "properties" | "property" => {}
            other => panic!("<{other}>"),
        }
    }
    let ended = |how: &str| tests.values().filter(|(ended, _)| ended == how).count();
    let said = (counted["tests"], counted["failures"], counted["errors"], counted["skipped"]);
    assert_eq!(said, (tests.len(), ended("failure"), 0, ended("skipped")));
    tests
}

#[test]
fn every_cause_that_was_found_is_told_with_its_packets_and_no_other() {
    for case in common::cases() {
        let (bytes, options) = (fs::read(&case.path).unwrap(), case.with_keys());
        let (ear, summary) = common::analyse_by(&bytes, &options).unwrap();
        let (run, tests) = (sarif(&bytes, &options), junit(&bytes, &options));
        let results = run["results"].as_array().unwrap();
        let by_cause = |told: &&why502::report::CauseCount, r: &Value| {
            r["ruleId"] == told.cause.id() && (r["kind"] == "fail") == (told.outcome == Outcome::Failed)
        };
        for told in &summary.causes {
            let id = told.cause.id();
            let result = results.iter().find(|r| by_cause(&told, r)).unwrap_or_else(|| panic!("{}: {id}", case.name));
            let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!((rule["id"].as_str(), result["occurrenceCount"].as_u64()), (Some(id), Some(told.connections)));
            let failed = told.outcome == Outcome::Failed;
            assert_eq!(result["level"], if failed { "error" } else { "none" }, "{}: {id}", case.name);
            let best = ear.connections.iter().find(|c| c.id == told.example).unwrap();
            let related = result["relatedLocations"].as_array().unwrap();
            let frames: BTreeSet<u64> = related.iter().map(|l| l["properties"]["frame"].as_u64().unwrap()).collect();
            let inner = best.inner.iter().flat_map(|(_, _, frames)| frames);
            let cited: BTreeSet<u64> = best.evidence[0].iter().chain(inner).copied().collect();
            assert_eq!(frames, cited, "{}: {id}", case.name);
            let message = escape(&best.message).into_owned();
            assert!(result["message"]["text"].as_str().unwrap().contains(&message), "{}: {id}", case.name);
            let (ended, said) = &tests[id];
            let failing = summary.causes.iter().any(|c| c.cause == told.cause && c.outcome == Outcome::Failed);
            assert_eq!(ended, if failing { "failure" } else { "skipped" }, "{}: {id}", case.name);
            assert!(!failed || said.contains(&message), "{}: {id}: {said}", case.name);
        }
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let ids: BTreeSet<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), rules.len(), "{}: a rule is there twice", case.name);
        let explained = results.iter().filter(|r| r["ruleId"] != "inconclusive").count();
        assert_eq!(explained, summary.causes.len(), "{}", case.name);
        assert_eq!(tests.len(), CATALOGUE.len() + 1, "{}", case.name);
        let failures: BTreeSet<_> =
            tests.iter().filter(|(_, (ended, _))| ended == "failure").map(|(id, _)| id).collect();
        let failed = summary.causes.iter().filter(|told| told.outcome == Outcome::Failed);
        assert_eq!(failures.len(), failed.count(), "{}: {failures:?}", case.name);
    }
}

#[test]
fn what_is_hostile_or_empty_is_told_too() {
    const ACK: u8 = 16;
    let options = Options::default();
    let request = b"GET /]]><!--\x1b[31m\xef\xbf\xbe\xe2\x80\xae&\" HTTP/1.1\r\nHost: a\r\n\r\n";
    let hostile = packets::Capture::new().open().edge(ACK, request).origin(4, b"").bytes();
    let tests = junit(&hostile, &options);
    let (ended, said) = &tests["http.reset-before-response"];
    assert!(ended == "failure" && said.contains("]]><!--\\x1b[31m"), "{said}");
    assert_eq!(sarif(&hostile, &options)["artifacts"][0]["location"]["uri"], "a%20b.pcap");

    let empty = junit(&packets::header(), &options);
    assert!(empty.iter().filter(|(name, _)| name.contains('.')).all(|(_, (ended, _))| ended == "skipped"));
    assert_eq!(sarif(&packets::header(), &options)["results"], Value::Array(Vec::new()));
    let healthy = junit(&packets::Capture::new().healthy().bytes(), &options);
    assert!(healthy.values().all(|(ended, _)| ended == "passed"), "{healthy:?}");
}
