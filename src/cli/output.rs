//! Where the report goes: standard output, or a file that appears when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use why502::base::escape;

/// Bytes gathered before they are written.
const BUFFER: usize = 64 * 1024;

/// A report being written.
pub(super) struct Output {
    target: Target,
    /// Nobody reads it any more, which is no error where everything is written at the end.
    may_be_cut: bool,
}

enum Target {
    Standard(BufWriter<StdoutLock<'static>>),
    /// Something that is there and is no plain file: a device, a named pipe.
    Special(BufWriter<File>, PathBuf),
    Draft(Draft),
}

/// A file under another name, removed unless it is finished.
struct Draft {
    out: Option<BufWriter<File>>,
    draft: PathBuf,
    path: PathBuf,
}

impl Output {
    /// Opens `path`, or standard output. Where it `may_be_cut`, a reader that goes away is no error.
    pub(super) fn open(path: Option<&Path>, may_be_cut: bool) -> Result<Output, String> {
        let target = match path {
            None => Target::Standard(BufWriter::with_capacity(BUFFER, io::stdout().lock())),
            Some(path) => create(path).map_err(|e| cannot(path, &e))?,
        };
        Ok(Output { target, may_be_cut })
    }

    /// Ends the report: a file gets its name.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.target {
            Target::Standard(_) => Ok(()),
            Target::Special(mut out, path) => out.flush().map_err(|e| cannot(&path, &e)),
            Target::Draft(mut draft) => draft.finish().map_err(|e| cannot(&draft.path, &e)),
        }
    }

    /// Under which name it is written before it has its own.
    pub(super) fn draft(&self) -> Option<&Path> {
        match &self.target {
            Target::Draft(draft) => Some(&draft.draft),
            Target::Standard(_) | Target::Special(..) => None,
        }
    }

    fn out(&mut self) -> &mut dyn Write {
        match &mut self.target {
            Target::Standard(out) => out,
            Target::Special(out, _) => out,
            Target::Draft(draft) => draft,
        }
    }

    fn excuse<T>(&self, done: io::Result<T>, instead: T) -> io::Result<T> {
        match done {
            Err(e) if self.may_be_cut && e.kind() == io::ErrorKind::BrokenPipe => Ok(instead),
            other => other,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.out().write(bytes);
        self.excuse(done, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.out().flush();
        self.excuse(done, ())
    }
}

fn cannot(path: &Path, why: &io::Error) -> String {
    format!("{}: cannot be written: {why}", escape(&path.to_string_lossy()))
}

fn create(path: &Path) -> io::Result<Target> {
    let path = destination(path)?;
    let there = match fs::symlink_metadata(&path) {
        Ok(there) if there.is_dir() => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
        Ok(there) if there.is_file() => Some(there),
        Ok(there) if there.is_symlink() => None,
        Ok(_) => {
            let file = OpenOptions::new().write(true).custom_flags(no_follow()).open(&path)?;
            return Ok(Target::Special(BufWriter::with_capacity(BUFFER, file), path));
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    let Some(name) = path.file_name() else { return Err(io::Error::from(io::ErrorKind::InvalidFilename)) };
    let draft = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&draft)?;
    let draft = Draft { out: Some(BufWriter::with_capacity(BUFFER, file)), draft, path };
    // Who may read a report may read the next one, and nobody else.
    if let (Some(there), Some(out)) = (there, &draft.out) {
        out.get_ref().set_permissions(there.permissions())?;
    }
    Ok(Target::Draft(draft))
}

/// The file that is written: a symbolic link stays one, and the file that it names is replaced. In a directory that others
/// write to, a link may be anybody's, and root would write wherever it points: one of somebody else is not followed.
fn destination(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(link) if !link.is_symlink() => Ok(path.to_owned()),
        Ok(link) if link.uid() != geteuid().as_raw() && link.uid() != 0 => {
            Err(io::Error::other("it is a symbolic link of another user, which is not followed"))
        }
        // One that leads nowhere is replaced itself.
        Ok(_) => Ok(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())),
        Err(_) => Ok(path.to_owned()),
    }
}

/// What is opened is no link, whatever became of it in the meantime.
fn no_follow() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

impl Draft {
    fn finish(&mut self) -> io::Result<()> {
        if let Some(out) = self.out.take() {
            let file = out.into_inner().map_err(io::IntoInnerError::into_error);
            let done = file.and_then(|f| f.sync_all()).and_then(|()| fs::rename(&self.draft, &self.path));
            if done.is_err() {
                let _ = fs::remove_file(&self.draft);
            }
            done?;
        }
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.as_mut().map_or(Ok(0), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            // Nothing more can be done where even that fails.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

/// A report must not replace a capture that it is made of.
pub(super) fn refuse_inputs(output: Option<&Path>, inputs: &[PathBuf]) -> Result<(), String> {
    let Some(output) = output.and_then(|path| fs::canonicalize(path).ok().filter(|p| p.is_file())) else {
        return Ok(());
    };
    match inputs.iter().find(|input| fs::canonicalize(input).is_ok_and(|input| input == output)) {
        None => Ok(()),
        Some(input) => {
            let name = escape(&input.to_string_lossy()).into_owned();
            Err(format!("{name}: is a capture to read and cannot be the output as well"))
        }
    }
}
