//! The plan of one direction: what is written at each of its offsets.

use super::{BLANK, Rules};

/// Bytes noted of what was removed: enough to find it again, if it were still there.
const NOTED: usize = 32;

/// Fewer bytes are found by chance.
const SHORTEST: usize = 8;

/// Something that whoever looks the result over must know.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::share) enum Note {
    /// These bytes must not be found.
    Removed(Box<[u8]>),
    /// These were kept on purpose; what was removed may be a part of them.
    Kept(Box<[u8]>),
}

/// What stands from an offset on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// One byte again and again.
    Fill(u8),
    /// Bytes of the plan's text, from this one on.
    Text(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    at: u64,
    what: What,
}

/// A finished plan.
#[derive(Debug, Default)]
pub(in crate::share) struct Plan {
    runs: Vec<Run>,
    text: Vec<u8>,
    len: u64,
}

/// A plan in the making.
#[derive(Debug, Default)]
pub(super) struct Out {
    plan: Plan,
    /// Bytes that came, written or held back.
    pub(super) taken: u64,
    pub(super) notes: Vec<Note>,
    /// What could not be blanked.
    pub(super) unable: Option<&'static str>,
}

impl Out {
    /// One byte, so many times.
    pub(super) fn fill(&mut self, byte: u8, count: u64) {
        if count == 0 {
            return;
        }
        self.begin(What::Fill(byte));
        self.plan.len += count;
    }

    /// These bytes. Says where in the text they stand, to be [`patch`](Self::patch)ed.
    pub(super) fn text(&mut self, bytes: &[u8]) -> usize {
        let at = self.plan.text.len();
        if !bytes.is_empty() {
            self.begin(What::Text(at));
            self.plan.text.extend_from_slice(bytes);
            self.plan.len += bytes.len() as u64;
        }
        at
    }

    /// Writes another byte in place of one of the text.
    pub(super) fn patch(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.plan.text.get_mut(at) {
            *place = byte;
        }
    }

    fn begin(&mut self, what: What) {
        let goes_on = match (self.plan.runs.last().map(|run| run.what), what) {
            (Some(What::Fill(before)), What::Fill(byte)) => before == byte,
            // The text grows with nothing else.
            (Some(What::Text(_)), What::Text(_)) => true,
            _ => false,
        };
        if !goes_on {
            self.plan.runs.push(Run { at: self.plan.len, what });
        }
    }

    /// These bytes are not written.
    pub(super) fn removed(&mut self, bytes: &[u8]) {
        let part = bytes.get(..NOTED).unwrap_or(bytes);
        // What looks like what is written in its place, and what is found in every capture, is not looked for.
        let distinct = part.iter().collect::<std::collections::BTreeSet<_>>().len();
        if part.len() >= SHORTEST && distinct >= 4 {
            self.notes.push(Note::Removed(part.into()));
        }
    }

    /// These bytes are written on purpose.
    pub(super) fn kept(&mut self, bytes: &[u8]) {
        if bytes.len() >= SHORTEST {
            self.notes.push(Note::Kept(bytes.into()));
        }
    }

    pub(super) fn held(&self) -> usize {
        self.plan.held()
    }

    pub(super) fn finish(mut self, rules: &Rules) -> Plan {
        rules.blank(&mut self.plan.text);
        self.plan.runs.shrink_to_fit();
        self.plan.text.shrink_to_fit();
        self.plan
    }
}

impl Plan {
    /// Memory that it takes, in bytes.
    pub(in crate::share) fn held(&self) -> usize {
        self.text.capacity() + self.runs.capacity() * size_of::<Run>()
    }

    /// All text of it.
    pub(in crate::share) fn words(&self) -> &[u8] {
        &self.text
    }

    /// Adds the bytes from an offset on; what lies outside of the stream is blank.
    pub(in crate::share) fn write(&self, offset: Option<i64>, count: usize, out: &mut Vec<u8>) {
        let end = out.len() + count;
        let before = offset.map_or(count, |at| usize::try_from(-at.min(0)).unwrap_or(count).min(count));
        out.resize(out.len() + before, BLANK);
        let mut at = offset.unwrap_or_default().max(0) as u64;
        let mut i = self.runs.partition_point(|run| run.at <= at).saturating_sub(1);
        while out.len() < end && at < self.len {
            let Some(run) = self.runs.get(i) else { break };
            let until = self.runs.get(i + 1).map_or(self.len, |next| next.at);
            let n = usize::try_from(until - at).unwrap_or(usize::MAX).min(end - out.len());
            match run.what {
                What::Fill(byte) => out.resize(out.len() + n, byte),
                What::Text(start) => {
                    let from = start + (at - run.at) as usize;
                    out.extend_from_slice(self.text.get(from..from + n).unwrap_or_default());
                }
            }
            at += n as u64;
            i += 1;
        }
        out.resize(end, BLANK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_stream_is_what_the_plan_says() {
        let mut out = Out::default();
        out.text(b"GET /");
        out.text(b"a");
        out.fill(b'x', 3);
        out.fill(b'x', 2);
        let at = out.text(b"..");
        out.patch(at, b'!');
        out.fill(b'y', 1);
        let plan = out.finish(&Rules::default());
        let whole = b"xxGET /axxxxx!.yxx";
        for from in -2..=16_i64 {
            for to in from..=16 {
                let mut written = b"#".to_vec();
                plan.write(Some(from), (to - from) as usize, &mut written);
                assert_eq!(written[1..], whole[(from + 2) as usize..(to + 2) as usize], "{from}..{to}");
            }
        }
        let mut written = Vec::new();
        plan.write(None, 3, &mut written);
        assert_eq!(written, b"xxx");
        assert_eq!(plan.runs.len(), 4);
    }
}
