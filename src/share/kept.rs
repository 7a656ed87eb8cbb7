//! What was kept on purpose, and by which connections: it excuses what was removed elsewhere, while it is written.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use foldhash::fast::RandomState;

/// Bytes kept of what was kept on purpose.
const MAX_KEPT: usize = 32 << 20;

/// Texts that were kept on purpose, each counted once for each connection that has it.
const MAX_HELD: usize = 4_000_000;

/// Texts, and who has them.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Each text once: certificates come again and again.
    texts: Vec<Rc<[u8]>>,
    numbers: HashMap<Rc<[u8]>, u32, RandomState>,
    /// Connections and their texts.
    held: HashSet<(u32, u32), RandomState>,
    bytes: usize,
}

impl Kept {
    /// Notes a text of a connection, while there is room.
    pub(super) fn add(&mut self, connection: u32, text: &[u8]) {
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None if self.bytes + text.len() < MAX_KEPT => {
                let (number, text) = (self.texts.len() as u32, Rc::<[u8]>::from(text));
                self.bytes += text.len();
                self.texts.push(Rc::clone(&text));
                self.numbers.insert(text, number);
                number
            }
            None => return,
        };
        if self.held.len() < MAX_HELD {
            self.held.insert((connection, number));
        }
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The text of a number.
    pub(super) fn text(&self, number: u32) -> &[u8] {
        self.texts.get(number as usize).map_or(&[], |text| text)
    }

    /// Each connection, with the number of a text that it has.
    pub(super) fn held(&self) -> impl Iterator<Item = (u32, u32)> {
        self.held.iter().copied()
    }

    /// The texts of some connections, each once.
    pub(super) fn of(&self, has: impl Fn(u32) -> bool) -> impl Iterator<Item = &[u8]> {
        let numbers: HashSet<u32, RandomState> =
            self.held().filter(|(connection, _)| has(*connection)).map(|(_, number)| number).collect();
        numbers.into_iter().map(|number| self.text(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_connections_that_are_asked_for() {
        let mut kept = Kept::default();
        for (connection, text) in
            [(0, &b"shop.example"[..]), (1, b"shop.example"), (1, b"api.example"), (1, b"api.example")]
        {
            kept.add(connection, text);
        }
        let of = |connection: u32| {
            let mut texts: Vec<_> = kept.of(|other| other == connection).collect();
            texts.sort_unstable();
            texts
        };
        assert_eq!((kept.len(), kept.held().count()), (2, 3));
        assert_eq!(of(0), [&b"shop.example"[..]]);
        assert_eq!(of(1), [&b"api.example"[..], b"shop.example"]);
        assert_eq!(of(2).len(), 0);
    }
}
