//! Lines of HTTP/1, and fields of any version: what of them stays.
//!
//! Every function gives as many bytes as it takes.

use super::side::Out;
use super::{BLANK, Rules, shape};

/// Fields whose values stay.
const KEPT: [&str; 13] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "content-encoding",
    "content-range",
    "connection",
    "upgrade",
    "expect",
    "date",
    "server",
    "via",
    "x-amz-cf-id",
];

/// Fields of which numbers stay, without which some faults cannot be told: how long an origin keeps a connection, by its
/// own word; whether a call of gRPC failed; the version of WebSocket.
const NUMBERS: [&str; 3] = ["keep-alive", "grpc-status", "sec-websocket-version"];

/// User agents that name no person's browser: CloudFront, and health checks.
const AGENTS: [&[u8]; 7] = [
    b"Amazon CloudFront",
    b"ELB-HealthChecker/",
    b"Amazon-Route53-Health-Check",
    b"kube-probe/",
    b"GoogleHC/",
    b"Consul Health Check",
    b"grpc-health-probe",
];

/// Pseudo-fields of HTTP/2 that stay; `:path` is a target.
const PSEUDO: [&str; 5] = [":method", ":scheme", ":status", ":authority", ":protocol"];

/// Methods that stay.
const METHODS: [&str; 14] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PURGE", "QUERY",
    "SEARCH", "REPORT",
];

/// A reason phrase of so many letters is that of a standard, or says as little.
const REASON: usize = 40;

/// What becomes of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Fate {
    /// It stays.
    Kept,
    /// Digits and what separates them stay.
    Numbers,
    /// It is the target of a request.
    Target,
    /// It is blanked.
    #[default]
    Blanked,
}

/// Whether this is the name of a field whose value stays.
pub(in crate::share) fn is_kept_field(name: &str) -> bool {
    KEPT.iter().chain(&NUMBERS).any(|known| known.eq_ignore_ascii_case(name))
}

/// What becomes of the value of a field with this name.
pub(super) fn fate(name: &[u8], value: &[u8], rules: &Rules) -> Fate {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if rules.fields.iter().any(|redacted| is(redacted)) || rules.names(value) && !is("host") && !is(":authority") {
        return Fate::Blanked;
    }
    let agent = || is("user-agent") && AGENTS.iter().any(|agent| value.starts_with(agent));
    let numbers = || NUMBERS.iter().any(|known| is(known)) && value.len() <= 64;
    if is(":path") {
        Fate::Target
    } else if numbers() {
        Fate::Numbers
    } else if KEPT.iter().chain(&PSEUDO).any(|known| is(known)) || agent() {
        Fate::Kept
    } else {
        Fate::Blanked
    }
}

/// A value as it is written.
pub(super) fn value(raw: &[u8], fate: Fate, rules: &Rules) -> Vec<u8> {
    match fate {
        Fate::Kept => addresses(raw, rules),
        Fate::Numbers => numbers(raw),
        Fate::Target => target(raw, rules),
        Fate::Blanked => blanked(raw),
    }
}

/// The names of what is counted stay, and the numbers.
fn numbers(raw: &[u8]) -> Vec<u8> {
    let known = |word: &[u8]| word.eq_ignore_ascii_case(b"timeout") || word.eq_ignore_ascii_case(b"max");
    let mut out = Vec::with_capacity(raw.len());
    for part in raw.split_inclusive(|b| !b.is_ascii_alphanumeric()) {
        let letters = part.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let (word, rest) = part.split_at_checked(letters).unwrap_or((part, &[]));
        let stays = known(word) || word.iter().all(u8::is_ascii_digit) && word.len() <= 10;
        out.extend(word.iter().map(|b| if stays { *b } else { shape(*b) }));
        out.extend(rest.iter().map(|b| if matches!(b, b'=' | b',' | b' ' | b'\t') { *b } else { fault_or(*b) }));
    }
    out
}

