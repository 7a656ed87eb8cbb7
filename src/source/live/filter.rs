//! Which packets the kernel is asked for.

/// What may carry the packets of any connection: fragments and ICMP errors do not show their ports where the kernel
/// looks, and what is inside of a tunnel (VXLAN on both of its ports, Geneve, GRE, IP in IP) is looked at by us.
const ALWAYS: &str = "icmp or icmp6 or (ip[6:2] & 0x1fff != 0) or ip6 proto 44 \
     or udp port 4789 or udp port 8472 or udp port 6081 or ip proto 47 or ip proto 4 or ip proto 41 \
     or ip6 proto 47 or ip6 proto 4 or ip6 proto 41";

/// The expression for `--filter` and `--port`. A filter stands for itself: it sees frames as they are captured,
/// outermost headers first, while ports are looked for inside of tunnels as well, behind it.
#[must_use]
pub fn expression(filter: Option<&str>, ports: &[u16]) -> Option<String> {
    if let Some(filter) = filter {
        return Some(filter.to_owned());
    }
    let one = |port: &u16| format!("tcp port {port}");
    let ports: Vec<_> = ports.iter().map(one).collect();
    (!ports.is_empty()).then(|| format!("{} or {ALWAYS}", ports.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{LinkType, filter::Filter};

    #[test]
    fn ports_let_through_what_may_belong_to_them() {
        let expression = expression(None, &[443, 8443]).unwrap();
        let filter = Filter::compile(&expression, LinkType::ETHERNET).unwrap();
        let packet = |proto: u8, offset: u16, ports: [u16; 2]| {
            let mut frame = vec![0; 12];
            frame.extend([8, 0, 0x45, 0, 0, 40, 0, 0]);
            frame.extend(offset.to_be_bytes());
            frame.extend([64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
            frame.extend(ports.iter().flat_map(|p| p.to_be_bytes()));
            frame.extend([0; 20]);
            frame
        };
        for (proto, offset, ports, passes) in [
            (6, 0, [40_000, 443], true),
            (6, 0, [8443, 40_000], true),
            (6, 0, [40_000, 80], false),
            (6, 8, [0, 0], true),
            (1, 0, [0, 0], true),
            (17, 0, [40_000, 4789], true),
            (17, 0, [40_000, 53], false),
            (47, 0, [0, 0], true),
        ] {
            assert_eq!(filter.matches(&packet(proto, offset, ports)), passes, "{proto} {offset} {ports:?}");
        }
    }

    #[test]
    fn a_filter_stands_for_itself() {
        assert_eq!(expression(Some("udp"), &[443]).as_deref(), Some("udp"));
        assert_eq!(expression(None, &[]), None);
    }
}
