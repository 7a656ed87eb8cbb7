//! What a probe found beside its connections: the name, and what only asking tells.

use std::net::IpAddr;

use crate::diagnosis::{Cause, Confidence, Outcome};

/// What a probe found.
#[derive(Debug, Clone, Default)]
pub struct Probed {
    /// The host that the user named.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The policy of the TLS library, where TLS was spoken.
    pub policy: Option<String>,
    /// What the name resolved to as this host's resolver sees it, or what was given in its place.
    pub addresses: Vec<IpAddr>,
    /// Whether the addresses were given, and nobody was asked.
    pub addresses_given: bool,
    /// What is wrong with the name.
    pub trouble: Option<NameTrouble>,
    /// Why nothing could be sent there, where nothing was.
    pub unreachable: Option<String>,
    /// What was asked beside the request itself, and what came of it.
    pub rows: Vec<Row>,
}

/// Why CloudFront would not find the origin by its name, or not reach it.
#[derive(Debug, Clone)]
pub struct NameTrouble {
    /// `dns.*`.
    pub cause: &'static Cause,
    /// How sure that is.
    pub confidence: Confidence,
    /// What happened.
    pub message: String,
    /// What to do.
    pub fix: Vec<String>,
}

/// One thing that was asked.
#[derive(Debug, Clone)]
pub struct Row {
    /// What is compared: `policy`, `server name`, …
    pub area: &'static str,
    /// What was done.
    pub asked: String,
    /// What came of it, in words.
    pub answer: String,
    /// What the analysis made of that connection.
    pub outcome: Option<Outcome>,
    /// The cause of its verdict.
    pub cause: Option<&'static Cause>,
    /// The version that the origin chose.
    pub version: Option<String>,
    /// The cipher suite.
    pub cipher: Option<String>,
    /// The group.
    pub group: Option<String>,
    /// The subject of the leaf.
    pub certificate: Option<String>,
    /// The status of the last response.
    pub status: Option<u16>,
}

impl Row {
    /// One of which nothing is known but its words.
    #[must_use]
    pub fn new(area: &'static str, asked: impl Into<String>, answer: impl Into<String>) -> Row {
        Row {
            area,
            asked: asked.into(),
            answer: answer.into(),
            outcome: None,
            cause: None,
            version: None,
            cipher: None,
            group: None,
            certificate: None,
            status: None,
        }
    }
}

impl Probed {
    /// The sentence of what was asked, where that of its connections is `told` of so many: what is wrong with the name
    /// comes before them, or after.
    #[must_use]
    pub fn headline(&self, told: &str, connections: u64) -> String {
        let first = |trouble: &NameTrouble| {
            let sentence = trouble.message.split(". ").next().unwrap_or_default().trim_end_matches('.');
            format!("{sentence} ({})", trouble.cause.id())
        };
        match (&self.trouble, &self.unreachable) {
            (Some(trouble), _) if connections == 0 => first(trouble),
            (Some(trouble), _) => format!("{}; {}", told.trim_end_matches('.'), first(trouble)),
            (None, Some(why)) => format!("{}:{} cannot be reached from here: {why}", self.host, self.port),
            (None, None) => told.to_owned(),
        }
    }

    /// `"origin.example" is 192.0.2.7, 192.0.2.8 (as this host resolves it)`.
    #[must_use]
    pub fn name_in_words(&self) -> String {
        /// Addresses that a sentence can hold.
        const SHOWN: usize = 8;
        let shown: Vec<_> = self.addresses.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = self.addresses.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        match (self.addresses.is_empty(), self.addresses_given) {
            (true, _) => format!("{} has no address here", self.host),
            (false, true) => format!("{} is taken to be {}{more}, as was asked for", self.host, shown.join(", ")),
            (false, false) => format!("{} is {}{more}, as this host's resolver sees it", self.host, shown.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::by_id;

    #[test]
    fn a_headline_says_what_is_wrong_with_the_name() {
        let trouble = NameTrouble {
            cause: by_id("dns.private-address").unwrap(),
            confidence: Confidence::Likely,
            message: "a.example resolves to 10.0.0.5, as this host's resolver sees it: no. And so on.".to_owned(),
            fix: Vec::new(),
        };
        let host = || Probed { host: "a.example".to_owned(), port: 443, ..Probed::default() };
        let of_name = "a.example resolves to 10.0.0.5, as this host's resolver sees it: no (dns.private-address)";
        for (probed, connections, expected) in [
            (Probed { trouble: Some(trouble.clone()), ..host() }, 0, of_name.to_owned()),
            (Probed { trouble: Some(trouble), ..host() }, 1, format!("All is well; {of_name}")),
            (
                Probed { unreachable: Some("no route".to_owned()), ..host() },
                0,
                "a.example:443 cannot be reached from here: no route".to_owned(),
            ),
            (host(), 1, "All is well.".to_owned()),
        ] {
            assert_eq!(probed.headline("All is well.", connections), expected);
        }
    }
}
