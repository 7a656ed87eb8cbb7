use crate::base::Side;
use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::Connection;

cause! {
    /// The capture missed packets that the other end received, where they matter.
    ///
    /// # What happened
    /// There is a gap in the sequence numbers, and the peer acknowledged it, or the number of a RST lies behind it: the
    /// bytes were sent, but are not in the capture. tcpdump could not keep up, a mirror port dropped, or the file was filtered. What the missing
    /// bytes said is not guessed.
    ///
    /// # Evidence
    /// Bytes that no captured packet carries, acknowledged or covered by the number of their sender's RST, within a message that cannot be understood without them. A
    /// gap that is known to lie within a body or inside of encrypted data is not reported.
    ///
    /// # Who must act
    /// Whoever makes the capture.
    ///
    /// # How to confirm
    /// - tcpdump's last lines: "N packets dropped by kernel". Wireshark: "TCP ACKed unseen segment".
    ///
    /// # How to fix
    /// - A larger buffer and shorter packets: `tcpdump -B 65536 -s 512 -w FILE 'tcp port 443'`, to a fast disk.
    /// - A narrower filter: one port, the edge's prefixes.
    /// - Mirror ports: not more traffic than the mirror's own speed.
    ///
    /// # Often confused with
    /// - Loss on the network: there the peer does not acknowledge, and the bytes are sent again.
    /// - `capture.snap-length`: the packet is there, its end is not.
    ///
    /// # References
    /// - RFC 9293 section 3.4
    /// - `man tcpdump` (`-B`, `-s`)
    effect: Effect::Inconclusive,
    needs: [Loss],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let blind = |side: &Side| c.tcp.odd.not_captured[*side] > 0 && super::is_blind(c, *side);
    let side = [Side::Server, Side::Client].into_iter().filter(|_| !c.is_one_sided()).find(blind)?;
    let missing = c.tcp.odd.not_captured[side];
    // The number in a RST covers all that its sender had sent, whether it was acknowledged or not.
    let reset = c.tcp.end.rst[side].filter(|_| c.tcp.unacknowledged(side) > 0);
    let how = match reset {
        Some(_) => "by the numbers of later packets".to_owned(),
        None => format!("and that {} acknowledged", super::who(side.peer())),
    };
    let message = format!(
        "{missing} bytes that {} sent, {how}, are not in the capture: {} cannot be told.",
        super::who(side),
        super::blocked(c, side)
    );
    let mut finding = Finding::new(c.first, Confidence::Certain, message);
    if let Some(data) = c.tcp.streams.first_data[side] {
        finding = finding.evidence(data, format!("the first captured bytes of {}", super::who(side)));
    }
    let acknowledged = c.tcp.streams.acknowledged[side];
    let (shown, told) = match reset {
        Some(rst) => (rst, format!("RST: by now {} bytes are sent, {missing} of them never captured", c.tcp.streams.stream_bytes[side])),
        None => (
            super::some_packet(c, side.peer()),
            format!("by now {acknowledged} bytes are acknowledged, {missing} of them never captured"),
        ),
    };
    Some(
        finding
            .evidence(shown, told)
            .blocks(super::blocked(c, side))
            .fix("Capture again with a larger buffer and shorter packets: `tcpdump -B 65536 -s 512 -w FILE 'tcp port 443'`.")
            .fix("Make the filter narrower, and write to a fast disk; tcpdump says at its end how many packets it dropped."),
    )
}
