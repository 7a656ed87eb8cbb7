//! Access logs, joined with what the capture shows.
//!
//! A log says what a viewer got, a capture why. Each row that tells of an error is given its exchange, or said to have
//! never reached this host, or to lie outside of what was captured.
//!
//! ```text
//! file -> lines -> row (fields, json, alb, combined)  \
//!                                                       join -> answers -> report
//! connection + diagnosis -> seen                       /
//! ```
//! Invariant: a log attaches to verdicts and never changes one; a row that cannot be read costs itself alone; what is
//! kept of logs and of connections is bounded, whatever their size, and nothing is kept where no log is given.

mod alb;
mod answer;
mod clock;
mod combined;
#[cfg(test)]
mod crowd;
mod fields;
mod gather;
mod index;
mod join;
mod json;
mod lines;
mod log;
mod meaning;
mod pick;
mod row;
mod seen;
mod skew;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Answered, By, Counts, Joined, Match, Retried};
pub use fields::Columns;
pub use gather::Gathered;
pub use join::{Known, join};
pub use log::{Format, Log, Problem, Told, Unparsed};
pub use meaning::{adds, leaves};
pub use row::{Row, Target, Vantage};
pub use seen::{Kind, Seen, Verdict, Watched};
pub use skew::Skew;
