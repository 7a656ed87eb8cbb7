//! What is wrong with the way to an origin: one line each, and a status that tells misuse from an origin that fails.
#![allow(clippy::print_stdout, reason = "what was not tested is said")]

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::certs::{Authority, Leaf, NAME};
use crate::servers::Lab;
use crate::{missing, nginx, probe};

#[test]
fn an_error_is_one_line_and_misuse_is_2() {
    for (arguments, status, said) in [
        (&["no-such-host.invalid", "--brief"][..], 1, "dns.name-not-found: no-such-host.invalid does not resolve"),
        (&["https://origin.example/"], 2, "is a URL"),
        (&["127.0.0.1"], 2, "--sni"),
        (&["origin.example", "--policy", "none"], 2, "no policy is called none"),
        (&["origin.example", "--path", "/a b"], 2, "--path"),
        (&["origin.example", "--client-cert", "/no/such/file"], 2, "/no/such/file"),
        (&["origin.example:80", "--http", "--resolve", "255.255.255.255"], 1, "cannot be reached"),
    ] {
        let done = probe(arguments);
        let error = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(error.contains(said) && error.lines().count() == 1, "{arguments:?}: {error}");
    }
}

#[test]
fn an_interrupted_probe_ends_with_a_line() {
    for signal in ["-INT", "-TERM"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = format!("localhost:{}", listener.local_addr().unwrap().port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
        command.args(["probe", &target, "--resolve", "127.0.0.1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let _open = listener.accept().unwrap();
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let done = child.wait_with_output().unwrap();
        let error = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{error}");
        assert!(error.contains("interrupted") && error.lines().count() == 1, "{error}");
        assert_eq!(done.stdout, b"", "nothing is reported");
    }
}

#[test]
fn a_refused_probe_has_a_headline_and_status_1() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("origin.example:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let done = probe(&[&target, "--resolve", "127.0.0.1", "--brief"]);
    let (out, error) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert_eq!((done.status.code(), error.as_str()), (Some(1), ""), "{out}");
    assert!(out.contains("(tcp.port-closed)"), "{out}");
}

/// Runs a probe where no way leads to 198.51.100.0/24, 203.0.113.0/24 swallows what is sent to it, and nothing else is
/// there; nothing where this kernel or user has no such place.
fn in_a_desert(arguments: &[&str]) -> Option<Output> {
    const MADE: &str = "set -e; ip link set lo up; ip link add d0 type veth peer name d1; \
        ip addr add 203.0.113.1/24 dev d0; ip link set d0 up arp off; ip link set d1 up; \
        ip route add unreachable 198.51.100.0/24; ";
    let desert = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c", &format!("{MADE}{script}"), "sh", env!("CARGO_BIN_EXE_why502"), "probe"]);
        command.args(arguments).output()
    };
    if !desert("exit 0").is_ok_and(|done| done.status.success()) {
        println!("no probe was made in a namespace: there are none here");
        return None;
    }
    desert(r#"exec "$@""#).ok()
}

#[test]
fn an_origin_to_which_no_way_leads_is_said_to_be_so() {
    for (address, why) in [
        ("198.51.100.7", "No route to host"),
        ("192.0.2.7", "Network is unreachable"),
        ("2001:db8::7", "Network is unreachable"),
    ] {
        for format in ["text", "json"] {
            let arguments = ["origin.example", "--resolve", address, "--format", format];
            let Some(done) = in_a_desert(&arguments) else { return };
            let error = String::from_utf8(done.stderr).unwrap();
            assert_eq!(done.status.code(), Some(1), "{error}");
            assert!(error.contains("origin.example:443 cannot be reached from here: "), "{error}");
            assert!(error.contains(why) && error.lines().count() == 1, "{error}");
            if format == "json" {
                let report: Value = serde_json::from_slice(&done.stdout).unwrap();
                assert_eq!(report["summary"]["connections"], 0, "{report}");
                let headline = report["summary"]["headline"].as_str().unwrap();
                assert!(headline.starts_with("origin.example:443 cannot be reached from here: "), "{headline}");
            } else {
                assert_eq!(done.stdout, b"");
            }
        }
    }
}

#[test]
fn an_origin_that_says_nothing_is_asked_as_often_as_the_edge_asks() {
    // A wait of three seconds is long enough to be sure of each.
    let arguments = ["origin.example", "--resolve", "203.0.113.7", "--connect-timeout", "3s", "--format", "json"];
    let Some(done) = in_a_desert(&arguments) else { return };
    assert_eq!((done.status.code(), String::from_utf8(done.stderr).unwrap().as_str()), (Some(1), ""));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let connections = report["connections"].as_array().unwrap();
    let causes: Vec<_> = connections.iter().map(|c| c["verdict"]["cause"].as_str()).collect();
    assert_eq!(causes, [Some("tcp.syn-unanswered"); 3]);
}

fn report(done: &Output) -> Value {
    serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)))
}

