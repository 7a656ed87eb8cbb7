//! The tables, field by field, in the names and units of the JSON report.

use super::field::{Field, double, flag, group, int, list, long, path, text, time, time_or_null};

/// The version of the tables: it changes when a field is renamed, removed or changes meaning.
pub const VERSION: &str = "why502.tables.v1";

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// One row a connection.
    Connections,
    /// One row an HTTP exchange that the JSON report lists.
    Exchanges,
    /// One row a finding.
    Findings,
    /// One row a capture.
    Captures,
    /// One row a part of a fleet's captures that was analysed by itself, or that could not be.
    Units,
}

impl Table {
    /// Those that an analysis writes.
    pub const ALL: [Table; 4] = [Table::Connections, Table::Exchanges, Table::Findings, Table::Captures];

    /// Its name, which is that of its directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Table::Connections => "connections",
            Table::Exchanges => "exchanges",
            Table::Findings => "findings",
            Table::Captures => "captures",
            Table::Units => "units",
        }
    }

    /// Its schema in Parquet's own words.
    #[must_use]
    pub fn message(self) -> String {
        super::field::Message(self.name(), &self.fields()).to_string()
    }

    /// Fields of the JSON report that are rows of other tables.
    pub(super) const fn elsewhere(self) -> &'static [&'static str] {
        match self {
            Table::Connections => &["http", "findings"],
            _ => &[],
        }
    }

    pub(super) fn fields(self) -> Vec<Field> {
        let head = vec![text("unit"), text("capture_host").or_null()];
        let own = match self {
            Table::Connections => connections(),
            Table::Exchanges => [of_connection(), exchange()].concat(),
            Table::Findings => [of_connection(), finding()].concat(),
            Table::Captures => capture(),
            Table::Units => unit(),
        };
        [head, own].concat()
    }
}

/// Which connection of the unit a row is about, and what it is grouped by without a join.
fn of_connection() -> Vec<Field> {
    let [first, first_ns] = time("connection_time");
    vec![long("connection"), text("community_id"), text("role"), text("outcome"), first, first_ns]
}

fn connections() -> Vec<Field> {
    let ([first, first_ns], [last, last_ns]) = (time("first_time"), time("last_time"));
    vec![
        long("id"),
        text("community_id"),
        path("capture"),
        end("client"),
        end("server"),
        text("orientation"),
        group("edge", [vec![text("kind"), flag("via_cloudfront"), text("evidence")]]),
        text("role"),
        list("encapsulation", text("element")),
        proxy_protocol().or_null(),
        text("wireshark_conversation"),
        long("first_frame"),
        long("last_frame"),
        first,
        first_ns,
        last,
        last_ns,
        ways("packets"),
        ways("payload_bytes"),
        tcp(),
        tls().or_null(),
        sides("foreign", |side| group(side, [vec![long("frame"), text("bytes")]]).or_null()),
        long("http_total"),
        http2().or_null(),
        websocket().or_null(),
        timing(),
        verdict(),
    ]
}

fn end(name: &'static str) -> Field {
    group(name, [vec![text("ip"), int("port")]])
}

fn ways(name: &'static str) -> Field {
    group(name, [vec![long("to_server"), long("to_client")]])
}

fn sides(name: &'static str, one: impl Fn(&'static str) -> Field) -> Field {
    group(name, [vec![one("client"), one("server")]])
}

/// The number of a frame, where there is one.
fn frame(name: &'static str) -> Field {
    long(name).or_null()
}

fn proxy_protocol() -> Field {
    let maybe = |name| text(name).or_null();
    group(
        "proxy_protocol",
        [vec![
            int("version"),
            maybe("source"),
            maybe("destination"),
            text("command"),
            text("transport"),
            long("frame"),
            long("length"),
            flag("complete"),
            maybe("fault"),
            frame("second_frame"),
            maybe("authority"),
            maybe("alpn"),
            maybe("unique_id"),
            maybe("vpc_endpoint"),
            maybe("tls_version"),
            maybe("tls_cipher"),
            maybe("tls_client"),
        ]],
    )
}

