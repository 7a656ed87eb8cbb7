//! The TLS handshake.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::connection::side_name;
use super::shown::{Code, Codes, Hex, Shown, Time, micros};
use crate::base::{FrameRef, escape_bytes};
use crate::observation;
use crate::observation::tls::names::{cipher_name, group_name, signature_scheme_name, version_name};
use crate::observation::tls::{self, Handshake};

#[derive(Serialize)]
pub(super) struct Tls<'a> {
    client_hello: Option<ClientHello<'a>>,
    server_hello: Option<ServerHello<'a>>,
    resumed: Option<bool>,
    client_certificate_requested: bool,
    certificates: Vec<Certificate<'a>>,
    certificates_unlisted: u32,
    chain: Option<Chain<'a>>,
    alerts: Vec<Alert>,
    handshake: &'static str,
    handshake_us: Option<i64>,
    decrypted: bool,
    not_opened: Option<NotOpened>,
    fault: Option<Fault>,
}

#[derive(Serialize)]
struct ClientHello<'a> {
    frame: u64,
    legacy_version: Hex,
    sni: Option<&'a str>,
    versions: Vec<Cow<'static, str>>,
    ciphers: Codes<'a>,
    alpn: &'a [String],
    groups: Codes<'a>,
    signature_schemes: Codes<'a>,
    ja3: Option<String>,
    ja4: String,
    profile: Option<Profile>,
}

/// What is known to begin its connections in this way.
#[derive(Serialize)]
struct Profile {
    name: &'static str,
    date: &'static str,
    source: &'static str,
}

#[derive(Serialize)]
struct ServerHello<'a> {
    frame: u64,
    version: Cow<'static, str>,
    cipher: Code,
    alpn: Option<&'a str>,
    group: Option<Name>,
    hello_retry: bool,
}

#[derive(Serialize)]
struct Alert {
    frame: u64,
    from: &'static str,
    level: Option<&'static str>,
    description: Option<&'static str>,
    code: Option<u8>,
    encrypted: bool,
}

/// Something on the wire that is not TLS as it should be.
#[derive(Serialize)]
struct Fault {
    frame: u64,
    from: &'static str,
    description: Shown<tls::FaultKind>,
    offset: u64,
    excerpt: String,
}

/// Why keys did not open everything.
#[derive(Serialize)]
struct NotOpened {
    reason: &'static str,
    from: &'static str,
    frame: u64,
    detail: String,
}

/// The name of a group; its code where it has none.
struct Name(u16);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match group_name(self.0) {
            Some(name) => s.serialize_str(name),
            None => s.collect_str(&Hex(self.0)),
        }
    }
}

/// The name of a version; its code where it has none. A draft has none: what is on the wire counts.
fn version(code: u16) -> Cow<'static, str> {
    let is_draft = code >> 8 == 0x7f;
    let name = version_name(code).filter(|_| !is_draft);
    name.unwrap_or_else(|| Cow::Owned(Hex(code).to_string()))
}

impl<'a> Tls<'a> {
    pub(super) fn of(t: &'a tls::Transcript, chain: Option<&'a observation::Chain>) -> Tls<'a> {
        let hello = t.client_hello.as_ref();
        let began = hello.map(|h| h.first_frame);
        Tls {
            client_hello: hello.map(ClientHello::of),
            server_hello: t.server_hello.as_ref().map(ServerHello::of),
            resumed: t.resumed(),
            client_certificate_requested: t.client_certificate_requested,
            certificates: t.certificates.iter().map(Certificate::of).collect(),
            certificates_unlisted: t.certificates_unlisted,
            chain: chain.map(Chain::of),
            alerts: t.alerts.iter().map(Alert::of).collect(),
            handshake: match t.handshake() {
                Handshake::Complete => "complete",
                Handshake::Failed => "failed",
                Handshake::Incomplete => "incomplete",
                Handshake::Unknown => "unknown",
            },
            handshake_us: micros(duration(began, t.handshake_done())),
            decrypted: t.decrypted,
            not_opened: NotOpened::of(t),
            fault: t.fault.as_deref().map(Fault::of),
        }
    }
}

impl NotOpened {
    fn of(t: &tls::Transcript) -> Option<NotOpened> {
        let detail = t.not_opened_in_words()?;
        let tls::NotOpened { from, frame, why, .. } = *t.not_opened.as_deref()?;
        Some(NotOpened { reason: why.as_str(), from: side_name(from), frame: frame.frame, detail })
    }
}

