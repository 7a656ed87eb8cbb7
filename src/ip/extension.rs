//! The headers between IP and what it carries (RFC 8200 section 4, RFC 4302).

use super::defrag::Part;
use super::protocol;
use crate::link::{Span, Undecodable};

/// The most extension headers that are followed: each has a use once, destination options twice.
const MAX_EXTENSIONS: usize = 10;

/// The fragment offset, already in bytes, and more fragments follow (RFC 8200 section 4.5).
const OFFSET: u16 = 0xfff8;
const MORE: u16 = 1;

/// What stands behind the extension headers.
pub(super) struct Behind<'a> {
    pub(super) protocol: u8,
    pub(super) payload: Span<'a>,
    /// Set where a fragment header was met, behind which nothing can be read.
    pub(super) part: Option<Part>,
}

/// Steps over extension headers, until something else or a fragment comes.
#[inline(never)]
pub(super) fn follow(protocol: u8, payload: Span<'_>) -> Result<Behind<'_>, Undecodable> {
    let mut behind = Behind { protocol, payload, part: None };
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
        let header = behind.payload;
        let ([next, length], _) = header.head()?;
        let size = match kind {
            protocol::FRAGMENT => 8,
            protocol::AUTHENTICATION => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        behind.payload = header.skip(size)?;
        behind.protocol = next;
        if kind == protocol::FRAGMENT {
            let ([_, _, f1, f2, i1, i2, i3, i4], _) = header.head()?;
            let field = u16::from_be_bytes([f1, f2]);
            // A fragment header on a whole packet means nothing (RFC 6946).
            if field & (OFFSET | MORE) != 0 {
                let id = u32::from_be_bytes([i1, i2, i3, i4]);
                behind.part = Some(Part { id, offset: field & OFFSET, is_last: field & MORE == 0 });
                return Ok(behind);
            }
        }
    }
    Err(Undecodable::TooDeep)
}
