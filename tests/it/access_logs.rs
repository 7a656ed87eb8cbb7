//! Access logs of a real incident, in each format: every row of an error gets the answer that is true.

use crate::common;
use crate::common::packets::{Capture, End};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::PathBuf;

use serde_json::Value;
use why502::analysis::{Options, run_with_logs};
use why502::correlate::{Columns, Log};
use why502::report::{Json, NdJson, Renderer, Text, TextOptions, WIDTH};
use why502::source::Source;

fn folder() -> PathBuf {
    common::root().join("incident/logs/cloudfront")
}

/// A file of the incident, decompressed.
fn file(name: &str) -> String {
    let bytes = fs::read(folder().join(name)).unwrap();
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        return text;
    }
    String::from_utf8(bytes).unwrap()
}

/// What became of each request: identifier, status, truth.
fn truth() -> Vec<(String, u16, String)> {
    let line = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        (columns[0].to_owned(), columns[1].parse().unwrap(), columns[2].to_owned())
    };
    file("truth.tsv.gz").lines().map(line).collect()
}

fn open(log: impl Into<Vec<u8>>, name: &str, fields: Option<&str>) -> Result<Log, String> {
    let columns = fields.map(|list| Columns::read(list).unwrap());
    Log::open(Box::new(Cursor::new(log.into())), name, columns.as_ref())
}

fn report<R: Renderer>(logs: Vec<Log>, renderer: &mut R) {
    let source = Source::open(&folder().join("capture.pcap")).unwrap();
    run_with_logs(vec![("capture.pcap".into(), source)], logs, &Options::default(), renderer, |_, _| {}).unwrap();
}

fn json(logs: Vec<Log>) -> Value {
    let mut out = Vec::new();
    report(logs, &mut Json::new(&mut out));
    serde_json::from_slice(&out).unwrap()
}

/// The answer to a row in one word, as `truth` has it.
fn answer(row: &Value) -> String {
    match row["answer"].as_str().unwrap() {
        "never-reached" => "never".to_owned(),
        "joined" => {
            let failed = |a: &&Value| a["outcome"] == "failed";
            let attempt = row["attempts"].as_array().unwrap().iter().rev().find(failed);
            attempt.map_or("in order".to_owned(), |a| a["cause"].as_str().unwrap().to_owned())
        }
        other => other.to_owned(),
    }
}

/// Every row of an error against the truth, which is known by the number of the line; `before` lines come before the
/// first row.
fn check(what: &str, document: &Value, before: u64) {
    let truth = truth();
    let rows = document["log_rows"].as_array().unwrap();
    let mut wrong = Vec::new();
    for row in rows {
        let (id, _, truth) = &truth[(row["line"].as_u64().unwrap() - 1 - before) as usize];
        let told = answer(row);
        if told != *truth {
            wrong.push(format!("{} {id}: {told}, and not {truth}", row["target"]));
        }
    }
    let expected = truth.iter().filter(|(_, status, _)| *status >= 500).count();
    assert_eq!(rows.len(), expected, "{what}");
    assert!(wrong.is_empty(), "{what}: {} of {expected} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Replaces every identifier by the sign for none.
fn without_ids(log: &str) -> String {
    let truth = truth();
    let ids: HashSet<&str> = truth.iter().map(|(id, _, _)| id.as_str()).collect();
    let words = log.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | ','));
    let word = |word: &str| {
        let end = word.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | ',')).len();
        let (text, rest) = word.split_at(end);
        format!("{}{rest}", if ids.contains(text) { "-" } else { text })
    };
    words.map(word).collect()
}

/// Changes one column of each row.
fn change(log: &str, separator: char, change: impl Fn(&mut Vec<String>)) -> String {
    let row = |line: &str| {
        let mut columns: Vec<String> = line.split(separator).map(str::to_owned).collect();
        if !line.starts_with('#') {
            change(&mut columns);
        }
        columns.join(&separator.to_string()) + "\n"
    };
    log.lines().map(row).collect()
}

/// The standard log of a clock that is so many seconds ahead.
fn standard_ahead(seconds: i64) -> String {
    change(&file("standard.log.gz"), '\t', |columns| {
        let at: jiff::civil::DateTime = format!("{}T{}", columns[0], columns[1]).parse().unwrap();
        let at = at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        (columns[0], columns[1]) = (at.date().to_string(), at.time().strftime("%H:%M:%S").to_string());
    })
}

