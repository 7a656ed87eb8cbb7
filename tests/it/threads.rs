//! What comes out does not depend on how many threads work at it.

use std::io;

use crate::common::cases;
use why502::analysis::{Failure, Options, run};
use why502::diagnosis::Diagnosis;
use why502::observation::Connection;
use why502::report::{Capture, Json, NdJson, Renderer, Summary};
use why502::source::Source;

/// Every capture of the repository.
fn all() -> Vec<(String, Source)> {
    cases().into_iter().map(|case| (case.name, Source::open(&case.path).unwrap())).collect()
}

/// The same, read ahead where it is shared out.
fn shared_out(mut sources: Vec<(String, Source)>, threads: usize) -> (Vec<(String, Source)>, Options) {
    if threads > 1 {
        sources.iter_mut().for_each(|(_, source)| source.read_ahead());
    }
    (sources, Options { threads, ..Options::default() })
}

#[test]
fn one_thread_and_three_say_the_same_of_every_capture() {
    for case in cases() {
        let said = |threads| {
            let source = vec![("capture".to_owned(), Source::open(&case.path).unwrap())];
            let (sources, _) = shared_out(source, threads);
            let options = Options { threads, ..case.with_keys() };
            let mut out = Vec::new();
            run(sources, &options, &mut Json::new(&mut out), |_, _| {}).unwrap();
            out
        };
        assert!(said(1) == said(3), "{}", case.name);
    }
}

#[test]
fn one_thread_and_three_say_the_same_of_all_together() {
    let said = |threads| {
        let (sources, options) = shared_out(all(), threads);
        let mut out = Vec::new();
        run(sources, &options, &mut NdJson::new(&mut out, false), |_, _| {}).unwrap();
        out
    };
    let one = said(1);
    assert!(one.iter().filter(|&&b| b == b'\n').count() > 500);
    assert!(one == said(3));
}

/// Fails at the first connection.
struct Full;

impl Renderer for Full {
    fn connection(&mut self, _: &Connection, _: &Diagnosis) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn wants_first_verdicts(&self) -> bool {
        true
    }

    fn finish(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_fails_ends_it_and_is_told() {
    for threads in [1, 3] {
        let (sources, options) = shared_out(all(), threads);
        let failed = run(sources, &options, &mut Full, |_, _| {});
        let told = matches!(&failed, Err(Failure::Output(error)) if error.kind() == io::ErrorKind::StorageFull);
        assert!(told, "{threads}: {:?}", failed.err());
    }
}
