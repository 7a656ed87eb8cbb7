//! JSON, for programs: one document, or one connection a line.
//!
//! Invariant: a connection is written when it comes and nothing of it is kept; the schema's types borrow from the
//! connection, and no tree of values is built. `schemas/report.v1.json` describes what is written here.

pub(super) mod capture;
pub(super) mod connection;
pub(super) mod http;
mod logs;
mod probed;
mod proxy;
mod safe;
pub(super) mod shown;
pub(super) mod timing;
mod tls;
pub(super) mod verdict;
mod websocket;

use std::io::{self, Write};

use serde::Serialize;

use crate::correlate::Joined;
use crate::diagnosis::{Cause, Diagnosis, Finding};
use crate::observation;

use super::{Capture, Probed, Renderer, Summary};

/// The name of the schema: it changes when a field is renamed, removed or changes meaning.
pub const SCHEMA: &str = "why502.report.v1";

/// One document with everything in it, streamed.
pub struct Json<W> {
    out: Out<W>,
    connections: u64,
    /// The members that tell of access logs were written.
    logs: bool,
    /// The member that tells what a probe found, as it is to be written.
    probe: Out<Vec<u8>>,
}

impl<W: Write> Json<W> {
    /// Writes to `out`. Nothing is written before the first connection.
    pub fn new(out: W) -> Json<W> {
        Json { out: Out::new(out), connections: 0, logs: false, probe: Out { out: Vec::new(), buffer: Vec::new() } }
    }

    /// Everything before the first connection.
    fn begin(&mut self) -> io::Result<()> {
        self.out.text("{\"schema\":")?;
        self.out.value(&SCHEMA)?;
        self.out.text(",\n\"generator\":")?;
        self.out.value(&capture::GENERATOR)?;
        self.out.text(",\n\"connections\":[")
    }

    /// Ends the connections, and tells of access logs.
    fn write_logs(&mut self, logs: &logs::Logs<'_>) -> io::Result<()> {
        if self.connections == 0 {
            self.begin()?;
        }
        self.logs = true;
        self.out.text("],\n\"access_logs\":")?;
        self.out.value(&logs.logs)?;
        self.out.text(",\n\"log_summary\":")?;
        self.out.value(&logs.summary)?;
        self.out.text(",\n\"log_rows\":[")?;
        for (i, row) in logs.rows.iter().enumerate() {
            self.out.text(if i == 0 { "\n" } else { ",\n" })?;
            self.out.value(row)?;
        }
        self.out.text("]")
    }
}

impl<W: Write> Renderer for Json<W> {
    fn connection(&mut self, connection: &observation::Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        if self.connections == 0 {
            self.begin()?;
        }
        self.out.text(if self.connections == 0 { "\n" } else { ",\n" })?;
        self.connections += 1;
        self.out.value(&connection::Connection::of(connection, diagnosis))
    }

    fn logs(&mut self, logs: &Joined) -> io::Result<()> {
        self.write_logs(&logs::Logs::of(logs))
    }

    fn probe(&mut self, probed: &Probed) -> io::Result<()> {
        self.probe.text(",\n\"probe\":")?;
        self.probe.value(&probed::Probed::of(probed))?;
        self.probe.flush()
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        if !self.logs {
            self.write_logs(&logs::Logs::NONE)?;
        }
        self.out.text(",\n\"captures\":")?;
        self.out.value(&capture::list(captures))?;
        self.out.text(",\n\"summary\":")?;
        self.out.value(&capture::Summary::of(summary))?;
        let probe = String::from_utf8_lossy(&self.probe.out);
        self.out.text(if probe.is_empty() { ",\n\"probe\":null" } else { &probe })?;
        self.out.text("}\n")?;
        self.out.flush()
    }
}

/// One connection a line, at once; a line before it for what is found while it is open, and one after it where the second
/// step changes a verdict (ruling 23).
pub struct NdJson<W> {
    out: Out<W>,
    live: bool,
}

