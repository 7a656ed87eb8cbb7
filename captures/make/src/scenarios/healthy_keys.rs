//! What is in order inside of TLS: one exchange after the other, under every suite that can be decrypted.

use crate::certs::{Key, Leaf};
use crate::edge::http::Line as _;
use crate::edge::openssl::OpenSsl;
use crate::edge::s2n::S2n;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::{Peer, Scenario};
use crate::servers::{nginx, node};
use anyhow::{Error, Result, ensure};
use openssl::ssl::SslVersion;

const KEY_LOG: &str = "draft-ietf-tls-keylogfile";

/// What the two ends agree on.
struct Ends {
    ciphers: &'static str,
    suites: &'static str,
    highest: SslVersion,
    encrypt_then_mac: bool,
    key: Key,
    nginx: &'static str,
}

const TLS13: Ends = Ends {
    ciphers: "DEFAULT",
    suites: "",
    highest: SslVersion::TLS1_3,
    encrypt_then_mac: true,
    key: Key::P256,
    nginx: "",
};

const TLS12: Ends = Ends { highest: SslVersion::TLS1_2, ..TLS13 };

/// Two exchanges, then a close_notify.
fn exchanges(lab: &mut Lab, ends: &Ends) -> Result<()> {
    let files = Leaf { key: ends.key, ..Leaf::GOOD }.issue(lab)?;
    let further = ends.nginx;
    let versions = "ssl_protocols TLSv1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;";
    nginx::https(lab, &files, &format!("{versions} {further}"))?;
    let edge = OpenSsl {
        keys: true,
        lowest: SslVersion::TLS1,
        highest: ends.highest,
        ciphers: ends.ciphers,
        suites: ends.suites,
        encrypt_then_mac: ends.encrypt_then_mac,
        ..OpenSsl::DEFAULT
    };
    let mut session = edge.connect(lab, 443)?.map_err(Error::msg)?;
    for target in ["/hello", "/hello?page=2"] {
        session.send(&Request::get(target).to_bytes())?;
        let answer = session.read_some()?;
        ensure!(answer.starts_with(b"HTTP/1.1 200"), "nginx answers something else");
    }
    session.end(Ending::CloseNotify)
}

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "healthy/close-notify-then-reset-keys",
        title: "a body that lasts until the close, TLS 1.3, a reset after the close_notify",
        fault: "None. A server written for this ends the body by its close_notify, and resets the connection 100 ms later \
                because its edge has not closed yet. `keys.log` is Node's (`--tls-keylog`).",
        references: &["RFC 8446 section 6.1", "RFC 9112 section 9.8"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!(
                "let tcp; const server = tls.createServer({}, socket => socket.once('data', () => {{\n\
                 socket.end('HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nhello');\n\
                 setTimeout(() => tcp._handle.reset(() => {{}}), 100); }}));\n\
                 server.on('connection', socket => {{ tcp = socket; }}).listen(443);",
                node::certificate(&files)
            );
            node::start(lab, 443, &server)?;
            let mut session = S2n { keys: true, ..S2n::DEFAULT }.connect(lab, 443)??;
            session.send(&Request::get("/hello").to_bytes())?;
            ensure!(session.receive()?.starts_with(b"HTTP/1.1 200"), "the server answers something else");
            std::thread::sleep(std::time::Duration::from_millis(300));
            session.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls13-aes128-gcm",
        title: "TLS 1.3, AES-128-GCM, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { suites: "TLS_AES_128_GCM_SHA256", ..TLS13 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls13-aes256-gcm-retry",
        title: "TLS 1.3, AES-256-GCM, after a HelloRetryRequest, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| {
            exchanges(lab, &Ends { suites: "TLS_AES_256_GCM_SHA384", nginx: "ssl_ecdh_curve secp384r1;", ..TLS13 })
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls13-chacha20",
        title: "TLS 1.3, ChaCha20-Poly1305, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { suites: "TLS_CHACHA20_POLY1305_SHA256", ..TLS13 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls12-aes128-gcm",
        title: "TLS 1.2, AES-128-GCM, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256", ..TLS12 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls12-aes256-gcm",
        title: "TLS 1.2, AES-256-GCM, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384", ..TLS12 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls12-chacha20",
        title: "TLS 1.2, ChaCha20-Poly1305, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305", ..TLS12 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls12-aes128-sha",
        title: "TLS 1.2, AES-128-CBC, MAC then encrypt, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { ciphers: "ECDHE-ECDSA-AES128-SHA", encrypt_then_mac: false, ..TLS12 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls12-aes256-sha-encrypt-then-mac",
        title: "TLS 1.2, AES-256-CBC, encrypt then MAC, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { ciphers: "ECDHE-ECDSA-AES256-SHA", ..TLS12 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls12-aes128-sha256",
        title: "TLS 1.2, AES-128-CBC with SHA-256, MAC then encrypt, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { ciphers: "ECDHE-ECDSA-AES128-SHA256", encrypt_then_mac: false, ..TLS12 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls12-aes256-sha384-encrypt-then-mac",
        title: "TLS 1.2, AES-256-CBC with SHA-384, encrypt then MAC, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { ciphers: "ECDHE-ECDSA-AES256-SHA384", ..TLS12 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls12-rsa-aes128-sha",
        title: "TLS 1.2, RSA key exchange, AES-128-CBC, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| exchanges(lab, &Ends { ciphers: "AES128-SHA", key: Key::Rsa2048, ..TLS12 }),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keys-tls10-aes256-sha",
        title: "TLS 1.0, AES-256-CBC, with keys",
        fault: "None. `keys.log` opens both directions.",
        references: &[KEY_LOG],
        peer: Peer::LoadBalancer,
        play: |lab| {
            exchanges(
                lab,
                &Ends {
                    ciphers: "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0",
                    encrypt_then_mac: false,
                    highest: SslVersion::TLS1,
                    ..TLS12
                },
            )
        },
        ..Scenario::BLANK
    },
];
