//! The built-in table of CloudFront's addresses, held against answers of Python's `ipaddress` to AWS's lists.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use why502::observation::Prefixes;

/// As many as `tests/data/prefixes/make.py` has answers for.
const RANDOM: usize = 100_000;

/// xorshift64, as in `make.py`.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A network: its first address, the width of addresses, its number of bits.
fn read(line: &str) -> (u128, u32, u32) {
    let (ip, bits) = line.split_once('/').unwrap();
    let (first, width) = match ip.parse().unwrap() {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    (first, width, bits.parse().unwrap())
}

fn address(number: u128, width: u32) -> IpAddr {
    match width {
        32 => Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into(),
        _ => Ipv6Addr::from_bits(number).into(),
    }
}

/// The bits of a number of this width from the one after the first `kept` on.
fn rest(width: u32, kept: u32) -> u128 {
    let all = u128::MAX >> (128 - width);
    all.checked_shr(kept).unwrap_or(0)
}

fn addresses(networks: &[(u128, u32, u32)]) -> Vec<IpAddr> {
    let mut all = Vec::new();
    for &(first, width, bits) in networks {
        let last = first | rest(width, bits);
        all.extend([first - 1, first, last, last + 1].map(|number| address(number, width)));
    }
    let mut random = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..RANDOM {
        let (first, width, _) = networks[(random.next() % networks.len() as u64) as usize];
        let kept = (random.next() % u64::from(width + 1)) as u32;
        let bits = (u128::from(random.next()) << 64 | u128::from(random.next())) >> (128 - width);
        let rest = rest(width, kept);
        all.push(address(first & !rest | bits & rest, width));
    }
    all
}

#[test]
fn the_table_answers_as_ipaddress_does() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/prefixes");
    let listed = fs::read_to_string(data.join("prefixes.txt")).unwrap();
    let networks: Vec<_> = listed.lines().map(read).collect();
    let answers = fs::read(data.join("answers")).unwrap();
    let addresses = addresses(&networks);
    assert_eq!(answers.len(), addresses.len().div_ceil(8));
    let given = networks.iter().map(|&(first, width, bits)| (address(first, width), bits as u8));
    for (what, prefixes) in [("the table", Prefixes::default()), ("the list itself", Prefixes::new(given))] {
        let mut known = 0;
        for (i, &ip) in addresses.iter().enumerate() {
            let answer = answers[i / 8] << (i % 8) & 0x80 != 0;
            assert_eq!(prefixes.contains(ip), answer, "{what}: {ip}");
            known += usize::from(answer);
        }
        let share = known as f64 / addresses.len() as f64;
        assert!((0.2..0.8).contains(&share), "{known} of {} are CloudFront's", addresses.len());
    }
}
