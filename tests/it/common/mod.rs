//! What the tests over captures share: finding them, reading them, and keeping what the analysis said.

pub mod flight;
pub mod packets;
pub mod tape;
pub mod wrapping;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use why502::analysis::{Options, run};
use why502::base::FrameRef;
use why502::diagnosis::{Confidence, Diagnosis, Inner, Outcome};
use why502::observation::{Connection, Role};
use why502::report::{Capture, Renderer, Summary};
use why502::source::Source;

/// One directory under `captures/`.
pub struct Case {
    /// `tls/no-common-cipher/nginx-tls12`, or `healthy/chunked`.
    pub name: String,
    /// The capture file.
    pub path: PathBuf,
    /// `tls.no-common-cipher`; `None` for a healthy one.
    pub cause: Option<String>,
    /// A key log lies beside it: without decryption the cause cannot be seen.
    pub needs_keys: bool,
    /// What is found there all the same, without the keys.
    pub without_keys: Option<String>,
    /// The root that this capture's edge trusts, where it lies beside it.
    pub trust: Option<PathBuf>,
    /// Further causes that may rightly be found there.
    pub also: BTreeSet<String>,
}

/// The root of the captures.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// Every capture with its `origin.md`, by name.
pub fn cases() -> Vec<Case> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort();
    found.iter().map(|dir| case(dir)).collect()
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        // Beside the generator, captures that show no cause of their own, and have tests of their own.
        let apart = |name: &OsStr| ["make", "incident", "suites"].iter().any(|other| name == *other);
        if path.file_name().is_some_and(apart) || !path.is_dir() {
            continue;
        }
        if capture_in(&path).is_some() {
            found.push(path);
        } else {
            walk(&path, found);
        }
    }
}

fn capture_in(dir: &Path) -> Option<PathBuf> {
    ["capture.pcap", "capture.pcapng"].iter().map(|name| dir.join(name)).find(|p| p.is_file())
}

fn case(dir: &Path) -> Case {
    let name = dir.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let origin = fs::read_to_string(dir.join("origin.md")).unwrap_or_else(|e| panic!("{name}/origin.md: {e}"));
    let also = origin.lines().find_map(|l| l.strip_prefix("Also:")).unwrap_or_else(|| panic!("{name}: no `Also:`"));
    let also = also.split(',').map(|s| s.trim().trim_matches('`').to_owned()).filter(|s| s != "none").collect();
    let cause = match name.split('/').collect::<Vec<_>>()[..] {
        ["healthy", _] => None,
        [area, slug, _] => Some(format!("{area}.{slug}")),
        _ => panic!("{name}: neither healthy/NAME nor AREA/SLUG/VARIANT"),
    };
    let trust = Some(dir.join("ca.pem")).filter(|path| path.is_file());
    let without_keys = origin.lines().find_map(|l| l.strip_prefix("Without keys: ")).map(str::to_owned);
    let needs_keys = dir.join("keys.log").is_file();
    Case { path: capture_in(dir).unwrap(), name, cause, needs_keys, without_keys, trust, also }
}

impl Case {
    /// The options of somebody who trusts what the edge trusts.
    pub fn trusting(&self) -> Options {
        let mut options = Options::default();
        if let Some(path) = &self.trust {
            options.trust.add_pem(&fs::read(path).unwrap()).unwrap();
        }
        options
    }

    /// The same with the key log that lies beside the capture.
    pub fn with_keys(&self) -> Options {
        let options = self.trusting();
        if self.needs_keys {
            let log = fs::File::open(self.path.with_file_name("keys.log")).unwrap();
            assert_eq!(options.keys.read(log).unwrap().problem(), None, "{}", self.name);
        }
        options
    }
}