/// Whether a byte is white space within a line.
const fn blank(b: &u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// Blanks all but the white space around it, and what no value may contain: that is the fault.
fn blanked(raw: &[u8]) -> Vec<u8> {
    let begin = raw.iter().take_while(|b| blank(b)).count();
    let end = raw.len() - raw.iter().rev().take_while(|b| blank(b)).count();
    let inside = |(at, b): (usize, &u8)| if at < begin || at >= end { *b } else { fault_or(*b) };
    raw.iter().enumerate().map(inside).collect()
}

/// The byte where it is a fault, else a blank.
const fn fault_or(byte: u8) -> u8 {
    if (byte < 0x20 && byte != b'\t') || byte == 0x7f { byte } else { BLANK }
}

/// A request's target: of its path the first segment stays, and of a whole URI the host.
pub(in crate::share) fn target(raw: &[u8], rules: &Rules) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let scheme = raw.windows(3).position(|part| part == b"://").filter(|at| *at <= 8);
    let mut rest = raw;
    if let Some(at) = scheme {
        let (scheme, behind) = raw.split_at_checked(at + 3).unwrap_or((raw, &[]));
        let end = behind.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(behind.len());
        let (authority, path) = behind.split_at_checked(end).unwrap_or((behind, &[]));
        let user = authority.iter().rposition(|b| *b == b'@').unwrap_or(0);
        let (user, host) = authority.split_at_checked(user).unwrap_or((&[], authority));
        out.extend_from_slice(scheme);
        out.extend(user.iter().map(|_| BLANK));
        out.extend(addresses(host, rules));
        rest = path;
    } else if !raw.starts_with(b"/") && raw != b"*" {
        return raw.iter().map(|b| outside(*b)).collect();
    }
    let mut slashes = 0;
    let mut query = false;
    for &byte in rest {
        slashes += usize::from(byte == b'/');
        let separates = matches!(byte, b'/') && !query;
        query |= matches!(byte, b'?' | b'#');
        let stays = separates || slashes <= 1 && !query || matches!(byte, b'?') && !out.contains(&b'?');
        out.push(if stays && byte > b' ' && byte.is_ascii() { byte } else { outside(byte) });
    }
    out
}

/// Blanks a byte of a target, but not what makes it none.
const fn outside(byte: u8) -> u8 {
    if byte <= b' ' || byte == 0x7f { byte } else { BLANK }
}

/// The first line of a request, without its end.
pub(super) fn request_line(line: &[u8], out: &mut Out, rules: &Rules) -> Vec<u8> {
    let method = line.iter().position(blank).unwrap_or(line.len());
    let (method, rest) = line.split_at_checked(method).unwrap_or((line, &[]));
    let last = rest.trim_ascii_end();
    let version = last.iter().rposition(blank).map_or(rest.len(), |at| at + 1);
    let is_version = rest.get(version..).is_some_and(|v| v.starts_with(b"HTTP/") && v.len() <= 16);
    let (target_, version) =
        rest.split_at_checked(if is_version { version } else { rest.len() }).unwrap_or((rest, &[]));
    // A method that nobody knows may be part of anything.
    let known = METHODS.iter().any(|known| known.as_bytes() == method);
    let mut written: Vec<u8> = method.iter().map(|b| if known { *b } else { shape(*b) }).collect();
    let begin = target_.iter().take_while(|b| blank(b)).count();
    let end = target_.len() - target_.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
    let (before, behind) = target_.split_at_checked(begin).unwrap_or((target_, &[]));
    let (inside, behind) = behind.split_at_checked(end.saturating_sub(begin)).unwrap_or((behind, &[]));
    written.extend_from_slice(before);
    let path = if method == b"CONNECT" { addresses(inside, rules) } else { target(inside, rules) };
    differing(inside, &path, out);
    written.extend(path);
    written.extend_from_slice(behind);
    written.extend(version.iter().map(|b| if b.is_ascii_graphic() { *b } else { outside(*b) }));
    written
}

