//! `tls.*`: the handshake.

use crate::certs::Leaf;
use crate::edge::s2n::S2n;
use crate::scenario::Scenario;
use crate::servers::nginx;

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/no-common-cipher/nginx-tls12",
        title: "nginx, TLS 1.2",
        fault: "The server offers only ECDHE with ChaCha20-Poly1305 under TLS 1.2, which the edge has only in TLS 1.3.",
        references: &["RFC 5246 section 7.4.1.3", "RFC 5246 section 7.2.2"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305;")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/certificate-rejected/nginx-tls13-rst",
        title: "nginx, TLS 1.3, the edge drops the socket",
        fault: "The certificate is signed by itself; the edge closes the socket with the rest of the flight unread.",
        references: &["RFC 8446 section 4.4.2.4", "RFC 9293 section 3.6.1"],
        play: |lab| {
            let files = Leaf::GOOD.self_signed(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3;")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
];
