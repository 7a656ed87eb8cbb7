//! What a probe found beside its connections.

use serde::Serialize;

use crate::report;

#[derive(Serialize)]
pub(super) struct Probed<'a> {
    host: &'a str,
    port: u16,
    policy: Option<&'a str>,
    addresses: Vec<String>,
    addresses_given: bool,
    name: Option<NameTrouble<'a>>,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct NameTrouble<'a> {
    cause: &'a str,
    confidence: &'static str,
    message: &'a str,
    fix: &'a [String],
}

#[derive(Serialize)]
struct Row<'a> {
    area: &'static str,
    asked: &'a str,
    answer: &'a str,
    outcome: Option<&'static str>,
    cause: Option<&'a str>,
    version: Option<&'a str>,
    cipher: Option<&'a str>,
    group: Option<&'a str>,
    certificate: Option<&'a str>,
    status: Option<u16>,
}

impl<'a> Probed<'a> {
    pub(super) fn of(p: &'a report::Probed) -> Probed<'a> {
        let name = p.trouble.as_ref().map(|t| NameTrouble {
            cause: t.cause.id(),
            confidence: t.confidence.as_str(),
            message: &t.message,
            fix: &t.fix,
        });
        Probed {
            host: &p.host,
            port: p.port,
            policy: p.policy.as_deref(),
            addresses: p.addresses.iter().map(ToString::to_string).collect(),
            addresses_given: p.addresses_given,
            name,
            rows: p.rows.iter().map(Row::of).collect(),
        }
    }
}

impl<'a> Row<'a> {
    fn of(r: &'a report::Row) -> Row<'a> {
        Row {
            area: r.area,
            asked: &r.asked,
            answer: &r.answer,
            outcome: r.outcome.map(|o| o.as_str()),
            cause: r.cause.map(|c| c.id()),
            version: r.version.as_deref(),
            cipher: r.cipher.as_deref(),
            group: r.group.as_deref(),
            certificate: r.certificate.as_deref(),
            status: r.status,
        }
    }
}
