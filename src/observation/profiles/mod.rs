//! What is known of the ClientHello with which CloudFront connects to origins, with dates.
//!
//! A hello that equals a profile is a hint who made it, and never a proof: others use the library as well, and AWS may
//! have other settings than those that it publishes.

mod table;

use crate::session::tls::{ClientHello, names::is_grease};

use table::PROFILES;

/// A ClientHello as it is known from somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The name of the policy, where it has one.
    pub name: &'static str,
    /// Since when, or until when, or when it was read.
    pub date: &'static str,
    /// Where it is from.
    pub source: &'static str,
    versions: Versions,
    ciphers: &'static [u16],
    groups: &'static [u16],
    signature_schemes: &'static [u16],
    /// Whether the order of its lists is known.
    in_order: bool,
}

/// The versions of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versions {
    /// As listed in supported_versions.
    Listed(&'static [u16]),
    /// No list: the highest alone.
    Highest(u16),
    /// Not known.
    Any,
}

impl Profile {
    /// The profile that a hello equals.
    #[must_use]
    pub fn of(hello: &ClientHello) -> Option<&'static Profile> {
        let offer = Offer::of(hello);
        PROFILES.iter().find(|profile| profile.fits(&offer))
    }

    fn fits(&self, offer: &Offer) -> bool {
        let versions = match self.versions {
            Versions::Listed(versions) => offer.versions == versions,
            Versions::Highest(version) => offer.highest == Some(version),
            Versions::Any => true,
        };
        versions
            && self.same(&offer.ciphers, self.ciphers)
            && self.same(&offer.groups, self.groups)
            && self.same(&offer.signature_schemes, self.signature_schemes)
    }

    fn same(&self, seen: &[u16], known: &[u16]) -> bool {
        if self.in_order || seen.len() != known.len() {
            return seen == known;
        }
        let sorted = |codes: &[u16]| {
            let mut codes = codes.to_vec();
            codes.sort_unstable();
            codes
        };
        sorted(seen) == sorted(known)
    }
}

/// What a hello has of its sender's choice.
struct Offer {
    versions: Vec<u16>,
    /// Where it has no list of versions.
    highest: Option<u16>,
    ciphers: Vec<u16>,
    groups: Vec<u16>,
    signature_schemes: Vec<u16>,
}

impl Offer {
    fn of(hello: &ClientHello) -> Offer {
        let listed = |codes: &[u16]| codes.iter().copied().filter(|&code| !is_grease(code)).collect::<Vec<_>>();
        Offer {
            versions: listed(&hello.versions),
            highest: hello.versions.is_empty().then_some(hello.legacy_version),
            ciphers: hello.ciphers.iter().copied().filter(|&code| !ClientHello::is_signal(code)).collect(),
            groups: listed(&hello.groups),
            signature_schemes: listed(&hello.signature_schemes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_profile_hides_another() {
        for (i, one) in PROFILES.iter().enumerate() {
            for other in PROFILES.iter().skip(i + 1) {
                assert_ne!(one.name, other.name);
                let lists = |p: &Profile| (p.versions, p.ciphers, p.groups, p.signature_schemes);
                assert_ne!(lists(one), lists(other), "{} and {}", one.name, other.name);
            }
        }
    }

    #[test]
    fn no_list_has_a_code_twice() {
        for profile in PROFILES {
            for list in [profile.ciphers, profile.groups, profile.signature_schemes] {
                let mut sorted = list.to_vec();
                sorted.sort_unstable();
                sorted.dedup();
                assert_eq!(sorted.len(), list.len(), "{}", profile.name);
            }
        }
    }
}