fn tcp() -> Field {
    let icmp = vec![
        long("frame"),
        text("sender"),
        text("about"),
        long("seq"),
        int("type"),
        text("type_name").or_null(),
        int("code"),
        text("code_name").or_null(),
        long("mtu").or_null(),
    ];
    group(
        "tcp",
        [vec![
            flag("syn"),
            flag("syn_ack"),
            flag("established"),
            long("handshake_rtt_us").or_null(),
            sides("mss", |side| int(side).or_null()),
            ways("retransmissions"),
            ways("out_of_order"),
            ways("zero_windows"),
            ways("duplicates"),
            ways("conflicting_overlaps"),
            ways("lost_bytes"),
            sides("fin", frame),
            sides("rst", frame),
            text("closed_by").or_null(),
            text("end"),
            text("conn_state"),
            text("history"),
            long("icmp_total"),
            list("icmp", group("element", [icmp])),
        ]],
    )
}

/// A number of an IANA registry.
fn code(name: &'static str) -> Field {
    group(name, [vec![text("code"), text("name").or_null()]])
}

fn tls() -> Field {
    let profile = group("profile", [vec![text("name"), text("date"), text("source")]]);
    let client_hello = vec![
        long("frame"),
        text("legacy_version"),
        text("sni").or_null(),
        list("versions", text("element")),
        list("ciphers", code("element")),
        list("alpn", text("element")),
        list("groups", code("element")),
        list("signature_schemes", code("element")),
        text("ja3").or_null(),
        text("ja4"),
        profile.or_null(),
    ];
    let server_hello = vec![
        long("frame"),
        text("version"),
        code("cipher"),
        text("alpn").or_null(),
        text("group").or_null(),
        flag("hello_retry"),
    ];
    let alert = vec![
        long("frame"),
        text("from"),
        text("level").or_null(),
        text("description").or_null(),
        int("code").or_null(),
        flag("encrypted"),
    ];
    let not_opened = vec![text("reason"), text("from"), long("frame"), text("detail")];
    let fault = vec![long("frame"), text("from"), text("description"), long("offset"), text("excerpt")];
    group(
        "tls",
        [vec![
            group("client_hello", [client_hello]).or_null(),
            group("server_hello", [server_hello]).or_null(),
            flag("resumed").or_null(),
            flag("client_certificate_requested"),
            list("certificates", group("element", [certificate()])),
            long("certificates_unlisted"),
            chain().or_null(),
            list("alerts", group("element", [alert])),
            text("handshake"),
            long("handshake_us").or_null(),
            flag("decrypted"),
            group("not_opened", [not_opened]).or_null(),
            group("fault", [fault]).or_null(),
        ]],
    )
}

fn certificate() -> Vec<Field> {
    let maybe = |name| text(name).or_null();
    let ([before, before_ns], [after, after_ns]) = (time_or_null("not_before"), time_or_null("not_after"));
    vec![
        long("frame"),
        text("from"),
        maybe("subject"),
        maybe("issuer"),
        maybe("serial"),
        before,
        before_ns,
        after,
        after_ns,
        list("names", text("element")),
        maybe("key"),
        maybe("signature"),
        text("sha256"),
        maybe("malformed"),
    ]
}

fn chain() -> Field {
    let [judged, judged_ns] = time("judged_at");
    group(
        "chain",
        [vec![
            judged,
            judged_ns,
            flag("trusted").or_null(),
            list("path", int("element")),
            text("anchor").or_null(),
            list("names", text("element")),
            list("faults", group("element", [vec![text("fault"), int("certificate").or_null()]])),
            list("near_misses", group("element", [vec![text("near_miss"), int("certificate")]])),
        ]],
    )
}

/// Something wrong in HTTP.
fn faults() -> Field {
    let fault = vec![long("frame"), text("description"), text("reference"), text("excerpt")];
    list("faults", group("element", [fault]))
}

fn http2() -> Field {
    let goaway = vec![
        text("from"),
        long("frame"),
        long("last_stream"),
        long("code"),
        text("code_name").or_null(),
        text("debug"),
    ];
    group(
        "http2",
        [vec![
            frame("preface"),
            sides("settings", frame),
            long("goaway_total"),
            list("goaways", group("element", [goaway])),
            sides("unknown", flag),
            faults(),
        ]],
    )
}

