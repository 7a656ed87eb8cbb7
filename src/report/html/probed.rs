//! What a probe found beside its connections, as the page shows it.

use crate::diagnosis::Outcome;
use crate::report::example::bounded;
use crate::report::{Probed, Row};

use super::rich::{Span, spans};

/// The name, what is wrong with it, and the table of what else was asked.
#[derive(Debug)]
pub(super) struct ProbedView {
    pub(super) name: String,
    pub(super) policy: Option<String>,
    pub(super) trouble: Option<TroubleView>,
    pub(super) areas: Vec<AreaView>,
}

/// Why CloudFront would not find the origin.
#[derive(Debug)]
pub(super) struct TroubleView {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) message: String,
    pub(super) fix: Vec<Vec<Span>>,
}

/// Rows that are compared with each other.
#[derive(Debug)]
pub(super) struct AreaView {
    pub(super) name: &'static str,
    pub(super) rows: Vec<AskedView>,
}

/// One question.
#[derive(Debug)]
pub(super) struct AskedView {
    pub(super) asked: String,
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    pub(super) answer: String,
}

impl ProbedView {
    pub(super) fn of(probed: &Probed) -> ProbedView {
        let mut areas: Vec<AreaView> = Vec::new();
        for row in &probed.rows {
            match areas.last_mut() {
                Some(area) if area.name == row.area => area.rows.push(AskedView::of(row)),
                _ => areas.push(AreaView { name: row.area, rows: vec![AskedView::of(row)] }),
            }
        }
        let trouble = probed.trouble.as_ref().map(|trouble| TroubleView {
            id: trouble.cause.id(),
            title: trouble.cause.title(),
            message: bounded(&trouble.message),
            fix: trouble.fix.iter().map(|step| spans(&bounded(step))).collect(),
        });
        let policy = probed.policy.as_deref().map(bounded);
        ProbedView { name: bounded(&probed.name_in_words()), policy, trouble, areas }
    }
}

impl AskedView {
    fn of(row: &Row) -> AskedView {
        let (tone, word) = match row.outcome {
            Some(Outcome::Ok) => ("good", "ok"),
            Some(outcome) => super::view::word(outcome),
            None => ("", ""),
        };
        AskedView { asked: bounded(&row.asked), tone, word, answer: bounded(&row.answer) }
    }
}
