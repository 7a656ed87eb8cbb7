//! The certificates of an origin as the links of a chain.

use crate::base::Timestamp;
use crate::observation::tls::{Certificate, Summary};
use crate::observation::{ChainFault, ChainReport, Connection, Invalid};

use super::rich::short;

/// Certificates shown of one chain; an edge follows seven.
const MAX_LINKS: usize = 8;

/// Names shown of a certificate.
const MAX_NAMES: usize = 8;

/// Columns of a name.
const NAME: usize = 100;

/// What the origin sent, from the leaf towards the root.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) links: Vec<Link>,
    /// Certificates that are not shown.
    pub(super) more: usize,
    /// What is wrong with no single one.
    pub(super) faults: Vec<String>,
    /// The names that the edge compares.
    pub(super) compared: String,
    pub(super) judged_at: String,
}

/// One certificate, or the place where one is missing.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) what: &'static str,
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) names: String,
    pub(super) valid: String,
    pub(super) key: String,
    /// What is wrong with it.
    pub(super) faults: Vec<String>,
    /// It was not sent.
    pub(super) missing: bool,
    /// A verifier has no use for it.
    pub(super) unused: bool,
}

impl Chain {
    /// The chain of a connection that shows one.
    pub(super) fn of(c: &Connection) -> Option<Chain> {
        let judged = c.chain.as_ref()?;
        let report = &judged.report;
        let sent: Vec<_> = c.origin_certificates().collect();
        let mut links: Vec<_> =
            sent.iter().take(MAX_LINKS).enumerate().map(|(i, sent)| link(i, sent, report)).collect();
        links.extend(end(report));
        let whole = report.faults.iter().filter(|f| f.certificate().is_none());
        let names: Vec<_> = report.names.iter().take(MAX_NAMES).map(|n| short(n, NAME)).collect();
        (!sent.is_empty()).then(|| Chain {
            links,
            more: sent.len().saturating_sub(MAX_LINKS),
            faults: whole.map(|f| said(f, None)).collect(),
            compared: names.join(", "),
            judged_at: judged.at.to_the_minute(),
        })
    }
}

fn link(i: usize, sent: &Certificate, report: &ChainReport) -> Link {
    let read = sent.summary().ok();
    let own =
        report.faults.iter().filter(|f| f.certificate() == Some(i) && !matches!(f, ChainFault::Incomplete { .. }));
    let faults = own.map(|f| said(f, read)).collect();
    let what = match (i, read) {
        (0, _) => "Leaf",
        (_, Some(s)) if s.self_issued => "Root",
        _ => "Intermediate",
    };
    let unused = i > 0 && !report.path.is_empty() && !report.path.contains(&i);
    let Some(s) = read else { return Link { what, faults, unused, ..Link::default() } };
    let (from, until) = (s.not_before.to_the_minute(), s.not_after.to_the_minute());
    Link {
        what,
        subject: short(&s.subject, NAME),
        issuer: short(&s.issuer, NAME),
        names: if i == 0 { names(s) } else { String::new() },
        valid: format!("{from} to {until}"),
        key: format!("{}, signed by {}", short(&s.key, NAME), short(&s.signature, NAME)),
        faults,
        missing: false,
        unused,
    }
}

fn names(s: &Summary) -> String {
    let shown: Vec<_> = s.names.iter().take(MAX_NAMES).map(|n| short(n, NAME)).collect();
    let more = s.names.len().saturating_sub(MAX_NAMES);
    match (shown.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What comes after the last certificate that was sent.
fn end(report: &ChainReport) -> Option<Link> {
    let missing = report.faults.iter().find_map(|f| match f {
        ChainFault::Incomplete { issuer, url } => Some((issuer, url)),
        _ => None,
    });
    if let Some((issuer, url)) = missing {
        let at = url.as_ref().map(|url| format!("The leaf says that it is at {}.", short(url, NAME)));
        let faults = ["Not sent.".to_owned()].into_iter().chain(at).collect();
        return Some(Link { what: "Issuer", subject: short(issuer, NAME), faults, missing: true, ..Link::default() });
    }
    let anchor = report.anchor.as_ref().filter(|_| report.trusted != Some(false))?;
    Some(Link { what: "Trust anchor", subject: short(anchor, NAME), ..Link::default() })
}

/// What is wrong, in a sentence.
fn said(fault: &ChainFault, read: Option<&Summary>) -> String {
    let moment = |pick: fn(&Summary) -> Timestamp| read.map(|s| pick(s).to_the_minute()).unwrap_or_default();
    match fault {
        ChainFault::Malformed { .. } => "It cannot be read as a certificate.".to_owned(),
        ChainFault::SelfSigned => "It is its own issuer, and no trust anchor.".to_owned(),
        ChainFault::NotYetValid { .. } => format!("Not valid before {}.", moment(|s| s.not_before)),
        ChainFault::Expired { .. } => format!("Expired on {}.", moment(|s| s.not_after)),
        ChainFault::NameMismatch => "None of its names is one that the edge compares.".to_owned(),
        ChainFault::Revoked { since, .. } => format!("Revoked since {}.", since.to_the_minute()),
        ChainFault::Staple(_) => "The OCSP response stapled to it proves nothing.".to_owned(),
        ChainFault::Purpose => "It is not meant for servers.".to_owned(),
        ChainFault::Incomplete { .. } => "Its issuer was not sent.".to_owned(),
        ChainFault::Untrusted { is_root: true, .. } => "This root is no trust anchor.".to_owned(),
        ChainFault::Untrusted { issuer, .. } => format!("Its issuer, {}, is no trust anchor.", short(issuer, NAME)),
        ChainFault::Invalid(Invalid::TooDeep { authorities }) => {
            format!("It has {authorities} authorities below the root: more than are followed.")
        }
        ChainFault::Invalid(Invalid::NoAuthority { .. }) => "It is no authority, and issued another.".to_owned(),
        ChainFault::Invalid(Invalid::Signature) => "An issuer has the right name, and another key.".to_owned(),
        ChainFault::Invalid(Invalid::Constraint { what }) => {
            format!("An authority issued more than its {what} allows.")
        }
        ChainFault::Order => "An issuer was sent before what it issued.".to_owned(),
        ChainFault::Weak { what, .. } => format!("Weaker than is accepted today: {}.", short(what, NAME)),
    }
}
