//! What most have nothing of.

use std::ops::{Deref, DerefMut};

/// A value that is blank for most of its owners: it reads as the blank one, and takes the room of a pointer, until it is
/// written to.
#[derive(Debug, Clone, Default)]
pub struct Seldom<T>(Option<Box<T>>);

/// What can be kept as [`Seldom`].
pub trait Blank: Default + 'static {
    /// What is read where nothing was written; the same as the default.
    const BLANK: &'static Self;
}

impl<T> Seldom<T> {
    /// The blank one.
    pub const BLANK: Self = Self(None);

    /// What was written, if anything was: a change of it takes no room that is not taken already.
    pub fn written(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// Memory that it takes beside itself, in bytes, without what the value points to.
    #[must_use]
    #[inline]
    pub fn held(&self) -> usize {
        if self.0.is_some() { size_of::<T>() } else { 0 }
    }
}

impl<T: Blank> Deref for Seldom<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::BLANK)
    }
}

impl<T: Blank> DerefMut for Seldom<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: Blank + PartialEq> PartialEq for Seldom<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Blank + Eq> Eq for Seldom<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Default)]
    struct Pair(u64, u64);

    impl Blank for Pair {
        const BLANK: &'static Pair = &Pair(0, 0);
    }

    #[test]
    fn what_is_not_written_to_is_blank_and_takes_a_pointer() {
        let mut pair = Seldom::<Pair>::default();
        assert_eq!((*pair, pair.held(), pair.written()), (Pair(0, 0), 0, None));
        assert_eq!(size_of_val(&pair), size_of::<usize>());
        pair.1 = 7;
        assert_eq!((*pair.clone(), pair.held(), pair.written()), (Pair(0, 7), 16, Some(&mut Pair(0, 7))));
    }
}
