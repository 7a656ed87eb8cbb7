//! Captures that can be read more than once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};

use crate::source::Source;

/// Bytes kept of a pipe while it is read: what is more can be written to a file first.
const MAX_SPOOLED: u64 = 16 << 30;

/// One capture.
#[derive(Debug)]
pub struct Input {
    name: String,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    File(PathBuf),
    /// What came through a pipe, in a file without a name.
    Spooled(File),
}

impl Input {
    /// A file.
    #[must_use]
    pub fn file(path: &Path) -> Input {
        Input { name: path.to_string_lossy().into_owned(), kept: Kept::File(path.to_owned()) }
    }

    /// What comes through a pipe: it is written to a temporary file first, which has lost its name by then.
    ///
    /// # Errors
    /// Where that cannot be written, or the pipe not read.
    pub fn spooled(name: &str, pipe: impl Read) -> io::Result<Input> {
        let path = std::env::temp_dir().join(format!("why502-{}.spool", std::process::id()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        fs::remove_file(&path)?;
        let copied = io::copy(&mut pipe.take(MAX_SPOOLED + 1), &mut file)?;
        if copied > MAX_SPOOLED {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large to be kept; write it to a file first"));
        }
        Ok(Input { name: name.to_owned(), kept: Kept::Spooled(file) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it can be read.
    ///
    /// # Errors
    /// Why not, in a line.
    pub fn check(&self) -> Result<(), String> {
        self.source(false).map(drop)
    }

    /// Its bytes, from the first on.
    pub(super) fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.kept {
            Kept::File(path) => Box::new(File::open(path)?),
            Kept::Spooled(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Box::new(file)
            }
        })
    }

    /// Its packets, from the first on; it rests until the first is due, where there are others.
    pub(super) fn source(&self, others: bool) -> Result<Source, String> {
        let opened = match &self.kept {
            Kept::File(path) => Source::open(path),
            Kept::Spooled(_) => {
                let read = self.read().map_err(|e| format!("{}: {e}", self.name))?;
                Source::from_reader(read, &self.name)
            }
        };
        let mut source = opened.map_err(|e| e.to_string())?;
        if others {
            source.rest();
        }
        Ok(source)
    }
}
