//! Which connections a report is about: one incident among all that was captured.
//!
//! Invariant: a connection is judged by all of its packets, and compared with all others, before it is left out; what
//! is left out is neither told nor counted.

use std::net::IpAddr;

use jiff::civil;
use jiff::tz::Offset;

use crate::base::{CaptureIndex, Timestamp};
use crate::diagnosis::{Cause, Diagnosis};
use crate::observation::{Asked, Connection, Prefixes};

/// What a connection must have for the report; nothing asked is everything selected.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Alive at this time or later.
    pub since: Option<Moment>,
    /// Alive at this time or earlier.
    pub until: Option<Moment>,
    /// One of these causes among its findings; a whole area is all of its causes.
    pub causes: Vec<&'static Cause>,
    /// A client or server within these prefixes.
    pub peers: Option<Prefixes>,
    /// A request, or a ClientHello, that names one of these hosts; a port behind the name is ignored.
    pub hosts: Vec<String>,
    /// A request whose target begins with one of these.
    pub paths: Vec<String>,
    /// A request with one of these values of `X-Amz-Cf-Id`.
    pub request_ids: Vec<String>,
    /// A first packet in one of the captures before this one: the others are read for the sake of connections that begin
    /// or end in them.
    pub own: Option<CaptureIndex>,
}

/// A point in time, as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A day and a time.
    At(Timestamp),
    /// A time of the day on which the capture begins, there where the offset is that of the clocks.
    OnTheDay(civil::Time, Offset),
}

impl Moment {
    /// Reads RFC 3339 and what people type instead: a blank for the `T`, no seconds, no offset (UTC), no day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Moment> {
        let text = text.trim();
        let (clock, offset) = split_offset(text)?;
        let clock = clock.trim_end();
        if let Some(time) = clock.parse().ok().filter(|_| !clock.contains(['-', '/']) && clock.contains(':')) {
            return Some(Moment::OnTheDay(time, offset));
        }
        let at: civil::DateTime = clock.parse().ok().filter(|_| clock.contains('-'))?;
        Some(Moment::At(timestamp(at, offset)?))
    }

    /// The point in time, for a capture whose first packet is of time `first`.
    #[must_use]
    pub fn resolve(self, first: Timestamp) -> Timestamp {
        match self {
            Moment::At(time) => time,
            Moment::OnTheDay(time, offset) => {
                let first = jiff::Timestamp::from_nanosecond(i128::from(first.0)).unwrap_or_default();
                timestamp(offset.to_datetime(first).date().to_datetime(time), offset).unwrap_or_default()
            }
        }
    }
}

/// The clock's part of a time, and its offset from UTC: `Z`, `+01:00`, `+0100`, `+01`, or none.
fn split_offset(text: &str) -> Option<(&str, Offset)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']).or_else(|| text.strip_suffix("UTC")) {
        return Some((clock, Offset::UTC));
    }
    // The hyphens of a date come before the first colon.
    let time = text.find(':')?;
    let Some(at) = text.get(time..)?.find(['+', '-']).map(|at| time + at) else { return Some((text, Offset::UTC)) };
    let (clock, offset) = text.split_at_checked(at)?;
    let (sign, digits) = offset.split_at_checked(1)?;
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let number = |part: Option<&str>| part.map_or(Some(0), |p| p.parse::<i32>().ok());
    let (hours, minutes) = (number(digits.get(..2))?, number(digits.get(2..).filter(|m| !m.is_empty()))?);
    let plain = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
    let seconds = (hours * 60 + minutes) * 60 * if sign == "-" { -1 } else { 1 };
    Some((clock, Offset::from_seconds(seconds).ok().filter(|_| plain && minutes < 60)?))
}

fn timestamp(at: civil::DateTime, offset: Offset) -> Option<Timestamp> {
    i64::try_from(offset.to_timestamp(at).ok()?.as_nanosecond()).ok().map(Timestamp)
}

