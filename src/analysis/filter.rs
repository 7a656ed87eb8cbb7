//! `--filter`: a pcap-filter expression over frames as captured, outermost header first (ruling 11).

use crate::source::Packet;

use super::Failure;

#[cfg(feature = "pcap")]
use crate::source::{LinkType, filter};

/// An expression, compiled for the link type in hand.
pub(super) struct Filter<'e> {
    expression: Option<&'e str>,
    #[cfg(feature = "pcap")]
    compiled: Option<(LinkType, filter::Filter)>,
}

#[cfg(feature = "pcap")]
impl<'e> Filter<'e> {
    /// Begins; without an expression every packet passes.
    pub(super) fn new(expression: Option<&'e str>) -> Result<Filter<'e>, Failure> {
        Ok(Filter { expression, compiled: None })
    }

    /// Whether the expression matches.
    #[inline]
    pub(super) fn passes(&mut self, packet: &Packet<'_>) -> Result<bool, Failure> {
        let Some(expression) = self.expression else { return Ok(true) };
        if self.compiled.as_ref().is_none_or(|(link_type, _)| *link_type != packet.link_type) {
            let fresh = filter::Filter::compile(expression, packet.link_type).map_err(Failure::Filter)?;
            self.compiled = Some((packet.link_type, fresh));
        }
        Ok(self.compiled.as_ref().is_none_or(|(_, filter)| filter.matches(packet.bytes)))
    }
}

#[cfg(not(feature = "pcap"))]
impl<'e> Filter<'e> {
    /// Begins; without an expression every packet passes.
    pub(super) fn new(expression: Option<&'e str>) -> Result<Filter<'e>, Failure> {
        match expression {
            None => Ok(Filter { expression }),
            Some(_) => Err(Failure::Filter("--filter needs libpcap, which this build does without".to_owned())),
        }
    }

    /// Every packet passes.
    pub(super) fn passes(&mut self, _packet: &Packet<'_>) -> Result<bool, Failure> {
        debug_assert!(self.expression.is_none(), "refused at the beginning");
        Ok(true)
    }
}
