//! The capture that can be passed on: the packets of what failed, the evidence marked, and nothing in it that is
//! nobody's business.
//!
//! ```text
//! captures -> analysis -> which connections -> their packets again -> plans -> document -> looked over -> written
//!               `gather`                          `collect`          `plan`   `document`     `check`
//! ```
//! The verdict of a connection is known only at its end, so that captures are read twice: once to be judged, once to be
//! written. Packets are made anew from what the stages below understood of them (`packet`), payloads from plans by
//! stream offset (`plan`), addresses by a key that is thrown away (`address`).
//!
//! Invariant: nothing is written before it was analysed and searched like any other capture: each connection in it has
//! the verdict that it has in the original, and no value that was removed stands in it. What does not pass is left out by
//! itself: whoever sends one peer what stands in the packets of another hides these, and nothing else.

mod address;
mod bundle;
mod case;
mod check;
mod collect;
mod document;
mod gather;
mod input;
mod kept;
mod packet;
mod plan;
mod removed;
mod rows;
mod standing;
mod texts;
mod words;
mod zip;

pub use bundle::Case;
pub use input::Input;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use crate::analysis::{Failure, Options, run, run_with_logs};
use crate::base::escape;
use crate::correlate::{Joined, Log};
use crate::report::{Renderer, Summary};
use crate::session::tls::Keys;
use crate::source::{Source, describe};

use address::Addresses;
use collect::Store;
use document::{Document, Reading};
use gather::{Brief, Gather, Told};
use plan::Rules;
use removed::Removed;
use standing::Standing;
use texts::Form;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// All connections, not only those that failed.
    pub all: bool,
    /// Names of header fields, and texts, that are removed as well.
    pub redact: Vec<String>,
    /// Addresses stay as they are.
    pub keep_addresses: bool,
}

/// Why nothing is written.
#[derive(Debug)]
pub enum Refusal {
    /// A capture could not be read again.
    Unreadable(String),
    /// The analysis failed.
    Failure(Failure),
    /// What would be written is not what it should be.
    Check(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unreadable(why) => f.write_str(why),
            Refusal::Failure(failure) => failure.fmt(f),
            Refusal::Check(why) => write!(f, "nothing is written: {why}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::Failure(failure)
    }
}

impl From<io::Error> for Refusal {
    fn from(e: io::Error) -> Self {
        Refusal::Failure(Failure::Output(e))
    }
}

/// A capture that can be passed on, looked over and ready to be written.
pub struct Shared {
    document: Arc<Document>,
    options: Options,
    /// Connections of the original.
    original: Gather,
    /// The same as the analysis finds them in the document, and which they are.
    seen: Vec<(usize, Told)>,
    rules: Rules,
    removed: Removed,
    /// What may stand in texts although it was removed.
    known: Vec<u8>,
    /// Pieces of texts that are blanked.
    unsaid: Cell<usize>,
    /// What access logs add.
    joined: Joined,
}

/// The most tries to write a capture that keeps its verdicts: each leaves those out that did not.
const MAX_TRIES: usize = 4;

impl Shared {
    /// Reads captures, and makes of them one that can be passed on. Nothing is written yet.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn prepare(inputs: &[Input], logs: Vec<Log>, options: &Options, wish: &Wish) -> Result<Shared, Refusal> {
        let mut original = Gather::new(wish.all);
        let mut rows = rows::Rows::new(&mut original);
        run_with_logs(sources(inputs)?, logs, options, &mut rows, |_, _| {})?;
        let joined = rows.joined;
        let rules = rules(wish, options)?;
        let mut removed = Removed::default();
        for text in &rules.texts {
            removed.add_text(text.as_bytes());
        }
        let store = Store::collect(sources(inputs)?, options, &original.told, &rules, &mut removed)?;
        let document = described(inputs, store)?;
        rows::removed(&joined, &rules, |value| removed.add_text(value));
        let mut shared = Shared {
            document: Arc::new(document),
            options: plain(options),
            original,
            seen: Vec::new(),
            rules,
            removed,
            known: words::known()?,
            unsaid: Cell::default(),
            joined,
        };
        shared.settle(inputs, options)?;
        Ok(shared)
    }

