//! What happened on a connection, packet by packet, as far as a person wants to know.

use std::fmt;

use crate::base::{Endpoint, FrameRef, Side, escape, escape_bytes};
use crate::observation::tls::names::{cipher_name, version_name};
use crate::observation::{Connection, EdgeEvidence, EdgeKind, Role, http1, http2, tls};
use crate::report::layout::shorten;

/// Columns shown of any one name from the wire.
const NAME: usize = 60;

/// Columns shown of the first bytes in an unknown protocol.
const BANNER: usize = 48;

/// How much a fact tells beside the finding's own notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Known only to tell who sent a packet; not shown by itself.
    Silent,
    /// An exchange that went well before the one that failed: left out first.
    Routine,
    /// Says no more than a note on the same packet does.
    Bare,
    /// Has values that a note does not repeat.
    Rich,
}

/// Something seen in one packet.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub(super) frame: FrameRef,
    pub(super) from: Side,
    pub(super) weight: Weight,
    pub(super) text: String,
}

/// `connection 17: 130.176.1.2:40112 → 10.0.0.5:443 (CloudFront)`, and for whom a PROXY protocol header speaks.
pub(super) fn title(c: &Connection) -> String {
    let who = Who {
        role: c.role,
        kind: c.edge.kind,
        proxied: c.edge.evidence == EdgeEvidence::ProxyProtocol,
        via_cloudfront: c.edge.via_cloudfront,
    };
    let viewer = c.proxy_protocol.as_ref().and_then(|header| header.source);
    let viewer = viewer.map(|client| format!(", for {client}")).unwrap_or_default();
    titled(&c.id.to_string(), c.client, c.server, &format!("{who}{viewer}"))
}

/// The same of what is known of it.
pub(super) fn titled(id: &str, client: Endpoint, server: Endpoint, who: &str) -> String {
    format!("connection {id}: {client} \u{2192} {server} ({who})")
}

/// Whose a connection is, in a few words.
pub(super) struct Who {
    pub(super) role: Role,
    pub(super) kind: EdgeKind,
    /// A PROXY header says that it is passed on for CloudFront.
    pub(super) proxied: bool,
    pub(super) via_cloudfront: bool,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.role, self.kind) {
            (Role::HealthCheck, _) => "health check",
            (Role::Inner, _) => "this host's own",
            (Role::Edge, EdgeKind::CloudFront) => "CloudFront",
            (Role::Edge, EdgeKind::Probe) => "probe",
            (Role::Edge, _) if self.proxied => "passes on CloudFront's connection",
            (Role::Edge, _) if self.via_cloudfront => "passes on CloudFront's requests",
            (Role::Edge, _) => "private address",
            (Role::Other, _) => "not CloudFront's address",
        })
    }
}

/// Everything worth a line, in the order of the packets.
pub(super) fn facts(c: &Connection, exchange: Option<u64>) -> Vec<Fact> {
    let mut all = below_http(c);
    if let Some(h) = &c.http {
        http(h, exchange, &mut all);
    }
    if let Some(h) = &c.http2 {
        of_connection(h, &mut all);
        streams(h, exchange, &mut all);
    }
    all.0.sort_by_key(|f| f.frame.order());
    all.0
}

/// What one packet shows, HTTP aside.
pub(super) fn shown_in(c: &Connection, frame: u64) -> Vec<Fact> {
    let shown = below_http(c).0.into_iter();
    shown.filter(|f| f.frame.frame == frame && f.weight > Weight::Silent && !f.text.is_empty()).collect()
}

/// What is not HTTP.
fn below_http(c: &Connection) -> Facts {
    let mut all = Facts(Vec::new());
    tcp(c, &mut all);
    if let Some(h) = &c.proxy_protocol {
        all.rich(h.frame, Side::Client, h.to_string());
        all.bare(h.second, Side::Client, "another PROXY header");
    }
    if let Some(t) = &c.tls {
        hellos(t, &mut all);
        handshake(t, &mut all);
    }
    for (side, foreign) in [(Side::Client, &c.foreign.client), (Side::Server, &c.foreign.server)] {
        if let Some(f) = foreign {
            all.rich(f.frame, side, format!("neither TLS nor HTTP: {}", excerpt(&f.bytes)));
        }
    }
    all
}

struct Facts(Vec<Fact>);

impl Facts {
    fn add(&mut self, frame: FrameRef, from: Side, weight: Weight, text: impl Into<String>) {
        self.0.push(Fact { frame, from, weight, text: text.into() });
    }

    fn bare(&mut self, frame: Option<FrameRef>, from: Side, text: &str) {
        if let Some(frame) = frame {
            self.add(frame, from, Weight::Bare, text);
        }
    }

    fn rich(&mut self, frame: FrameRef, from: Side, text: impl Into<String>) {
        self.add(frame, from, Weight::Rich, text);
    }
}

