//! What is said of the capture that is passed on: in it, and to who passes it on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::analysis::{Options, run};
use crate::base::{FrameRef, escape};
use crate::causes::CATALOGUE;
use crate::report::{Html, Json, Renderer, explain};
use crate::source::Source;

use super::Shared;
use super::document::{Document, Reading};
use super::gather::Told;

/// Connections listed in the section's comment.
const MAX_LISTED: usize = 200;

/// Packets commented of one connection.
const MAX_PROOFS: usize = 64;

/// What the keys showed, where there were any.
fn with_keys(original: &Told) -> Option<String> {
    original.decrypted.then(|| format!("with the keys of its TLS: {}", original.last_word.words()))
}

/// What other connections of the capture add, which need not be in it.
fn with_others(original: &Told) -> Option<String> {
    let differs = original.last_word != original.alone && !original.decrypted;
    differs.then(|| format!("in the light of the whole capture: {}", original.last_word.words()))
}

/// The verdict of a connection, all that is known of it.
pub(super) fn verdict(shared: &Shared, number: usize, seen: &Told) -> String {
    let mut words = seen.alone.words();
    if let Some(original) = shared.original.told.get(number) {
        let more = [with_keys(original), with_others(original)];
        more.iter().flatten().for_each(|more| words += &format!("; {more}"));
        if let Some(status) = original.edge_status {
            words += &format!("; the viewer saw {status}");
        }
    }
    words
}

/// The comment of the section. But for the addresses it has nothing of the capture, and is written whatever that holds.
pub(super) fn section(shared: &Shared) -> String {
    let mut text = String::new();
    let listed = shared.seen.iter().take(MAX_LISTED).map(|(number, seen)| {
        let ends = shared.said(format!("{} > {}", seen.client, seen.server));
        let frames = format!("frames {}-{}", seen.first.frame, seen.last.frame);
        format!("{ends}, {frames}: {}", verdict(shared, *number, seen))
    });
    // Before the remarks, which say how much of it is blanked.
    let listed: Vec<String> = listed.collect();
    let wide = shared.original.all;
    let which = if wide { "connections" } else { "connections that failed" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "why502 {}: {} {which}", env!("CARGO_PKG_VERSION"), shared.seen.len());
    if let Some(summary) = &shared.original.summary {
        let (counts, other) = (summary.counts, summary.other);
        let _ = writeln!(
            text,
            "of {} in the original: {} failed, {} ok, {} inconclusive; {} of others, {} of them failed",
            counts.connections + other.connections,
            counts.failed,
            counts.ok,
            counts.inconclusive,
            other.connections,
            other.failed
        );
    }
    for remark in remarks(shared) {
        let _ = writeln!(text, "{remark}");
    }
    for line in listed {
        let _ = writeln!(text, "{line}");
    }
    if shared.seen.len() > MAX_LISTED {
        let _ = writeln!(text, "and {} more", shared.seen.len() - MAX_LISTED);
    }
    let _ = write!(
        text,
        "Payloads are blanked: bodies, protected data, targets beyond the first segment, and header values but for a few.\n{}",
        if shared.rules.addresses.maps() {
            "Addresses other than CloudFront's are encrypted, prefix by prefix, by a key that was not kept."
        } else {
            "Addresses are those of the original."
        }
    );
    cleaned(shared, text)
}

