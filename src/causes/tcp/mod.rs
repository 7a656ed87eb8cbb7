//! No usable TCP connection.

super::area! {
    syn_unanswered,
    port_closed,
    syn_ack_unacknowledged,
    reset_on_accept,
    closed_on_accept,
    segment_loss_stall,
    edge_reset,
}
