//! A table's fields with their place among the columns.

use std::ops::Range;

use super::column::{Column, Values};
use super::field::{Field, Kind};

/// A field, and what lies below it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) from: &'static str,
    pub(super) optional: bool,
    /// The definition level of a value that is here; of a list that is not null, though it may be empty.
    pub(super) def: i16,
    pub(super) below: Below,
    /// The columns below it.
    pub(super) columns: Range<usize>,
}

/// What lies below a field.
#[derive(Debug)]
pub(super) enum Below {
    /// A column of this kind.
    Leaf(Leaf),
    Group(Vec<Node>),
    /// What is repeated, and the repetition level of all but the first.
    List(Box<Node>, i16),
}

/// How a value becomes one of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    Plain,
    Microseconds,
    Nanoseconds,
    /// By the number of a capture.
    Path,
}

/// Fields of one group that can be told apart: a row notes by bits which it has.
pub(super) const MAX_FIELDS: usize = 64;

/// A row of these fields, and their columns.
pub(super) fn plan(fields: Vec<Field>) -> (Node, Vec<Column>) {
    let mut columns = Vec::new();
    let row = Field { name: "row".to_owned(), from: "row", optional: false, kind: Kind::Group(fields) };
    (node(&row, 0, 0, &mut columns), columns)
}

fn node(field: &Field, above: i16, rep: i16, columns: &mut Vec<Column>) -> Node {
    let def = above + i16::from(field.optional);
    let first = columns.len();
    let mut leaf = |values, leaf| {
        columns.push(Column::new(values, def, rep));
        Below::Leaf(leaf)
    };
    let text = || Values::Text(String::new(), Vec::new());
    let below = match &field.kind {
        Kind::Bool => leaf(Values::Bool(Vec::new()), Leaf::Plain),
        Kind::Int => leaf(Values::Int(Vec::new()), Leaf::Plain),
        Kind::Long => leaf(Values::Long(Vec::new()), Leaf::Plain),
        Kind::Double => leaf(Values::Double(Vec::new()), Leaf::Plain),
        Kind::Text => leaf(text(), Leaf::Plain),
        Kind::Path => leaf(text(), Leaf::Path),
        Kind::Time => leaf(Values::Long(Vec::new()), Leaf::Microseconds),
        Kind::Nanoseconds => leaf(Values::Long(Vec::new()), Leaf::Nanoseconds),
        Kind::Group(fields) => {
            debug_assert!(fields.len() <= MAX_FIELDS, "{}", field.name);
            Below::Group(fields.iter().map(|field| node(field, def, rep, columns)).collect())
        }
        Kind::List(of) => Below::List(Box::new(node(of, def + 1, rep + 1, columns)), rep + 1),
    };
    let Field { name, from, optional, .. } = field;
    Node { name: name.clone(), from, optional: *optional, def, below, columns: first..columns.len() }
}