/// The comments of packets, by record.
pub(super) fn comments(shared: &Shared) -> BTreeMap<usize, Vec<String>> {
    let mut comments: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (number, seen) in &shared.seen {
        let mut add = |frame: u64, text: String| {
            if let Some((at, _)) = shared.document.record(frame) {
                comments.entry(at).or_default().push(cleaned(shared, text));
            }
        };
        let message =
            if seen.message.is_empty() { String::new() } else { format!("\n{}", shared.said(escape(&seen.message))) };
        add(seen.first.frame, format!("why502: {}{message}", verdict(shared, *number, seen)));
        for proof in seen.proofs.iter().take(MAX_PROOFS) {
            let origin = shared.document.record(proof.frame.frame).map(|(_, record)| of(shared, record.frame));
            let origin = origin.unwrap_or_default();
            let note = shared.said(escape(&proof.note));
            add(proof.frame.frame, format!("{} ({}): {note}{origin}", proof.cause, proof.confidence));
        }
        let Some(original) = shared.original.told.get(*number).filter(|original| original.decrypted) else { continue };
        for proof in original.proofs.iter().take(MAX_PROOFS) {
            // What it shows was within TLS.
            if let Some(at) = shared.document.made_of(proof.frame.order()) {
                let text = format!("{} ({}), with the keys{}", proof.cause, proof.confidence, of(shared, proof.frame));
                comments.entry(at).or_default().push(cleaned(shared, text));
            }
        }
    }
    comments
}

/// ` [frame 7 of origin.pcap]`.
fn of(shared: &Shared, frame: FrameRef) -> String {
    let path = shared.original.captures.get(usize::from(frame.capture())).map(|capture| capture.path.as_str());
    let name = path.map(Path::new).and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| "the original".to_owned());
    format!(" [frame {} of {}]", frame.frame, shared.said(escape(&name)))
}

/// Without what was to be removed wherever it stands.
pub(super) fn cleaned(shared: &Shared, text: String) -> String {
    let mut bytes = text.into_bytes();
    shared.rules.blank(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What whoever passes it on should know.
pub(super) fn remarks(shared: &Shared) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut left_out: BTreeMap<&str, u64> = BTreeMap::new();
    for why in shared.document.store.left_out.values() {
        *left_out.entry(why).or_default() += 1;
    }
    let plural = |n: u64| if n == 1 { "connection is" } else { "connections are" };
    for (why, count) in left_out {
        remarks.push(format!("{count} {} left out: {why}", plural(count)));
    }
    if shared.original.more > 0 {
        let more = shared.original.more;
        remarks.push(format!("{more} {} left out: only so many fit", plural(more)));
    }
    let unsaid = shared.unsaid.get();
    if unsaid > 0 {
        let texts = if unsaid == 1 { "text is" } else { "texts are" };
        remarks.push(format!("{unsaid} {texts} blanked: a value that is removed stands there"));
    }
    let told = shared.seen.iter().filter_map(|(number, _)| shared.original.told.get(*number));
    let (mut opened, mut lit) = (0, 0);
    for told in told {
        opened += u64::from(with_keys(told).is_some());
        lit += u64::from(with_others(told).is_some());
    }
    if opened > 0 {
        remarks.push(format!("{opened} {} there without the keys: what those showed is told in words", plural(opened)));
    }
    if lit > 0 {
        remarks.push(format!("{lit} {} judged in the light of others that need not be there", plural(lit)));
    }
    if shared.removed.more > 0 {
        let (looked, more) = (shared.removed.len(), shared.removed.more);
        remarks.push(format!("of the values that were removed {looked} were looked for afterwards, {more} were not"));
    }
    remarks
}

/// What the program says of itself, whatever the capture: values that were removed elsewhere may stand in it.
pub(super) fn known() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for cause in CATALOGUE.iter() {
        explain::page(&mut text, cause, false)?;
        text.push(0);
    }
    let (mut page, mut json) = (Vec::new(), Vec::new());
    of_nothing(&mut Html::new(&mut page))?;
    of_nothing(&mut Json::new(&mut json))?;
    for more in [page, json] {
        text.extend(more);
        text.push(0);
    }
    Ok(text)
}

/// A report on a capture without packets.
fn of_nothing(renderer: &mut dyn Renderer) -> io::Result<()> {
    let nothing = Document::default();
    let source = Source::from_reader(Box::new(Reading::new(Arc::new(nothing))), "nothing");
    if let Ok(source) = source {
        let done = run(vec![(String::new(), source)], &Options::default(), renderer, |_, _| {});
        done.map_err(|e| io::Error::other(e.to_string()))?;
    }
    Ok(())
}
