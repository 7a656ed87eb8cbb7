//! Held against tshark: the reference captures of other projects, where they are at hand.
//!
//! They lie beside the checkout and are read from there, never copied. Where they are not, this says so and passes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Fields that are held to the standard, beside all of `tcp.*` and `http.*`.
const HELD: [&str; 10] = [
    "tls.sni",
    "tls.ciphers",
    "tls.alpn_offered",
    "tls.client_version",
    "tls.client_hello_frame",
    "tls.version",
    "tls.cipher",
    "tls.server_hello_frame",
    "tls.hello_retry",
    "tls.alerts",
];

/// Of a field's clean comparisons, this share must agree, or all but [`MAX_DIFFERENCES`].
const STANDARD: f64 = 0.995;
const MAX_DIFFERENCES: u64 = 2;

fn shared() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared");
    shared.join("captures/peer/refs").is_dir().then_some(shared)
}

#[test]
fn agrees_with_tshark() {
    let Some(shared) = shared() else {
        println!("the reference captures are not beside this checkout: nothing was compared");
        return;
    };
    let report = std::env::temp_dir().join(format!("why502-peer-{}.json", std::process::id()));
    let status = Command::new("python3")
        .arg(shared.join("tools/peer/compare.py"))
        .arg("--refs")
        .arg(shared.join("captures/peer/refs"))
        .arg("--captures")
        .arg(shared.join("captures/peer"))
        .arg("--cmd")
        .arg(format!("{} analyze --format json {{}}", env!("CARGO_BIN_EXE_why502")))
        .arg("--adapter")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/peer/adapt.py"))
        .arg("--report")
        .arg(&report)
        .args(["--jobs", "2"])
        .status()
        .unwrap();
    assert!(status.success());
    let told: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    std::fs::remove_file(&report).unwrap();
    assert_eq!(told["failed"], Value::Array(Vec::new()), "captures that gave no report");
    let fields = told["fields"].as_object().unwrap();
    let held = |name: &str| name.starts_with("tcp.") || name.starts_with("http.") || HELD.contains(&name);
    let mut below = Vec::new();
    for (name, field) in fields.iter().filter(|(name, _)| held(name)) {
        let (clean, agree) = (field["clean"].as_u64().unwrap(), field["clean_agree"].as_u64().unwrap());
        if (agree as f64) < STANDARD * clean as f64 && clean - agree > MAX_DIFFERENCES {
            below.push(format!("{name}: {agree} of {clean}"));
        }
    }
    assert!(below.is_empty(), "below the standard:\n{}", below.join("\n"));
    let packets = &fields["capture.packets"];
    assert_eq!(packets["clean"], packets["clean_agree"], "captures not read as far as tshark reads them");
}

#[test]
fn complete_exchanges_raise_no_alarm() {
    let Some(shared) = shared() else {
        println!("the reference captures are not beside this checkout: nothing was looked at");
        return;
    };
    let (mut seen, mut alarms) = (0, Vec::new());
    for file in std::fs::read_dir(shared.join("captures/peer/refs")).unwrap() {
        let reference: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let complete: Vec<_> = reference["streams"].as_array().unwrap().iter().filter(|s| is_complete(s)).collect();
        if complete.is_empty() {
            continue;
        }
        let capture = shared.join("captures/peer").join(reference["capture"]["name"].as_str().unwrap());
        let out =
            Command::new(env!("CARGO_BIN_EXE_why502")).args(["analyze", "--format", "json"]).arg(&capture).output();
        let told: Value = serde_json::from_slice(&out.unwrap().stdout).unwrap();
        for stream in complete {
            let own = told["connections"].as_array().unwrap().iter().find(|c| is_same(c, stream));
            let own = own.unwrap_or_else(|| panic!("{}: no stream {}", capture.display(), stream["index"]));
            seen += 1;
            // An error that the origin itself told is a complete exchange, too.
            let failed = |f: &&Value| f["stage"] != "app" && own["verdict"]["outcome"] == "failed";
            let alarming = |f: &&Value| f["stage"] == "http" || failed(f);
            let findings = own["findings"].as_array().unwrap().iter().filter(alarming);
            alarms.extend(findings.map(|f| format!("{}: {}", capture.display(), f["message"])));
        }
    }
    assert!(seen > 50, "{seen} streams");
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}

/// Whether tshark reads a stream as exchanges of HTTP that all came to their end.
fn is_complete(stream: &Value) -> bool {
    let Some(http) = stream["http"].as_object() else { return false };
    let (requests, responses) = (http["requests"].as_array().unwrap(), http["responses"].as_array().unwrap());
    let last = |r: &&Value| r["status"].as_u64().is_some_and(|status| status >= 200);
    let cut = |m: &Value| m["body"] == "unfinished" || m["recovered"] == true;
    !requests.is_empty()
        && responses.iter().filter(last).count() == requests.len()
        && !requests.iter().chain(responses).any(cut)
}

/// Whether a connection of the report is a stream of the reference.
fn is_same(connection: &Value, stream: &Value) -> bool {
    ["client", "server", "first_frame"].iter().all(|&field| connection[field] == stream[field])
}
