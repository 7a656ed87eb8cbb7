//! Bytes looked at many at a time: every byte of every head passes here.

use super::field::is_token;

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// The lowest bit of each byte of a word.
const ONES: u64 = u64::MAX / 0xff;

/// The highest bit of each.
const HIGH: u64 = ONES << 7;

/// The first byte that is below `LIMIT`, at most 0x80, or is DEL; where it is.
#[inline(always)]
pub(super) fn first_below<const LIMIT: u8>(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for block in bytes.as_chunks::<BLOCK>().0 {
        if any_below::<LIMIT>(block) {
            return Some(at + place_below::<LIMIT>(block));
        }
        at += BLOCK;
    }
    // What is left, with bytes before it that are known to be none.
    match bytes.last_chunk::<BLOCK>() {
        Some(block) if any_below::<LIMIT>(block) => Some(bytes.len() - BLOCK + place_below::<LIMIT>(block)),
        Some(_) => None,
        None => bytes.iter().position(|&b| b < LIMIT || b == 0x7f),
    }
}

/// Without a way out of the loop it is done for all at once.
#[inline]
fn any_below<const LIMIT: u8>(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(false, |any, &b| any | (b < LIMIT || b == 0x7f))
}

/// Where the first is in a block that has one.
#[inline]
fn place_below<const LIMIT: u8>(block: &[u8; BLOCK]) -> usize {
    let [low, high] = halves(*block).map(marks_below::<LIMIT>);
    if low != 0 { first_mark(low) } else { WORD + first_mark(high) }
}

#[inline]
fn halves(block: [u8; BLOCK]) -> [u64; 2] {
    let both = u128::from_le_bytes(block);
    [both as u64, (both >> u64::BITS) as u64]
}

/// Marks the first byte that is below `LIMIT`, or is DEL, in its highest bit; what is behind it may be marked, too.
#[inline]
const fn marks_below<const LIMIT: u8>(word: u64) -> u64 {
    let below = word.wrapping_sub(ONES * LIMIT as u64) & !word;
    let others = word ^ (ONES * 0x7f);
    (below | (others.wrapping_sub(ONES) & !others)) & HIGH
}

#[inline]
const fn first_mark(marks: u64) -> usize {
    marks.trailing_zeros() as usize / WORD
}

/// How many bytes of a token (RFC 9110 section 5.6.2) `bytes` begin with.
#[inline]
pub(super) fn token_len(bytes: &[u8]) -> usize {
    let letters = letters_len(bytes);
    letters + bytes.get(letters..).unwrap_or_default().iter().take_while(|b| is_token(**b)).count()
}

/// How many letters and hyphens, which most tokens have alone, `bytes` begin with; of the last few bytes none is counted.
#[inline]
pub(super) fn letters_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    for word in bytes.as_chunks::<WORD>().0 {
        let others = marks_of_others(u64::from_le_bytes(*word));
        if others != 0 {
            return len + first_mark(others);
        }
        len += WORD;
    }
    len
}

/// Marks each byte that is neither a letter nor a hyphen.
#[inline]
const fn marks_of_others(word: u64) -> u64 {
    const SEVEN: u64 = !HIGH;
    let lower = (word | CASE) & SEVEN;
    let from_a = lower + ONES * (0x80 - b'a' as u64);
    let beyond_z = lower + ONES * (0x7f - b'z' as u64);
    let no_hyphen = ((word & SEVEN) ^ (ONES * b'-' as u64)) + SEVEN;
    (((!from_a | beyond_z) & no_hyphen) | word) & HIGH
}

/// What a capital letter lacks to be a small one.
const CASE: u64 = ONES * 0x20;

/// The first eight bytes of a token, capitals made small; zeros behind a shorter one.
pub(super) const fn first_word(mut token: &[u8]) -> u64 {
    let (mut word, mut shift) = (0, 0);
    while shift < u64::BITS
        && let Some((&byte, rest)) = token.split_first()
    {
        word |= (byte as u64 | 0x20) << shift;
        (token, shift) = (rest, shift + u8::BITS);
    }
    word
}

/// The same of the token that the first `len` of `bytes` are, of which there is at least one.
#[inline(always)]
pub(super) fn first_word_of(bytes: &[u8], len: usize) -> u64 {
    match bytes.first_chunk::<WORD>() {
        Some(word) => (u64::from_le_bytes(*word) | CASE) & (u64::MAX >> (8 * WORD.saturating_sub(len.max(1)))),
        None => first_word(bytes.get(..len).unwrap_or(bytes)),
    }
}

/// Whether `token`, of which `first` is the [first word](first_word), is `known` in whatever case. That has nothing but
/// small letters and hyphens: what else differs in this bit is no token.
#[inline(always)]
pub(super) const fn is_same(token: &[u8], first: u64, known: &'static [u8]) -> bool {
    if token.len() != known.len() || first != first_word(known) {
        return false;
    }
    if known.len() <= WORD {
        return true;
    }
    // Up to so many bytes the two words meet, or overlap.
    if known.len() <= 2 * WORD { last_word(token) == last_word(known) } else { token.eq_ignore_ascii_case(known) }
}

#[inline(always)]
const fn last_word(token: &[u8]) -> u64 {
    match token.last_chunk::<WORD>() {
        Some(word) => u64::from_le_bytes(*word) | CASE,
        None => 0,
    }
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
                    assert_eq!(token_len(&bytes), if is_token(byte) { len } else { at }, "{bytes:?}");
                }
            }
        }
        assert_eq!(first_below::<0x20>(b"\r\n\x7f"), Some(0));
        assert_eq!(first_below::<0x20>(b"0123456789abcdef\x7f\x1f"), Some(16));
        assert_eq!(token_len(b"p3p-a1_b: x"), 8);
    }

    #[test]
    fn a_known_name_is_told_from_all_that_differ_in_one_byte() {
        const KNOWN: [&str; 6] = ["via", "location", "connection", "content-encoding", "transfer-encoding", "x-a"];
        for known in KNOWN {
            for at in 0..known.len() {
                for byte in (0..=u8::MAX).filter(|&b| is_token(b)) {
                    let mut name = known.to_ascii_uppercase().into_bytes();
                    name[at] = byte;
                    let same = name.eq_ignore_ascii_case(known.as_bytes());
                    assert_eq!(is_same(&name, first_word(&name), known.as_bytes()), same, "{name:?}");
                    let line = [&name[..], b": value of it"].concat();
                    assert_eq!(first_word_of(&line, name.len()), first_word(&name));
                    assert_eq!(first_word_of(&name, name.len()), first_word(&name));
                }
            }
        }
        assert!(!is_same(b"server", first_word(b"server"), b"serve"));
    }
}
