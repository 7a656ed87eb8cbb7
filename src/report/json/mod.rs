//! JSON, for programs: one document, or one connection a line.
//!
//! Invariant: a connection is written when it comes and nothing of it is kept; the schema's types borrow from the
//! connection, and no tree of values is built. `schemas/report.v1.json` describes what is written here.

mod capture;
mod connection;
mod http;
mod safe;
mod shown;
mod tls;
mod verdict;

use std::io::{self, Write};

use serde::Serialize;

use crate::diagnosis::Diagnosis;
use crate::observation;

use super::{Capture, Renderer, Summary};

/// The name of the schema: it changes when a field is renamed, removed or changes meaning.
pub const SCHEMA: &str = "why502.report.v1";

/// One document with everything in it, streamed.
pub struct Json<W> {
    out: W,
    connections: u64,
}

impl<W: Write> Json<W> {
    /// Writes to `out`, which should be buffered. Nothing is written before the first connection.
    pub fn new(out: W) -> Json<W> {
        Json { out, connections: 0 }
    }

    /// Everything before the first connection.
    fn begin(&mut self) -> io::Result<()> {
        write!(self.out, "{{\"schema\":\"{SCHEMA}\",\n\"generator\":")?;
        put(&mut self.out, &capture::GENERATOR)?;
        self.out.write_all(b",\n\"connections\":[")
    }
}

impl<W: Write> Renderer for Json<W> {
    fn connection(&mut self, connection: &observation::Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        if self.connections == 0 {
            self.begin()?;
        }
        self.out.write_all(if self.connections == 0 { b"\n" } else { b",\n" })?;
        self.connections += 1;
        put(&mut self.out, &connection::Connection::of(connection, diagnosis))
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        if self.connections == 0 {
            self.begin()?;
        }
        self.out.write_all(b"],\n\"captures\":")?;
        put(&mut self.out, &capture::list(captures))?;
        self.out.write_all(b",\n\"summary\":")?;
        put(&mut self.out, &capture::Summary::of(summary))?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}

/// One connection a line, at once; a further line where the second step changes a verdict (ruling 23).
pub struct NdJson<W> {
    out: W,
    live: bool,
}

impl<W: Write> NdJson<W> {
    /// Writes to `out`, which should be buffered. Where somebody watches it `live`, each line is sent off at once.
    pub fn new(out: W, live: bool) -> NdJson<W> {
        NdJson { out, live }
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")?;
        if self.live { self.out.flush() } else { Ok(()) }
    }
}

/// A verdict that the second step changed.
#[derive(Serialize)]
struct Refinement<'a> {
    refines: u64,
    verdict: verdict::Verdict<'a>,
}

impl<W: Write> Renderer for NdJson<W> {
    fn wants_first_verdicts(&self) -> bool {
        true
    }

    fn connection(&mut self, connection: &observation::Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        put(&mut self.out, &connection::Connection::of(connection, diagnosis))?;
        self.end_line()
    }

    fn refined(&mut self, connection: &observation::Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        put(&mut self.out, &Refinement { refines: connection.id, verdict: verdict::Verdict::of(&diagnosis.verdict) })?;
        self.end_line()
    }

    fn finish(&mut self, _captures: &[Capture], _summary: &Summary) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes one value on one line.
fn put<W: Write>(out: W, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, safe::Safe);
    Ok(value.serialize(&mut serializer)?)
}