impl Selection {
    /// Whether everything is selected.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let Selection { since, until, causes, peers, hosts, paths, request_ids, own } = self;
        let none = since.is_none() && until.is_none() && peers.is_none() && own.is_none();
        none && causes.is_empty() && hosts.is_empty() && paths.is_empty() && request_ids.is_empty()
    }

    /// Fixes times that were given without a day, for captures whose first packet is of time `first`.
    pub(super) fn resolve(&mut self, first: Timestamp) {
        for moment in [&mut self.since, &mut self.until].into_iter().flatten() {
            *moment = Moment::At(moment.resolve(first));
        }
    }

    /// Whether a connection is told, as far as the connection itself says.
    pub(super) fn has(&self, c: &Connection) -> bool {
        let after = |moment: &Moment| c.last.time >= moment.resolve(c.first.time);
        let before = |moment: &Moment| c.first.time <= moment.resolve(c.first.time);
        self.since.as_ref().is_none_or(after)
            && self.until.as_ref().is_none_or(before)
            && self.own.is_none_or(|own| c.first.capture() < own)
            && self.peers.as_ref().is_none_or(|p| p.contains(c.client.ip) || p.contains(c.server.ip))
            && self.has_request(c)
    }

    /// Whether a connection is told, as far as its diagnosis says.
    pub(super) fn has_cause(&self, d: &Diagnosis) -> bool {
        self.causes.is_empty()
            || d.findings.iter().any(|(cause, _)| self.causes.contains(cause))
            || d.verdict.cause.is_some_and(|cause| self.causes.contains(&cause))
    }

    /// Whether one request has all that is asked of requests. A host is also named by the SNI, of which the requests
    /// are hidden; nothing else can be told of those.
    fn has_request(&self, c: &Connection) -> bool {
        if self.hosts.is_empty() && self.paths.is_empty() && self.request_ids.is_empty() {
            return true;
        }
        let by_name = || {
            let only_hosts = self.paths.is_empty() && self.request_ids.is_empty();
            only_hosts && c.sni().is_some_and(|sni| self.names(sni))
        };
        c.exchanges().filter_map(|e| e.request).any(|request| self.asks(request)) || by_name()
    }

    fn asks(&self, request: Asked<'_>) -> bool {
        let id = request.cf_id;
        let path = path(request.target);
        (self.hosts.is_empty() || request.host.is_some_and(|host| self.names(host)))
            && (self.paths.is_empty() || self.paths.iter().any(|prefix| path.starts_with(prefix.as_str())))
            && (self.request_ids.is_empty() || id.is_some_and(|id| self.request_ids.iter().any(|wanted| wanted == id)))
    }

    fn names(&self, host: &str) -> bool {
        self.hosts.iter().any(|wanted| bare(wanted).eq_ignore_ascii_case(bare(host)))
    }
}

/// A host without a port and a last dot.
fn bare(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    name.trim_end_matches('.')
}

/// The path of a request target, also where that is a whole URI (RFC 9112 section 3.2.2).
fn path(target: &str) -> &str {
    match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => target,
    }
}

/// The prefix that `ADDRESS` or `ADDRESS/BITS` stands for.
#[must_use]
pub fn peer(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let ip: IpAddr = ip.parse().ok()?;
    let width = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok().filter(|&bits: &u8| bits <= width))?;
    Some((ip, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-02T03:04:05Z.
    const FIRST: Timestamp = Timestamp(1_767_323_045_000_000_000);

    #[test]
    fn times_are_read_as_people_type_them() {
        for (text, said) in [
            ("2026-01-02T15:04:05Z", "2026-01-02T15:04:05.000000000Z"),
            ("2026-01-02t15:04:05.25z", "2026-01-02T15:04:05.250000000Z"),
            ("2026-01-02T15:04:05+01:00", "2026-01-02T14:04:05.000000000Z"),
            ("2026-01-02 15:04:05", "2026-01-02T15:04:05.000000000Z"),
            ("2026-01-02 15:04", "2026-01-02T15:04:00.000000000Z"),
            ("2026-01-02 15:04:05 -0530", "2026-01-02T20:34:05.000000000Z"),
            (" 15:04 ", "2026-01-02T15:04:00.000000000Z"),
            ("15:04:05.5", "2026-01-02T15:04:05.500000000Z"),
            ("15:04Z", "2026-01-02T15:04:00.000000000Z"),
            ("15:04 UTC", "2026-01-02T15:04:00.000000000Z"),
            // West of here it is still the day before.
            ("23:30-05:00", "2026-01-02T04:30:00.000000000Z"),
            ("01:30+02", "2026-01-01T23:30:00.000000000Z"),
        ] {
            let moment = Moment::parse(text).unwrap_or_else(|| unreachable!("{text}"));
            assert_eq!(moment.resolve(FIRST).to_string(), said, "{text}");
        }
        for text in
            ["", "now", "15", "2026-01-02", "25:00", "15:04+1", "15:04+99:00", "2026-13-01 00:00", "15:04:05 CET"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_paths_and_peers_are_read() {
        for (host, name) in [("A.example:8443", "A.example"), ("a.example.", "a.example"), ("[::1]:80", "[::1]")] {
            assert_eq!(bare(host), name);
        }
        for (target, is) in [("/a?b=c://d", "/a?b=c://d"), ("http://a/b", "/b"), ("http://a", "/"), ("*", "*")] {
            assert_eq!(path(target), is);
        }
        for (text, ok) in
            [("192.0.2.1", true), ("192.0.2.0/24", true), ("2001:db8::/32", true), ("192.0.2.0/33", false)]
        {
            assert_eq!(peer(text).is_some(), ok, "{text}");
        }
    }
}
