//! Small values in the shape that the schema gives them.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};

use crate::base::{Endpoint, FrameRef, Micros, PerSide, Timestamp};

/// A string made by [`Display`].
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

/// RFC 3339.
pub(super) type Time = Shown<Timestamp>;

/// One end.
#[derive(Serialize)]
pub(super) struct End {
    ip: std::net::IpAddr,
    port: u16,
}

impl From<Endpoint> for End {
    fn from(e: Endpoint) -> End {
        End { ip: e.ip, port: e.port }
    }
}

/// Two counts, each by what was sent that way.
#[derive(Serialize)]
pub(super) struct Ways<T> {
    to_server: T,
    to_client: T,
}

impl<T> From<PerSide<T>> for Ways<T> {
    fn from(p: PerSide<T>) -> Ways<T> {
        Ways { to_server: p.client, to_client: p.server }
    }
}

/// Two values, each by who it is of.
#[derive(Serialize)]
pub(super) struct Sides<T> {
    client: T,
    server: T,
}

impl<T> From<PerSide<T>> for Sides<T> {
    fn from(p: PerSide<T>) -> Sides<T> {
        Sides { client: p.client, server: p.server }
    }
}

/// The number of a frame in its capture.
pub(super) fn number(frame: Option<FrameRef>) -> Option<u64> {
    frame.map(|f| f.frame)
}

/// A duration; `None` where a clock was set back.
pub(super) fn micros(duration: Option<Micros>) -> Option<i64> {
    duration.map(|d| d.0).filter(|&us| us >= 0)
}

/// A two-byte number as `0x1301`.
#[derive(Clone, Copy)]
pub(super) struct Hex(pub(super) u16);

impl Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

/// A number of an IANA registry with its name.
#[derive(Serialize)]
pub(super) struct Code {
    code: Shown<Hex>,
    name: Option<&'static str>,
}

impl Code {
    pub(super) fn of(code: u16, name: fn(u16) -> Option<&'static str>) -> Code {
        Code { code: Shown(Hex(code)), name: name(code) }
    }
}

/// A list of such numbers, written without being built.
pub(super) struct Codes<'a>(pub(super) &'a [u16], pub(super) fn(u16) -> Option<&'static str>);

impl Serialize for Codes<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(|&code| Code::of(code, self.1)))
    }
}
