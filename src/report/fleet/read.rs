//! Files of tables, and their rows one by one.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use crate::base::{Timestamp, escape};
use crate::report::tables::Table;

/// Files of tables that are read: those of a thousand hosts in a quarter of a year.
const MAX_FILES: usize = 1_000_000;

/// Directories within directories: a table is divided by two things.
const MAX_DEPTH: usize = 8;

/// Why there is no report.
#[derive(Debug)]
pub enum Failure {
    /// What cannot be read, and why.
    Input(String),
    /// The report could not be written.
    Output(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Input(why) => f.write_str(why),
            Failure::Output(e) => write!(f, "cannot write the report: {e}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Failure {
        Failure::Output(e)
    }
}

/// Which of the directories that are read something is in, by its position among them.
pub(super) type Place = usize;

/// The files of some tables.
#[derive(Debug, Default)]
pub struct Found {
    dirs: Vec<PathBuf>,
    files: Vec<(Table, Place, PathBuf)>,
}

impl Found {
    /// The files in the directories `connections`, `findings`, … of each of these, in the order of their names. A directory
    /// that is named twice is read once.
    ///
    /// # Errors
    /// One line: which directory has no tables, or cannot be read.
    pub fn below(dirs: &[PathBuf]) -> Result<Found, Failure> {
        let mut found = Found::default();
        let mut known = BTreeSet::new();
        for dir in dirs {
            if !known.insert(fs::canonicalize(dir).unwrap_or_else(|_| dir.clone())) {
                continue;
            }
            found.dirs.push(dir.clone());
            let name = escape(&dir.to_string_lossy()).into_owned();
            if !dir.join(Table::Connections.name()).is_dir() {
                return Err(Failure::Input(format!(
                    "{name}: has no tables of why502; `why502 fleet` and `why502 analyze --format parquet -o DIR` write them"
                )));
            }
            for table in Table::ALL.into_iter().chain([Table::Units]) {
                let directory = dir.join(table.name());
                if directory.is_dir() {
                    found.walk(table, &directory, 0)?;
                }
            }
        }
        found.files.sort();
        Ok(found)
    }

    /// The files of one table in a directory.
    pub(super) fn of(dir: &Path, table: Table) -> Result<Found, Failure> {
        let mut found = Found { dirs: vec![dir.to_owned()], files: Vec::new() };
        found.walk(table, &dir.join(table.name()), 0)?;
        found.files.sort();
        Ok(found)
    }

    fn walk(&mut self, table: Table, directory: &Path, depth: usize) -> Result<(), Failure> {
        let cannot = |e: io::Error| input(directory, &e);
        for entry in fs::read_dir(directory).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // What Hive and Spark take for hidden.
            if name.starts_with(['.', '_']) {
                continue;
            }
            if path.is_dir() && depth < MAX_DEPTH {
                self.walk(table, &path, depth + 1)?;
            } else if name.ends_with(".parquet") {
                if self.files.len() >= MAX_FILES {
                    return Err(input(
                        directory,
                        &format!("more than {MAX_FILES} files; report on fewer hosts or days"),
                    ));
                }
                self.files.push((table, self.dirs.len().saturating_sub(1), path));
            }
        }
        Ok(())
    }

    /// The files of one unit. A name is that of one unit alone where they are not made of anything but letters and digits.
    #[must_use]
    pub fn of_unit(&self, unit: &str) -> Vec<PathBuf> {
        let is_of = |path: &&PathBuf| {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let rest = name.strip_prefix("part-").and_then(|name| name.strip_prefix(unit));
            // A part that was begun again has a number behind it.
            rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok()))
        };
        self.files.iter().map(|(_, _, path)| path).filter(is_of).cloned().collect()
    }

    /// What the directories are called, by their places.
    pub(super) fn names(&self) -> Vec<String> {
        self.dirs.iter().map(|dir| escape(&dir.to_string_lossy()).into_owned()).collect()
    }

    /// Gives each row of a table to `take`, with the fields that are `wanted`, and where it is.
    pub(super) fn each(
        &self,
        table: Table,
        wanted: &[&str],
        mut take: impl FnMut(Place, Fields<'_>),
    ) -> Result<(), Failure> {
        for (_, place, path) in self.files.iter().filter(|(of, ..)| *of == table) {
            let file = File::open(path).map_err(|e| input(path, &e))?;
            let reader = SerializedFileReader::new(file).map_err(|e| input(path, &e))?;
            let schema = reader.metadata().file_metadata().schema();
            let Some(projected) = project(schema, "", wanted) else { continue };
            let rows = reader.get_row_iter(Some(projected)).map_err(|e| input(path, &e))?;
            for row in rows {
                take(*place, Fields(&row.map_err(|e| input(path, &e))?));
            }
        }
        Ok(())
    }
}

