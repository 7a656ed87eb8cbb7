//! Every scenario, one file per family. A new family is one line in [`FAMILIES`] and its `mod`.

mod app;
mod capture;
mod healthy;
mod healthy_connection;
mod healthy_grammar;
mod healthy_idle;
mod healthy_keys;
mod http;
mod http2;
mod http2_faults;
mod http2_healthy;
mod http2_keys;
mod http_grammar;
mod http_keys;
mod http_response;
mod incident;
mod inner;
mod proxy;
mod proxy_healthy;
mod suites;
mod tcp;
mod tcp_icmp;
mod tcp_loss;
mod tcp_queue;
mod tls;
mod tls_certificate;
mod tls_chain;
mod tls_chain13;
mod tls_foreign;
mod tls_handshake;
mod tls_name;
mod tls_silent;
mod tls_stall;
mod tls_staple;
mod websocket;

use crate::scenario::Scenario;

/// The families, in the order in which they are listed.
#[rustfmt::skip] // One line each.
const FAMILIES: &[&[Scenario]] = &[
    tcp::SCENARIOS,
    tcp_icmp::SCENARIOS,
    tcp_queue::SCENARIOS,
    tcp_loss::SCENARIOS,
    tls::SCENARIOS,
    tls_name::SCENARIOS,
    tls_certificate::SCENARIOS,
    tls_chain::SCENARIOS,
    tls_chain13::SCENARIOS,
    tls_staple::SCENARIOS,
    tls_handshake::SCENARIOS,
    tls_silent::SCENARIOS,
    tls_foreign::SCENARIOS,
    tls_stall::SCENARIOS,
    http::SCENARIOS,
    http_response::SCENARIOS,
    http2::SCENARIOS,
    http2_faults::SCENARIOS,
    http2_healthy::SCENARIOS,
    http2_keys::SCENARIOS,
    http_grammar::SCENARIOS,
    proxy::SCENARIOS,
    proxy_healthy::SCENARIOS,
    app::SCENARIOS,
    inner::SCENARIOS,
    capture::SCENARIOS,
    healthy::SCENARIOS,
    healthy_connection::SCENARIOS,
    healthy_keys::SCENARIOS,
    healthy_idle::SCENARIOS,
    incident::SCENARIOS,
    healthy_grammar::SCENARIOS,
    http_keys::SCENARIOS,
    suites::SCENARIOS,
    websocket::SCENARIOS,
];

/// All scenarios.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    FAMILIES.iter().copied().flatten()
}
