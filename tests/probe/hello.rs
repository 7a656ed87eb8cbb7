//! What the probe's ClientHello offers, read from the wire: for each policy what s2n-tls publishes of it.

use std::io::Read as _;
use std::net::TcpListener;
use std::thread;

use crate::probe;

/// The lists of s2n-tls 0.3.47 (`lib/tls` of the crate `s2n-tls-sys`), from which the policies are made, in their order.
/// `s2n_cipher_preferences.c`: `cipher_suites_cloudfront_upstream`.
const SUITES: &str = "c02c c030 c02b c02f c024 c028 c00a c014 c023 c027 c009 c013 009d 009c 0035 003c 002f 000a 0004";
/// `cipher_suites_cloudfront_upstream_2025_08_08` behind the suites of TLS 1.3.
const SUITES_2025: &str =
    "c02b c02f c02c c030 c023 c027 c024 c028 c009 c013 c00a c014 009c 009d 003c 002f 0035 000a 0004";
/// `S2N_TLS13_CLOUDFRONT_CIPHER_SUITES_20200716`.
const SUITES_TLS13: &str = "1301 1302 1303";
/// `TLS_EMPTY_RENEGOTIATION_INFO_SCSV`, which ends every list that has a suite from before TLS 1.3.
const SCSV: &str = "00ff";

/// `s2n_ecc_preferences_20230623`: secp256r1, x25519, secp384r1.
const GROUPS: &str = "0017 001d 0018";
/// `pq_kem_groups_ietf_2025_07`: X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024.
const GROUPS_PQ: &str = "11ec 11eb 11ed";

/// `s2n_signature_scheme.c`: `s2n_sig_scheme_pref_list_20140601`: PKCS #1, ECDSA, SHA-1.
const SCHEMES: &str = "0401 0501 0601 0301 0403 0503 0603 0303 0201 0203";
/// `…_20250820`: ECDSA, PSS with its own key type, PSS, PKCS #1, SHA-1.
const SCHEMES_2025: &str = "0403 0503 0603 0303 0809 080a 080b 0804 0805 0806 0401 0501 0601 0301 0201 0203";
/// `…_20250821` is the same behind ML-DSA 44, 65 and 87.
const SCHEMES_PQ: &str = "0904 0905 0906";

/// What a policy of `s2n_security_policies.c` offers.
struct Policy {
    name: &'static str,
    versions: &'static str,
    suites: &'static [&'static str],
    groups: &'static [&'static str],
    schemes: &'static [&'static str],
}

/// A policy from before 2025: TLS 1.2 is the highest version, and said in the old field alone.
const fn legacy(name: &'static str) -> Policy {
    Policy { name, versions: "0303", suites: &[SUITES, SCSV], groups: &[GROUPS], schemes: &[SCHEMES] }
}

/// One of 2025.
const fn of_2025(name: &'static str, versions: &'static str) -> Policy {
    let suites = &[SUITES_TLS13, SUITES_2025, SCSV];
    Policy { name, versions, suites, groups: &[GROUPS], schemes: &[SCHEMES_2025] }
}

/// The same with what a quantum computer does not break.
const fn post_quantum(name: &'static str, versions: &'static str) -> Policy {
    Policy { groups: &[GROUPS_PQ, GROUPS], schemes: &[SCHEMES_PQ, SCHEMES_2025], ..of_2025(name, versions) }
}

const TLS13: &[&str] = &[SUITES_TLS13];

const POLICIES: [Policy; 14] = [
    of_2025("CloudFront-Upstream-2025", "0304 0303 0302 0301 0300"),
    of_2025("CloudFront-Upstream-TLS-1-0-2025", "0304 0303 0302 0301"),
    of_2025("CloudFront-Upstream-TLS-1-1-2025", "0304 0303 0302"),
    of_2025("CloudFront-Upstream-TLS-1-2-2025", "0304 0303"),
    Policy { suites: TLS13, ..of_2025("CloudFront-Upstream-TLS-1-3-2025", "0304") },
    post_quantum("CloudFront-Upstream-2025-PQ", "0304 0303 0302 0301 0300"),
    post_quantum("CloudFront-Upstream-TLS-1-0-2025-PQ", "0304 0303 0302 0301"),
    post_quantum("CloudFront-Upstream-TLS-1-1-2025-PQ", "0304 0303 0302"),
    post_quantum("CloudFront-Upstream-TLS-1-2-2025-PQ", "0304 0303"),
    Policy { suites: TLS13, ..post_quantum("CloudFront-Upstream-TLS-1-3-2025-PQ", "0304") },
    legacy("CloudFront-Upstream"),
    legacy("CloudFront-Upstream-TLS-1-0"),
    legacy("CloudFront-Upstream-TLS-1-1"),
    legacy("CloudFront-Upstream-TLS-1-2"),
];

/// What a ClientHello offers, in hexadecimal.
#[derive(Debug, Default)]
struct Hello {
    suites: Vec<String>,
    versions: Vec<String>,
    groups: Vec<String>,
    schemes: Vec<String>,
    name: String,
    /// The protocols; `none` without the extension.
    alpn: String,
}

/// Asks a port that takes what it is sent and closes.
fn hello(policy: &str) -> Hello {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut body).unwrap();
        body
    });
    let target = format!("origin.example.com:{port}");
    probe(&[&target, "--resolve", "127.0.0.1", "--brief", "--policy", policy]);
    read(&taken.join().unwrap())
}

fn read(body: &[u8]) -> Hello {
    let word = |at: usize| usize::from(u16::from_be_bytes([body[at], body[at + 1]]));
    let words = |bytes: &[u8]| bytes.chunks(2).map(|w| format!("{:02x}{:02x}", w[0], w[1])).collect::<Vec<_>>();
    let mut at = 4 + 2 + 32;
    at += 1 + usize::from(body[at]);
    let mut hello =
        Hello { suites: words(&body[at + 2..at + 2 + word(at)]), alpn: "none".to_owned(), ..Hello::default() };
    at += 2 + word(at);
    at += 1 + usize::from(body[at]);
    hello.versions = vec![words(&body[4..6]).remove(0)];
    let end = at + 2 + word(at);
    at += 2;
    while at < end {
        let (kind, data) = (word(at), &body[at + 4..at + 4 + word(at + 2)]);
        match kind {
            0 => hello.name = String::from_utf8(data[5..].to_vec()).unwrap(),
            10 => hello.groups = words(&data[2..]),
            13 => hello.schemes = words(&data[2..]),
            16 => hello.alpn = String::from_utf8_lossy(data).into_owned(),
            43 => hello.versions = words(&data[1..]),
            _ => {}
        }
        at += 4 + data.len();
    }
    hello
}

#[test]
fn each_policy_offers_what_is_published_of_it() {
    let mut wrong = Vec::new();
    for policy in &POLICIES {
        let told = hello(policy.name);
        let named = [told.name.as_str(), told.alpn.as_str()];
        for (what, told, expected) in [
            ("versions", told.versions.join(" "), policy.versions.to_owned()),
            ("suites", told.suites.join(" "), policy.suites.join(" ")),
            ("groups", told.groups.join(" "), policy.groups.join(" ")),
            ("signature schemes", told.schemes.join(" "), policy.schemes.join(" ")),
            ("server name and ALPN", named.join("; "), "origin.example.com; none".to_owned()),
        ] {
            if told != expected {
                wrong.push(format!("{}: {what}: {told}, not {expected}", policy.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut names: Vec<_> = POLICIES.iter().map(|policy| policy.name).collect();
    let mut known = why502::probe::POLICIES.to_vec();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known, "a policy is not in the table");
}
