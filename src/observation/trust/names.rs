//! Whether a leaf is for a name (RFC 9525 section 6), as s2n-tls compares: subjectAltName first, and the common name
//! where there is none.

use std::net::IpAddr;

use crate::session::tls::Summary;

/// Whether the leaf is for one of the names.
pub(super) fn matches(leaf: &Summary, names: &[String]) -> bool {
    let common = leaf.common_name.as_slice();
    let presented = if leaf.names.is_empty() { common } else { &leaf.names };
    names.iter().any(|name| presented.iter().any(|one| is_for(one, name)))
}

fn is_for(presented: &str, name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return presented.parse() == Ok(ip);
    }
    let (presented, name) = (a_labels(presented), a_labels(name));
    if presented == name {
        return !name.is_empty();
    }
    // A wildcard is a whole label, the leftmost, and stands for one.
    let (Some(beyond), Some((label, rest))) = (presented.strip_prefix("*."), name.split_once('.')) else {
        return false;
    };
    !label.is_empty() && !rest.is_empty() && beyond == rest
}

/// The name in lower case, without a last dot, every label as DNS has it (RFC 5890 section 2.3.2.1). A composed form
/// (NFC) is expected, which is what keyboards make.
fn a_labels(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    if name.is_ascii() {
        return name;
    }
    let label = |label: &str| match punycode(label) {
        Some(code) if !label.is_ascii() => format!("xn--{code}"),
        _ => label.to_owned(),
    };
    name.split('.').map(label).collect::<Vec<_>>().join(".")
}

/// RFC 3492 section 6.3.
fn punycode(label: &str) -> Option<String> {
    const LONGEST: usize = 63;
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let count = u32::try_from(label.chars().take(LONGEST + 1).count()).ok().filter(|&n| n as usize <= LONGEST)?;
    let (mut n, mut delta, mut bias, mut done) = (128, 0u32, 72, basic);
    while done < count {
        let next = label.chars().map(u32::from).filter(|&c| c >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for c in label.chars().map(u32::from) {
            if c < n {
                delta += 1;
            } else if c == n {
                write_number(&mut out, delta, bias);
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    Some(out)
}

fn write_number(out: &mut String, mut q: u32, bias: u32) {
    for k in (36u32..).step_by(36) {
        let t = k.saturating_sub(bias).clamp(1, 26);
        if q < t {
            break;
        }
        out.push(digit(t + (q - t) % (36 - t)));
        q = (q - t) / (36 - t);
    }
    out.push(digit(q));
}

fn digit(value: u32) -> char {
    let value = u8::try_from(value).unwrap_or_default();
    char::from(if value < 26 { b'a' + value } else { b'0' + (value - 26) })
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = delta / if first { 700 } else { 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (35 * 26) / 2 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_cloudfront_does() {
        for (presented, name, same) in [
            ("origin.example.com", "ORIGIN.example.com.", true),
            ("origin.example.com", "www.example.com", false),
            ("*.example.com", "origin.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("o*.example.com", "origin.example.com", false),
            ("*.", "origin.", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("*.0.2.1", "192.0.2.1", false),
            ("2001:db8::1", "[2001:db8:0::1]", true),
            ("xn--mnchen-3ya.example", "MÜNCHEN.example", true),
            ("xn--fiqs8s.example", "中国.example", true),
            ("*.xn--bcher-kva.example", "www.bücher.example", true),
            ("", "", false),
        ] {
            assert_eq!(is_for(presented, name), same, "{presented} {name}");
        }
    }

    #[test]
    fn unicode_is_written_as_rfc_3492_shows() {
        for (text, code) in [
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("porquénopuedensimplementehablarenespañol", "porqunopuedensimplementehablarenespaol-fmd56a"),
        ] {
            assert_eq!(punycode(text).as_deref(), Some(code));
        }
        assert_eq!(punycode(&"ü".repeat(64)), None);
    }
}
