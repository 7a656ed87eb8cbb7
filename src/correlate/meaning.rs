//! What the words of a log mean for a request that failed.
//!
//! The values of `x-edge-detailed-result-type` and the statuses of load balancers are as AWS's guides describe them.

use crate::base::escape;

use super::row::{More, Row, Target, Vantage};

/// Values of `x-edge-detailed-result-type`, and what each adds.
const DETAILS: [(&str, &str); 15] = [
    ("OriginDnsError", "CloudFront could not resolve the origin's name"),
    ("OriginConnectError", "CloudFront could not connect to the origin"),
    ("OriginCommError", "CloudFront timed out while it connected to the origin or read from it"),
    ("OriginError", "the origin's response was an error or incorrect"),
    ("OriginInvalidResponseError", "the origin's response was invalid"),
    ("OriginReadError", "CloudFront could not read from the origin"),
    ("OriginWriteError", "CloudFront could not write to the origin"),
    ("OriginHeaderTooBigError", "a header of the origin's response was too large"),
    ("OriginZeroSizeObjectError", "the origin sent nothing where content was due"),
    ("OriginContentRangeLengthError", "the Content-Length of the origin's response contradicts its Content-Range"),
    ("SlowReaderOriginError", "the viewer was slow to read the message about an error of the origin's"),
    ("AbortedOrigin", "CloudFront's server met a problem with the origin"),
    ("CapacityExceeded", "the edge location had no capacity for the request"),
    ("LimitExceeded", "a limit of the distribution's was exceeded"),
    ("Error", "an error without further detail, or one from the cache"),
];

/// What is made within CloudFront, by the beginnings of its names.
const BY_FUNCTION: [&str; 2] = ["Lambda", "Function"];

/// What a row adds to what the capture shows, in a sentence; `None` where it adds nothing.
#[must_use]
pub fn adds(row: &Row) -> Option<String> {
    let more = row.more.as_deref()?;
    match row.vantage {
        Vantage::Edge => {
            let word = more.detail.as_deref().or(more.result.as_deref())?;
            let known = DETAILS.iter().find(|(name, _)| *name == word).map(|(_, meaning)| (*meaning).to_owned());
            let by_function = || is_function(word).then(|| "an edge function failed".to_owned());
            let meaning = known.or_else(by_function)?;
            Some(format!("{word}: {meaning}{}", asked(more)))
        }
        Vantage::LoadBalancer => load_balancer(row, more),
        Vantage::Host => None,
    }
}

/// Which origin was asked, where the row says that.
fn asked(more: &More) -> String {
    let origin = more.origin.as_deref().map(|name| format!("; it asked {}", escape(name)));
    let reason = more.reason.as_deref().map(|why| format!(" because of {}", escape(why)));
    format!("{}{}", origin.unwrap_or_default(), reason.unwrap_or_default())
}

fn is_function(word: &str) -> bool {
    BY_FUNCTION.iter().any(|begin| word.starts_with(begin))
}

fn load_balancer(row: &Row, more: &More) -> Option<String> {
    let status = match row.status {
        460 => Some("460: the client closed the connection before the load balancer could answer"),
        461 => Some("461: a status of the load balancer's own, which AWS's guide does not explain"),
        463 => Some("463: X-Forwarded-For of the request holds more than 30 addresses"),
        464 => Some("464: the target group does not speak the protocol version of the request"),
        561 => Some("561: the identity provider answered the load balancer with an error"),
        _ => None,
    };
    let times = match more.not_reached {
        [true, ..] => Some("request_processing_time -1: the load balancer could not hand the request to a target"),
        [_, true, _] => Some("target_processing_time -1: the target closed, did not answer in time, or answered badly"),
        [.., true] => Some("response_processing_time -1: no response came back from the target"),
        _ => None,
    };
    let own =
        (row.is_server_error() && more.target_status.is_none()).then_some("the load balancer made the error itself");
    let passed = more.target_status.filter(|s| *s == row.status).map(|s| format!("the target answered {s} itself"));
    let reason = more.error_reason.as_deref().map(|why| format!("error_reason {}", escape(why)));
    let told = [status, own, times].into_iter().flatten().map(str::to_owned).chain(passed).chain(reason);
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Whether the request may have been sent to any host at all.
pub(super) fn may_reach(row: &Row) -> bool {
    let Some(more) = row.more.as_deref() else { return true };
    let words = [&more.detail, &more.result];
    !words
        .into_iter()
        .flatten()
        .any(|w| matches!(&**w, "OriginDnsError" | "CapacityExceeded" | "LimitExceeded") || is_function(w))
}

/// Whether a row may tell of a connection that failed before any request.
pub(super) fn may_be_connect(row: &Row) -> bool {
    const OF_A_RESPONSE: [&str; 5] = [
        "OriginInvalidResponseError",
        "OriginHeaderTooBigError",
        "OriginZeroSizeObjectError",
        "OriginContentRangeLengthError",
        "SlowReaderOriginError",
    ];
    may_reach(row) && row.detail().is_none_or(|detail| !OF_A_RESPONSE.contains(&detail))
}

/// Whether a row says no more than that there was an error, as those do that come from the cache.
pub(super) fn is_plain(row: &Row) -> bool {
    row.vantage == Vantage::Edge && row.detail().is_none_or(|d| matches!(d, "Error" | "Hit" | "RefreshHit"))
}

/// What is left to explain a row whose request never reached this host.
#[must_use]
pub fn leaves(row: &Row) -> String {
    match row.vantage {
        Vantage::Edge => edge_leaves(row),
        Vantage::LoadBalancer => match row.to {
            Target::None => {
                "the load balancer sent it to no target: none is registered or in use, or a rule answered it".to_owned()
            }
            Target::Is(target) => format!("the load balancer sent it to {target}: look there"),
            Target::Untold => "another target of the load balancer, or a security group before this host".to_owned(),
        },
        Vantage::Host => {
            "the web server logged it, but its packets are not in the capture: it came over an interface or \
                          a port that was not captured, such as loopback"
                .to_owned()
        }
    }
}

fn edge_leaves(row: &Row) -> String {
    let none = More::default();
    let more = row.more.as_deref().unwrap_or(&none);
    let word = more.detail.as_deref().or(more.result.as_deref()).unwrap_or_default();
    let origin = more.origin.as_deref();
    let other = match origin {
        Some(name) => format!("another host under {}", escape(name)),
        None => "another origin, or another host under the same name".to_owned(),
    };
    let reason =
        more.reason.as_deref().map(|why| format!("; CloudFront had changed the origin because of {}", escape(why)));
    let left = match word {
        "OriginDnsError" => "DNS: the origin's name did not resolve, so that no host was asked".to_owned(),
        "OriginConnectError" | "OriginCommError" => format!(
            "a security group, network ACL or firewall before this host, a DNS record that names another address, or {other}"
        ),
        word if is_function(word) => "the edge function: it failed before any origin was asked".to_owned(),
        "CapacityExceeded" | "LimitExceeded" => "CloudFront itself: it had no room for the request".to_owned(),
        "Error" | "Hit" | "RefreshHit" | "OriginShieldHit" | "" => {
            format!("an error from the cache, an edge function, or {other}")
        }
        _ => format!("{other}, or an error from the cache"),
    };
    format!("{left}{}", reason.unwrap_or_default())
}
