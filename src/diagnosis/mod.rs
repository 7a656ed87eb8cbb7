//! What it means to conclude: findings with their proof, ranked into one verdict.
//!
//! Invariant: a verdict is a pure function of one finished connection. What only the whole capture can tell is
//! the second, small step in [`refine`].

mod catalogue;
mod cause;
mod delivery;
mod family;
mod finding;
mod limit;
mod rank;
pub mod refine;
mod verdict;

pub use catalogue::Catalogue;
pub use cause::{Cause, CauseId, Edge, Effect, Stage};
pub use family::{Family, Picture};
pub use finding::{Confidence, Evidence, Finding, RuledOut, Text};
pub use limit::{Limit, RestsOn};
pub use refine::{Accepted, Inner, SecondLook, Tie, Turn};
pub use verdict::{Diagnosis, Outcome, Verdict, diagnose};
