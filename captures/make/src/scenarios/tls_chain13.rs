//! `tls.certificate-*` in TLS 1.3, where only keys show the certificate: each fault by itself, with the key log of the
//! origin where it writes one. Without keys it is a certificate that the edge rejects, and no more can be told.

use super::tls_chain::keep_root;
use crate::certs::{Authority, Below, Files, Key, Leaf};
use crate::edge::Ending;
use crate::edge::http::Http;
use crate::edge::s2n::S2n;
use crate::lab::Lab;
use crate::scenario::Scenario;
use crate::servers::{apache, caddy, node, openssl};
use anyhow::Result;

const CERTIFICATE: &str = "RFC 8446 section 4.4.2";
const VALIDITY: &str = "RFC 5280 section 4.1.2.5";
const PATH: &str = "RFC 5280 section 6";
/// What can be told without the keys.
const REJECTED: &str = "tls.certificate-rejected";
/// What is found besides where the lab's root is not trusted.
const UNTRUSTED: &[&str] = &["tls.certificate-untrusted", REJECTED];

/// Of all of them, what is the same.
const TLS13: Scenario = Scenario { without_keys: REJECTED, also: UNTRUSTED, ..Scenario::BLANK };

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/certificate-expired/apache-tls13-keys",
        title: "Apache, TLS 1.3, with keys",
        fault: "The certificate expired yesterday. `keys.log` is Apache's (`SSLKEYLOGFILE`).",
        references: &[CERTIFICATE, VALIDITY],
        play: |lab| refused(lab, Origin::Apache, |lab| Leaf { not_after: -1, ..Leaf::GOOD }.issue(lab)),
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-not-yet-valid/node-tls13-keys",
        title: "Node.js, TLS 1.3, with keys",
        fault: "The certificate is valid from the day after tomorrow on. `keys.log` is Node's (`--tls-keylog`).",
        references: &[CERTIFICATE, VALIDITY],
        play: |lab| refused(lab, Origin::Node, |lab| Leaf { not_before: 2, ..Leaf::GOOD }.issue(lab)),
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-name-mismatch/node-tls13-keys",
        title: "Node.js, TLS 1.3, with keys",
        fault: "The certificate is for another name. `keys.log` is Node's (`--tls-keylog`).",
        references: &[CERTIFICATE, "RFC 9525 section 6"],
        play: |lab| refused(lab, Origin::Node, |lab| Leaf { name: "www.example.org", ..Leaf::GOOD }.issue(lab)),
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-self-signed/openssl-tls13-keys",
        title: "openssl s_server, TLS 1.3, with keys",
        fault: "The certificate is signed by itself. `keys.log` is that of s_server (`-keylogfile`).",
        references: &[CERTIFICATE, PATH],
        play: |lab| refused(lab, Origin::OpenSsl, |lab| Leaf::GOOD.self_signed(lab)),
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-untrusted/apache-tls13-keys",
        title: "Apache, TLS 1.3, with keys",
        fault: "The certificate is signed by a private CA whose root the edge does not know. `keys.log` is Apache's.",
        references: &[CERTIFICATE, PATH],
        play: |lab| refused(lab, Origin::Apache, |lab| Leaf::GOOD.issue_by(&Authority::new("Private")?, lab)),
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-chain-incomplete/node-tls13-keys",
        title: "Node.js, TLS 1.3, with keys",
        fault: "The intermediate is not sent. `keys.log` is Node's (`--tls-keylog`).",
        references: &[CERTIFICATE, PATH],
        play: |lab| refused(lab, Origin::Node, |lab| Leaf { with_intermediate: false, ..Leaf::GOOD }.issue(lab)),
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-chain-invalid/apache-tls13-leaf-as-issuer-keys",
        title: "Apache, TLS 1.3, an issuer that is no authority, with keys",
        fault: "The certificate is signed by another server's, which has no basicConstraints. `keys.log` is Apache's.",
        references: &[CERTIFICATE, "RFC 5280 section 4.2.1.9"],
        play: |lab| {
            let server = [Below { name: "www.example.com", is_authority: false }];
            refused(lab, Origin::Apache, |lab| Leaf::GOOD.issue_below(lab, &server, |sent| sent))
        },
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-purpose/apache-tls13-keys",
        title: "Apache, TLS 1.3, with keys",
        fault: "The certificate's extended key usage is clientAuth alone. `keys.log` is Apache's.",
        references: &[CERTIFICATE, "RFC 5280 section 4.2.1.12"],
        play: |lab| refused(lab, Origin::Apache, |lab| Leaf { for_clients: true, ..Leaf::GOOD }.issue(lab)),
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-malformed/caddy-tls13-keys",
        title: "Caddy, TLS 1.3, with keys",
        fault: "The file of the intermediate is damaged: its first byte is that of a set. Go reads no more than the \
                first certificate, and sends both. `keys.log` is the edge's (`s2n_config_set_key_log_cb`).",
        references: &[CERTIFICATE, "RFC 5280 section 4.1"],
        play: malformed,
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-chain-order/node-tls13-keys",
        title: "Node.js, TLS 1.3, accepted, with keys",
        fault: "Of two intermediates the upper one is sent first. The edge accepts it. `keys.log` is Node's.",
        references: &[CERTIFICATE],
        without_keys: "",
        also: &[],
        play: |lab| {
            let lower = [Below { name: "Example Lower CA", is_authority: true }];
            accepted(lab, |lab| Leaf::GOOD.issue_below(lab, &lower, |sent| sent.into_iter().rev().collect()))
        },
        ..TLS13
    },
    Scenario {
        path: "tls/certificate-weak/node-tls13-rsa-1024-keys",
        title: "Node.js, TLS 1.3, accepted, with keys",
        fault: "The key is RSA of 1024 bits. The edge accepts it. `keys.log` is Node's.",
        references: &[CERTIFICATE],
        without_keys: "",
        also: &[],
        play: |lab| accepted(lab, |lab| Leaf { key: Key::Rsa1024, ..Leaf::GOOD }.issue(lab)),
        ..TLS13
    },
    Scenario {
        path: "tls/client-certificate-required/apache-tls13-keys",
        title: "Apache, TLS 1.3, with keys",
        fault: "`SSLVerifyClient require`: for the edge the handshake succeeds; Apache answers by an encrypted alert, \
                which `keys.log` (Apache's) opens.",
        references: &["RFC 8446 section 4.3.2", "RFC 8446 section 6.2"],
        without_keys: "tls.client-certificate-required",
        also: &[],
        play: |lab| client_certificate(lab, Origin::Apache),
        ..TLS13
    },
    Scenario {
        path: "tls/client-certificate-required/openssl-tls13-keys",
        title: "openssl s_server, TLS 1.3, with keys",
        fault: "`-Verify 1`: for the edge the handshake succeeds; the server answers by an encrypted alert, which \
                `keys.log` (its own) opens.",
        references: &["RFC 8446 section 4.3.2", "RFC 8446 section 6.2"],
        without_keys: "tls.client-certificate-required",
        also: &[],
        play: |lab| client_certificate(lab, Origin::OpenSsl),
        ..TLS13
    },
];

