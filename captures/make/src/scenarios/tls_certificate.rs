//! `tls.certificate-rejected`: the edge refuses what the origin shows, and it cannot be seen. s2n sends no alert that says so, OpenSSL does.

use super::tls_chain::accepted_before;
use crate::certs::Leaf;
use crate::edge::Ending;
use crate::edge::gnutls;
use crate::edge::openssl::OpenSsl;
use crate::edge::s2n::{S2n, TLS12_UP_PQ};
use crate::lab::Lab;
use crate::scenario::{Family, Over, Peer, Scenario};
use crate::servers::{apache, haproxy, nginx};
use anyhow::Result;
use std::time::Duration;

/// s2n's delay before the close_notify is 30 s at most.
const BLINDING: Over = Over::Closed(Duration::from_secs(45));
const CERTIFICATE: &str = "RFC 8446 section 4.4.2.4";
const VALIDITY: &str = "RFC 5280 section 4.1.2.5";
const PATH: &str = "RFC 5280 section 6";
const NAMES: &str = "RFC 9525 section 6";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/certificate-rejected/nginx-tls13-rst",
        title: "nginx, TLS 1.3, the edge drops the socket",
        fault: "The certificate is signed by itself; the edge closes the socket with the rest of the flight unread.",
        references: &[CERTIFICATE, "RFC 9293 section 3.6.1"],
        play: |lab| {
            let files = Leaf::GOOD.self_signed(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3;")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-rejected/nginx-tls13-accepted-before",
        title: "nginx, TLS 1.3, the same peer accepts the certificate on another connection",
        fault: "The certificate is signed by itself. A client at the peer's address that checks nothing accepts it; one that \
                does closes the socket with the rest of the flight unread. The capture cannot tell them apart.",
        references: &[CERTIFICATE, "RFC 9293 section 3.6.1"],
        peer: Peer::LoadBalancer,
        play: |lab| accepted_before(lab, "ssl_protocols TLSv1.3;"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-rejected/apache-tls13-fin",
        title: "Apache, TLS 1.3, the edge ends by FIN",
        fault: "The certificate expired yesterday; the edge does `shutdown(SHUT_WR)`.",
        references: &[CERTIFICATE, VALIDITY],
        play: |lab| {
            let files = Leaf { not_after: -1, ..Leaf::GOOD }.issue(lab)?;
            apache::https(lab, &files, "")?;
            S2n { on_failure: Ending::Fin, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-rejected/nginx-tls13-hello-retry-close-notify-pq",
        title: "nginx, TLS 1.3 with HelloRetryRequest, close_notify in clear after the blinding delay",
        fault: "The certificate is for another name; the edge ends by s2n_shutdown, 10 to 30 s later. Its ClientHello is \
                post-quantum; the server has only P-384 and asks for another.",
        references: &[CERTIFICATE, NAMES, "RFC 8446 section 6.1", "RFC 8446 section 4.1.4"],
        over: BLINDING,
        play: |lab| {
            let files = Leaf { name: "www.example.org", ..Leaf::GOOD }.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3; ssl_ecdh_curve secp384r1;")?;
            S2n { on_failure: Ending::CloseNotify, policy: TLS12_UP_PQ, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-rejected/haproxy-tls13-gives-up-first-ipv6",
        title: "HAProxy, TLS 1.3, the origin gives up while the edge is silent, IPv6",
        fault: "The intermediate is missing; the edge keeps still before its close_notify, and the origin's own limit \
                of 3 s for the handshake comes first.",
        references: &[CERTIFICATE, PATH],
        family: Family::V6,
        over: BLINDING,
        play: |lab| {
            let files = Leaf { with_intermediate: false, ..Leaf::GOOD }.issue(lab)?;
            let bind = format!("bind :::443 ssl crt {}\n    timeout client 3s", files.bundle.display());
            haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            S2n { on_failure: Ending::CloseNotify, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-rejected/nginx-tls13-openssl-unknown-ca",
        title: "nginx, TLS 1.3, a load balancer that says unknown_ca",
        fault: "The certificate is signed by itself; OpenSSL says so by an alert in clear even in TLS 1.3, because it \
                has not sent anything encrypted before.",
        also: &["tls.edge-alert"],
        references: &[CERTIFICATE, "RFC 8446 section 6.2"],
        peer: Peer::LoadBalancer,
        play: |lab| openssl(lab, "ssl_protocols TLSv1.3;"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-rejected/nginx-tls13-gnutls-encrypted-alert",
        title: "nginx, TLS 1.3, a load balancer whose alert is encrypted",
        fault: "The certificate is signed by itself; GnuTLS ends with an alert that only the origin can read.",
        references: &[CERTIFICATE, "RFC 8446 section 6.2"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.self_signed(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3;")?;
            gnutls::must_fail(lab, 443, "NORMAL")
        },
        ..Scenario::BLANK
    },
];

pub(super) fn openssl(lab: &mut Lab, directives: &str) -> Result<()> {
    let files = Leaf::GOOD.self_signed(lab)?;
    nginx::https(lab, &files, directives)?;
    OpenSsl::DEFAULT.must_fail(lab, 443)
}
