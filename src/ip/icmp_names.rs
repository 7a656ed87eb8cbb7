//! Types and codes of ICMP errors, as IANA's registries "ICMP Type Numbers" and "ICMPv6 Parameters" name them.

/// The name of a type; `None` where the registry has none for an error.
#[must_use]
pub fn icmp_type_name(is_v6: bool, icmp_type: u8) -> Option<&'static str> {
    Some(match (is_v6, icmp_type) {
        (false, 3) | (true, 1) => "Destination Unreachable",
        (false, 4) => "Source Quench",
        (false, 5) => "Redirect",
        (false, 11) | (true, 3) => "Time Exceeded",
        (false, 12) | (true, 4) => "Parameter Problem",
        (true, 2) => "Packet Too Big",
        _ => return None,
    })
}

/// The name of a code; `None` where the registry has none.
#[must_use]
pub fn icmp_code_name(is_v6: bool, icmp_type: u8, code: u8) -> Option<&'static str> {
    Some(match (is_v6, icmp_type, code) {
        (false, 3, _) => return UNREACHABLE.get(usize::from(code)).copied(),
        (true, 1, _) => return UNREACHABLE_V6.get(usize::from(code)).copied(),
        (false, 11, 0) => "Time to Live exceeded in Transit",
        (true, 3, 0) => "hop limit exceeded in transit",
        (false, 11, 1) => "Fragment Reassembly Time Exceeded",
        (true, 3, 1) => "fragment reassembly time exceeded",
        _ => return None,
    })
}

/// Codes of "Destination Unreachable" in ICMP.
const UNREACHABLE: [&str; 16] = [
    "Net Unreachable",
    "Host Unreachable",
    "Protocol Unreachable",
    "Port Unreachable",
    "Fragmentation Needed and Don't Fragment was Set",
    "Source Route Failed",
    "Destination Network Unknown",
    "Destination Host Unknown",
    "Source Host Isolated",
    "Communication with Destination Network is Administratively Prohibited",
    "Communication with Destination Host is Administratively Prohibited",
    "Destination Network Unreachable for Type of Service",
    "Destination Host Unreachable for Type of Service",
    "Communication Administratively Prohibited",
    "Host Precedence Violation",
    "Precedence cutoff in effect",
];

/// The same in ICMPv6.
const UNREACHABLE_V6: [&str; 9] = [
    "no route to destination",
    "communication with destination administratively prohibited",
    "beyond scope of source address",
    "address unreachable",
    "port unreachable",
    "source address failed ingress/egress policy",
    "reject route to destination",
    "Error in Source Routing Header",
    "Headers too long",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_belong_to_their_type() {
        for (is_v6, icmp_type, code, name) in [
            (false, 3, 3, Some("Port Unreachable")),
            (false, 3, 13, Some("Communication Administratively Prohibited")),
            (false, 3, 16, None),
            (true, 1, 4, Some("port unreachable")),
            (true, 1, 6, Some("reject route to destination")),
            (true, 2, 0, None),
            (true, 3, 0, Some("hop limit exceeded in transit")),
        ] {
            assert_eq!(icmp_code_name(is_v6, icmp_type, code), name, "{is_v6} {icmp_type} {code}");
        }
        assert_eq!(icmp_type_name(true, 3), icmp_type_name(false, 11));
    }
}
