//! Tables say what the JSON report says, and a fleet what its captures say together.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value, json};
use why502::analysis::{Options, run};
use why502::base::Timestamp;
use why502::report::Json;
use why502::report::tables::{Table, Tables, TablesOptions};
use why502::source::Source;

use crate::common::packets::Capture;
use crate::common::{cases, root, tape};

/// A directory of its own, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("why502-tables-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn why502(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_why502")).args(args).current_dir(&self.0).output().unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).into_iter().flatten().map(|e| e.unwrap().path()) {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
    found.sort();
}

/// The rows of a table, as JSON.
fn rows(dir: &Path, table: Table) -> Vec<Value> {
    let mut parts = Vec::new();
    files(&dir.join(table.name()), &mut parts);
    assert!(!parts.is_empty(), "{table:?}");
    let mut rows = Vec::new();
    for part in parts {
        let reader = SerializedFileReader::new(File::open(&part).unwrap()).unwrap();
        rows.extend(reader.get_row_iter(None).unwrap().map(|row| group(&row.unwrap())));
    }
    rows
}

/// A group with its times as the report writes them.
fn group(row: &Row) -> Value {
    let mut object = Map::new();
    for (name, field) in row.get_column_iter() {
        let value = match (field, name.strip_suffix("_ns")) {
            (Field::Long(ns), Some(time)) => {
                // Both fields are of the same time.
                let micros = object.insert(time.to_owned(), json!(Timestamp(*ns).to_string()));
                assert_eq!(micros, Some(json!(ns.div_euclid(1_000))), "{name}");
                continue;
            }
            (Field::Null, Some(_)) => continue,
            _ => value(field),
        };
        object.insert(name.clone(), value);
    }
    Value::Object(object)
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(b) => json!(b),
        Field::Int(n) => json!(n),
        Field::Long(n) | Field::TimestampMicros(n) => json!(n),
        Field::Double(n) => json!(n),
        Field::Str(text) => json!(text),
        Field::Group(row) => group(row),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("{other:?}"),
    }
}

/// The same value with paths where the report has numbers of captures.
fn with_paths(value: Value, paths: &[String]) -> Value {
    match value {
        Value::Object(object) => {
            let named = object.into_iter().map(|(name, value)| match (name.as_str(), value.as_u64()) {
                ("capture" | "wireshark_capture", Some(at)) => (format!("{name}_path"), json!(paths[at as usize])),
                _ => (name, with_paths(value, paths)),
            });
            Value::Object(named.collect())
        }
        Value::Array(all) => all.into_iter().map(|value| with_paths(value, paths)).collect(),
        other => other,
    }
}

fn without(mut value: Value, names: &[&str]) -> Value {
    names.iter().for_each(|name| drop(value.as_object_mut().unwrap().remove(*name)));
    value
}

/// The report of captures, and their tables in a directory.
fn both(captures: &[(String, Vec<u8>)], options: &Options, dir: &Path) -> Value {
    let open = |(name, bytes): &(String, Vec<u8>)| {
        (name.clone(), Source::from_reader(Box::new(Cursor::new(bytes.clone())), name).unwrap())
    };
    let mut report = Vec::new();
    run(captures.iter().map(open).collect(), options, &mut Json::new(&mut report), |_, _| {}).unwrap();
    let mut tables = Tables::new(TablesOptions {
        dir: dir.to_owned(),
        unit: "u".to_owned(),
        host: Some("web".to_owned()),
        paths: captures.iter().map(|(name, _)| name.clone()).collect(),
        ..TablesOptions::default()
    });
    run(captures.iter().map(open).collect(), options, &mut tables, |_, _| {}).unwrap();
    serde_json::from_slice(&report).unwrap()
}

