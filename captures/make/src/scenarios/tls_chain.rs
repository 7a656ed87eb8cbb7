//! `tls.certificate-*` in TLS 1.2, where the certificate can be seen: each fault by itself, for an edge that trusts the
//! lab's root, which lies beside the capture as `ca.pem`.

use super::tls_certificate::openssl;
use super::tls_foreign::change;
use crate::certs::{Authority, Below, Files, Key, Leaf};
use crate::edge::Ending;
use crate::edge::http::Http;
use crate::edge::openssl::OpenSsl;
use crate::edge::s2n::S2n;
use crate::lab::Lab;
use crate::scenario::{Family, Over, Peer, Scenario};
use crate::servers::{apache, haproxy, nginx};
use anyhow::{Result, anyhow};
use std::time::Duration;

const CERTIFICATE: &str = "RFC 5246 section 7.4.2";
const VALIDITY: &str = "RFC 5280 section 4.1.2.5";
const PATH: &str = "RFC 5280 section 6";
const NAMES: &str = "RFC 9525 section 6";
/// s2n's delay before the close_notify is 30 s at most.
const BLINDING: Over = Over::Closed(Duration::from_secs(45));
/// Lets OpenSSL load what it would refuse.
const WEAK: &str = "ssl_ciphers DEFAULT@SECLEVEL=0;";
/// What is found besides where the lab's root is not trusted.
const UNTRUSTED: &[&str] = &["tls.certificate-untrusted"];

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/certificate-expired/nginx-tls12-rst",
        title: "nginx, TLS 1.2",
        fault: "The certificate expired yesterday; the edge closes the socket with the rest of the flight unread.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, VALIDITY],
        play: |lab| with_nginx(lab, Leaf { not_after: -1, ..Leaf::GOOD }, Ending::Drop),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-expired/haproxy-tls12-gives-up-first-ipv6",
        title: "HAProxy, TLS 1.2, the origin gives up while the edge is silent, IPv6",
        fault: "The certificate expired ten days ago; the edge keeps still before its close_notify, and the origin's own \
                limit of 3 s for the handshake comes first.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, VALIDITY],
        family: Family::V6,
        over: BLINDING,
        play: |lab| {
            let files = Leaf { not_after: -10, ..Leaf::GOOD }.issue(lab)?;
            keep_root(lab)?;
            let ssl = format!("ssl crt {} ssl-max-ver TLSv1.2", files.bundle.display());
            let bind = format!("bind :::443 {ssl}\n    timeout client 3s");
            haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            S2n { on_failure: Ending::CloseNotify, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-not-yet-valid/nginx-tls12-rst",
        title: "nginx, TLS 1.2",
        fault: "The certificate is valid from the day after tomorrow on.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, VALIDITY],
        play: |lab| with_nginx(lab, Leaf { not_before: 2, ..Leaf::GOOD }, Ending::Drop),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-not-yet-valid/apache-tls12-fin",
        title: "Apache, TLS 1.2, the edge ends by FIN",
        fault: "The certificate is valid from next month on.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, VALIDITY],
        play: |lab| with_apache(lab, Leaf { not_before: 30, ..Leaf::GOOD }, Ending::Fin),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-name-mismatch/nginx-tls12-fin",
        title: "nginx, TLS 1.2, the edge ends by FIN",
        fault: "The certificate is for another name; the edge does `shutdown(SHUT_WR)`.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, NAMES],
        play: |lab| with_nginx(lab, Leaf { name: "www.example.org", ..Leaf::GOOD }, Ending::Fin),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-name-mismatch/apache-tls12-wildcard-of-two-labels",
        title: "Apache, TLS 1.2, a wildcard for a label too few",
        fault: "The certificate is for `*.com`, which stands for one label and not for two.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, "RFC 9525 section 6.3"],
        play: |lab| with_apache(lab, Leaf { name: "*.com", ..Leaf::GOOD }, Ending::Drop),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-self-signed/nginx-tls12-openssl-unknown-ca",
        title: "nginx, TLS 1.2, a load balancer that says unknown_ca",
        fault: "The certificate is signed by itself; OpenSSL says so by an alert in clear.",
        references: &[CERTIFICATE, "RFC 5246 section 7.2.2"],
        peer: Peer::LoadBalancer,
        play: |lab| openssl(lab, "ssl_protocols TLSv1.2;"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-self-signed/nginx-tls12-close-notify",
        title: "nginx, TLS 1.2, close_notify after the blinding delay",
        fault: "The certificate is signed by itself; the edge ends by s2n_shutdown, 10 to 30 s later.",
        references: &[CERTIFICATE, PATH],
        over: BLINDING,
        play: |lab| {
            let files = Leaf::GOOD.self_signed(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            S2n { on_failure: Ending::CloseNotify, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-self-signed/nginx-tls12-accepted-before",
        title: "nginx, TLS 1.2, the same peer accepts it on another connection",
        fault: "The certificate is signed by itself. A client at the peer's address that checks nothing accepts it; one that \
                does closes the socket with the rest of the flight unread. The capture cannot tell them apart.",
        references: &[CERTIFICATE, PATH],
        peer: Peer::LoadBalancer,
        play: |lab| accepted_before(lab, "ssl_protocols TLSv1.2;"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-untrusted/nginx-tls12-private-ca",
        title: "nginx, TLS 1.2",
        fault: "The certificate is signed by a private CA whose root the edge does not know.",
        references: &[CERTIFICATE, PATH],
        play: |lab| {
            let files = Leaf::GOOD.issue_by(&Authority::new("Private")?, lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-untrusted/apache-tls12-fin",
        title: "Apache, TLS 1.2, the edge ends by FIN",
        fault: "The certificate is signed by a private CA whose root the edge does not know.",
        references: &[CERTIFICATE, PATH],
        play: |lab| {
            let files = Leaf::GOOD.issue_by(&Authority::new("Private")?, lab)?;
            apache::https(lab, &files, "SSLProtocol TLSv1.2")?;
            S2n { on_failure: Ending::Fin, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-chain-incomplete/nginx-tls12-rst",
        title: "nginx, TLS 1.2",
        fault: "The intermediate is not sent.",
        references: &[CERTIFICATE, PATH],
        play: |lab| with_nginx(lab, Leaf { with_intermediate: false, ..Leaf::GOOD }, Ending::Drop),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-chain-incomplete/apache-tls12-fin",
        title: "Apache, TLS 1.2, the edge ends by FIN",
        fault: "The intermediate is not sent.",
        references: &[CERTIFICATE, PATH],
        play: |lab| with_apache(lab, Leaf { with_intermediate: false, ..Leaf::GOOD }, Ending::Fin),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-purpose/nginx-tls12-client-certificate",
        title: "nginx, TLS 1.2",
        fault: "The certificate's extended key usage is clientAuth alone.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, "RFC 5280 section 4.2.1.12"],
        play: |lab| with_nginx(lab, Leaf { for_clients: true, ..Leaf::GOOD }, Ending::Drop),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-purpose/apache-tls12-fin",
        title: "Apache, TLS 1.2, the edge ends by FIN",
        fault: "The certificate's extended key usage is clientAuth alone.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, "RFC 5280 section 4.2.1.12"],
        play: |lab| with_apache(lab, Leaf { for_clients: true, ..Leaf::GOOD }, Ending::Fin),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-chain-invalid/nginx-tls12-leaf-as-issuer",
        title: "nginx, TLS 1.2, an issuer that is no authority",
        fault: "The certificate is signed by another server's, which has no basicConstraints.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, "RFC 5280 section 4.2.1.9"],
        play: |lab| {
            let server = [Below { name: "www.example.com", is_authority: false }];
            refused(lab, |lab| Leaf::GOOD.issue_below(lab, &server, |sent| sent))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-chain-invalid/nginx-tls12-nine-authorities",
        title: "nginx, TLS 1.2, a chain that is too deep",
        fault: "Between the certificate and the root are nine authorities.",
        also: UNTRUSTED,
        references: &[CERTIFICATE, PATH],
        play: |lab| {
            let names = ["A", "B", "C", "D", "E", "F", "G", "H"];
            let authorities = names.map(|name| Below { name, is_authority: true });
            refused(lab, |lab| Leaf::GOOD.issue_below(lab, &authorities, |sent| sent))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-malformed/nftables-changes-certificate",
        title: "nginx, TLS 1.2, a rule that changes bytes on the way",
        fault: "nftables on the origin overwrites the first byte of nginx's certificate, so that it is no sequence.",
        references: &[CERTIFICATE, "RFC 5280 section 4.1"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            // ServerHello with its record (102 bytes), record (5), message (4), list (3), length (3): then the tag.
            change(lab, "tcp sport 443 @th,256,8 0x16 @th,296,8 0x02 @th,1192,8 set 0x31")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-chain-order/nginx-tls12",
        title: "nginx, TLS 1.2, accepted",
        fault: "Of two intermediates the upper one is sent first. The edge accepts it.",
        references: &[CERTIFICATE],
        play: |lab| {
            let lower = [Below { name: "Example Lower CA", is_authority: true }];
            let files = Leaf::GOOD.issue_below(lab, &lower, |sent| sent.into_iter().rev().collect())?;
            accepted(lab, &files, "")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-weak/nginx-tls12-rsa-1024",
        title: "nginx, TLS 1.2, accepted",
        fault: "The key is RSA of 1024 bits. The edge accepts it.",
        references: &[CERTIFICATE],
        play: |lab| {
            let files = Leaf { key: Key::Rsa1024, ..Leaf::GOOD }.issue(lab)?;
            accepted(lab, &files, WEAK)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-weak/nginx-tls12-sha1",
        title: "nginx, TLS 1.2, accepted",
        fault: "The certificate is signed with SHA-1. The edge accepts it.",
        references: &[CERTIFICATE, "RFC 9155"],
        play: |lab| {
            let files = Leaf { sha1: true, ..Leaf::GOOD }.issue(lab)?;
            accepted(lab, &files, WEAK)
        },
        ..Scenario::BLANK
    },
];

/// The root that the edge trusts, beside the capture.
pub(super) fn keep_root(lab: &mut Lab) -> Result<()> {
    let root = lab.authority()?.root_pem()?;
    lab.keep_file("ca.pem", root);
    Ok(())
}

fn with_nginx(lab: &mut Lab, leaf: Leaf, on_failure: Ending) -> Result<()> {
    let files = leaf.issue(lab)?;
    keep_root(lab)?;
    nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
    S2n { on_failure, ..S2n::DEFAULT }.must_fail(lab, 443)
}

fn with_apache(lab: &mut Lab, leaf: Leaf, on_failure: Ending) -> Result<()> {
    let files = leaf.issue(lab)?;
    keep_root(lab)?;
    apache::https(lab, &files, "SSLProtocol TLSv1.2")?;
    S2n { on_failure, ..S2n::DEFAULT }.must_fail(lab, 443)
}

fn refused(lab: &mut Lab, issue: impl FnOnce(&mut Lab) -> Result<Files>) -> Result<()> {
    let files = issue(lab)?;
    keep_root(lab)?;
    nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
    S2n::DEFAULT.must_fail(lab, 443)
}

/// One connection that accepts a certificate which is signed by itself, and one that does not.
pub(super) fn accepted_before(lab: &mut Lab, directives: &str) -> Result<()> {
    let files = Leaf::GOOD.self_signed(lab)?;
    nginx::https(lab, &files, directives)?;
    let careless = OpenSsl { verify: false, ..OpenSsl::DEFAULT };
    let session = careless.connect(lab, 443)?.map_err(|error| anyhow!(error))?;
    let mut http = Http::over(session);
    http.get("/", 200)?;
    http.end(Ending::CloseNotify)?;
    let careless = lab.notes().edge.unwrap_or_default();
    S2n::DEFAULT.must_fail(lab, 443)?;
    let edge = lab.notes().edge.unwrap_or_default();
    lab.note_edge(format!("{careless}, without a look at the certificate, and then {edge}"));
    Ok(())
}

fn accepted(lab: &mut Lab, files: &Files, directives: &str) -> Result<()> {
    keep_root(lab)?;
    nginx::https(lab, files, &format!("ssl_protocols TLSv1.2; {directives}"))?;
    let mut http = Http::tls_by(lab, &S2n::DEFAULT)?;
    http.get("/", 200)?;
    http.end(Ending::CloseNotify)
}
