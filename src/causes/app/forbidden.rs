use crate::diagnosis::{Confidence, Edge, Effect, Finding};
use crate::observation::{Answer, Connection};

use super::Maker;

cause! {
    /// The origin's server or firewall answers 403 to everything: an allowlist, most likely.
    ///
    /// # What happened
    /// Every response on the connection is a 403 with the page that the server software itself makes: no program behind
    /// it was asked. That is what a list of allowed addresses, headers or names does to whom it does not know.
    /// CloudFront passed the status on.
    ///
    /// # Evidence
    /// The page, which one program only makes in these words, and that nothing else was answered on the connection.
    /// Rights of files look the same, hence `likely`. A 403 with any other page is the program's answer and in order.
    ///
    /// # Who must act
    /// Whoever keeps the allowlist or the firewall of the origin.
    ///
    /// # How to confirm
    /// - nginx error.log: "access forbidden by rule". Apache error log: AH01630 "client denied by server configuration";
    ///   ModSecurity: "Access denied with code 403". HAProxy: termination state PR.
    /// - AWS WAF in front of the load balancer: its sampled requests; `waf-failed` and `forwarded` in the load
    ///   balancer's log tell who answered.
    /// - Rights of files: nginx error.log "Permission denied" or "directory index of ... is forbidden"; Apache AH00035,
    ///   AH01276.
    ///
    /// # How to fix
    /// - Allow CloudFront: its origin-facing prefixes (`ip-ranges.json`, service CLOUDFRONT_ORIGIN_FACING), which
    ///   change; better a secret header that the distribution adds (origin custom header).
    /// - nginx: `allow` and `deny` see the edge's address unless `real_ip_header X-Forwarded-For` and
    ///   `set_real_ip_from` are set, and then the viewer's. Apache: the same with mod_remoteip. HAProxy: `src` and
    ///   `req.hdr_ip(x-forwarded-for,-1)`.
    /// - Rules by User-Agent: CloudFront sends `Amazon CloudFront` unless the viewer's is forwarded.
    /// - AWS WAF: a rule by address or by rate counts all viewers as one where it sees CloudFront's addresses; use the
    ///   forwarded address.
    ///
    /// # Often confused with
    /// - A 403 made by CloudFront (a GET with a body, geographic restriction, signed URLs, its own WAF): no packet of
    ///   it is seen at the origin.
    /// - `app.misdirected-request`: there the name is wrong.
    ///
    /// # References
    /// - RFC 9110 section 15.5.4
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 403 status code (Permission Denied)", "Restrict access to
    ///   Application Load Balancers"
    edge: Edge::status(403),
    needs: [ErrorStatus],
    detect: detect,
}

/// Pages of a 403 that one program makes by itself.
const PAGES: [(&str, Maker); 6] = [
    ("<center>nginx", Maker::Nginx),
    ("<center>openresty", Maker::Nginx),
    ("You don't have permission to access this resource.", Maker::Apache),
    ("Request forbidden by administrative rules.", Maker::HaProxy),
    ("403 - Forbidden: Access is denied.", Maker::Iis),
    ("RBAC: access denied", Maker::Envoy),
];

/// What the load balancer's own page looks like; it signs with its Server header.
const ALB_PAGE: &str = "<center><h1>403 Forbidden</h1></center>";

fn detect(c: &Connection) -> Option<Finding> {
    let (_, response) = c.answered_with(403)?;
    let maker = maker(response)?;
    // Where anything is missing, what was served may be.
    if !c.sees_all() || !forbids_all(c) {
        return None;
    }
    let mut finding = super::told(c, 403, Edge::status(403), Some(maker))?;
    finding.confidence = Confidence::Likely;
    // What a firewall tells a scanner, or this host's own proxy, is as it should be.
    Some(
        finding
            .effect(if c.edge.via_cloudfront { Effect::Failed } else { Effect::Note })
            .fix("Look for a rule that allows some addresses, headers or names only, and let CloudFront in.")
            .fix("If there is none: the rights of the files, and the index of the directory."),
    )
}

/// Whether nothing but 403 was answered: where something else was, the rule is about a path.
fn forbids_all(c: &Connection) -> bool {
    let forbidden = |r: Answer<'_>| r.status == 403 && maker(r).is_some();
    c.exchanges_total() == c.exchanges().count() as u64 && c.exchanges().all(|e| e.response.is_none_or(forbidden))
}

fn maker(response: Answer<'_>) -> Option<Maker> {
    if response.status != 403 {
        return None;
    }
    let body = String::from_utf8_lossy(response.body_excerpt);
    let server = response.server.unwrap_or_default();
    if server.starts_with("awselb/") && body.contains(ALB_PAGE) {
        return Some(Maker::Alb);
    }
    PAGES.iter().find(|(page, _)| body.contains(page)).map(|(_, maker)| *maker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{FrameRef, Timestamp};

    #[test]
    fn a_page_is_known_by_its_maker() {
        for (server, body, made_by) in [
            ("nginx", "<hr><center>nginx</center>", Some(Maker::Nginx)),
            ("Apache", "<p>You don't have permission to access this resource.</p>", Some(Maker::Apache)),
            ("", "<h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n", Some(Maker::HaProxy)),
            ("awselb/2.0", "<center><h1>403 Forbidden</h1></center>", Some(Maker::Alb)),
            ("awselb/2.0", "<p>fixed response</p>", None),
            ("nginx", "{\"error\": \"forbidden\"}", None),
            ("Caddy", "", None),
        ] {
            let frame = FrameRef::new(0, 1, Timestamp(0), 0);
            let (server_name, body_excerpt) = (Some(server), body.as_bytes());
            let response = Answer { frame, status: 403, complete: true, reason: "", server: server_name, body_excerpt };
            assert_eq!(maker(response), made_by, "{server}: {body}");
        }
    }
}
