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

impl Hex {
    /// By hand, for every ClientHello has dozens.
    fn text(self) -> [u8; 6] {
        let digit = |shift: u32| match (self.0 >> shift & 0xf) as u8 {
            digit @ 0..=9 => b'0' + digit,
            letter => b'a' - 10 + letter,
        };
        [b'0', b'x', digit(12), digit(8), digit(4), digit(0)]
    }
}

impl Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// A number of an IANA registry with its name.
#[derive(Serialize)]
pub(in crate::report) struct Code {
    code: Hex,
    name: Option<&'static str>,
}

impl Code {
    pub(in crate::report) fn of(code: u16, name: fn(u16) -> Option<&'static str>) -> Code {
        Code { code: Hex(code), name: name(code) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_formatted() {
        for n in 0..=u16::MAX {
            assert_eq!(Hex(n).to_string(), format!("{n:#06x}"));
        }
    }
}
