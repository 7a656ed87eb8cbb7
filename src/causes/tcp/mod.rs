//! No usable TCP connection.

super::area! {
    syn_unanswered,
    port_closed,
    syn_ack_unacknowledged,
    accept_queue_overflow,
    reset_on_accept,
    closed_on_accept,
    segment_loss_stall,
    edge_reset,
}
