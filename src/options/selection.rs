//! `--since`, `--until`, `--host`, `--path`, `--request-id`, `--peer`, `--cause`.

use why502::analysis::{Moment, Selection, peer};
use why502::base::escape;
use why502::causes::CATALOGUE;
use why502::diagnosis::Cause;
use why502::observation::Prefixes;
use why502::report::explain;

use crate::cli::{Analyze, Incident};

/// Which connections are meant.
pub(super) fn selection(typed: &Analyze) -> Result<Selection, String> {
    Ok(Selection {
        since: moment("--since", typed.past.since.as_deref())?,
        until: moment("--until", typed.past.until.as_deref())?,
        ..incident(&typed.past.incident)?
    })
}

/// The same, whenever they were.
pub(super) fn incident(typed: &Incident) -> Result<Selection, String> {
    let mut causes = Vec::new();
    for name in &typed.cause {
        causes.extend(of_name(name)?);
    }
    let peers: Result<Vec<_>, String> = typed.peer.iter().map(|text| one_peer(text)).collect();
    Ok(Selection {
        causes,
        peers: Some(peers?).filter(|p| !p.is_empty()).map(Prefixes::new),
        hosts: typed.host.clone(),
        paths: typed.path.clone(),
        request_ids: typed.request_id.clone(),
        ..Selection::default()
    })
}

fn moment(option: &str, text: Option<&str>) -> Result<Option<Moment>, String> {
    let Some(text) = text else { return Ok(None) };
    let read = Moment::parse(text).ok_or_else(|| {
        format!(
            "{option} {} is no time: write 2026-01-02T15:04:05Z, `2026-01-02 15:04`, or 15:04 on the capture's day",
            escape(text)
        )
    });
    read.map(Some)
}

fn one_peer(text: &str) -> Result<(std::net::IpAddr, u8), String> {
    peer(text)
        .ok_or_else(|| format!("--peer {} is no address: write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32", escape(text)))
}

/// The causes of this name, or of this area.
fn of_name(name: &str) -> Result<Vec<&'static Cause>, String> {
    let catalogue = || CATALOGUE.iter().copied();
    let found: Vec<_> = catalogue().filter(|c| c.id() == name || c.stage().as_str() == name).collect();
    if found.is_empty() {
        let near = explain::nearest(name, catalogue()).join(", ");
        let near = if near.is_empty() { near } else { format!("; did you mean {near}?") };
        return Err(format!("no cause is called {}{near} (`why502 explain` lists all)", escape(name)));
    }
    Ok(found)
}
