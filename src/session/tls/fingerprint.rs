//! Fingerprints of a ClientHello: which TLS library, in which settings, is speaking.
//!
//! JA3 as its authors and Wireshark compute it; JA4 as FoxIO publishes it under a BSD licence (JA4 itself, unlike
//! the rest of that family). GREASE counts nowhere.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::certificate::{hex, push_hex};
use super::client_hello::ClientHello;
use super::extension::number;
use super::names::is_grease;

/// MD5 of `version,ciphers,extensions,groups,point formats`, each list in decimal and joined with `-`.
pub(super) fn ja3(hello: &ClientHello) -> String {
    hex(&Md5::digest(ja3_text(hello)))
}

fn ja3_text(hello: &ClientHello) -> String {
    let mut text = hello.legacy_version.to_string();
    for list in [&hello.ciphers, &hello.extensions, &hello.groups] {
        text.push(',');
        decimal(&mut text, list.iter().copied().filter(|&n| !is_grease(n)));
    }
    text.push(',');
    decimal(&mut text, hello.point_formats.iter().map(|&n| u16::from(n)));
    text
}

fn decimal(text: &mut String, numbers: impl Iterator<Item = u16>) {
    for (i, n) in numbers.enumerate() {
        if i > 0 {
            text.push('-');
        }
        push_decimal(text, n);
    }
}

/// By hand, for every ClientHello has dozens.
fn push_decimal(text: &mut String, number: u16) {
    for unit in [10_000, 1_000, 100, 10, 1] {
        if number >= unit || unit == 1 {
            text.push(char::from_digit(u32::from(number / unit % 10), 10).unwrap_or('0'));
        }
    }
}

/// `t13d1516h2_` and two halves of SHA-256: over the sorted cipher suites, and over the sorted extensions with the
/// signature schemes in their order.
pub(super) fn ja4(hello: &ClientHello) -> String {
    let ciphers: Vec<u16> = hello.ciphers.iter().copied().filter(|&n| !is_grease(n)).collect();
    let mut extensions: Vec<u16> = hello.extensions.iter().copied().filter(|&n| !is_grease(n)).collect();
    let name = if extensions.contains(&number::SERVER_NAME) { 'd' } else { 'i' };
    let counts = (ciphers.len().min(99), extensions.len().min(99));
    let [first, last] = ja4_alpn(hello.alpn_first());
    let head = format!("t{}{name}{:02}{:02}{first}{last}", ja4_version(hello), counts.0, counts.1);

    extensions.retain(|&n| n != number::SERVER_NAME && n != number::ALPN);
    let mut tail = sorted(extensions);
    let schemes: Vec<u16> = hello.signature_schemes.iter().copied().filter(|&n| !is_grease(n)).collect();
    if !tail.is_empty() && !schemes.is_empty() {
        tail = format!("{tail}_{}", hexadecimal(&schemes));
    }
    format!("{head}_{}_{}", ja4_hash(&sorted(ciphers)), ja4_hash(&tail))
}

/// The highest version on offer.
fn ja4_version(hello: &ClientHello) -> &'static str {
    match hello.offered_versions().into_iter().max() {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        Some(0x0002) => "s2",
        _ => "00",
    }
}

/// First and last character of the first ALPN name; of its hexadecimal digits where either is no letter or digit.
fn ja4_alpn(name: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else { return ['0', '0'] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first.into(), last.into()];
    }
    let digits = hex(&[first, last]);
    [digits.chars().next().unwrap_or('0'), digits.chars().last().unwrap_or('0')]
}

fn sorted(mut numbers: Vec<u16>) -> String {
    numbers.sort_unstable();
    hexadecimal(&numbers)
}

fn hexadecimal(numbers: &[u16]) -> String {
    let mut text = String::with_capacity(5 * numbers.len());
    for (i, &n) in numbers.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        push_hex::<4>(&mut text, n);
    }
    text
}

/// The first twelve digits; zeros where there is nothing to hash.
fn ja4_hash(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    hex(Sha256::digest(text).get(..6).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;

    fn hello() -> ClientHello {
        ClientHello::empty(frame(1), frame(1))
    }

    /// The example in FoxIO's description of JA4: Chrome, with GREASE as it would stand on the wire.
    #[test]
    fn ja4_of_the_published_example() {
        let mut chrome = hello();
        chrome.legacy_version = 0x0303;
        chrome.versions = vec![0x1a1a, 0x0304, 0x0303];
        chrome.ciphers = vec![
            0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ];
        chrome.extensions = vec![
            0x4a4a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
            0xff01, 0x000b, 0x000a, 0x0015,
        ];
        chrome.signature_schemes = vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        chrome.alpn = vec!["h2".to_owned()];
        assert_eq!(ja4(&chrome), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn ja4_of_a_bare_hello_has_zeros() {
        let mut bare = hello();
        bare.legacy_version = 0x0301;
        assert_eq!(ja4(&bare), "t10i000000_000000000000_000000000000");
    }

    #[test]
    fn numbers_are_written_as_they_are_formatted() {
        for n in 0..=u16::MAX {
            let mut text = String::new();
            push_decimal(&mut text, n);
            assert_eq!((text, hexadecimal(&[n])), (n.to_string(), format!("{n:04x}")));
        }
    }

    #[test]
    fn ja4_falls_back_to_hexadecimal_digits_of_the_protocol() {
        for (name, ends) in [(&b"http/1.1"[..], "h1"), (b"", "00"), (b"\xab", "ab"), (b"h\xff", "6f"), (b"x", "xx")] {
            assert_eq!(ja4_alpn(name).iter().collect::<String>(), ends, "{name:?}");
        }
    }

    /// The example in the description of JA3.
    #[test]
    fn ja3_of_the_published_example() {
        let mut old = hello();
        old.legacy_version = 769;
        old.ciphers = vec![47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
        old.extensions = vec![0, 10, 11];
        old.groups = vec![0x0a0a, 23, 24, 25];
        old.point_formats = vec![0];
        assert_eq!(ja3_text(&old), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
        assert_eq!(ja3(&old), "ada70206e40642a3e4461f35503241d5");
    }

    /// s2n-tls with the policy that CloudFront uses towards origins, TLS 1.2 and 1.3, as measured on the wire.
    #[test]
    fn ja3_of_the_upstream_policy() {
        let mut edge = hello();
        edge.legacy_version = 0x0303;
        edge.ciphers = vec![
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc023, 0xc027, 0xc024, 0xc028, 0xc009, 0xc013,
            0xc00a, 0xc014, 0x009c, 0x009d, 0x003c, 0x002f, 0x0035, 0x000a, 0x00ff,
        ];
        edge.extensions = vec![43, 10, 51, 13, 0, 5, 11, 23];
        edge.groups = vec![23, 29, 24];
        edge.point_formats = vec![0];
        assert_eq!(ja3(&edge), "c01947253fe7f03948bcc9bac1f83e96");
    }

    #[test]
    fn ja3_keeps_the_commas_of_empty_lists() {
        let mut old = hello();
        old.legacy_version = 769;
        old.ciphers = vec![4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99];
        assert_eq!(ja3_text(&old), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
        assert_eq!(ja3(&old), "de350869b8c85de67a350c8d186f11e6");
    }
}
