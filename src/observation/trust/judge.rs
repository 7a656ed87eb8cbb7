//! Judges chains, each of them once.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::path::{self, End};
use super::staple::{self, Issuer};
use super::verify::{Verified, verify};
use super::{Chain, ChainFault, ChainReport, Connection, Invalid, Trust, names, near};
use crate::base::Timestamp;
use crate::session::tls::{Certificate, Summary};

/// Chains whose judgement is remembered: a host has some ten. Each may take 64 KB.
const MAX_CHAINS: usize = 256;

/// Authorities below the root that s2n-tls follows.
const AUTHORITIES_FOLLOWED: usize = 7;

const SECOND: i64 = 1_000_000_000;

/// Judges the chain of one connection after the other, and remembers what it said: connections to one origin show the
/// same chain, and a signature takes longer to verify than the rest of a connection takes to read.
#[derive(Debug)]
pub struct Judge<'t> {
    trust: &'t Trust,
    index: HashTable<usize>,
    seen: Vec<Seen>,
    /// In the order in which they are forgotten.
    oldest: VecDeque<usize>,
    hasher: RandomState,
}

/// A chain that was judged.
#[derive(Debug)]
struct Seen {
    hash: u64,
    sni: Option<Box<str>>,
    chain: Vec<Arc<[u8]>>,
    staple: Option<Box<[u8]>>,
    /// The seconds of the Unix era between which no certificate and no staple begins or ceases to be valid: first, and
    /// first after.
    within: (i64, i64),
    report: Arc<ChainReport>,
}