/// The first line of a response, without its end: version and code stay, and a reason that is one.
pub(super) fn status_line(line: &[u8], out: &mut Out) -> Vec<u8> {
    let mut written = Vec::with_capacity(line.len());
    let mut rest = line;
    for known in [b"HTTP".as_slice(), b""] {
        let word = rest.iter().position(blank).unwrap_or(rest.len());
        let space = rest.iter().skip(word).take_while(|b| blank(b)).count();
        let (word, behind) = rest.split_at_checked(word).unwrap_or((rest, &[]));
        let (space, behind) = behind.split_at_checked(space).unwrap_or((behind, &[]));
        let version = !known.is_empty() && word.get(..known.len()).is_some_and(|w| w.eq_ignore_ascii_case(known));
        let stays = word.len() <= 16 && version || word.len() <= 4 && word.iter().all(u8::is_ascii_digit);
        written.extend(word.iter().map(|b| if stays { *b } else { shape(*b) }));
        written.extend_from_slice(space);
        rest = behind;
    }
    let plain = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-' | b'\'' | b'(' | b')');
    if rest.len() <= REASON && rest.iter().all(plain) {
        written.extend_from_slice(rest);
        out.kept(line);
    } else {
        out.removed(rest);
        written.extend(super::phrases::kept(rest, |b| if b.is_ascii_whitespace() { b } else { fault_or(b) }));
    }
    written
}

/// A line of a head, without its end, and what becomes of its value: a folded line has that of the one before it.
pub(super) fn line(line: &[u8], before: Fate, out: &mut Out, rules: &Rules) -> (Vec<u8>, Fate) {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        let written = value(line, before, rules);
        differing(line, &written, out);
        return (written, before);
    }
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let Some((name, rest)) = line.iter().position(|b| *b == b':').and_then(|at| line.split_at_checked(at)) else {
        // A name that was cut short is no secret.
        if !line.iter().all(token) {
            out.removed(line);
        }
        return (line.iter().map(|b| if fault_or(*b) == *b { *b } else { shape(*b) }).collect(), Fate::Blanked);
    };
    let trimmed = name.trim_ascii();
    let proper = trimmed.iter().all(token);
    // What is wrong with a name is not a letter.
    let mut written: Vec<u8> = match proper {
        true => name.to_vec(),
        false => name.iter().map(|b| if b.is_ascii_alphanumeric() { BLANK } else { *b }).collect(),
    };
    let raw = rest.get(1..).unwrap_or_default();
    let fate = fate(trimmed, raw.trim_ascii(), rules);
    let shown = value(raw, fate, rules);
    differing(raw, &shown, out);
    written.push(b':');
    written.extend(shown);
    (written, fate)
}

/// Notes the value as removed where it is not written as it was, else as kept.
pub(super) fn differing(raw: &[u8], written: &[u8], out: &mut Out) {
    let raw = raw.trim_ascii();
    if written.trim_ascii() == raw {
        out.kept(raw);
        return;
    }
    let from = raw.iter().zip(written.trim_ascii()).position(|(a, b)| a != b).unwrap_or_default();
    out.removed(raw.get(from..).unwrap_or_default());
}