/// Servers that write a key log.
#[derive(Clone, Copy)]
enum Origin {
    Apache,
    Node,
    OpenSsl,
}

/// Starts a server of TLS 1.3.
fn serve(lab: &mut Lab, origin: Origin, files: &Files, client_certificate: bool) -> Result<u32> {
    let root = lab.authority()?.root_pem()?;
    let root = lab.write("root.pem", root)?.display().to_string();
    let log = lab.origin_key_log().display().to_string();
    match origin {
        Origin::Apache if client_certificate => {
            let verify = format!("SSLProtocol TLSv1.3\nSSLVerifyClient require\nSSLCACertificateFile {root}");
            apache::https(lab, files, &verify)
        }
        Origin::Apache => apache::https(lab, files, "SSLProtocol TLSv1.3"),
        Origin::Node => {
            let options = node::certificate(files);
            let options = format!("{{ ...{options}, minVersion: 'TLSv1.3', ciphers: 'DEFAULT:@SECLEVEL=0' }}");
            node::start(
                lab,
                443,
                &format!("https.createServer({options}, (_, answer) => answer.end('hello\\n')).listen(443);"),
            )
        }
        Origin::OpenSsl if client_certificate => {
            openssl::start(lab, files, &["-tls1_3", "-keylogfile", &log, "-Verify", "1", "-CAfile", &root])
        }
        Origin::OpenSsl => openssl::start(lab, files, &["-tls1_3", "-keylogfile", &log]),
    }
}

/// The edge does not accept the certificate.
fn refused(lab: &mut Lab, origin: Origin, issue: impl FnOnce(&mut Lab) -> Result<Files>) -> Result<()> {
    let files = issue(lab)?;
    keep_root(lab)?;
    serve(lab, origin, &files, false)?;
    S2n { on_failure: Ending::Fin, ..S2n::DEFAULT }.must_fail(lab, 443)?;
    lab.keep_origin_keys()
}

/// The edge accepts the certificate.
fn accepted(lab: &mut Lab, issue: impl FnOnce(&mut Lab) -> Result<Files>) -> Result<()> {
    let files = issue(lab)?;
    keep_root(lab)?;
    serve(lab, Origin::Node, &files, false)?;
    let mut http = Http::tls_by(lab, &S2n::DEFAULT)?;
    http.get("/", 200)?;
    http.end(Ending::CloseNotify)?;
    lab.keep_origin_keys()
}

/// The origin wants a certificate of the edge, which has none.
fn client_certificate(lab: &mut Lab, origin: Origin) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    keep_root(lab)?;
    serve(lab, origin, &files, true)?;
    let mut http = Http::tls_by(lab, &S2n::DEFAULT)?;
    http.send(&crate::edge::Request::get("/"))?;
    http.expect_none()?;
    http.end(Ending::Fin)?;
    lab.keep_origin_keys()
}

fn malformed(lab: &mut Lab) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    keep_root(lab)?;
    let mut chain = ::openssl::x509::X509::stack_from_pem(&std::fs::read(&files.chain)?)?.into_iter();
    let leaf = chain.next().map(|leaf| leaf.to_pem()).transpose()?.unwrap_or_default();
    let mut damaged = chain.next().map(|issuer| issuer.to_der()).transpose()?.unwrap_or_default();
    if let Some(tag) = damaged.first_mut() {
        *tag = 0x31;
    }
    let damaged = ::openssl::base64::encode_block(&damaged);
    let damaged = format!("-----BEGIN CERTIFICATE-----\n{damaged}\n-----END CERTIFICATE-----\n");
    let chain = lab.write("damaged.crt", [leaf, damaged.into_bytes()].concat())?;
    let site = format!(":443 {{\n    tls {} {}\n    respond \"hello\"\n}}", chain.display(), files.key.display());
    caddy::start(lab, 443, &site)?;
    S2n { on_failure: Ending::Fin, keys: true, ..S2n::DEFAULT }.must_fail(lab, 443)
}
