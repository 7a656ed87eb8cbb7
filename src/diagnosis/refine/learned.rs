//! What a probe of the origin tells of a certificate that TLS 1.3 hides.

use crate::diagnosis::{Cause, Confidence, Diagnosis, Evidence, Finding};
use crate::observation::Connection;

/// A refused certificate, as a probe was shown it.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The server name that the probe asked for.
    pub sni: Option<String>,
    /// The port.
    pub port: u16,
    /// `tls.certificate-*`.
    pub cause: &'static Cause,
    /// What the probe's report says.
    pub message: String,
    /// When it was asked, as the report writes it.
    pub time: String,
}

/// The verdict that a probe may explain: the bytes do not show why the edge refused.
const UNEXPLAINED: &str = "tls.certificate-rejected";

impl Learned {
    /// Names the cause of a hidden refusal where one of these is about the same name and port. Says whether it did.
    pub fn name(learned: &[Learned], c: &Connection, d: &mut Diagnosis) -> bool {
        let Some((_, finding)) = d.findings.first().filter(|(cause, _)| cause.id() == UNEXPLAINED) else {
            return false;
        };
        let hidden = d.verdict.cause.is_some() && c.origin_certificates().next().is_none();
        let same = |l: &&Learned| {
            let names = (l.sni.as_deref(), c.sni());
            l.port == c.server.port && matches!(names, (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
        };
        let Some(told) = learned.iter().find(same).filter(|_| hidden) else { return false };
        let explained = explain(finding, told);
        d.verdict.cause = Some(told.cause);
        d.verdict.confidence = Some(explained.confidence);
        d.verdict.edge = told.cause.edge;
        d.findings.retain(|(cause, _)| cause.id() != UNEXPLAINED);
        d.findings.insert(0, (told.cause, explained));
        true
    }
}

/// The origin may have shown another certificate then than it shows the probe: likely, and no more.
fn explain(finding: &Finding, told: &Learned) -> Finding {
    let note = format!("learned by the probe of {}: the origin's certificate is encrypted here", told.time);
    let message = format!("{} Learned by the probe of {}: {}", finding.message, told.time, told.message);
    let mut explained = Finding { message: message.into(), confidence: Confidence::Likely, ..finding.clone() };
    explained.evidence.push(Evidence { frame: finding.at, note: note.into() });
    explained
}
