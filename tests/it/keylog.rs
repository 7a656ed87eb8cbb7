//! Key logs: what lies inside of TLS is told as it would be in clear, and nothing else is.

use std::fs;
use std::io::{self, Cursor};

use crate::common::tape::{Packet, read, write};
use crate::common::{Case, cases};
use why502::analysis::{Options, run};
use why502::diagnosis::{Diagnosis, Outcome};
use why502::observation::{Connection, http1};
use why502::report::{Capture, Renderer, Summary};
use why502::source::Source;

/// What matters here of the only connection of a capture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Told {
    decrypted: bool,
    outcome: Option<Outcome>,
    findings: Vec<&'static str>,
    certificates: usize,
    exchanges: Vec<String>,
}

impl Renderer for Told {
    fn connection(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        let tls = c.tls.as_ref();
        *self = Told {
            decrypted: tls.is_some_and(|tls| tls.decrypted),
            outcome: Some(d.verdict.outcome),
            findings: d.findings.iter().map(|(cause, _)| cause.id()).collect(),
            certificates: tls.map_or(0, |tls| tls.certificates.len()),
            exchanges: c.http.iter().flat_map(|http| &http.exchanges).map(exchange).collect(),
        };
        Ok(())
    }

    fn finish(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

fn exchange(e: &http1::Exchange) -> String {
    let asked = e.request.as_ref().map(|r| format!("{} {} {:?}", r.method(), r.target, r.host));
    let answered = e.response.as_ref().map(|r| format!("{} {} {} {}", r.status, r.reason(), r.body_bytes, r.complete));
    format!("{} -> {}", asked.unwrap_or_default(), answered.unwrap_or_default())
}

fn tell(capture: Vec<u8>, log: &str) -> Told {
    let options = Options::default();
    options.keys.read(log.as_bytes()).unwrap();
    let source = Source::from_reader(Box::new(Cursor::new(capture)), "memory").unwrap();
    let mut told = Told::default();
    run(vec![("memory".into(), source)], &options, &mut told, |_, _| {}).unwrap();
    told
}

/// Captures with two exchanges under every suite, their bytes and their key logs.
fn subjects() -> Vec<(Case, Vec<u8>, String)> {
    let ours = cases().into_iter().filter(|c| c.name.starts_with("healthy/keys-"));
    ours.map(|case| {
        let log = fs::read_to_string(case.path.with_file_name("keys.log")).unwrap();
        let capture = fs::read(&case.path).unwrap();
        (case, capture, log)
    })
    .collect()
}

/// Of two exchanges in clear nothing else would be told.
fn in_clear() -> Vec<String> {
    let one = |target| format!("GET {target} Some(\"origin.example.com\") -> 200 OK 22 true");
    vec![one("/hello"), one("/hello?page=2")]
}

#[test]
fn every_suite_is_opened() {
    let subjects = subjects();
    assert!(subjects.len() >= 12, "captures are missing");
    for (case, capture, log) in subjects {
        let told = tell(capture.clone(), &log);
        let expected = Told {
            decrypted: true,
            outcome: Some(Outcome::Ok),
            findings: vec![],
            certificates: 2,
            exchanges: in_clear(),
        };
        assert_eq!(told, expected, "{}", case.name);
        // A log with Windows line ends, a comment and a line that is cut short does as well.
        let log = format!("# secrets\r\n{}CLIENT_RANDOM 00", log.replace('\n', "\r\n"));
        assert_eq!(tell(capture, &log), expected, "{}", case.name);
    }
}

#[test]
fn secrets_within_a_capture_are_used() {
    for (case, capture, log) in subjects() {
        let pcapng = pcapng(&read(&capture), log.as_bytes());
        assert_eq!(tell(pcapng, "").exchanges, in_clear(), "{}", case.name);
    }
}

#[test]
fn what_does_not_open_is_told_as_without_keys() {
    for (case, capture, log) in subjects() {
        let without = tell(capture.clone(), "");
        assert!(!without.decrypted && without.exchanges.is_empty(), "{}", case.name);
        let used = ["CLIENT_RANDOM ", "CLIENT_H", "SERVER_H", "CLIENT_T", "SERVER_T"];
        let lines = log.lines().filter(|line| used.iter().any(|label| line.starts_with(label)));
        for label in lines.map(|line| line.split(' ').next().unwrap()) {
            let wrong = |line: &str| match line.strip_prefix(label).filter(|rest| rest.starts_with(' ')) {
                Some(rest) if rest.ends_with('0') => format!("{label}{}1\n", &rest[..rest.len() - 1]),
                Some(rest) => format!("{label}{}0\n", &rest[..rest.len() - 1]),
                None => format!("{line}\n"),
            };
            let missing = log.lines().filter(|line| !line.starts_with(label)).map(|line| format!("{line}\n"));
            for log in [log.lines().map(wrong).collect::<String>(), missing.collect()] {
                let told = tell(capture.clone(), &log);
                assert!(!told.decrypted && told.exchanges.is_empty(), "{} without {label}: {told:?}", case.name);
                assert_eq!((told.outcome, told.findings), (without.outcome, vec![]), "{} without {label}", case.name);
            }
        }
    }
}

#[test]
fn a_capture_with_holes_or_without_its_end_raises_no_alarm() {
    for (case, capture, log) in subjects() {
        let tape = read(&capture);
        for i in 0..tape.len() {
            let cut = tell(write(&tape[..=i]), &log);
            assert_ne!(cut.outcome, Some(Outcome::Failed), "{} to {i}: {cut:?}", case.name);
            assert!(in_clear().starts_with(&complete(&cut)), "{} to {i}: {cut:?}", case.name);
            let holed: Vec<_> = tape.iter().enumerate().filter(|(n, _)| *n != i).map(|(_, p)| p.clone()).collect();
            let holed = tell(write(&holed), &log);
            assert_ne!(holed.outcome, Some(Outcome::Failed), "{} without {i}: {holed:?}", case.name);
            assert!(in_clear().starts_with(&complete(&holed)), "{} without {i}: {holed:?}", case.name);
        }
    }
}

/// The exchanges that are over.
fn complete(told: &Told) -> Vec<String> {
    told.exchanges.iter().filter(|e| e.ends_with("true")).cloned().collect()
}

/// A pcapng file of Ethernet packets, with a key log before them.
fn pcapng(tape: &[Packet], log: &[u8]) -> Vec<u8> {
    let mut file = block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    file.extend(block(1, &[1, 0, 0, 0, 0, 0, 4, 0]));
    file.extend(block(10, &[&0x544c_534b_u32.to_le_bytes()[..], &(log.len() as u32).to_le_bytes(), log].concat()));
    for p in tape {
        let mut body = Vec::new();
        for word in [0, (p.micros >> 32) as u32, p.micros as u32, p.bytes.len() as u32, p.wire] {
            body.extend(word.to_le_bytes());
        }
        file.extend(block(6, &[&body, p.bytes.as_slice()].concat()));
    }
    file
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let len = (12 + body.len() + padding.len()) as u32;
    [&kind.to_le_bytes()[..], &len.to_le_bytes(), body, &padding, &len.to_le_bytes()].concat()
}
