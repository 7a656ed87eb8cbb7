//! `tls.*`: the origin does not speak TLS, not only TLS, or not the protocol that the edge wants inside of it.

use crate::certs::Leaf;
use crate::edge::openssl::OpenSsl;
use crate::edge::s2n::{S2n, TLS12_UP_PQ};
use crate::edge::{Ending, Request};
use crate::lab::{Lab, version};
use crate::scenario::{Family, Peer, Scenario};
use crate::servers::{dropbear, gnutls, haproxy, nginx, node, openssl, redis};
use anyhow::{Result, ensure};
use std::time::Duration;

const RECORDS: &str = "RFC 8446 section 5.1";
const ALPN: &str = "RFC 7301 section 3.2";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/not-tls-reply/dropbear",
        title: "an SSH server on port 443, which speaks first",
        fault: "The origin's port is that of an SSH server, whose banner comes before the ClientHello.",
        references: &[RECORDS, "RFC 4253 section 4.2"],
        play: |lab| {
            dropbear::start(lab, 443)?;
            S2n { before_hello: Duration::from_millis(100), ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/not-tls-reply/redis-protected-mode",
        title: "Redis on port 443, in protected mode",
        fault: "Redis, without a password and open to all addresses, refuses every stranger in words and closes, before it has \
                read the ClientHello.",
        references: &[RECORDS],
        play: |lab| {
            redis::protected(lab, 443)?;
            S2n { policy: TLS12_UP_PQ, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/not-tls-reply/python-smtpd",
        title: "a mail server on port 443",
        fault: "Python's `smtpd` greets, as every mail server does.",
        references: &[RECORDS, "RFC 5321 section 4.2"],
        play: |lab| {
            lab.note_server(format!("smtpd of {}", version("/usr/bin/python3", "--version", "Python")?));
            let mut command = lab.origin_command("/usr/bin/python3");
            command.args(["-W", "ignore", "-m", "smtpd", "-n", "0.0.0.0:443"]);
            lab.serve(command, 443)?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/not-tls-reply/nginx-http2-in-clear-ipv6",
        title: "nginx, HTTP/2 without TLS, IPv6",
        fault: "`listen 443 http2` without `ssl`: nginx answers the ClientHello by SETTINGS and GOAWAY.",
        references: &[RECORDS, "RFC 9113 section 3.4"],
        family: Family::V6,
        play: |lab| {
            nginx::http(lab, 443, "server { listen [::]:443 http2; }")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/not-tls-reply/haproxy-tcp-to-ssh",
        title: "HAProxy, TCP mode, with an SSH server behind it",
        fault: "`mode tcp` on port 443 and the wrong port in the `server` line: that of SSH.",
        references: &[RECORDS, "RFC 4253 section 4.2"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            dropbear::start(lab, 2222)?;
            let sections = "listen l\n    mode tcp\n    bind :443\n    server s 127.0.0.1:2222\n";
            haproxy::start(lab, 443, sections)?;
            OpenSsl::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/malformed-record/nftables-changes-length-tls12",
        title: "a rule that changes bytes on the way",
        fault: "nftables on the origin overwrites two bytes in the header of the record with nginx's ServerHello, as a \
                faulty middlebox does: the record claims 65,281 bytes.",
        references: &[RECORDS, "RFC 5246 section 6.2.1"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            // TCP's header has 32 bytes; then the record: type, version, length, and the message's type.
            change(lab, "tcp sport 443 @th,256,8 0x16 @th,296,8 0x02 @th,280,16 set 0xff01")?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/malformed-record/nftables-changes-message-tls12",
        title: "a rule that changes bytes on the way, within a message",
        fault: "nftables on the origin overwrites the length of the session id in nginx's ServerHello: the message says \
                that it is longer than it is.",
        references: &["RFC 5246 section 7.4.1.3"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            // Record (5), message (4), version (2), random (32): then the length, 16 bits at an even place.
            change(lab, "tcp sport 443 @th,256,8 0x16 @th,296,8 0x02 @th,600,8 set 0xfe")?;
            OpenSsl::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/malformed-record/node-block-page-in-handshake",
        title: "a filter writes its page into the handshake",
        fault: "A proxy that filters passes on the first record of nginx's flight, then writes a page of its own in clear \
                and closes. (No filter was at hand that does so on demand: the proxy is a few lines of Node.js.)",
        references: &[RECORDS],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!("server {{ listen 8443 ssl; {} }}", nginx::certificate(&files));
            nginx::http(lab, 8443, &server)?;
            let filter = "net.createServer(edge => { edge.on('error', () => {});\n\
                          const origin = net.connect(8443, '127.0.0.1'); edge.pipe(origin);\n\
                          origin.on('error', () => {}).once('data', flight => {\n\
                          const records = 5 + flight.readUInt16BE(3); edge.write(flight.subarray(0, records));\n\
                          edge.end('HTTP/1.1 403 Forbidden\\r\\nContent-Type: text/html\\r\\nConnection: close\\r\\n\\r\\n' +\n\
                          '<html><body>This site is blocked.</body></html>'); origin.destroy(); }); }).listen(443, '0.0.0.0');";
            node::start(lab, 443, filter)?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/malformed-record/node-writes-beside-tls-ipv6",
        title: "a program writes to its socket beside TLS, IPv6",
        fault: "The handler of a request writes a line in clear to the TCP socket below TLS, in place of the response.",
        references: &[RECORDS],
        family: Family::V6,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let beside = "request => raw.write('worker 3: out of memory, see /var/log/app.log\\n')";
            let options = format!("Object.assign({}, {{ maxVersion: 'TLSv1.2' }})", node::certificate(&files));
            let script = format!(
                "let raw; https.createServer({options}, {beside}).on('connection', s => {{ raw = s; }}).listen(443, '::');"
            );
            node::start(lab, 443, &script)?;
            let mut session = S2n::DEFAULT.connect(lab, 443)?.map_err(anyhow::Error::from)?;
            session.send(&Request::get("/").to_bytes())?;
            ensure!(session.read_some().is_empty(), "that was a response");
            session.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-application-protocol/nginx-http1-only",
        title: "nginx without HTTP/2, an edge that wants gRPC",
        fault: "The edge offers `h2` alone, as for gRPC; `listen 443 ssl` has no `http2`.",
        references: &[ALPN, "RFC 9113 section 3.3"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            S2n { alpn: &["h2"], ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-application-protocol/gnutls-http1-only-tls12-ipv6",
        title: "GnuTLS without HTTP/2, TLS 1.2, an edge that wants gRPC, IPv6",
        fault: "The edge offers `h2` alone, as for gRPC; the server has `--alpn http/1.1 --alpn-fatal`.",
        references: &[ALPN, "RFC 9113 section 3.3"],
        family: Family::V6,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let options = ["--alpn", "http/1.1", "--alpn-fatal"];
            gnutls::start(lab, &files, "NORMAL:-VERS-ALL:+VERS-TLS1.2", &options)?;
            S2n { alpn: &["h2"], policy: TLS12_UP_PQ, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-application-protocol/openssl-http2-only",
        title: "a server with HTTP/2 only, a load balancer with HTTP/1.1",
        fault: "`-alpn h2` against a load balancer that offers `http/1.1`.",
        references: &[ALPN],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            openssl::start(lab, &files, &["-alpn", "h2"])?;
            OpenSsl { alpn: b"\x08http/1.1", ..OpenSsl::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-application-protocol/node-http2-only-told-in-http",
        title: "Node.js with HTTP/2 only says so by a 403",
        fault: "`http2.createSecureServer` without `allowHTTP1`: the handshake succeeds without ALPN, and Node answers the \
                request by a 403, which only `keys.log` shows.",
        references: &[ALPN, "RFC 9113 section 3.3"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!("http2.createSecureServer({}).listen(443, '0.0.0.0');", node::certificate(&files));
            node::start(lab, 443, &server)?;
            let outcome = OpenSsl { keys: true, ..OpenSsl::DEFAULT }.connect(lab, 443)?;
            let mut session = outcome.map_err(anyhow::Error::msg)?;
            session.send(&Request::get("/").to_bytes())?;
            let answer = session.read_some()?;
            ensure!(answer.starts_with(b"HTTP/1.0 403"), "Node answers {:?}", String::from_utf8_lossy(&answer));
            session.end(Ending::CloseNotify)
        },
        ..Scenario::BLANK
    },
];

/// From now on nftables changes what the origin sends.
pub(super) fn change(lab: &Lab, rule: &str) -> Result<()> {
    let rules = format!("table ip f {{ chain out {{ type filter hook output priority 0;\n{rule}\n}}\n}}\n");
    let file = lab.write("rules.nft", rules)?;
    lab.in_origin("nft", &["-f", &file.display().to_string()]).map(drop)
}
