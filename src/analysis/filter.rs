//! `--filter`: a pcap-filter expression over frames as captured, outermost header first (ruling 11).

use crate::source::Packet;

use super::Failure;

#[cfg(feature = "pcap")]
use crate::source::{LinkType, filter};

/// Link types for which an expression is kept compiled: captures of several interfaces take turns.
#[cfg(feature = "pcap")]
const MAX_COMPILED: usize = 16;

/// An expression, compiled for the link types in hand.
pub(super) struct Filter<'e> {
    expression: Option<&'e str>,
    /// The one of the last packet comes first.
    #[cfg(feature = "pcap")]
    compiled: Vec<(LinkType, filter::Filter)>,
}

#[cfg(feature = "pcap")]
impl<'e> Filter<'e> {
    /// Begins; without an expression every packet passes.
    pub(super) fn new(expression: Option<&'e str>) -> Result<Filter<'e>, Failure> {
        Ok(Filter { expression, compiled: Vec::new() })
    }

    /// Whether the expression matches.
    #[inline]
    pub(super) fn passes(&mut self, packet: &Packet<'_>) -> Result<bool, Failure> {
        let Some(expression) = self.expression else { return Ok(true) };
        if self.compiled.first().is_none_or(|(link_type, _)| *link_type != packet.link_type) {
            self.turn_to(packet.link_type, expression)?;
        }
        Ok(self.compiled.first().is_none_or(|(_, filter)| filter.matches(packet.bytes)))
    }

    #[cold]
    fn turn_to(&mut self, link_type: LinkType, expression: &str) -> Result<(), Failure> {
        let known = match self.compiled.iter().position(|(known, _)| *known == link_type) {
            Some(at) => self.compiled.remove(at),
            None => (link_type, filter::Filter::compile(expression, link_type).map_err(Failure::Filter)?),
        };
        self.compiled.insert(0, known);
        self.compiled.truncate(MAX_COMPILED);
        Ok(())
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
