//! The connections that are shown, with what explains them, and the pages that show them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use super::Page;
use super::fold::{Fold, Kept, Told, note};
use super::read::{Fields, Place};
use super::rows::{self, Key};
use crate::base::{FrameRef, Timestamp, escape};
use crate::diagnosis::Outcome;
use crate::observation::{EdgeKind, Role, Timings};
use crate::report::example::{Example, bounded};
use crate::report::facts::{Who, titled};
use crate::report::groups::{Group, Groups, Heading, Remark};
use crate::report::headline::headline;
use crate::report::html::{self, Row, Shown};
use crate::report::layout::count;
use crate::report::sample::Sample;
use crate::report::timeline::Timeline;
use crate::report::{CauseCount, Counts, OtherCounts, Summary, text};

/// What explains a connection that is shown.
struct Explained {
    message: String,
    fix: Vec<String>,
    ruled_out: Vec<(String, String)>,
    filter: String,
    filter_path: String,
    behind: Vec<String>,
    evidence: Vec<Cited>,
}

/// A packet that proves something.
struct Cited {
    path: String,
    frame: u64,
    time: Timestamp,
    note: String,
}

/// What was asked for.
#[derive(Clone, Default)]
struct Asked {
    host: String,
    asked: String,
}

/// What is shown under each heading, and of how many connections.
type Examples = BTreeMap<Heading, (u64, Vec<(Told, Example)>)>;

/// What is shown, while it is completed from the other tables.
pub(super) struct Shows {
    fold: Fold,
    kept: Kept,
    beside: Counts,
    edge_only: bool,
    /// Connections of which the finding is wanted, and the others on it.
    explained: HashMap<Key, Option<Explained>>,
    also: HashMap<Key, Vec<String>>,
    /// Connections of which the first request is wanted, or the one that failed.
    asked: HashMap<Key, Option<Asked>>,
    remarks: BTreeMap<&'static str, Remark>,
    timings: Timings,
}

/// Further findings on the same connection that are told.
const MAX_OTHERS: usize = 3;

impl Shows {
    /// Of all connections that were counted.
    pub(super) fn of(mut fold: Fold) -> Shows {
        let (kept, beside, edge_only) = fold.counted();
        let best = kept.groups.values().flat_map(|group| &group.examples);
        let explained = best.map(|told| (told.row.key.clone(), None)).collect();
        let listed = kept.unwell.iter().chain(kept.healthy.iter());
        let asked = listed.map(|told| (told.row.key.clone(), None)).collect();
        Shows {
            fold,
            kept,
            beside,
            edge_only,
            explained,
            also: HashMap::new(),
            asked,
            remarks: BTreeMap::new(),
            timings: Timings::default(),
        }
    }

    /// Takes a row of `findings`.
    pub(super) fn finding(&mut self, place: Place, row: &Fields<'_>) {
        let key = rows::key(place, row);
        if !self.fold.tells(&key.0) {
            return;
        }
        if rows::outcome(row.text("outcome").unwrap_or_default()) == Outcome::Ok {
            self.remark(&key, row);
        } else if let Some(wanted) = self.explained.get_mut(&key) {
            if row.flag("is_verdict") {
                *wanted = Some(Explained::of(row));
            } else {
                let also = self.also.entry(key).or_default();
                if also.len() < MAX_OTHERS {
                    let (cause, confidence) = (row.string("cause"), row.string("confidence"));
                    also.push(format!(
                        "{} ({}): {}",
                        bounded(&cause),
                        bounded(&confidence),
                        bounded(&row.string("message"))
                    ));
                }
            }
        }
    }

    /// Notes a finding that made no connection fail.
    fn remark(&mut self, key: &Key, row: &Fields<'_>) {
        let role = rows::role(row.text("role").unwrap_or_default());
        let Some(cause) = row.text("cause").and_then(crate::causes::by_id) else { return };
        if self.edge_only && role != Role::Edge {
            return;
        }
        let first = || {
            let at = row.groups("evidence").next();
            let time = at.and_then(|at| at.time("time")).unwrap_or_default();
            let frame = FrameRef::new(0, at.map_or(0, |at| at.count("frame")), time, 0);
            let of = self.fold.whose(&key.0, row.text("capture_host").unwrap_or_default());
            Remark { seen: 0, connection: key.1, of, first: (frame, row.string("message")) }
        };
        self.remarks.entry(cause.id()).or_insert_with(first).seen += 1;
    }

