//! The analysis of captures, asked what it makes of a tape.

use std::io::{self, Cursor};

use super::tape::Tape;
use crate::analysis::{self, Options};
use crate::diagnosis::{Cause, Diagnosis, Outcome, Stage};
use crate::observation::{ChainFault, Connection, tls};
use crate::report::{Capture, Renderer, Row, Summary};
use crate::source::Source;

/// What was made of one connection.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) cause: Option<&'static Cause>,
    pub(super) version: Option<String>,
    pub(super) cipher: Option<String>,
    pub(super) group: Option<String>,
    pub(super) certificate: Option<String>,
    pub(super) faults: Vec<&'static str>,
    pub(super) status: Option<u16>,
    /// What is wrong in HTTP although it was delivered.
    pub(super) besides: Vec<&'static str>,
}

/// A tape as a capture.
///
/// # Errors
/// Never in practice: it is written to memory.
pub(super) fn source(tapes: &[&Tape], name: &str) -> Result<Source, String> {
    let mut bytes = Vec::new();
    Tape::write(tapes, &mut bytes).map_err(|e| e.to_string())?;
    Source::from_reader(Box::new(Cursor::new(bytes)), name).map_err(|e| e.to_string())
}

/// Judges every connection of a tape.
pub(super) fn judge(tape: &Tape, options: &Options) -> Result<Vec<Judged>, String> {
    let mut listener = Listener(Vec::new());
    let sources = vec![("probe".to_owned(), source(&[tape], "probe")?)];
    analysis::run(sources, options, &mut listener, |_, _| ()).map_err(|e| e.to_string())?;
    Ok(listener.0)
}

struct Listener(Vec<Judged>);

impl Renderer for Listener {
    fn connection(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        self.0.push(Judged::of(c, d));
        Ok(())
    }

    fn finish(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

impl Judged {
    fn of(c: &Connection, d: &Diagnosis) -> Judged {
        let hello = c.tls.as_ref().and_then(|tls| tls.server_hello.as_ref());
        let named = |code: u16| tls::names::group_name(code).map_or_else(|| format!("{code:#06x}"), str::to_owned);
        let version = |code: u16| tls::names::version_name(code).map_or_else(|| format!("{code:#06x}"), Into::into);
        let cipher = |code: u16| tls::names::cipher_name(code).map_or_else(|| format!("{code:#06x}"), str::to_owned);
        let leaf = c.origin_certificates().next().and_then(|leaf| leaf.summary().ok());
        let last = c.http.as_ref().and_then(|http| http.exchanges.iter().rev().find_map(|e| e.response.as_ref()));
        let in_http = |cause: &Cause| matches!(cause.stage(), Stage::Http | Stage::Http2 | Stage::App);
        let besides = d.findings.iter().map(|(cause, _)| *cause).filter(|cause| d.verdict.cause != Some(*cause));
        let last2 = c.http2.as_ref().and_then(|http| http.exchanges.iter().rev().find_map(|e| e.response.as_ref()));
        Judged {
            outcome: d.verdict.outcome,
            cause: d.verdict.cause,
            version: hello.map(|hello| version(hello.version)),
            cipher: hello.map(|hello| cipher(hello.cipher)),
            group: hello.and_then(|hello| hello.group).map(named),
            certificate: leaf.map(|leaf| leaf.subject.clone()),
            faults: c.chain.iter().flat_map(|chain| &chain.report.faults).map(ChainFault::as_str).collect(),
            status: last.map(|r| r.status).or(last2.map(|r| r.status)).filter(|&status| status > 0),
            besides: besides.filter(|cause| in_http(cause)).map(Cause::id).collect(),
        }
    }

    /// `TLS 1.3, TLS_AES_128_GCM_SHA256, x25519`.
    pub(super) fn handshake(&self) -> Option<String> {
        let said = [self.version.as_deref(), self.cipher.as_deref(), self.group.as_deref()];
        self.version.is_some().then(|| said.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }

    /// What became of it, for a table.
    pub(super) fn told(&self) -> String {
        let reason = match (self.outcome, self.cause) {
            (Outcome::Ok, _) => None,
            (_, Some(cause)) => Some(cause.id().to_owned()),
            (_, None) => Some("no answer".to_owned()),
        };
        let status = self.status.map(|status| format!("HTTP {status}"));
        let besides = (!self.besides.is_empty()).then(|| format!("although {}", self.besides.join(", ")));
        let told: Vec<String> = [reason, self.handshake(), status, besides].into_iter().flatten().collect();
        if told.is_empty() { "connected".to_owned() } else { told.join("; ") }
    }

    /// A row of the table.
    pub(super) fn row(&self, area: &'static str, asked: impl Into<String>, answer: String) -> Row {
        Row {
            outcome: Some(self.outcome),
            cause: self.cause.filter(|_| self.outcome != Outcome::Ok),
            version: self.version.clone(),
            cipher: self.cipher.clone(),
            group: self.group.clone(),
            certificate: self.certificate.clone(),
            status: self.status,
            ..Row::new(area, asked, answer)
        }
    }
}
