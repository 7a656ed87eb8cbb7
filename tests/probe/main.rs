//! `why502 probe` against real servers with real faults, in the manner of badssl: what it says equals a table.
#![cfg(all(feature = "probe", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops where it fails")]
#![allow(clippy::print_stdout, reason = "what was not tested is said")]

mod certs;
mod errors;
mod hello;
mod servers;
mod table;
mod written;

use std::process::{Command, Output};

use certs::{Authority, Files, Leaf, NAME};
use serde_json::Value;
use servers::Lab;

/// The programs that are needed; without one of them nothing is tested, and that is said.
const NEEDED: [&str; 7] = ["nginx", "apache2", "haproxy", "caddy", "node", "openssl", "nghttpd"];

fn missing() -> Option<&'static str> {
    let found =
        |name: &str| std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|d| d.join(name).exists()));
    let missing = NEEDED.into_iter().find(|name| !found(name) && !found(&format!("../sbin/{name}")));
    if let Some(name) = missing {
        println!("nothing was probed: {name} is not installed");
    }
    missing
}

fn probe(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_why502")).arg("probe").args(arguments).output().unwrap()
}

/// A set-up: what it is, what serves it, further options, and the outcome with its cause, or the finding beside `ok`.
struct Case {
    name: &'static str,
    serve: fn(&mut Lab, &Authority),
    options: &'static [&'static str],
    outcome: &'static str,
    cause: Option<&'static str>,
}

const fn case(
    name: &'static str,
    serve: fn(&mut Lab, &Authority),
    options: &'static [&'static str],
    outcome: &'static str,
    cause: Option<&'static str>,
) -> Case {
    Case { name, serve, options, outcome, cause }
}

fn nginx(lab: &mut Lab, files: &Files, more: &str) {
    let (chain, key) = (files.chain.display(), files.key.display());
    lab.nginx(&format!("listen PORT ssl; ssl_certificate {chain}; ssl_certificate_key {key};\n{more}"));
}

fn apache(lab: &mut Lab, files: &Files, more: &str) {
    let (chain, key) = (files.chain.display(), files.key.display());
    lab.apache(&format!("SSLCertificateFile {chain}\nSSLCertificateKeyFile {key}\n{more}"));
}

fn openssl(lab: &mut Lab, files: &Files, more: &[&str]) {
    let (chain, key) = (files.chain.to_str().unwrap(), files.key.to_str().unwrap());
    let files = ["-cert", chain, "-cert_chain", chain, "-key", key];
    lab.openssl(&[&files, more].concat());
}

/// Node, whose handler this is.
fn node(lab: &mut Lab, files: &Files, handler: &str) {
    let (chain, key) = (files.chain.display(), files.key.display());
    lab.node(&format!(
        "https.createServer({{cert: fs.readFileSync('{chain}'), key: fs.readFileSync('{key}')}}, {handler}).listen(PORT, '127.0.0.1');"
    ));
}

fn bad(lab: &mut Lab, a: &Authority, leaf: &Leaf<'_>) {
    nginx(lab, &a.good_chain(leaf), "");
}

const OLD: Leaf<'static> = Leaf { until: "20250601000000Z", ..Leaf::GOOD };
const LATER: Leaf<'static> = Leaf { from: "20390101000000Z", ..Leaf::GOOD };
const OTHER: Leaf<'static> = Leaf { names: &["other.example.com"], subject: "other.example.com", ..Leaf::GOOD };
const PURPOSE: Leaf<'static> = Leaf { usage: "clientAuth", ..Leaf::GOOD };
const SMALL: Leaf<'static> = Leaf { key: "rsa:1024", ..Leaf::GOOD };
const SHA1: Leaf<'static> = Leaf { digest: "sha1", ..Leaf::GOOD };
const P384: Leaf<'static> = Leaf { key: "ec:secp384r1", ..Leaf::GOOD };
const NO_SAN: Leaf<'static> = Leaf { names: &[], ..Leaf::GOOD };
const TLS12: &str = "ssl_protocols TLSv1.2;";
const LAX: &str = "ssl_ciphers DEFAULT@SECLEVEL=0;";

