//! `tls.*`: the handshake began, and the origin ends it: a client certificate, an alert, a crash.

use crate::certs::{Key, Leaf};
use crate::edge::openssl::OpenSsl;
use crate::edge::s2n::S2n;
use crate::edge::{Ending, Request};
use crate::lab::{Lab, Signal};
use crate::scenario::{Family, Peer, Scenario};
use crate::servers::{apache, gnutls, haproxy, nginx, node, openssl};
use ::openssl::ssl::SslVersion;
use anyhow::{Result, bail, ensure};
use std::time::Duration;

const ALERTS: &str = "RFC 8446 section 6.2";
const ALERTS_12: &str = "RFC 5246 section 7.2.2";
const CLIENT: &str = "RFC 8446 section 4.3.2";
const CLIENT_12: &str = "RFC 5246 section 7.4.4";
const RESET: &str = "RFC 9293 section 3.5.2";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/client-certificate-required/haproxy-tls12",
        title: "HAProxy, TLS 1.2",
        fault: "`verify required`: the edge's Certificate is empty, and HAProxy ends with handshake_failure.",
        references: &[CLIENT_12, ALERTS_12],
        play: |lab| {
            haproxy_verify(lab, ":443", "ssl-max-ver TLSv1.2")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/client-certificate-required/haproxy-tls13-ipv6",
        title: "HAProxy, TLS 1.3, IPv6",
        fault: "`verify required`: for the edge the handshake succeeds; HAProxy answers by an encrypted alert.",
        references: &[CLIENT, ALERTS],
        family: Family::V6,
        play: |lab| {
            haproxy_verify(lab, ":::443", "")?;
            refused_after_handshake(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/client-certificate-required/apache-tls13",
        title: "Apache, TLS 1.3",
        fault: "`SSLVerifyClient require`: for the edge the handshake succeeds; Apache answers by an encrypted alert.",
        references: &[CLIENT, ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let authority = files.chain.display();
            let verify = format!("SSLProtocol TLSv1.3\nSSLVerifyClient require\nSSLCACertificateFile {authority}");
            apache::https(lab, &files, &verify)?;
            refused_after_handshake(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/client-certificate-required/openssl-tls13",
        title: "openssl s_server, TLS 1.3",
        fault: "`-Verify 1`: for the edge the handshake succeeds; the server answers by an encrypted alert.",
        references: &[CLIENT, ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            openssl::start(lab, &files, &["-tls1_3", "-Verify", "1"])?;
            refused_after_handshake(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/client-certificate-required/node-tls13",
        title: "Node.js, TLS 1.3",
        fault: "`requestCert: true`: for the edge the handshake succeeds; Node ends the connection, without an alert.",
        references: &[CLIENT],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let options = format!("Object.assign({}, {{ requestCert: true }})", node::certificate(&files));
            let answer = "(_, answer) => answer.end('hello')";
            node::start(lab, 443, &format!("https.createServer({options}, {answer}).listen(443, '0.0.0.0');"))?;
            refused_after_handshake(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/client-certificate-required/gnutls-tls13",
        title: "GnuTLS, TLS 1.3",
        fault: "`--require-client-cert`: for the edge the handshake succeeds; the server answers by an encrypted alert.",
        references: &[CLIENT, ALERTS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            gnutls::start(lab, &files, "NORMAL:-VERS-ALL:+VERS-TLS1.3", &["--require-client-cert"])?;
            refused_after_handshake(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/client-certificate-required/openssl-tls12",
        title: "openssl s_server, TLS 1.2",
        fault: "`-Verify 1`: the edge's Certificate is empty, and the server ends with handshake_failure.",
        references: &[CLIENT_12, ALERTS_12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            openssl::start(lab, &files, &["-tls1_2", "-Verify", "1"])?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/client-certificate-required/nginx-tls12-told-in-http",
        title: "nginx, TLS 1.2, says so by a 400",
        fault: "`ssl_verify_client on`: the handshake succeeds, and nginx answers the request by a 400, which only \
                `keys.log` shows.",
        references: &[CLIENT_12, "RFC 9110 section 15.5.1"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let verify = format!("ssl_verify_client on; ssl_client_certificate {};", files.chain.display());
            nginx::https(lab, &files, &format!("ssl_protocols TLSv1.2; {verify}"))?;
            let outcome = OpenSsl { keys: true, ..OpenSsl::DEFAULT }.connect(lab, 443)?;
            let mut session = outcome.map_err(anyhow::Error::msg)?;
            session.send(&Request::get("/").to_bytes())?;
            let answer = session.read_some()?;
            ensure!(answer.starts_with(b"HTTP/1.1 400"), "nginx answers something else");
            session.end(Ending::CloseNotify)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/origin-alert/nginx-inappropriate-fallback",
        title: "nginx, a load balancer that tries again with TLS 1.2",
        fault: "The load balancer says that it has fallen back to TLS 1.2 (TLS_FALLBACK_SCSV), to a server that has \
                TLS 1.3: inappropriate_fallback.",
        references: &["RFC 7507 section 3", ALERTS_12],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2 TLSv1.3;")?;
            fallen_back(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/origin-alert/gnutls-inappropriate-fallback-ipv6",
        title: "GnuTLS, a load balancer that tries again with TLS 1.2, IPv6",
        fault: "The load balancer says that it has fallen back to TLS 1.2 (TLS_FALLBACK_SCSV), to a server that has \
                TLS 1.3: inappropriate_fallback.",
        references: &["RFC 7507 section 3", ALERTS_12],
        family: Family::V6,
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            gnutls::start(lab, &files, "NORMAL", &[])?;
            fallen_back(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/edge-alert/openssl-weak-dh-tls12",
        title: "a load balancer refuses the server's Diffie-Hellman group, TLS 1.2",
        fault: "The server has DHE with 1024 bits only (`ssl_dhparam` of old); the load balancer asks for 2048.",
        references: &["RFC 7919 section 1", ALERTS_12],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf { key: Key::Rsa2048, ..Leaf::GOOD }.issue(lab)?;
            let group = lab.write("dh.pem", DH_1024)?;
            let weak = "ssl_protocols TLSv1.2; ssl_ciphers DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0;";
            nginx::https(lab, &files, &format!("{weak} ssl_dhparam {};", group.display()))?;
            OpenSsl::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/closed-in-handshake/node-session-store-tls12",
        title: "Node.js gives up on its session store, TLS 1.2",
        fault: "The handler of `newSession` finds its store gone and ends the connection: the edge's Finished is never \
                answered.",
        references: &["RFC 5246 section 7.4.9", "RFC 5246 section 7.2.1"],
        play: |lab| {
            new_session(lab, "socket.end()")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/reset-in-handshake/node-session-store-tls12",
        title: "Node.js resets over its session store, TLS 1.2",
        fault: "The handler of `newSession` finds its store gone and resets the connection: the edge's Finished is \
                never answered.",
        references: &["RFC 5246 section 7.4.9", RESET],
        play: |lab| {
            new_session(lab, "socket.resetAndDestroy()")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/reset-in-handshake/openssl-killed-tls12",
        title: "the server is killed after its flight, TLS 1.2",
        fault: "The process is stopped after its ServerHello and killed (SIGKILL, as by the kernel when memory runs \
                out) while the edge's second flight waits to be read.",
        references: &["RFC 5246 section 7.3", RESET],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let id = openssl::start(lab, &files, &["-tls1_2"])?;
            const STEP: Duration = Duration::from_millis(200);
            let signals = lab.signal_later(id, vec![(STEP, Signal::STOP), (STEP.saturating_mul(2), Signal::KILL)]);
            S2n { after_flight: STEP.saturating_mul(2), ..S2n::DEFAULT }.must_fail(lab, 443)?;
            signals.join().unwrap_or(Ok(()))
        },
        ..Scenario::BLANK
    },
];

/// HAProxy that wants a client certificate of the same authority as its own.
fn haproxy_verify(lab: &mut Lab, address: &str, options: &str) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    let (bundle, authority) = (files.bundle.display(), files.chain.display());
    let bind = format!("bind {address} ssl crt {bundle} ca-file {authority} verify required {options}");
    haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n")).map(drop)
}

/// In TLS 1.3 the edge has finished before it hears that it lacks a certificate.
fn refused_after_handshake(lab: &mut Lab) -> Result<()> {
    let mut session = match S2n::DEFAULT.connect(lab, 443)? {
        Ok(session) => session,
        Err(_refused_already) => return Ok(()),
    };
    // The origin may have closed by now.
    let _ = session.send(&Request::get("/").to_bytes());
    if !session.read_some().is_empty() {
        bail!("the origin answers without a client certificate");
    }
    session.end(Ending::Drop)
}

/// A load balancer whose first attempt, with TLS 1.3, is taken to have failed.
fn fallen_back(lab: &mut Lab) -> Result<()> {
    OpenSsl { highest: SslVersion::TLS1_2, fallback: true, ..OpenSsl::DEFAULT }.must_fail(lab, 443)
}

/// Node.js, TLS 1.2, whose store of sessions fails: what is done about it has the TCP connection as `socket`.
fn new_session(lab: &mut Lab, then: &str) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    let (cert, key) = (files.chain.display(), files.key.display());
    let options = format!(
        "{{cert: fs.readFileSync('{cert}'), key: fs.readFileSync('{key}'), maxVersion: 'TLSv1.2', \
         secureOptions: require('crypto').constants.SSL_OP_NO_TICKET}}"
    );
    let script = format!(
        "let socket; https.createServer({options}).on('connection', s => {{ socket = s; }})\n\
         .on('newSession', () => {{ {then}; }}).listen(443, '0.0.0.0');"
    );
    node::start(lab, 443, &script).map(drop)
}

/// The 1024-bit MODP group of RFC 2409 (Oakley group 2), which old guides had their readers generate the like of.
const DH_1024: &str = "-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
";
