//! How the end of a body is found (RFC 9112 section 6.3).

use super::fault::FaultKind;
use super::field::{MAX_VALUE, members};
use std::borrow::Cow;

/// The Transfer-Encoding that everybody sends who sends one.
pub(super) const CHUNKED: &str = "chunked";

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Framing {
    /// Not known: the head was not seen to its end, or it contradicts itself.
    #[default]
    Unknown,
    /// There is none.
    NoBody,
    /// After so many bytes.
    Length(u64),
    /// After the chunk of length 0 and the trailers.
    Chunked,
    /// With the connection.
    UntilClose,
    /// What follows is another protocol (101, or a CONNECT that was granted).
    Upgrade,
}

/// What a head says of its body, collected line by line and judged when the head is whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    lengths: Lengths,
    codings: Codings,
}

/// The Content-Length of a message.
#[derive(Debug, Clone, Default)]
enum Lengths {
    #[default]
    Absent,
    /// One, in as few digits as it takes, in the line at this offset.
    One(u64, u64),
    /// Anything else.
    Odd(Box<Values>),
}

/// The Transfer-Encoding of a message.
#[derive(Debug, Clone, Default)]
enum Codings {
    #[default]
    Absent,
    /// `chunked`, in the line at this offset.
    Chunked(u64),
    /// Anything else.
    Odd(Box<Values>),
}

/// The values of all lines of one name, joined by commas, and where the first and the latest line stand.
#[derive(Debug, Clone, Default)]
struct Values {
    joined: Vec<u8>,
    first: u64,
    latest: u64,
}

/// The Transfer-Encoding, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Absent,
    Chunked,
    /// `chunked` is last, and not alone.
    ChunkedLast,
    Identity,
    Other,
}

/// Something wrong in what a head declares, and the offset of the line that says it.
pub(super) type Complaint = (FaultKind, u64);

impl Declared {
    /// A Content-Length line at `offset` of the message.
    pub(crate) fn length(&mut self, value: &[u8], offset: u64) {
        self.lengths = match std::mem::take(&mut self.lengths) {
            Lengths::Absent => match canonical(value) {
                Some(length) => Lengths::One(length, offset),
                None => Lengths::Odd(Box::new(Values::new(value, offset))),
            },
            several => {
                let mut values = several.into_values().unwrap_or_default();
                values.add(value, offset);
                Lengths::Odd(values)
            }
        };
    }

    /// A Transfer-Encoding line at `offset` of the message.
    pub(crate) fn coding(&mut self, value: &[u8], offset: u64) {
        self.codings = match std::mem::take(&mut self.codings) {
            Codings::Absent if value == CHUNKED.as_bytes() => Codings::Chunked(offset),
            Codings::Absent => Codings::Odd(Box::new(Values::new(value, offset))),
            several => {
                let mut values = several.into_values().unwrap_or_default();
                values.add(value, offset);
                Codings::Odd(values)
            }
        };
    }

    /// A folded line that goes on with the latest Content-Length (or, if `coding`, Transfer-Encoding).
    pub(crate) fn fold(&mut self, value: &[u8], coding: bool) {
        if coding {
            if let Some(mut values) = std::mem::take(&mut self.codings).into_values() {
                append(&mut values.joined, b" ", value);
                self.codings = Codings::Odd(values);
            }
        } else if let Some(mut values) = std::mem::take(&mut self.lengths).into_values() {
            append(&mut values.joined, b" ", value);
            self.lengths = Lengths::Odd(values);
        }
    }

    /// The length that is declared, if it is a good one; several that differ: the first.
    pub(super) fn content_length(&self) -> Option<u64> {
        match &self.lengths {
            Lengths::Absent => None,
            Lengths::One(length, _) => Some(*length),
            Lengths::Odd(values) => number(first_member(&values.joined)),
        }
    }

    /// All Content-Length values as they were sent, where they are not just one number.
    pub(super) fn odd_lengths(&self) -> Option<String> {
        let Lengths::Odd(values) = &self.lengths else { return None };
        let joined = &values.joined;
        (number(joined).is_none()).then(|| String::from_utf8_lossy(joined).into_owned())
    }

