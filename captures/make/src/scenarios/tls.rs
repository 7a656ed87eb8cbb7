//! `tls.*`: the origin answers the ClientHello, with something that is no ServerHello the edge could use.

use crate::certs::{Key, Leaf};
use crate::edge::java;
use crate::edge::openssl::OpenSsl;
use crate::edge::s2n::{S2n, TLS12_ONLY, TLS12_UP_PQ, TLS13_ONLY};
use crate::lab::Lab;
use crate::scenario::{Family, Peer, Scenario};
use crate::servers::{apache, caddy, gnutls, haproxy, nginx, node};
use anyhow::Result;
use openssl::ssl::SslVersion;

const ALERTS: &str = "RFC 8446 section 6.2";
const ALERTS_12: &str = "RFC 5246 section 7.2.2";
const NEGOTIATION: &str = "RFC 8446 section 4.1.1";
const NAME: &str = "RFC 6066 section 3";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/plaintext-http-reply/nginx",
        title: "nginx, plain HTTP on port 443",
        fault: "`listen 443` without `ssl`: the ClientHello is read as a request and answered by a 400.",
        references: &["RFC 8446 section 5.1", "RFC 9112 section 3"],
        play: |lab| {
            nginx::http(lab, 443, "server { listen 443; }")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/plaintext-http-reply/apache-pq",
        title: "Apache, plain HTTP on port 443, post-quantum ClientHello",
        fault: "`Listen 443` without `SSLEngine on`: the ClientHello, of two segments, is answered by a 400.",
        references: &["RFC 8446 section 5.1", "RFC 9112 section 3"],
        play: |lab| {
            apache::start(lab, 443, "")?;
            S2n { policy: TLS12_UP_PQ, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/plaintext-http-reply/node",
        title: "Node.js, plain HTTP on port 443",
        fault: "`http.createServer` where `https.createServer` was meant.",
        references: &["RFC 8446 section 5.1", "RFC 9112 section 3"],
        play: |lab| {
            node::start(lab, 443, "http.createServer((_, answer) => answer.end('hello')).listen(443, '0.0.0.0');")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-version/nginx-tls13-only",
        title: "nginx, TLS 1.3 only",
        fault: "`ssl_protocols TLSv1.3` against an edge under a policy from before 2025, which ends at TLS 1.2.",
        references: &["RFC 8446 section 4.2.1", ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3;")?;
            S2n { policy: TLS12_ONLY, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-version/haproxy-tls11-edge",
        title: "HAProxy, TLS 1.2 at least, against an old edge, IPv6",
        fault: "`ssl-min-ver TLSv1.2` against a load balancer that ends at TLS 1.1.",
        references: &["RFC 5246 appendix E.1", ALERTS_12],
        family: Family::V6,
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let bind = format!("bind :::443 ssl crt {} ssl-min-ver TLSv1.2", files.bundle.display());
            haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            let old = OpenSsl { lowest: SslVersion::TLS1, highest: SslVersion::TLS1_1, ..OpenSsl::DEFAULT };
            OpenSsl { ciphers: "DEFAULT@SECLEVEL=0", ..old }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-version/nginx-tls11-at-most",
        title: "nginx, TLS 1.1 at most",
        fault: "`ssl_protocols TLSv1 TLSv1.1` (OpenSSL at security level 0) against an edge that begins at TLS 1.2.",
        references: &["RFC 8446 section 4.2.1", ALERTS],
        play: |lab| tls11_at_most(lab, S2n::DEFAULT),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-version/nginx-tls11-server-hello",
        title: "nginx, TLS 1.1 at most: a ServerHello that was not offered",
        fault: "The same server against an edge under a policy from before 2025, whose ClientHello has no list of \
                versions: the server chooses TLS 1.1, which the edge does not accept.",
        also: &["tls.certificate-untrusted"],
        references: &["RFC 5246 appendix E.1"],
        play: |lab| tls11_at_most(lab, S2n { policy: TLS12_ONLY, ..S2n::DEFAULT }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-version/nginx-tls11-openssl-alert",
        title: "nginx, TLS 1.1 at most: the load balancer says protocol_version",
        fault: "The same server against a load balancer that has TLS 1.2 only, and answers the ServerHello by an alert.",
        also: &["tls.edge-alert"],
        references: &["RFC 5246 appendix E.1", ALERTS_12],
        peer: Peer::LoadBalancer,
        play: |lab| {
            tls11_server(lab)?;
            OpenSsl { highest: SslVersion::TLS1_2, ..OpenSsl::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-version/apache-tls12-edge-tls13-only",
        title: "Apache, TLS 1.2 at most, against an edge with TLS 1.3 alone",
        fault: "`SSLProtocol TLSv1.2` against an edge under a policy that begins at TLS 1.3.",
        references: &["RFC 8446 section 4.2.1", ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            apache::https(lab, &files, "SSLProtocol TLSv1.2")?;
            S2n { policy: TLS13_ONLY, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-version/nginx-ssl3-only-edge",
        title: "nginx against an edge with SSL 3.0 alone",
        fault: "The edge speaks SSL 3.0 and nothing else, as CloudFront does where SSLv3 is what the distribution has for \
                this origin.",
        references: &["RFC 6101 section 5.6.1.2", "RFC 7568", ALERTS_12],
        play: |lab| {
            let files = Leaf { key: Key::Rsa2048, ..Leaf::GOOD }.issue(lab)?;
            nginx::https(lab, &files, "")?;
            java::must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-cipher/caddy-hello-retry-ed25519",
        title: "Caddy, TLS 1.3 with HelloRetryRequest, an Ed25519 certificate",
        fault: "The server asks for its only group, P-384, and then finds no signature scheme for its key.",
        references: &["RFC 8446 section 4.2.3", "RFC 8446 section 4.1.4", ALERTS],
        play: |lab| {
            let files = Leaf { key: Key::Ed25519, ..Leaf::GOOD }.issue(lab)?;
            let tls =
                format!("tls {} {} {{\n        curves secp384r1\n    }}", files.chain.display(), files.key.display());
            caddy::start(lab, 443, &format!("https://origin.example.com {{\n    {tls}\n    respond hello\n}}"))?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-cipher/nginx-tls12",
        title: "nginx, TLS 1.2",
        fault: "The server offers only ECDHE with ChaCha20-Poly1305 under TLS 1.2, which the edge has only in TLS 1.3.",
        references: &["RFC 5246 section 7.4.1.3", ALERTS_12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305;")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-cipher/apache-tls12-dhe",
        title: "Apache, TLS 1.2 with DHE only",
        fault: "`SSLCipherSuite DHE+AESGCM` and no TLS 1.3: CloudFront's list has no DHE.",
        references: &["RFC 5246 section 7.4.1.3", ALERTS_12],
        play: |lab| {
            let files = Leaf { key: Key::Rsa2048, ..Leaf::GOOD }.issue(lab)?;
            apache::https(lab, &files, "SSLProtocol TLSv1.2\nSSLCipherSuite DHE+AESGCM")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-cipher/nginx-tls13-p521",
        title: "nginx, TLS 1.3, only the group P-521",
        fault: "`ssl_ecdh_curve secp521r1`: no group in common.",
        references: &["RFC 8446 section 4.2.7", NEGOTIATION, ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3; ssl_ecdh_curve secp521r1;")?;
            S2n { policy: TLS12_UP_PQ, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-cipher/nginx-tls13-ed25519",
        title: "nginx, TLS 1.3, an Ed25519 certificate",
        fault: "The only certificate has an Ed25519 key: no signature scheme in common.",
        references: &["RFC 8446 section 4.2.3", NEGOTIATION, ALERTS],
        play: |lab| {
            let files = Leaf { key: Key::Ed25519, ..Leaf::GOOD }.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3;")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-cipher/haproxy-tls12-p521-certificate-ipv6",
        title: "HAProxy, TLS 1.2, a P-521 certificate, IPv6",
        fault: "The only certificate has a P-521 key, a curve that the edge does not offer.",
        references: &["RFC 8422 section 5.1", ALERTS_12],
        family: Family::V6,
        play: |lab| {
            let files = Leaf { key: Key::P521, ..Leaf::GOOD }.issue(lab)?;
            let bind = format!("bind :::443 ssl crt {} ssl-max-ver TLSv1.2", files.bundle.display());
            haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-common-cipher/gnutls-tls12-p521",
        title: "GnuTLS, TLS 1.2, only the group P-521",
        fault: "The priority string leaves no group but secp521r1, and no key exchange but ECDHE.",
        references: &["RFC 5246 section 7.4.1.3", ALERTS_12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:-GROUP-ALL:+GROUP-SECP521R1";
            gnutls::start(lab, &files, priority, &[])?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unrecognized-name/nginx-reject-handshake",
        title: "nginx rejects unknown names",
        fault: "The default server has `ssl_reject_handshake on`, and no other server has the name.",
        references: &[NAME, ALERTS],
        play: |lab| {
            nginx::http(
                lab,
                443,
                "server { listen 443 ssl default_server; ssl_protocols TLSv1.3; ssl_reject_handshake on; }",
            )?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unrecognized-name/haproxy-strict-sni-tls12",
        title: "HAProxy with strict-sni, TLS 1.2",
        fault: "`bind ... strict-sni ssl-max-ver TLSv1.2`, and no certificate for the name.",
        references: &[NAME, ALERTS_12],
        play: |lab| {
            let files = Leaf { name: "www.example.org", ..Leaf::GOOD }.issue(lab)?;
            let bind = format!("bind :443 ssl crt {} strict-sni ssl-max-ver TLSv1.2", files.bundle.display());
            haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unrecognized-name/caddy",
        title: "Caddy without a certificate for the name",
        fault: "The only site is `www.example.org`; Caddy says internal_error to every other name.",
        also: &["tls.origin-alert"],
        references: &[NAME, ALERTS],
        play: |lab| {
            let files = Leaf { name: "www.example.org", ..Leaf::GOOD }.issue(lab)?;
            let tls = format!("tls {} {}", files.chain.display(), files.key.display());
            caddy::start(lab, 443, &format!("https://www.example.org {{\n    {tls}\n    respond hello\n}}"))?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unrecognized-name/nginx-certificate-by-name",
        title: "nginx takes the certificate's file by the name, and there is none",
        fault: "`ssl_certificate` has `$ssl_server_name` in it, and no such file: internal_error, as Caddy says.",
        also: &["tls.origin-alert"],
        references: &[NAME, ALERTS],
        play: |lab| {
            let files = Leaf { name: "www.example.org", ..Leaf::GOOD }.issue(lab)?;
            let file = files.chain.with_file_name("$ssl_server_name").display().to_string();
            let by_name = format!("ssl_certificate {file}.crt; ssl_certificate_key {file}.key;");
            nginx::http(lab, 443, &format!("server {{ listen 443 ssl; ssl_protocols TLSv1.3; {by_name} }}"))?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unrecognized-name/gnutls-warning",
        title: "GnuTLS warns of the unknown name",
        fault: "`--sni-hostname www.example.org` without `--sni-hostname-fatal`: a warning, which the edge takes for \
                fatal.",
        references: &[NAME, ALERTS],
        play: |lab| {
            let files = Leaf { name: "www.example.org", ..Leaf::GOOD }.issue(lab)?;
            gnutls::start(lab, &files, "NORMAL", &["--sni-hostname", "www.example.org"])?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
];

fn tls11_at_most(lab: &mut Lab, edge: S2n) -> Result<()> {
    tls11_server(lab)?;
    edge.must_fail(lab, 443)
}

fn tls11_server(lab: &mut Lab) -> Result<u32> {
    let files = Leaf { key: Key::Rsa2048, ..Leaf::GOOD }.issue(lab)?;
    nginx::https(lab, &files, "ssl_protocols TLSv1 TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;")
}