/// The same in the form of v2 logs as w3c, with milliseconds, of a clock that is so many milliseconds ahead.
fn w3c(ahead: i64) -> String {
    let fields = "timestamp(ms) x-edge-request-id sc-status cs-method cs-uri-stem cs-uri-query time-taken \
                  x-edge-result-type x-edge-detailed-result-type x-host-header";
    let mut log = format!("#Version: 1.0\n#Fields: {fields}\n");
    for line in file("v2.json.gz").lines() {
        let row: BTreeMap<String, String> = serde_json::from_str(line).unwrap();
        let stamp: i64 = row["timestamp(ms)"].parse().unwrap();
        let of = |name: &str| row.get(name).cloned().unwrap_or_else(|| "-".to_owned());
        let values: Vec<String> = fields.split_whitespace().skip(1).map(of).collect();
        log.push_str(&format!("{}\t{}\n", stamp + ahead, values.join("\t")));
    }
    log
}

/// The clock of a vantage and by what it is known.
fn clock(document: &Value) -> (i64, String) {
    let clock = &document["log_summary"]["clocks"][0];
    (clock["ahead_us"].as_i64().unwrap(), clock["by"].as_str().unwrap().to_owned())
}

fn one(log: &str, fields: Option<&str>) -> Value {
    json(vec![open(log, "log", fields).unwrap()])
}

#[test]
fn the_incident_has_sixty_failures_of_five_kinds_in_two_thousand_requests() {
    let truth = truth();
    let failed: Vec<_> = truth.iter().filter(|(_, status, _)| *status >= 500).map(|(_, _, truth)| truth).collect();
    let kinds: HashSet<_> = failed.iter().filter(|truth| **truth != "never").collect();
    let never = failed.iter().filter(|truth| **truth == "never").count();
    assert_eq!((truth.len(), failed.len(), kinds.len(), never), (2_000, 60, 5, 10));
    assert_eq!(without_ids(&file("standard.log.gz")).matches("\t-\twww.example.com\t").count(), 2_000);
}

#[test]
fn every_row_of_every_format_of_cloudfront_is_answered() {
    let real_time = file("real-time.fields");
    let plain = format!("{}\n{}", real_time.trim().replace(',', "\t"), file("real-time.tsv.gz"));
    for (what, format, log, fields, before) in [
        ("standard", "cloudfront-w3c", file("standard.log.gz"), None, 2),
        ("v2 JSON", "cloudfront-json", file("v2.json.gz"), None, 0),
        ("v2 w3c", "cloudfront-w3c", w3c(0), None, 2),
        ("real-time", "cloudfront-real-time", file("real-time.tsv.gz"), Some(real_time.as_str()), 0),
        ("plain with a header", "cloudfront-real-time", plain, None, 1),
    ] {
        let with = one(&log, fields);
        assert_eq!(with["access_logs"][0]["format"], format, "{what}");
        assert_eq!(with["access_logs"][0]["rows"], truth().len(), "{what}");
        check(what, &with, before);
        let hosts = with["log_rows"].as_array().unwrap().iter().map(|row| row["host"].as_str().unwrap());
        assert!(hosts.into_iter().all(|host| host == "www.example.com"), "{what}: the viewer's Host");
        assert_eq!(clock(&with).1, "id", "{what}");
        let without = one(&without_ids(&log), fields);
        check(&format!("{what} without identifiers"), &without, before);
        let (ahead, by) = clock(&without);
        assert!(by == "time" && ahead.abs() < 1_000_000, "{what}: {ahead} us ahead by {by}");
    }
}

#[test]
fn clocks_that_differ_are_found_out() {
    for seconds in [3, -3, 60] {
        for (what, log, precise) in [("standard", standard_ahead(seconds), false), ("w3c", w3c(seconds * 1_000), true)]
        {
            for (ids, log) in [(true, log.clone()), (false, without_ids(&log))] {
                let what = format!("{what}, {seconds} s ahead, identifiers: {ids}");
                let document = one(&log, None);
                check(&what, &document, 2);
                let off = (clock(&document).0 - seconds * 1_000_000).abs();
                assert!(off < if precise { 50_000 } else { 700_000 }, "{what}: off by {off} us");
            }
        }
    }
}

