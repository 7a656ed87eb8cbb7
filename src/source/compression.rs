//! Compressed captures: gzip (RFC 1952), Zstandard (RFC 8878) and the LZ4 frame format, known by their first bytes.
//!
//! Each is a sequence of members or frames, one behind the other, and Zstandard and LZ4 frames may have skippable ones
//! between them. What was decompressed in front of a damage is delivered; then the damage is told.

mod ratio;

use super::ahead::Ahead;
use flate2::read::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder as Lz4;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as Zstd};
use std::io::{self, Read};

/// The largest window of a Zstandard frame, in bytes: what the `zstd` command takes unless it is told to take more.
/// Memory grows with what is decompressed; a header alone allocates nothing.
pub const MAX_WINDOW: u64 = 128 * 1024 * 1024;

/// Bytes that tell the formats apart.
pub(super) const MAGIC_LEN: usize = 4;

/// A Zstandard frame (RFC 8878 section 3.1.1).
const ZSTD: u32 = 0xfd2f_b528;

/// An LZ4 frame.
const LZ4: u32 = 0x184d_2204;

/// The first of sixteen magic numbers of a skippable frame (RFC 8878 section 3.1.2), the same in both formats.
const SKIPPABLE: u32 = 0x184d_2a50;

/// How an input is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Lz4,
}

impl Compression {
    /// What begins with these bytes.
    pub(super) fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            &[a, b, c, d] => match u32::from_le_bytes([a, b, c, d]) {
                ZSTD => Some(Self::Zstd),
                LZ4 => Some(Self::Lz4),
                // Either format may follow; both are read alike.
                magic if is_skippable(magic) => Some(Self::Zstd),
                _ => None,
            },
            _ => None,
        }
    }

    /// The name in the report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }

    /// What `read` gives, decompressed, ahead of what is asked for.
    pub(super) fn decompress(self, read: Box<dyn Read + Send>) -> Ahead {
        let (read, taken) = ratio::counted(read);
        let given: Box<dyn Read + Send> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(read)),
            Self::Zstd | Self::Lz4 => Box::new(Frames { input: Some(Input::new(read)), frame: None, failed: None }),
        };
        Ahead::new(Box::new(ratio::bounded(given, taken)))
    }
}

/// What `read` gives, decompressed where it is compressed, and in which format it is.
///
/// # Errors
/// What `read` said.
pub fn decompressed(mut read: Box<dyn Read + Send>) -> io::Result<(Option<&'static str>, Box<dyn Read + Send>)> {
    let mut magic = Vec::with_capacity(MAGIC_LEN);
    read.by_ref().take(MAGIC_LEN as u64).read_to_end(&mut magic)?;
    let compression = Compression::of(&magic);
    let whole: Box<dyn Read + Send> = Box::new(io::Cursor::new(magic).chain(read));
    Ok(match compression {
        Some(compression) => (Some(compression.name()), Box::new(compression.decompress(whole))),
        None => (None, whole),
    })
}

const fn is_skippable(magic: u32) -> bool {
    magic & !0xf == SKIPPABLE
}

/// What is compressed; remembers why it gave no more.
struct Input {
    read: Box<dyn Read + Send>,
    /// Bytes of the magic number that were looked at and not yet taken.
    looked: [u8; MAGIC_LEN],
    /// So many of them are left, at the end.
    left: usize,
    ended: bool,
    failed: Option<io::Error>,
}

impl Input {
    fn new(read: Box<dyn Read + Send>) -> Self {
        Self { read, looked: [0; MAGIC_LEN], left: 0, ended: false, failed: None }
    }

    /// The next frame's magic number, without taking it; `None` at the end of the input.
    fn look(&mut self) -> io::Result<Option<u32>> {
        let mut bytes = [0; MAGIC_LEN];
        if self.read(&mut bytes[..1])? == 0 {
            return Ok(None);
        }
        self.read_exact(&mut bytes[1..])?;
        (self.looked, self.left) = (bytes, MAGIC_LEN);
        Ok(Some(u32::from_le_bytes(bytes)))
    }

