//! The way from the leaf to a trust anchor, by names.

use rustls_pki_types::TrustAnchor;

use crate::base::Timestamp;
use crate::session::tls::Summary;

/// The most steps of the search. Chains that people install need some ten; those made to keep a verifier busy many.
const MAX_STEPS: usize = 256;

/// Where a path ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At a trust anchor.
    Anchor,
    /// At a certificate that is its own issuer.
    Root,
    /// At one whose issuer is not there.
    Missing,
}

/// Finds the way that ends best, and of those the one that is valid at the time.
pub(super) fn find(certificates: &[&Summary], anchors: &[TrustAnchor<'static>], at: Timestamp) -> (Vec<usize>, End) {
    let mut search = Search { certificates, anchors, at, steps: 0, best: (vec![0], End::Missing) };
    search.go_on(&mut vec![0]);
    search.best
}

struct Search<'a> {
    certificates: &'a [&'a Summary],
    anchors: &'a [TrustAnchor<'static>],
    at: Timestamp,
    steps: usize,
    best: (Vec<usize>, End),
}

impl Search<'_> {
    /// Goes on from the last certificate of the path; says whether the search is over.
    fn go_on(&mut self, path: &mut Vec<usize>) -> bool {
        self.steps += 1;
        let Some(&last) = path.last().and_then(|&i| self.certificates.get(i)) else { return true };
        if self.anchors.iter().any(|a| *a.subject == *last.issuer_der) {
            self.best = (path.clone(), End::Anchor);
            return true;
        }
        let end = if last.self_issued { End::Root } else { End::Missing };
        // A way that ends in a root says more than one that ends nowhere, and a longer one more than a shorter one.
        let further = (end == End::Root, path.len()) > (self.best.1 == End::Root, self.best.0.len());
        if further || path.len() == 1 {
            self.best = (path.clone(), end);
        }
        if last.self_issued || self.steps >= MAX_STEPS {
            return self.steps >= MAX_STEPS;
        }
        let issues = |(i, c): &(usize, &&Summary)| c.subject_der == last.issuer_der && !path.contains(i);
        let mut issuers: Vec<_> = self.certificates.iter().enumerate().filter(issues).collect();
        issuers.sort_by_key(|(_, c)| !c.is_valid_at(self.at));
        let issuers: Vec<usize> = issuers.into_iter().map(|(i, _)| i).collect();
        for issuer in issuers {
            path.push(issuer);
            if self.go_on(path) {
                return true;
            }
            path.pop();
        }
        false
    }
}
