//! Every report of every capture keeps to its format: JSON to the schema, text to 80 harmless columns.

use crate::common;
use crate::common::packets;
use std::io::Cursor;
use std::path::Path;

use boon::{Compiler, Schemas};
use serde_json::Value;
use why502::analysis::{Options, run};
use why502::report::{Json, NdJson, Renderer, SCHEMA, Summary, Text, TextOptions, WIDTH};
use why502::source::Source;

/// The schema of the JSON report, ready to judge.
pub struct Judge {
    schemas: Schemas,
    document: boon::SchemaIndex,
    connection: boon::SchemaIndex,
    refinement: boon::SchemaIndex,
}

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/report.v1.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Judge {
    pub fn new() -> Judge {
        const AT: &str = "file:///report.v1.json";
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        let mut schema = schema();
        schema.as_object_mut().unwrap().remove("$id");
        compiler.add_resource(AT, schema).unwrap();
        let mut compile = |part: &str| compiler.compile(&format!("{AT}{part}"), &mut schemas).unwrap();
        let (document, connection, refinement) =
            (compile(""), compile("#/$defs/connection"), compile("#/$defs/refinement"));
        Judge { schemas, document, connection, refinement }
    }

    fn accepts(&self, part: boon::SchemaIndex, value: &Value, name: &str) {
        if let Err(e) = self.schemas.validate(value, part) {
            panic!("{name}: {e:#}");
        }
    }
}

/// One report of one capture, as `renderer` writes it.
fn report(capture: &[u8], render: impl FnOnce(&mut Vec<u8>) -> Box<dyn Renderer + '_>) -> (String, Summary) {
    let mut out = Vec::new();
    let source = Source::from_reader(Box::new(Cursor::new(capture.to_vec())), "capture.pcap").unwrap();
    let sources = vec![("capture.pcap".to_owned(), source)];
    let summary = run(sources, &Options::default(), render(&mut out).as_mut(), |_, _| {}).unwrap();
    (String::from_utf8(out).unwrap(), summary)
}

fn json(capture: &[u8]) -> (Value, Summary) {
    let (text, summary) = report(capture, |out| Box::new(Json::new(out)));
    assert!(harmless(&text), "{text}");
    (serde_json::from_str(&text).unwrap(), summary)
}

fn text(capture: &[u8]) -> String {
    report(capture, |out| Box::new(Text::new(out, TextOptions { colour: false, all: true }))).0
}

/// Nothing that moves a cursor or hides text.
fn harmless(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'..='\u{200f}'))
}

/// Checks every format of the report of one capture.
pub fn check(judge: &Judge, name: &str, capture: &[u8]) {
    let (document, summary) = json(capture);
    judge.accepts(judge.document, &document, name);
    let told = document["connections"].as_array().unwrap();
    assert_eq!(document["summary"]["headline"], summary.headline.as_str(), "{name}");
    assert_eq!(document["summary"]["other"]["connections"], summary.other.connections, "{name}");
    assert_eq!(told.len() as u64, summary.counts.connections + summary.other.connections, "{name}");

    let (lines, _) = report(capture, |out| Box::new(NdJson::new(out, false)));
    let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let (refinements, connections): (Vec<_>, Vec<_>) = lines.into_iter().partition(|l| l.get("refines").is_some());
    assert_eq!(connections.len(), told.len(), "{name}");
    for connection in told {
        let line = connections.iter().find(|l| l["id"] == connection["id"]).unwrap();
        judge.accepts(judge.connection, line, name);
        let refined = refinements.iter().find(|l| l["refines"] == connection["id"]);
        assert_eq!(refined.unwrap_or(line)["verdict"], connection["verdict"], "{name}");
    }
    refinements.iter().for_each(|line| judge.accepts(judge.refinement, line, name));

    let page = text(capture);
    assert!(harmless(&page), "{name}: {page}");
    assert!(page.starts_with("why502: "), "{name}: {page}");
    for line in page.lines() {
        assert!(line.chars().count() <= WIDTH, "{name}: {line}");
        assert_eq!(line, line.trim_end(), "{name}: white space at the end of a line");
    }
    for failed in told.iter().filter(|c| c["verdict"]["outcome"] == "failed") {
        assert!(page.contains(failed["verdict"]["cause"].as_str().unwrap()), "{name}: {page}");
    }
}

