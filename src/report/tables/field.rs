//! What a table is made of, as data: fields that hold a value, others, or lists of them.

use std::fmt::{self, Write as _};

/// A field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Its name in the table.
    pub(super) name: String,
    /// Its name in the JSON report.
    pub(super) from: &'static str,
    /// It may be null.
    pub(super) optional: bool,
    pub(super) kind: Kind,
}

/// What a field holds. Numbers that JSON writes without a sign are signed here: not every engine reads others.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Bool,
    Int,
    Long,
    Double,
    Text,
    /// A time to the microsecond, and beside it, as a field of its own, to the nanosecond.
    Time,
    /// Nanoseconds since 1970.
    Nanoseconds,
    /// The path of a capture, where JSON has its number.
    Path,
    Group(Vec<Field>),
    /// Never null, but perhaps empty.
    List(Box<Field>),
}

impl Field {
    fn new(name: &'static str, kind: Kind) -> Field {
        Field { name: name.to_owned(), from: name, optional: false, kind }
    }

    /// The same, but it may be null.
    pub(super) fn or_null(self) -> Field {
        Field { optional: true, ..self }
    }
}

pub(super) fn flag(name: &'static str) -> Field {
    Field::new(name, Kind::Bool)
}

/// Up to 2^31.
pub(super) fn int(name: &'static str) -> Field {
    Field::new(name, Kind::Int)
}

/// Up to 2^63.
pub(super) fn long(name: &'static str) -> Field {
    Field::new(name, Kind::Long)
}

pub(super) fn double(name: &'static str) -> Field {
    Field::new(name, Kind::Double)
}

pub(super) fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Text)
}

/// The path of the capture that the JSON report names by its number in `from`.
pub(super) fn path(from: &'static str) -> Field {
    Field { name: format!("{from}_path"), ..Field::new(from, Kind::Path) }
}

/// A time, as two fields.
pub(super) fn time(name: &'static str) -> [Field; 2] {
    [Field::new(name, Kind::Time), Field { name: format!("{name}_ns"), ..Field::new(name, Kind::Nanoseconds) }]
}

/// A time that may be null.
pub(super) fn time_or_null(name: &'static str) -> [Field; 2] {
    time(name).map(Field::or_null)
}

pub(super) fn group(name: &'static str, fields: impl IntoIterator<Item = Vec<Field>>) -> Field {
    Field::new(name, Kind::Group(fields.into_iter().flatten().collect()))
}

/// A list of what `of` is.
pub(super) fn list(name: &'static str, of: Field) -> Field {
    Field::new(name, Kind::List(Box::new(Field { name: "element".to_owned(), ..of })))
}

/// Fields as the language of Parquet's schemas has them (`parquet::schema::parser`).
pub(super) struct Message<'a>(pub(super) &'static str, pub(super) &'a [Field]);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "message {} {{", self.0)?;
        self.1.iter().try_for_each(|field| write(f, field, 1))?;
        f.write_char('}')
    }
}

fn write(f: &mut fmt::Formatter<'_>, field: &Field, depth: usize) -> fmt::Result {
    let (name, pad) = (&field.name, depth * 2);
    let repetition = if field.optional { "OPTIONAL" } else { "REQUIRED" };
    let primitive = match &field.kind {
        Kind::Bool => format!("BOOLEAN {name}"),
        Kind::Int => format!("INT32 {name}"),
        Kind::Long | Kind::Nanoseconds => format!("INT64 {name}"),
        Kind::Double => format!("DOUBLE {name}"),
        Kind::Text | Kind::Path => format!("BYTE_ARRAY {name} (STRING)"),
        Kind::Time => format!("INT64 {name} (TIMESTAMP(MICROS,true))"),
        Kind::Group(fields) => {
            writeln!(f, "{:pad$}{repetition} GROUP {name} {{", "")?;
            fields.iter().try_for_each(|field| write(f, field, depth + 1))?;
            return writeln!(f, "{:pad$}}}", "");
        }
        Kind::List(of) => {
            writeln!(f, "{:pad$}{repetition} GROUP {name} (LIST) {{", "")?;
            writeln!(f, "{:pad$}  REPEATED GROUP list {{", "")?;
            write(f, of, depth + 2)?;
            return writeln!(f, "{:pad$}  }}\n{:pad$}}}", "", "");
        }
    };
    writeln!(f, "{:pad$}{repetition} {primitive};", "")
}