    /// All Transfer-Encoding values, joined by commas.
    pub(super) fn transfer_encoding(&self) -> Option<Cow<'_, str>> {
        match &self.codings {
            Codings::Absent => None,
            Codings::Chunked(_) => Some(Cow::Borrowed(CHUNKED)),
            Codings::Odd(values) => Some(String::from_utf8_lossy(&values.joined)),
        }
    }

    /// Whether nothing can be wrong with it, as with nearly all.
    #[inline]
    pub(super) fn is_plain(&self, http10: bool) -> bool {
        match self.codings {
            Codings::Absent => matches!(self.lengths, Lengths::Absent | Lengths::One(..)),
            Codings::Chunked(_) => !http10 && matches!(self.lengths, Lengths::Absent),
            Codings::Odd(_) => false,
        }
    }

    /// What is wrong with it.
    pub(super) fn complaints(&self, http10: bool) -> impl Iterator<Item = Complaint> {
        let coding = match self.transfer_coding() {
            Coding::Absent | Coding::Chunked => None,
            _ => Some(FaultKind::TransferEncodingUnsupported),
        };
        let both = self.lengths.latest().is_some() && self.codings.first().is_some();
        let both = both.then_some(FaultKind::LengthAndChunked);
        let old = (http10 && self.codings.first().is_some()).then_some(FaultKind::TransferEncodingInHttp10);
        let codings_at = self.codings.first().unwrap_or_default();
        let both_at = self.lengths.latest().unwrap_or_default().max(codings_at);
        let length = self.length_complaint();
        length
            .into_iter()
            .chain(both.map(|k| (k, both_at)))
            .chain(coding.map(|k| (k, codings_at)))
            .chain(old.map(|k| (k, codings_at)))
    }

    fn length_complaint(&self) -> Option<Complaint> {
        let Lengths::Odd(values) = &self.lengths else { return None };
        let mut numbers = values.joined.split(|&b| b == b',').map(|m| number(m.trim_ascii()));
        let first = numbers.next().flatten();
        let rest: Vec<_> = numbers.collect();
        if first.is_none() || rest.iter().any(Option::is_none) {
            Some((FaultKind::ContentLengthInvalid, values.first))
        } else if rest.iter().any(|n| *n != first) {
            Some((FaultKind::ContentLengthConflict, values.latest))
        } else {
            (!rest.is_empty()).then_some((FaultKind::ContentLengthRepeated, values.latest))
        }
    }

    /// The framing of a body that may be there: of a response if `response`, else of a request.
    ///
    /// Several lengths that differ: the first is followed, as good as any.
    pub(crate) fn framing(&self, response: bool) -> Framing {
        let otherwise = if response { Framing::UntilClose } else { Framing::Unknown };
        match self.transfer_coding() {
            Coding::Chunked | Coding::ChunkedLast => Framing::Chunked,
            Coding::Other => otherwise,
            Coding::Absent | Coding::Identity => match &self.lengths {
                Lengths::Absent if response => Framing::UntilClose,
                Lengths::Absent => Framing::NoBody,
                Lengths::One(length, _) => Framing::Length(*length),
                Lengths::Odd(_) => match self.length_complaint() {
                    Some((FaultKind::ContentLengthInvalid, _)) => otherwise,
                    _ => self.content_length().map_or(otherwise, Framing::Length),
                },
            },
        }
    }

    fn transfer_coding(&self) -> Coding {
        let values = match &self.codings {
            Codings::Absent => return Coding::Absent,
            Codings::Chunked(_) => return Coding::Chunked,
            Codings::Odd(values) => values,
        };
        let chunked = |m: &[u8]| m.eq_ignore_ascii_case(b"chunked");
        let count = members(&values.joined).count();
        match members(&values.joined).last() {
            Some(last) if chunked(last) && count == 1 => Coding::Chunked,
            Some(last) if chunked(last) => Coding::ChunkedLast,
            Some(last) if last.eq_ignore_ascii_case(b"identity") && count == 1 => Coding::Identity,
            _ => Coding::Other,
        }
    }
}

impl Lengths {
    /// The offset of the latest line, if there is one.
    fn latest(&self) -> Option<u64> {
        match self {
            Lengths::Absent => None,
            Lengths::One(_, at) => Some(*at),
            Lengths::Odd(values) => Some(values.latest),
        }
    }

    /// As they were sent; `None` where there is none.
    fn into_values(self) -> Option<Box<Values>> {
        match self {
            Lengths::Absent => None,
            Lengths::One(length, at) => Some(Box::new(Values::new(length.to_string().as_bytes(), at))),
            Lengths::Odd(values) => Some(values),
        }
    }
}

