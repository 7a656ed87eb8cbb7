//! pcap-filter expressions over captured frames, compiled and run by libpcap.

use super::LinkType;
use ::pcap::{BpfProgram, Capture, Linktype};
use std::fmt;

/// A compiled pcap-filter expression for frames of one link type.
pub struct Filter {
    program: BpfProgram,
}

impl Filter {
    /// Compiles `expression` for frames that begin as `link_type` says. Nothing is resolved or opened.
    ///
    /// # Errors
    /// What libpcap says is wrong with the expression, in one line.
    pub fn compile(expression: &str, link_type: LinkType) -> Result<Self, String> {
        let compiled = Capture::dead(Linktype(data_link(link_type)))
            .and_then(|handle| handle.compile(expression, true))
            .map_err(|error| match error {
                ::pcap::Error::PcapError(text) => text,
                other => other.to_string(),
            });
        compiled.map(|program| Self { program })
    }

    /// Whether a frame matches: as captured, outermost header first. Its length is that which was captured.
    #[must_use]
    pub fn matches(&self, frame: &[u8]) -> bool {
        self.program.filter(frame)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({} instructions)", self.program.get_instructions().len())
    }
}

/// libpcap compiles for its own numbers, of which one that matters differs from those in files.
fn data_link(link_type: LinkType) -> i32 {
    match link_type {
        LinkType::RAW => 12,
        LinkType(other) => i32::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_frames() {
        let mut frame = vec![0; 12];
        frame.extend([8, 0]);
        let ip = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 1, 0xbb];
        frame.extend(ip);
        frame.extend([0; 16]);
        let filter = Filter::compile("tcp port 443 and host 10.0.0.2", LinkType::ETHERNET).unwrap();
        assert!(filter.matches(&frame));
        assert!(Filter::compile("tcp port 443", LinkType::RAW).unwrap().matches(&frame[14..]));
        assert!(!Filter::compile("udp", LinkType::ETHERNET).unwrap().matches(&frame));
        assert!(!filter.matches(&[]));
        let error = Filter::compile("tcp prot 443", LinkType::ETHERNET).unwrap_err();
        assert!(!error.is_empty() && !error.contains('\n'), "{error}");
    }
}
