//! Key logs that grow while interfaces are watched.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use why502::base::escape;
use why502::observation::tls::Keys;
use zeroize::Zeroizing;

use crate::cli::say;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// The longest line that is waited for; the longest that there is has 230 bytes.
const MAX_LINE: usize = 512;

/// Between two looks whether a log was replaced.
const LOOK: Duration = Duration::from_secs(1);

/// Logs that are read as far as they have grown.
pub(crate) struct Followed {
    keys: Keys,
    logs: Vec<Log>,
    looked: Instant,
    chunk: Zeroizing<Vec<u8>>,
}

struct Log {
    path: PathBuf,
    file: File,
    read: u64,
    /// A line of which the end has not been written.
    partial: Zeroizing<Vec<u8>>,
    lost: bool,
}

impl Followed {
    /// Opens logs, and reads what is in them.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Followed, String> {
        let open = |path: &PathBuf| {
            let file = File::open(path).map_err(|e| format!("{}: {e}", name(path)))?;
            let partial = Zeroizing::new(Vec::with_capacity(MAX_LINE));
            Ok(Log { path: path.clone(), file, read: 0, partial, lost: false })
        };
        let logs: Result<_, String> = paths.iter().map(open).collect();
        let keys = Keys::default();
        keys.make_room();
        let chunk = Zeroizing::new(vec![0; CHUNK]);
        let mut followed = Followed { keys, logs: logs?, looked: Instant::now(), chunk };
        followed.read();
        Ok(followed)
    }

    /// What is known so far, and will be.
    pub(crate) fn keys(&self) -> Keys {
        self.keys.clone()
    }

    /// Takes what has come since.
    pub(crate) fn read(&mut self) {
        let look = self.looked.elapsed() >= LOOK;
        if look {
            self.looked = Instant::now();
        }
        for log in &mut self.logs {
            if let Err(e) = log.grow(&self.keys, &mut self.chunk) {
                log.lose(&e);
            }
            if look {
                log.look();
            }
        }
    }
}

impl Log {
    fn grow(&mut self, keys: &Keys, chunk: &mut [u8]) -> io::Result<()> {
        loop {
            let n = match self.file.read(chunk) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            self.read += n as u64;
            let bytes = chunk.get(..n).unwrap_or_default();
            let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let (lines, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            if !lines.is_empty() {
                // Reading from memory cannot fail.
                let _ = keys.read(self.partial.as_slice().chain(lines));
                self.partial.clear();
            }
            // A line that is too long is none: its beginning marks it as damaged.
            let room = MAX_LINE.saturating_sub(self.partial.len()).min(rest.len());
            self.partial.extend_from_slice(rest.get(..room).unwrap_or_default());
        }
    }

    /// Begins again where the log was emptied, or another file has its name.
    fn look(&mut self) {
        let Ok(ours) = self.file.metadata() else { return };
        if ours.len() < self.read {
            self.read = 0;
            self.partial.clear();
            if let Err(e) = self.file.rewind() {
                self.lose(&e);
            }
        }
        let Ok(there) = fs::metadata(&self.path) else { return };
        if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) {
            return;
        }
        match File::open(&self.path) {
            Ok(file) => {
                (self.file, self.read, self.lost) = (file, 0, false);
                self.partial.clear();
            }
            Err(e) => self.lose(&e),
        }
    }

    /// Says once that a log cannot be followed.
    fn lose(&mut self, why: &io::Error) {
        if !std::mem::replace(&mut self.lost, true) {
            say(&format!(
                "{}: cannot be followed ({why}): what is written to it from now on is not known",
                name(&self.path)
            ));
        }
    }
}

fn name(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn logs_are_followed_through_partial_lines_and_rotation() {
        let dir = std::env::temp_dir().join(format!("why502-follow-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("keys.log");
        let line = |n: u8| format!("CLIENT_RANDOM {} {}\n", format!("{n:02x}").repeat(32), "ab".repeat(48));
        let append = |text: &str| {
            let mut file = File::options().create(true).append(true).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        append(&line(1));
        let mut followed = Followed::open(std::slice::from_ref(&path)).unwrap();
        let keys = followed.keys();
        let mut step = |secrets: usize| {
            followed.looked = Instant::now().checked_sub(LOOK).unwrap();
            followed.read();
            followed.read();
            assert_eq!(keys.len(), secrets);
        };
        step(1);
        let (head, tail) = (&line(2)[..40], &line(2)[40..]);
        append(head);
        step(1);
        append(tail);
        step(2);
        fs::rename(&path, dir.join("keys.log.1")).unwrap();
        append(&line(3));
        step(3);
        fs::write(&path, "").unwrap();
        step(3);
        append(&line(4));
        step(4);
        fs::remove_dir_all(&dir).unwrap();
    }
}