/// What the analysis said of one connection.
#[derive(Debug, Clone)]
pub struct Told {
    pub id: u64,
    pub outcome: Outcome,
    /// The cause that the verdict names.
    pub cause: Option<&'static str>,
    /// Every cause found, the verdict's first.
    pub findings: Vec<&'static str>,
    pub reason: Option<String>,
    /// How sure the verdict is of its cause.
    pub confidence: Option<Confidence>,
    /// Frames of the evidence, by finding.
    pub evidence: Vec<Vec<u64>>,
    /// The same packets, with the captures that they are in.
    pub cited: Vec<Vec<FrameRef>>,
    /// Connections named as what failed behind this one, with their causes and frames.
    pub inner: Vec<(u64, &'static str, Vec<u64>)>,
    pub role: Role,
    pub frames: (u64, u64),
    /// What the verdict's finding says.
    pub message: String,
    /// What the packets of its evidence show.
    pub notes: Vec<String>,
    /// Limits of the capture, and what each blocks.
    pub limits: Vec<(&'static str, String)>,
    /// Segments that were sent again, or came late, and windows of 0.
    pub troubles: [u32; 3],
}

fn inner(inner: &Inner) -> (u64, &'static str, Vec<u64>) {
    (inner.connection, inner.cause.id(), inner.evidence.iter().map(|e| e.frame.frame).collect())
}

/// Keeps what it is told.
#[derive(Default)]
pub struct Ear {
    pub connections: Vec<Told>,
    pub captures: Vec<Capture>,
}

impl Renderer for Ear {
    fn connection(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        self.connections.push(Told {
            id: c.id,
            outcome: d.verdict.outcome,
            cause: d.verdict.cause.map(|c| c.id()),
            findings: d.findings.iter().map(|(cause, _)| cause.id()).collect(),
            reason: d.verdict.reason.as_deref().map(str::to_owned),
            confidence: d.verdict.confidence,
            inner: d.findings.iter().flat_map(|(_, f)| &f.inner).map(inner).collect(),
            role: c.role,
            evidence: d.findings.iter().map(|(_, f)| f.evidence.iter().map(|e| e.frame.frame).collect()).collect(),
            cited: d.findings.iter().map(|(_, f)| f.evidence.iter().map(|e| e.frame).collect()).collect(),
            frames: (c.first.frame, c.last.frame),
            message: d.findings.first().map(|(_, f)| f.message.to_string()).unwrap_or_default(),
            notes: d.findings.iter().take(1).flat_map(|(_, f)| &f.evidence).map(|e| e.note.to_string()).collect(),
            limits: d.verdict.limits.iter().map(|l| (l.limit, l.blocks.to_string())).collect(),
            troubles: [&c.tcp.odd.retransmissions, &c.tcp.odd.out_of_order, &c.tcp.odd.zero_windows]
                .map(|n| n.client + n.server),
        });
        Ok(())
    }

    fn finish(&mut self, captures: &[Capture], _summary: &Summary) -> io::Result<()> {
        self.captures = captures.to_vec();
        Ok(())
    }
}

/// Analyses a capture from memory; `None` where it is none.
pub fn analyse(bytes: &[u8]) -> Option<(Ear, Summary)> {
    analyse_by(bytes, &Options::default())
}

/// Analyses a capture by what its edge trusts.
pub fn analyse_case(case: &Case) -> Option<(Ear, Summary)> {
    analyse_by(&fs::read(&case.path).unwrap(), &case.trusting())
}

/// The same with other options.
pub fn analyse_by(bytes: &[u8], options: &Options) -> Option<(Ear, Summary)> {
    let source = Source::from_reader(Box::new(Cursor::new(bytes.to_vec())), "memory").ok()?;
    let mut ear = Ear::default();
    let summary = run(vec![("memory".into(), source)], options, &mut ear, |_, _| {}).unwrap();
    Some((ear, summary))
}

/// Analyses several captures from memory as one.
pub fn analyse_all(files: &[Vec<u8>]) -> Ear {
    let open = |file: &Vec<u8>| Source::from_reader(Box::new(Cursor::new(file.clone())), "memory").unwrap();
    let sources = files.iter().map(|file| ("memory".to_owned(), open(file))).collect();
    let mut ear = Ear::default();
    run(sources, &Options::default(), &mut ear, |_, _| {}).unwrap();
    ear
}
