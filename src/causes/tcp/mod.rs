//! No usable TCP connection.

super::area! {
    syn_unanswered,
    port_closed,
    icmp_rejected,
    syn_ack_unacknowledged,
    accept_queue_overflow,
    reset_on_accept,
    closed_on_accept,
    path_mtu_black_hole,
    segment_loss_stall,
    edge_reset,
}
