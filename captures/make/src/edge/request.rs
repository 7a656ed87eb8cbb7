//! Requests as CloudFront sends them to an origin.

use crate::certs::ORIGIN_NAME;

/// A request; [`Request::get`] is what a cache miss for a page looks like.
#[derive(Clone)]
pub(crate) struct Request {
    method: &'static str,
    target: String,
    host: String,
    further: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A GET with CloudFront's headers.
    pub(crate) fn get(target: &str) -> Request {
        Request::new("GET", target)
    }

    /// Any method.
    pub(crate) fn new(method: &'static str, target: &str) -> Request {
        let (target, host) = (target.to_owned(), ORIGIN_NAME.to_owned());
        Request { method, target, host, further: Vec::new(), body: Vec::new() }
    }

    /// A further header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Request {
        self.further.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body, with its Content-Length.
    pub(crate) fn body(mut self, body: &[u8]) -> Request {
        body.clone_into(&mut self.body);
        self
    }

    /// Its `X-Amz-Cf-Id`.
    pub(crate) fn id(&self) -> String {
        identifier(&format!("{}{}{:?}", self.method, self.target, self.further))
    }

    /// The bytes on the wire.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let id = self.id();
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Amazon CloudFront\r\n\
             Via: 1.1 4c1f8f1d5e2b7a9036d2c4e8a1b3f570.cloudfront.net (CloudFront)\r\n\
             X-Amz-Cf-Id: {id}\r\nX-Forwarded-For: 203.0.113.{}\r\n\
             Accept-Encoding: gzip\r\nConnection: Keep-Alive\r\n",
            self.method,
            self.target,
            self.host,
            id.bytes().last().unwrap_or(1),
        );
        for (name, value) in &self.further {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }
}

/// A request identifier of CloudFront's form: 54 characters of URL-safe base64 and `==`. The same request, the same
/// identifier: the edge of the laboratory has no clock of its own.
fn identifier(seed: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state =
        seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut id = String::with_capacity(56);
    for _ in 0..54 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        id.push(char::from(ALPHABET.get((state >> 58) as usize).copied().unwrap_or(b'A')));
    }
    id + "=="
}
