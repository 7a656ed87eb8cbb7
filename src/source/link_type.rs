//! What a packet's bytes begin with, as the registry of link types numbers it.

use std::fmt;

/// A `LINKTYPE_` value (IANA pcap registry; <https://www.tcpdump.org/linktypes.html>).
///
/// Displayed as the registry's name without the prefix, or as its number where it is not one of those a host
/// is likely to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

macro_rules! link_types {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal,)+) => {
        impl LinkType {
            $($(#[doc = $doc])+ pub const $name: LinkType = LinkType($value);)+

            /// The registry's name without the prefix, where it is known here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)+
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    /// BSD loopback: an address family in the capturing host's byte order.
    NULL = 0,
    /// Ethernet.
    ETHERNET = 1,
    /// ARCNET, as BSD captures it.
    ARCNET_BSD = 7,
    /// Point-to-point protocol (RFC 1661), perhaps with HDLC framing.
    PPP = 9,
    /// Fiber distributed data interface.
    FDDI = 10,
    /// Point-to-point protocol with HDLC framing (RFC 1662).
    PPP_HDLC = 50,
    /// PPPoE session (RFC 2516) without its Ethernet header.
    PPP_ETHER = 51,
    /// IPv4 or IPv6, told apart by the version.
    RAW = 101,
    /// Cisco HDLC.
    C_HDLC = 104,
    /// IEEE 802.11 wireless LAN.
    IEEE802_11 = 105,
    /// OpenBSD loopback: an address family in network byte order.
    LOOP = 108,
    /// Linux cooked, version 1.
    LINUX_SLL = 113,
    /// 802.11 with radiotap information.
    IEEE802_11_RADIOTAP = 127,
    /// ARCNET, as Linux captures it.
    ARCNET_LINUX = 129,
    /// Per-packet information, and inside it a link type of its own.
    PPI = 192,
    /// IPv4.
    IPV4 = 228,
    /// IPv6.
    IPV6 = 229,
    /// Linux netlink.
    NETLINK = 253,
    /// Linux netfilter log.
    NFLOG = 239,
    /// IP over InfiniBand.
    IPOIB = 242,
    /// Bluetooth with the Linux monitor's header.
    BLUETOOTH_LINUX_MONITOR = 254,
    /// Linux cooked, version 2.
    LINUX_SLL2 = 276,
    /// Broadcom switch tag within Ethernet.
    DSA_TAG_BRCM = 281,
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}