#[test]
fn what_the_edge_tried_again_is_told_beside_the_errors() {
    for (what, log) in [("by identifier", w3c(0)), ("by time", without_ids(&w3c(0)))] {
        let summary = &one(&log, None)["log_summary"];
        assert_eq!(summary["retried"], 8, "{what}: {summary}");
        assert_eq!(summary["unmentioned"], 0, "{what}: {summary}");
    }
    // A log without the rows of one kind: their failures are in no row.
    let log: String = w3c(0).lines().filter(|l| !l.contains("/api/")).map(|l| format!("{l}\n")).collect();
    let summary = &one(&log, None)["log_summary"];
    assert_eq!((&summary["unmentioned"], &summary["unmentioned_at_most"]), (&12.into(), &false.into()), "{summary}");
}

#[test]
fn attempts_through_several_caches_are_one_request() {
    const ORIGIN: End = ([10, 0, 0, 5], 80);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n").into_bytes();
    let fails = |capture: Capture, from: End, path: &str| {
        let asked = capture.between(from, ORIGIN).open().edge(24, &get(path)).origin(16, b"");
        asked.origin(17, b"").edge(17, b"").origin(16, b"")
    };
    let of = |first, second| fails(fails(Capture::new(), (first, 40_000), "/cart"), (second, 40_001), "/cart").bytes();
    let (edge, shield, stranger) = ([130, 176, 1, 2], [130, 176, 9, 9], [192, 88, 99, 1]);
    for (what, bytes, attempts, unmentioned) in [
        ("one cache", of(edge, edge), 2, 0),
        ("through Origin Shield", of(edge, shield), 2, 0),
        ("somebody else asks for the same", of(edge, stranger), 1, 0),
    ] {
        let run = |logs: Vec<Log>| {
            let source = Source::from_reader(Box::new(Cursor::new(bytes.clone())), "capture").unwrap();
            let mut out = Vec::new();
            let captures = vec![("capture".into(), source)];
            run_with_logs(captures, logs, &Options::default(), &mut Json::new(&mut out), |_, _| {}).unwrap();
            serde_json::from_slice::<Value>(&out).unwrap()
        };
        let end = run(Vec::new())["captures"][0]["last_time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let fields = "#Fields: timestamp(ms) sc-status cs-method cs-uri-stem time-taken x-edge-detailed-result-type";
        let row = format!("{}\t502\tGET\t/cart\t0.500\tOriginReadError", end.as_millisecond());
        let document = run(vec![open(format!("#Version: 1.0\n{fields}\n{row}\n"), "log", None).unwrap()]);
        assert_eq!(document["log_rows"][0]["attempts_total"], attempts, "{what}: {}", document["log_rows"]);
        assert_eq!(document["log_summary"]["unmentioned"], unmentioned, "{what}");
    }
}

#[test]
fn load_balancers_and_web_servers_are_joined_by_time() {
    let document = one(&file("load-balancer.log.gz"), None);
    assert_eq!(document["access_logs"][0]["format"], "alb");
    check("load balancer", &document, 0);
    let never = |target: &str| {
        let row = document["log_rows"].as_array().unwrap().iter().find(|row| row["target"] == target).unwrap();
        row["explanation"].as_str().unwrap().to_owned()
    };
    assert!(never("/filtered/0").contains("10.0.0.6:80"), "{}", never("/filtered/0"));
    assert!(never("/dns/0").contains("no target"), "{}", never("/dns/0"));

    let document = one(&file("nginx.log"), None);
    assert_eq!(document["access_logs"][0]["format"], "combined");
    let rows = document["log_rows"].as_array().unwrap();
    assert_eq!(rows.len(), 12);
    assert!(rows.iter().all(|row| answer(row) == "app.origin-502"), "{rows:?}");
}

#[test]
fn several_logs_are_told_together() {
    let logs = ["standard.log.gz", "nginx.log", "load-balancer.log.gz"];
    let logs = logs.map(|name| open(fs::read(folder().join(name)).unwrap(), name, None).unwrap());
    let document = json(logs.into());
    assert_eq!(document["log_summary"]["errors"], 60 + 12 + 60);
    assert_eq!(document["log_summary"]["clocks"].as_array().unwrap().len(), 3);
    assert_eq!(document["access_logs"][0]["compression"], "gzip");
}

#[test]
fn what_lies_outside_of_the_capture_is_not_said_to_have_never_reached_the_host() {
    // An hour later, which no clock is off by.
    let document = one(&without_ids(&standard_ahead(3_600)), None);
    let summary = &document["log_summary"];
    assert_eq!((&summary["not_covered"], &summary["errors"]), (&60.into(), &60.into()), "{summary}");
    assert_eq!(summary["outside_logs"], 102, "{summary}");
}

#[test]
fn a_log_changes_no_verdict() {
    let without = json(Vec::new());
    let with = one(&file("standard.log.gz"), None);
    for member in ["connections", "summary", "captures"] {
        assert_eq!(without[member], with[member], "{member}");
    }
    assert_eq!((&without["access_logs"], &without["log_summary"]), (&Value::Array(vec![]), &Value::Null));
}

#[test]
fn every_format_of_the_report_tells_of_logs() {
    let mut page = Vec::new();
    report(
        vec![open(file("standard.log.gz"), "standard.log.gz", None).unwrap()],
        &mut Text::new(&mut page, TextOptions::default()),
    );
    let page = String::from_utf8(page).unwrap();
    for line in page.lines() {
        assert!(line.chars().count() <= WIDTH && line == line.trim_end(), "{line}");
    }
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["ACCESS LOGS 60 rows of errors", "10 never reached this host", "agrees with the capture's"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let mut lines = Vec::new();
    report(vec![open(file("standard.log.gz"), "log", None).unwrap()], &mut NdJson::new(&mut lines, false));
    let lines: Vec<Value> =
        String::from_utf8(lines).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let count = |name: &str| lines.iter().filter(|line| line.get(name).is_some()).count();
    assert_eq!((count("access_log"), count("log_row"), count("log_summary")), (1, 60, 1));
}

#[test]
fn reports_with_logs_keep_to_the_schema() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas/report.v1.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    schema.as_object_mut().unwrap().remove("$id");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("file:///report.v1.json", schema).unwrap();
    let judge = compiler.compile("file:///report.v1.json", &mut schemas).unwrap();
    let cut = &fs::read(folder().join("standard.log.gz")).unwrap()[..9_000];
    for log in [
        open(file("standard.log.gz"), "log", None).unwrap(),
        open(cut, "cut", None).unwrap(),
        open(file("load-balancer.log.gz"), "log", None).unwrap(),
    ] {
        let document = json(vec![log]);
        if let Err(e) = schemas.validate(&document, judge) {
            panic!("{e:#}");
        }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_damaged_log_costs_what_is_damaged_and_is_told_in_one_line() {
    let whole = file("standard.log.gz");
    let rows = truth().len() as u64;
    let mut cut = gzip(&whole);
    cut.truncate(cut.len() / 2);
    let mut flipped = gzip(&whole);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    let line = |n: usize, with: &str| {
        let lines = whole.lines().enumerate().map(|(i, l)| if i == n { with } else { l });
        lines.collect::<Vec<_>>().join("\n").into_bytes()
    };
    let mut latin = line(9, "x");
    let at = latin.windows(3).position(|w| w == b"\nx\n").unwrap();
    latin[at + 1] = 0xe9;
    let long = "x".repeat(300_000);
    let unknown = whole.replace("sc-range-end", "sc-mood").into_bytes();
    // What it is, the log, rows that are read at least and at most, lines that are not, and what is said.
    for (what, log, (least, most), unparsed, said) in [
        ("cut gzip", cut, (20, rows - 20), 0, "the gzip file is cut short"),
        ("flipped bits", flipped, (0, rows), 0, "the gzip file is damaged"),
        (
            "a row too short",
            line(9, "2026-11-28\t07:58:08\tFRA56-P3"),
            (rows - 1, rows - 1),
            1,
            "3 columns, where 33 are",
        ),
        ("no time", line(9, &"-\t".repeat(32)), (rows - 1, rows - 1), 1, "its time cannot be read"),
        ("an endless row", line(9, &long), (rows - 1, rows - 1), 1, "longer than any row"),
        ("Latin-1", latin, (rows - 1, rows - 1), 1, "not in UTF-8"),
        ("a field that is not known", unknown, (rows, rows), 0, "does not have: sc-mood"),
        ("Windows lines", whole.replace('\n', "\r\n").into_bytes(), (rows, rows), 0, ""),
        ("a mark of the byte order", format!("\u{feff}{whole}").into_bytes(), (rows, rows), 0, ""),
        ("two files in one", format!("{whole}{whole}").into_bytes(), (2 * rows, 2 * rows), 0, ""),
    ] {
        let document = json(vec![open(log, what, None).unwrap(), open(file("v2.json.gz"), "whole", None).unwrap()]);
        let told = &document["access_logs"][0];
        let read = told["rows"].as_u64().unwrap();
        assert!((least..=most).contains(&read), "{what}: {read} rows of {rows}");
        let text = format!("{}{}", told["problems"], told["first_unparsed"]);
        assert!(text.contains(said), "{what}: {told}");
        if !what.starts_with("flipped") {
            assert_eq!(told["unparsed"], unparsed, "{what}: {told}");
        }
        assert_eq!(document["access_logs"][1]["rows"], rows, "{what}: the other log is lost");
        assert_eq!(document["connections"].as_array().unwrap().len(), 165, "{what}: the capture is lost");
    }
}

#[test]
fn what_is_no_log_is_refused_in_one_line() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("GET /".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let capture = fs::read(folder().join("capture.pcap")).unwrap();
    let rows = file("real-time.tsv.gz");
    for (what, log, fields, said) in [
        ("UTF-16", utf16, None, "is in UTF-16"),
        ("a capture", capture, None, "is a capture"),
        ("Parquet", b"PAR1\x15\x04".to_vec(), None, "Parquet"),
        ("bytes", vec![0, 1, 2, 3], None, "no text"),
        ("prose", b"Dear colleagues,\nthe site is down.\n".to_vec(), None, "no access log that is known"),
        ("no header", rows.clone().into_bytes(), None, "14 columns and no header: name them by --access-log-fields"),
        ("other fields", rows.into_bytes(), Some("timestamp,sc-status"), "14 columns"),
        ("other JSON", b"{\"level\":\"info\",\"msg\":\"x\"}\n".to_vec(), None, "is JSON, but no log of CloudFront's"),
        ("a header without a status", b"#Fields: date time c-ip\n".to_vec(), None, "does not name sc-status"),
        ("gzip, cut at once", gzip("x")[..10].to_vec(), None, "cut short"),
    ] {
        let error = open(log, what, fields).map(|_| ()).unwrap_err();
        assert!(error.contains(said) && !error.contains('\n'), "{what}: {error}");
    }
    for empty in ["", "#Version: 1.0\n"] {
        assert_eq!(one(empty, None)["access_logs"][0]["format"], "empty");
    }
}

#[test]
fn no_byte_of_a_log_stops_the_report() {
    let real_time = file("real-time.fields");
    let logs = [
        (file("standard.log.gz"), None),
        (file("v2.json.gz"), None),
        (file("real-time.tsv.gz"), Some(real_time.as_str())),
        (file("load-balancer.log.gz"), None),
        (file("nginx.log"), None),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..12 {
        for (log, fields) in &logs {
            let mut bytes = log.clone().into_bytes();
            // A header that is damaged costs all rows: what is damaged here are rows.
            let rows = log.lines().filter(|l| l.starts_with('#')).map(|l| l.len() + 1).sum::<usize>();
            for _ in 0..200 {
                let at = rows + random(bytes.len() - rows);
                bytes[at] = [b'9', b'-', b'\t', b'"', b'\n', b' ', 0xff, b'%', b'e'][random(9)];
            }
            if let Ok(log) = open(bytes, "log", *fields) {
                let document = json(vec![log]);
                let told = &document["access_logs"][0];
                assert!(told["rows"].as_u64().unwrap() > 100 && told["unparsed"] != 0, "round {round}: {told}");
            }
        }
    }
}
