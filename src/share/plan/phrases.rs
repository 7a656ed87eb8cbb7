//! What built-in pages of servers say, by which causes know them: it is nobody's secret.

use super::side::Out;

/// In any case of letters.
const PHRASES: [&str; 31] = [
    "<center>nginx",
    "<center>openresty",
    "the proxy server received an invalid",
    "the server is temporarily unable to service your",
    "the gateway did not receive a timely response",
    "no server is available to handle this request",
    "the server returned an invalid or incomplete response",
    "the server didn't respond in time",
    "upstream connect error or disconnect/reset",
    "guru meditation",
    "http error 503. the service is unavailable",
    "you don't have permission to access this resource.",
    "request forbidden by administrative rules.",
    "403 - forbidden: access is denied.",
    "rbac: access denied",
    "<center><h1>403 forbidden</h1></center>",
    "plain http request was sent to https port",
    "speaking plain http to an ssl-enabled server port",
    "http request to an https server",
    "combination of host and port requires tls",
    "<center><h1>400 bad request</h1></center>",
    "your browser sent a request that this server could not understand",
    "your browser sent an invalid request",
    "400 bad request: malformed http",
    "invalid request line",
    "invalid http version",
    "invalid method",
    "proxy protocol",
    "proxy-protocol",
    "proxyproto",
    "proxy header",
];

/// Those of servers that refuse in HTTP what they did not find in TLS.
const REFUSALS: [&str; 2] = ["alpn protocol, expected", "no required ssl certificate was sent"];

/// Where in a text the phrases stand.
pub(super) fn places(text: &[u8]) -> Vec<bool> {
    let mut kept = vec![false; text.len()];
    for phrase in PHRASES.iter().chain(&REFUSALS).map(|phrase| phrase.as_bytes()) {
        for (at, part) in text.windows(phrase.len()).enumerate() {
            if part.eq_ignore_ascii_case(phrase) {
                kept.iter_mut().skip(at).take(phrase.len()).for_each(|place| *place = true);
            }
        }
    }
    kept
}

/// Notes the phrases of a text, of which something may be removed elsewhere.
pub(super) fn note(text: &[u8], places: &[bool], out: &mut Out) {
    let mut at = 0;
    for run in places.chunk_by(|a, b| a == b) {
        if run.first() == Some(&true) {
            out.kept(text.get(at..at + run.len()).unwrap_or_default());
        }
        at += run.len();
    }
}

/// The text with all but the phrases as `blank` has it.
pub(super) fn kept(text: &[u8], blank: impl Fn(u8) -> u8) -> Vec<u8> {
    text.iter().zip(places(text)).map(|(byte, kept)| if kept { *byte } else { blank(*byte) }).collect()
}
