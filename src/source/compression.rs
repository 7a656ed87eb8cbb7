//! Compressed captures: gzip (RFC 1952), Zstandard (RFC 8878) and the LZ4 frame format, known by their first bytes.
//!
//! Each is a sequence of members or frames, one behind the other, and Zstandard and LZ4 frames may have skippable ones
//! between them. What was decompressed in front of a damage is delivered; then the damage is told.

mod input;
mod ratio;
mod zstd;

pub use self::zstd::MAX_WINDOW;
use self::zstd::Zstd;
use super::ahead::Ahead;
use flate2::read::MultiGzDecoder;
use input::Input;
use lz4_flex::frame::FrameDecoder as Lz4;
use std::io::{self, Read};

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
            Self::Zstd | Self::Lz4 => Box::new(Frames { input: Some(Input::new(read)), frame: None }),
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

/// The frame in hand.
enum Frame {
    Zstd(Zstd, Input),
    Lz4(Box<Lz4<Input>>),
}

/// One frame after the other, of either format.
struct Frames {
    /// The input between two frames.
    input: Option<Input>,
    frame: Option<Frame>,
}

impl Frames {
    /// Begins the next frame; `false` at the end of the input.
    fn begin(&mut self) -> io::Result<bool> {
        let Some(mut input) = self.input.take() else { return Ok(false) };
        loop {
            match input.magic().map_err(|error| input.blame(error))? {
                None => return Ok(false),
                Some(magic) if is_skippable(magic) => input.skip().map_err(|error| input.blame(error))?,
                Some(ZSTD) => {
                    let decoder = Zstd::begin(&mut input)?;
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
                Some(Frame::Zstd(decoder, input)) => decoder.read(input, buf),
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

/// The next bytes of an LZ4 frame, none at its end.
fn lz4(decoder: &mut Lz4<Input>, buf: &mut [u8]) -> io::Result<usize> {
    match decoder.read(buf) {
        // The decoder takes the end of the input for that of the frame.
        Ok(0) if decoder.get_ref().is_over() => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(n) => Ok(n),
        Err(error) => Err(decoder.get_mut().blame(error)),
    }
}
