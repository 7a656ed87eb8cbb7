//! Requests as CloudFront sends them to an origin, and marked as a probe's.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use crate::base::PROBE_ID;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, unless another is asked for.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// What stands in Host.
    pub host: String,
    /// A further header, or several.
    pub further: Vec<(String, String)>,
    /// The body; where there is one, its length is said.
    pub body: Option<Vec<u8>>,
    /// HTTP/1.0 in place of 1.1.
    pub old: bool,
}

impl Request {
    /// The bytes of HTTP/1.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let version = if self.old { "1.0" } else { "1.1" };
        let mut head = format!("{} {} HTTP/{version}\r\nHost: {}\r\n", self.method, self.target, self.host);
        for (name, value) in headers() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("Connection: Keep-Alive\r\n");
        for (name, value) in &self.further {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone().unwrap_or_default()].concat()
    }
}

/// What CloudFront adds to a viewer's request. The viewer's address is one of those for documentation.
pub(super) fn headers() -> [(&'static str, String); 5] {
    [
        ("User-Agent", "Amazon CloudFront".to_owned()),
        ("Via", "1.1 why502probe.cloudfront.net (CloudFront)".to_owned()),
        ("X-Amz-Cf-Id", identifier()),
        ("X-Forwarded-For", "192.0.2.1".to_owned()),
        ("Accept-Encoding", "gzip".to_owned()),
    ]
}

/// An identifier of CloudFront's length, 56 characters, that says whose it is: another one each time.
fn identifier() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut id = PROBE_ID.to_owned();
    while id.len() < 54 {
        // Every state is keyed anew.
        let mut random = RandomState::new().build_hasher().finish();
        for _ in 0..10 {
            id.push(char::from(ALPHABET.get(random as usize & 63).copied().unwrap_or(b'A')));
            random >>= 6;
        }
    }
    id.truncate(54);
    id + "=="
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_a_probes_and_differ() {
        let (one, other) = (identifier(), identifier());
        assert_ne!(one, other);
        assert!(one.starts_with("why502-probe-") && one.len() == 56, "{one}");
    }
}
