//! Held against tshark: the reference captures of other projects, where they are at hand.
//!
//! They lie beside the checkout and are read from there, never copied. Where they are not, this says so and passes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Fields that are held to the standard, beside all of `tcp.*`. The number of responses is not: tshark counts interim ones.
const HELD: [&str; 13] = [
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
    "http.request.method",
    "http.response.status",
    "http.requests.count",
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
        .arg(shared.join("tools/peer/adapt_why502.py"))
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
    let held = |name: &str| name.starts_with("tcp.") || HELD.contains(&name);
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
