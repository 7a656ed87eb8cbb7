//! Why a capture could not be opened at all.

use super::compression::{Compression, MAGIC_LEN};
use crate::base::Escaped;
use std::{fmt, io};

/// The input is not a capture that can be read. Displayed as one line: which, what, and what to do.
#[derive(Debug)]
pub struct OpenError {
    /// The name under which the input was opened.
    pub name: String,
    /// What is wrong with it.
    pub reason: OpenReason,
}

/// What is wrong with an input that cannot be opened.
#[derive(Debug)]
pub enum OpenReason {
    /// The operating system could not open or read it.
    Io(io::Error),
    /// It has no byte.
    Empty,
    /// It begins like a capture and ends within its first header, which needs so many bytes.
    HeaderCut {
        /// Bytes that the header needs.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// A capture of a version that is not known.
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A pcapng section header whose length or byte-order mark cannot be right.
    DamagedHeader,
    /// Compressed data that cannot be decompressed: its format, and why.
    Compression(&'static str, io::Error),
    /// Something else that is known by its first bytes.
    Known(Lookalike),
    /// None of the formats known.
    Unknown,
}

/// Formats that are recognised and not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookalike {
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// A zip archive.
    Zip,
    /// Compressed data within compressed data.
    CompressedTwice,
    /// LZ4 as it was before its frame format.
    Lz4Legacy,
    /// Solaris snoop (RFC 1761).
    Snoop,
    /// Microsoft Network Monitor.
    NetworkMonitor,
    /// AIX iptrace.
    Iptrace,
    /// The text that tcpdump prints.
    TcpdumpText,
    /// Some other text.
    Text,
}

/// How many bytes [`Lookalike::of`] looks at.
pub(super) const LOOK: usize = 64;

impl Lookalike {
    /// What the first bytes of an input, decompressed once, look like.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..MAGIC_LEN).and_then(Compression::of).is_some() {
            return Some(Self::CompressedTwice);
        }
        const MAGIC: [(&[u8], Lookalike); 9] = [
            (b"\x02\x21\x4c\x18", Lookalike::Lz4Legacy),
            (b"\xfd7zXZ", Lookalike::Xz),
            (b"BZh", Lookalike::Bzip2),
            (b"PK\x03\x04", Lookalike::Zip),
            (b"snoop\0\0\0", Lookalike::Snoop),
            (b"GMBU", Lookalike::NetworkMonitor),
            (b"RTSS", Lookalike::NetworkMonitor),
            (b"iptrace ", Lookalike::Iptrace),
            (b"tcpdump: ", Lookalike::TcpdumpText),
        ];
        if let Some((_, known)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Some(*known);
        }
        let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
        let text = line.iter().all(|&b| b == b'\t' || b == b'\r' || (0x20..0x7f).contains(&b));
        match line {
            _ if !text => None,
            [h1, h2, b':', m1, m2, b':', ..] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
                Some(Self::TcpdumpText)
            }
            _ => Some(Self::Text),
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Lz4Legacy => "is compressed with lz4 in its legacy format: `lz4 -dc FILE | why502 analyze -`",
            Self::Xz => "is compressed with xz: `xz -dc FILE | why502 analyze -`",
            Self::Bzip2 => "is compressed with bzip2: `bzip2 -dc FILE | why502 analyze -`",
            Self::Zip => "is a zip archive: `unzip -p FILE | why502 analyze -`",
            Self::CompressedTwice => "is compressed twice: decompress it once",
            Self::Snoop => "is a snoop capture: convert it with `editcap FILE OUT.pcapng`",
            Self::NetworkMonitor => "is a Network Monitor capture: convert it with `editcap FILE OUT.pcapng`",
            Self::Iptrace => "is an iptrace capture: convert it with `editcap FILE OUT.pcapng`",
            Self::TcpdumpText => "is the text that tcpdump prints: capture again with `tcpdump -w FILE`",
            Self::Text => "is text, not a capture: give a file written by `tcpdump -w`",
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Escaped(&self.name), self.reason)
    }
}

impl fmt::Display for OpenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Empty => f.write_str("is empty: check that tcpdump could write it, and capture again"),
            Self::HeaderCut { needed, available } => write!(
                f,
                "ends within its header ({available} of {needed} bytes): copy it again after tcpdump has stopped"
            ),
            Self::Version { major, minor } => {
                write!(f, "is a capture of version {major}.{minor}, which is not known: convert it with `editcap`")
            }
            Self::DamagedHeader => f.write_str("has a damaged pcapng header: copy it again in binary mode"),
            Self::Compression(format, error) => write!(f, "is damaged {format} data ({error}): copy it again"),
            Self::Known(other) => f.write_str(other.advice()),
            Self::Unknown => f.write_str("is not a pcap or pcapng capture: give a file written by `tcpdump -w`"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            OpenReason::Io(error) | OpenReason::Compression(_, error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_capture_is_named() {
        for (bytes, known) in [
            (&b"12:34:56.789012 IP 10.0.0.1.80 > "[..], Some(Lookalike::TcpdumpText)),
            (b"GET / HTTP/1.1\r\n", Some(Lookalike::Text)),
            (b"\x28\xb5\x2f\xfd\0\0", Some(Lookalike::CompressedTwice)),
            (b"\xfd7zXZ\0", Some(Lookalike::Xz)),
            (b"snoop\0\0\0\0\0\0\x02", Some(Lookalike::Snoop)),
            (b"\x7fELF\x02\x01", None),
        ] {
            assert_eq!(Lookalike::of(bytes), known);
        }
        let error = OpenError { name: "a\x1bb".into(), reason: OpenReason::Empty };
        assert!(error.to_string().starts_with("a\\x1bb: is empty"));
    }
}
