//! Live capture: interfaces instead of files, through libpcap.
//!
//! Packets of several interfaces come in the order of their times as far as they have arrived. The kernel gathers them
//! in a ring and hands them over every 20 ms; what the ring has no room for is counted, and told as what a
//! file says that it lacks.
//!
//! Invariant: one packet of each interface is held, and nothing waits for an interface that is quiet or gone.

mod error;
mod filter;
mod interface;

pub use error::LiveError;
pub use filter::expression;
pub use interface::Change;

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Info, LinkType, MAX_PACKET, Packet};
use interface::Interface;

/// The most interfaces watched at once: each has a ring of its own.
pub const MAX_WATCHED: usize = 64;

/// How long the kernel gathers packets before it hands them over, in milliseconds: their times are those at which they
/// came, and a finding may be told within a second.
const HAND_OVER: i32 = 20;

/// How interfaces are opened.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Bytes kept of each packet.
    pub snap_length: u32,
    /// Bytes of each interface's ring in the kernel.
    pub buffer_size: u32,
    /// Hand each packet over at once. The ring then has room for fewer of them.
    pub immediate: bool,
    /// A pcap-filter expression for the kernel; what does not match is never seen.
    pub filter: Option<String>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions { snap_length: MAX_PACKET, buffer_size: 16 << 20, immediate: false, filter: None }
    }
}

/// Interfaces being watched.
pub struct Live {
    interfaces: Vec<Interface>,
}

impl Live {
    /// Opens interfaces, all or none.
    ///
    /// # Errors
    /// [`LiveError`]: the first that cannot be opened, and what to do.
    pub fn open(names: &[String], options: &LiveOptions) -> Result<Live, LiveError> {
        if names.len() > MAX_WATCHED {
            return Err(LiveError::TooMany(names.len()));
        }
        let opened: Result<_, _> = names.iter().map(|name| Interface::open(name, options)).collect();
        Ok(Live { interfaces: opened? })
    }

    /// Waits for a packet, for `other` to be readable, or for this long.
    pub fn wait(&mut self, other: Option<BorrowedFd<'_>>, at_most: Duration) {
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut all: Vec<_> = self.interfaces.iter().filter_map(Interface::fd).map(readable).collect();
        all.extend(other.map(readable));
        let nanoseconds = i64::from(at_most.subsec_nanos());
        let at_most = Timespec { tv_sec: at_most.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: nanoseconds };
        let trouble = match poll(&mut all, Some(&at_most)) {
            Ok(_) => all.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP)),
            // A signal is told by `other`.
            Err(Errno::INTR) => false,
            // Too few resources of the system: it is asked again, and not in a hurry.
            Err(_) => {
                std::thread::sleep(Duration::from_millis(20));
                false
            }
        };
        if trouble {
            self.interfaces.iter_mut().for_each(Interface::ask);
        }
    }

    /// The earliest packet that has come, and the position of its interface; `None` where none waits.
    pub fn next_packet(&mut self) -> Option<(usize, Packet<'_>)> {
        let mut earliest = None;
        for (i, interface) in self.interfaces.iter_mut().enumerate() {
            if let Some(time) = interface.due()
                && earliest.is_none_or(|(first, _)| time < first)
            {
                earliest = Some((time, i));
            }
        }
        let (_, i) = earliest?;
        Some((i, self.interfaces.get_mut(i)?.take()?))
    }

    /// Asks the kernel how many packets it dropped since the beginning; the sum over all interfaces.
    pub fn count_drops(&mut self) -> u64 {
        self.interfaces.iter_mut().map(Interface::count_drops).sum()
    }

    /// What happened to interfaces since this was last asked: their names, and what.
    pub fn changes(&mut self) -> Vec<(String, Change)> {
        let told = self.interfaces.iter_mut().filter_map(|i| Some((i.name().to_owned(), i.change()?)));
        told.collect()
    }

    /// Whether no interface is left that could ever bring a packet.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.interfaces.iter().all(Interface::is_gone)
    }

    /// What is known of each interface's capture so far.
    pub fn infos(&self) -> impl Iterator<Item = &Info> {
        self.interfaces.iter().map(Interface::info)
    }

    /// What the packets of each interface begin with.
    #[must_use]
    pub fn link_types(&self) -> Vec<LinkType> {
        self.interfaces.iter().map(Interface::link_type).collect()
    }

    /// Ends the capture: each interface's name, and what is known of its capture.
    #[must_use]
    pub fn finish(mut self) -> Vec<(String, Info)> {
        self.count_drops();
        self.interfaces.into_iter().map(Interface::finish).collect()
    }
}