    /// Takes a row of `exchanges`.
    pub(super) fn exchange(&mut self, place: Place, row: &Fields<'_>) {
        let key = rows::key(place, row);
        if !self.fold.tells(&key.0) {
            return;
        }
        let counts = !self.edge_only || rows::role(row.text("role").unwrap_or_default()) == Role::Edge;
        for (step, name) in
            [("first_byte", "first_byte_us"), ("exchange", "duration_us"), ("idle_before_request", "idle_before_us")]
        {
            note(&mut self.timings, step, row.number(name).filter(|_| counts));
        }
        let Some(wanted) = self.asked.get_mut(&key) else { return };
        if let (None, Some(request)) = (&wanted, row.group("request")) {
            let asked = format!("{} {}", request.string("method"), request.string("target"));
            *wanted = Some(Asked { host: request.string("host"), asked });
        }
    }

    /// Writes the page, and says how many connections there are that count.
    pub(super) fn write(mut self, page: Page, out: &mut dyn Write) -> io::Result<Counts> {
        let groups = std::mem::take(&mut self.kept.groups);
        let mut told = Examples::new();
        for (heading, group) in groups {
            let best =
                group.examples.into_iter().map(|told| (self.example(&told), told)).map(|(e, told)| (told, e)).collect();
            told.insert(heading, (group.connections, best));
        }
        let summary = self.summary(&told);
        match page {
            Page::Text(options) => {
                let groups = self.groups(told, |_, example| example);
                text::write_told(out, options, &self.fold.captures, &summary, groups)?;
            }
            Page::Html => {
                let groups = self.groups(told, |told, example| {
                    let in_handshake = told.row.cause.is_some_and(|c| c.stage() == crate::diagnosis::Stage::Tls);
                    Shown::told(example, told.row.first, in_handshake)
                });
                let (unwell, healthy) = (self.listed(true), self.listed(false));
                let (times, peers) = (std::mem::take(&mut self.kept.times), std::mem::take(&mut self.kept.peers));
                html::write_told(
                    out,
                    &self.fold.captures,
                    &summary,
                    html::Kept { groups, times, peers, unwell, healthy },
                )?;
            }
        }
        Ok(summary.counts)
    }

    fn groups<E>(&mut self, told: Examples, make: impl Fn(&Told, Example) -> E) -> Groups<E> {
        let group = |(heading, (connections, best)): (Heading, (u64, Vec<(Told, Example)>))| {
            let examples = best.into_iter().map(|(told, example)| make(&told, example)).collect();
            (heading, Group { connections, examples })
        };
        Groups { groups: told.into_iter().map(group).collect(), remarks: std::mem::take(&mut self.remarks) }
    }

    /// The connections that are listed, as rows.
    fn listed(&mut self, unwell: bool) -> Sample<Row> {
        let from = if unwell { &mut self.kept.unwell } else { &mut self.kept.healthy };
        let asked = &mut self.asked;
        std::mem::replace(from, Sample::of(0)).map(|told| {
            let Asked { host, asked } = asked.remove(&told.row.key).flatten().unwrap_or_default();
            let host = if host.is_empty() { told.row.sni.clone().unwrap_or_default() } else { host };
            let c = &told.row;
            Row::told(
                told.number,
                (c.outcome, c.cause, c.confidence, c.edge.status),
                (c.client, c.server),
                (&host, &asked),
                (c.first, c.last, c.frames),
            )
        })
    }