impl<'t> Judge<'t> {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(trust: &'t Trust) -> Judge<'t> {
        let (index, hasher) = (HashTable::new(), RandomState::default());
        Judge { trust, index, seen: Vec::new(), oldest: VecDeque::new(), hasher }
    }

    /// Judges the certificates that the origin sent, if it sent any in clear.
    #[must_use]
    pub fn judge(&mut self, c: &Connection) -> Option<Chain> {
        let first = c.origin_certificates().next()?;
        // What was not kept may be what is missing.
        c.tls.as_ref().filter(|tls| tls.certificates_unlisted == 0)?;
        let at = self.trust.at.unwrap_or(first.frame.time);
        let sni = c.sni();
        let hash = self.hash(c, sni);
        let same = |seen: &Seen| seen.sni.as_deref() == sni && seen.shows(c);
        let known = self.index.find(hash, |&i| self.seen.get(i).is_some_and(same)).copied();
        let second = at.0.div_euclid(SECOND);
        if let Some(seen) = known.and_then(|i| self.seen.get(i))
            && (seen.within.0..seen.within.1).contains(&second)
        {
            return Some(Chain { at, report: Arc::clone(&seen.report) });
        }
        let chain: Vec<_> = c.origin_certificates().collect();
        let (report, within) = judge(&chain, c.staple(), sni, at, self.trust);
        let report = Arc::new(report);
        let remembered = Seen {
            hash,
            sni: sni.map(Into::into),
            chain: chain.iter().map(|c| Arc::clone(&c.der)).collect(),
            staple: c.staple().map(Into::into),
            within,
            report: Arc::clone(&report),
        };
        self.remember(known, remembered);
        Some(Chain { at, report })
    }

    fn hash(&self, c: &Connection, sni: Option<&str>) -> u64 {
        use std::hash::{Hash as _, Hasher as _};
        let mut hasher = self.hasher.build_hasher();
        sni.hash(&mut hasher);
        // The end of a certificate is its signature: as good as all of it.
        c.origin_certificates().for_each(|c| {
            hasher.write_usize(c.der.len());
            hasher.write(c.der.last_chunk::<32>().map_or(&*c.der, |end| end));
        });
        // So that of several staples to one chain each has its place.
        c.staple().and_then(|staple| staple.last_chunk::<32>()).hash(&mut hasher);
        hasher.finish()
    }

    /// Takes the place of what was known of this chain at another time, or of the oldest, or a new one.
    fn remember(&mut self, known: Option<usize>, chain: Seen) {
        let place = known.or_else(|| self.oldest.front().copied().filter(|_| self.seen.len() >= MAX_CHAINS));
        let Some(at) = place else {
            let at = self.seen.len();
            self.oldest.push_back(at);
            let rehash = |&i: &usize| self.seen.get(i).map_or(0, |s| s.hash);
            self.index.insert_unique(chain.hash, at, rehash);
            self.seen.push(chain);
            return;
        };
        if known.is_none()
            && let Some(old) = self.seen.get(at)
        {
            if let Ok(entry) = self.index.find_entry(old.hash, |&i| i == at) {
                entry.remove();
            }
            self.oldest.rotate_left(1);
            self.index.insert_unique(chain.hash, at, |&i| self.seen.get(i).map_or(0, |s| s.hash));
        }
        if let Some(slot) = self.seen.get_mut(at) {
            *slot = chain;
        }
    }
}

impl Seen {
    fn shows(&self, c: &Connection) -> bool {
        let same = |(ours, theirs): (&Arc<[u8]>, &Certificate)| *ours == theirs.der;
        let certificates = c.origin_certificates();
        c.staple() == self.staple.as_deref()
            && certificates.count() == self.chain.len()
            && self.chain.iter().zip(c.origin_certificates()).all(same)
    }
}

/// The judgement, and the seconds for which it holds.
fn judge(
    chain: &[&Certificate],
    staple: Option<&[u8]>,
    sni: Option<&str>,
    at: Timestamp,
    trust: &Trust,
) -> (ChainReport, (i64, i64)) {
    let names = if trust.names.is_empty() { sni.map(str::to_owned).into_iter().collect() } else { trust.names.clone() };
    let mut report = ChainReport { names, ..ChainReport::default() };
    let unreadable = |(_, c): &(usize, &&Certificate)| c.summary().is_err();
    if let Some((certificate, _)) = chain.iter().enumerate().find(unreadable) {
        report.faults.push(ChainFault::Malformed { certificate });
        return (report, (i64::MIN, i64::MAX));
    }
    let certificates: Vec<&Summary> = chain.iter().filter_map(|c| c.summary().ok()).collect();
    let (path, end) = path::find(&certificates, &trust.anchors, at);
    let on_path: Vec<(usize, &Summary)> = path.iter().filter_map(|&i| Some((i, *certificates.get(i)?))).collect();
    report.faults = faults_of(&on_path, end, at, &report.names);
    match end {
        End::Anchor => {
            report.anchor = on_path.last().map(|(_, tip)| tip.issuer.clone());
            let depth_or_issuer = report.faults.iter().any(|f| matches!(f, ChainFault::Invalid(_)));
            let verified = if depth_or_issuer { None } else { Some(verified(&on_path, chain, trust)) };
            report.trusted = match verified {
                Some(Verified::Yes) => Some(true),
                Some(Verified::Unknown) => None,
                Some(Verified::No(why)) => {
                    report.faults.push(ChainFault::Invalid(why.clone()));
                    Some(false)
                }
                None => Some(false),
            };
        }
        End::Root | End::Missing => report.trusted = Some(false),
    }
    let mut changes = Vec::new();
    if let Some(response) = staple {
        let judged = judge_staple(response, &on_path, chain, at, trust);
        report.faults.extend(judged.faults);
        changes = judged.changes;
    }
    // One that is sent twice, or for another chain, is merely superfluous.
    if !path.is_sorted() {
        report.faults.push(ChainFault::Order);
    }
    report
        .faults
        .extend(on_path.iter().filter_map(|(i, c)| weakness(c).map(|what| ChainFault::Weak { certificate: *i, what })));
    report.near_misses = near::misses(&certificates, &path, at);
    report.path = path;
    (report, within(&certificates, &changes, at))
}

/// Judges the staple by whoever may have issued the leaf: the next of the path, or every trust anchor of that name.
fn judge_staple(
    response: &[u8],
    path: &[(usize, &Summary)],
    chain: &[&Certificate],
    at: Timestamp,
    trust: &Trust,
) -> staple::Judged {
    let Some((leaf, summary)) = path.first().and_then(|(i, s)| Some((chain.get(*i)?, s))) else {
        return staple::Judged::default();
    };
    let sent = path.get(1).and_then(|(i, _)| chain.get(*i)).and_then(|c| Issuer::of_certificate(&c.der));
    let anchors = trust.anchors.iter().filter(|anchor| *anchor.subject == *summary.issuer_der);
    let issuers: Vec<_> = sent.into_iter().chain(anchors.filter_map(Issuer::of_anchor)).collect();
    staple::judge(response, &leaf.der, &issuers, at)
}

fn faults_of(path: &[(usize, &Summary)], end: End, at: Timestamp, names: &[String]) -> Vec<ChainFault> {
    let (Some((_, leaf)), Some((last, tip))) = (path.first(), path.last()) else { return Vec::new() };
    let mut faults = Vec::new();
    if path.len() == 1 && end == End::Root {
        faults.push(ChainFault::SelfSigned);
    }
    for (certificate, c) in path.iter().filter(|(_, c)| !c.is_valid_at(at)) {
        let certificate = *certificate;
        faults.push(if at < c.not_before {
            ChainFault::NotYetValid { certificate }
        } else {
            ChainFault::Expired { certificate }
        });
    }
    if !names.is_empty() && !names::matches(leaf, names) {
        faults.push(ChainFault::NameMismatch);
    }
    if !leaf.server_auth {
        faults.push(ChainFault::Purpose);
    }
    if let Some((certificate, _)) = path.iter().skip(1).find(|(_, c)| !c.is_ca) {
        faults.push(ChainFault::Invalid(Invalid::NoAuthority { certificate: *certificate }));
    }
    let root_sent = usize::from(end == End::Root);
    let authorities = path.len() - 1 - root_sent.min(path.len() - 1);
    if authorities > AUTHORITIES_FOLLOWED {
        faults.push(ChainFault::Invalid(Invalid::TooDeep { authorities }));
    }
    match end {
        End::Missing if path.len() == 1 => {
            faults.push(ChainFault::Incomplete { issuer: leaf.issuer.clone(), url: leaf.issuer_url.clone() });
        }
        End::Missing | End::Root if path.len() > 1 => faults.push(ChainFault::Untrusted {
            certificate: *last,
            issuer: tip.issuer.clone(),
            is_root: end == End::Root,
        }),
        _ => {}
    }
    faults
}

/// Verifies signatures at a time at which all of the path is valid: dates are faults of their own.
fn verified(path: &[(usize, &Summary)], chain: &[&Certificate], trust: &Trust) -> Verified {
    let valid_from = path.iter().map(|(_, c)| c.not_before).max();
    let valid_until = path.iter().map(|(_, c)| c.not_after).min();
    let Some(from) = valid_from.filter(|&from| Some(from) <= valid_until) else { return Verified::Unknown };
    let Ok(second) = u64::try_from(from.0.div_euclid(SECOND)) else { return Verified::Unknown };
    let der: Vec<&[u8]> = path.iter().filter_map(|(i, _)| chain.get(*i).map(|c| &*c.der)).collect();
    verify(&der, &trust.anchors, second)
}

/// What AWS's guide and the CA/Browser Forum no longer accept.
fn weakness(c: &Summary) -> Option<String> {
    const MIN_RSA: usize = 2_048;
    let rsa = c.key.strip_prefix("RSA ").and_then(|bits| bits.parse::<usize>().ok());
    let small = rsa.is_some_and(|bits| bits < MIN_RSA) || c.key.starts_with("DSA ");
    let digest = c.signature.to_ascii_lowercase();
    let broken = ["md2", "md5", "sha1"].iter().any(|name| digest.contains(name)) && !c.self_issued;
    match (small, broken) {
        (true, true) => Some(format!("{}, {}", c.key, c.signature)),
        (true, false) => Some(c.key.clone()),
        (false, true) => Some(c.signature.clone()),
        (false, false) => None,
    }
}

/// The seconds around a time between which no certificate begins or ceases to be valid, nor anything else changes.
fn within(certificates: &[&Summary], further: &[i64], at: Timestamp) -> (i64, i64) {
    let now = at.0.div_euclid(SECOND);
    let changes = certificates
        .iter()
        .flat_map(|c| [c.not_before.0, near::begins_to_be_soon(c).0, c.not_after.0 + SECOND])
        .map(|time| time.div_euclid(SECOND))
        .chain(further.iter().copied());
    let (past, coming): (Vec<i64>, Vec<i64>) = changes.partition(|&change| change <= now);
    (past.into_iter().max().unwrap_or(i64::MIN), coming.into_iter().min().unwrap_or(i64::MAX))
}