const CASES: [Case; 44] = [
    case("healthy-nginx", |lab, a| nginx(lab, &a.good_chain(&Leaf::GOOD), ""), &[], "ok", None),
    case("healthy-apache", |lab, a| apache(lab, &a.good_chain(&Leaf::GOOD), ""), &[], "ok", None),
    case("healthy-node", |lab, a| node(lab, &a.good_chain(&Leaf::GOOD), "(q, s) => s.end('x')"), &[], "ok", None),
    case(
        "healthy-caddy",
        |lab, a| {
            let files = a.good_chain(&Leaf::GOOD);
            lab.caddy(&files.chain, &files.key);
        },
        &[],
        "ok",
        None,
    ),
    case(
        "healthy-haproxy",
        |lab, a| {
            a.good_chain(&Leaf::GOOD);
            lab.haproxy(&format!("ssl crt {}", a.both().display()));
        },
        &[],
        "ok",
        None,
    ),
    case("healthy-openssl", |lab, a| openssl(lab, &a.good_chain(&Leaf::GOOD), &[]), &[], "ok", None),
    case("healthy-clear", |lab, _| lab.nginx("listen PORT;"), &["--http"], "ok", None),
    case("expired-tls13", |lab, a| bad(lab, a, &OLD), &[], "failed", Some("tls.certificate-expired")),
    case(
        "expired-tls12",
        |lab, a| nginx(lab, &a.good_chain(&OLD), TLS12),
        &[],
        "failed",
        Some("tls.certificate-expired"),
    ),
    case("not-yet-valid", |lab, a| bad(lab, a, &LATER), &[], "failed", Some("tls.certificate-not-yet-valid")),
    case(
        "wrong-name",
        |lab, a| apache(lab, &a.good_chain(&OTHER), ""),
        &[],
        "failed",
        Some("tls.certificate-name-mismatch"),
    ),
    case(
        "self-signed",
        |lab, a| {
            a.self_signed();
            lab.haproxy(&format!("ssl crt {}", a.both().display()));
        },
        &[],
        "failed",
        Some("tls.certificate-self-signed"),
    ),
    case(
        "untrusted-root",
        |lab, _| {
            let other = Authority::new(&lab.dir, "Unknown");
            let files = other.good_chain(&Leaf::GOOD);
            lab.caddy(&files.chain, &files.key);
        },
        &[],
        "failed",
        Some("tls.certificate-untrusted"),
    ),
    case(
        "missing-intermediate",
        |lab, a| nginx(lab, &a.issue(&Leaf::GOOD, &["leaf"]), ""),
        &[],
        "failed",
        Some("tls.certificate-chain-incomplete"),
    ),
    case(
        "missing-upper-intermediate",
        |lab, a| nginx(lab, &a.issue(&Leaf::GOOD, &["leaf", "two"]), ""),
        &[],
        "failed",
        Some("tls.certificate-untrusted"),
    ),
    case("wrong-purpose", |lab, a| bad(lab, a, &PURPOSE), &[], "failed", Some("tls.certificate-purpose")),
    case(
        "wrong-order",
        |lab, a| nginx(lab, &a.issue(&Leaf::GOOD, &["leaf", "one", "two"]), ""),
        &[],
        "ok",
        Some("tls.certificate-chain-order"),
    ),
    case("rsa-1024", |lab, a| nginx(lab, &a.good_chain(&SMALL), LAX), &[], "ok", Some("tls.certificate-weak")),
    case(
        "sha-1",
        |lab, a| apache(lab, &a.good_chain(&SHA1), "SSLCipherSuite DEFAULT@SECLEVEL=0"),
        &[],
        "ok",
        Some("tls.certificate-weak"),
    ),
    case("ecdsa-p384", |lab, a| bad(lab, a, &P384), &[], "ok", None),
    case("common-name-alone", |lab, a| bad(lab, a, &NO_SAN), &[], "ok", None),
    case(
        "tls10-only",
        |lab, a| openssl(lab, &a.good_chain(&Leaf::GOOD), &["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"]),
        &[],
        "failed",
        Some("tls.no-common-version"),
    ),
    case(
        "tls10-only-and-allowed",
        |lab, a| openssl(lab, &a.good_chain(&Leaf::GOOD), &["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"]),
        &["--policy", "CloudFront-Upstream-TLS-1-0-2025"],
        "ok",
        None,
    ),
    case("tls13-only", |lab, a| nginx(lab, &a.good_chain(&Leaf::GOOD), "ssl_protocols TLSv1.3;"), &[], "ok", None),
    case(
        "tls13-only-old-edge",
        |lab, a| nginx(lab, &a.good_chain(&Leaf::GOOD), "ssl_protocols TLSv1.3;"),
        &["--policy", "CloudFront-Upstream-TLS-1-2"],
        "failed",
        Some("tls.no-common-version"),
    ),
    case(
        "dhe-only",
        |lab, a| openssl(lab, &a.good_chain(&Leaf::GOOD), &["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"]),
        &[],
        "failed",
        Some("tls.no-common-cipher"),
    ),
    case(
        "mtls-nginx",
        |lab, a| {
            let more = format!("ssl_verify_client on; ssl_client_certificate {};", a.root().display());
            nginx(lab, &a.good_chain(&Leaf::GOOD), &more);
        },
        &[],
        "failed",
        Some("tls.client-certificate-required"),
    ),
    case(
        "mtls-haproxy",
        |lab, a| {
            a.good_chain(&Leaf::GOOD);
            let root = a.root();
            lab.haproxy(&format!("ssl crt {} verify required ca-file {}", a.both().display(), root.display()));
        },
        &[],
        "failed",
        Some("tls.client-certificate-required"),
    ),
    case(
        "mtls-given",
        |lab, a| {
            a.good_chain(&Leaf { usage: "serverAuth,clientAuth", ..Leaf::GOOD });
            let root = a.root();
            lab.haproxy(&format!("ssl crt {} verify required ca-file {}", a.both().display(), root.display()));
        },
        &["--client-cert", "BOTH"],
        "ok",
        None,
    ),
    case(
        "strict-sni",
        |lab, a| {
            a.good_chain(&OTHER);
            lab.haproxy(&format!("ssl crt {} strict-sni", a.both().display()));
        },
        &[],
        "failed",
        Some("tls.unrecognized-name"),
    ),
    case("http-on-tls-port", |lab, _| lab.nginx("listen PORT;"), &[], "failed", Some("tls.plaintext-http-reply")),
    case(
        "tls-on-http-port",
        |lab, a| nginx(lab, &a.good_chain(&Leaf::GOOD), ""),
        &["--http"],
        "failed",
        Some("http.plaintext-on-tls-port"),
    ),
    case(
        "proxy-header-expected",
        |lab, a| {
            a.good_chain(&Leaf::GOOD);
            lab.haproxy(&format!("ssl crt {} accept-proxy", a.both().display()));
        },
        &[],
        "failed",
        Some("tls.reset-after-client-hello"),
    ),
    case(
        "proxy-header-sent",
        |lab, a| {
            a.good_chain(&Leaf::GOOD);
            lab.haproxy(&format!("ssl crt {} accept-proxy", a.both().display()));
        },
        &["--proxy-protocol", "2"],
        "ok",
        None,
    ),
    case(
        "slow-accept",
        |lab, _| lab.node("net.createServer().listen(PORT, '127.0.0.1', () => { for (;;); });"),
        &["--connect-timeout", "2s"],
        "failed",
        Some("tls.no-server-hello"),
    ),
    case(
        "slow-first-byte",
        |lab, a| node(lab, &a.good_chain(&Leaf::GOOD), "() => {}"),
        &["--read-timeout", "2s"],
        "failed",
        Some("http.response-timeout"),
    ),
    case(
        "reset-after-request",
        |lab, a| {
            node(
                lab,
                &a.good_chain(&Leaf::GOOD),
                "(q) => q.socket._parent ? q.socket._parent.resetAndDestroy() : q.socket.resetAndDestroy()",
            )
        },
        &[],
        "failed",
        Some("http.reset-before-response"),
    ),
    case(
        "closed-after-request",
        |lab, a| node(lab, &a.good_chain(&Leaf::GOOD), "(q) => q.socket.end()"),
        &[],
        "failed",
        Some("http.closed-before-response"),
    ),
    case(
        "oversized-headers",
        |lab, a| {
            node(
                lab,
                &a.good_chain(&Leaf::GOOD),
                "(q, s) => { s.setHeader('X-Large', 'x'.repeat(40000)); s.end('x'); }",
            )
        },
        &[],
        "failed",
        Some("http.headers-too-large"),
    ),
    case(
        "bad-chunk",
        |lab, a| {
            let raw = "(q) => q.socket.write('HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nxyz\\r\\nhello\\r\\n')";
            node(lab, &a.good_chain(&Leaf::GOOD), raw);
        },
        &[],
        "failed",
        Some("http.malformed-chunk"),
    ),
    case(
        "cut-short",
        |lab, a| {
            let raw = "(q) => q.socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nx')";
            node(lab, &a.good_chain(&Leaf::GOOD), raw);
        },
        &[],
        "failed",
        Some("http.closed-in-response"),
    ),
    case(
        "relayed-502",
        |lab, a| nginx(lab, &a.good_chain(&Leaf::GOOD), "location = /up { proxy_pass http://127.0.0.1:9; }"),
        &["--path", "/up"],
        "failed",
        Some("app.origin-502"),
    ),
    case("nobody-listens", |_, _| (), &[], "failed", Some("tcp.port-closed")),
    case("nobody-listens-in-clear", |_, _| (), &["--http"], "failed", Some("tcp.port-closed")),
];

