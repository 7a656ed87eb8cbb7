//! AWS's list of its addresses, `ip-ranges.json`.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::net::IpAddr;
use std::path::Path;

use serde::Deserialize;
use why502::observation::Prefixes;

/// The most bytes of such a file: AWS's has 2 MiB.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// The services whose addresses connect to origins.
const SERVICES: [&str; 2] = ["CLOUDFRONT", "CLOUDFRONT_ORIGIN_FACING"];

#[derive(Deserialize)]
struct Ranges {
    prefixes: Vec<Prefix>,
    #[serde(default)]
    ipv6_prefixes: Vec<Prefix>,
}

#[derive(Deserialize)]
struct Prefix {
    #[serde(alias = "ip_prefix", alias = "ipv6_prefix")]
    prefix: String,
    service: String,
}

/// CloudFront's addresses in the file at `path`.
pub(super) fn read(path: &Path) -> Result<Prefixes, String> {
    let file = File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    let read = serde_json::from_reader(BufReader::new(file.take(MAX_FILE)));
    prefixes(read.map_err(|e| format!("is not AWS's ip-ranges.json: {e}"))?)
}

fn prefixes(ranges: Ranges) -> Result<Prefixes, String> {
    let all = ranges.prefixes.iter().chain(&ranges.ipv6_prefixes);
    let ours = all.filter(|p| SERVICES.contains(&p.service.as_str()));
    let parsed: Result<Vec<_>, _> = ours.map(|p| parse(&p.prefix).ok_or(&p.prefix)).collect();
    match parsed {
        Err(bad) => Err(format!("holds {}, which is no address prefix", why502::base::escape(bad))),
        Ok(list) if list.is_empty() => {
            Err(format!("names no prefix of {} or {}: is it AWS's ip-ranges.json, whole?", SERVICES[0], SERVICES[1]))
        }
        Ok(list) => Ok(Prefixes::new(list)),
    }
}

/// `ADDRESS/BITS`.
fn parse(prefix: &str) -> Option<(IpAddr, u8)> {
    let (ip, bits) = prefix.split_once('/')?;
    let (ip, bits): (IpAddr, u8) = (ip.parse().ok()?, bits.parse().ok()?);
    (bits <= if ip.is_ipv4() { 32 } else { 128 }).then_some((ip, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Prefixes, String> {
        prefixes(serde_json::from_str(json).map_err(|e| e.to_string())?)
    }

    #[test]
    fn only_cloudfronts_prefixes_are_taken() {
        let p = read(
            r#"{"syncToken": "1", "prefixes": [
                {"ip_prefix": "192.0.2.0/24", "region": "GLOBAL", "service": "CLOUDFRONT_ORIGIN_FACING"},
                {"ip_prefix": "198.51.100.0/24", "region": "GLOBAL", "service": "AMAZON"}],
              "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/32", "service": "CLOUDFRONT"}]}"#,
        )
        .unwrap();
        for (ip, known) in [("192.0.2.9", true), ("198.51.100.1", false), ("2001:db8::1", true), ("130.176.1.2", false)]
        {
            assert_eq!(p.contains(ip.parse().unwrap()), known, "{ip}");
        }
    }

    #[test]
    fn what_is_no_such_list_is_refused() {
        for (json, why) in [
            ("{}", "missing field"),
            (r#"{"prefixes": []}"#, "names no prefix"),
            (r#"{"prefixes": [{"ip_prefix": "192.0.2.0/33", "service": "CLOUDFRONT"}]}"#, "192.0.2.0/33"),
            (r#"{"prefixes": [{"ip_prefix": "x", "service": "CLOUDFRONT"}]}"#, "no address prefix"),
        ] {
            let said = read(json).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
