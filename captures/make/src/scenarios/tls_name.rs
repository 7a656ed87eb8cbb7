//! `tls.sni-forwarded-host`: the Host header is forwarded, and the origin does not have the viewer's name. One scenario
//! for each answer that servers have for that.

use super::tls_chain::keep_root;
use crate::certs::{Files, Leaf};
use crate::edge::s2n::{S2n, TLS12_UP_PQ};
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::{Family, Scenario};
use crate::servers::{apache, caddy, gnutls, haproxy, nginx, node};
use anyhow::{Result, ensure};

const ALERTS: &str = "RFC 8446 section 6.2";
const ALERTS_12: &str = "RFC 5246 section 7.2.2";
const NAME: &str = "RFC 6066 section 3";
const NAMES: &str = "RFC 9525 section 6";

/// An edge that asks for the distribution's own name.
const FORWARDED: S2n = S2n { name: "d111111abcdef8.cloudfront.net", ..S2n::DEFAULT };
/// One that asks for the name by which viewers come.
const ALIAS: S2n = S2n { name: "www.example.net", ..S2n::DEFAULT };

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/sni-forwarded-host/nginx-reject-handshake",
        title: "nginx rejects unknown names",
        fault: "The default server has `ssl_reject_handshake on`, another one the origin's name. The edge asks for the \
                distribution's.",
        references: &[NAME, ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = "listen 443 ssl; server_name origin.example.com;";
            let known = format!("server {{ {server} {} }}", nginx::certificate(&files));
            let default = "server { listen 443 ssl default_server; ssl_reject_handshake on; }";
            nginx::http(lab, 443, &format!("{default}\n{known}"))?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/haproxy-strict-sni-ipv6-pq",
        title: "HAProxy with strict-sni, post-quantum ClientHello, IPv6",
        fault: "`bind ... strict-sni`, and a certificate for the origin's name. The edge asks for the distribution's.",
        references: &[NAME, ALERTS],
        family: Family::V6,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            strict_haproxy(lab, &files, ":::443")?;
            S2n { policy: TLS12_UP_PQ, ..FORWARDED }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/gnutls-warning",
        title: "GnuTLS warns of the unknown name",
        fault: "`--sni-hostname origin.example.com`: a warning, which the edge takes for fatal.",
        references: &[NAME, ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            gnutls::start(lab, &files, "NORMAL", &["--sni-hostname", "origin.example.com"])?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/caddy",
        title: "Caddy without a certificate for the name",
        fault: "The only site is `origin.example.com`; Caddy says internal_error to every other name.",
        references: &[NAME, ALERTS],
        play: |lab| {
            caddy(lab)?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/nginx-certificate-by-name",
        title: "nginx takes the certificate's file by the name, and there is none",
        fault: "`ssl_certificate` has `$ssl_server_name` in it, and no such file: internal_error.",
        references: &[NAME, ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let file = files.chain.with_file_name("$ssl_server_name").display().to_string();
            let by_name = format!("ssl_certificate {file}.crt; ssl_certificate_key {file}.key;");
            nginx::http(lab, 443, &format!("server {{ listen 443 ssl; {by_name} }}"))?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/node-no-default-certificate",
        title: "Node.js with certificates by name and no default",
        fault: "`server.addContext` for the origin's name, and no certificate in the options of the server: to every other \
                name it says handshake_failure.",
        references: &[NAME, ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let context = format!("server.addContext('origin.example.com', {});", node::certificate(&files));
            let server = "const server = https.createServer({}, (_, answer) => answer.end('hello'));";
            node::start(lab, 443, &format!("{server}\n{context}\nserver.listen(443, '0.0.0.0');"))?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/apache-default-certificate-tls12",
        title: "Apache shows the certificate of its only site, TLS 1.2",
        fault: "One TLS host with a certificate for `origin.example.com`; the edge asks for the distribution's name and \
                closes the socket with the rest of the flight unread.",
        references: &[NAME, NAMES],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            keep_root(lab)?;
            apache::https(lab, &files, "SSLProtocol TLSv1.2")?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/nginx-self-signed-default-tls12",
        title: "nginx shows a default certificate that is signed by itself, TLS 1.2",
        fault: "The certificate of the default server is of the kind that packages make when they are installed; the \
                edge ends by FIN.",
        also: &["tls.certificate-self-signed"],
        references: &[NAME, NAMES],
        play: |lab| {
            let files = Leaf { name: "localhost", ..Leaf::GOOD }.self_signed(lab)?;
            keep_root(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            S2n { on_failure: Ending::Fin, ..FORWARDED }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/nginx-default-certificate-tls13",
        title: "nginx shows another certificate, which TLS 1.3 hides",
        fault: "One TLS server with a certificate for `origin.example.com`; the edge asks for the distribution's name and \
                closes the socket with the rest of the flight unread.",
        references: &[NAME, NAMES, "RFC 8446 section 4.4.2"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3;")?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/nginx-ssl-preread",
        title: "nginx routes by name, and has no way for this one",
        fault: "`ssl_preread` with a `map` that knows `origin.example.com` alone: the connection is closed.",
        also: &["tls.proxy-header-expected"],
        references: &[NAME],
        play: |lab| {
            let map = "map $ssl_preread_server_name $to { origin.example.com 127.0.0.1:8443; }";
            nginx::stream(lab, 443, &format!("{map}\nserver {{ listen 443; ssl_preread on; proxy_pass $to; }}"))?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/haproxy-rejects-name",
        title: "HAProxy routes by name, and rejects all others",
        fault: "`tcp-request content reject` unless `req.ssl_sni` is `origin.example.com`: the connection is closed.",
        also: &["tls.proxy-header-expected"],
        references: &[NAME],
        play: |lab| {
            let rules = "tcp-request inspect-delay 5s\n    tcp-request content accept if { req.ssl_sni \
                         origin.example.com }\n    tcp-request content reject if { req.ssl_hello_type 1 }";
            haproxy::start(lab, 443, &format!("frontend f\n    mode tcp\n    bind :443\n    {rules}\n"))?;
            FORWARDED.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/nginx-two-names-tls12",
        title: "nginx serves one name and not another, TLS 1.2",
        fault: "Two behaviours of a distribution: one asks for the origin's name and gets its answer, one forwards the \
                viewer's name, for which the origin shows the same certificate.",
        references: &[NAME, NAMES],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            keep_root(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            works(lab)?;
            ALIAS.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/haproxy-two-names-strict-sni",
        title: "HAProxy serves one name and refuses another",
        fault: "`strict-sni`: the origin's name gets its answer, the viewer's the alert unrecognized_name.",
        references: &[NAME, ALERTS_12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            strict_haproxy(lab, &files, ":443")?;
            works(lab)?;
            ALIAS.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/sni-forwarded-host/caddy-two-names",
        title: "Caddy serves one name and refuses another",
        fault: "The only site is `origin.example.com`: it gets its answer, the viewer's name internal_error.",
        references: &[NAME, ALERTS],
        play: |lab| {
            caddy(lab)?;
            works(lab)?;
            ALIAS.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
];

/// A connection for the origin's own name, with a request and its answer.
fn works(lab: &mut Lab) -> Result<()> {
    let mut session = S2n::DEFAULT.connect(lab, 443)??;
    session.send(&Request::get("/").to_bytes())?;
    ensure!(session.read_some().starts_with(b"HTTP/1.1 "), "the origin does not answer");
    session.end(Ending::CloseNotify)?;
    lab.wait_over(Scenario::BLANK.over)
}

fn strict_haproxy(lab: &mut Lab, files: &Files, address: &str) -> Result<u32> {
    let bind = format!("bind {address} ssl crt {} strict-sni", files.bundle.display());
    let answer = "http-request return status 200 content-type text/plain string hello";
    haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n    {answer}\n"))
}

fn caddy(lab: &mut Lab) -> Result<u32> {
    let files = Leaf::GOOD.issue(lab)?;
    let tls = format!("tls {} {}", files.chain.display(), files.key.display());
    caddy::start(lab, 443, &format!("https://origin.example.com {{\n    {tls}\n    respond hello\n}}"))
}