    /// Leaves out what still has something in it that was removed and what does not keep its verdict, until there is
    /// neither; marks the rest, and looks it all over.
    fn settle(&mut self, inputs: &[Input], options: &Options) -> Result<(), Refusal> {
        let expected = self.expected(inputs, options)?;
        let mut standing = Standing::new(&self.document, &self.removed);
        self.leave_out(standing.without(&self.removed, []))?;
        for tries in 0..=MAX_TRIES {
            // Also after the last try: comments go by where things are now.
            self.seen = self.analysed()?;
            let changed = check::changed(&self.document, &self.original.told, &expected, &self.seen);
            if changed.is_empty() || tries == MAX_TRIES {
                break;
            }
            let more = standing.without(&self.removed, changed.keys().copied());
            self.leave_out(changed.into_iter().chain(more))?;
        }
        self.removed.excuse(|number| self.document.store.writes(number));
        self.hide_interfaces()?;
        self.mark()?;
        if !check::is_clean(&self.document, &self.removed) {
            return Err(Refusal::Check("a value that is removed would stand in it".to_owned()));
        }
        let seen = self.analysed()?;
        if !check::changed(&self.document, &self.original.told, &expected, &seen).is_empty() {
            return Err(Refusal::Check("connections would have other verdicts in it than they have".to_owned()));
        }
        self.seen = seen;
        Ok(())
    }

    fn leave_out(&mut self, connections: impl IntoIterator<Item = (u32, &'static str)>) -> Result<(), Refusal> {
        self.change(|document| {
            document.store.left_out.extend(connections);
            document.settle();
        })
    }

    /// Takes the names of interfaces in which something stands that is removed: they are as they were captured.
    fn hide_interfaces(&mut self) -> Result<(), Refusal> {
        let hides = |name: &str| {
            let name = name.as_bytes();
            self.rules.names(name) || self.removed.find(name, &[], 0).is_some()
        };
        let names = self.document.names().enumerate();
        let hidden: Vec<usize> = names.filter(|(_, name)| name.is_some_and(hides)).map(|(number, _)| number).collect();
        self.change(|document| document.without_names(&hidden))
    }

    /// Writes the comments.
    fn mark(&mut self) -> Result<(), Refusal> {
        let comments = words::comments(self);
        let section = words::section(self);
        self.change(|document| (document.section, document.comments) = (section, comments))
    }

    /// Blanks the pieces of a text in which something stands that was removed.
    fn blank(&self, text: &mut [u8], form: Form) {
        let is_said = |piece: &[u8]| check::is_said(piece, &self.removed, &self.known);
        self.unsaid.set(self.unsaid.get() + texts::blank(text, form, is_said));
    }

    /// What is said of something that the capture has, as it may be said: whatever is no fixed word of the program, and
    /// no verdict, number or time, comes through here on its way into a text.
    fn said(&self, text: impl Into<String>) -> String {
        let mut text = words::cleaned(self, text.into()).into_bytes();
        self.blank(&mut text, Form::Lines);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Changes the document; whoever read it is done with it.
    fn change(&mut self, change: impl FnOnce(&mut Document)) -> Result<(), Refusal> {
        let document = Arc::get_mut(&mut self.document);
        document.map(change).ok_or_else(|| Refusal::Check("it is still being read".to_owned()))
    }

    /// The verdicts that connections must have: those by themselves, and without the keys that opened some of them.
    fn expected(&mut self, inputs: &[Input], options: &Options) -> Result<Vec<Brief>, Refusal> {
        let mut expected: Vec<_> = self.original.told.iter().map(|told| told.alone).collect();
        if !options.keys.is_empty() {
            let mut shut = Gather::new(true);
            let without = Options { keys: Keys::default(), without_secrets: true, ..options.clone() };
            run(sources(inputs)?, &without, &mut shut, |_, _| {})?;
            let by_id: BTreeMap<u64, Brief> = shut.told.iter().map(|told| (told.id, told.alone)).collect();
            for (expected, told) in expected.iter_mut().zip(&mut self.original.told) {
                *expected = by_id.get(&told.id).copied().unwrap_or(*expected);
                // Keys that open a part of a connection may tell as much.
                told.decrypted |= *expected != told.alone;
            }
        }
        Ok(expected)
    }

    /// What the analysis finds in the document.
    fn analysed(&self) -> Result<Vec<(usize, Told)>, Refusal> {
        let mut gather = Gather::new(true);
        self.report(&mut gather)?;
        let number = |told: &Told| self.document.record(told.first.frame)?.1.connection;
        Ok(gather.told.iter().filter_map(|told| Some((number(told)? as usize, told.clone()))).collect())
    }

    /// Reports on the document as on any other capture.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn report(&self, renderer: &mut dyn Renderer) -> Result<Summary, Refusal> {
        let reading = Box::new(Reading::new(Arc::clone(&self.document)));
        let source = Source::from_reader(reading, NAME).map_err(|e| Refusal::Check(e.to_string()))?;
        Ok(run(vec![(NAME.to_owned(), source)], &self.options, renderer, |_, _| {})?)
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the output said.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        io::copy(&mut Reading::new(Arc::clone(&self.document)), out)?;
        out.flush()
    }

    /// What the original says of all connections.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        self.original.summary.as_ref()
    }

