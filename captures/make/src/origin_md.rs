//! `origin.md`, the page beside each capture. Tests read its lines: the form is fixed.

use crate::lab::Notes;
use crate::scenario::Scenario;
use anyhow::{Context as _, Result};

/// The page of a scenario, with what was noted while it ran.
pub(crate) fn render(scenario: &Scenario, notes: &Notes) -> Result<String> {
    let cause = cause(scenario.path).context("a path has three parts: area/slug/variant (or healthy/name)")?;
    let also = if scenario.also.is_empty() { "none".to_owned() } else { scenario.also.join(", ") };
    let edited = match scenario.edited {
        "" => "addresses (checksums updated); only TCP and ICMP errors were kept.".to_owned(),
        more => format!("addresses (checksums updated); only TCP and ICMP errors were kept. {more}"),
    };
    let without_keys = match scenario.without_keys {
        "" => String::new(),
        cause => format!("Without keys: {cause}\n"),
    };
    Ok(format!(
        "# {cause}: {title}\n\n\
         Server: {server}\n\
         Edge: {edge}\n\
         Fault: {fault}\n\
         Made with: `cargo run --release --manifest-path captures/make/Cargo.toml -- {path}`\n\
         Edited: {edited}\n\
         Also: {also}\n\
         {without_keys}\
         References: {references}\n",
        title = scenario.title,
        server = notes.server.as_deref().context("the scenario noted no server")?,
        edge = notes.edge.as_deref().context("the scenario noted no edge")?,
        fault = scenario.fault,
        path = scenario.path,
        references = scenario.references.join(", "),
    ))
}

/// The identifier that a path stands for: `tls/no-common-cipher/nginx-tls12` is `tls.no-common-cipher`, and what lies
/// below `healthy` is `healthy`, and what lies below `suites`, of many connections, is `suites`.
fn cause(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    let area = parts.next()?;
    let slug = parts.next()?;
    if matches!(area, "healthy" | "suites") {
        return Some(area.to_owned());
    }
    parts.next().map(|_variant| format!("{area}.{slug}"))
}
