//! Ctrl-C while captures are read: the report tells what was found so far. What is of no use before it is whole is left out.

use std::fs::{self, File};
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{process, thread};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};
use why502::source::{OpenError, OpenReason, Positioned, SharedFile, Source};

use super::{ERROR, say};

/// So long a pipe may still be read: who writes to it often ends by the same signal, and has something left to say.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What asks the program to end with what it has.
#[derive(Clone)]
pub(super) struct Stop {
    came: Arc<AtomicBool>,
    /// Readable once one came.
    wake: Arc<PipeReader>,
}

impl Stop {
    /// The first signal asks for the report; a second one ends the program as it is.
    pub(super) fn listen() -> io::Result<Stop> {
        let came = Arc::new(AtomicBool::new(false));
        let (wake, woken) = io::pipe()?;
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, Arc::clone(&came))?;
            flag::register(signal, Arc::clone(&came))?;
            pipe::register(signal, woken.try_clone()?)?;
        }
        Ok(Stop { came, wake: Arc::new(wake) })
    }

    /// Whether one came.
    pub(super) fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    /// A capture that ends with an error once one came.
    pub(super) fn capture(&self, path: &Path) -> Result<Source, OpenError> {
        self.capture_up_to(path, None)
    }

    /// The same, up to this `end`, where it had been opened before.
    fn capture_up_to(&self, path: &Path, end: Option<u64>) -> Result<Source, OpenError> {
        let name = path.to_string_lossy();
        let failed = |error| OpenError { name: name.clone().into_owned(), reason: OpenReason::Io(error) };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Source::from_reader(self.pipe(file), &name);
        }
        let (file, stop) = (Arc::new(SharedFile::new(file, end).map_err(failed)?), self.clone());
        let (path, end) = (path.to_owned(), file.end());
        let again = move || -> Box<dyn Read + Send> {
            let read = Positioned::new(Arc::clone(&file));
            Box::new(Stoppable { read, file: Arc::clone(&file), stop: stop.clone() })
        };
        let stop = self.clone();
        let opener = Arc::new(move || stop.capture_up_to(&path, Some(end)));
        Ok(Source::from_readers(Arc::new(again), &name)?.opened_by(opener))
    }

    /// The same of standard input.
    pub(super) fn standard_input(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(self.pipe(File::from(io::stdin().as_fd().try_clone_to_owned()?)))
    }

    /// What comes through a pipe until it ends or a signal comes.
    pub(super) fn until_stopped(&self, file: File) -> impl Read {
        UntilStopped(Pipe { file, stop: self.clone(), until: None })
    }

    /// What came until now has been heeded: the next signal is another one.
    pub(super) fn heeded(&self) {
        self.came.store(false, Ordering::Relaxed);
        let mut told = [0; 16];
        let wakes = |wake: &PipeReader| poll(&mut [PollFd::new(wake, PollFlags::IN)], Some(&Timespec::default()));
        while wakes(&self.wake).is_ok_and(|ready| ready > 0) && (&*self.wake).read(&mut told).is_ok_and(|n| n > 0) {}
    }

    /// From now on a signal, or one that was not heeded, ends the program: what is written would be of no use, and the draft of
    /// it goes as well.
    pub(super) fn abandon(self, draft: Option<PathBuf>) {
        thread::spawn(move || {
            let mut told = [0; 16];
            if (&*self.wake).read(&mut told).is_ok_and(|n| n > 0) {
                draft.map(fs::remove_file);
                say("a signal ended it: nothing is written");
                process::exit(ERROR.into());
            }
        });
    }

    fn pipe(&self, file: File) -> Box<dyn Read + Send> {
        Box::new(Pipe { file, stop: self.clone(), until: None })
    }
}

fn stopped() -> io::Error {
    io::Error::other("a signal ended it")
}

/// What is there to be read.
struct Stoppable {
    read: Positioned,
    file: Arc<SharedFile>,
    stop: Stop,
}

impl Read for Stoppable {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.stop.came() {
            return self.read.read(buf);
        }
        // Several threads read it: they end at the same packet.
        self.file.end_here();
        match self.read.read(buf)? {
            0 => Err(stopped()),
            n => Ok(n),
        }
    }
}

/// What may give nothing for long.
struct Pipe {
    file: File,
    stop: Stop,
    /// When it is not read any more.
    until: Option<Instant>,
}

impl Pipe {
    /// Waits for bytes, or for a signal; says whether there may be any.
    fn wait(&mut self) -> bool {
        let (file, wake) = (self.file.as_fd(), self.stop.wake.as_fd());
        let both = &mut [PollFd::new(&file, PollFlags::IN), PollFd::new(&wake, PollFlags::IN)];
        if !self.stop.came() {
            // What cannot be waited for is read.
            let _ = poll(both, None);
        }
        if !self.stop.came() {
            return true;
        }
        let left = self.until.get_or_insert(Instant::now() + LAST_WORDS).saturating_duration_since(Instant::now());
        let at_most = Timespec::try_from(left).unwrap_or_default();
        let [file, _] = both;
        !left.is_zero() && poll(std::slice::from_mut(file), Some(&at_most)).is_ok_and(|ready| ready > 0)
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.wait() { self.file.read(buf) } else { Err(stopped()) }
    }
}

/// A pipe that ends as others do once a signal came.
struct UntilStopped(Pipe);

impl Read for UntilStopped {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.wait() { self.0.file.read(buf) } else { Ok(0) }
    }
}
