//! Ctrl-C while captures are read: the report tells what was found so far.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

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

    /// A file that ends with an error once one came.
    pub(super) fn file(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let file = File::open(path)?;
        let waits = !file.metadata()?.is_file();
        Ok(Box::new(Stoppable { file, waits, stop: self.clone(), until: None }))
    }

    /// The same of standard input.
    pub(super) fn standard_input(&self) -> io::Result<Box<dyn Read + Send>> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Box::new(Stoppable { file, waits: true, stop: self.clone(), until: None }))
    }
}

struct Stoppable {
    file: File,
    /// A pipe may give nothing for long.
    waits: bool,
    stop: Stop,
    /// When a pipe is not read any more.
    until: Option<Instant>,
}

impl Stoppable {
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

impl Read for Stoppable {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let goes_on = if self.waits { self.wait() } else { !self.stop.came() };
        if goes_on { self.file.read(buf) } else { Err(io::Error::other("a signal ended it")) }
    }
}
