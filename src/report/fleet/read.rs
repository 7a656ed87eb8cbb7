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
use crate::report::tables::{AGAIN, Table, part_name};

/// Files of tables that are read: those of a thousand hosts in a quarter of a year.
const MAX_FILES: usize = 1_000_000;

/// Directories within directories: a table is divided by two things.
const MAX_DEPTH: usize = 8;

/// Rows that a byte of a file may stand for, beside [`MAX_ROWS`]: of the smallest table each takes several.
const MAX_ROWS_PER_BYTE: u64 = 4;

/// Rows of a file that are read however small it is.
const MAX_ROWS: u64 = 1 << 18;

/// Bytes of values that a byte of a file may stand for, beside [`MAX_VALUES`].
const MAX_RATIO: u64 = 500;

/// Bytes of values of a file that are read however small it is.
const MAX_VALUES: u64 = 64 << 20;

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
            // Where nothing could be read there are records of that, and nothing else.
            if [Table::Connections, Table::Units].iter().all(|table| !dir.join(table.name()).is_dir()) {
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
            // A link leads to what is another table's, or to where it is itself.
            if path.is_symlink() {
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

    /// The files of one unit, with the table that each is of.
    pub fn of_unit<'f>(&'f self, unit: &str) -> impl Iterator<Item = (Table, &'f Path)> {
        let begin = part_name(unit);
        let is_of = move |path: &Path| {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.strip_prefix(&begin).is_some_and(|rest| rest.is_empty() || rest.starts_with(AGAIN))
        };
        self.files.iter().map(|(table, _, path)| (*table, path.as_path())).filter(move |(_, path)| is_of(path))
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
            plausible(&reader, path)?;
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

/// Refuses a file that stands for more than any table does: somebody made it to fill the memory.
fn plausible(reader: &SerializedFileReader<File>, path: &Path) -> Result<(), Failure> {
    let bytes = fs::metadata(path).map_err(|e| input(path, &e))?.len();
    let (mut rows, mut values) = (0u64, 0u64);
    for group in reader.metadata().row_groups() {
        rows = rows.saturating_add(u64::try_from(group.num_rows()).unwrap_or_default());
        values = values.saturating_add(u64::try_from(group.total_byte_size()).unwrap_or_default());
    }
    let (most_rows, most_values) = (
        MAX_ROWS.saturating_add(bytes.saturating_mul(MAX_ROWS_PER_BYTE)),
        MAX_VALUES.saturating_add(bytes.saturating_mul(MAX_RATIO)),
    );
    if rows > most_rows || values > most_values {
        return Err(input(path, &format!("{bytes} bytes that stand for {rows} rows and {values} bytes are no table")));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::data_type::Int32Type;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    #[test]
    fn a_small_file_that_stands_for_millions_of_rows_is_refused() {
        let dir = std::env::temp_dir().join(format!("why502-implausible-{}", std::process::id()));
        fs::create_dir_all(dir.join("units")).unwrap();
        let schema = parse_message_type("message units { required int32 bytes; }").unwrap();
        for (rows, is_read) in [(200_000, true), (2_000_000, false)] {
            let file = File::create(dir.join("units/part-0.parquet")).unwrap();
            let properties = Arc::new(WriterProperties::builder().build());
            let mut writer = SerializedFileWriter::new(file, Arc::new(schema.clone()), properties).unwrap();
            let mut group = writer.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int32Type>().write_batch(&vec![7; rows], None, None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
            writer.close().unwrap();
            let mut seen = 0;
            let done = Found::of(&dir, Table::Units).unwrap().each(Table::Units, &["bytes"], |_, _| seen += 1);
            assert_eq!((done.is_ok(), seen), (is_read, if is_read { rows } else { 0 }), "{done:?}");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