fn input(path: &Path, why: &dyn fmt::Display) -> Failure {
    Failure::Input(format!("{}: cannot be read: {}", escape(&path.to_string_lossy()), escape(&why.to_string())))
}

/// The part of a schema that is wanted, by the fields' paths; a field that is not there is none of it.
fn project(of: &Type, at: &str, wanted: &[&str]) -> Option<Type> {
    if wanted.contains(&at) || of.is_primitive() {
        return Some(of.clone()).filter(|_| wanted.contains(&at));
    }
    let below = |field: &Arc<Type>| {
        let path = if at.is_empty() { field.name().to_owned() } else { format!("{at}.{}", field.name()) };
        project(field, &path, wanted).map(Arc::new)
    };
    let fields: Vec<_> = of.get_fields().iter().filter_map(below).collect();
    let info = of.get_basic_info();
    let group = Type::group_type_builder(of.name())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_id(info.has_id().then(|| info.id()));
    let group = if info.has_repetition() { group.with_repetition(info.repetition()) } else { group };
    if fields.is_empty() { None } else { group.with_fields(fields).build().ok() }
}

/// The fields of a row, or of a group in it. What is not there, or of another kind, is null.
#[derive(Clone, Copy)]
pub(super) struct Fields<'r>(&'r Row);

impl<'r> Fields<'r> {
    fn get(self, name: &str) -> Option<&'r Field> {
        self.0.get_column_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }

    pub(super) fn text(self, name: &str) -> Option<&'r str> {
        self.get(name).and_then(text)
    }

    /// A text, or an empty one.
    pub(super) fn string(self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    pub(super) fn number(self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Field::Int(n) => Some(i64::from(*n)),
            Field::Long(n) | Field::TimestampMicros(n) => Some(*n),
            _ => None,
        }
    }

    pub(super) fn double(self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Field::Double(n) => Some(*n),
            _ => None,
        }
    }

    /// A number that is never negative; 0 where it is not there.
    pub(super) fn count(self, name: &str) -> u64 {
        self.number(name).and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
    }

    /// A time, to the nanosecond.
    pub(super) fn time(self, name: &str) -> Option<Timestamp> {
        self.number(&format!("{name}_ns")).map(Timestamp)
    }

    pub(super) fn flag(self, name: &str) -> bool {
        matches!(self.get(name), Some(Field::Bool(true)))
    }

    pub(super) fn group(self, name: &str) -> Option<Fields<'r>> {
        self.get(name).and_then(fields)
    }

    /// The elements of a list; of none where it is not there.
    pub(super) fn list(self, name: &str) -> &'r [Field] {
        match self.get(name) {
            Some(Field::ListInternal(list)) => list.elements(),
            _ => &[],
        }
    }

    /// The groups in a list.
    pub(super) fn groups(self, name: &str) -> impl Iterator<Item = Fields<'r>> {
        self.list(name).iter().filter_map(fields)
    }

    /// The texts in a list.
    pub(super) fn texts(self, name: &str) -> impl Iterator<Item = &'r str> {
        self.list(name).iter().filter_map(text)
    }
}

fn fields(of: &Field) -> Option<Fields<'_>> {
    match of {
        Field::Group(row) => Some(Fields(row)),
        _ => None,
    }
}

fn text(of: &Field) -> Option<&str> {
    match of {
        Field::Str(text) => Some(text),
        _ => None,
    }
}
