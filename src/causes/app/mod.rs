//! A valid response that is itself the error.

super::area! {
    origin_502,
    origin_503,
    origin_504,
    origin_500,
    misdirected_request,
    forbidden,
    grpc_error,
    websocket_refused,
}

use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Answer, Connection, Exchanged};

/// A target is shown up to this many characters: a message is one sentence.
const TARGET_SHOWN: usize = 80;

/// Whose error it is, as its own page or its Server header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    Nginx,
    Apache,
    HaProxy,
    Alb,
    Envoy,
    Varnish,
    Caddy,
    Iis,
}

/// Pages that are made by one program only, as they are by default.
const PAGES: [(&str, Maker); 11] = [
    ("<center>nginx", Maker::Nginx),
    ("<center>openresty", Maker::Nginx),
    ("The proxy server received an invalid", Maker::Apache),
    ("The server is temporarily unable to service your", Maker::Apache),
    ("The gateway did not receive a timely response", Maker::Apache),
    ("No server is available to handle this request", Maker::HaProxy),
    ("The server returned an invalid or incomplete response", Maker::HaProxy),
    ("The server didn't respond in time", Maker::HaProxy),
    ("upstream connect error or disconnect/reset", Maker::Envoy),
    ("Guru Meditation", Maker::Varnish),
    ("HTTP Error 503. The service is unavailable", Maker::Iis),
];

/// Server headers of programs that pass on the one of their upstream where there is one, so that theirs tells who
/// made the response. nginx and Apache put theirs on everything.
const SERVERS: [(&str, Maker); 4] =
    [("awselb/", Maker::Alb), ("envoy", Maker::Envoy), ("istio-envoy", Maker::Envoy), ("Caddy", Maker::Caddy)];

impl Maker {
    fn of(response: Answer<'_>) -> Option<Maker> {
        let body = String::from_utf8_lossy(response.body_excerpt);
        let server = response.server.unwrap_or_default();
        let by_server = SERVERS.iter().find(|(name, _)| server.starts_with(name)).map(|(_, maker)| *maker);
        by_server.or_else(|| PAGES.iter().find(|(page, _)| body.contains(page)).map(|(_, maker)| *maker))
    }

    const fn name(self) -> &'static str {
        match self {
            Maker::Nginx => "nginx",
            Maker::Apache => "Apache",
            Maker::HaProxy => "HAProxy",
            Maker::Alb => "an AWS load balancer",
            Maker::Envoy => "Envoy",
            Maker::Varnish => "Varnish",
            Maker::Caddy => "Caddy",
            Maker::Iis => "HTTP.sys (IIS)",
        }
    }

    /// Where this program writes down why.
    const fn log(self, status: u16) -> &'static str {
        match self {
            Maker::Nginx if status == 403 => {
                "nginx's error.log, at this time: \"access forbidden by rule\", \"Permission denied\" or \"directory index of\"."
            }
            Maker::Apache if status == 403 => {
                "Apache's error log, at this time: AH01630 (an address), AH00035 and AH01276 (files), or ModSecurity's message."
            }
            Maker::HaProxy if status == 403 => "HAProxy's log: PR tells that a rule of its own denied the request.",
            Maker::Alb if status == 403 => {
                "The load balancer's access log: actions_executed (waf, waf-failed, fixed-response) tells who answered."
            }
            Maker::Nginx if status == 503 => {
                "nginx's error.log, at this time: \"limiting requests\" or \"limiting connections\"; else a `return 503` in its configuration."
            }
            Maker::Nginx => {
                "nginx's error.log, at this time: the line that contains \"upstream\" names the reason and the upstream."
            }
            Maker::Apache => {
                "Apache's error log, at this time: lines of mod_proxy (AH01114, AH00940, AH01102, AH00898, AH01075)."
            }
            Maker::HaProxy => {
                "HAProxy's log: the two letters of the termination state (SC, SH, sC, sH, SQ) name the reason."
            }
            Maker::Alb => {
                "The load balancer's access log: elb_status_code beside target_status_code and the three processing times (-1 tells where it broke)."
            }
            Maker::Envoy => {
                "Envoy's access log: RESPONSE_FLAGS (UF, UC, UH, UT, NR) and RESPONSE_CODE_DETAILS name the reason."
            }
            Maker::Varnish => "`varnishlog -g request -q 'RespStatus >= 500'`: FetchError names the reason.",
            Maker::Caddy => "Caddy's log: the `msg` and `error` of level error at this time name the upstream.",
            Maker::Iis => {
                "`%SystemRoot%\\System32\\LogFiles\\HTTPERR`: the reason phrase (AppOffline, QueueFull) names the application pool."
            }
        }
    }
}