/// Text with the addresses in it mapped, each to one that takes as many characters.
pub(in crate::share) fn addresses(raw: &[u8], rules: &Rules) -> Vec<u8> {
    let mut out = raw.to_vec();
    let part = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
    let mut at = 0;
    while at < raw.len() {
        let word = raw.iter().skip(at).take_while(|b| part(**b)).count();
        let Some(found) = raw.get(at..at + word).filter(|w| !w.is_empty()) else {
            at += 1;
            continue;
        };
        // A port may stand behind it.
        let host = match found.iter().rposition(|b| *b == b':') {
            Some(colon) if found.contains(&b'.') => found.get(..colon).unwrap_or(found),
            _ => found,
        };
        let trimmed = host.strip_suffix(b".").unwrap_or(host);
        let before = at.checked_sub(1).and_then(|i| raw.get(i)).copied().unwrap_or(b' ');
        let alone = !before.is_ascii_alphanumeric() && before != b'-' && before != b'/' && before != b'_';
        let ip = std::str::from_utf8(trimmed).ok().filter(|_| alone).and_then(|text| text.parse().ok());
        if let Some(text) = ip.and_then(|ip| rules.text_of(ip, trimmed.len())) {
            for (place, byte) in out.iter_mut().skip(at).zip(text.bytes()) {
                *place = byte;
            }
        }
        at += word;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_target_the_first_segment_stays() {
        let rules = Rules::default();
        for (raw, written) in [
            ("/", "/"),
            ("*", "*"),
            ("/orders", "/orders"),
            ("/orders/17/items", "/orders/xx/xxxxx"),
            ("/orders?token=abc&x=/y", "/orders?xxxxxxxxxxxxxx"),
            ("/?a/b", "/?xxx"),
            ("/a//b", "/a//x"),
            ("http://u:p@host.example/a/b?c", "http://xxx@host.example/a/x?x"),
            ("host.example:443", "xxxxxxxxxxxxxxxx"),
            ("no target", "xx xxxxxx"),
        ] {
            assert_eq!(String::from_utf8(target(raw.as_bytes(), &rules)).unwrap(), written, "{raw}");
        }
    }

    #[test]
    fn values_stay_by_name_and_faults_stay_faults() {
        let rules = Rules { fields: vec!["server".into()], texts: vec!["inner.example".into()], ..Rules::default() };
        for (raw, written) in [
            ("Host: shop.example", "Host: shop.example"),
            ("content-LENGTH : 12", "content-LENGTH : 12"),
            ("Cookie: a=b; c=d ", "Cookie: xxxxxxxx "),
            ("X:\ta\0b", "X:\tx\0x"),
            ("X: a\rY: b", "X: x\rxxxx"),
            ("Set Cookie: a", "xxx xxxxxx: x"),
            (": a", ": x"),
            ("no colon", "xx xxxxx"),
            ("Server: nginx", "Server: xxxxx"),
            ("Via: 1.1 inner.example", "Via: xxxxxxxxxxxxxxxxx"),
            ("User-Agent: Mozilla/5.0", "User-Agent: xxxxxxxxxxx"),
            ("User-Agent: Amazon CloudFront", "User-Agent: Amazon CloudFront"),
            ("Keep-Alive: timeout=5, max=a12", "Keep-Alive: timeout=5, max=xxx"),
        ] {
            let (shown, _) = line(raw.as_bytes(), Fate::Blanked, &mut Out::default(), &rules);
            assert_eq!(String::from_utf8(shown).unwrap(), written, "{raw}");
        }
    }

    #[test]
    fn first_lines_keep_their_shape() {
        let (mut out, rules) = (Out::default(), Rules::default());
        for (raw, written) in [
            ("GET /a/b HTTP/1.1", "GET /a/x HTTP/1.1"),
            ("GET  /a b/c  HTTP/1.1 ", "GET  /a b/x  HTTP/1.1 "),
            ("GET /a/b", "GET /a/x"),
            ("GET", "GET"),
            ("CONNECT host.example:443 HTTP/1.1", "CONNECT host.example:443 HTTP/1.1"),
            ("BREW /pot HTTP/1.1", "xxxx /pot HTTP/1.1"),
        ] {
            assert_eq!(String::from_utf8(request_line(raw.as_bytes(), &mut out, &rules)).unwrap(), written, "{raw}");
        }
        for (raw, written) in [
            ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"),
            ("HTTP/1.1 502 Bad\0Gateway", "HTTP/1.1 502 xxx\0xxxxxxx"),
            ("HTTP/1.1  404 user 17", "HTTP/1.1  404 xxxx xx"),
            ("HTTP/1.1", "HTTP/1.1"),
            ("HTTP/1.1 2OO OK", "HTTP/1.1 xxx OK"),
            ("http/1.1 20 OK", "http/1.1 20 OK"),
        ] {
            assert_eq!(String::from_utf8(status_line(raw.as_bytes(), &mut out)).unwrap(), written, "{raw}");
        }
    }
}
