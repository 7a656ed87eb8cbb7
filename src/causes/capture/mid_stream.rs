use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::{Connection, Orientation};

cause! {
    /// The connection began before the capture.
    ///
    /// # What happened
    /// The capture has no SYN of this connection: it was open when the capture began, or its first packets were not
    /// captured. What was asked and answered before that is not known. Exchanges that lie in the capture from end to
    /// end are judged as always.
    ///
    /// # Evidence
    /// The first captured packet is neither SYN nor SYN-ACK.
    ///
    /// # Who must act
    /// Nobody, unless the failure lies in what is missing.
    ///
    /// # How to confirm
    /// - Is the connection's first packet among the first of the file? Then the capture began too late for it.
    ///
    /// # How to fix
    /// - Begin the capture before the failure; keep-alive connections of load balancers live for minutes to hours.
    /// - A ring of files keeps the past: `tcpdump -C 100 -W 20 -w FILE 'tcp port 443'`.
    /// - `conntrack -D` or a reload of the server (`nginx -s reload`) makes the edge open new connections, if you must.
    ///
    /// # Often confused with
    /// - `capture.lost-packets`: there the beginning is in the capture.
    ///
    /// # References
    /// - RFC 9293 section 3.5
    /// - `man tcpdump` (`-C`, `-W`)
    effect: Effect::Inconclusive,
    needs: [Partial],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    if c.has_beginning() || c.is_one_sided() {
        return None;
    }
    let unknown = match (c.shows_http(), &c.tls) {
        (true, _) => "what was asked and answered before that",
        (false, Some(_)) => "what the handshake settled",
        (false, None) => "what was said before that",
    };
    let sides = match c.orientation {
        Orientation::Port => ", and which end is the origin is taken from the port numbers",
        Orientation::Syn | Orientation::Protocol => "",
    };
    let message = format!("The connection began before the capture: {unknown} cannot be told{sides}.");
    Some(
        Finding::new(c.first, Confidence::Certain, message)
            .evidence(c.first, "the first captured packet, not a SYN")
            .blocks(unknown)
            .fix("Begin the capture earlier: `tcpdump -C 100 -W 20 -w FILE 'tcp port 443'` keeps the past in a ring of files."),
    )
}