#[test]
fn every_report_keeps_to_its_format() {
    let judge = Judge::new();
    for case in common::cases() {
        check(&judge, &case.name, &std::fs::read(&case.path).unwrap());
    }
}

#[test]
fn hostile_bytes_keep_to_the_format_too() {
    const ACK: u8 = 16;
    let judge = Judge::new();
    let long = format!("GET /{} HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(3_000), "h".repeat(3_000));
    let hostile: [(&str, &[u8], &[u8]); 6] = [
        (
            "escape sequences",
            b"GET /\x1b]0;x\x07\x9b HTTP/1.1\r\nHost: a\xe2\x80\xaeb\r\n\r\n",
            b"HTTP/1.1 502 \x1b[31m\r\nServer: \x1b[2J\r\n\r\n",
        ),
        ("no status line", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00\x01\x1b[2J\xff\xfe and so on\r\n\r\n"),
        ("a banner", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("endless words", long.as_bytes(), b"HTTP/1.1 502 Bad Gateway\r\nServer: s\r\nContent-Length: 0\r\n\r\n"),
        ("neither protocol", b"\x00\xff\x1b[31mhello\n", b"\x1b[0m\x00\n"),
        ("quotes", b"GET /\"\\' HTTP/1.1\r\nHost: \"\\\r\n\r\n", b"HTTP/1.1 500 \"\\\r\nContent-Length: 0\r\n\r\n"),
    ];
    for (name, request, response) in hostile {
        let cut = packets::Capture::new().open().exchange(request, response);
        check(&judge, name, &cut.close().bytes());
        let reset = packets::Capture::new().open().edge(ACK, request).origin(ACK, response).origin(4, b"");
        check(&judge, name, &reset.bytes());
    }
    check(&judge, "no packet", &packets::header());
}

#[test]
fn many_connections_are_counted_and_few_are_shown() {
    let capture = (0..40).fold(packets::Capture::new(), |c, _| c.refused().next().healthy().next()).bytes();
    let page = text(&capture);
    assert_eq!(page.matches("RST from the host").count(), 3, "{page}");
    assert!(page.contains("and 37 more, see --format json"), "{page}");
    assert_eq!(page.lines().filter(|l| l.starts_with("  connection ")).count(), 40, "{page}");
    let (document, _) = json(&capture);
    let counted = &document["summary"]["causes"][0];
    assert_eq!((counted["connections"].as_u64(), counted["example"].as_u64()), (Some(40), Some(1)));
}

#[test]
fn the_schema_describes_every_field_and_allows_no_other() {
    fn walk(value: &Value, path: &str) {
        if let Some(fields) = value.get("properties").and_then(Value::as_object) {
            assert_eq!(value["additionalProperties"], false, "{path}");
            assert_eq!(
                value["required"].as_array().unwrap().len(),
                fields.len(),
                "{path}: a field may be null, not missing"
            );
            for (name, field) in fields {
                let described = field["description"].as_str().is_some_and(|d| d.ends_with('.') || d.contains(';'));
                assert!(described || field["description"].is_string(), "{path}/{name}");
            }
        }
        match value {
            Value::Object(all) => all.iter().for_each(|(k, v)| walk(v, &format!("{path}/{k}"))),
            Value::Array(all) => all.iter().for_each(|v| walk(v, path)),
            _ => {}
        }
    }
    let schema = schema();
    walk(&schema, "");
    assert_eq!(schema["title"], SCHEMA);
}

#[test]
fn the_schema_is_strict() {
    let judge = Judge::new();
    let (whole, _) = json(&packets::Capture::new().refused().bytes());
    judge.accepts(judge.document, &whole, "whole");
    for pointer in ["", "/summary", "/captures/0", "/connections/0", "/connections/0/tcp", "/connections/0/findings/0"]
    {
        let mut more = whole.clone();
        more.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert("surprise".into(), Value::Null);
        assert!(judge.schemas.validate(&more, judge.document).is_err(), "{pointer}: a surprise");
        for field in whole.pointer(pointer).unwrap().as_object().unwrap().keys() {
            let mut less = whole.clone();
            less.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field);
            assert!(judge.schemas.validate(&less, judge.document).is_err(), "{pointer}/{field} missing");
        }
    }
}
