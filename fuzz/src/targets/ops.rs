//! What two sides say, as one input: two bytes before each piece, of which the highest bit is the side, the next tells of
//! bytes that are missing, and the rest is the length.

use why502::base::{FrameRef, Side, Timestamp};

/// A piece of what a side says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op<'a> {
    Data(Side, &'a [u8], FrameRef),
    Gap(Side, u64, FrameRef),
}

const SERVER: u16 = 0x8000;
const GAP: u16 = 0x4000;

/// The pieces of an input.
pub(crate) fn ops(bytes: &[u8]) -> Vec<Op<'_>> {
    let (mut rest, mut found, mut number) = (bytes, Vec::new(), 0);
    while let Some((&[a, b], after)) = rest.split_first_chunk::<2>() {
        number += 1;
        let head = u16::from_be_bytes([a, b]);
        let frame = FrameRef::new(number, number, Timestamp(number as i64 * 1_000_000), 0);
        let side = if head & SERVER == 0 { Side::Client } else { Side::Server };
        let len = usize::from(head & !(SERVER | GAP));
        if head & GAP != 0 {
            found.push(Op::Gap(side, len as u64, frame));
            rest = after;
        } else {
            let (data, next) = after.split_at(len.min(after.len()));
            // A packet without bytes says nothing.
            found.extend((!data.is_empty()).then_some(Op::Data(side, data, frame)));
            rest = next;
        }
    }
    found
}

/// The same, with what is said cut into pieces of one to `most` bytes.
pub(crate) fn cut<'a>(whole: &[Op<'a>], most: usize) -> Vec<Op<'a>> {
    let mut found = Vec::new();
    for op in whole {
        let Op::Data(side, mut data, frame) = *op else {
            found.push(*op);
            continue;
        };
        while !data.is_empty() {
            let (piece, rest) = data.split_at((1 + found.len() * 7 % most).min(data.len()));
            found.push(Op::Data(side, piece, frame));
            data = rest;
        }
    }
    found
}

/// The head of a piece, for who makes inputs.
pub(crate) fn head(side: Side, gap: bool, len: usize) -> [u8; 2] {
    let side = if side == Side::Client { 0 } else { SERVER };
    let len = u16::try_from(len).unwrap_or(u16::MAX).min(GAP - 1);
    (side | if gap { GAP } else { 0 } | len).to_be_bytes()
}

/// The longest piece.
pub(crate) const LONGEST: usize = GAP as usize - 1;
