//! Attacks by content stay text, and what was planted does not leave: in every format, by every way in.

use crate::common;
use crate::common::packets::Capture;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

use quick_xml::events::Event;
use serde_json::Value;
use why502::analysis::{Options, run_with_logs};
use why502::correlate::Log;
use why502::report::{Html, Json, Junit, NdJson, Renderer, Sarif, Text, TextOptions};
use why502::share::{Case, Input, Shared, Wish};
use why502::source::Source;

use crate::sharing::unzipped;

const ACK: u8 = 16;

/// What is hostile to a terminal, a browser, XML, JSON, a shell that unpacks, a spreadsheet, and whoever reads.
const ATTACKS: [&str; 12] = [
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "\"><img src=x onerror=alert(1)>",
    "]]><!--{{7*7}}&lt;",
    "\x1b]0;owned\x07\x1b[2J",
    "\u{9b}31m",
    "\u{202e}gro.elpmaxe\u{2066}",
    "\u{200b}\u{feff}",
    "../../../../etc/passwd",
    "=HYPERLINK(\"http://x.example\",\"y\")",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "\\\",\"x\":[{\"y",
];

/// A capture in which they stand wherever an origin or an edge can write: target, Host, other fields, reason, Server, body.
fn capture(attack: &str) -> Vec<u8> {
    let request = format!(
        "GET /{attack}?q={attack} HTTP/1.1\r\nHost: {attack}\r\nUser-Agent: {attack}\r\nX-Amz-Cf-Id: {attack}\r\n\r\n"
    );
    let relayed = format!("HTTP/1.1 502 {attack}\r\nServer: {attack}\r\nContent-Length: 3\r\n\r\n{attack}");
    let malformed = format!("HTTP/1.1 200 OK\r\n{attack} : {attack}\r\nContent-Length: {attack}\r\n\r\n");
    let request = request.as_bytes();
    Capture::new()
        .open()
        .exchange(request, relayed.as_bytes())
        .close()
        .next()
        .open()
        .exchange(request, malformed.as_bytes())
        .origin(4, b"")
        .next()
        .open()
        .exchange(request, attack.as_bytes())
        .origin(4, b"")
        .next()
        .open()
        .edge(ACK, request)
        .origin(4, b"")
        .bytes()
}

/// Rows of CloudFront's log for the same time in which they stand, too.
fn log(attack: &str) -> String {
    // Fields end at a tab, rows at a line feed.
    let attack: String = attack.chars().filter(|c| !matches!(c, '\t' | '\n')).collect();
    let fields = "date time x-edge-location c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) \
        cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header x-edge-detailed-result-type";
    let row = [
        "2027-01-15",
        "08:00:00",
        &attack,
        "203.0.113.7",
        "GET",
        &attack,
        &format!("/{attack}"),
        "502",
        &attack,
        &attack,
        &attack,
        &attack,
        &attack,
        &attack,
        &attack,
        &attack,
    ];
    format!("#Version: 1.0\n#Fields: {fields}\n{}\n{}\n", row.join("\t"), row.join("\t"))
}

/// Nothing that moves a cursor, hides text or turns it round.
fn harmless(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
    })
}

/// A report in this format, of a capture and a log whose names are hostile as well.
fn report(attack: &str, render: impl FnOnce(&mut Vec<u8>) -> Box<dyn Renderer + '_>) -> String {
    let log = Log::open(Box::new(Cursor::new(log(attack).into_bytes())), attack, None).unwrap();
    let source = Source::from_reader(Box::new(Cursor::new(capture(attack))), attack).unwrap();
    let mut out = Vec::new();
    let sources = vec![(attack.to_owned(), source)];
    run_with_logs(sources, vec![log], &Options::default(), render(&mut out).as_mut(), |_, _| {}).unwrap();
    String::from_utf8(out).unwrap()
}

/// Elements of a document whose reader forgives nothing.
fn elements(xml: &str) -> BTreeSet<String> {
    let mut reader = quick_xml::reader::Reader::from_str(xml);
    let mut names = BTreeSet::new();
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e}: {xml}")) {
            Event::Start(start) | Event::Empty(start) => _ = names.insert(start.name().0.to_owned()),
            Event::Eof => return names,
            _ => {}
        }
    }
}