/// The first response with this status, and whose it is by its page or its name.
fn detect(c: &Connection, status: u16, edge: Edge) -> Option<Finding> {
    let (_, response) = c.answered_with(status)?;
    told(c, status, edge, Maker::of(response))
}

/// The first response with this status, and whose it is.
fn told(c: &Connection, status: u16, edge: Edge, maker: Option<Maker>) -> Option<Finding> {
    let (exchange, response) = c.answered_with(status)?;
    let asked = exchange.request.as_ref().map(|r| asked(r.method, r.target));
    let by = match (maker, response.server) {
        (Some(maker), _) => format!("; the page is that of {}", maker.name()),
        (None, Some(server)) => format!(" (Server: {server})"),
        (None, None) => String::new(),
    };
    let message = format!(
        "{} itself answered {} with {status}{by}; the edge passed that on.",
        c.server,
        asked.as_deref().unwrap_or("a request that is not in the capture"),
    );
    let mut finding = Finding::new(response.frame, Confidence::Certain, message).edge(edge).exchange(exchange.index);
    if let (Some(request), Some(asked)) = (exchange.request, asked) {
        finding = finding.evidence(request.frame, format!("the request: {asked}"));
    }
    let wait = exchange.first_byte().map(|wait| format!(", {wait} after the request")).unwrap_or_default();
    let reason = Some(response.reason).filter(|r| !r.is_empty()).map(|r| format!(" {r}")).unwrap_or_default();
    let line = if exchange.stream.is_some() { ":status" } else { "status line" };
    finding = finding
        .evidence(response.frame, format!("the origin's {line}: {status}{reason}{wait}"))
        .rules_out(malformed(&exchange), "the response is a proper one");
    Some(match maker {
        // Who sends a 421 on purpose need not log it.
        Some(maker) if status != 421 => finding.fix(maker.log(status)),
        _ => finding.fix("Look into the log of the program that answers on this port, at this time."),
    })
}

/// `GET /cart`, as a message names a request.
fn asked(method: &str, target: &str) -> String {
    let target: String = target.chars().take(TARGET_SHOWN).collect();
    format!("{method} {target}")
}

/// What a response would be that is none, in the version of HTTP that carried it.
fn malformed(exchange: &Exchanged<'_>) -> &'static str {
    if exchange.stream.is_some() { "http2.malformed-message" } else { "http.malformed-status-line" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::FrameRef;
    use crate::base::Timestamp;

    #[test]
    fn the_maker_is_known_by_its_page_or_its_name() {
        let frame = FrameRef::new(0, 1, Timestamp(0), 0);
        let mut response = Answer { frame, status: 502, complete: true, reason: "", server: None, body_excerpt: b"" };
        assert_eq!(Maker::of(response), None);
        response.server = Some("nginx/1.22.1");
        assert_eq!(Maker::of(response), None);
        response.body_excerpt = b"<hr><center>nginx/1.22.1</center>";
        assert_eq!(Maker::of(response), Some(Maker::Nginx));
        response.server = Some("awselb/2.0");
        assert_eq!(Maker::of(response), Some(Maker::Alb));
    }
}
