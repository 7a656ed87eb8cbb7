//! What only asking tells: one question after the other, each a row.

use std::time::{Duration, Instant};

use super::judge::Judged;
use super::line::Came;
use super::question::{Outcome, Question, Tls};
use super::reply::{self, Ending};
use super::tape::Tape;
use super::{EXAMPLE_DISTRIBUTION, POLICIES, Prober, Request, http2, introduce};
use crate::diagnosis;
use crate::report::Row;

/// The policies that are tried where not all are: they differ in what they offer.
const CHOSEN: [&str; 4] = [
    "CloudFront-Upstream-TLS-1-2-2025",
    "CloudFront-Upstream-TLS-1-3-2025",
    "CloudFront-Upstream-TLS-1-2-2025-PQ",
    "CloudFront-Upstream-TLS-1-2",
];

/// Bytes of request heads that are tried: CloudFront sends at most 32,768.
const HEAD_SIZES: [usize; 5] = [4_000, 8_000, 16_000, 24_000, 32_000];
/// The longest value in them: what a custom header of CloudFront's may have.
const LONGEST_VALUE: usize = 1_783;

/// How long CloudFront keeps an idle connection by default (`OriginKeepaliveTimeout`).
const EDGE_KEEPS: Duration = Duration::from_secs(5);

/// Asks everything else.
pub(super) fn fill(prober: &mut Prober<'_>, main: &Question<'_>, came: &Outcome) -> Result<(), String> {
    if main.tls.is_some() {
        unverified(prober, main, came)?;
        policies(prober, main)?;
        certificates(prober, main)?;
    }
    hosts(prober, main)?;
    let usable = came.replies().iter().any(|reply| reply.status.is_some());
    if usable {
        requests(prober, main)?;
        heads(prober, main)?;
        keep_alive(prober, main)?;
    }
    proxy_protocol(prober, main, usable)?;
    grpc(prober, main)
}

/// Beyond a certificate that the edge refuses: what would have come.
fn unverified(prober: &mut Prober<'_>, main: &Question<'_>, came: &Outcome) -> Result<(), String> {
    if !matches!(came, Outcome::NoHandshake(Some(_))) {
        return Ok(());
    }
    let question = Question { tls: main.tls.clone().map(lenient), ..main.clone() };
    let (_, judged) = prober.ask(&question)?;
    let answer = told(judged.as_ref());
    push(prober, "verification", "the same request, the certificate not verified", answer, judged);
    Ok(())
}