#[test]
fn every_row_of_every_capture_says_what_the_report_says() {
    const HEAD: [&str; 2] = ["unit", "capture_host"];
    const OF: [&str; 6] = ["unit", "capture_host", "connection", "community_id", "role", "outcome"];
    let (mut exchanges, mut findings) = (0, 0);
    for case in cases() {
        let dir = Dir::new("all");
        let captures = vec![("capture.pcap".to_owned(), fs::read(&case.path).unwrap())];
        let report = with_paths(both(&captures, &case.with_keys(), &dir.0), &["capture.pcap".to_owned()]);
        let told: Vec<Value> = rows(&dir.0, Table::Connections);
        let connections = report["connections"].as_array().unwrap();
        let expected: Vec<_> = connections.iter().map(|c| without(c.clone(), &["http", "findings"])).collect();
        assert_eq!(told.iter().map(|row| without(row.clone(), &HEAD)).collect::<Vec<_>>(), expected, "{}", case.name);
        for row in &told {
            assert_eq!((&row["unit"], &row["capture_host"]), (&json!("u"), &json!("web")));
        }
        for (table, member) in [(Table::Exchanges, "http"), (Table::Findings, "findings")] {
            let own = [&OF[..], &["connection_time"]].concat();
            let numbers =
                |row: Value| if table == Table::Findings { without(row, &["number", "is_verdict"]) } else { row };
            let told = rows(&dir.0, table);
            let rows: Vec<_> = told.iter().map(|row| numbers(without(row.clone(), &own))).collect();
            let expected: Vec<_> = connections.iter().flat_map(|c| c[member].as_array().unwrap().clone()).collect();
            assert_eq!(rows, expected, "{}", case.name);
            for row in &told {
                let of = connections.iter().find(|c| c["id"] == row["connection"]).unwrap();
                assert_eq!((&row["community_id"], &row["role"]), (&of["community_id"], &of["role"]), "{}", case.name);
                assert_eq!(row["connection_time"], of["first_time"], "{}", case.name);
                if row["is_verdict"] == json!(true) {
                    assert_eq!((&row["cause"], &row["number"]), (&of["verdict"]["cause"], &json!(0)), "{}", case.name);
                }
            }
            let count = if table == Table::Findings { &mut findings } else { &mut exchanges };
            *count += told.len();
        }
        let told = rows(&dir.0, Table::Captures);
        assert_eq!(
            told.into_iter().map(|row| without(row, &HEAD)).collect::<Value>(),
            report["captures"],
            "{}",
            case.name
        );
    }
    assert!(exchanges > 300 && findings > 300, "{exchanges} {findings}");
}

#[test]
fn the_published_schema_is_that_of_the_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/tables.v1.txt");
    let all = Table::ALL.into_iter().chain([Table::Units]);
    let text: String = all.map(|table| format!("{}\n\n", table.message())).collect();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, text.trim_end().to_owned() + "\n").unwrap();
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(published.trim_end(), text.trim_end(), "UPDATE_SNAPSHOTS=1 writes it");
    for table in Table::ALL.into_iter().chain([Table::Units]) {
        let parsed = parquet::schema::parser::parse_message_type(&table.message()).unwrap();
        assert_eq!(parsed.name(), table.name());
    }
}

/// Captures of one host, one after the other: whole connections, and what follows each after some time.
fn one_host() -> Vec<u8> {
    let names = [
        "healthy/keep-alive-edge-closes",
        "http/closed-before-response/nginx-444",
        "healthy/chunked",
        "tcp/port-closed/nothing-listens",
        "healthy/head",
        "tls/certificate-expired/nginx-tls12-rst",
    ];
    let mut packets = Vec::new();
    for name in names {
        let Some(case) = cases().into_iter().find(|case| case.name == name) else { continue };
        packets.extend(tape::read(&fs::read(&case.path).unwrap()));
    }
    assert!(packets.len() > 40, "{}", packets.len());
    packets.sort_by_key(|packet| packet.micros);
    tape::write(&packets)
}

/// What is told of a connection, whatever capture its packets are in.
fn told(dir: &Path) -> BTreeMap<(String, String), (String, Value, u64)> {
    let own = rows(dir, Table::Connections).into_iter().map(|row| {
        let key = (row["community_id"].as_str().unwrap().to_owned(), row["first_time"].as_str().unwrap().to_owned());
        let packets = row["packets"]["to_server"].as_u64().unwrap() + row["packets"]["to_client"].as_u64().unwrap();
        (key, (row["tcp"]["history"].to_string(), row["verdict"].clone(), packets))
    });
    let mut all = BTreeMap::new();
    for (key, value) in own {
        assert_eq!(all.insert(key.clone(), value), None, "{key:?} is told twice");
    }
    all
}