#[test]
fn attacks_stay_text_in_every_format() {
    for attack in ATTACKS {
        let text = report(attack, |out| Box::new(Text::new(out, TextOptions { colour: false, all: true })));
        let json = report(attack, |out| Box::new(Json::new(out)));
        let lines = report(attack, |out| Box::new(NdJson::new(out, false)));
        let html = report(attack, |out| Box::new(Html::new(out)));
        let sarif = report(attack, |out| Box::new(Sarif::new(out)));
        let junit = report(attack, |out| Box::new(Junit::new(out)));
        for (format, told) in [
            ("text", &text),
            ("json", &json),
            ("ndjson", &lines),
            ("html", &html),
            ("sarif", &sarif),
            ("junit", &junit),
        ] {
            assert!(harmless(told), "{attack:?}: {format}: {told}");
            // Told it is, but for a mark that is a byte order mark alone, or nothing.
            let plain = ["script", "javascript", "onerror", "owned", "gro", "passwd", "HYPERLINK", "SUM", "7*7"];
            let word = plain.iter().find(|word| attack.contains(**word));
            assert!(word.is_none_or(|word| told.contains(word)), "{attack:?}: {format} leaves it out");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let document: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(document["captures"][0]["path"], attack);
        let target = &document["connections"][0]["http"][0]["request"]["target"];
        assert!(attack.contains(' ') || *target == format!("/{attack}?q={attack}"), "{attack:?}: {target}");
        assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{lines}");
        let sarif: Value = serde_json::from_str(&sarif).unwrap();
        let uri = sarif["runs"][0]["artifacts"][0]["location"]["uri"].as_str().unwrap();
        assert!(uri.chars().all(|c| c.is_ascii_alphanumeric() || "%-._~/".contains(c)), "{uri}");
        let known = ["testsuites", "testsuite", "testcase", "properties", "property", "failure", "skipped"];
        assert!(elements(&junit).iter().all(|name| known.contains(&name.as_str())), "{junit}");
        crate::page::check(attack, &html);
    }
}

/// Comments of a pcapng file: those of its section and of its packets.
fn comments(file: &[u8]) -> Vec<String> {
    let long = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let word = |at: usize| usize::from(u16::from_le_bytes(file[at..at + 2].try_into().unwrap()));
    let (mut found, mut at) = (Vec::new(), 0);
    while at < file.len() {
        let (kind, end) = (long(at), at + long(at + 4) - 4);
        let mut option = match kind {
            0x0a0d_0d0a => at + 24,
            6 => at + 28 + long(at + 20).next_multiple_of(4),
            _ => end,
        };
        while option < end && word(option) != 0 {
            let (code, len) = (word(option), word(option + 2));
            if code == 1 {
                found.push(String::from_utf8(file[option + 4..option + 4 + len].to_vec()).unwrap());
            }
            option += 4 + len.next_multiple_of(4);
        }
        at = end + 4;
    }
    found
}

fn kept(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn bundle(capture: &Path, log: &str, wish: &Wish, options: &Options) -> std::collections::BTreeMap<String, Vec<u8>> {
    let log = Log::open(Box::new(Cursor::new(log.to_owned().into_bytes())), "log", None).unwrap();
    let shared = Shared::prepare(&[Input::file(capture)], vec![log], options, wish).unwrap();
    let mut zip = Vec::new();
    Case::new(shared, &["--cause tls".to_owned()]).unwrap().write(&mut zip).unwrap();
    unzipped(&zip)
}

/// What is written to be passed on says less, and as harmlessly.
#[test]
fn attacks_stay_text_in_a_bundle() {
    for (n, attack) in ATTACKS.into_iter().enumerate() {
        // A name of a file has neither a slash nor a NUL.
        let path = kept(&format!("attack-{n}-{}.pcap", attack.replace('/', ":")), &capture(attack));
        let files = bundle(&path, &log(attack), &Wish { all: true, ..Wish::default() }, &Options::default());
        fs::remove_file(&path).unwrap();
        let comments = comments(&files["capture.pcapng"]);
        assert!(comments.len() > 3 && comments[0].contains("http.reset-before-response"), "{comments:?}");
        for (name, bytes) in files.iter().filter(|(name, _)| *name != "capture.pcapng") {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(harmless(&text), "{attack:?}: {name}: {text}");
        }
        assert!(comments.iter().all(|comment| harmless(comment)), "{attack:?}: {comments:?}");
        crate::page::check(attack, &String::from_utf8(files["report.html"].clone()).unwrap());
        let rows = String::from_utf8(files["log-rows.ndjson"].clone()).unwrap();
        assert_eq!(rows.lines().filter(|row| serde_json::from_str::<Value>(row).is_ok()).count(), 2, "{rows}");
    }
}

/// The log of a real incident with a secret in every field that may have one: rows are joined, and none of it is told.
#[test]
fn what_is_planted_in_a_log_does_not_leave() {
    let folder = common::root().join("incident/logs/cloudfront");
    let mut log = String::new();
    let bytes = fs::read(folder.join("standard.log.gz")).unwrap();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut log).unwrap();
    let fields = log.lines().find_map(|line| line.strip_prefix("#Fields: ")).unwrap();
    let fields: Vec<String> = fields.split(' ').map(str::to_owned).collect();
    let planted = |line: &str| -> String {
        if line.starts_with('#') {
            return line.to_owned();
        }
        let values = line.split('\t').zip(&fields).map(|(value, field)| match field.as_str() {
            "c-ip" | "x-forwarded-for" => "198.51.100.77".to_owned(),
            "cs(Referer)" | "cs(User-Agent)" | "cs-uri-query" | "cs(Cookie)" => format!("PLANTED-{}", field.len()),
            "cs-uri-stem" => format!("{value}/PLANTED-segment"),
            _ => value.to_owned(),
        });
        values.collect::<Vec<_>>().join("\t")
    };
    let log = log.lines().map(planted).collect::<Vec<_>>().join("\n") + "\n";
    let redact = vec!["www.example.com".to_owned()];
    let wish = Wish { redact, ..Wish::default() };
    let files = bundle(&folder.join("capture.pcap"), &log, &wish, &Options::default());
    let rows = String::from_utf8(files["log-rows.ndjson"].clone()).unwrap();
    let joined = rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap());
    let joined = joined.filter(|row| row["answer"] == "joined" && row["request_id"].is_string()).count();
    assert!(joined > 20, "{joined}: {rows}");
    for (name, bytes) in &files {
        for secret in ["PLANTED", "198.51.100.77", "www.example.com", "curl/8.5.0"] {
            let found = bytes.windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes()));
            assert!(!found, "{name}: {secret}");
        }
    }
}

