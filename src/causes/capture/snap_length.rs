use crate::base::Side;
use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::Connection;

cause! {
    /// Packets were cut short by the capture's snap length, and the missing bytes matter.
    ///
    /// # What happened
    /// The capture keeps only the first bytes of each packet. Here the rest of a request, a response head or a
    /// handshake message would have been needed. Bodies are counted by sequence numbers and do not need to be captured.
    ///
    /// # Evidence
    /// A packet whose captured length is less than its length on the wire, within a message that cannot be understood
    /// without the rest. What the first bytes prove is said all the same: with 96 bytes of each packet that is an alert
    /// which answers the ClientHello, an end without an answer, an answer in another protocol, the status of a
    /// response. Beside such a verdict this cause says what remains hidden: names, versions, certificates, bodies.
    ///
    /// # Who must act
    /// Whoever makes the capture.
    ///
    /// # How to confirm
    /// - `capinfos FILE` shows "Packet size limit". Wireshark: "[Packet size limited during capture]".
    ///
    /// # How to fix
    /// - `tcpdump -s 0` (whole packets, the default since tcpdump 4.99), or at least `-s 2048`: heads and handshakes
    ///   may fill whole segments, and with offload a segment may be larger than the MTU.
    /// - AWS traffic mirroring: leave the packet length empty.
    ///
    /// # Often confused with
    /// - `capture.lost-packets`: whole packets are missing.
    /// - A file that ends in the middle of a packet: that is said of the file, not of a connection.
    ///
    /// # References
    /// - `man tcpdump` (`-s`)
    /// - draft-ietf-opsawg-pcap, "snaplen"
    /// - AWS: VPC Traffic Mirroring, sessions, packet length
    effect: Effect::Inconclusive,
    needs: [Loss],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let blind = |side: Side| c.tcp.odd.cut[side].filter(|_| super::is_blind(c, side)).map(|frame| (side, frame));
    let (side, frame) = blind(Side::Server).or_else(|| blind(Side::Client))?;
    let message = format!(
        "The capture cut packets of {} short, and what is missing would be needed: {} cannot be told.",
        super::who(side),
        super::blocked(c, side)
    );
    Some(
        Finding::new(frame, Confidence::Certain, message)
            .evidence(frame, format!("the first packet of {} that was cut within its payload", super::who(side)))
            .blocks(format!("{} from frame {} on", super::blocked(c, side), frame.named()))
            .fix("Capture again with whole packets: `tcpdump -s 0 -w FILE 'tcp port 443'`."),
    )
}
