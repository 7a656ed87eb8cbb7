//! One interface.

use std::os::fd::{AsFd as _, BorrowedFd};

use ::pcap::{Active, Capture, Error, Linktype, Precision, Stat};

use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use rustix::net::sockopt::socket_error;

use crate::base::Timestamp;
use crate::source::{Format, Info, LinkType, Packet, ProblemKind};

use super::{HAND_OVER, LiveError, LiveOptions};

/// What happened to an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It went down: what libpcap says. Packets are missing until it is up again.
    Down(String),
    /// A packet has come again.
    Up,
    /// It is no more: what libpcap says.
    Gone(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Gone,
}

/// Errors without a packet between them after which an interface counts as gone: one that goes down gives one error.
const HOPELESS: u32 = 64;

/// An interface being watched.
pub(super) struct Interface {
    name: String,
    capture: Capture<Active>,
    link_type: LinkType,
    /// The packet that is held, if one is: its header, and its bytes.
    held: Option<Held>,
    bytes: Vec<u8>,
    info: Info,
    state: State,
    change: Option<Change>,
    errors: u32,
    drops: Drops,
}

#[derive(Clone, Copy)]
struct Held {
    time: Timestamp,
    original_len: u32,
}

/// What the kernel counted. Its numbers have 32 bits, and days are long.
#[derive(Default)]
struct Drops {
    last: (u32, u32),
    system: u64,
    interface: u64,
}

impl Drops {
    fn take(&mut self, stat: Stat) {
        self.system += u64::from(stat.dropped.wrapping_sub(self.last.0));
        self.interface += u64::from(stat.if_dropped.wrapping_sub(self.last.1));
        self.last = (stat.dropped, stat.if_dropped);
    }

    fn total(&self) -> u64 {
        self.system + self.interface
    }
}

/// What libpcap says, in one line.
fn said(error: Error) -> String {
    match error {
        Error::PcapError(text) => text.lines().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

impl Interface {
    pub(super) fn open(name: &str, options: &LiveOptions) -> Result<Interface, LiveError> {
        let cannot = |error| LiveError::of(name, &said(error));
        let bytes = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let inactive = Capture::from_device(name).map_err(cannot)?;
        let mut capture = inactive
            .promisc(false)
            .snaplen(bytes(options.snap_length))
            .buffer_size(bytes(options.buffer_size))
            .immediate_mode(options.immediate)
            .timeout(HAND_OVER)
            .precision(Precision::Nano)
            .open()
            .and_then(Capture::setnonblock)
            .map_err(cannot)?;
        if let Some(filter) = &options.filter {
            capture.filter(filter, true).map_err(|e| LiveError::Filter(name.to_owned(), said(e)))?;
        }
        let link_type = link_type(capture.get_datalink());
        let mut info = Info::new(Format::Live);
        info.interface(link_type, options.snap_length);
        Ok(Interface {
            name: name.to_owned(),
            capture,
            link_type,
            held: None,
            bytes: Vec::new(),
            info,
            state: State::Up,
            change: None,
            errors: 0,
            drops: Drops::default(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn link_type(&self) -> LinkType {
        self.link_type
    }

    pub(super) const fn info(&self) -> &Info {
        &self.info
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// What to wait for.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        (!self.is_gone()).then(|| self.capture.as_fd())
    }

    /// The time of the next packet, if one has come.
    pub(super) fn due(&mut self) -> Option<Timestamp> {
        if self.held.is_none() && self.state != State::Gone {
            self.fetch();
        }
        self.held.map(|held| held.time)
    }

    /// Asks the system what is wrong: libpcap does not where it need not wait.
    #[cold]
    pub(super) fn ask(&mut self) {
        let Some(fd) = self.fd() else { return };
        let error = match socket_error(fd) {
            Ok(Err(error)) | Err(error) => error,
            Ok(Ok(())) => return,
        };
        // `any` is no interface, and is never gone.
        let gone = self.name != "any" && name_to_index(fd, &self.name) == Err(Errno::NODEV);
        self.trouble(error.to_string(), gone);
    }

    fn fetch(&mut self) {
        let error = match self.capture.next_packet() {
            Ok(packet) => {
                let (seconds, nanoseconds) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
                let time = Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds));
                self.bytes.clear();
                self.bytes.extend_from_slice(packet.data);
                let captured = u32::try_from(packet.data.len()).unwrap_or(u32::MAX);
                self.held = Some(Held { time, original_len: packet.header.len.max(captured) });
                self.errors = 0;
                if self.state == State::Down {
                    (self.state, self.change) = (State::Up, Some(Change::Up));
                }
                return;
            }
            Err(Error::TimeoutExpired) => return,
            Err(error) => said(error),
        };
        let gone = error.contains("disappeared");
        self.trouble(error, gone);
    }

    #[cold]
    fn trouble(&mut self, said: String, gone: bool) {
        self.errors += 1;
        if gone || self.errors > HOPELESS {
            (self.state, self.change) = (State::Gone, Some(Change::Gone(said)));
            self.info.note(ProblemKind::ReadFailed, 1, || {
                "the interface was removed while it was watched; start again when it is there".into()
            });
        } else if self.state == State::Up {
            self.info.note(ProblemKind::ReadFailed, 1, || {
                format!("the interface went down while it was watched ({said}); packets may be missing")
            });
            (self.state, self.change) = (State::Down, Some(Change::Down(said)));
        }
    }

    /// The packet that is held.
    pub(super) fn take(&mut self) -> Option<Packet<'_>> {
        let Held { time, original_len } = self.held.take()?;
        let bytes = self.bytes.as_slice();
        self.info.packets(1, (time, time));
        self.info.bytes += bytes.len() as u64;
        if bytes.len() < original_len as usize {
            self.info.cut_short(bytes.len(), original_len);
        }
        Some(Packet { frame: self.info.frames, time, link_type: self.link_type, bytes, original_len })
    }

    /// What happened since this was last asked.
    pub(super) fn change(&mut self) -> Option<Change> {
        self.change.take()
    }

    /// How many packets were dropped so far.
    pub(super) fn count_drops(&mut self) -> u64 {
        if self.state != State::Gone
            && let Ok(stat) = self.capture.stats()
        {
            self.drops.take(stat);
        }
        let Drops { system, interface, .. } = self.drops;
        let told = match (system, interface) {
            (_, 0) => "by the kernel, whose buffer was full".to_owned(),
            (0, _) => "by the interface".to_owned(),
            _ => format!("{system} by the kernel, whose buffer was full, {interface} by the interface"),
        };
        self.info.dropped(self.drops.total(), &told);
        self.drops.total()
    }

    pub(super) fn finish(mut self) -> (String, Info) {
        if self.info.frames == 0 {
            self.info.note(ProblemKind::NoPackets, 1, || {
                "no packet came; check the interface (`-i any` is all of them), --port and --filter".into()
            });
        }
        (self.name, self.info)
    }
}

/// The number in files of what libpcap numbers for itself.
fn link_type(Linktype(data_link): Linktype) -> LinkType {
    match data_link {
        12 => LinkType::RAW,
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}