/// A name that is to be removed stands in ClientHellos, certificates, Host and all that is said of them.
#[test]
fn a_server_name_that_is_redacted_is_nowhere() {
    let cases = common::cases();
    for start in [
        "tls/no-common-cipher/",
        "tls/certificate-expired/",
        "tls/certificate-name-mismatch/",
        "tls/handshake-stalled/",
    ] {
        let case = cases.iter().find(|case| case.name.starts_with(start)).unwrap_or_else(|| panic!("no {start}"));
        let mut json = Vec::new();
        let source = Source::open(&case.path).unwrap();
        run_with_logs(vec![("x".into(), source)], Vec::new(), &case.trusting(), &mut Json::new(&mut json), |_, _| {})
            .unwrap();
        let told: Value = serde_json::from_slice(&json).unwrap();
        let sni = told["connections"][0]["tls"]["client_hello"]["sni"].as_str().unwrap().to_owned();
        let wish = Wish { all: true, redact: vec![sni.clone()], ..Wish::default() };
        let files = bundle(&case.path, &log("x"), &wish, &case.trusting());
        for (name, bytes) in &files {
            let found = bytes.windows(sni.len()).any(|part| part.eq_ignore_ascii_case(sni.as_bytes()));
            assert!(!found, "{}: {name}: {sni}", case.name);
        }
    }
}
