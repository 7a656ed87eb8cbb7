//! What the probe's ClientHello offers, read from the wire, and one line for each error.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use crate::probe;

/// The suites of the policies of 2025 up to TLS 1.2, in order; before that, the older order.
const NEW: &str = "c02b c02f c02c c030 c023 c027 c024 c028 c009 c013 c00a c014 009c 009d 003c 002f 0035 000a 0004";
const OLD: &str = "c02c c030 c02b c02f c024 c028 c00a c014 c023 c027 c009 c013 009d 009c 0035 003c 002f 000a 0004";
const TLS13: &str = "1301 1302 1303";

/// Policy; versions offered, newest first; suites; whether the post-quantum groups lead.
const POLICIES: [(&str, &str, &[&str], bool); 14] = [
    ("CloudFront-Upstream-2025", "0304 0303 0302 0301 0300", &[TLS13, NEW], false),
    ("CloudFront-Upstream-TLS-1-0-2025", "0304 0303 0302 0301", &[TLS13, NEW], false),
    ("CloudFront-Upstream-TLS-1-1-2025", "0304 0303 0302", &[TLS13, NEW], false),
    ("CloudFront-Upstream-TLS-1-2-2025", "0304 0303", &[TLS13, NEW], false),
    ("CloudFront-Upstream-TLS-1-3-2025", "0304", &[TLS13], false),
    ("CloudFront-Upstream-2025-PQ", "0304 0303 0302 0301 0300", &[TLS13, NEW], true),
    ("CloudFront-Upstream-TLS-1-0-2025-PQ", "0304 0303 0302 0301", &[TLS13, NEW], true),
    ("CloudFront-Upstream-TLS-1-1-2025-PQ", "0304 0303 0302", &[TLS13, NEW], true),
    ("CloudFront-Upstream-TLS-1-2-2025-PQ", "0304 0303", &[TLS13, NEW], true),
    ("CloudFront-Upstream-TLS-1-3-2025-PQ", "0304", &[TLS13], true),
    ("CloudFront-Upstream", "0303", &[OLD], false),
    ("CloudFront-Upstream-TLS-1-0", "0303", &[OLD], false),
    ("CloudFront-Upstream-TLS-1-1", "0303", &[OLD], false),
    ("CloudFront-Upstream-TLS-1-2", "0303", &[OLD], false),
];

/// What a ClientHello offers, in hexadecimal.
#[derive(Debug, Default)]
struct Hello {
    suites: Vec<String>,
    versions: Vec<String>,
    groups: Vec<String>,
    schemes: Vec<String>,
    name: String,
    alpn: bool,
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
    let mut hello = Hello { suites: words(&body[at + 2..at + 2 + word(at)]), ..Hello::default() };
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
            16 => hello.alpn = true,
            43 => hello.versions = words(&data[1..]),
            _ => {}
        }
        at += 4 + data.len();
    }
    hello
}

/// ecdsa 256, 384, 521 and with sha224; rsa_pss_pss and rsa_pss_rsae; rsa_pkcs1; SHA-1 last.
const SCHEMES_2025: &str = "0403 0503 0603 0303 0809 080a 080b 0804 0805 0806 0401 0501 0601 0301 0201 0203";

#[test]
fn each_policy_offers_what_is_published_of_it() {
    let split = |list: &str| list.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut wrong = Vec::new();
    for (policy, versions, suites, quantum) in POLICIES {
        let told = hello(policy);
        let mut expected: Vec<_> = suites.iter().flat_map(|list| split(list)).collect();
        let suites: Vec<_> = told.suites.iter().filter(|suite| *suite != "00ff").cloned().collect();
        // RC4 is left out where the library of the algorithms has none.
        expected.retain(|suite| suite != "0004" || suites.contains(suite));
        let classic: Vec<_> = told.groups.iter().filter(|g| g.len() == 4 && g.starts_with("00")).cloned().collect();
        let leads = told.groups.first().is_some_and(|group| ["11ec", "11eb", "11ed"].contains(&group.as_str()));
        let schemes = if policy.contains("2025") && !quantum { split(SCHEMES_2025) } else { told.schemes.clone() };
        let holds = suites == expected
            && told.versions == split(versions)
            && classic == ["0017", "001d", "0018"]
            && leads == quantum
            && told.schemes == schemes
            && told.name == "origin.example.com"
            && !told.alpn;
        if !holds {
            wrong.push(format!("{policy}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

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
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("localhost:{}", listener.local_addr().unwrap().port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
    command.args(["probe", &target, "--resolve", "127.0.0.1"]).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _open = listener.accept().unwrap();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();
    let mut error = String::new();
    child.stderr.unwrap().read_to_string(&mut error).unwrap();
    assert_eq!(status.code(), Some(2), "{error}");
    assert!(error.contains("interrupted") && error.lines().count() == 1, "{error}");
}