    fn example(&mut self, told: &Told) -> Example {
        let row = &told.row;
        let place = self.fold.capture_of(&row.path);
        let of = self.explained.get(&row.key).and_then(Option::as_ref);
        let cited = |(cited, order): (&Cited, u64)| {
            let capture = self.fold.capture_of(&cited.path);
            (FrameRef::new(order, cited.frame, cited.time, capture), cited.note.clone())
        };
        let first = FrameRef::new(0, row.frames.0, row.first, place);
        let last = FrameRef::new(u64::from(u32::MAX), row.frames.1, row.last, place);
        let evidence: Vec<_> = of.iter().flat_map(|e| &e.evidence).zip(1..).map(cited).collect();
        let message = of.map_or(row.reason.as_str(), |e| e.message.as_str());
        Example {
            id: told.number,
            confidence: row.confidence,
            message: bounded(message),
            says_something: of.is_some(),
            fix: of.iter().flat_map(|e| &e.fix).map(|step| bounded(step)).collect(),
            ruled_out: of.iter().flat_map(|e| &e.ruled_out).filter_map(ruled_out).collect(),
            filter: bounded(of.map_or(&row.conversation, |e| &e.filter)),
            filter_capture: of.map(|e| self.fold.capture_of(&e.filter_path)),
            title: title(row, &self.fold.whose(&row.key.0, &row.host)),
            server: row.server,
            frames: (first, last),
            behind: of.iter().flat_map(|e| &e.behind).map(|text| bounded(text)).collect(),
            also: self.also.get(&row.key).cloned().unwrap_or_default(),
            limits: row.limits.iter().map(|limit| bounded(limit)).collect(),
            timeline: Timeline::told(first, row.role == Role::Edge, evidence),
            times: String::new(),
            probe: None,
            keys: None,
        }
    }

    fn summary(&mut self, told: &Examples) -> Summary {
        let kept = &mut self.kept;
        kept.timings.absorb(&self.timings);
        let mut causes: Vec<_> = std::mem::take(&mut kept.causes).into_values().collect();
        for (count, story) in &mut causes {
            let heading = Heading::Cause(count.outcome, count.cause.id());
            if let Some((best, example)) = told.get(&heading).and_then(|(_, best)| best.first()) {
                count.example = best.number;
                story.says(&example.message);
            }
        }
        causes.sort_by_key(|(c, _)| (c.outcome != Outcome::Failed, std::cmp::Reverse(c.connections)));
        let counts = kept.counts;
        let fleet = self.fold.told(std::mem::take(&mut kept.hosts));
        let hosts = &fleet.hosts;
        let sentence = headline((counts, 0), &[], causes.iter().map(|(count, story)| (count, story)));
        let failed = hosts.iter().filter(|host| host.counts.failed > 0).count() as u64;
        let over =
            (hosts.len() > 1 && failed > 0).then(|| format!(" On {failed} of {}.", count(hosts.len() as u64, "host")));
        Summary {
            counts,
            other: OtherCounts { connections: self.beside.connections, failed: self.beside.failed },
            causes: causes.into_iter().map(|(count, _)| count).collect::<Vec<CauseCount>>(),
            timings: std::mem::take(&mut kept.timings),
            edge_only: self.edge_only,
            no_edge_traffic: !self.fold.via_cloudfront,
            headline: format!("{sentence}{}", over.unwrap_or_default()),
            fleet: Some(fleet),
            ..Summary::default()
        }
    }
}

impl Explained {
    fn of(row: &Fields<'_>) -> Explained {
        let cite = |e: Fields<'_>| Cited {
            path: e.string("capture_path"),
            frame: e.count("frame"),
            time: e.time("time").unwrap_or_default(),
            note: e.string("note"),
        };
        let behind = |inner: Fields<'_>| {
            let server = rows::end(inner.group("server"));
            let (cause, sure, message) = (inner.string("cause"), inner.string("confidence"), inner.string("message"));
            format!("connection {} to {server}: {message} ({sure}; why502 explain {cause})", inner.count("connection"))
        };
        Explained {
            message: row.string("message"),
            fix: row.texts("fix").map(str::to_owned).collect(),
            ruled_out: row.groups("ruled_out").map(|r| (r.string("cause"), r.string("why"))).collect(),
            filter: row.string("wireshark_filter"),
            filter_path: row.string("wireshark_capture_path"),
            behind: row.groups("inner").map(behind).collect(),
            evidence: row.groups("evidence").map(cite).collect(),
        }
    }
}

/// A cause that this version knows, and why it is not the one.
fn ruled_out((cause, why): &(String, String)) -> Option<(&'static str, String)> {
    crate::causes::by_id(cause).map(|cause| (cause.id(), bounded(why)))
}

/// `connection 17 of web-1, unit 3: 130.176.1.2:40112 → 10.0.0.5:443 (CloudFront)`.
fn title(row: &rows::Connection, whose: &str) -> String {
    let probe = row.kind == EdgeKind::Probe;
    let who = Who { role: row.role, kind: row.kind, proxied: row.proxied, via_cloudfront: row.via_cloudfront || probe };
    titled(&format!("{}{}", row.key.1, escape(whose)), row.client, row.server, &who.to_string())
}
