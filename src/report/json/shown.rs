//! Small values in the shape that the schema gives them.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};

use crate::base::{Endpoint, FrameRef, Micros, PerSide, Timestamp};

/// A string made by [`Display`].
pub(in crate::report) struct Shown<T>(pub(in crate::report) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

/// RFC 3339.
pub(in crate::report) type Time = Shown<Timestamp>;

/// One end.
#[derive(Serialize)]
pub(in crate::report) struct End {
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
pub(in crate::report) struct Ways<T> {
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
pub(in crate::report) struct Sides<T> {
    client: T,
    server: T,
}

impl<T> From<PerSide<T>> for Sides<T> {
    fn from(p: PerSide<T>) -> Sides<T> {
        Sides { client: p.client, server: p.server }
    }
}

/// The number of a frame in its capture.
pub(in crate::report) fn number(frame: Option<FrameRef>) -> Option<u64> {
    frame.map(|f| f.frame)
}

/// A duration; `None` where a clock was set back.
pub(in crate::report) fn micros(duration: Option<Micros>) -> Option<i64> {
    duration.map(|d| d.0).filter(|&us| us >= 0)
}

/// A two-byte number as `0x1301`.
#[derive(Clone, Copy)]
pub(in crate::report) struct Hex(pub(in crate::report) u16);

impl Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

/// A number of an IANA registry with its name.
#[derive(Serialize)]
pub(in crate::report) struct Code {
    code: Shown<Hex>,
    name: Option<&'static str>,
}

impl Code {
    pub(in crate::report) fn of(code: u16, name: fn(u16) -> Option<&'static str>) -> Code {
        Code { code: Shown(Hex(code)), name: name(code) }
    }
}

/// A list of such numbers, written without being built.
pub(in crate::report) struct Codes<'a>(
    pub(in crate::report) &'a [u16],
    pub(in crate::report) fn(u16) -> Option<&'static str>,
);

impl Serialize for Codes<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(|&code| Code::of(code, self.1)))
    }
}
