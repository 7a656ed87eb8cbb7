//! What is read of the rows of each table.

use std::net::{IpAddr, Ipv4Addr};

use crate::base::{Endpoint, Timestamp};
use crate::causes::by_id;
use crate::diagnosis::{Cause, Confidence, Edge, Outcome};
use crate::observation::{EdgeKind, Role};
use crate::report::tables::Unit;

use super::read::{Fields, Place};

pub(super) const CAPTURE: &[&str] = &[
    "unit",
    "capture_host",
    "path",
    "frames",
    "bytes",
    "snap_length",
    "format",
    "first_time_ns",
    "last_time_ns",
    "problems",
];

pub(super) const UNIT: &[&str] =
    &["unit", "capture_host", "status", "message", "files", "context", "bytes", "seconds", "version"];

pub(super) const CONNECTION: &[&str] = &[
    "unit",
    "capture_host",
    "id",
    "capture_path",
    "client",
    "server",
    "edge",
    "role",
    "first_frame",
    "last_frame",
    "first_time_ns",
    "last_time_ns",
    "tls.client_hello.sni",
    "tls.handshake_us",
    "timing",
    "verdict",
    "wireshark_conversation",
];

pub(super) const FINDING: &[&str] = &[
    "unit",
    "capture_host",
    "connection",
    "role",
    "outcome",
    "is_verdict",
    "cause",
    "confidence",
    "message",
    "evidence",
    "fix",
    "inner",
    "ruled_out",
    "wireshark_filter",
    "wireshark_capture_path",
];

pub(super) const EXCHANGE: &[&str] = &[
    "unit",
    "connection",
    "role",
    "request.method",
    "request.target",
    "request.host",
    "first_byte_us",
    "duration_us",
    "idle_before_us",
];

/// A row of `captures`.
pub(super) struct Capture {
    pub(super) unit: UnitKey,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) snap_length: Option<u32>,
    pub(super) pcapng: bool,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// Kind, how often, and what of it.
    pub(super) problems: Vec<(String, u64, String)>,
}

pub(super) fn capture(of: Place, row: &Fields<'_>) -> Capture {
    let problem = |p: Fields<'_>| (p.string("kind"), p.count("count"), p.string("detail"));
    Capture {
        unit: UnitKey::of(of, row),
        host: row.string("capture_host"),
        path: row.string("path"),
        frames: row.count("frames"),
        bytes: row.count("bytes"),
        snap_length: row.number("snap_length").and_then(|n| u32::try_from(n).ok()),
        pcapng: row.text("format") == Some("pcapng"),
        first: row.time("first_time"),
        last: row.time("last_time"),
        problems: row.groups("problems").map(problem).collect(),
    }
}

/// A row of `units`.
pub(super) fn unit(row: &Fields<'_>) -> Unit {
    Unit {
        unit: row.string("unit"),
        capture_host: row.text("capture_host").map(str::to_owned),
        status: row.string("status"),
        message: row.text("message").map(str::to_owned),
        files: row.texts("files").map(str::to_owned).collect(),
        context: row.texts("context").map(str::to_owned).collect(),
        bytes: row.count("bytes"),
        seconds: row.double("seconds").unwrap_or_default(),
        version: row.string("version"),
    }
}

/// A unit among all that are read: its name is one in its directory only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct UnitKey {
    pub(super) place: Place,
    pub(super) unit: String,
}

impl UnitKey {
    /// The unit that a row is of.
    pub(super) fn of(place: Place, row: &Fields<'_>) -> UnitKey {
        UnitKey { place, unit: row.string("unit") }
    }
}

/// A connection's name among all: of its unit, and its number there.
pub(super) type Key = (UnitKey, u64);

/// The connection that a row of another table is of.
pub(super) fn key(of: Place, row: &Fields<'_>) -> Key {
    (UnitKey::of(of, row), row.count("connection"))
}

/// A row of `connections`.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) key: Key,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) kind: EdgeKind,
    pub(super) via_cloudfront: bool,
    pub(super) proxied: bool,
    /// Something shows that CloudFront is behind it.
    pub(super) is_edge_traffic: bool,
    pub(super) role: Role,
    pub(super) frames: (u64, u64),
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) sni: Option<String>,
    pub(super) timing: [Option<i64>; 8],
    pub(super) outcome: Outcome,
    /// What explains it; an unknown cause is one of a later version, and told by its name.
    pub(super) cause: Option<&'static Cause>,
    pub(super) confidence: Option<Confidence>,
    pub(super) reason: String,
    pub(super) edge: Edge,
    pub(super) limits: Vec<String>,
    /// Wireshark's display filter of its packets.
    pub(super) conversation: String,
}