impl<W: Write> NdJson<W> {
    /// Writes to `out`. Where somebody watches it `live`, each line is sent off at once.
    pub fn new(out: W, live: bool) -> NdJson<W> {
        NdJson { out: Out::new(out), live }
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.out.text("\n")?;
        if self.live { self.out.flush() } else { Ok(()) }
    }
}

/// A diagnosis that the second step changed.
#[derive(Serialize)]
struct Refinement<'a> {
    refines: u64,
    verdict: verdict::Verdict<'a>,
    findings: Vec<verdict::Finding<'a>>,
}

/// What was found on a connection that is still open.
#[derive(Serialize)]
struct Found<'a> {
    finds: u64,
    time: shown::Time,
    role: &'static str,
    client: shown::End,
    server: shown::End,
    finding: verdict::Finding<'a>,
}

/// A log, once all connections were told.
#[derive(Serialize)]
struct LogLine<'a> {
    access_log: &'a logs::Log<'a>,
}

/// A row of an error.
#[derive(Serialize)]
struct RowLine<'a> {
    log_row: &'a logs::Row<'a>,
}

/// What a probe found beside its connections.
#[derive(Serialize)]
struct ProbeLine<'a> {
    probe: probed::Probed<'a>,
}

/// What the logs add, in numbers.
#[derive(Serialize)]
struct SummaryLine {
    log_summary: Option<logs::Summary>,
}

impl<W: Write> Renderer for NdJson<W> {
    fn wants_first_verdicts(&self) -> bool {
        true
    }

    fn connection(&mut self, connection: &observation::Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        self.out.value(&connection::Connection::of(connection, diagnosis))?;
        self.end_line()
    }

    fn found(&mut self, c: &observation::Connection, (cause, finding): (&'static Cause, &Finding)) -> io::Result<()> {
        self.out.value(&Found {
            finds: c.id,
            time: shown::Shown(c.watched_until),
            role: c.role.as_str(),
            client: c.client.into(),
            server: c.server.into(),
            finding: verdict::Finding::of(cause, finding, c),
        })?;
        self.end_line()
    }

    fn refined(&mut self, connection: &observation::Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        let (refines, verdict) = (connection.id, verdict::Verdict::of(&diagnosis.verdict));
        let findings = verdict::Finding::list(diagnosis, connection);
        self.out.value(&Refinement { refines, verdict, findings })?;
        self.end_line()
    }

    fn logs(&mut self, logs: &Joined) -> io::Result<()> {
        let told = logs::Logs::of(logs);
        for access_log in &told.logs {
            self.out.value(&LogLine { access_log })?;
            self.end_line()?;
        }
        for log_row in &told.rows {
            self.out.value(&RowLine { log_row })?;
            self.end_line()?;
        }
        self.out.value(&SummaryLine { log_summary: told.summary })?;
        self.end_line()
    }

    fn probe(&mut self, probed: &Probed) -> io::Result<()> {
        self.out.value(&ProbeLine { probe: probed::Probed::of(probed) })?;
        self.end_line()
    }

    fn finish(&mut self, _captures: &[Capture], _summary: &Summary) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes one value as a document of its own.
pub(crate) fn document(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut out = Out::new(out);
    out.value(value)?;
    out.text("\n")?;
    out.flush()
}

/// The output, behind a buffer of its own: a connection is hundreds of fragments of a few bytes, each of which would
/// otherwise find its way through every layer of the output.
struct Out<W> {
    out: W,
    buffer: Vec<u8>,
}

/// Bytes gathered before they are passed on.
const GATHER: usize = 64 * 1024;

impl<W: Write> Out<W> {
    fn new(out: W) -> Out<W> {
        Out { out, buffer: Vec::with_capacity(GATHER) }
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.buffer.extend_from_slice(text.as_bytes());
        self.pass_on(GATHER)
    }

    /// Writes one value on one line.
    fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut self.buffer, safe::Safe))?;
        self.pass_on(GATHER)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(0)?;
        self.out.flush()
    }

    fn pass_on(&mut self, from: usize) -> io::Result<()> {
        if self.buffer.len() >= from {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}