fn websocket() -> Field {
    let close = |side| group(side, [vec![long("frame"), int("code").or_null()]]).or_null();
    group("websocket", [vec![sides("frames", long), sides("last", frame), sides("close", close), sides("lost", frame)]])
}

fn timing() -> Field {
    let steps = [
        "syn_ack_us",
        "network_rtt_us",
        "client_hello_us",
        "server_hello_us",
        "server_flight_us",
        "client_flight_us",
        "idle_before_close_us",
    ];
    group("timing", [steps.into_iter().map(|step| long(step).or_null()).collect()])
}

fn verdict() -> Field {
    let maybe = |name| text(name).or_null();
    group(
        "verdict",
        [vec![
            text("outcome"),
            maybe("stage"),
            maybe("cause"),
            maybe("confidence"),
            int("edge_status").or_null(),
            maybe("edge_detail"),
            maybe("reason"),
            list("limits", group("element", [vec![text("limit"), text("blocks")]])),
        ]],
    )
}

fn exchange() -> Vec<Field> {
    let maybe = |name| text(name).or_null();
    let [time, time_ns] = time("time");
    let request = vec![
        long("frame"),
        time.clone(),
        time_ns.clone(),
        maybe("method"),
        maybe("target"),
        maybe("version"),
        maybe("host"),
        maybe("cf_id"),
        long("header_bytes"),
        long("body_bytes"),
        flag("complete"),
    ];
    let trailers = vec![long("frame"), long("grpc_status").or_null(), maybe("grpc_message")];
    let response = vec![
        long("frame"),
        time,
        time_ns,
        int("status").or_null(),
        maybe("reason"),
        maybe("version"),
        long("content_length").or_null(),
        maybe("transfer_encoding"),
        maybe("server"),
        long("header_bytes"),
        long("body_bytes"),
        flag("complete"),
        group("trailers", [trailers]).or_null(),
    ];
    let reset = vec![text("from"), long("frame"), long("code"), maybe("code_name")];
    vec![
        long("index"),
        long("stream").or_null(),
        group("request", [request]).or_null(),
        list("interim", group("element", [vec![long("frame"), int("status")]])),
        group("response", [response]).or_null(),
        long("first_byte_us").or_null(),
        long("duration_us").or_null(),
        long("idle_before_us").or_null(),
        list("resets", group("element", [reset])),
        faults(),
    ]
}

fn evidence() -> Field {
    let [time, time_ns] = time("time");
    list("evidence", group("element", [vec![path("capture"), long("frame"), time, time_ns, text("note")]]))
}

fn finding() -> Vec<Field> {
    let inner = vec![
        long("connection"),
        end("server"),
        text("cause"),
        text("confidence"),
        text("tie"),
        text("message"),
        evidence(),
    ];
    vec![
        int("number"),
        flag("is_verdict"),
        text("cause"),
        text("stage"),
        text("confidence"),
        long("exchange").or_null(),
        text("message"),
        evidence(),
        list("fix", text("element")),
        list("inner", group("element", [inner])),
        list("ruled_out", group("element", [vec![text("cause"), text("why")]])),
        text("wireshark_filter"),
        path("wireshark_capture"),
    ]
}

fn unit() -> Vec<Field> {
    vec![
        text("status"),
        text("message").or_null(),
        list("files", text("element")),
        list("context", text("element")),
        long("bytes"),
        double("seconds"),
        text("version"),
    ]
}

fn capture() -> Vec<Field> {
    let ([first, first_ns], [last, last_ns]) = (time_or_null("first_time"), time_or_null("last_time"));
    let problem = vec![text("kind"), long("count"), text("detail")];
    vec![
        text("path"),
        text("format"),
        text("compression").or_null(),
        list("link_types", text("element")),
        long("snap_length").or_null(),
        long("frames"),
        long("bytes"),
        first,
        first_ns,
        last,
        last_ns,
        flag("synthetic"),
        list("problems", group("element", [problem])),
    ]
}
