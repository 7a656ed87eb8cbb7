//! One Zstandard frame (RFC 8878), by the library of those who made the format.
//!
//! It is fed a block header or a block at a time: where one is damaged, all that came before it was given already.

use super::input::Input;
use ::zstd::stream::raw::{DParameter, Decoder, Operation as _};
use std::io;

/// The largest window of a Zstandard frame, in bytes: what the `zstd` command takes unless it is told to take more.
/// A header alone takes no memory but addresses: it is touched as it is filled.
pub const MAX_WINDOW: u64 = 128 * 1024 * 1024;

/// Bytes of a frame's longest header, with its magic number.
const HEADER: usize = 18;

/// Bytes of a block's header. The decoder asks for a block and the header behind it; it is given the block first.
const BLOCK_HEADER: usize = 3;

/// A frame that is being decompressed.
pub(super) struct Zstd {
    decoder: Decoder<'static>,
    /// Bytes that the decoder asks for; none at the frame's end.
    wanted: usize,
    /// It may have more to give of what it was fed.
    full: bool,
}

impl Zstd {
    /// Begins with the frame that was looked at.
    pub(super) fn begin(input: &mut Input) -> io::Result<Zstd> {
        let window = input.look(HEADER).map(window);
        if let Some(window) = window.map_err(|error| input.blame(error))?.filter(|window| *window > MAX_WINDOW) {
            return Err(too_large(window));
        }
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW.ilog2()))?;
        Ok(Zstd { decoder, wanted: 1, full: false })
    }

    /// The next bytes, none at the end of the frame.
    pub(super) fn read(&mut self, input: &mut Input, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let wanted = match self.wanted {
                _ if self.full => 0,
                0 => return Ok(0),
                more if more > BLOCK_HEADER => more - BLOCK_HEADER,
                few => few,
            };
            let bytes = match input.look(wanted) {
                Ok(bytes) if bytes.len() < wanted => Err(io::ErrorKind::UnexpectedEof.into()),
                other => other,
            };
            let done = match bytes.and_then(|bytes| self.decoder.run_on_buffers(bytes, buf)) {
                Ok(done) => done,
                Err(error) => return Err(input.blame(in_words(error))),
            };
            input.consume(done.bytes_read);
            (self.wanted, self.full) = (done.remaining, done.bytes_written == buf.len());
            if done.bytes_written > 0 {
                return Ok(done.bytes_written);
            }
        }
    }
}

/// How large a window the frame that begins with these bytes wants (RFC 8878 section 3.1.1.1); none where that cannot be
/// told.
fn window(header: &[u8]) -> Option<u64> {
    let (descriptor, rest) = header.get(super::MAGIC_LEN..)?.split_first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let base = 1 << (10 + (rest.first()? >> 3));
        return Some(base + base / 8 * u64::from(rest.first()? & 7));
    }
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let (len, plus) = [(1, 0), (2, 256), (4, 0), (8, 0)].get(usize::from(descriptor >> 6))?;
    let size = rest.get(*dictionary..dictionary + len)?;
    Some(size.iter().rev().fold(0, |size, byte| size << 8 | u64::from(*byte)) + plus)
}

/// What the decoder says, as this program says it.
fn in_words(error: io::Error) -> io::Error {
    match error.to_string().as_str() {
        "Restored data doesn't match checksum" => io::Error::other("the checksum does not match"),
        _ => error,
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
