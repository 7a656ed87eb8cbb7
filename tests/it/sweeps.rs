//! What is told while packets come is what a file says of them: every capture once more, as if an interface brought it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Cursor;

use crate::common::packets::Capture;
use crate::common::{analyse_case, cases};
use why502::analysis::{Engine, Options, Swept};
use why502::base::{Micros, Timestamp};
use why502::causes::CATALOGUE;
use why502::diagnosis::{Confidence, Outcome, diagnose};
use why502::observation::Connection;
use why502::source::Source;

/// Between two sweeps.
const SWEEP: Micros = Micros::from_millis(200);

/// A longer silence is swept over at its beginning only.
const SILENCE: Micros = Micros::from_secs(40);

/// Outcome and cause of a connection.
type Verdict = (Outcome, Option<&'static str>);

/// What was said of each connection at its end, and, of those that had failed before it, then.
#[derive(Default)]
struct Told {
    over: BTreeMap<u64, Verdict>,
    before: Vec<(u64, &'static str)>,
}

impl Told {
    fn take(&mut self, swept: Swept<'_>) -> Result<(), Infallible> {
        match swept {
            Swept::Over(c) => self.over(&c),
            Swept::Open(c) => {
                let verdict = diagnose(c, &CATALOGUE).verdict;
                let sure = verdict.confidence.is_some_and(|confidence| confidence >= Confidence::Likely);
                if verdict.outcome == Outcome::Failed && sure {
                    self.before.push((c.id, verdict.cause.unwrap().id()));
                }
            }
        }
        Ok(())
    }

    fn over(&mut self, c: &Connection) {
        let verdict = diagnose(c, &CATALOGUE).verdict;
        let again = self.over.insert(c.id, (verdict.outcome, verdict.cause.map(|cause| cause.id())));
        assert_eq!(again, None, "connection {} is over twice", c.id);
    }
}

/// Reads a capture by its clock: swept after each packet, and while none comes.
fn watch(mut source: Source, options: &Options) -> Told {
    let mut engine = Engine::new(options);
    let mut told = Told::default();
    let mut before: Option<Timestamp> = None;
    while let Some(packet) = source.next_packet() {
        let mut now = before.unwrap_or(packet.time);
        while now < packet.time && before.is_some_and(|before| now.since(before) < SILENCE) {
            engine.tick(now, |c| told.take(Swept::Over(c))).unwrap();
            engine.sweep(|swept| told.take(swept)).unwrap();
            now = now.plus(SWEEP);
        }
        before = Some(packet.time);
        engine.packet(0, &packet, |c| told.take(Swept::Over(c))).unwrap();
    }
    engine.finish(|c| told.take(Swept::Over(c))).unwrap();
    told
}

#[test]
fn an_interface_says_what_a_file_says() {
    let (mut wrong, mut early) = (Vec::new(), 0);
    for case in cases() {
        let told = watch(Source::open(&case.path).unwrap(), &case.trusting());
        let (file, _) = analyse_case(&case).unwrap();
        // The second step is the same for both; what it changes is left out here.
        let of_file: BTreeMap<u64, Verdict> = file.connections.iter().map(|t| (t.id, (t.outcome, t.cause))).collect();
        if told.over.len() != of_file.len() {
            wrong.push(format!("{}: {} connections, not {}", case.name, told.over.len(), of_file.len()));
        }
        for (id, verdict) in &told.over {
            let turned = Some("tls.sni-forwarded-host");
            if of_file.get(id).is_some_and(|file| file != verdict && file.1 != turned) {
                wrong.push(format!("{}: connection {id} is {verdict:?}, in a file {:?}", case.name, of_file.get(id)));
            }
        }
        early += told.before.len();
        for (id, cause) in &told.before {
            if told.over.get(id).is_none_or(|(outcome, _)| *outcome != Outcome::Failed) {
                wrong.push(format!(
                    "{}: connection {id} had failed ({cause}) and is {:?}",
                    case.name,
                    told.over.get(id)
                ));
            }
        }
    }
    wrong.dedup();
    assert!(early > 100, "only {early} failures were seen before the end of their connections");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn late_packets_belong_to_what_is_over_and_a_new_connection_does_not() {
    const FIN_ACK: u8 = 17;
    let late = Capture::new().healthy().later(2).again(FIN_ACK).later(60).again(FIN_ACK);
    for (capture, over) in [
        (late, vec![(Outcome::Ok, None)]),
        (
            Capture::new().healthy().later(2).refused().later(2).healthy(),
            vec![(Outcome::Ok, None), (Outcome::Failed, Some("tcp.port-closed")), (Outcome::Ok, None)],
        ),
        // Nobody waits for so late a packet: it is the first that is known of its connection.
        (
            Capture::new().healthy().later(130).again(FIN_ACK),
            vec![(Outcome::Ok, None), (Outcome::Inconclusive, Some("capture.one-sided"))],
        ),
    ] {
        let source = Source::from_reader(Box::new(Cursor::new(capture.bytes())), "memory").unwrap();
        let told = watch(source, &Options::default());
        assert_eq!(told.over.into_values().collect::<Vec<_>>(), over);
    }
}

#[test]
fn a_clock_that_is_set_makes_no_silence() {
    const SYN: u8 = 2;
    for step in [-5, 5, 3_600] {
        let bytes = Capture::new().edge(SYN, b"").bytes();
        let mut source = Source::from_reader(Box::new(Cursor::new(bytes)), "memory").unwrap();
        let options = Options::default();
        let mut engine = Engine::new(&options);
        let mut told = Told::default();
        let packet = source.next_packet().unwrap();
        engine.packet(0, &packet, |c| told.take(Swept::Over(c))).unwrap();
        let set = packet.time.plus(Micros::from_secs(step));
        engine.clock_set(set);
        let mut until = |seconds: i64| {
            for tenths in 0..=seconds * 10 {
                engine.tick(set.plus(Micros::from_millis(tenths * 100)), |c| told.take(Swept::Over(c))).unwrap();
                engine.sweep(|swept| told.take(swept)).unwrap();
            }
            told.before.len()
        };
        assert_eq!(until(2), 0, "{step}");
        assert!(until(4) > 0, "{step}");
    }
}
