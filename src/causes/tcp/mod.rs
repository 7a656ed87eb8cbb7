//! No usable TCP connection.

super::area! {
    syn_unanswered,
    port_closed,
    icmp_rejected,
    syn_ack_unacknowledged,
    reset_on_accept,
    closed_on_accept,
    path_mtu_black_hole,
}