/// One capture cut into pieces, each a capture.
fn pieces(capture: &[u8], each: usize) -> Vec<Vec<u8>> {
    tape::read(capture).chunks(each).map(tape::write).collect()
}

#[test]
fn a_fleet_tells_each_connection_once_wherever_its_captures_are_cut() {
    let whole = one_host();
    let dir = Dir::new("fleet");
    dir.put("whole/web-1/all.pcap", &whole);
    let ran = dir.why502(&["fleet", "whole", "-o", "one"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let expected = told(&dir.0.join("one"));
    assert!(expected.len() >= 5, "{expected:?}");
    for each in [7, 16, 31] {
        for (i, piece) in pieces(&whole, each).iter().enumerate() {
            dir.put(&format!("cut/web-1/{i:03}.pcap"), piece);
        }
        // As small as a unit can be: one capture, with those around it that the overlap reaches.
        let ran = dir.why502(&["fleet", "cut", "-o", "many", "--unit-size", "20KiB", "--overlap", "1h"]);
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        assert_eq!(told(&dir.0.join("many")), expected, "{each} packets in each");
        fs::remove_dir_all(dir.0.join("cut")).unwrap();
        fs::remove_dir_all(dir.0.join("many")).unwrap();
    }
}

#[test]
fn a_fleet_survives_damage_and_does_nothing_twice() {
    let whole = one_host();
    let dir = Dir::new("again");
    dir.put("in/web-1/a.pcap", &whole);
    dir.put("in/web-2/b.pcap", &fs::read(root().join("healthy/chunked/capture.pcap")).unwrap());
    dir.put("in/web-3/broken.pcap", b"no capture at all");
    dir.put("in/web-3/notes.txt", b"not even called one");
    let ran = dir.why502(&["fleet", "in", "-o", "out"]);
    let (out, err) =
        (String::from_utf8_lossy(&ran.stdout).into_owned(), String::from_utf8_lossy(&ran.stderr).into_owned());
    assert_eq!(ran.status.code(), Some(2), "{out}{err}");
    assert!(err.contains("broken.pcap") && err.contains("web-3") && !err.contains("notes.txt"), "{err}");
    assert!(out.contains("HOSTS") && out.contains("web-1") && out.contains("not analysed"), "{out}");
    let units = rows(&dir.0.join("out"), Table::Units);
    let status: BTreeMap<_, _> =
        units.iter().map(|u| (u["capture_host"].as_str().unwrap(), u["status"].as_str().unwrap())).collect();
    assert_eq!(status, BTreeMap::from([("web-1", "done"), ("web-2", "done"), ("web-3", "failed")]), "{units:?}");

    let mut before = Vec::new();
    files(&dir.0.join("out/connections"), &mut before);
    let times =
        |paths: &[PathBuf]| paths.iter().map(|p| fs::metadata(p).unwrap().modified().unwrap()).collect::<Vec<_>>();
    let written = times(&before);
    let ran = dir.why502(&["fleet", "in", "-o", "out"]);
    assert!(String::from_utf8_lossy(&ran.stderr).contains("2 of 3 units were read before"), "{ran:?}");
    let mut after = Vec::new();
    files(&dir.0.join("out/connections"), &mut after);
    assert_eq!((&after, times(&after)), (&before, written));

    // A capture that has grown is another unit, and the rows of what it was go.
    let connections = rows(&dir.0.join("out"), Table::Connections).len();
    let grown = fs::read(root().join("healthy/keep-alive-edge-closes/capture.pcap")).unwrap();
    dir.put("in/web-2/b.pcap", &grown);
    dir.put("in/web-3/broken.pcap", &grown);
    let ran = dir.why502(&["fleet", "in", "-o", "out"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert_eq!(
        rows(&dir.0.join("out"), Table::Connections).len(),
        connections + 1,
        "one host more, and one in place of another"
    );
    assert_eq!(rows(&dir.0.join("out"), Table::Units).len(), 3);
}

#[test]
fn a_fleet_is_the_same_however_it_is_spelt_and_linked() {
    let dir = Dir::new("links");
    dir.put("in/web-1/a.pcap", &one_host());
    dir.put("elsewhere/b.pcap", &fs::read(root().join("healthy/chunked/capture.pcap")).unwrap());
    for (to, link) in [("a.pcap", "web-1/current.pcap"), ("web-1", "latest"), (".", "self"), ("../elsewhere", "web-2")]
    {
        std::os::unix::fs::symlink(to, dir.0.join("in").join(link)).unwrap();
    }
    let whole = dir.0.join("in").to_string_lossy().into_owned();
    for spelt in ["in", "./in/", "in/web-1/..", &whole] {
        let ran = dir.why502(&["fleet", spelt, "-o", "out"]);
        assert_eq!(ran.status.code(), Some(1), "{spelt}: {ran:?}");
        let units = rows(&dir.0.join("out"), Table::Units);
        let hosts: Vec<_> = units.iter().map(|u| (u["capture_host"].clone(), u["files"].clone())).collect();
        let expected = [("web-1", "web-1/a.pcap"), ("web-2", "web-2/b.pcap")];
        let expected = expected.map(|(host, path)| (json!(host), json!([format!("{whole}/{path}")])));
        assert!(hosts.len() == 2 && expected.iter().all(|unit| hosts.contains(unit)), "{spelt}: {hosts:?}");
    }
}

#[test]
fn what_a_fleet_is_looked_at_by_belongs_to_what_was_read() {
    let dir = Dir::new("looks");
    dir.put("in/web-1/a.pcap", &one_host());
    let count = |more: &[&str]| {
        let ran = dir.why502(&[&["fleet", "in", "-o", "out"], more].concat());
        let (mut parts, out) = (Vec::new(), String::from_utf8(ran.stdout).unwrap());
        files(&dir.0.join("out/units"), &mut parts);
        assert_eq!(parts.len(), 1, "{more:?}: {out}");
        (rows(&dir.0.join("out"), Table::Connections).len(), out)
    };
    let (all, _) = count(&[]);
    assert!(all > 1);
    assert_eq!(count(&["--port", "9999"]).0, 0);
    fs::write(dir.0.join("keys"), "").unwrap();
    assert_eq!(count(&["--keylog", "keys"]).0, all);
    assert_eq!(count(&[]).0, all);
}

#[test]
fn a_fleet_counts_other_roles_where_it_is_asked_to() {
    let dir = Dir::new("roles");
    let inner = ([10, 0, 0, 5], 40_000);
    dir.put("in/web-1/a.pcap", &Capture::new().refused().between(inner, ([10, 0, 0, 9], 3_000)).refused().bytes());
    for (more, connections) in [(&[][..], "1 connection:"), (&["--all-peers"], "2 connections:")] {
        let ran = dir.why502(&[&["fleet", "in", "-o", "out"], more].concat());
        let again = dir.why502(&[&["report", "out"], more].concat());
        for out in [ran, again].map(|ran| String::from_utf8(ran.stdout).unwrap()) {
            assert!(out.contains(connections), "{more:?}: {out}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_tried_again_until_it_is_gone() {
    let dir = Dir::new("broken");
    let broken = dir.put("in/web-1/a.pcap", b"no capture at all");
    for _ in 0..3 {
        let ran = dir.why502(&["fleet", "in", "-o", "out"]);
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(2), "{err}");
        assert!(
            out.contains("not analysed") && err.contains(": failed: ") && !err.contains("were read before"),
            "{err}"
        );
    }
    fs::remove_file(broken).unwrap();
    dir.put("in/-web-2/b.pcap", &fs::read(root().join("healthy/chunked/capture.pcap")).unwrap());
    let ran = dir.why502(&["fleet", "in", "-o", "out"]);
    let out = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert!(!out.contains("not analysed") && out.contains("-web-2"), "{out}");
}

#[test]
fn a_report_from_tables_says_what_the_captures_say() {
    let dir = Dir::new("report");
    let captures: Vec<_> =
        cases().into_iter().filter(|case| case.name.starts_with("http/")).step_by(9).take(12).collect();
    for (i, case) in captures.iter().enumerate() {
        let path = dir.put(&format!("{i}.pcap"), &fs::read(&case.path).unwrap());
        let name = path.to_str().unwrap();
        let host = format!("web-{}", i % 3);
        let unit = i.to_string();
        let args = ["analyze", "--format", "parquet", "-o", "out", "--partition-by", "date,host"];
        let ran = dir.why502(&[&args[..], &["--unit", &unit, "--capture-host", &host, name]].concat());
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{ran:?}");
    }
    let names: Vec<String> = (0..captures.len()).map(|i| format!("{i}.pcap")).collect();
    let together = dir.why502(&[&["analyze"], &*names.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    let from_tables = dir.why502(&["report", "out"]);
    assert_eq!((from_tables.status.code(), together.status.code()), (Some(1), Some(1)), "{from_tables:?}");
    let (ours, theirs) = (String::from_utf8(from_tables.stdout).unwrap(), String::from_utf8(together.stdout).unwrap());
    let counts = |text: &str| text.lines().find(|l| l.contains("inconclusive,")).unwrap().to_owned();
    assert_eq!(counts(&ours), counts(&theirs));
    let causes = |text: &str| {
        let mut lines: Vec<_> = text.lines().filter(|l| l.starts_with("FAILED")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert!(causes(&ours).len() > 3, "{ours}");
    assert_eq!(causes(&ours), causes(&theirs));
    // Proofs, fixes and hosts.
    for needed in ["HOSTS", "web-0: ", "Fix ", "Wireshark ", "of web-"] {
        assert!(ours.contains(needed), "{needed}: {ours}");
    }
    let wide: Vec<_> = ours.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let ran = dir.why502(&["report", "out", "-o", "fleet.html"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let page = fs::read_to_string(dir.0.join("fleet.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("web-2") && page.contains("id=\"hosts\""));
    let ran = dir.why502(&["report", "."]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!((ran.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("has no tables"), "{said}");
}

#[test]
fn directories_with_units_of_one_name_are_told_apart() {
    let dir = Dir::new("apart");
    let capture = |name: &str| root().join(name).join("capture.pcap").to_str().unwrap().to_owned();
    let (tls, http) =
        (capture("tls/no-common-version/nginx-tls13-only"), capture("http/unexpected-proxy-header/caddy"));
    let tables = |args: &[&str], out: &str| {
        let ran = dir.why502(&[&["analyze", "--format", "parquet", "-o", out], args].concat());
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    };
    tables(&[&tls], "a");
    tables(&["--capture-host", "web-2", &http], "b");
    dir.put("in/web-3/c.pcap", &fs::read(&http).unwrap());
    assert_eq!(dir.why502(&["fleet", "in", "-o", "c"]).status.code(), Some(1));
    // Both units are called 0, and only the last directory has a table of units.
    let ran = dir.why502(&["report", "a", "b", "c", "./a"]);
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.contains("3 connections: 3 failed"), "{said}");
    for (place, words) in [("connection 1, unit 0 in a:", "version"), ("connection 1 of web-2, unit 0 in b:", "PROXY")]
    {
        let example = said.split_once(place).unwrap_or_else(|| panic!("{place} {said}")).1;
        let example = example.split("connection ").next().unwrap();
        assert!(example.contains(words), "{place} {example}");
    }
    assert!(said.contains(" of web-3, unit "), "{said}");
}

#[test]
fn damaged_tables_are_one_line() {
    let dir = Dir::new("damaged");
    let capture = root().join("healthy/chunked/capture.pcap");
    let ran = dir.why502(&["analyze", "--format", "parquet", "-o", "out", capture.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let part = dir.0.join("out/connections/part-0.parquet");
    let whole = fs::read(&part).unwrap();
    for (cut, why) in [(whole.len() / 2, "cut"), (3, "short"), (0, "empty")] {
        fs::write(&part, &whole[..cut]).unwrap();
        let ran = dir.why502(&["report", "out"]);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!((ran.status.code(), said.lines().count()), (Some(2), 1), "{why}: {said}");
        assert!(said.contains("part-0.parquet"), "{why}: {said}");
    }
    // Every byte of it wrong once: an answer or a line, and never a panic.
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut wrong = whole.clone();
        wrong[at] ^= 0xff;
        fs::write(&part, &wrong).unwrap();
        let ran = dir.why502(&["report", "out"]);
        assert!(matches!(ran.status.code(), Some(0..=2)), "byte {at}: {ran:?}");
        assert!(!String::from_utf8_lossy(&ran.stderr).contains("panicked"), "byte {at}: {ran:?}");
    }
}
