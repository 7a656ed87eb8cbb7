//! A list that grows piece by piece, so that nothing in it is ever moved.

/// Items of one piece: two pages of connections, fewer of deadlines.
const PIECE: usize = 64;

/// Items by number, from 0.
#[derive(Debug)]
pub(super) struct Pieces<T> {
    /// Places behind the last item are of no meaning.
    pieces: Vec<Box<[T; PIECE]>>,
    len: usize,
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Pieces { pieces: Vec::new(), len: 0 }
    }
}

impl<T> Pieces<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The item of this number; behind the last one there may be some of no meaning.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.pieces.get(at / PIECE)?.get(at % PIECE)
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.pieces.get_mut(at / PIECE)?.get_mut(at % PIECE)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flat_map(|piece| piece.iter()).take(self.len)
    }
}

impl<T: Default> Pieces<T> {
    /// Adds one behind all others.
    pub(super) fn push(&mut self, item: T) {
        if self.len == self.pieces.len() * PIECE {
            self.pieces.push(Box::new(std::array::from_fn(|_| T::default())));
        }
        self.len += 1;
        if let Some(place) = self.get_mut(self.len - 1) {
            *place = item;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_by_their_number_and_stay_where_they_are() {
        const MANY: usize = 3 * PIECE + 1;
        let mut list = Pieces::default();
        assert_eq!((list.len(), list.get(0)), (0, None));
        list.push(0);
        let first = std::ptr::from_ref(list.get(0).unwrap());
        (1..MANY).for_each(|i| list.push(i));
        assert_eq!((list.len(), std::ptr::from_ref(list.get(0).unwrap())), (MANY, first));
        assert!(list.iter().copied().eq(0..MANY));
        assert!((0..MANY).all(|i| list.get(i) == Some(&i)));
        *list.get_mut(PIECE).unwrap() = 7;
        assert_eq!([PIECE, 4 * PIECE].map(|i| list.get(i).copied()), [Some(7), None]);
    }
}
