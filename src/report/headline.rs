//! One sentence that a person can act on.

use std::collections::BTreeSet;

use crate::base::escape;
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::Connection;

use super::{CauseCount, Counts};

/// Requests told apart when attempts at the same one are counted as one viewer's error.
const MAX_REQUESTS: usize = 10_000;

/// What the headline says of one cause beside its number.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// The message of the first connection, which names its own values.
    first_message: String,
    /// The server's end, where all connections have the same.
    server: Option<String>,
    several_servers: bool,
    /// Requests that were attempted, as far as they can be told apart.
    requests: BTreeSet<String>,
    identified: u64,
}

impl Story {
    pub(super) fn add(&mut self, c: &Connection, d: &Diagnosis) {
        if self.first_message.is_empty()
            && let Some((_, finding)) = d.findings.first()
        {
            self.first_message.clone_from(&finding.message);
        }
        let server = c.server.to_string();
        match &self.server {
            None => self.server = Some(server),
            Some(known) => self.several_servers |= *known != server,
        }
        if let Some(id) = c.failing_request_id()
            && (self.requests.len() < MAX_REQUESTS || self.requests.contains(id))
        {
            self.identified += 1;
            self.requests.insert(id.to_owned());
        }
    }

    pub(super) fn absorb(&mut self, other: Story) {
        self.several_servers |= other.several_servers || self.server != other.server;
        self.requests.extend(other.requests);
        self.identified += other.identified;
        if self.first_message.is_empty() {
            self.first_message = other.first_message;
        }
    }

    /// How many attempts were repeats of a request that had been tried before.
    fn repeats(&self) -> u64 {
        self.identified.saturating_sub(self.requests.len() as u64)
    }
}

/// The sentence: how many failed and why, most frequent cause first; connections that were not selected are none.
pub(super) fn headline<'a>(
    (counts, not_selected): (Counts, u64),
    causes: impl Iterator<Item = (&'a CauseCount, &'a Story)>,
) -> String {
    let mut causes = causes.peekable();
    if counts.connections == 0 && not_selected > 0 {
        let all =
            if not_selected == 1 { "the one connection".to_owned() } else { format!("all {not_selected} connections") };
        return format!(
            "No connection is selected: the options leave out {all} of the capture. Times are in UTC unless they say \
             otherwise."
        );
    }
    if counts.connections == 0 {
        return "No TCP connection is in the capture: check the interface, the filter and the time.".to_owned();
    }
    let Some(&(main, story)) = causes.peek().filter(|(c, _)| c.outcome == Outcome::Failed) else {
        return healthy(counts);
    };
    if counts.failed == 1 {
        return format!("{} ({})", story.first_message.trim_end_matches('.'), main.cause.id());
    }
    let title = main.cause.title().trim_end_matches('.');
    let place = match (&story.server, story.several_servers) {
        (Some(server), false) => format!(" at {}", escape(server)),
        _ => String::new(),
    };
    let mut text = format!(
        "{} of {} connections failed; {} of them{place}: {} ({})",
        counts.failed,
        counts.connections,
        if main.connections == counts.failed { "all".to_owned() } else { main.connections.to_string() },
        within_a_sentence(title),
        main.cause.id()
    );
    if story.repeats() > 0 {
        text.push_str(&format!("; {} were repeated attempts at the same request", story.repeats()));
    }
    let others: Vec<_> = causes
        .skip(1)
        .filter(|(c, _)| c.outcome == Outcome::Failed)
        .map(|(c, _)| format!("{} {}", c.connections, c.cause.id()))
        .collect();
    if !others.is_empty() {
        text.push_str("; also ");
        text.push_str(&others.join(", "));
    }
    text.push('.');
    text
}

/// A title as it goes on after a colon.
fn within_a_sentence(title: &str) -> String {
    let ordinary = ["The ", "A ", "An ", "No ", "Nothing ", "Nobody "].iter().any(|word| title.starts_with(word));
    let mut letters = title.chars();
    match letters.next().filter(|_| ordinary) {
        Some(first) => format!("{}{}", first.to_lowercase(), letters.as_str()),
        None => title.to_owned(),
    }
}

fn healthy(counts: Counts) -> String {
    match counts.inconclusive {
        0 if counts.ok == 1 => "Nothing failed: the one connection is in order.".to_owned(),
        0 => format!("Nothing failed: all {} connections are in order.", counts.ok),
        1 if counts.ok == 0 => "Nothing is seen to fail, but the capture cannot tell of its one connection.".to_owned(),
        n if counts.ok == 0 => {
            format!("Nothing is seen to fail, but the capture cannot tell of any of its {n} connections.")
        }
        n => {
            format!("Nothing is seen to fail: {} connections are in order, of {n} the capture cannot tell.", counts.ok)
        }
    }
}
