//! What the steps of a connection are called where people read.

use crate::observation::Step;

/// The steps that are told, what they are called, and what one value is of.
pub(super) const TOLD: [(Step, &str, &str); 9] = [
    (Step::SynAck, "SYN to SYN-ACK", "connection"),
    (Step::NetworkRtt, "round trip", "connection"),
    (Step::ServerHello, "ServerHello", "handshake"),
    (Step::ServerFlight, "server flight", "handshake"),
    (Step::ClientFlight, "client answer", "handshake"),
    (Step::TlsHandshake, "TLS handshake", "handshake"),
    (Step::FirstByte, "first byte", "response"),
    (Step::Exchange, "whole response", "response"),
    (Step::IdleBeforeRequest, "idle between", "pause"),
];
