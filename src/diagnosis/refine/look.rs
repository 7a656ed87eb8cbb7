//! What the rest of a capture may tell of a finding.

/// What all of the capture may tell of a finding of a cause (ruling 23). Whether packets that are missing leave it in
/// doubt is another matter: see `RestsOn::Silence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondLook {
    /// Nothing.
    None,
    /// Waits as long as the one that the finding tells of recur: the verdict is `likely` (ruling 4).
    RecurringWait,
    /// A connection to the same server with the same name works: the verdict is `likely` (ruling 17).
    SameNameWorks,
    /// A connection to the same port that begins without a PROXY protocol header works: the verdict is `likely`; one that
    /// begins with a header works: it is `possible` at most, unless it is certain.
    WorksWithoutHeader,
    /// A connection to the same port that begins with a PROXY protocol header works: the finding is `likely`, also beside
    /// the verdict.
    WorksWithHeader,
    /// What failed behind the exchange is named in the finding (ruling 21).
    FailedBehind,
}

impl SecondLook {
    /// Whether other connections may raise a finding that is the verdict, or one that stands beside it.
    pub(super) const fn may_raise(self, is_verdict: bool) -> bool {
        match self {
            SecondLook::None | SecondLook::FailedBehind => false,
            SecondLook::RecurringWait | SecondLook::SameNameWorks | SecondLook::WorksWithoutHeader => is_verdict,
            SecondLook::WorksWithHeader => true,
        }
    }
}