impl Codings {
    /// The offset of the first line, if there is one.
    fn first(&self) -> Option<u64> {
        match self {
            Codings::Absent => None,
            Codings::Chunked(at) => Some(*at),
            Codings::Odd(values) => Some(values.first),
        }
    }

    /// As they were sent; `None` where there is none.
    fn into_values(self) -> Option<Box<Values>> {
        match self {
            Codings::Absent => None,
            Codings::Chunked(at) => Some(Box::new(Values::new(CHUNKED.as_bytes(), at))),
            Codings::Odd(values) => Some(values),
        }
    }
}

impl Values {
    fn new(value: &[u8], offset: u64) -> Self {
        let mut joined = Vec::new();
        append(&mut joined, b"", value);
        Self { joined, first: offset, latest: offset }
    }

    fn add(&mut self, value: &[u8], offset: u64) {
        append(&mut self.joined, b", ", value);
        self.latest = offset;
    }
}

fn append(joined: &mut Vec<u8>, separator: &[u8], value: &[u8]) {
    if joined.len() + value.len() < MAX_VALUE {
        joined.extend_from_slice(separator);
        joined.extend_from_slice(value);
        if let Some(start) = joined.iter().position(|&b| b != b' ').filter(|_| separator == b" ") {
            joined.drain(..start);
        }
    }
}

fn first_member(joined: &[u8]) -> &[u8] {
    joined.split(|&b| b == b',').next().unwrap_or_default().trim_ascii()
}

/// A number that is written as numbers are: what it is tells how it was sent.
fn canonical(digits: &[u8]) -> Option<u64> {
    number(digits).filter(|_| digits.len() == 1 || digits.first() != Some(&b'0'))
}

/// `1*DIGIT` that fits into 64 bits (RFC 9110 section 8.6): no sign, no white space inside.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |n, &b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_codings_as_the_rfc_reads_them() {
        use FaultKind::{
            ContentLengthConflict as Conflict, ContentLengthInvalid as Invalid, ContentLengthRepeated as Repeated,
            LengthAndChunked as Both, TransferEncodingUnsupported as Unsupported,
        };
        use Framing::{Chunked, Length, UntilClose};
        type Row<'a> = (&'a [&'a str], &'a [&'a str], Framing, &'a [FaultKind]);
        let table: &[Row<'_>] = &[
            (&[], &[], UntilClose, &[]),
            (&["0"], &[], Length(0), &[]),
            (&["0012"], &[], Length(12), &[]),
            (&["18446744073709551615"], &[], Length(u64::MAX), &[]),
            (&["18446744073709551616"], &[], UntilClose, &[Invalid]),
            (&["-1"], &[], UntilClose, &[Invalid]),
            (&["+1"], &[], UntilClose, &[Invalid]),
            (&["0x10"], &[], UntilClose, &[Invalid]),
            (&["1 2"], &[], UntilClose, &[Invalid]),
            (&[""], &[], UntilClose, &[Invalid]),
            (&["5,"], &[], UntilClose, &[Invalid]),
            (&["5", "5"], &[], Length(5), &[Repeated]),
            (&["5, 5"], &[], Length(5), &[Repeated]),
            (&["5", "6"], &[], Length(5), &[Conflict]),
            (&["5, 6"], &[], Length(5), &[Conflict]),
            (&["5", "x"], &[], UntilClose, &[Invalid]),
            (&[], &["chunked"], Chunked, &[]),
            (&[], &["CHUNKED"], Chunked, &[]),
            (&[], &["gzip, chunked"], Chunked, &[Unsupported]),
            (&[], &["gzip", "chunked"], Chunked, &[Unsupported]),
            (&[], &["chunked, chunked"], Chunked, &[Unsupported]),
            (&[], &["chunked, gzip"], UntilClose, &[Unsupported]),
            (&[], &["xchunked"], UntilClose, &[Unsupported]),
            (&["5"], &["identity"], Length(5), &[Both, Unsupported]),
            (&["5"], &["chunked"], Chunked, &[Both]),
        ];
        for (lengths, codings, framing, complaints) in table {
            let mut declared = Declared::default();
            lengths.iter().for_each(|v| declared.length(v.as_bytes(), 20));
            codings.iter().for_each(|v| declared.coding(v.as_bytes(), 40));
            assert_eq!(declared.framing(true), *framing, "{lengths:?} {codings:?}");
            assert_eq!(
                declared.complaints(false).map(|c| c.0).collect::<Vec<_>>(),
                *complaints,
                "{lengths:?} {codings:?}"
            );
        }
    }
}
