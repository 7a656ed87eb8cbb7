//! Bytes looked at many at a time: every byte of every head passes here.

use super::field::is_token;

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// The first byte that is below `LIMIT`, or is DEL; where it is.
#[inline(always)]
pub(super) fn first_below<const LIMIT: u8>(bytes: &[u8]) -> Option<usize> {
    find(bytes, |b| (b < LIMIT) | (b == 0x7f))
}

/// The first byte that is neither a letter nor a hyphen; where it is. Most names have nothing else.
#[inline(always)]
pub(super) fn first_beyond_letters(bytes: &[u8]) -> Option<usize> {
    find(bytes, |b| ((b | 0x20).wrapping_sub(b'a') > b'z' - b'a') & (b != b'-'))
}

/// How many bytes of a token (RFC 9110 section 5.6.2) `bytes` begin with.
#[inline]
pub(super) fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| is_token(**b)).count()
}

/// Whether `name` is `known`, which is of small letters and hyphens, in whatever case.
#[inline(always)]
pub(super) fn is_same<const N: usize>(name: &[u8; N], known: &[u8; N]) -> bool {
    // What a small letter has and a capital lacks is not asked of the name. A hyphen, which has no case, lacks 0x40.
    let same = |bytes: u64, known: u64| bytes | (known & 0x4040_4040_4040_4040) >> 1 == known;
    let ends = |all: &[u8; N]| Some((u64::from_le_bytes(*all.first_chunk()?), u64::from_le_bytes(*all.last_chunk()?)));
    match ends(name).zip(ends(known)) {
        // The two words meet, or overlap.
        Some(((first, last), of_known)) if N <= 16 => same(first, of_known.0) && same(last, of_known.1),
        _ => name.iter().zip(known).fold(true, |all, (&b, &known)| all & same(b.into(), known.into())),
    }
}

/// The first byte that `is` so; where it is.
#[inline(always)]
fn find(bytes: &[u8], is: impl Fn(u8) -> bool + Copy) -> Option<usize> {
    let mut at = 0;
    for block in bytes.as_chunks::<BLOCK>().0 {
        if let Some(place) = find_in(block, is) {
            return Some(at + place);
        }
        at += BLOCK;
    }
    // What is left, with bytes before it that are known to be none.
    match bytes.last_chunk::<BLOCK>() {
        Some(block) => find_in(block, is).map(|at| bytes.len() - BLOCK + at),
        None => bytes.iter().position(|&b| is(b)),
    }
}

/// The same in a block. Without a way out of either loop it is done for all bytes at once.
#[inline(always)]
fn find_in(block: &[u8; BLOCK], is: impl Fn(u8) -> bool) -> Option<usize> {
    let mut marks = *block;
    marks.iter_mut().for_each(|b| *b = if is(*b) { u8::MAX } else { 0 });
    let any = marks.iter().fold(0, |any, mark| any | mark);
    (any != 0).then(|| (u128::from_le_bytes(marks).trailing_zeros() / u8::BITS) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_wherever_it_is() {
        for len in 0..40 {
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'x'; len];
                    bytes[at] = byte;
                    bytes.extend_from_slice(b"\xff~ ");
                    let control = byte < 0x20 || byte == 0x7f;
                    assert_eq!(first_below::<0x20>(&bytes), control.then_some(at), "{bytes:?}");
                    let blank = if byte == b' ' { at } else { len + 2 };
                    assert_eq!(first_below::<0x21>(&bytes), Some(if control { at } else { blank }), "{bytes:?}");
                    let letter = byte.is_ascii_alphabetic() || byte == b'-';
                    assert_eq!(first_beyond_letters(&bytes), Some(if letter { len } else { at }), "{bytes:?}");
                    assert_eq!(token_len(&bytes), if is_token(byte) { len } else { at }, "{bytes:?}");
                }
            }
        }
        assert_eq!(first_below::<0x20>(b"\r\n\x7f"), Some(0));
        assert_eq!(first_below::<0x20>(b"0123456789abcdef\x7f\x1f"), Some(16));
        assert_eq!((first_below::<0x20>(b"a value"), first_beyond_letters(b"Content-Leng")), (None, None));
        assert_eq!((first_beyond_letters(b"p3p-a1_b: x"), token_len(b"p3p-a1_b: x")), (Some(1), 8));
    }

    #[test]
    fn a_known_name_is_told_from_all_that_differ_in_one_byte() {
        fn check<const N: usize>(known: &[u8; N]) {
            for (at, byte) in (0..N).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                let mut name = known.map(|b| b.to_ascii_uppercase());
                name[at] = byte;
                assert_eq!(is_same(&name, known), name.eq_ignore_ascii_case(known), "{name:?}");
            }
        }
        check(b"via");
        check(b"x-a");
        check(b"location");
        check(b"connection");
        check(b"content-encoding");
        check(b"transfer-encoding");
    }
}