    /// Packets that are written.
    #[must_use]
    pub fn packets(&self) -> usize {
        self.document.packets()
    }

    /// What whoever passes it on should know: one line each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        words::remarks(self)
    }
}

/// The name of the capture wherever it is spoken of.
const NAME: &str = "capture.pcapng";

fn sources(inputs: &[Input]) -> Result<Vec<(String, Source)>, Refusal> {
    let others = inputs.len() > 1;
    let open = |input: &Input| Ok((input.name().to_owned(), input.source(others).map_err(Refusal::Unreadable)?));
    inputs.iter().map(open).collect()
}

/// What the analysis of the document goes by: it has no secrets, and all that is in it is selected.
fn plain(options: &Options) -> Options {
    Options {
        prefixes: options.prefixes.clone(),
        trust: options.trust.clone(),
        all_roles: options.all_roles,
        ..Options::default()
    }
}

fn rules(wish: &Wish, options: &Options) -> Result<Rules, Refusal> {
    let mut rules = Rules::default();
    for name in wish.redact.iter().map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()) {
        if !plan::is_kept_field(&name) {
            rules.texts.push(name.clone());
        }
        rules.fields.push(name);
    }
    if !wish.keep_addresses {
        let mut key = [0; 32];
        getrandom::getrandom(&mut key).map_err(|e| Refusal::Check(format!("there is no random key to be had: {e}")))?;
        rules.addresses = Addresses::new(&key, &options.prefixes);
    }
    Ok(rules)
}

/// The packets, with what the captures say of the interfaces that they were captured on.
fn described(inputs: &[Input], store: Store) -> Result<Document, Refusal> {
    let mut frames = vec![Vec::new(); inputs.len()];
    for record in &store.records {
        if let Some(frames) = frames.get_mut(usize::from(record.frame.capture())) {
            frames.push(record.frame.frame);
        }
    }
    let mut all = Vec::new();
    for (input, frames) in inputs.iter().zip(&mut frames) {
        frames.sort_unstable();
        frames.dedup();
        let unreadable = |e| Refusal::Unreadable(format!("{}: {e}", escape(input.name())));
        all.push(input.read().and_then(|read| describe(read, frames)).map_err(unreadable)?);
    }
    Ok(Document::new(store, &all, &frames))
}