    /// Steps over a skippable frame that was looked at.
    fn skip(&mut self) -> io::Result<()> {
        let mut head = [0; 2 * MAGIC_LEN];
        self.read_exact(&mut head)?;
        let len = head.last_chunk().map_or(0, |len| u64::from(u32::from_le_bytes(*len)));
        let skipped = io::copy(&mut self.by_ref().take(len), &mut io::sink())?;
        if skipped < len { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// What `error` of a decoder comes from: the end of the input, its reader, or damage.
    fn blame(&mut self, error: io::Error) -> io::Error {
        match self.failed.take() {
            Some(failed) => failed,
            None if self.ended => io::ErrorKind::UnexpectedEof.into(),
            None => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.left > 0 {
            let looked = self.looked.get(MAGIC_LEN - self.left..).unwrap_or_default();
            let n = looked.len().min(buf.len());
            buf.iter_mut().zip(looked).for_each(|(to, from)| *to = *from);
            self.left -= n;
            return Ok(n);
        }
        loop {
            match self.read.read(buf) {
                Ok(n) => {
                    self.ended |= n == 0 && !buf.is_empty();
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    self.failed = Some(error);
                    return Err(kind.into());
                }
            }
        }
    }
}

/// The frame in hand.
enum Frame {
    Zstd(Box<Zstd>, Input),
    Lz4(Box<Lz4<Input>>),
}

/// One frame after the other, of either format.
struct Frames {
    /// The input between two frames.
    input: Option<Input>,
    frame: Option<Frame>,
    /// Told once everything in front of it was given.
    failed: Option<io::Error>,
}

impl Frames {
    /// Begins the next frame; `false` at the end of the input.
    fn begin(&mut self) -> io::Result<bool> {
        let Some(mut input) = self.input.take() else { return Ok(false) };
        loop {
            match input.look().map_err(|error| input.blame(error))? {
                None => return Ok(false),
                Some(magic) if is_skippable(magic) => input.skip().map_err(|error| input.blame(error))?,
                Some(ZSTD) => {
                    // A fresh one: one that is used again allocates the whole window at once.
                    let mut decoder = Box::new(Zstd::new());
                    decoder.set_max_window_size(MAX_WINDOW);
                    decoder.init(&mut input).map_err(|error| match error {
                        FrameDecoderError::WindowSizeTooBig { requested, .. } => too_large(requested),
                        other => input.blame(io::Error::other(other)),
                    })?;
                    self.frame = Some(Frame::Zstd(decoder, input));
                    return Ok(true);
                }
                Some(LZ4) => {
                    self.frame = Some(Frame::Lz4(Box::new(Lz4::new(input))));
                    return Ok(true);
                }
                Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "no frame follows the last one")),
            }
        }
    }

    /// Ends the frame in hand.
    fn end(&mut self) {
        self.input = self.frame.take().map(|frame| match frame {
            Frame::Zstd(_, input) => input,
            Frame::Lz4(decoder) => decoder.into_inner(),
        });
    }
}

impl Read for Frames {
    /// Gives 0 bytes at the end of the last frame only.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            let given = match &mut self.frame {
                Some(Frame::Zstd(decoder, input)) => zstd(decoder, input, &mut self.failed, buf),
                Some(Frame::Lz4(decoder)) => lz4(decoder, buf),
                None => {
                    if !self.begin()? {
                        return Ok(0);
                    }
                    continue;
                }
            };
            match given {
                Ok(0) => self.end(),
                Ok(n) => return Ok(n),
                Err(error) => {
                    self.frame = None;
                    return Err(error);
                }
            }
        }
    }
}

/// Nothing is wrong with such a frame, but it could be made to take any memory.
#[cold]
fn too_large(window: u64) -> io::Error {
    let what = format!(
        "a Zstandard window of {window} bytes, where {MAX_WINDOW} are taken: `zstd -dc --long=31 FILE | why502 analyze -`"
    );
    io::Error::new(io::ErrorKind::Unsupported, what)
}

/// The next bytes of a Zstandard frame, none at its end. On damage, first what was decompressed in front of it.
fn zstd(decoder: &mut Zstd, input: &mut Input, failed: &mut Option<io::Error>, buf: &mut [u8]) -> io::Result<usize> {
    while decoder.can_collect() == 0 && !decoder.is_finished() && failed.is_none() {
        if let Err(error) = decoder.decode_blocks(&mut *input, BlockDecodingStrategy::UptoBlocks(1)) {
            *failed = Some(input.blame(io::Error::other(error)));
            // The decoder keeps its window until the frame ends: an empty last block and some checksum end it.
            let last_block = [1, 0, 0, 0, 0, 0, 0];
            let _ = decoder.decode_blocks(&mut &last_block[..], BlockDecodingStrategy::UptoBlocks(1));
        }
    }
    let given = decoder.read(buf)?;
    if given > 0 {
        return Ok(given);
    }
    if let Some(error) = failed.take() {
        return Err(error);
    }
    let damaged = decoder.get_checksum_from_data().is_some_and(|told| decoder.get_calculated_checksum() != Some(told));
    if damaged { Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum does not match")) } else { Ok(0) }
}

/// The next bytes of an LZ4 frame, none at its end.
fn lz4(decoder: &mut Lz4<Input>, buf: &mut [u8]) -> io::Result<usize> {
    match decoder.read(buf) {
        // The decoder takes the end of the input for that of the frame.
        Ok(0) if decoder.get_ref().ended => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(n) => Ok(n),
        Err(error) => Err(decoder.get_mut().blame(error)),
    }
}