fn tcp(c: &Connection, all: &mut Facts) {
    let t = &c.tcp;
    all.bare(t.syn, Side::Client, "SYN");
    if t.last_syn() != t.syn {
        all.bare(t.last_syn(), Side::Client, &format!("SYN again, the last of {}", t.syns));
    }
    all.bare(t.syn_ack, Side::Server, "SYN-ACK");
    all.bare(t.established, Side::Client, "ACK: the connection is established");
    for side in [Side::Client, Side::Server] {
        for frame in [t.streams.first_data[side], t.streams.last_data[side], t.last_packet[side], t.odd.cut[side]]
            .into_iter()
            .flatten()
        {
            all.add(frame, side, Weight::Silent, "");
        }
        all.bare(t.end.fin[side], side, "FIN");
        all.bare(t.end.rst[side], side, "RST");
    }
}

fn hellos(t: &tls::Transcript, all: &mut Facts) {
    if let Some(h) = &t.client_hello {
        if h.first_frame != h.frame {
            all.add(h.first_frame, Side::Client, Weight::Bare, "ClientHello begins");
        }
        let asked = h.sni.as_deref().map_or_else(|| "no SNI".to_owned(), |n| format!("SNI {}", name(n)));
        let versions: Vec<_> = h.offered_versions().into_iter().map(version).collect();
        let versions = versions.join("/").replace("/TLS ", "/").replace(' ', "\u{a0}");
        let alpn: Vec<_> = h.alpn.iter().map(|p| name(p)).collect();
        let alpn = if alpn.is_empty() { String::new() } else { format!(", ALPN {}", shorten(&alpn.join(" "), NAME)) };
        let text = format!("ClientHello: {asked}, {versions}, {} cipher suites{alpn}", h.cipher_count());
        all.rich(h.frame, Side::Client, text);
    }
    if let Some(frame) = t.hello_retry_request {
        all.rich(frame, Side::Server, "HelloRetryRequest");
    }
    all.bare(t.second_client_hello, Side::Client, "second ClientHello");
    if let Some(h) = &t.server_hello {
        let cipher = cipher_name(h.cipher).map_or_else(|| format!("cipher {:#06x}", h.cipher), str::to_owned);
        let alpn = h.alpn.as_deref().map_or_else(String::new, |p| format!(", ALPN {}", name(p)));
        all.rich(h.frame, Side::Server, format!("ServerHello: {}, {cipher}{alpn}", version(h.version)));
    }
}

fn handshake(t: &tls::Transcript, all: &mut Facts) {
    for from in [Side::Client, Side::Server] {
        let mut sent = t.certificates.iter().filter(|c| c.from == from);
        if let Some(leaf) = sent.next() {
            let more = match sent.count() {
                0 => String::new(),
                n => format!(", and {n} more"),
            };
            let text = match leaf.summary() {
                Ok(s) => {
                    let day = s.not_after.to_string();
                    let day = day.get(..10).unwrap_or_default();
                    format!("Certificate: {}, until {day}{more}", name(s.common_name.as_ref().unwrap_or(&s.subject)))
                }
                Err(why) => format!("Certificate that cannot be read: {}{more}", escape(&why.to_string())),
            };
            all.rich(leaf.frame, from, text);
        }
        all.bare(t.empty_certificate[from], from, "Certificate: none to show");
    }
    all.bare(t.certificate_request(), Side::Server, "CertificateRequest");
    all.bare(t.client_key_exchange(), Side::Client, "ClientKeyExchange");
    all.bare(t.handshake_done(), Side::Client, "the handshake is finished");
    for a in &t.alerts {
        let text = match (a.level_name(), a.name(), a.description) {
            _ if a.is_hidden() => "encrypted alert".to_owned(),
            (level, Some(name), Some(code)) => format!("Alert: {} {name} ({code})", level.unwrap_or("unknown level")),
            (level, _, code) => format!("Alert: {} {}", level.unwrap_or("unknown level"), code.unwrap_or_default()),
        };
        all.rich(a.frame, a.from, text);
    }
    if let Some(f) = &t.fault {
        all.rich(f.frame, f.from, format!("{}: {}", f.kind, excerpt(&f.excerpt)));
    }
    for side in [Side::Client, Side::Server] {
        let e = &t.encrypted[side];
        if let Some(frame) = e.first_application {
            let what = format!("encrypted data ({} bytes in all)", e.application_bytes);
            all.add(frame, side, Weight::Bare, what);
        }
        for frame in [e.last_application, e.last.map(|r| r.frame), t.records[side].first, t.records[side].last] {
            all.0.extend(frame.map(|frame| Fact { frame, from: side, weight: Weight::Silent, text: String::new() }));
        }
    }
}

