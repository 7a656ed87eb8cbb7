//! Causes in order of precedence, and which of them a connection calls for.

use std::ops::Deref;

use foldhash::HashMap;

use crate::observation::{Sign, Signs};

use super::Cause;

/// Causes that a catalogue can hold.
const MAX_CAUSES: usize = 128;

/// Causes by position, one bit for each.
type Set = u128;

const _: () = assert!(MAX_CAUSES == Set::BITS as usize);

/// Causes in order of precedence.
#[derive(Debug)]
pub struct Catalogue {
    causes: Vec<&'static Cause>,
    /// Where each stands, by its address.
    positions: HashMap<usize, usize>,
    /// Those that each sign calls for.
    by_sign: [Set; Sign::COUNT],
}

impl Catalogue {
    /// Of these causes, in this order.
    ///
    /// # Panics
    /// Where they are more than a catalogue can hold.
    #[must_use]
    pub fn new(causes: Vec<&'static Cause>) -> Catalogue {
        assert!(causes.len() <= MAX_CAUSES, "{} causes are more than a set of them holds", causes.len());
        let mut by_sign = [0; Sign::COUNT];
        for (position, cause) in causes.iter().enumerate() {
            for sign in cause.needs {
                by_sign.iter_mut().skip(*sign as usize).take(1).for_each(|set| *set |= 1 << position);
            }
        }
        let positions = causes.iter().enumerate().map(|(position, cause)| (address(cause), position)).collect();
        Catalogue { causes, positions, by_sign }
    }

    /// Where a cause stands; behind all of them, if it is none of them.
    #[must_use]
    pub fn position(&self, cause: &'static Cause) -> usize {
        self.positions.get(&address(cause)).copied().unwrap_or(self.causes.len())
    }

    /// The causes that can be found on a connection that shows these signs, in order of precedence.
    pub(super) fn called_for(&self, signs: Signs) -> impl Iterator<Item = &'static Cause> {
        let mut rest = signs.shown().filter_map(|sign| self.by_sign.get(sign)).fold(0, |all, set| all | set);
        std::iter::from_fn(move || {
            let next = self.causes.get(rest.trailing_zeros() as usize).copied()?;
            rest &= rest.wrapping_sub(1);
            Some(next)
        })
    }
}

/// Each cause exists once.
fn address(cause: &'static Cause) -> usize {
    std::ptr::from_ref(cause).addr()
}

impl Deref for Catalogue {
    type Target = [&'static Cause];

    fn deref(&self) -> &[&'static Cause] {
        &self.causes
    }
}
