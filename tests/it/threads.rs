//! What comes out does not depend on how many threads work at it.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::common::cases;
use why502::analysis::{Failure, Options, run};
use why502::diagnosis::Diagnosis;
use why502::observation::Connection;
use why502::report::{Capture, Json, NdJson, Renderer, Summary};
use why502::source::Source;

/// Every capture of the repository: as files, which several threads can read, or as what comes through a pipe.
fn all(piped: bool) -> Vec<(String, Source)> {
    cases().into_iter().map(|case| (case.name, source(&case.path, piped))).collect()
}

fn source(path: &Path, piped: bool) -> Source {
    if piped {
        Source::from_reader(Box::new(File::open(path).unwrap()), "-").unwrap()
    } else {
        Source::open(path).unwrap()
    }
}

#[test]
fn however_many_threads_say_the_same_of_every_capture() {
    for case in cases() {
        let said = |threads, piped| {
            let sources = vec![("capture".to_owned(), source(&case.path, piped))];
            let options = Options { threads, ..case.with_keys() };
            let mut out = Vec::new();
            run(sources, &options, &mut Json::new(&mut out), |_, _| {}).unwrap();
            out
        };
        let one = said(1, false);
        for (threads, piped) in [(2, false), (3, false), (8, false), (3, true)] {
            assert!(one == said(threads, piped), "{} by {threads} threads", case.name);
        }
    }
}

#[test]
fn however_many_threads_say_the_same_of_all_together() {
    let said = |threads, piped| {
        let mut out = Vec::new();
        let options = Options { threads, ..Options::default() };
        run(all(piped), &options, &mut NdJson::new(&mut out, false), |_, _| {}).unwrap();
        out
    };
    let one = said(1, false);
    assert!(one.iter().filter(|&&b| b == b'\n').count() > 500);
    for (threads, piped) in [(2, false), (5, false), (3, true)] {
        assert!(one == said(threads, piped), "by {threads} threads");
    }
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
    for (threads, piped) in [(1, false), (2, false), (3, true)] {
        let options = Options { threads, ..Options::default() };
        let failed = run(all(piped), &options, &mut Full, |_, _| {});
        let told = matches!(&failed, Err(Failure::Output(error)) if error.kind() == io::ErrorKind::StorageFull);
        assert!(told, "{threads}: {:?}", failed.err());
    }
}
