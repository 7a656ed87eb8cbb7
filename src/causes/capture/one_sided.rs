use crate::base::Side;
use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::Connection;

cause! {
    /// Only one direction of the connection was captured.
    ///
    /// # What happened
    /// Packets of one end are in the capture, the other end's are not, though they were sent: what is acknowledged must
    /// have existed. The traffic takes two ways, or a filter on the capture took one half away.
    ///
    /// # Evidence
    /// Acknowledgements of bytes, or of a SYN, that the capture does not have.
    ///
    /// # Who must act
    /// Whoever makes the capture.
    ///
    /// # How to confirm
    /// - The capture filter: `dst port 443` or `src host ...` shows one direction; `port 443` and `host ...` show both.
    /// - `ip route get ADDRESS` for the edge's address: do answers leave by another interface?
    ///
    /// # How to fix
    /// - `tcpdump -i any 'tcp port 443'`: all interfaces, both directions.
    /// - Mirror ports and taps: mirror receive and transmit. AWS traffic mirroring: accept rules for inbound and
    ///   outbound.
    /// - Direct server return: capture on the host and not on the load balancer.
    ///
    /// # Often confused with
    /// - `tcp.syn-unanswered`: there nothing shows that an answer existed.
    /// - `capture.lost-packets`: both directions are there, with holes.
    ///
    /// # References
    /// - RFC 9293 section 3.4 (acknowledgements)
    /// - `man tcpdump`, `man pcap-filter`
    effect: Effect::Inconclusive,
    needs: [Partial],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    if !c.is_one_sided() {
        return None;
    }
    let heard = if c.tcp.heard(Side::Client) { Side::Client } else { Side::Server };
    let message = format!(
        "Only the packets that {} sent are in the capture ({} of them): what {} said, and which end failed, cannot be told.",
        super::who(heard),
        c.tcp.packets[heard],
        super::who(heard.peer())
    );
    Some(
        Finding::new(c.first, Confidence::Certain, message)
            .evidence(c.first, format!("the first packet of {}", super::who(heard)))
            .evidence(super::some_packet(c, heard), "the last one, with none from the other end between")
            .blocks(format!("what {} said, and which end failed", super::who(heard.peer())))
            .fix("Capture again with a filter for both directions: `tcpdump -i any -w FILE 'tcp port 443'`.")
            .fix("If the answers leave by another interface (`ip route get ADDRESS`), capture there as well and give both files."),
    )
}
