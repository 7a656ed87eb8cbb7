//! Addresses, written as others: two that share a prefix still do, and which ones they were only the key tells.
//!
//! After Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization, ICNP 2002): each bit is turned
//! round, or not, by a cipher of the bits before it. What an address is for stays what it is: a private one stays
//! within its block, and a public one becomes neither a private one nor one of CloudFront's.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};

use crate::base::{Endpoint, Reach};
use crate::observation::Prefixes;

/// Addresses whose others are remembered: it takes a cipher a bit to find one.
const MAX_REMEMBERED: usize = 65_536;

/// Tries to find a public address for one.
const MAX_WALK: usize = 64;

/// How addresses are written; as they are, where there is no key.
pub(super) struct Addresses {
    cipher: Option<Aes256>,
    kept: Prefixes,
    known: Mutex<BTreeMap<IpAddr, IpAddr>>,
}

impl std::fmt::Debug for Addresses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Addresses")
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Addresses { cipher: None, kept: Prefixes::new([]), known: Mutex::default() }
    }
}

impl Addresses {
    /// By a key that nobody else has; those within these prefixes stay.
    pub(super) fn new(key: &[u8; 32], kept: &Prefixes) -> Addresses {
        Addresses { cipher: Some(Aes256::new(&(*key).into())), kept: kept.clone(), known: Mutex::default() }
    }

    /// Whether addresses are written as others.
    pub(super) const fn maps(&self) -> bool {
        self.cipher.is_some()
    }

    /// The address that is written for this one.
    pub(super) fn map(&self, ip: IpAddr) -> IpAddr {
        let Some(cipher) = &self.cipher else { return ip };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mapped) = known.get(&ip) {
            return *mapped;
        }
        let mapped = self.find(cipher, ip);
        if known.len() < MAX_REMEMBERED {
            known.insert(ip, mapped);
        }
        mapped
    }

    fn find(&self, cipher: &Aes256, ip: IpAddr) -> IpAddr {
        let stays = self.kept.contains(ip) || ip.is_unspecified() || ip.is_loopback() || ip.is_multicast();
        if stays {
            return ip;
        }
        let (bits, class) = match ip {
            IpAddr::V4(ip) => (32, class_v4(ip)),
            IpAddr::V6(ip) => (128, class_v6(ip)),
        };
        if let IpAddr::V6(six) = ip
            && let Some(four) = six.to_ipv4_mapped()
        {
            return match self.find(cipher, four.into()) {
                IpAddr::V4(four) => four.to_ipv6_mapped().into(),
                IpAddr::V6(_) => ip,
            };
        }
        let reach = reach(ip);
        let mut mapped = ip;
        for _ in 0..MAX_WALK {
            mapped = match mapped {
                IpAddr::V4(ip) => {
                    Ipv4Addr::from_bits(turned(cipher, u128::from(ip.to_bits()), bits, class) as u32).into()
                }
                IpAddr::V6(ip) => Ipv6Addr::from_bits(turned(cipher, ip.to_bits(), bits, class)).into(),
            };
            let special = mapped.is_multicast() || mapped.is_unspecified() || self.kept.contains(mapped);
            let broadcast = matches!(mapped, IpAddr::V4(ip) if ip.octets()[0] >= 224 || ip.octets()[0] == 0);
            if self::reach(mapped) == reach && !special && !broadcast {
                break;
            }
        }
        mapped
    }

    /// The octets of an address, of either version, written as another one's.
    pub(super) fn octets(&self, octets: &[u8]) -> Vec<u8> {
        if let Ok(four) = <[u8; 4]>::try_from(octets) {
            return match self.map(four.into()) {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(_) => octets.to_vec(),
            };
        }
        let Ok(sixteen) = <[u8; 16]>::try_from(octets) else { return octets.to_vec() };
        match self.map(sixteen.into()) {
            IpAddr::V6(ip) => ip.octets().to_vec(),
            IpAddr::V4(_) => octets.to_vec(),
        }
    }

    /// The address that is written for one that stands in a text of this length: where that of the packets is not as
    /// long, one whose numbers have as many digits. Nothing where it stays.
    pub(super) fn text(&self, ip: IpAddr, len: usize) -> Option<String> {
        let cipher = self.cipher.as_ref()?;
        let mapped = self.map(ip);
        if mapped == ip {
            return None;
        }
        let text = mapped.to_string();
        if text.len() == len {
            return Some(text);
        }
        let wanted = ip.to_string();
        let mut seed = 0;
        let mut random = |below: u8| {
            seed += 1;
            (encrypted(cipher, tweaked(ip, seed)) >> 64) as u8 % below.max(1)
        };
        let digits: String = match ip {
            IpAddr::V4(four) => {
                let class = usize::from(class_v4(four));
                let (whole, part, mut parts) = (class / 8, class % 8 != 0, Vec::new());
                for (n, octet) in four.octets().into_iter().enumerate() {
                    let drawn = match octet {
                        // What an address is for stays what it is.
                        octet if n < whole.max(1) || n == whole && part => octet,
                        0..=9 => random(10),
                        10..=99 => 10 + random(90),
                        100..=255 => 100 + random(156),
                    };
                    parts.push(drawn.to_string());
                }
                parts.join(".")
            }
            IpAddr::V6(six) => {
                // The first group, or two, tell what it is for; a first digit is not 0.
                let groups = if class_v6(six) > 16 { 2 } else { 1 };
                let stays = wanted.match_indices(':').nth(groups - 1).map_or(wanted.len(), |(at, _)| at);
                let digit = |(at, c): (usize, char)| match c {
                    c if at < stays || !c.is_ascii_hexdigit() => c,
                    _ => char::from_digit(1 + u32::from(random(15)), 16).unwrap_or('1'),
                };
                wanted.char_indices().map(digit).collect()
            }
        };
        // Written in another way than addresses are: it is blanked, and no address any more.
        Some(if digits.len() == len { digits } else { "x".repeat(len) })
    }
}