/// The steps of `timing`, and the handshake's, in the order in which [`Connection::timing`] has them.
pub(super) const STEPS: [&str; 8] = [
    "syn_ack",
    "network_rtt",
    "client_hello",
    "server_hello",
    "server_flight",
    "client_flight",
    "idle_before_close",
    "tls_handshake",
];

impl Connection {
    pub(super) fn of(place: Place, row: &Fields<'_>) -> Connection {
        let (edge, verdict) = (row.group("edge"), row.group("verdict"));
        let told = |name| verdict.and_then(|v| v.text(name));
        let (timing, tls) = (row.group("timing"), row.group("tls"));
        let cause = told("cause").and_then(by_id);
        let unknown =
            told("cause").filter(|_| cause.is_none()).map(|id| format!("{id}, which this version does not know"));
        let evidence = edge.and_then(|e| e.text("evidence")).unwrap_or("none");
        let step = |name: &str| match name {
            "tls_handshake" => tls.and_then(|t| t.number("handshake_us")),
            _ => timing.and_then(|t| t.number(&format!("{name}_us"))),
        };
        let limit = |l: Fields<'_>| format!("{}: does not show {}", l.string("limit"), l.string("blocks"));
        Connection {
            key: (UnitKey::of(place, row), row.count("id")),
            host: row.string("capture_host"),
            path: row.string("capture_path"),
            client: end(row.group("client")),
            server: end(row.group("server")),
            kind: kind(edge.and_then(|e| e.text("kind")).unwrap_or_default()),
            via_cloudfront: edge.is_some_and(|e| e.flag("via_cloudfront")),
            proxied: evidence == "proxy-protocol",
            is_edge_traffic: evidence != "none",
            role: role(row.text("role").unwrap_or_default()),
            frames: (row.count("first_frame"), row.count("last_frame")),
            first: row.time("first_time").unwrap_or_default(),
            last: row.time("last_time").unwrap_or_default(),
            sni: tls.and_then(|t| t.group("client_hello")).and_then(|h| h.text("sni")).map(str::to_owned),
            timing: STEPS.map(step),
            outcome: outcome(told("outcome").unwrap_or_default()),
            cause,
            confidence: told("confidence").and_then(confidence),
            reason: unknown.or(told("reason").map(str::to_owned)).unwrap_or_default(),
            edge: Edge {
                status: verdict.and_then(|v| v.number("edge_status")).and_then(|n| u16::try_from(n).ok()),
                detail: told("edge_detail").and_then(detail),
            },
            limits: verdict.into_iter().flat_map(|v| v.groups("limits")).map(limit).collect(),
            conversation: row.string("wireshark_conversation"),
        }
    }
}

pub(super) fn end(row: Option<Fields<'_>>) -> Endpoint {
    let ip = row.and_then(|e| e.text("ip")?.parse().ok()).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Endpoint { ip, port: row.and_then(|e| u16::try_from(e.number("port")?).ok()).unwrap_or_default() }
}

fn kind(name: &str) -> EdgeKind {
    let all = [EdgeKind::CloudFront, EdgeKind::Private, EdgeKind::Probe];
    all.into_iter().find(|kind| kind.as_str() == name).unwrap_or(EdgeKind::Other)
}

pub(super) fn role(name: &str) -> Role {
    let all = [Role::Edge, Role::Inner, Role::HealthCheck];
    all.into_iter().find(|role| role.as_str() == name).unwrap_or(Role::Other)
}

pub(super) fn outcome(name: &str) -> Outcome {
    let all = [Outcome::Ok, Outcome::Failed];
    all.into_iter().find(|outcome| outcome.as_str() == name).unwrap_or(Outcome::Inconclusive)
}

pub(super) fn confidence(name: &str) -> Option<Confidence> {
    let all = [Confidence::Certain, Confidence::Likely, Confidence::Possible];
    all.into_iter().find(|confidence| confidence.as_str() == name)
}

/// What CloudFront's log says (AWS: "Standard logging reference", `x-edge-detailed-result-type`), as far as a verdict has it.
fn detail(name: &str) -> Option<&'static str> {
    const KNOWN: [&str; 6] = [
        "OriginCommError",
        "OriginConnectError",
        "OriginContentRangeLengthError",
        "OriginHeaderTooBigError",
        "OriginInvalidResponseError",
        "OriginReadError",
    ];
    KNOWN.into_iter().find(|known| *known == name)
}
