//! One sentence that a person can act on.

use std::collections::BTreeMap;

use crate::base::Endpoint;
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::Connection;

use super::joined::Group;
use super::{CauseCount, Counts};

/// Upstreams and causes told apart of what failed behind.
const MAX_BEHIND: usize = 100;

/// What the headline says of one cause beside its number.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// The message of the first connection, which names its own values.
    first_message: String,
    /// The server's end, where all connections have the same.
    server: Option<Endpoint>,
    several_servers: bool,
    /// How many of them were further attempts at a request that had failed before.
    pub(super) repeats: u64,
    /// What failed behind, by upstream and cause.
    behind: BTreeMap<(String, &'static str), u64>,
}

impl Story {
    pub(super) fn add(&mut self, c: &Connection, d: &Diagnosis) {
        if self.first_message.is_empty()
            && let Some((_, finding)) = d.findings.first()
        {
            self.first_message.push_str(&finding.message);
        }
        self.at(c.server);
        if let Some(inner) = d.findings.first().and_then(|(_, finding)| finding.inner.first()) {
            self.add_behind((inner.server.to_string(), inner.cause.id()), 1);
        }
    }

    /// What the first connection's message is.
    #[cfg(feature = "parquet")]
    pub(super) fn says(&mut self, message: &str) {
        message.clone_into(&mut self.first_message);
    }

    /// Notes the server's end of a connection.
    pub(super) fn at(&mut self, server: Endpoint) {
        self.several_servers |= *self.server.get_or_insert(server) != server;
    }

    fn add_behind(&mut self, what: (String, &'static str), connections: u64) {
        if self.behind.len() < MAX_BEHIND || self.behind.contains_key(&what) {
            *self.behind.entry(what).or_default() += connections;
        }
    }

    pub(super) fn absorb(&mut self, other: Story) {
        self.several_servers |= other.several_servers || self.server != other.server;
        other.behind.into_iter().for_each(|(what, connections)| self.add_behind(what, connections));
        if self.first_message.is_empty() {
            self.first_message = other.first_message;
        }
    }
}

/// Failed connections that are told as one: those of a cause, or of a fault with several pictures.
enum Told<'a> {
    Cause(&'a CauseCount, &'a Story, u64),
    Joined(&'a Group),
}

impl Told<'_> {
    fn connections(&self) -> u64 {
        match self {
            Told::Cause(_, _, connections) => *connections,
            Told::Joined(group) => group.connections(),
        }
    }

    /// What follows the number, where it comes first.
    fn at_length(&self) -> String {
        match self {
            Told::Cause(main, story, _) => {
                let place = match (story.server, story.several_servers) {
                    (Some(server), false) => format!(" at {server}"),
                    _ => String::new(),
                };
                let title = within_a_sentence(main.cause.title().trim_end_matches('.'));
                let repeats = match story.repeats {
                    0 => String::new(),
                    1 => "; one was a repeated attempt at the same request".to_owned(),
                    n => format!("; {n} were repeated attempts at the same request"),
                };
                let behind = story.behind.iter().max_by_key(|(_, n)| **n);
                let behind =
                    behind.map(|((server, cause), n)| format!("; behind {n} of them {server} failed ({cause})"));
                format!("{place}: {title} ({}){repeats}{}", main.cause.id(), behind.unwrap_or_default())
            }
            Told::Joined(group) => format!(
                " at {} {} to one fault, {} ({}): {}",
                group.server,
                if group.is_certain() { "point" } else { "may point" },
                group.family.fault,
                group.cause(),
                group.told()
            ),
        }
    }

    /// What follows the number, where others come first.
    fn in_short(&self) -> String {
        match self {
            Told::Cause(count, ..) => count.cause.id().to_owned(),
            Told::Joined(group) => {
                let point = if group.is_certain() { "point" } else { "may point" };
                format!("that {point} to {} at {}", group.cause(), group.server)
            }
        }
    }
}

/// The sentence: how many failed and why, most frequent cause first. Connections that are pictures of one fault are told
/// as one, and not once more by their cause; those that were not selected are none.
pub(super) fn headline<'a>(
    (counts, not_selected): (Counts, u64),
    joined: &'a [Group],
    causes: impl Iterator<Item = (&'a CauseCount, &'a Story)>,
) -> String {
    let mut causes = causes.filter(|(c, _)| c.outcome == Outcome::Failed).peekable();
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
    let Some(&(first, story)) = causes.peek() else { return healthy(counts) };
    if counts.failed == 1 {
        return format!("{} ({})", story.first_message.trim_end_matches('.'), first.cause.id());
    }
    let rest =
        |c: &CauseCount| c.connections.saturating_sub(joined.iter().map(|group| group.with_cause(c.cause.id())).sum());
    let alone = causes.map(|(c, story)| Told::Cause(c, story, rest(c)));
    let mut told: Vec<Told<'_>> =
        joined.iter().map(Told::Joined).chain(alone).filter(|t| t.connections() > 0).collect();
    told.sort_by_key(|t| std::cmp::Reverse(t.connections()));
    let Some(main) = told.first() else { return healthy(counts) };
    let number = if main.connections() == counts.failed { "all".to_owned() } else { main.connections().to_string() };
    let mut text =
        format!("{} of {} connections failed; {number} of them{}", counts.failed, counts.connections, main.at_length());
    let others: Vec<_> = told.iter().skip(1).map(|t| format!("{} {}", t.connections(), t.in_short())).collect();
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
