//! Strings in the static Huffman code (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical: among codes of one length, in order of their symbols, each is the one before plus one. So the
//! lengths say all, and a code is read bit by bit against the first code of each length.

use super::Defect;

/// Symbols: every byte, and the end of the string, which none may contain.
const SYMBOLS: usize = 257;
const END_OF_STRING: u16 = 256;
const LONGEST: usize = 30;

/// Bits of the code of each symbol.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// The codes of one length.
#[derive(Clone, Copy)]
struct Level {
    /// The first of them.
    first: u32,
    /// How many.
    count: u32,
    /// Where their symbols begin in [`Code::symbols`].
    at: usize,
}

struct Code {
    levels: [Level; LONGEST + 1],
    /// Symbols by length, then by value.
    symbols: [u16; SYMBOLS],
}

static CODE: Code = code();

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time, where a wrong index is a build error")]
const fn code() -> Code {
    let mut code = Code { levels: [Level { first: 0, count: 0, at: 0 }; LONGEST + 1], symbols: [0; SYMBOLS] };
    let (mut next, mut at, mut length) = (0, 0, 1);
    while length <= LONGEST {
        next <<= 1;
        code.levels[length] = Level { first: next, count: 0, at };
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                code.symbols[at] = symbol as u16;
                code.levels[length].count += 1;
                next += 1;
                at += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    code
}

/// Decodes a string; what is left after the last symbol is fewer than eight bits, all ones.
pub(super) fn decode(bytes: &[u8], to: &mut Vec<u8>) -> Result<(), Defect> {
    let (mut code, mut length) = (0_u32, 0_usize);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| u32::from(byte >> i & 1))) {
        code = code << 1 | bit;
        length += 1;
        let Some(level) = CODE.levels.get(length) else { return Err(Defect::Huffman) };
        let Some(nth) = code.checked_sub(level.first).filter(|nth| *nth < level.count) else { continue };
        match CODE.symbols.get(level.at + nth as usize) {
            Some(&symbol) if symbol != END_OF_STRING => to.push(symbol as u8),
            _ => return Err(Defect::Huffman),
        }
        (code, length) = (0, 0);
    }
    let is_padding = length < 8 && code == (1 << length) - 1;
    if is_padding { Ok(()) } else { Err(Defect::Huffman) }
}

/// Symbols that may stand for others, and the bits of their codes, in ascending order.
const STAND_INS: [(u8, u8); 16] = [
    (5, b'o'),
    (6, b'n'),
    (7, b'x'),
    (8, b'X'),
    (10, b'!'),
    (11, b'+'),
    (12, b'#'),
    (13, b'$'),
    (14, b'^'),
    (15, b'<'),
    (19, b'\\'),
    (20, 0x80),
    (21, 0x99),
    (22, 0x81),
    (23, 0x87),
    (24, 0x8e),
];

/// Another string of as many symbols whose code takes as many bytes: with those symbols of `text` that `kept` says, and
/// others in place of the rest. Nothing where there is none.
pub(crate) fn recode(text: &[u8], kept: &[bool]) -> Option<Vec<u8>> {
    let bits = |byte: u8| LENGTHS.get(usize::from(byte)).map_or(0, |bits| usize::from(*bits));
    let total: usize = text.iter().map(|byte| bits(*byte)).sum();
    let open = || text.iter().zip(kept).filter(|(_, kept)| !**kept);
    let (mut left, mut places) = (open().map(|(byte, _)| bits(*byte)).sum::<usize>(), open().count());
    let (mut out, mut pending, mut held) = (Vec::with_capacity(total.div_ceil(8)), 0_u64, 0);
    for (byte, kept) in text.iter().zip(kept) {
        let mut symbol = *byte;
        if !*kept {
            let average = left / places.max(1);
            let (_, stand_in) = STAND_INS.iter().rfind(|(bits, _)| usize::from(*bits) <= average)?;
            symbol = *stand_in;
            left = left.checked_sub(bits(symbol))?;
            places -= 1;
        }
        let (code, length) = code_of(symbol)?;
        pending = pending << length | u64::from(code);
        held += length;
        while held >= 8 {
            held -= 8;
            out.push((pending >> held) as u8);
        }
    }
    if held > 0 {
        out.push((pending << (8 - held) | ((1 << (8 - held)) - 1)) as u8);
    }
    (out.len() == total.div_ceil(8)).then_some(out)
}

/// The code of a symbol, and its bits.
fn code_of(symbol: u8) -> Option<(u32, usize)> {
    let length = usize::from(*LENGTHS.get(usize::from(symbol))?);
    let level = CODE.levels.get(length)?;
    let symbols = CODE.symbols.get(level.at..level.at + level.count as usize)?;
    let nth = symbols.iter().position(|known| *known == u16::from(symbol))?;
    Some((level.first + u32::try_from(nth).ok()?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<Vec<u8>, Defect> {
        let mut text = Vec::new();
        decode(bytes, &mut text).map(|()| text)
    }

    #[test]
    fn the_examples_of_the_standard() {
        for (code, text) in [
            (&b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..], "www.example.com"),
            (b"\xa8\xeb\x10\x64\x9c\xbf", "no-cache"),
            (b"\x64\x02", "302"),
            (b"\xae\xc3\x77\x1a\x4b", "private"),
            (b"", ""),
        ] {
            assert_eq!(decoded(code).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn another_string_of_the_same_length_is_found() {
        for text in
            ["", "a", "www.example.com", "/orders?token=A8Z", "{\"a\":[1,2]}", "~~||", "sid=0123456789abcdefXYZ&;,"]
        {
            for keep in 0..=text.len() {
                let kept: Vec<bool> = (0..text.len()).map(|n| n < keep).collect();
                let all = recode(text.as_bytes(), &vec![true; text.len()]).unwrap();
                assert_eq!(decoded(&all).unwrap(), text.as_bytes());
                let other = recode(text.as_bytes(), &kept).unwrap();
                let (written, len) = (decoded(&other).unwrap(), other.len());
                assert_eq!((written.len(), len), (text.len(), all.len()), "{text} {keep}");
                assert_eq!(written[..keep], text.as_bytes()[..keep]);
            }
        }
    }

    #[test]
    fn padding_is_the_beginning_of_the_end_and_shorter_than_a_byte() {
        // "0" is 00000.
        assert_eq!(decoded(b"\x07").unwrap(), b"0");
        for wrong in [&b"\x00\x1f"[..], b"\x06", b"\xff", b"\x07\xff", b"\xff\xff\xff\xff", b"\xff\xff\xff\xfc"] {
            let wrong_padding = decoded(wrong);
            assert!(wrong_padding.is_err() || wrong == b"\x00\x1f", "{wrong:?}: {wrong_padding:?}");
        }
    }
}
