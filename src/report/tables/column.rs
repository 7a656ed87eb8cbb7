//! The values of one column that wait to be written, and where each stands (Dremel's definition and repetition levels).

use bytes::Bytes;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    values: Values,
    defs: Vec<i16>,
    reps: Vec<i16>,
    max_def: i16,
    max_rep: i16,
}

/// Its values that are not null.
#[derive(Debug)]
pub(super) enum Values {
    Bool(Vec<bool>),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Double(Vec<f64>),
    /// Texts behind each other, and where each ends.
    Text(String, Vec<usize>),
}

impl Column {
    pub(super) fn new(values: Values, max_def: i16, max_rep: i16) -> Column {
        Column { values, defs: Vec::new(), reps: Vec::new(), max_def, max_rep }
    }

    /// Notes where the next value stands, or where none does.
    pub(super) fn place(&mut self, def: i16, rep: i16) {
        if self.max_def > 0 {
            self.defs.push(def);
        }
        if self.max_rep > 0 {
            self.reps.push(rep);
        }
    }

    /// The values, of which one is to be added for each that was placed.
    pub(super) fn values(&mut self) -> &mut Values {
        &mut self.values
    }

    /// Bytes of memory that are in use.
    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Bool(all) => all.len(),
            Values::Int(all) => all.len() * 4,
            Values::Long(all) => all.len() * 8,
            Values::Double(all) => all.len() * 8,
            Values::Text(text, ends) => text.len() + ends.len() * 8,
        };
        values + (self.defs.len() + self.reps.len()) * 2
    }

    /// Writes everything, and forgets it.
    pub(super) fn write(&mut self, out: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let defs = Some(self.defs.as_slice()).filter(|_| self.max_def > 0);
        let reps = Some(self.reps.as_slice()).filter(|_| self.max_rep > 0);
        match &mut self.values {
            Values::Bool(all) => {
                out.typed::<BoolType>().write_batch(all, defs, reps)?;
                all.clear();
            }
            Values::Int(all) => {
                out.typed::<Int32Type>().write_batch(all, defs, reps)?;
                all.clear();
            }
            Values::Long(all) => {
                out.typed::<Int64Type>().write_batch(all, defs, reps)?;
                all.clear();
            }
            Values::Double(all) => {
                out.typed::<DoubleType>().write_batch(all, defs, reps)?;
                all.clear();
            }
            Values::Text(text, ends) => {
                let text = Bytes::from(std::mem::take(text));
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let all: Vec<ByteArray> =
                    starts.zip(ends.iter()).map(|(start, end)| ByteArray::from(text.slice(start..*end))).collect();
                out.typed::<ByteArrayType>().write_batch(&all, defs, reps)?;
                ends.clear();
            }
        }
        self.defs.clear();
        self.reps.clear();
        Ok(())
    }
}
