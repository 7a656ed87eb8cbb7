//! A file that several readers share, each with a position of its own.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Makes readers of the same input, each from its beginning.
pub type Again = Arc<dyn Fn() -> Box<dyn Read + Send> + Send + Sync>;

/// A file that is read as far as it was when it was opened, by all of its readers alike: one that is still being written
/// grows between their turns.
#[derive(Debug)]
pub struct SharedFile {
    file: File,
    extent: Mutex<Extent>,
}

#[derive(Debug)]
struct Extent {
    /// Where it ends for all.
    end: u64,
    /// As far as any of them has come.
    farthest: u64,
}

impl SharedFile {
    /// All of it, up to `end` where that is given: what it had at an earlier time.
    ///
    /// # Errors
    /// Where its length is not to be had.
    pub fn new(file: File, end: Option<u64>) -> io::Result<SharedFile> {
        let len = file.metadata()?.len();
        // Some file systems make what they show while it is read.
        let end = end.unwrap_or(if len == 0 { u64::MAX } else { len });
        Ok(SharedFile { file, extent: Mutex::new(Extent { end, farthest: 0 }) })
    }

    /// Where it ends.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.extent().end
    }

    /// From now on it ends where the foremost of its readers has come to.
    pub fn end_here(&self) {
        let mut extent = self.extent();
        extent.end = extent.end.min(extent.farthest);
    }

    fn extent(&self) -> MutexGuard<'_, Extent> {
        self.extent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader of such a file.
#[derive(Debug)]
pub struct Positioned {
    file: Arc<SharedFile>,
    at: u64,
}

impl Positioned {
    /// Begins at its beginning.
    #[must_use]
    pub const fn new(file: Arc<SharedFile>) -> Positioned {
        Positioned { file, at: 0 }
    }
}

impl Read for Positioned {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file.file, buf, self.at)? as u64;
        let mut extent = self.file.extent();
        let read = read.min(extent.end.saturating_sub(self.at));
        self.at = self.at.saturating_add(read);
        extent.farthest = extent.farthest.max(self.at);
        Ok(usize::try_from(read).unwrap_or(buf.len()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn all_readers_come_to_the_same_end() {
        let name = format!("why502-shared-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, [1; 1_000]).unwrap();
        let shared = Arc::new(SharedFile::new(File::open(&path).unwrap(), None).unwrap());
        let (mut one, mut another) = (Positioned::new(Arc::clone(&shared)), Positioned::new(Arc::clone(&shared)));
        one.read_exact(&mut [0; 600]).unwrap();
        // What is written later is nobody's.
        File::options().append(true).open(&path).unwrap().write_all(&[2; 500]).unwrap();
        let mut all = Vec::new();
        Positioned::new(Arc::clone(&shared)).read_to_end(&mut all).unwrap();
        assert_eq!(all, [1; 1_000]);
        // Nor what nobody has read when it is to end.
        let shorter = Arc::new(SharedFile::new(File::open(&path).unwrap(), Some(900)).unwrap());
        (one.file, another.file) = (Arc::clone(&shorter), Arc::clone(&shorter));
        one.read_exact(&mut [0; 100]).unwrap();
        shorter.end_here();
        assert_eq!((one.read(&mut [0; 9]).unwrap(), another.read_to_end(&mut Vec::new()).unwrap()), (0, 700));
        std::fs::remove_file(path).unwrap();
    }
}
