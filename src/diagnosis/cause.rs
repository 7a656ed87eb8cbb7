//! An entry of the catalogue: page, predicate and precedence in one place.

use std::fmt;

use crate::observation::{Connection, Sign};

use super::{Family, Finding, RestsOn, SecondLook};

/// The stage at which a connection failed: the area of a cause's identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// The capture itself limits what can be said.
    Capture,
    /// Name resolution.
    Dns,
    /// No usable TCP connection.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The HTTP/1 exchange.
    Http,
    /// HTTP/2.
    Http2,
    /// A valid response that is itself the error.
    App,
}

impl Stage {
    /// The name in identifiers and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Capture => "capture",
            Stage::Dns => "dns",
            Stage::Tcp => "tcp",
            Stage::Tls => "tls",
            Stage::Http => "http",
            Stage::Http2 => "http2",
            Stage::App => "app",
        }
    }

    fn named(name: &str) -> Stage {
        let all = [Stage::Dns, Stage::Tcp, Stage::Tls, Stage::Http, Stage::Http2, Stage::App];
        all.into_iter().find(|s| s.as_str() == name).unwrap_or(Stage::Capture)
    }
}

/// What a finding of this cause does to the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The connection failed.
    Failed,
    /// It cannot be told; only where no finding says that it failed.
    Inconclusive,
    /// Nothing: something to know beside the verdict.
    Note,
}

/// What CloudFront's viewer and its access log most probably saw. `None` where the facts do not settle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edge {
    /// The status that the viewer saw.
    pub status: Option<u16>,
    /// `x-edge-detailed-result-type` of the access log.
    pub detail: Option<&'static str>,
}

impl Edge {
    /// Neither is settled.
    pub const UNKNOWN: Edge = Edge { status: None, detail: None };

    /// A status, with nothing settled about the log.
    #[must_use]
    pub const fn status(status: u16) -> Edge {
        Edge { status: Some(status), detail: None }
    }

    /// The same with the log's word for it.
    #[must_use]
    pub const fn detail(self, detail: &'static str) -> Edge {
        Edge { status: self.status, detail: Some(detail) }
    }
}

/// Longest identifier of a cause, in bytes.
const MAX_ID: usize = 48;

/// `area.slug`, made from the path of the module that declares the cause, so that it cannot drift from the file.
#[derive(Debug, Clone, Copy)]
pub struct CauseId {
    bytes: [u8; MAX_ID],
    len: usize,
}

impl CauseId {
    /// From a module path that ends in `causes::AREA::SLUG`.
    ///
    /// # Panics
    /// At compile time, where the path has another shape or is too long.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "evaluated at compile time, where a wrong index is a build error")]
    pub const fn from_module_path(path: &str) -> CauseId {
        let path = path.as_bytes();
        let (mut start, mut colons, mut i) = (0, 0, path.len());
        while i > 0 && colons < 4 {
            i -= 1;
            if path[i] == b':' {
                colons += 1;
                start = i + 2;
            }
        }
        // The fourth colon from the end is the first of the `::` before the area.
        let (mut bytes, mut len, mut at) = ([0; MAX_ID], 0, start);
        while at < path.len() {
            match path[at] {
                b':' => {
                    bytes[len] = b'.';
                    at += 2;
                }
                b'_' => {
                    bytes[len] = b'-';
                    at += 1;
                }
                other => {
                    bytes[len] = other;
                    at += 1;
                }
            }
            len += 1;
        }
        CauseId { bytes, len }
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

/// One named reason why an edge could not get a usable response.
pub struct Cause {
    /// `area.slug`.
    pub id: CauseId,
    /// The page that `why502 explain` prints, in Markdown: the doc comment of the cause.
    pub page: &'static str,
    /// What a finding does to the verdict.
    pub effect: Effect,
    /// What the viewer and the log saw.
    pub edge: Edge,
    /// What a finding rests on beside the bytes that it cites.
    pub rests_on: RestsOn,
    /// Identifiers of causes that this one makes a mere consequence where both are found on one connection.
    pub supersedes: &'static [&'static str],
    /// What else the same fault looks like on other connections, where it has several pictures.
    pub family: Option<&'static Family>,
    /// What all of the capture may tell of a finding.
    pub second_look: SecondLook,
    /// What the server did, in a few words, where the stage does not say it well enough.
    pub deed: Option<&'static str>,
    /// One of these shows on every connection that this can be a finding on; where none shows, the predicate is not asked.
    pub needs: &'static [Sign],
    /// The predicate: a pure function of one finished connection.
    pub detect: fn(&Connection) -> Option<Finding>,
}

impl Cause {
    /// `area.slug`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// The stage at which this cause makes a connection fail.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::named(self.id().split('.').next().unwrap_or_default())
    }

    /// What the server did, in a few words: `refused the connection`.
    #[must_use]
    pub fn deed(&self) -> &'static str {
        self.deed.unwrap_or(match self.stage() {
            Stage::Tls => "failed in the TLS handshake",
            Stage::App => "itself answered with an error",
            Stage::Capture | Stage::Dns | Stage::Tcp | Stage::Http | Stage::Http2 => "failed",
        })
    }

    /// The first line of the page: what it is, in one sentence.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.page.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default()
    }

    /// The part of the page under a heading, without the heading; empty where there is none.
    #[must_use]
    pub fn section(&self, heading: &str) -> String {
        let mut lines = self.page.lines().map(|l| l.strip_prefix(' ').unwrap_or(l));
        let found = lines.any(|l| l.strip_prefix("# ").is_some_and(|h| h.trim() == heading));
        let body: Vec<_> = lines.take_while(|l| found && !l.starts_with("# ")).collect();
        body.join("\n").trim().to_owned()
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cause").field(&self.id()).finish()
    }
}

/// Each cause exists once, where its file declares it.
impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_come_from_module_paths() {
        const ID: CauseId = CauseId::from_module_path("why502::causes::tls::no_common_cipher");
        assert_eq!(ID.as_str(), "tls.no-common-cipher");
        assert_eq!(CauseId::from_module_path("why502::causes::app::origin_502").as_str(), "app.origin-502");
    }
}
