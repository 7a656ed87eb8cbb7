//! The page of each cause in a real browser: no error, nothing leaves the page, search and filter work, axe finds no
//! fault. It needs what a build does not:
//!
//! ```sh
//! apt-get install chromium nodejs npm && npm ci --prefix tests/browser
//! cargo test --locked --test it browser:: -- --ignored
//! ```
//! `node tests/browser/pictures.mjs PAGE.html DIRECTORY` makes pictures of a page to be looked at: wide, narrow, dark, and
//! printed.

use crate::common;
use crate::common::packets;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use why502::analysis::{Options, run_with_logs};
use why502::causes::by_id;
use why502::correlate::Log;
use why502::diagnosis::{Confidence, Outcome};
use why502::report::{Html, NameTrouble, Probed, Row, Summary};
use why502::source::Source;

/// A directory that goes when the test is over.
struct Pages(PathBuf);

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Pages {
    /// Puts a page there, and what is expected of it.
    fn add(&self, name: &str, capture: Vec<u8>, logs: Vec<Log>, options: &Options, text: &[&str]) {
        let source = Source::from_reader(Box::new(Cursor::new(capture)), "capture.pcap").unwrap();
        let mut out = Vec::new();
        let mut renderer = Html::new(&mut out);
        let summary =
            run_with_logs(vec![("capture.pcap".into(), source)], logs, options, &mut renderer, |_, _| {}).unwrap();
        drop(renderer);
        fs::write(self.0.join(format!("{name}.html")), out).unwrap();
        fs::write(self.0.join(format!("{name}.json")), expected(&summary, text)).unwrap();
    }
}

fn expected(summary: &Summary, text: &[&str]) -> String {
    let counts = summary.counts;
    let rows = (counts.failed + counts.inconclusive).min(2_000) + counts.ok.min(500);
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let headline = plain(&why502::base::escape(&summary.headline));
    let titles = summary.causes.iter().map(|told| told.cause.title().to_owned());
    let text: Vec<_> = text.iter().map(|t| (*t).to_owned()).chain(titles).chain([headline]).collect();
    json!({ "cause": summary.causes.first().map(|told| told.cause.id()), "text": text, "rows": rows }).to_string()
}

fn many() -> Vec<u8> {
    let mut capture = packets::Capture::new();
    for i in 0..6_000u32 {
        capture = capture.between(([130, 176, (i >> 8) as u8, i as u8], 40_000), ([10, 0, 0, 5], 80));
        capture = if i % 2 == 0 { capture.refused() } else { capture.healthy() };
    }
    capture.bytes()
}

