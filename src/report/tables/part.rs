//! One file of a table, written one row group after the other.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::column::Column;
use super::plan::{Node, plan};
use super::schema::{Table, VERSION};
use super::shred::{Misfit, Row, Target};

/// Rows of one row group, which is what an engine reads or leaves out as a whole.
const MAX_GROUP_ROWS: usize = 131_072;

/// Bytes of values that wait to become a row group. Encoded and compressed they are some tenth of it.
const MAX_GROUP_BYTES: usize = 32 << 20;

/// Bytes of the longest text in the statistics: enough for any name or identifier.
const STATISTICS: usize = 64;

/// A file of a table.
pub(super) struct Part {
    table: Table,
    row: Node,
    columns: Vec<Column>,
    rows: usize,
    out: Option<SerializedFileWriter<BufWriter<File>>>,
    draft: PathBuf,
    path: PathBuf,
}

impl Part {
    /// Begins a file of this name in a directory, which is made where it is missing.
    pub(super) fn begin(table: Table, directory: &Path, name: &str) -> io::Result<Part> {
        fs::create_dir_all(directory)?;
        let (path, draft) = (directory.join(name), directory.join(format!(".{name}.{}.part", std::process::id())));
        let (row, columns) = plan(table.fields());
        let schema = parse_message_type(&table.message()).map_err(io::Error::other)?;
        // What a process of this number left behind goes; what somebody else puts there is not written to.
        let _ = fs::remove_file(&draft);
        let file = OpenOptions::new().write(true).create_new(true).open(&draft)?;
        let out = SerializedFileWriter::new(BufWriter::new(file), Arc::new(schema), Arc::new(properties()?));
        let mut part = Part { table, row, columns, rows: 0, out: None, draft, path };
        part.out = Some(out.map_err(io::Error::other)?);
        Ok(part)
    }

    /// Which table it is of.
    pub(super) fn table(&self) -> Table {
        self.table
    }

    /// The file, once it is whole.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a row, of which `fill` tells the fields.
    pub(super) fn row(
        &mut self,
        paths: &[String],
        fill: impl FnOnce(&mut Row<'_, '_>) -> Result<(), Misfit>,
    ) -> io::Result<()> {
        let target = Target { columns: &mut self.columns, paths };
        let mut row = Row::begin(&self.row, target, self.table.elsewhere());
        let table = self.table.name();
        fill(&mut row).and_then(|()| row.end()).map_err(|why| io::Error::other(format!("table {table}: {why}")))?;
        self.rows += 1;
        let bytes = || self.columns.iter().map(Column::bytes).sum::<usize>();
        // Counting takes a look at each column.
        if self.rows >= MAX_GROUP_ROWS || self.rows.is_multiple_of(256) && bytes() >= MAX_GROUP_BYTES {
            self.write().map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Ends the file, and gives it its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write().map_err(io::Error::other)?;
        if let Some(out) = self.out.take() {
            let done = out.into_inner().map_err(io::Error::other);
            let named = done
                .and_then(|buffer| buffer.into_inner().map_err(io::IntoInnerError::into_error))
                .and_then(|file| file.sync_all())
                .and_then(|()| fs::rename(&self.draft, &self.path));
            if named.is_err() {
                let _ = fs::remove_file(&self.draft);
            }
            named?;
        }
        Ok(())
    }

    /// Writes a row group of what waits.
    fn write(&mut self) -> parquet::errors::Result<()> {
        let Some(out) = self.out.as_mut().filter(|_| self.rows > 0) else { return Ok(()) };
        let mut group = out.next_row_group()?;
        for column in &mut self.columns {
            if let Some(mut writer) = group.next_column()? {
                column.write(&mut writer)?;
                writer.close()?;
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            // Nothing more can be done where even that fails.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

fn properties() -> io::Result<WriterProperties> {
    let about = KeyValue { key: "why502.schema".to_owned(), value: Some(VERSION.to_owned()) };
    Ok(WriterProperties::builder()
        .set_created_by(concat!("why502 version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![about]))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(io::Error::other)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(STATISTICS))
        .set_column_index_truncate_length(Some(STATISTICS))
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_the_place_of_a_draft_is_not_written_to() {
        let dir = std::env::temp_dir().join(format!("why502-part-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("precious"), "precious").unwrap();
        let draft = dir.join(format!(".part-0.parquet.{}.part", std::process::id()));
        std::os::unix::fs::symlink("precious", draft).unwrap();
        Part::begin(Table::Captures, &dir, "part-0.parquet").unwrap().finish().unwrap();
        assert_eq!(fs::read(dir.join("precious")).unwrap(), b"precious");
        assert!(fs::symlink_metadata(dir.join("part-0.parquet")).unwrap().is_file());
        fs::remove_dir_all(dir).unwrap();
    }
}