impl Fault {
    fn of(f: &tls::Fault) -> Fault {
        Fault {
            frame: f.frame.frame,
            from: side_name(f.from),
            description: Shown(f.kind),
            offset: f.offset,
            excerpt: escape_bytes(&f.excerpt),
        }
    }
}

fn duration(from: Option<FrameRef>, to: Option<FrameRef>) -> Option<crate::base::Micros> {
    Some(to?.since(from?))
}

impl<'a> ClientHello<'a> {
    fn of(h: &'a tls::ClientHello) -> ClientHello<'a> {
        ClientHello {
            frame: h.frame.frame,
            legacy_version: Hex(h.legacy_version),
            sni: h.sni.as_deref(),
            versions: h.offered_versions().into_iter().map(version).collect(),
            ciphers: Codes(&h.ciphers, cipher_name),
            alpn: &h.alpn,
            groups: Codes(&h.groups, group_name),
            signature_schemes: Codes(&h.signature_schemes, signature_scheme_name),
            ja3: h.ja3(),
            ja4: h.ja4(),
            profile: observation::Profile::of(h).map(|p| Profile { name: p.name, date: p.date, source: p.source }),
        }
    }
}

impl<'a> ServerHello<'a> {
    fn of(h: &'a tls::ServerHello) -> ServerHello<'a> {
        ServerHello {
            frame: h.frame.frame,
            version: version(h.version),
            cipher: Code::of(h.cipher, cipher_name),
            alpn: h.alpn.as_deref(),
            group: h.group.map(Name),
            hello_retry: h.hello_retry,
        }
    }
}

impl Alert {
    fn of(a: &tls::Alert) -> Alert {
        Alert {
            frame: a.frame.frame,
            from: side_name(a.from),
            level: a.level_name(),
            description: a.name(),
            code: a.description,
            encrypted: a.encrypted,
        }
    }
}

#[derive(Serialize)]
struct Certificate<'a> {
    frame: u64,
    from: &'static str,
    subject: Option<&'a str>,
    issuer: Option<&'a str>,
    serial: Option<&'a str>,
    not_before: Option<Time>,
    not_after: Option<Time>,
    names: &'a [String],
    key: Option<&'a str>,
    signature: Option<&'a str>,
    sha256: String,
    malformed: Option<Shown<&'a tls::MalformedCertificate>>,
}

impl<'a> Certificate<'a> {
    fn of(c: &'a tls::Certificate) -> Certificate<'a> {
        let read = c.summary();
        let s = read.ok();
        Certificate {
            frame: c.frame.frame,
            from: side_name(c.from),
            subject: s.map(|s| s.subject.as_str()),
            issuer: s.map(|s| s.issuer.as_str()),
            serial: s.map(|s| s.serial.as_str()),
            not_before: s.map(|s| Shown(s.not_before)),
            not_after: s.map(|s| Shown(s.not_after)),
            names: s.map_or(&[], |s| s.names.as_slice()),
            key: s.map(|s| s.key.as_str()),
            signature: s.map(|s| s.signature.as_str()),
            sha256: c.sha256(),
            malformed: read.err().map(Shown),
        }
    }
}

/// What is to be said of the origin's certificates together; they are counted from 0 among those of the server.
#[derive(Serialize)]
struct Chain<'a> {
    judged_at: Time,
    trusted: Option<bool>,
    path: &'a [usize],
    anchor: Option<&'a str>,
    names: &'a [String],
    faults: Vec<ChainFault>,
    near_misses: Vec<NearMiss>,
}

#[derive(Serialize)]
struct ChainFault {
    fault: &'static str,
    certificate: Option<usize>,
}

#[derive(Serialize)]
struct NearMiss {
    near_miss: &'static str,
    certificate: usize,
}

impl<'a> Chain<'a> {
    fn of(c: &'a observation::Chain) -> Chain<'a> {
        let report = &c.report;
        let fault = |f: &observation::ChainFault| ChainFault { fault: f.as_str(), certificate: f.certificate() };
        let near = |n: &observation::NearMiss| NearMiss { near_miss: n.as_str(), certificate: n.certificate() };
        Chain {
            judged_at: Shown(c.at),
            trusted: report.trusted,
            path: &report.path,
            anchor: report.anchor.as_deref(),
            names: &report.names,
            faults: report.faults.iter().map(fault).collect(),
            near_misses: report.near_misses.iter().map(near).collect(),
        }
    }
}