#[test]
fn the_verdict_on_each_set_up_is_that_of_the_table() {
    if missing().is_some() {
        return;
    }
    let wish = std::env::var("CASE").unwrap_or_default();
    let mut wrong = Vec::new();
    for case in CASES.iter().filter(|case| case.name.contains(&wish)) {
        if let Err(why) = holds(case) {
            wrong.push(format!("{}: {why}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn holds(case: &Case) -> Result<(), String> {
    let mut lab = Lab::new(case.name);
    let authority = Authority::new(&lab.dir, "Test");
    (case.serve)(&mut lab, &authority);
    let (target, root) = (format!("{NAME}:{}", lab.port), authority.root());
    let mut arguments = vec![target.as_str(), "--resolve", "127.0.0.1", "--brief", "--format", "json"];
    arguments.extend(["--trust", root.to_str().unwrap()]);
    let both = authority.both();
    arguments.extend(case.options.iter().map(|&option| if option == "BOTH" { both.to_str().unwrap() } else { option }));
    let done = probe(&arguments);
    let report: Value = serde_json::from_slice(&done.stdout)
        .map_err(|e| format!("no report ({e}): {}", String::from_utf8_lossy(&done.stderr)))?;
    let connection = report["connections"].as_array().unwrap().last().cloned().unwrap_or_default();
    let (outcome, cause) = (connection["verdict"]["outcome"].as_str(), connection["verdict"]["cause"].as_str());
    let findings: Vec<_> = connection["findings"].as_array().into_iter().flatten().map(|f| &f["cause"]).collect();
    let as_expected = outcome == Some(case.outcome)
        && match (case.outcome, case.cause) {
            ("ok", Some(finding)) => findings.iter().any(|f| **f == finding),
            (_, expected) => cause == expected,
        };
    let status = if case.outcome == "failed" { 1 } else { 0 };
    if !as_expected {
        return Err(format!(
            "{outcome:?} {cause:?} {findings:?}, not {} {:?}\n{}",
            case.outcome, case.cause, connection["findings"][0]["message"]
        ));
    }
    if done.status.code() != Some(status) {
        return Err(format!("exit status {:?}", done.status.code()));
    }
    if report["captures"][0]["synthetic"] != true || connection["role"] != "edge" {
        return Err("it is not told that the packets are a probe's".to_owned());
    }
    Ok(())
}
