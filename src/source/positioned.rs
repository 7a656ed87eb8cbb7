//! A file that several readers share, each with a position of its own.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// Makes readers of the same input, each from its beginning.
pub type Again = Arc<dyn Fn() -> Box<dyn Read + Send> + Send + Sync>;

/// One reader of such a file.
#[derive(Debug)]
pub struct Positioned {
    file: Arc<File>,
    at: u64,
}

impl Positioned {
    /// Begins at its beginning.
    #[must_use]
    pub const fn new(file: Arc<File>) -> Positioned {
        Positioned { file, at: 0 }
    }
}

impl Read for Positioned {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buf, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, at)
}

#[cfg(windows)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, at)
}
