//! What the rest of a capture may tell of a finding.

use crate::base::FrameRef;
use crate::diagnosis::Finding;
use crate::observation::Connection;

/// What all of the capture may tell of a finding of a cause (ruling 23). Whether packets that are missing leave it in
/// doubt is another matter: see `RestsOn::Silence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondLook {
    /// Nothing.
    None,
    /// Waits as long as the one that the finding tells of recur: the verdict is `likely` (ruling 4).
    RecurringWait,
    /// A connection of another peer to the same server with the same name works: the verdict is `likely` (ruling 17). One
    /// of the same peer does, and on this one it left without a word: it is `possible` at most. One with another name
    /// does: that is said.
    SameNameWorks,
    /// A connection to the same port that begins without a PROXY protocol header works: the verdict is `likely`; one that
    /// begins with a header works: it is `possible` at most, unless it is certain.
    WorksWithoutHeader,
    /// A connection to the same port that begins with a PROXY protocol header works: the finding is `likely`, also beside
    /// the verdict.
    WorksWithHeader,
    /// What failed behind the exchange is named in the finding (ruling 21).
    FailedBehind,
    /// A connection to the same server with another name works: the verdict is `likely`; one with the same name works:
    /// it is `possible` at most, unless it is certain.
    OtherNameWorks,
    /// The same peer accepts the same certificate on another connection, and left this one without a word: the verdict is
    /// `possible` at most.
    SamePeerAccepts,
    /// A connection to the same server with another name works: the verdict may be another cause's. Or as
    /// [`SecondLook::SamePeerAccepts`].
    TurnedByOtherName(&'static Turn),
}

/// How a finding becomes one of another cause.
#[derive(Debug)]
pub struct Turn {
    /// The identifier of that cause.
    pub into: &'static str,
    /// The finding in that cause's words; none where it stays what it is.
    pub told: fn(&Connection, &Finding, &Accepted<'_>) -> Option<Finding>,
}

impl PartialEq for Turn {
    fn eq(&self, other: &Self) -> bool {
        self.into == other.into
    }
}

impl Eq for Turn {}

/// A name that a server accepts.
#[derive(Debug, Clone, Copy)]
pub struct Accepted<'a> {
    /// The name.
    pub name: &'a str,
    /// The first packet of a connection that shows it.
    pub from: FrameRef,
}

impl SecondLook {
    /// Whether other connections may raise a finding that is the verdict, or one that stands beside it.
    pub(super) const fn may_raise(self, is_verdict: bool) -> bool {
        match self {
            SecondLook::None
            | SecondLook::FailedBehind
            | SecondLook::SamePeerAccepts
            | SecondLook::TurnedByOtherName(_) => false,
            SecondLook::RecurringWait
            | SecondLook::SameNameWorks
            | SecondLook::WorksWithoutHeader
            | SecondLook::OtherNameWorks => is_verdict,
            SecondLook::WorksWithHeader => true,
        }
    }

    /// Whether other connections may change a finding however sure it is.
    pub(super) const fn may_change_certain(self, is_verdict: bool) -> bool {
        match self {
            SecondLook::FailedBehind => true,
            SecondLook::SamePeerAccepts | SecondLook::TurnedByOtherName(_) => is_verdict,
            _ => false,
        }
    }
}
