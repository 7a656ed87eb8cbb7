//! JUnit's XML, for pipelines: each cause of the catalogue is a test, which fails where a connection did by it.
//!
//! Invariant: what is kept until the end is bounded by the catalogue, whatever the number of connections. The tests have
//! the same names in every report, so that a pipeline shows since when one fails.

use std::borrow::Cow;
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::example::{Example, bounded};
use super::groups::{Groups, Heading, Roles};
use super::layout::count;
use super::words::when;
use super::{Capture, CauseCount, NameTrouble, Probed, Renderer, Summary};
use crate::causes::CATALOGUE;
use crate::diagnosis::{Cause, Diagnosis, Outcome};
use crate::observation::Connection;

/// The suite. It is written when everything is known.
pub struct Junit<W> {
    out: W,
    kept: Roles<Example>,
    trouble: Option<NameTrouble>,
}

/// How one test ended.
struct Ended {
    element: &'static str,
    message: String,
    details: String,
}

impl<W: Write> Junit<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Junit<W> {
        Junit { out, kept: Roles::default(), trouble: None }
    }
}

impl<W: Write> Renderer for Junit<W> {
    fn connection(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        self.kept.add(connection, diagnosis, Example::of);
        Ok(())
    }

    fn probe(&mut self, probed: &Probed) -> io::Result<()> {
        self.trouble.clone_from(&probed.trouble);
        Ok(())
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        let groups = self.kept.counted(summary.edge_only);
        let mut xml = Writer::new_with_indent(&mut self.out, b' ', 1);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        suites(&mut xml, captures, summary, (&groups, self.trouble.as_ref()))?;
        writeln!(self.out)?;
        self.out.flush()
    }
}

fn suites<W: Write>(
    xml: &mut Writer<W>,
    captures: &[Capture],
    summary: &Summary,
    (groups, trouble): (&Groups<Example>, Option<&NameTrouble>),
) -> io::Result<()> {
    let unnamed = |cause: &Cause| trouble.filter(|trouble| trouble.cause == cause).map(of_a_name);
    let tests = CATALOGUE.iter().map(|cause| (*cause, unnamed(cause).or_else(|| ended(cause, summary, groups))));
    let tests: Vec<_> = tests.collect();
    let unexplained = unexplained(groups);
    let of = |element: &str| {
        let all = tests.iter().filter_map(|(_, ended)| ended.as_ref()).chain(&unexplained);
        all.filter(|ended| ended.element == element).count().to_string()
    };
    let (total, failures, skipped) = ((tests.len() + 1).to_string(), of("failure"), of("skipped"));
    let counts = [("tests", total.as_str()), ("failures", &failures), ("errors", "0"), ("skipped", &skipped)];
    let begin = captures.iter().filter_map(|c| c.info.first_time).min();
    let begin = begin.map(|time| time.to_string().get(..19).unwrap_or_default().to_owned());
    xml.create_element("testsuites")
        .with_attributes([("name", "why502")])
        .with_attributes(counts)
        .write_inner_content(|xml| {
            let suite = xml.create_element("testsuite").with_attributes([("name", "why502")]).with_attributes(counts);
            let suite = suite.with_attributes(begin.as_deref().map(|begin| ("timestamp", begin)));
            suite.write_inner_content(|xml| {
                properties(xml, captures, summary)?;
                for (cause, ended) in &tests {
                    test(xml, cause.stage().as_str(), cause.id(), ended.as_ref())?;
                }
                test(xml, "capture", "capture tells of every connection", unexplained.as_ref())
            })?;
            Ok(())
        })?;
    Ok(())
}

