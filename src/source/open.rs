//! Which format an input has: known by its content, never by its name.

use super::buffer::{Buffer, Short};
use super::compression::{Compression, MAGIC_LEN};
use super::error::{LOOK, Lookalike, OpenError, OpenReason};
use super::fields::ByteOrder;
use super::order::Window;
use super::positioned::{Again, Positioned, SharedFile};
use super::{Format, Info, Opener, Records, Source, pcap, pcapng};
use crate::base::Timestamp;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

impl Source {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`OpenError`] where the file cannot be read or has no complete, known header.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_up_to(path, None)
    }

    /// Opens a file that is read up to this `end`, where it had been opened before.
    fn open_up_to(path: &Path, end: Option<u64>) -> Result<Self, OpenError> {
        let name = path.to_string_lossy();
        let failed = |error| OpenError { name: name.clone().into_owned(), reason: OpenReason::Io(error) };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().is_ok_and(|about| about.is_file()) {
            return Self::from_reader(Box::new(file), &name);
        }
        let file = Arc::new(SharedFile::new(file, end).map_err(failed)?);
        let (path, end) = (path.to_owned(), file.end());
        let again: Again = Arc::new(move || Box::new(Positioned::new(Arc::clone(&file))));
        Ok(Self::from_readers(again, &name)?.opened_by(Arc::new(move || Self::open_up_to(&path, Some(end)))))
    }

    /// The same, which can be closed and opened again.
    #[must_use]
    pub fn opened_by(self, opener: Opener) -> Self {
        Self { opener: Some(opener), ..self }
    }

    /// Reads the header of a capture that can be read more than once; errors speak of `name`.
    ///
    /// # Errors
    /// As [`Source::from_reader`].
    pub fn from_readers(again: Again, name: &str) -> Result<Self, OpenError> {
        let source = Self::from_reader(again(), name)?;
        Ok(Self { again: Some(again), ..source })
    }

    /// Has a long input read by a thread of its own, ahead of what is asked for. What comes out is the same.
    pub fn read_ahead(&mut self) {
        self.ahead = true;
        self.buffer.read_ahead();
    }

    /// Reads the header of a capture that comes from `read`; errors speak of `name`.
    ///
    /// # Errors
    /// [`OpenError`] where the input cannot be read or has no complete, known header.
    pub fn from_reader(read: Box<dyn Read + Send>, name: &str) -> Result<Self, OpenError> {
        Self::read_header(read).map_err(|reason| OpenError { name: name.to_owned(), reason })
    }

    fn read_header(read: Box<dyn Read + Send>) -> Result<Self, OpenReason> {
        let mut buffer = Buffer::new(read);
        let compression = Compression::of(look(&mut buffer, MAGIC_LEN, "")?);
        if let Some(compression) = compression {
            buffer = Buffer::ahead_of(compression.decompress(buffer.into_reader()));
        }
        let name = compression.map(Compression::name);
        let (records, mut info) = recognise(&mut buffer, name.unwrap_or_default())?;
        info.compression = name;
        info.bytes = buffer.position();
        Ok(Self {
            buffer,
            records,
            window: Window::default(),
            info,
            time: Timestamp(0),
            ended: false,
            opener: None,
            again: None,
            asleep: None,
            ahead: false,
        })
    }
}

/// Up to `n` bytes, fewer at the end of the input, which may be `compressed` in some format.
fn look<'b>(buffer: &'b mut Buffer, n: usize, compressed: &'static str) -> Result<&'b [u8], OpenReason> {
    match buffer.fill(n) {
        Ok(_) | Err(Short::Ended(_) | Short::Held) => Ok(buffer.ahead().get(..n).unwrap_or(buffer.ahead())),
        Err(Short::Failed(error)) => Err(match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                OpenReason::Compression(compressed, error)
            }
            _ => OpenReason::Io(error),
        }),
    }
}

fn recognise(buffer: &mut Buffer, compressed: &'static str) -> Result<(Records, Info), OpenReason> {
    let Some(&magic) = look(buffer, 4, compressed)?.first_chunk::<4>() else {
        return Err(if buffer.ahead().is_empty() { OpenReason::Empty } else { OpenReason::Unknown });
    };
    if magic == pcapng::SECTION_HEADER.to_be_bytes() {
        let info = Info::new(Format::PcapNg);
        return open_pcapng(buffer, compressed).map(|reader| (Records::PcapNg(reader), info));
    }
    let variant = [(u32::from_le_bytes(magic), ByteOrder::Little), (u32::from_be_bytes(magic), ByteOrder::Big)]
        .into_iter()
        .find_map(|(magic, order)| pcap::Variant::of(magic).map(|variant| (variant, order)));
    if let Some((variant, order)) = variant {
        let mut info = Info::new(Format::Pcap);
        return open_pcap(buffer, (variant, order), &mut info, compressed).map(|reader| (Records::Pcap(reader), info));
    }
    Err(Lookalike::of(look(buffer, LOOK, compressed)?).map_or(OpenReason::Unknown, OpenReason::Known))
}

fn open_pcap(
    buffer: &mut Buffer,
    (variant, order): (pcap::Variant, ByteOrder),
    info: &mut Info,
    compressed: &'static str,
) -> Result<pcap::Reader, OpenReason> {
    let header = look(buffer, pcap::HEADER_LEN, compressed)?;
    let cut = OpenReason::HeaderCut { needed: pcap::HEADER_LEN, available: header.len() };
    let header = pcap::Header::read(header, order).ok_or(cut)?;
    if header.major != pcap::MAJOR {
        return Err(OpenReason::Version { major: header.major, minor: header.minor });
    }
    info.interface(header.link_type, header.snap_length);
    buffer.consume(pcap::HEADER_LEN);
    Ok(pcap::Reader::new(variant, order, &header))
}

/// Looks at the first section header; the reader then reads it as it does every other.
fn open_pcapng(buffer: &mut Buffer, compressed: &'static str) -> Result<pcapng::Reader, OpenReason> {
    let header = look(buffer, pcapng::SECTION_LEN, compressed)?;
    let cut = |needed: usize, available| OpenReason::HeaderCut { needed, available };
    if header.len() < pcapng::SECTION_LEN {
        return Err(cut(pcapng::SECTION_LEN, header.len()));
    }
    let section = pcapng::Section::read(header).ok_or(OpenReason::DamagedHeader)?;
    if !section.is_known() {
        return Err(OpenReason::Version { major: section.major, minor: section.minor });
    }
    let needed = pcapng::padded(section.total_len).ok_or(OpenReason::DamagedHeader)?;
    let available = look(buffer, needed, compressed)?.len();
    if available < needed { Err(cut(needed, available)) } else { Ok(pcapng::Reader::new(section.order)) }
}