fn reach(ip: IpAddr) -> Reach {
    Endpoint { ip, port: 0 }.reach()
}

/// The bits that tell what an address is for, which stay.
fn class_v4(ip: Ipv4Addr) -> u8 {
    match ip.octets() {
        [10, ..] => 8,
        [172, 16..=31, ..] => 12,
        [192, 168, ..] | [169, 254, ..] => 16,
        [100, 64..=127, ..] => 10,
        [198, 18 | 19, ..] => 15,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => 24,
        _ => 0,
    }
}

fn class_v6(ip: Ipv6Addr) -> u8 {
    match ip.segments() {
        [0xfc00..=0xfdff, ..] => 8,
        [0xfe80..=0xfebf, ..] => 10,
        [0x2001, 0xdb8, ..] => 32,
        [0x2001, 2, ..] => 48,
        // 2000::/3, from which all others are given out.
        _ => 3,
    }
}

/// Turns the bits of an address that has so many, after the first few.
fn turned(cipher: &Aes256, ip: u128, bits: u8, class: u8) -> u128 {
    let mut out = ip;
    for n in class..bits {
        let shift = u32::from(bits - n);
        // The bits before this one, and how many they are.
        let before = ip.checked_shr(shift).unwrap_or_default();
        let flip = encrypted(cipher, before.rotate_left(8) ^ u128::from(n)) >> 127;
        out ^= flip << (shift - 1);
    }
    out
}

fn tweaked(ip: IpAddr, seed: u128) -> u128 {
    let bits = match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    bits.rotate_left(40) ^ 1 << 126 ^ seed << 64
}

fn encrypted(cipher: &Aes256, block: u128) -> u128 {
    let mut block = block.to_be_bytes().into();
    cipher.encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(a: IpAddr, b: IpAddr) -> u32 {
        match (a, b) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => 0,
        }
    }

    #[test]
    fn prefixes_stay_prefixes_and_kinds_stay_kinds() {
        let addresses = Addresses::new(&[7; 32], &Prefixes::default());
        let ips =
            ["10.0.0.5", "10.0.0.6", "10.200.0.5", "172.16.3.4", "192.168.7.8", "fd00::1", "fd00::2", "2001:db8::1"];
        let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        for a in &ips {
            assert_ne!(*a, addresses.map(*a));
            assert_eq!(reach(*a), reach(addresses.map(*a)), "{a}");
            for b in &ips {
                assert_eq!(common(*a, *b), common(addresses.map(*a), addresses.map(*b)), "{a} {b}");
            }
        }
        for public in 1..200_u8 {
            let ip = IpAddr::from([8, public, 9, 200]);
            assert_eq!(reach(addresses.map(ip)), reach(ip));
            assert!(!Prefixes::default().contains(addresses.map(ip)));
        }
        for stays in ["130.176.1.2", "2600:9000:1000::1", "127.0.0.1", "::1", "::"] {
            let ip: IpAddr = stays.parse().unwrap();
            assert_eq!(addresses.map(ip), ip);
        }
        assert_ne!(addresses.map(ips[0]), Addresses::new(&[8; 32], &Prefixes::default()).map(ips[0]));
        assert_eq!(Addresses::default().map(ips[0]), ips[0]);
    }

    #[test]
    fn in_a_text_an_address_takes_as_many_characters() {
        let addresses = Addresses::new(&[7; 32], &Prefixes::default());
        for text in
            ["10.0.0.5", "198.51.100.7", "8.8.8.8", "172.16.0.1", "192.168.100.200", "fd00::1", "2001:db8:1::af"]
        {
            let ip: IpAddr = text.parse().unwrap();
            let mapped = addresses.text(ip, text.len()).unwrap();
            assert_eq!(mapped.len(), text.len(), "{text}: {mapped}");
            assert_ne!(mapped, text);
            assert_eq!(reach(mapped.parse().unwrap()), reach(ip), "{text}: {mapped}");
        }
        assert_eq!(addresses.text([130, 176, 1, 2].into(), 11), None);
    }
}
