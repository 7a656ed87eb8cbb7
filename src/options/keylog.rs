//! `--keylog`: files of secrets, read once at the start, and followed where the capture goes on.

use std::fs::File;
use std::path::{Path, PathBuf};

use why502::base::escape;
use why502::observation::tls::Keys;

/// All secrets of these files. A damaged line is told and costs itself alone; a file that cannot be read is an error.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Keys, String> {
    let keys = Keys::default();
    for path in paths {
        if let Some(problem) = read_one(&keys, path).map_err(|why| format!("{}: {why}", name(path)))? {
            crate::cli::say(&format!("{}: {problem}", name(path)));
        }
    }
    Ok(keys)
}

fn read_one(keys: &Keys, path: &Path) -> std::io::Result<Option<String>> {
    keys.read(File::open(path)?).map(|read| read.problem())
}

fn name(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}