fn http(h: &http1::Transcript, exchange: Option<u64>, all: &mut Facts) {
    let last = h.exchanges.last().map(|e| e.index);
    for e in &h.exchanges {
        let told = Some(e.index) == exchange || Some(e.index) == last;
        let weight = if told { Weight::Rich } else { Weight::Routine };
        if let Some(r) = &e.request {
            let host = r.host.as_deref().map_or_else(String::new, |h| format!(", Host: {}", name(h)));
            all.add(r.frame, Side::Client, weight, format!("{} {}{host}", name(r.method()), name(&r.target)));
            all.add(r.last_frame(), Side::Client, Weight::Silent, "");
        }
        for i in &e.interim.first {
            all.add(i.frame, Side::Server, weight, i.status.to_string());
        }
        if let Some(r) = &e.response {
            all.add(r.frame, Side::Server, weight, response(r));
            let end = if r.complete && r.last_frame != r.frame { weight.min(Weight::Bare) } else { Weight::Silent };
            all.add(r.last_frame, Side::Server, end, format!("end of the response, {} bytes of body", r.body_bytes));
        }
    }
    for u in &h.unsolicited {
        let what = if u.excerpt.is_empty() { String::new() } else { format!(": {}", excerpt(&u.excerpt)) };
        all.rich(u.frame, Side::Server, format!("{}{what}", u.kind()));
    }
}

/// What HTTP/2 says of the connection as a whole.
fn of_connection(h: &http2::Transcript, all: &mut Facts) {
    all.bare(h.preface, Side::Client, "the preface of HTTP/2");
    all.bare(h.settings_frame.server, Side::Server, "SETTINGS of HTTP/2");
    for g in &h.goaways {
        let text = if g.debug.is_empty() { String::new() } else { format!(", \"{}\"", name(&g.debug)) };
        all.rich(g.frame, g.from, format!("GOAWAY: {}, last stream {}{text}", g.code, g.last_stream));
    }
    for (from, fault) in [(Side::Client, &h.fault.client), (Side::Server, &h.fault.server)] {
        if let Some(f) = fault {
            all.rich(f.frame, from, f.kind.to_string());
        }
    }
}

fn streams(h: &http2::Transcript, exchange: Option<u64>, all: &mut Facts) {
    let last = h.exchanges.last().map(|e| e.index);
    for e in &h.exchanges {
        let told = Some(e.index) == exchange || Some(e.index) == last;
        let weight = if told { Weight::Rich } else { Weight::Routine };
        let asked_by = if e.pushed { Side::Server } else { Side::Client };
        if let Some(r) = &e.request {
            let what = if e.pushed { "promises " } else { "" };
            let host = r.authority.as_deref().map_or_else(String::new, |h| format!(", Host: {}", name(h)));
            let text = format!("stream {}: {what}{} {}{host}", e.stream, name(&r.method), name(&r.path));
            all.add(r.frame, asked_by, weight, text);
            all.add(r.last_frame, asked_by, Weight::Silent, "");
        }
        for (status, frame) in &e.interim {
            all.add(*frame, Side::Server, weight, format!("stream {}: {status}", e.stream));
        }
        if let Some(r) = &e.response {
            all.add(r.frame, Side::Server, weight, stream_response(e.stream, r));
            let end = if r.complete && r.last_frame != r.frame { weight.min(Weight::Bare) } else { Weight::Silent };
            let text = format!("stream {}: end of the response, {} bytes of body", e.stream, r.body_bytes);
            all.add(r.last_frame, Side::Server, end, text);
            if let Some((trailers, status)) = r.trailers.as_ref().and_then(|t| Some((t, t.grpc_status?))) {
                all.add(trailers.frame, Side::Server, weight, format!("stream {}: grpc-status {status}", e.stream));
            }
        }
        for side in [Side::Client, Side::Server] {
            if let Some(reset) = e.reset[side] {
                all.add(reset.frame, side, weight, format!("stream {}: RST_STREAM, {}", e.stream, reset.code));
            }
        }
    }
}

fn stream_response(stream: u32, r: &http2::Response) -> String {
    let server = r.server.as_deref().map_or_else(String::new, |s| format!(", Server: {}", name(s)));
    let state = if r.complete { "" } else { " (not complete)" };
    match r.status {
        0 => format!("stream {stream}: a response that could not be read{state}"),
        status => format!("stream {stream}: HTTP/2 {status}{server}{state}"),
    }
}

fn response(r: &http1::Response) -> String {
    if r.status == 0 {
        let bytes = r.extra.fault.as_ref().map_or(&[][..], |f| &f.excerpt);
        return format!("no status line: {}", excerpt(bytes));
    }
    let server = r.server.as_deref().map_or_else(String::new, |s| format!(", Server: {}", name(s)));
    let state = if r.complete { "" } else { " (not complete)" };
    let line = format!("{} {} {}", name(r.version()), r.status, name(r.reason()));
    format!("{}{server}{state}", line.trim_end())
}

fn version(code: u16) -> String {
    version_name(code).map_or_else(|| format!("{code:#06x}"), |n| n.into_owned())
}

/// A name from the wire, escaped and of bearable length.
pub(super) fn name(text: &str) -> String {
    shorten(&escape(text), NAME).into_owned()
}

fn excerpt(bytes: &[u8]) -> String {
    shorten(&escape_bytes(bytes), BANNER).into_owned()
}
