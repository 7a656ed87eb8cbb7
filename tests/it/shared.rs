//! What connections that failed share: told when chance does not explain it, and only then.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::packets::Capture;
use serde_json::Value;

/// Requests for two hosts, of which so many are answered by an error, and so many in order.
fn capture(hosts: [(&str, u32, u32); 2]) -> Vec<u8> {
    let mut capture = Capture::new();
    // One after the other, so that nothing but the name sets them apart.
    let most = hosts.iter().map(|(_, failed, ok)| *failed.max(ok)).max().unwrap();
    for n in 0..most {
        for (host, failed, ok) in hosts {
            let answers = [
                (failed, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
                (ok, "HTTP/1.1 204 None\r\n\r\n"),
            ];
            for (_, answer) in answers.into_iter().filter(|(times, _)| n < *times) {
                let request = format!("GET /{n} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                capture = capture.next().open().exchange(request.as_bytes(), answer.as_bytes()).close();
            }
        }
    }
    capture.bytes()
}

fn report(name: &str, bytes: &[u8], format: &str) -> String {
    let file = std::env::temp_dir().join(format!("why502-shared-{}-{name}.pcap", std::process::id()));
    fs::write(&file, bytes).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_why502")).args(["--format", format]).arg(&file).output().unwrap();
    fs::remove_file(&file).unwrap();
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_difference_is_told_in_one_sentence_and_in_fields() {
    let bytes = capture([("bad.example.com", 12, 1), ("good.example.com", 0, 60)]);
    let text = report("text", &bytes, "text").split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence =
        "Shared: 12 of 12 failed connections asked for \"bad.example.com\", and 1 of the 61 in order did: chance";
    assert!(text.contains(sentence), "{text}");

    let json: Value = serde_json::from_str(&report("json", &bytes, "json")).unwrap();
    let mut schemas = boon::Schemas::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/report.v1.json");
    let schema = boon::Compiler::new().compile(path.to_str().unwrap(), &mut schemas).unwrap();
    schemas.validate(&json, schema).unwrap();
    let shared = &json["summary"]["shared_trait"];
    assert_eq!((&shared["trait"], &shared["value"]), (&"server_name".into(), &"bad.example.com".into()));
    assert_eq!((shared["failed_with"].as_u64(), shared["ok_with"].as_u64()), (Some(12), Some(1)));
    assert!(shared["probability"].as_f64().unwrap() < 1e-6, "{shared}");
}

#[test]
fn where_chance_may_explain_it_nothing_is_said() {
    for (n, hosts) in [
        [("a.example.com", 6, 60), ("b.example.com", 6, 60)],
        [("a.example.com", 3, 0), ("b.example.com", 0, 60)],
        [("a.example.com", 20, 0), ("b.example.com", 20, 0)],
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = capture(hosts);
        assert!(!report(&format!("t{n}"), &bytes, "text").contains("Shared:"), "{hosts:?}");
        let json: Value = serde_json::from_str(&report(&format!("j{n}"), &bytes, "json")).unwrap();
        assert_eq!(json["summary"]["shared_trait"], Value::Null, "{hosts:?}");
    }
}
