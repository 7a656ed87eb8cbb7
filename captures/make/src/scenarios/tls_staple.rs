//! Stapled OCSP responses: `tls.certificate-revoked` and `tls.ocsp-staple-invalid`, and one that is in order; and
//! certificates that are in order for now.

use super::tls_chain::keep_root;
use crate::certs::{Authority, Files, Key, Leaf};
use crate::edge::Ending;
use crate::edge::http::Http;
use crate::edge::s2n::S2n;
use crate::lab::Lab;
use crate::ocsp::Staple;
use crate::scenario::Scenario;
use crate::servers::{nginx, node, openssl};
use anyhow::Result;
use std::io::Write as _;
use std::path::Path;

const STAPLING: &str = "RFC 6066 section 8";
const STAPLING_13: &str = "RFC 8446 section 4.4.2.1";
const RESPONSE: &str = "RFC 6960 section 4.2.1";
/// What can be told without the keys.
const REJECTED: &str = "tls.certificate-rejected";

const REVOKED: Staple = Staple { revoked: Some("keyCompromise"), ..Staple::GOOD };
const OUT_OF_DATE: Staple = Staple { made_ago: 10, ..Staple::GOOD };

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/certificate-revoked/nginx-tls12",
        title: "nginx, TLS 1.2",
        fault: "The response in nginx's `ssl_stapling_file` says that the certificate was revoked four days ago.",
        also: &["tls.certificate-untrusted"],
        references: &[STAPLING, RESPONSE],
        play: |lab| refused(lab, REVOKED, stapled_by_nginx),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-revoked/openssl-tls13-keys",
        title: "openssl s_server, TLS 1.3, with keys",
        fault: "The stapled response says that the certificate was revoked four days ago. `keys.log` is that of s_server \
                (`-keylogfile`).",
        without_keys: REJECTED,
        also: &["tls.certificate-untrusted", REJECTED],
        references: &[STAPLING_13, RESPONSE],
        play: |lab| {
            refused(lab, REVOKED, stapled_by_openssl)?;
            lab.keep_origin_keys()
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/ocsp-staple-invalid/nginx-tls12-out-of-date",
        title: "nginx, TLS 1.2, out of date",
        fault: "Nobody has renewed the response in nginx's `ssl_stapling_file`: it was good until three days ago.",
        also: &["tls.certificate-untrusted"],
        references: &[STAPLING, RESPONSE],
        play: |lab| refused(lab, OUT_OF_DATE, stapled_by_nginx),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/ocsp-staple-invalid/nginx-tls12-before-renewal",
        title: "nginx, TLS 1.2, the certificate was renewed",
        fault: "The certificate was renewed, and nginx's `ssl_stapling_file` has the response for the one before it.",
        also: &["tls.certificate-untrusted"],
        references: &[STAPLING, RESPONSE],
        play: |lab| {
            let before = Leaf::GOOD.issue(lab)?;
            let staple = Staple::GOOD.issue(lab, &before)?;
            let renewed = Leaf::GOOD.issue(lab)?;
            keep_root(lab)?;
            stapled_by_nginx(lab, &renewed, &staple)?;
            S2n { on_failure: Ending::Drop, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/ocsp-staple-invalid/node-tls13-out-of-date-keys",
        title: "Node.js, TLS 1.3, out of date, with keys",
        fault: "The application answers `OCSPRequest` with a response that was good until three days ago. `keys.log` is \
                Node's (`--tls-keylog`).",
        without_keys: REJECTED,
        also: &["tls.certificate-untrusted", REJECTED],
        references: &[STAPLING_13, RESPONSE],
        play: |lab| {
            refused(lab, OUT_OF_DATE, stapled_by_node)?;
            lab.keep_origin_keys()
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/nginx-tls12-ocsp-staple",
        title: "nginx, TLS 1.2, a stapled OCSP response",
        fault: "None: the stapled response is good.",
        references: &[STAPLING, RESPONSE],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let staple = Staple::GOOD.issue(lab, &files)?;
            keep_root(lab)?;
            stapled_by_nginx(lab, &files, &staple)?;
            answered(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/nginx-tls12-near-misses",
        title: "nginx, TLS 1.2, certificates that are in order for now",
        fault: "None. The certificate ends in a week, its key is EC P-384, and its file holds the root and another CA's, \
                too.",
        references: &["RFC 5246 section 7.4.2"],
        play: |lab| {
            let files = Leaf { not_after: 7, key: Key::P384, ..Leaf::GOOD }.issue(lab)?;
            let further = [lab.authority()?.root_pem()?, Authority::new("Another")?.root_pem()?].concat();
            std::fs::OpenOptions::new().append(true).open(&files.chain)?.write_all(&further)?;
            keep_root(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            answered(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/nginx-tls12-common-name",
        title: "nginx, TLS 1.2, a certificate with a common name alone",
        fault: "None: where there is no subjectAltName the edge compares the common name.",
        references: &["RFC 5246 section 7.4.2"],
        play: |lab| {
            let files = Leaf { with_alt_name: false, ..Leaf::GOOD }.issue(lab)?;
            keep_root(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            answered(lab)
        },
        ..Scenario::BLANK
    },
];

/// One exchange, then a close_notify.
fn answered(lab: &mut Lab) -> Result<()> {
    let mut http = Http::tls_by(lab, &S2n::DEFAULT)?;
    http.get("/", 200)?;
    http.end(Ending::CloseNotify)
}

/// The edge does not accept the certificate for what is stapled to it.
fn refused(lab: &mut Lab, staple: Staple, serve: fn(&mut Lab, &Files, &Path) -> Result<u32>) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    let staple = staple.issue(lab, &files)?;
    keep_root(lab)?;
    serve(lab, &files, &staple)?;
    S2n { on_failure: Ending::Fin, ..S2n::DEFAULT }.must_fail(lab, 443)
}

fn stapled_by_nginx(lab: &mut Lab, files: &Files, staple: &Path) -> Result<u32> {
    let stapling = format!("ssl_protocols TLSv1.2; ssl_stapling on; ssl_stapling_file {};", staple.display());
    nginx::https(lab, files, &stapling)
}

fn stapled_by_openssl(lab: &mut Lab, files: &Files, staple: &Path) -> Result<u32> {
    let log = lab.origin_key_log().display().to_string();
    let staple = staple.display().to_string();
    openssl::start(lab, files, &["-tls1_3", "-keylogfile", &log, "-status_file", &staple])
}

fn stapled_by_node(lab: &mut Lab, files: &Files, staple: &Path) -> Result<u32> {
    let program = format!(
        "const staple = require('fs').readFileSync('{}');\n\
         const server = https.createServer({{ ...{}, minVersion: 'TLSv1.3' }}, (_, answer) => answer.end('hello\\n'));\n\
         server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, staple));\n\
         server.listen(443);",
        staple.display(),
        node::certificate(files)
    );
    node::start(lab, 443, &program)
}
