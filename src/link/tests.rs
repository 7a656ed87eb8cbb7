//! Headers built byte by byte around one IP packet.

use super::*;

const IP: [u8; 4] = [0x45, 1, 2, 3];

fn found(link_type: u16, frame: &[u8]) -> Result<Vec<String>, Decoded<'_>> {
    match decode(LinkType(link_type), frame, frame.len() as u32) {
        Decoded::Ip(ip) => {
            assert_eq!((ip.bytes, ip.wire_len), (&IP[..], 4));
            Ok(ip.encapsulation.iter().map(|layer| layer.to_string()).collect())
        }
        other => Err(other),
    }
}

fn around(headers: &[&[u8]]) -> Vec<u8> {
    [headers.concat(), IP.to_vec()].concat()
}

#[test]
fn every_link_type_leads_to_the_packet() {
    let mac: &[u8] = &[0; 12];
    let sll2: &[u8] = &[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
    let data = [&[0x88, 1, 0, 0][..], &[0; 20], &[0, 0]].concat();
    let snap: &[u8] = &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    for (link_type, headers, layers) in [
        (1, vec![mac, &[8, 0]], vec![]),
        (1, vec![mac, &[0x86, 0xdd]], vec![]),
        (1, vec![mac, &[0x81, 0, 0x60, 100, 8, 0]], vec!["vlan:100"]),
        (1, vec![mac, &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd]], vec!["vlan:7", "vlan:8"]),
        (1, vec![mac, &[0x88, 0x47, 0, 1, 0, 9, 0, 2, 1, 9]], vec!["mpls:16", "mpls:32"]),
        (1, vec![mac, &[0x88, 0x47, 0, 1, 1, 9, 0, 0, 0, 0], mac, &[8, 0]], vec!["mpls:16"]),
        (1, vec![mac, &[0x88, 0x64, 0x11, 0, 0, 5, 0, 6, 0, 0x21]], vec!["pppoe:5"]),
        (1, vec![mac, &[0, 12], snap], vec![]),
        // A length that is larger than the frame says nothing of the packet in it.
        (1, vec![mac, &[0x88, 0x64, 0x11, 0, 0, 5, 0x16, 0, 0, 0x21]], vec!["pppoe:5"]),
        (1, vec![mac, &[5, 0xdc], snap], vec![]),
        (113, vec![&[0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]], vec![]),
        (113, vec![&[0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0, 0, 9, 8, 0]], vec!["vlan:9"]),
        (276, vec![sll2], vec![]),
        (101, vec![], vec![]),
        (12, vec![], vec![]),
        (14, vec![], vec![]),
        (228, vec![], vec![]),
        (229, vec![], vec![]),
        (0, vec![&[2, 0, 0, 0]], vec![]),
        (0, vec![&[0, 0, 0, 30]], vec![]),
        (108, vec![&[0, 0, 0, 24]], vec![]),
        (9, vec![&[0xff, 3, 0, 0x57]], vec![]),
        (50, vec![&[0x21]], vec![]),
        (51, vec![&[0x11, 0, 0, 5, 0, 0, 0, 0x21]], vec!["pppoe:5"]),
        (104, vec![&[15, 0, 8, 0]], vec![]),
        (105, vec![&data, snap], vec![]),
        (127, vec![&[0, 0, 8, 0, 0, 0, 0, 0], &data, snap], vec![]),
        (192, vec![&[0, 0, 8, 0, 1, 0, 0, 0], mac, &[8, 0]], vec![]),
        (239, vec![&[2, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, 8, 0, 9, 0]], vec![]),
        (242, vec![&[0; 40], &[8, 0, 0, 0]], vec![]),
        (7, vec![&[1, 2, 0xf0]], vec![]),
        (129, vec![&[1, 2, 0, 0, 0xd4, 0, 0, 0]], vec![]),
        (281, vec![mac, &[0, 0, 0, 1, 8, 0]], vec![]),
    ] {
        let frame = around(&headers);
        assert_eq!(found(link_type, &frame), Ok(layers.iter().map(ToString::to_string).collect()), "{frame:02x?}");
        // Whatever is cut off: another answer, but never a panic.
        for len in 0..frame.len() {
            let _ = decode(LinkType(link_type), &frame[..len], frame.len() as u32);
        }
    }
}

#[test]
fn what_is_not_ip_says_so() {
    let mac: &[u8] = &[0; 12];
    let tags = [0x81, 0, 0, 1].repeat(9);
    let labels = [0x88, 0x47].into_iter().chain([0, 1, 0, 9].repeat(9)).collect::<Vec<u8>>();
    for (link_type, headers, decoded) in [
        (1, vec![mac, &[8, 6]], Decoded::NotIp),
        (1, vec![mac, &[0, 12, 0x42, 0x42, 3]], Decoded::NotIp),
        (1, vec![mac, &[0x88, 0x63, 0x11, 9]], Decoded::NotIp),
        (1, vec![mac, &tags, &[8, 0]], Decoded::Undecodable(Undecodable::TooDeep)),
        (1, vec![mac, &labels], Decoded::Undecodable(Undecodable::TooDeep)),
        (1, vec![], Decoded::Undecodable(Undecodable::TooShort)),
        (0, vec![&[0, 0, 0, 7]], Decoded::NotIp),
        (113, vec![&[0, 0, 3, 35], mac], Decoded::NotIp),
        (105, vec![&[0x80; 30]], Decoded::NotIp),
        (239, vec![&[2, 0, 0, 0, 0, 0, 1, 0]], Decoded::Undecodable(Undecodable::HeaderLength)),
        (9999, vec![], Decoded::Undecodable(Undecodable::LinkType(LinkType(9999)))),
    ] {
        assert_eq!(found(link_type, &around(&headers)), Err(decoded), "{headers:02x?}");
    }
    assert_eq!(decode(LinkType::ETHERNET, mac, 60), Decoded::Undecodable(Undecodable::SnapLength));
}
