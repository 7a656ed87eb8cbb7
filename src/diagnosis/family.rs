//! Different pictures of one fault (contract, ruling 13).

use crate::observation::Connection;

/// The causes by which one fault shows on different connections. It stands beside the cause that is the fault itself.
#[derive(Debug)]
pub struct Family {
    /// What is wrong, as it goes on after "one fault,".
    pub fault: &'static str,
    /// What it looks like on one connection, the fault's own cause first.
    pub pictures: &'static [Picture],
    /// Pictures that show the fault where they come together, also without its own.
    pub shown_by: &'static [[&'static str; 2]],
}

/// One of these pictures.
#[derive(Debug)]
pub struct Picture {
    /// The cause that is the verdict on such a connection.
    pub cause: &'static str,
    /// What it looks like, in a few words.
    pub told: &'static str,
    /// Whether a connection with this verdict may be such a picture.
    pub fits: fn(&Connection) -> bool,
}

impl Family {
    /// Which picture a connection with this verdict is.
    #[must_use]
    pub fn picture(&self, cause: &str, c: &Connection) -> Option<usize> {
        self.pictures.iter().position(|p| p.cause == cause && (p.fits)(c))
    }

    /// Whether pictures that were seen together, by position, are several and show the fault.
    #[must_use]
    pub fn is_shown(&self, seen: impl Fn(usize) -> bool) -> bool {
        let several = (0..self.pictures.len()).filter(|&i| seen(i)).count() > 1;
        let has = |cause: &str| self.pictures.iter().position(|p| p.cause == cause).is_some_and(&seen);
        several && (seen(0) || self.shown_by.iter().any(|pair| pair.iter().all(|cause| has(cause))))
    }
}