fn properties<W: Write>(xml: &mut Writer<W>, captures: &[Capture], summary: &Summary) -> io::Result<()> {
    let counts = summary.counts;
    let mut all = vec![
        ("headline", bounded(&summary.headline)),
        ("connections", counts.connections.to_string()),
        ("failed", counts.failed.to_string()),
        ("inconclusive", counts.inconclusive.to_string()),
        ("ok", counts.ok.to_string()),
    ];
    all.extend(captures.iter().map(|c| ("capture", bounded(&c.path))));
    xml.create_element("properties").write_inner_content(|xml| {
        for (name, value) in &all {
            let value = allowed(value);
            xml.create_element("property").with_attributes([("name", *name), ("value", &value)]).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn test<W: Write>(xml: &mut Writer<W>, class: &str, name: &str, ended: Option<&Ended>) -> io::Result<()> {
    let class = format!("why502.{class}");
    let case = xml.create_element("testcase").with_attributes([("classname", class.as_str()), ("name", name)]);
    let Some(ended) = ended else {
        case.write_empty()?;
        return Ok(());
    };
    let message = allowed(&ended.message);
    case.write_inner_content(|xml| {
        let why = xml.create_element(ended.element).with_attributes([("message", &*message)]);
        if ended.element == "failure" {
            let why = why.with_attributes([("type", name)]);
            why.write_text_content(BytesText::new(&allowed(&ended.details)))?;
        } else {
            why.write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

/// A name that a probe could not find, or not as CloudFront would.
fn of_a_name(trouble: &NameTrouble) -> Ended {
    let mut lines = vec![trouble.cause.title().to_owned()];
    lines.extend(trouble.fix.iter().enumerate().map(|(i, step)| format!("fix {}: {}", i + 1, bounded(step))));
    lines.push(format!("more: why502 explain {}", trouble.cause.id()));
    Ended { element: "failure", message: bounded(&trouble.message), details: lines.join("\n") }
}

/// How the test of a cause ended, where it did not pass.
fn ended(cause: &'static Cause, summary: &Summary, groups: &Groups<Example>) -> Option<Ended> {
    if summary.counts.connections == 0 {
        let message = "no connection was looked at".to_owned();
        return Some(Ended { element: "skipped", message, details: String::new() });
    }
    let told = |outcome| summary.causes.iter().find(|told| told.cause == cause && told.outcome == outcome);
    let told = told(Outcome::Failed).or_else(|| told(Outcome::Inconclusive))?;
    let best = groups.of(told.outcome, cause.id())?.examples.first()?;
    let message = format!("{}: {}", count(told.connections, "connection"), best.message);
    Some(match told.outcome {
        Outcome::Failed => Ended { element: "failure", message, details: details(told, best) },
        Outcome::Inconclusive | Outcome::Ok => Ended { element: "skipped", message, details: String::new() },
    })
}

/// Connections of which the capture does not tell, and that no cause explains.
fn unexplained(groups: &Groups<Example>) -> Option<Ended> {
    let reasons = groups.groups.iter().filter_map(|(heading, group)| match heading {
        Heading::Reason(reason) => Some(format!("{}: {reason}", count(group.connections, "connection"))),
        Heading::Cause(..) => None,
    });
    let reasons: Vec<_> = reasons.collect();
    (!reasons.is_empty()).then(|| Ended { element: "skipped", message: reasons.join("; "), details: String::new() })
}

/// The packets that prove it, and what to do.
fn details(told: &CauseCount, best: &Example) -> String {
    let mut lines = vec![
        told.cause.title().to_owned(),
        when(told).replace('\u{a0}', " "),
        format!("{}, frames {} to {}", best.title, best.frames.0.frame, best.frames.1.frame),
    ];
    for row in best.timeline.rows.iter().filter(|row| row.is_proof()) {
        let notes: Vec<_> = row.lines().into_iter().map(|(text, _)| text).collect();
        lines.push(format!("frame {}: {}", best.timeline.number(row), notes.join("; ")));
    }
    lines.extend(best.fix.iter().enumerate().map(|(i, step)| format!("fix {}: {step}", i + 1)));
    lines.push(format!("Wireshark: {}", best.filter));
    lines.push(format!("more: why502 explain {}", told.cause.id()));
    lines.join("\n")
}

/// Without the characters that XML does not allow (section 2.2): those that [`bounded`] leaves.
fn allowed(text: &str) -> Cow<'_, str> {
    const NONE: [char; 2] = ['\u{fffe}', '\u{ffff}'];
    if text.contains(NONE) { Cow::Owned(text.replace(NONE, "\u{fffd}")) } else { Cow::Borrowed(text) }
}