fn policies(prober: &mut Prober<'_>, main: &Question<'_>) -> Result<(), String> {
    let all = prober.plan.all_policies;
    let tried: &[&'static str] = if all { &POLICIES } else { &CHOSEN };
    for policy in tried {
        let tls = main.tls.clone().map(|tls| Tls { policy, ..lenient(tls) });
        let (_, judged) = prober.ask(&Question { tls, requests: &[], ..main.clone() })?;
        let answer = told(judged.as_ref());
        push(prober, "policy", *policy, answer, judged);
    }
    Ok(())
}

fn certificates(prober: &mut Prober<'_>, main: &Question<'_>) -> Result<(), String> {
    let named = main.tls.as_ref().and_then(|tls| tls.sni).map(str::to_owned);
    for (sni, asked) in [
        (named.as_deref(), named.as_ref().map(|name| format!("server name {name}"))),
        (None, Some("no server name".to_owned())),
    ] {
        let Some(asked) = asked else { continue };
        let tls = main.tls.clone().map(|tls| Tls { sni, ..lenient(tls) });
        let (_, judged) = prober.ask(&Question { tls, requests: &[], ..main.clone() })?;
        let answer = match &judged {
            Some(Judged { certificate: Some(subject), faults, .. }) if faults.is_empty() => subject.clone(),
            Some(Judged { certificate: Some(subject), faults, .. }) => format!("{subject} ({})", faults.join(", ")),
            _ => told(judged.as_ref()),
        };
        push(prober, "certificate", asked, answer, judged);
    }
    Ok(())
}

/// The origin domain and the viewer's Host side by side: where only the first works, Host must not be forwarded.
fn hosts(prober: &mut Prober<'_>, main: &Question<'_>) -> Result<(), String> {
    let plan = prober.plan;
    let forwarded = if plan.request.host == plan.host { EXAMPLE_DISTRIBUTION } else { &plan.request.host };
    let sides =
        [(plan.host.as_str(), "not forwarded (AllViewerExceptHostHeader)"), (forwarded, "forwarded (AllViewer)")];
    for (name, how) in sides {
        let request = Request { host: name.to_owned(), ..plan.request.clone() };
        let sni = Some(name).filter(|name| name.parse::<std::net::IpAddr>().is_err());
        let tls = main.tls.clone().map(|tls| Tls { sni, names: &[], ..tls });
        let (_, judged) = prober.ask(&Question { tls, requests: &[request], ..main.clone() })?;
        let answer = told(judged.as_ref());
        push(prober, "Host", format!("{name}, {how}"), answer, judged);
    }
    Ok(())
}

fn requests(prober: &mut Prober<'_>, main: &Question<'_>) -> Result<(), String> {
    let get = &prober.plan.request;
    let head = Request { method: "HEAD".to_owned(), body: None, ..get.clone() };
    let old = Request { old: true, ..get.clone() };
    let post = Request { method: "POST".to_owned(), body: Some(Vec::new()), ..get.clone() };
    let mut tried = vec![
        ("HEAD", vec![head]),
        ("HTTP/1.0", vec![old]),
        ("the request twice on one connection", vec![get.clone(), get.clone()]),
    ];
    if prober.plan.post {
        tried.push(("a POST on a connection that was used before", vec![get.clone(), post]));
    }
    for (asked, requests) in tried {
        let (outcome, judged) = prober.ask(&Question { requests: &requests, ..main.clone() })?;
        let mut answer = told(judged.as_ref());
        let replies = outcome.replies().len();
        if replies < requests.len() && outcome.replies().last().is_some_and(|reply| reply.ending == Ending::Closed) {
            answer += ", and the origin closes: it keeps no connection alive";
        }
        push(prober, "request", asked, answer, judged);
    }
    Ok(())
}

/// How large a head the origin takes.
fn heads(prober: &mut Prober<'_>, main: &Question<'_>) -> Result<(), String> {
    let plain = prober.plan.request.to_bytes().len();
    let (mut taken, mut refused) = (None, None);
    for size in HEAD_SIZES {
        let further = filling(size.saturating_sub(plain));
        let request = Request { further, ..prober.plan.request.clone() };
        let (outcome, judged) = prober.ask(&Question { requests: &[request], ..main.clone() })?;
        let status = outcome.replies().last().and_then(|reply| reply.status);
        if status.is_none_or(|status| matches!(status, 400 | 413 | 414 | 431 | 494)) {
            refused = Some((size, judged));
            break;
        }
        taken = Some(size);
    }
    let taken = taken.map_or_else(|| "none of the sizes tried".to_owned(), |size| format!("{size} bytes"));
    let answer = match &refused {
        None => format!("{taken}, of the 32,768 that CloudFront may send"),
        Some((size, judged)) => format!("{taken}; {size} bytes are refused: {}", told(judged.as_ref())),
    };
    let status = refused.and_then(|(_, judged)| judged).and_then(|judged| judged.status);
    let row = Row { status, ..Row::new("request", "the largest request head accepted", answer) };
    prober.found.probed.rows.push(row);
    Ok(())
}

fn filling(bytes: usize) -> Vec<(String, String)> {
    let name = |i: usize| format!("X-Why502-Fill-{i}");
    let whole = LONGEST_VALUE + name(10).len() + 4;
    (0..bytes.div_ceil(whole))
        .map(|i| (name(i), "x".repeat(LONGEST_VALUE.min(bytes.saturating_sub(i * whole).saturating_sub(20).max(1)))))
        .collect()
}

/// After how long the origin closes an idle connection.
fn keep_alive(prober: &mut Prober<'_>, main: &Question<'_>) -> Result<(), String> {
    let Some(limit) = prober.plan.keep_alive else { return Ok(()) };
    let mut tape = Tape::default();
    let Ok(mut line) = main.connect(&mut tape) else { return Ok(()) };
    line.send_clear(&mut tape, main.introduction);
    if let Some(tls) = &main.tls
        && line.shake_hands(&mut tape, tls.client()?, main.patience.connect).is_err()
    {
        line.drop_it(&mut tape);
        return Ok(());
    }
    line.send(&mut tape, &prober.plan.request.to_bytes());
    let is_head = prober.plan.request.method == "HEAD";
    let first = reply::read(&mut line, &mut tape, is_head, main.patience.read);
    let begun = Instant::now();
    let answer = if first.ending == Ending::Complete {
        let came = line.receive(&mut tape, limit);
        let idle = begun.elapsed();
        let words = format!("{:.1} s", idle.as_secs_f64());
        match came {
            Came::Silence => format!("not within {words}"),
            _ if idle > EDGE_KEEPS => {
                format!("after {words}; CloudFront keeps a connection for 5 s unless it is configured otherwise")
            }
            _ => format!(
                "after {words}, no later than CloudFront would by default (5 s): its next request may meet the close, \
                 which is a 502 for a POST (http.keep-alive-race)"
            ),
        }
    } else {
        "at once: it keeps no connection alive".to_owned()
    };
    line.close(&mut tape);
    let judged = prober.judged(tape)?;
    push(prober, "request", "the origin closes an idle connection", answer, judged);
    Ok(())
}

/// Whether the origin expects a PROXY protocol header.
fn proxy_protocol(prober: &mut Prober<'_>, main: &Question<'_>, usable: bool) -> Result<(), String> {
    if prober.plan.proxy_protocol.is_some() {
        return Ok(());
    }
    for version in [1, 2] {
        let introduction = introduce::header(Some(version), main.servers.first().copied());
        let tls = main.tls.clone().map(lenient);
        let (outcome, judged) = prober.ask(&Question { tls, introduction: &introduction, ..main.clone() })?;
        let answered = outcome.replies().iter().any(|reply| reply.status.is_some_and(|status| status != 400));
        let answer = match (answered, usable) {
            (true, true) => "taken; it is not needed",
            (true, false) => {
                "taken, and without it the origin does not answer: it expects one, and CloudFront sends none"
            }
            (false, _) => "not expected",
        };
        let row = match judged {
            Some(judged) if answered => {
                judged.row("PROXY protocol", format!("a header of version {version}"), answer.to_owned())
            }
            _ => Row::new("PROXY protocol", format!("a header of version {version}"), answer),
        };
        prober.found.probed.rows.push(row);
    }
    Ok(())
}

fn grpc(prober: &mut Prober<'_>, main: &Question<'_>) -> Result<(), String> {
    if !prober.plan.grpc {
        return Ok(());
    }
    let mut tape = Tape::default();
    let Ok(mut line) = main.connect(&mut tape) else { return Ok(()) };
    line.send_clear(&mut tape, main.introduction);
    let mut answered = false;
    let shaken = match &main.tls {
        Some(tls) => {
            let tls = Tls { alpn: &["h2"], ..tls.clone() };
            line.shake_hands(&mut tape, tls.client()?, main.patience.connect).is_ok()
        }
        None => true,
    };
    let chosen = line.alpn().map(|alpn| String::from_utf8_lossy(alpn).into_owned());
    if shaken {
        let request = &prober.plan.request;
        answered = http2::call(&mut line, &mut tape, &request.host, &request.target, main.patience.read);
        line.close(&mut tape);
    } else {
        line.drop_it(&mut tape);
    }
    let judged = prober.judged(tape)?;
    let alpn = match (shaken && main.tls.is_some(), chosen) {
        (true, Some(chosen)) => format!(" (ALPN {chosen})"),
        (true, None) => " (no ALPN: the origin chose none)".to_owned(),
        (false, _) => String::new(),
    };
    let whole = if answered { "" } else { ", no whole answer" };
    let answer = format!("{}{whole}{alpn}", told(judged.as_ref()));
    push(prober, "request", "an empty call of gRPC, over HTTP/2", answer, judged);
    Ok(())
}

fn lenient(tls: Tls<'_>) -> Tls<'_> {
    Tls { verify: false, ..tls }
}

fn told(judged: Option<&Judged>) -> String {
    judged.map_or_else(|| "no packet was sent".to_owned(), Judged::told)
}

fn push(prober: &mut Prober<'_>, area: &'static str, asked: impl Into<String>, answer: String, judged: Option<Judged>) {
    let row = match judged {
        Some(judged) => judged.row(area, asked, answer),
        None => Row { outcome: Some(diagnosis::Outcome::Inconclusive), ..Row::new(area, asked, answer) },
    };
    prober.found.probed.rows.push(row);
}
