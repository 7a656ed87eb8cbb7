//! Every failing capture as every other tap, tunnel and file would have had it: the cause is the same.
//!
//! What is lost on the way is lost honestly: cut to 96 bytes, or with one direction only, it is the same cause or none.

use crate::common;
use crate::common::{tape, wrapping};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::tape::{Packet, Tape};
use crate::common::wrapping::{LINK_ETHERNET, LINK_SLL, LINK_SLL2};
use crate::common::{Case, Told, analyse, cases};
use why502::causes::by_id;
use why502::diagnosis::{Confidence, Outcome};

/// As the tap of every fixture has it.
fn ethernet(tape: &[Packet]) -> Vec<u8> {
    wrapping::write(tape, LINK_ETHERNET)
}

/// Each packet in another frame, in a file of that link type.
fn framed(tape: &[Packet], link: u32, wrap: fn(&Packet) -> Packet) -> Vec<u8> {
    wrapping::write(&tape.iter().map(wrap).collect::<Tape>(), link)
}

/// What loses nothing, and is one file.
type Condition = (&'static str, fn(&[Packet]) -> Vec<u8>);

const CONDITIONS: &[Condition] = &[
    ("SLL", |t| framed(t, LINK_SLL, wrapping::sll)),
    ("SLL2", |t| framed(t, LINK_SLL2, wrapping::sll2)),
    ("VLAN", |t| framed(t, LINK_ETHERNET, wrapping::vlan)),
    ("QinQ", |t| framed(t, LINK_ETHERNET, wrapping::qinq)),
    ("MPLS", |t| framed(t, LINK_ETHERNET, wrapping::mpls)),
    ("PPPoE", |t| framed(t, LINK_ETHERNET, wrapping::pppoe)),
    ("VXLAN", |t| framed(t, LINK_ETHERNET, wrapping::vxlan)),
    ("GENEVE", |t| framed(t, LINK_ETHERNET, wrapping::geneve)),
    ("GRE", |t| framed(t, LINK_ETHERNET, wrapping::gre)),
    ("ERSPAN", |t| framed(t, LINK_ETHERNET, wrapping::erspan)),
    ("IPv4 in IPv6", |t| framed(t, LINK_ETHERNET, wrapping::in_ipv6)),
    ("VLAN in VXLAN in GRE", |t| framed(t, LINK_ETHERNET, wrapping::nested)),
    ("GENEVE in SLL2", |t| framed(t, LINK_SLL2, |p| wrapping::sll2(&wrapping::geneve(p)))),
    ("IPv6", |t| ethernet(&wrapping::as_ipv6(t))),
    ("fragments", |t| ethernet(&wrapping::fragments(t, 256, false))),
    ("fragments, last first", |t| ethernet(&wrapping::fragments(t, 256, true))),
    ("fragments of a tunnel", |t| {
        ethernet(&wrapping::fragments(&t.iter().map(wrapping::vxlan).collect::<Tape>(), 256, false))
    }),
    ("big-endian", |t| wrapping::write_as(t, LINK_ETHERNET, u32::to_be_bytes, (0xa1b2_c3d4, 1))),
    ("nanoseconds", |t| wrapping::write_as(t, LINK_ETHERNET, u32::to_le_bytes, (0xa1b2_3c4d, 1_000))),
    ("pcapng with two interfaces", wrapping::write_pcapng),
    ("gzip", |t| wrapping::gzip(&ethernet(t))),
    ("zstd", |t| wrapping::zstd(&ethernet(t))),
    ("lz4", |t| wrapping::lz4(&ethernet(t))),
    ("captured twice", |t| ethernet(&wrapping::doubled(t, 1, Packet::clone))),
    ("captured twice, in groups", |t| ethernet(&wrapping::doubled(t, 3, Packet::clone))),
    ("captured before and behind a router", |t| ethernet(&wrapping::doubled(t, 1, wrapping::routed))),
    ("neighbours exchanged", |t| ethernet(&wrapping::neighbours_swapped(t, 0, true))),
    ("neighbours exchanged, from the second", |t| ethernet(&wrapping::neighbours_swapped(t, 1, true))),
];

/// Shuffles of each capture.
const SEEDS: u64 = 100;
/// What `tcpdump -s 96` keeps of a packet.
const SNAP_LENGTH: usize = 96;
/// Causes that the first 96 bytes of each packet prove: they are told by headers, by the beginning of the edge's hello
/// or request, and by an alert or the first bytes of an answer.
const NEED_NO_MORE: [&str; 27] = [
    "tcp.syn-unanswered",
    "tcp.port-closed",
    "tcp.syn-ack-unacknowledged",
    "tcp.accept-queue-overflow",
    "tcp.reset-on-accept",
    "tcp.closed-on-accept",
    "tcp.path-mtu-black-hole",
    "tcp.segment-loss-stall",
    "tls.plaintext-http-reply",
    "tls.not-tls-reply",
    "tls.no-common-version",
    "tls.no-common-cipher",
    "tls.no-application-protocol",
    "tls.unrecognized-name",
    "tls.origin-alert",
    "tls.reset-after-client-hello",
    "tls.closed-after-client-hello",
    "tls.no-server-hello",
    "http.malformed-status-line",
    "http.reset-before-response",
    "http.closed-before-response",
    "http.response-timeout",
    "app.origin-500",
    "app.origin-502",
    "app.origin-503",
    "app.origin-504",
    "app.misdirected-request",
];
/// Of these, the captures that have it in bytes which are cut.
const HIDDEN: [&str; 11] = [
    // The version that the origin chose, or that the edge offered.
    "tls/no-common-version/nginx-ssl3-only-edge",
    "tls/no-common-version/nginx-tls11-openssl-alert",
    "tls/no-common-version/nginx-tls11-server-hello",
    // The HelloRetryRequest, before which nobody else's alert is the answer to a hello.
    "tls/no-common-cipher/caddy-hello-retry-ed25519",
    // The alert is internal_error: only the name in the hello makes a refusal of the name of it.
    "tls/unrecognized-name/caddy",
    "tls/unrecognized-name/nginx-certificate-by-name",
    // A warning, after which the handshake goes on: how far?
    "tls/unrecognized-name/gnutls-warning",
    // Behind the header of IPv6 there is room for half a status.
    "app/origin-503/nginx-limit-req-ipv6",
    "app/origin-504/haproxy-timeout-server-ipv6",
    "http/closed-before-response/node-after-continue-ipv6",
    // A block of header fields of HTTP/2 can be read as a whole only.
    "app/origin-502/nginx-http2-upstream-refuses",
];

/// What is left of a forwarded Host header where the name, or the one that works, is not in the capture.
const OF_A_NAME: [&str; 3] = ["tls.unrecognized-name", "tls.reset-after-client-hello", "tls.closed-after-client-hello"];

/// The packets as a snap length leaves them.
fn cut(tape: &[Packet], len: usize) -> Tape {
    let mut tape = tape.to_vec();
    tape.iter_mut().for_each(|p| p.bytes.truncate(len));
    tape
}

/// A failing capture and what is said of it.
struct Subject {
    case: Case,
    tape: Tape,
    told: Told,
    /// Every cause that is found in it, on other connections too.
    found: BTreeSet<&'static str>,
}

/// Every capture that fails by what it carries, and not by what it lacks.
fn subjects() -> Vec<Subject> {
    let failing = cases().into_iter().filter(|c| c.cause.is_some() && !c.needs_keys);
    let of = |case: Case| {
        let file = fs::read(&case.path).unwrap();
        let told = about(&case, &file).unwrap();
        let found = analyse(&file).unwrap().0.connections.into_iter().flat_map(|t| t.findings).collect();
        (told.outcome == Outcome::Failed).then(|| Subject { tape: tape::read(&file), told, case, found })
    };
    failing.filter_map(of).collect()
}

/// What is said of the connection that the capture is about.
fn about(case: &Case, file: &[u8]) -> Option<Told> {
    let told = analyse(file)?.0.connections;
    let own = told.iter().position(|t| t.cause == case.cause.as_deref()).unwrap_or(0);
    told.into_iter().nth(own)
}

impl Subject {
    /// Whether the same is said of this file.
    fn is_kept_in(&self, file: &[u8]) -> Result<(), String> {
        match about(&self.case, file) {
            Some(told) if (told.outcome, told.cause) == (self.told.outcome, self.told.cause) => Ok(()),
            other => Err(describe(other.as_ref())),
        }
    }

    /// Whether the capture's own cause makes this one a consequence.
    fn supersedes(&self, cause: &str) -> bool {
        self.told.cause.and_then(by_id).is_some_and(|own| own.supersedes.contains(&cause))
    }

    /// Whether that is said of this file, or nothing.
    fn is_not_contradicted_in(&self, file: &[u8]) -> Result<(), String> {
        let told = analyse(file).map(|(ear, _)| ear.connections).unwrap_or_default();
        let lies = |t: &&Told| {
            let found = t.cause.is_some_and(|cause| self.found.contains(cause));
            // With one direction only, nothing shows that there was an answer: that is said.
            let deaf = t.confidence < Some(Confidence::Certain) && t.limits.iter().any(|l| l.0 == "capture.one-sided");
            // Nor what the rest of a cut answer would have made of its beginning. That the edge refuses the certificate is
            // certain by its alert, and the reason is in the certificate.
            let unsure = t.confidence < Some(Confidence::Certain) || t.cause == Some("tls.certificate-rejected");
            let cut = unsure && t.limits.iter().any(|l| l.0 == "capture.snap-length");
            let of_beginning = t.cause.is_some_and(|cause| self.supersedes(cause)) && cut;
            // What the origin did is as certain as before; whose name it was is in a hello, and that is cut.
            let of_name = t.cause.is_some_and(|cause| OF_A_NAME.contains(&cause) && self.supersedes(cause));
            t.outcome == Outcome::Failed && !found && !deaf && !of_beginning && !of_name
        };
        told.iter().find(lies).map_or(Ok(()), |t| Err(describe(Some(t))))
    }
}

fn describe(told: Option<&Told>) -> String {
    told.map_or("nothing is said".to_owned(), |t| format!("{:?} {:?} {:?}", t.outcome, t.findings, t.reason))
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} other stories:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_frame_tunnel_or_file_changes_the_cause() {
    let subjects = subjects();
    assert!(subjects.len() >= 10);
    let mut wrong = Vec::new();
    for subject in &subjects {
        for (condition, made) in CONDITIONS {
            if let Err(other) = subject.is_kept_in(&made(&subject.tape)) {
                wrong.push(format!("{}, {condition}: {other}", subject.case.name));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn no_order_of_the_packets_in_the_file_changes_the_cause() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        for seed in 0..SEEDS {
            if let Err(other) = subject.is_kept_in(&ethernet(&wrapping::shuffled(&subject.tape, seed))) {
                wrong.push(format!("{}, shuffle {seed}: {other}", subject.case.name));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn cut_to_96_bytes_it_is_the_same_cause_or_none() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        let file = ethernet(&cut(&subject.tape, SNAP_LENGTH));
        let enough = NEED_NO_MORE.contains(&subject.told.cause.unwrap_or_default());
        let enough = enough && !HIDDEN.contains(&subject.case.name.as_str());
        let kept = if enough { subject.is_kept_in(&file) } else { subject.is_not_contradicted_in(&file) };
        if let Err(other) = kept {
            wrong.push(format!("{}: {other}", subject.case.name));
        }
    }
    assert_none(&wrong);
}

/// From the headers alone to most of a hello or a head.
#[test]
fn cut_anywhere_it_is_the_same_cause_or_none() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        for len in 54..400 {
            let file = ethernet(&cut(&subject.tape, len));
            if let Err(other) = subject.is_not_contradicted_in(&file) {
                wrong.push(format!("{}, {len}: {other}", subject.case.name));
            }
        }
    }
    for case in cases().into_iter().filter(|c| c.cause.is_none() && !c.needs_keys) {
        let tape = tape::read(&fs::read(&case.path).unwrap());
        for len in 54..400 {
            let told = analyse(&ethernet(&cut(&tape, len))).unwrap().0.connections;
            if let Some(failed) = told.iter().find(|t| t.outcome == Outcome::Failed) {
                wrong.push(format!("{}, {len}: {}", case.name, describe(Some(failed))));
            }
        }
    }
    assert_none(&wrong);
}

/// Nothing is said of what was cut, and that it was cut is said.
#[test]
fn of_a_hello_that_is_cut_only_its_beginning_is_told() {
    let on_hello = |s: &&Subject| s.case.name.starts_with("tls/") && NEED_NO_MORE.contains(&s.told.cause.unwrap());
    let subjects = subjects();
    let mut told_of = 0;
    for subject in subjects.iter().filter(on_hello).filter(|s| !HIDDEN.contains(&s.case.name.as_str())) {
        let told = about(&subject.case, &ethernet(&cut(&subject.tape, SNAP_LENGTH))).unwrap();
        for hidden in ["server name \"", "without a server name", "TLS 1.", "for \"", "ALPN"] {
            assert!(!told.message.contains(hidden), "{}: {}", subject.case.name, told.message);
        }
        let limit = told.limits.iter().find(|l| l.0 == "capture.snap-length");
        assert!(limit.is_some_and(|l| !l.1.is_empty()), "{}: {:?}", subject.case.name, told.limits);
        told_of += 1;
    }
    assert!(told_of >= 25);
}

#[test]
fn with_one_direction_it_is_the_same_cause_or_none() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        for origins in [true, false] {
            let kept = |p: &&Packet| !p.is_tcp() || p.is_origins() == origins;
            let tape: Tape = subject.tape.iter().filter(kept).cloned().collect();
            if let Err(other) = subject.is_not_contradicted_in(&ethernet(&tape)) {
                let direction = if origins { "origin" } else { "edge" };
                wrong.push(format!("{}, {direction} only: {other}", subject.case.name));
            }
        }
    }
    assert_none(&wrong);
}

/// The report of a program run.
fn report(arguments: &[&str], input: &[u8]) -> serde_json::Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
    command.args(["--format", "json"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn standard_input_changes_nothing() {
    for subject in subjects() {
        let file = fs::read(&subject.case.path).unwrap();
        let named = report(&[subject.case.path.to_str().unwrap()], b"");
        assert_eq!(report(&["-"], &file)["connections"], named["connections"], "{}", subject.case.name);
    }
}

#[test]
fn two_files_are_one_capture_wherever_they_are_cut() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        for at in 0..=subject.tape.len() {
            let (first, second) = subject.tape.split_at(at);
            for files in [[first, second], [second, first]] {
                let told = common::analyse_all(&files.map(ethernet)).connections;
                let kept = told.iter().any(|t| (t.outcome, t.cause) == (subject.told.outcome, subject.told.cause));
                if !kept {
                    wrong.push(format!("{}, cut at {at}: {told:?}", subject.case.name));
                }
            }
        }
    }
    assert_none(&wrong);
}
