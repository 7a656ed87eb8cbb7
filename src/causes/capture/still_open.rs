use crate::base::{Micros, Side};
use crate::diagnosis::{Confidence, Effect, Finding, Text};
use crate::observation::Connection;
use crate::observation::http1::Exchange;
use crate::observation::http2;

/// A SYN that is not answered for this long is `tcp.syn-unanswered`.
const PATIENCE: Micros = Micros::from_secs(3);

cause! {
    /// The capture ended before the connection did, and nothing had failed by then.
    ///
    /// # What happened
    /// At the end of the capture something was still on its way: a connection attempt, a handshake, a request without
    /// an answer, a response. How it went on cannot be told.
    ///
    /// # Evidence
    /// Neither FIN nor RST, and a message that is owed when the capture ends.
    ///
    /// # Who must act
    /// Nobody, or whoever makes the capture.
    ///
    /// # How to confirm
    /// - Compare the time of the connection's last packet with the end of the capture.
    ///
    /// # How to fix
    /// - Capture for longer than the edge's timeout: 30 s for a response by default, up to 120 s, and more by quota.
    /// - Stop the capture some time after the failure was seen, not at once.
    ///
    /// # Often confused with
    /// - `http.response-timeout`: there the edge gave up within the capture.
    /// - An idle connection with nothing owed: that is in order.
    ///
    /// # References
    /// - RFC 9293 section 3.6
    /// - AWS: Amazon CloudFront Developer Guide, origin settings, response timeout
    effect: Effect::Inconclusive,
    needs: [Open],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    if !c.is_open() || c.is_one_sided() {
        return None;
    }
    let owed = owed(c)?;
    let message = match c.watched_after() {
        Micros(0) => format!("The capture ended while {owed}."),
        later => {
            let later = later.to_string();
            ["The capture ended while ", &owed, ", ", &later, " after the connection's last packet."].concat()
        }
    };
    Some(
        Finding::new(c.last, Confidence::Certain, message)
            .evidence(c.last, "the last packet of the connection within the capture")
            .blocks("how it went on")
            .fix("Capture for longer: the edge waits 30 s for a response by default, and up to 120 s."),
    )
}

/// What was on its way.
fn owed(c: &Connection) -> Option<Text> {
    if let (Some(syn), false) = (c.tcp.syn, c.tcp.heard(Side::Server)) {
        return (c.watched_until.since(syn.time) < PATIENCE).then(|| "the edge's SYN was unanswered".into());
    }
    if let Some(http) = &c.http {
        return http.exchanges.iter().find_map(exchange).filter(|_| http.upgraded.is_none()).map(Text::from);
    }
    if let Some(http) = &c.http2 {
        return http.exchanges.iter().find_map(stream).map(Text::from);
    }
    if let Some(tls) = &c.tls {
        if tls.handshake_done().is_none() {
            return Some("the TLS handshake was under way".into());
        }
        let (asked, answered) = (tls.encrypted.client.last_application, tls.encrypted.server.last_application);
        return (asked > answered).then(|| "an encrypted request was unanswered".into());
    }
    match c.tcp.streams.first_data {
        data if data.client.is_none() && data.server.is_none() => None,
        _ => Some("bytes of an unknown protocol were exchanged".into()),
    }
}

fn stream(exchange: &http2::Exchange) -> Option<String> {
    let request = exchange.request.as_ref().filter(|_| !exchange.pushed)?;
    let reset = exchange.reset.client.is_some() || exchange.reset.server.is_some();
    let (method, stream) = (&request.method, exchange.stream);
    match &exchange.response {
        _ if reset => None,
        Some(response) if response.complete => None,
        Some(_) => Some(format!("the response to its {method} on stream {stream} was not whole")),
        None => Some(format!("its {method} on stream {stream} was unanswered")),
    }
}

fn exchange(exchange: &Exchange) -> Option<String> {
    let Some(request) = &exchange.request else { return None };
    match &exchange.response {
        Some(response) if response.complete => None,
        Some(_) => Some(format!("the response to its {} was not whole", request.method())),
        None if request.complete => Some(format!("its {} was unanswered", request.method())),
        None => Some(format!("its {} was not whole", request.method())),
    }
}
