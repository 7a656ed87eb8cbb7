//! The headers between IP and what it carries (RFC 8200 section 4, RFC 4302).

use super::protocol;
use crate::link::{Span, Undecodable};

/// The most extension headers that are followed: each has a use once, destination options twice.
const MAX_EXTENSIONS: usize = 10;

/// More fragments follow, or a fragment offset (RFC 8200 section 4.5).
const FRAGMENT: u16 = 0xfff9;

/// What stands behind the extension headers.
pub(super) struct Behind<'a> {
    pub(super) protocol: u8,
    pub(super) payload: Span<'a>,
    /// Whether a fragment header was met, behind which nothing can be read.
    pub(super) is_fragment: bool,
}

/// Steps over extension headers, until something else or a fragment comes.
#[inline(never)]
pub(super) fn follow(protocol: u8, payload: Span<'_>) -> Result<Behind<'_>, Undecodable> {
    let mut behind = Behind { protocol, payload, is_fragment: false };
    for _ in 0..MAX_EXTENSIONS {
        let kind = behind.protocol;
        match kind {
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::AUTHENTICATION
            | protocol::DESTINATION
            | protocol::MOBILITY
            | protocol::HOST_IDENTITY
            | protocol::SHIM6 => {}
            _ => return Ok(behind),
        }
        let ([next, length, f1, f2], _) = behind.payload.head()?;
        let size = match kind {
            protocol::FRAGMENT => 8,
            protocol::AUTHENTICATION => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        behind.payload = behind.payload.skip(size)?;
        behind.protocol = next;
        // A fragment header on a whole packet means nothing (RFC 6946).
        if kind == protocol::FRAGMENT && u16::from_be_bytes([f1, f2]) & FRAGMENT != 0 {
            behind.is_fragment = true;
            return Ok(behind);
        }
    }
    Err(Undecodable::TooDeep)
}
