//! A ClientHello is known again by the policy that made it.

use std::fs;
use std::io::Cursor;

use crate::common::{Case, cases};
use serde_json::Value;
use why502::analysis::run;
use why502::report::Json;
use why502::source::Source;

/// The names of the profiles that the hellos of a capture equal.
fn profiles(case: &Case) -> Vec<Option<String>> {
    let source = Source::from_reader(Box::new(Cursor::new(fs::read(&case.path).unwrap())), "memory").unwrap();
    let mut out = Vec::new();
    run(vec![("memory".into(), source)], &case.trusting(), &mut Json::new(&mut out), |_, _| {}).unwrap();
    let report: Value = serde_json::from_slice(&out).unwrap();
    let connections = report.get("connections").and_then(Value::as_array).unwrap();
    let hellos = connections.iter().filter_map(|c| c.pointer("/tls/client_hello")).filter(|hello| hello.is_object());
    hellos.map(|hello| hello.pointer("/profile/name").and_then(Value::as_str).map(str::to_owned)).collect()
}

#[test]
fn what_made_a_hello_is_known_by_it() {
    let mut known = 0;
    for case in cases() {
        let origin = fs::read_to_string(case.path.with_file_name("origin.md")).unwrap();
        // The variants from before 2025 differ in nothing that their hello shows.
        let policy = origin.split_once("policy ").map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default());
        let policy = policy.map(|name| name.trim_end_matches(['.', ',', ')', '`']));
        // Where another client stands beside the edge, not every hello is the edge's.
        let alone = !origin.contains("(as a load balancer)");
        let Some(policy) = policy.filter(|name| alone && name.starts_with("CloudFront")) else { continue };
        let expected = if policy.contains("2025") { policy } else { "CloudFront-Upstream" };
        for profile in profiles(&case) {
            assert_eq!(profile.as_deref(), Some(expected), "{}", case.name);
            known += 1;
        }
    }
    assert!(known > 100, "{known}");
}
