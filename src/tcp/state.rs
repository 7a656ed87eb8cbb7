//! Zeek's `conn_state`: a connection's life in one word.

use std::fmt;

use super::{End, Summary};
use crate::base::Side;

/// The values of `conn_state` in Zeek's `conn.log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConnState {
    /// A connection attempt without reply.
    S0,
    /// Established, not ended.
    S1,
    /// Normal establishment and end.
    Sf,
    /// The attempt was rejected.
    Rej,
    /// Established, the originator closed, the responder did not.
    S2,
    /// Established, the responder closed, the originator did not.
    S3,
    /// Established, the originator reset it.
    Rsto,
    /// The responder reset it.
    Rstr,
    /// The originator sent a SYN, then a RST; no SYN-ACK was seen.
    Rstos0,
    /// The responder sent a SYN-ACK, then a RST; no SYN was seen.
    Rstrh,
    /// The originator sent a SYN, then a FIN; no SYN-ACK was seen.
    Sh,
    /// The responder sent a SYN-ACK, then a FIN; no SYN was seen.
    Shr,
    /// No SYN seen: traffic in the middle of a connection.
    #[default]
    Oth,
}

impl ConnState {
    /// The state that the facts add up to.
    #[must_use]
    pub fn of(s: &Summary) -> ConnState {
        let reset = s.end.closer.filter(|c| c.how == End::Rst).map(|c| c.side);
        match (s.syn.is_some(), s.syn_ack.is_some()) {
            (true, true) => ConnState::of_answered(s),
            (true, false) => match (s.end.rst.server, s.end.rst.client, s.end.fin.client) {
                (Some(_), _, _) if s.streams.stream_bytes.server == 0 => ConnState::Rej,
                (Some(_), _, _) => ConnState::Rstr,
                (_, Some(_), _) => ConnState::Rstos0,
                (_, _, Some(_)) => ConnState::Sh,
                _ if s.heard(Side::Server) => ConnState::Oth,
                _ => ConnState::S0,
            },
            (false, true) => match reset {
                Some(Side::Server) => ConnState::Rstrh,
                _ if s.end.fin.server.is_some() => ConnState::Shr,
                _ => ConnState::Oth,
            },
            (false, false) => ConnState::Oth,
        }
    }

    fn of_answered(s: &Summary) -> ConnState {
        let first_reset = match (s.end.rst.client, s.end.rst.server) {
            (Some(c), Some(o)) if c > o => Some(Side::Server),
            (Some(_), _) => Some(Side::Client),
            (None, Some(_)) => Some(Side::Server),
            (None, None) => None,
        };
        match (s.end.fin.client.is_some(), s.end.fin.server.is_some(), first_reset) {
            (true, true, _) => ConnState::Sf,
            (_, _, Some(Side::Client)) => ConnState::Rsto,
            (_, _, Some(Side::Server)) => ConnState::Rstr,
            (true, false, None) => ConnState::S2,
            (false, true, None) => ConnState::S3,
            (false, false, None) => ConnState::S1,
        }
    }

    /// The same life with originator and responder exchanged.
    #[must_use]
    pub fn flipped(self) -> ConnState {
        match self {
            ConnState::S2 => ConnState::S3,
            ConnState::S3 => ConnState::S2,
            ConnState::Rsto => ConnState::Rstr,
            ConnState::Rstr => ConnState::Rsto,
            other => other,
        }
    }
}

impl fmt::Display for ConnState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnState::S0 => "S0",
            ConnState::S1 => "S1",
            ConnState::Sf => "SF",
            ConnState::Rej => "REJ",
            ConnState::S2 => "S2",
            ConnState::S3 => "S3",
            ConnState::Rsto => "RSTO",
            ConnState::Rstr => "RSTR",
            ConnState::Rstos0 => "RSTOS0",
            ConnState::Rstrh => "RSTRH",
            ConnState::Sh => "SH",
            ConnState::Shr => "SHR",
            ConnState::Oth => "OTH",
        })
    }
}