/// A name that this host finds at a private address, which CloudFront would not reach, although it answers here.
#[test]
fn a_name_at_a_private_address_is_told_whatever_answers_there() {
    if missing().is_some() {
        return;
    }
    let mut lab = Lab::new("private-address");
    lab.nginx("listen PORT;");
    let target = format!("localhost:{}", lab.port);
    let done = probe(&[&target, "--http", "--brief", "--format", "json"]);
    let (told, error) = (report(&done), String::from_utf8_lossy(&done.stderr).into_owned());
    assert_eq!(done.status.code(), Some(1), "{error}");
    assert!(error.contains("dns.private-address: localhost resolves to 127.0.0.1") && error.lines().count() == 1);
    assert_eq!((&told["probe"]["name"]["cause"], &told["summary"]["ok"]), (&"dns.private-address".into(), &1.into()));
    for (format, says) in [
        ("text", "dns.private-address: localhost resolves to 127.0.0.1"),
        ("html", "(dns.private-address)</h1>"),
        ("junit", r#"<failure message="localhost resolves to 127.0.0.1"#),
        ("sarif", r#""ruleId":"dns.private-address""#),
    ] {
        let done = probe(&[&target, "--http", "--brief", "--format", format]);
        let told = String::from_utf8(done.stdout).unwrap().replace("\": ", "\":");
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(says) && done.status.code() == Some(1), "{format}: {told}");
    }
}

/// Another host in place of the one named: it may be private, and what is asked of it is what the first would be asked.
#[test]
fn another_host_is_asked_in_place_of_the_one_named_as_often_as_is_wanted() {
    if missing().is_some() {
        return;
    }
    let mut lab = Lab::new("connect-to");
    let authority = Authority::new(&lab.dir, "Test");
    nginx(&mut lab, &authority.good_chain(&Leaf::GOOD), "");
    let (root, place) = (authority.root(), format!("localhost:{}", lab.port));
    let trust = ["--trust", root.to_str().unwrap(), "--brief", "--format", "json", "--repeat", "3"];
    let done = probe(&[&[NAME, "--connect-to", &place], &trust[..]].concat());
    let told = report(&done);
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(told["summary"]["ok"], 3);
    assert_eq!((&told["probe"]["addresses_given"], &told["probe"]["name"]), (&Value::Bool(true), &Value::Null));
    for connection in told["connections"].as_array().unwrap() {
        assert_eq!(connection["tls"]["client_hello"]["sni"], NAME);
        assert_eq!(connection["server"]["port"], lab.port);
        assert_eq!(connection["http"][0]["request"]["host"], NAME);
    }
    for (place, status, says) in [("nowhere.invalid", 1, "nowhere.invalid does not resolve"), ("a/b", 2, "is a URL")] {
        let done = probe(&[NAME, "--connect-to", place]);
        let error = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(status), "{error}");
        assert!(error.contains(says) && error.lines().count() == 1, "{error}");
    }
}
