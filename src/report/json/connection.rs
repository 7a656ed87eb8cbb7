//! One connection.

use std::net::IpAddr;

use serde::Serialize;

use super::http::{Exchange, Http2};
use super::proxy::Introduction;
use super::shown::{End, Shown, Sides, Time, Ways, micros, number};
use super::timing::Timing;
use super::tls::Tls;
use super::verdict::{Finding, Verdict};
use super::websocket::WebSocket;
use crate::base::{PerSide, Side, escape_bytes};
use crate::diagnosis::Diagnosis;
use crate::flow::community_id;
use crate::link::Layer;
use crate::observation::{self as seen, Ended, Orientation};
use crate::report::wireshark;
use crate::tcp;

#[derive(Serialize)]
pub(in crate::report) struct Connection<'a> {
    id: u64,
    pub(in crate::report) community_id: String,
    capture: u16,
    client: End,
    server: End,
    orientation: &'static str,
    edge: Edge,
    role: &'static str,
    encapsulation: Vec<Shown<Layer>>,
    proxy_protocol: Option<Introduction<'a>>,
    wireshark_conversation: Shown<wireshark::Conversation>,
    first_frame: u64,
    last_frame: u64,
    first_time: Time,
    last_time: Time,
    packets: Ways<u64>,
    payload_bytes: Ways<u64>,
    tcp: Tcp,
    tls: Option<Tls<'a>>,
    foreign: Sides<Option<Foreign>>,
    http_total: u64,
    pub(in crate::report) http: Vec<Exchange<'a>>,
    http2: Option<Http2<'a>>,
    websocket: Option<WebSocket>,
    timing: Timing<'a>,
    verdict: Verdict<'a>,
    pub(in crate::report) findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Edge {
    kind: &'static str,
    via_cloudfront: bool,
    evidence: &'static str,
}

/// First bytes in no known protocol.
#[derive(Serialize)]
struct Foreign {
    frame: u64,
    bytes: String,
}

#[derive(Serialize)]
struct Tcp {
    syn: bool,
    syn_ack: bool,
    established: bool,
    handshake_rtt_us: Option<i64>,
    mss: Sides<Option<u16>>,
    retransmissions: Ways<u32>,
    out_of_order: Ways<u32>,
    zero_windows: Ways<u32>,
    duplicates: Ways<u32>,
    conflicting_overlaps: Ways<u32>,
    lost_bytes: Ways<u64>,
    fin: Sides<Option<u64>>,
    rst: Sides<Option<u64>>,
    closed_by: Option<&'static str>,
    end: &'static str,
    conn_state: Shown<tcp::ConnState>,
    history: Shown<tcp::History>,
    icmp_total: u32,
    icmp: Vec<Icmp>,
}

/// An ICMP error about a packet of the connection.
#[derive(Serialize)]
struct Icmp {
    frame: u64,
    sender: IpAddr,
    about: &'static str,
    seq: u32,
    r#type: u8,
    type_name: Option<&'static str>,
    code: u8,
    code_name: Option<&'static str>,
    mtu: Option<u32>,
}

impl Icmp {
    fn of(icmp: &tcp::Icmp) -> Icmp {
        Icmp {
            frame: icmp.frame.frame,
            sender: icmp.sender,
            about: side_name(icmp.about),
            seq: icmp.seq.0,
            r#type: icmp.icmp_type,
            type_name: icmp.type_name(),
            code: icmp.code,
            code_name: icmp.code_name(),
            mtu: icmp.mtu,
        }
    }
}

impl<'a> Connection<'a> {
    pub(in crate::report) fn of(c: &'a seen::Connection, d: &'a Diagnosis) -> Connection<'a> {
        let http = c.http.iter().flat_map(|http| &http.exchanges).map(Exchange::of);
        let streams = c.http2.iter().flat_map(|http| &http.exchanges).map(Exchange::of_stream);
        Connection {
            id: c.id,
            community_id: community_id(c.client, c.server),
            capture: c.first.capture(),
            client: c.client.into(),
            server: c.server.into(),
            orientation: match c.orientation {
                Orientation::Syn => "syn",
                Orientation::Protocol => "protocol",
                Orientation::Port => "port",
            },
            edge: Edge {
                kind: c.edge.kind.as_str(),
                via_cloudfront: c.edge.via_cloudfront,
                evidence: c.edge.evidence.as_str(),
            },
            role: c.role.as_str(),
            encapsulation: c.encapsulation.iter().map(Shown).collect(),
            proxy_protocol: c.proxy_protocol.as_deref().map(Introduction::of),
            wireshark_conversation: Shown(wireshark::Conversation::of(c)),
            first_frame: c.first.frame,
            last_frame: c.last.frame,
            first_time: Shown(c.first.time),
            last_time: Shown(c.last.time),
            packets: c.tcp.packets.into(),
            payload_bytes: c.tcp.streams.payload_bytes.into(),
            tcp: Tcp::of(c),
            tls: c.tls.as_ref().map(|tls| Tls::of(tls, c.chain.as_ref())),
            foreign: foreign(&c.foreign),
            http_total: c.exchanges_total(),
            http: http.chain(streams).collect(),
            http2: c.http2.as_deref().map(Http2::of),
            websocket: c.websocket.as_deref().map(WebSocket::of),
            timing: Timing(c),
            verdict: Verdict::of(&d.verdict),
            findings: Finding::list(d, c),
        }
    }
}

fn foreign(both: &PerSide<Option<Box<seen::Foreign>>>) -> Sides<Option<Foreign>> {
    let of = |f: &seen::Foreign| Foreign { frame: f.frame.frame, bytes: escape_bytes(&f.bytes) };
    PerSide { client: both.client.as_deref().map(of), server: both.server.as_deref().map(of) }.into()
}

impl Tcp {
    fn of(c: &seen::Connection) -> Tcp {
        let t = &c.tcp;
        let lost = |side: Side| t.odd.not_captured[side] + t.odd.not_acknowledged[side];
        Tcp {
            syn: t.syn.is_some(),
            syn_ack: t.syn_ack.is_some(),
            established: t.established.is_some(),
            handshake_rtt_us: micros(t.handshake_rtt()),
            mss: t.mss.into(),
            retransmissions: t.odd.retransmissions.into(),
            out_of_order: t.odd.out_of_order.into(),
            zero_windows: t.odd.zero_windows.into(),
            duplicates: t.odd.duplicates.into(),
            conflicting_overlaps: t.odd.conflicting_overlaps.into(),
            lost_bytes: PerSide { client: lost(Side::Client), server: lost(Side::Server) }.into(),
            fin: t.end.fin.map(number).into(),
            rst: t.end.rst.map(number).into(),
            closed_by: t.end.closer.map(|closer| side_name(closer.side)),
            end: end(c),
            conn_state: Shown(t.state),
            history: Shown(t.history),
            icmp_total: t.odd.icmp.total,
            icmp: t.odd.icmp.iter().map(Icmp::of).collect(),
        }
    }
}

/// How the connection ended, as far as the capture shows.
fn end(c: &seen::Connection) -> &'static str {
    match (c.tcp.end.closer.map(|closer| closer.how), c.ended) {
        (Some(tcp::End::Rst), _) => "rst",
        (Some(tcp::End::Fin), _) => "fin",
        (None, Ended::CaptureEnd) => "open",
        (None, _) => "timeout",
    }
}

/// `client` or `server`.
pub(super) fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}
