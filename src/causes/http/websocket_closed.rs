use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Edge, Effect, Finding};
use crate::observation::{Connection, EdgeKind, End};

cause! {
    /// A WebSocket ended without a Close frame.
    ///
    /// # What happened
    /// The WebSocket was accepted, and the conversation ended by FIN or RST alone: not by agreement (a Close of each side)
    /// but by a timer that saw no bytes for too long, or by a program that ended. The viewer did not see a 502: its
    /// WebSocket broke off (browsers say code 1006).
    ///
    /// # Evidence
    /// The 101, the last frame of either side, how long nothing was said, and the end. No side sent a Close.
    ///
    /// # Who must act
    /// Whoever runs the WebSocket's application (pings), or the proxy whose timer it is.
    ///
    /// # How to confirm
    /// - The same idle time on several connections is a timer. 60 s is what nginx and an ALB have by default, 10 minutes is
    ///   CloudFront's own.
    /// - The browser's console: "WebSocket connection closed", code 1006.
    ///
    /// # How to fix
    /// - Send a ping every 20 to 30 seconds from the application; every timer on the way then starts anew.
    /// - nginx: `proxy_read_timeout` (60 s). Apache: `ProxyTimeout`, `ProxyWebsocketIdleTimeout`. HAProxy: `timeout tunnel`.
    ///   ALB: the idle timeout (60 s). Node `ws`: no timer of its own. gunicorn: `--timeout` ends workers.
    /// - Not idle: the program ended. Look at its log at this time, and drain before a restart.
    ///
    /// # Often confused with
    /// - A WebSocket that ends with Close frames: that is healthy, whatever their code.
    /// - `http.keep-alive-race`: there HTTP was idle, and a request was lost.
    ///
    /// # References
    /// - RFC 6455 section 5.5.1, RFC 6455 section 7.1
    /// - AWS: Amazon CloudFront Developer Guide, "Use WebSockets with CloudFront distributions"
    effect: Effect::Note,
    edge: Edge::status(101),
    needs: [WebSocket],
    detect: detect,
}

/// Nothing was said for at least as long: a timer, and no program that ended in the middle.
const IDLE: Micros = Micros::from_secs(1);

/// CloudFront ends a WebSocket that was idle for 10 minutes.
const EDGE_LIMIT: Micros = Micros::from_secs(600);

/// How near to it the edge's end is by that limit.
const NEAR: Micros = Micros::from_secs(5);

fn detect(c: &Connection) -> Option<Finding> {
    let accepted = c.http.as_ref()?.upgraded?;
    let socket = c.websocket.as_deref()?;
    let known = socket.lost.client.is_none() && socket.lost.server.is_none() && c.sees_all();
    let closed = socket.close.client.is_some() || socket.close.server.is_some();
    let end = ending(c).filter(|_| known && !closed)?;
    let last = [Some(accepted), socket.last.client, socket.last.server].into_iter().flatten().max()?;
    // What crosses the end on its way leaves open for how long nothing had been said.
    let idle = Some(end.frame.since(last)).filter(|_| last < end.frame)?;
    let (message, fix) = match end.side {
        Side::Server if idle >= IDLE => (idle_origin(c, idle), PING),
        Side::Server => (broken(c, idle), "The program behind this WebSocket ended: its log at this time says why."),
        // A viewer that goes away is nothing to tell.
        Side::Client if c.edge.kind == EdgeKind::CloudFront && (idle.0 - EDGE_LIMIT.0).abs() < NEAR.0 => (idle_edge(idle), PING),
        Side::Client => return None,
    };
    let who = if end.side == Side::Server { "the origin" } else { "the edge" };
    Some(
        Finding::new(end.frame, Confidence::Certain, message)
            .evidence(accepted, "101: the WebSocket begins")
            .evidence_if(Some(last).filter(|&last| last != accepted), "the last that either side said")
            .evidence(end.frame, format!("{} of {who}, without a Close frame", end.how))
            .fix(fix),
    )
}

/// How it came to its end.
struct Ending {
    side: Side,
    frame: FrameRef,
    how: &'static str,
}

/// What ended it: inside of TLS, a close_notify comes before the FIN.
fn ending(c: &Connection) -> Option<Ending> {
    let alerts = c.tls.iter().flat_map(|tls| &tls.alerts);
    let farewell = alerts.filter(|alert| alert.is_close_notify()).map(|alert| Ending {
        side: alert.from,
        frame: alert.frame,
        how: "close_notify",
    });
    let end = c.certain_end().map(|end| Ending {
        side: end.side,
        frame: end.frame,
        how: if end.how == End::Fin { "FIN" } else { "RST" },
    });
    farewell.chain(end).min_by_key(|ending| ending.frame)
}

const PING: &str = "Let the application send a ping every 20 to 30 seconds, or raise the timer: nginx `proxy_read_timeout`, \
                    Apache `ProxyWebsocketIdleTimeout`, HAProxy `timeout tunnel`, ALB idle timeout; CloudFront's 10 minutes \
                    cannot be raised.";

fn idle_origin(c: &Connection, idle: Micros) -> String {
    format!("{} ended a WebSocket on which neither side had said anything for {idle}, without a Close frame.", c.server)
}

fn idle_edge(idle: Micros) -> String {
    format!("The edge ended a WebSocket on which neither side had said anything for {idle}: CloudFront's limit is 10 minutes.")
}

fn broken(c: &Connection, after: Micros) -> String {
    format!("{} ended a WebSocket {after} after the last frame, without a Close frame.", c.server)
}