/// A hundred thousand connections, three of ten of them failed by three causes, with names and paths of a usual length.
fn a_hundred_thousand() -> Vec<u8> {
    const ACK: u8 = 16;
    let mut capture = packets::Capture::new();
    for i in 0..100_000u32 {
        let client = ([130, 176, (i >> 8) as u8 % 64, i as u8], 40_000 + (i >> 14) as u16);
        capture = capture.between(client, ([10, 0, 0, 5], 80));
        let request = format!(
            "GET /shop/catalogue/winter/item-{i}/pictures/large.webp?size=1200&v=7 HTTP/1.1\r\nHost: www.shop.example.com\r\n\r\n"
        );
        let request = request.as_bytes();
        capture = match i % 10 {
            0 => capture.refused(),
            1 => capture.open().edge(ACK, request).origin(4, b""),
            2 => capture.open().exchange(request, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno").close(),
            _ => capture.open().exchange(request, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").close(),
        };
    }
    capture.bytes()
}

fn hostile() -> Vec<u8> {
    const ACK: u8 = 16;
    let request =
        b"GET /<script>alert(1)</script>\"'>\xe2\x80\xaegro HTTP/1.1\r\nHost: <img src=x onerror=alert(2)>\r\n\r\n";
    let response = b"HTTP/1.1 200 <svg onload=alert(3)>\r\n<script src=//x.example/> : javascript:alert(4)\r\n\r\n";
    packets::Capture::new().open().edge(ACK, request).origin(ACK, response).origin(4, b"").bytes()
}

/// What a probe found.
fn probed() -> Probed {
    let trouble = NameTrouble {
        cause: by_id("dns.private-address").unwrap(),
        confidence: Confidence::Likely,
        message: "a.example resolves to 10.0.0.5. It is not routed.".to_owned(),
        fix: vec!["`dig +short a.example` shows it.".to_owned()],
    };
    let rows = vec![
        Row { outcome: Some(Outcome::Ok), ..Row::new("policy", "CloudFront-Upstream-TLS-1-2-2025-PQ", "TLS 1.3") },
        Row { outcome: Some(Outcome::Inconclusive), ..Row::new("policy", "CloudFront-Upstream", "no answer") },
        Row { outcome: Some(Outcome::Failed), ..Row::new("Host", "forwarded (AllViewer)", "tls.sni-forwarded-host") },
        Row::new("PROXY protocol", "a header of version 1", "not expected"),
    ];
    let policy = Some("CloudFront-Upstream-TLS-1-2-2025".to_owned());
    Probed { host: "a.example".to_owned(), policy, trouble: Some(trouble), rows, ..Probed::default() }
}

/// A directory for pages that goes with them.
fn pages(name: &str) -> Pages {
    let dir = std::env::temp_dir().join(format!("why502-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    Pages(dir)
}

/// Opens them all; what the browser measured.
fn opened(pages: &Pages) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/check.mjs");
    let done = Command::new("node").arg(script).arg(&pages.0).output().unwrap();
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    assert!(done.status.success(), "{said}");
    said
}

#[test]
#[ignore = "needs chromium, node and `npm ci --prefix tests/browser`"]
fn every_kind_of_page_works_in_a_browser() {
    let pages = pages("pages");
    let mut causes = BTreeSet::new();
    for case in common::cases() {
        let is_new = case.cause.clone().is_some_and(|cause| causes.insert(cause));
        if is_new || case.name == "healthy/chunked" {
            let name = case.name.replace('/', "_");
            pages.add(&name, fs::read(&case.path).unwrap(), Vec::new(), &case.with_keys(), &[]);
        }
    }
    let logs = common::root().join("incident/logs/cloudfront");
    let log = Log::open(Box::new(fs::File::open(logs.join("standard.log.gz")).unwrap()), "log", None).unwrap();
    let incident = fs::read(logs.join("capture.pcap")).unwrap();
    pages.add("incident", incident, vec![log], &Options::default(), &["Never reached this host"]);
    pages.add("many", many(), Vec::new(), &Options::default(), &["Showing 2000 of 3,000"]);
    pages.add("hostile", hostile(), Vec::new(), &Options::default(), &["<script>alert(1)</script>", "\\u{202e}gro"]);
    pages.add("empty", packets::header(), Vec::new(), &Options::default(), &[]);
    let options = Options { probed: Some(Arc::new(probed())), ..Options::default() };
    let text = ["Asked as CloudFront would", "forwarded (AllViewer)", "dns.private-address"];
    pages.add("probe", packets::Capture::new().refused().bytes(), Vec::new(), &options, &text);
    pages.add("probe-of-nothing", packets::header(), Vec::new(), &options, &text);

    opened(&pages);
    assert!(causes.len() > 60, "{}", causes.len());
}

/// The check holds each page to two seconds from the request to the first picture.
#[test]
#[ignore = "needs chromium, node and `npm ci --prefix tests/browser`"]
fn a_hundred_thousand_connections_make_a_small_page_that_opens_at_once() {
    let pages = pages("large");
    let shown = ["Showing 2000 of 30,000 that failed or are inconclusive, and 500 of 70,000 in order, spread"];
    pages.add("large", a_hundred_thousand(), Vec::new(), &Options::default(), &shown);
    let bytes = fs::metadata(pages.0.join("large.html")).unwrap().len();
    assert!(bytes < 2 << 20, "{bytes} bytes");
    writeln!(std::io::stderr(), "{bytes} bytes; {}", opened(&pages)).unwrap();
}
