//! The command that asks an origin what a capture cannot show.

use crate::diagnosis::{Diagnosis, Outcome, Stage};
use crate::observation::{Connection, EdgeKind};

/// `why502 probe NAME:PORT --resolve ADDRESS`, with the name and the Host that were seen, for a connection that failed in
/// TLS or behind it, and was none of a probe's. Names come from the wire: what is no host name is not put into a command.
pub(super) fn probe_command(c: &Connection, d: &Diagnosis) -> Option<String> {
    let cause = d.verdict.cause.filter(|_| d.verdict.outcome == Outcome::Failed && c.edge.kind != EdgeKind::Probe)?;
    let hidden = cause.stage() == Stage::Tls || cause.id().starts_with("http.encrypted-");
    let name = c.sni().filter(|name| hidden && is_host_name(name))?;
    let host = c.http.as_ref().and_then(|http| http.exchanges.iter().find_map(|e| e.request.as_ref()?.host.as_deref()));
    let host = match host.map(|host| host.split(':').next().unwrap_or(host)) {
        Some(host) if !host.eq_ignore_ascii_case(name) && is_host_name(host) => {
            format!(" --sni {name} --host-header {host}")
        }
        _ => String::new(),
    };
    Some(format!("why502 probe {name}:{} --resolve {}{host}", c.server.port, c.server.ip))
}

fn is_host_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain)
}
