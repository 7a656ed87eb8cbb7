//! What leaves the host: every capture survives it with its verdicts, and nothing that was planted is in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::read::DeflateDecoder;
use sha2::{Digest as _, Sha256};

use crate::common::packets::Capture;
use crate::common::{analyse, cases};
use why502::analysis::Options;
use why502::share::{Case, Input, Shared, Wish};
use why502::source::{Source, describe};

const PSH_ACK: u8 = 24;
const RST_ACK: u8 = 20;

fn prepared(paths: &[&Path], options: &Options, wish: &Wish) -> Result<Shared, String> {
    let inputs: Vec<Input> = paths.iter().map(|path| Input::file(path)).collect();
    Shared::prepare(&inputs, Vec::new(), options, wish).map_err(|e| e.to_string())
}

fn written(shared: &Shared) -> Vec<u8> {
    let mut out = Vec::new();
    shared.write(&mut out).unwrap();
    out
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn kept(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text))
}

/// The files of a bundle, as any reader of zip finds them.
pub fn unzipped(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let long = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap()) as usize;
    let word = |at: usize| usize::from(u16::from_le_bytes(zip[at..at + 2].try_into().unwrap()));
    let end = zip.len() - 22;
    assert_eq!(&zip[end..end + 4], b"PK\x05\x06");
    let (mut at, mut files) = (long(end + 16), BTreeMap::new());
    for _ in 0..word(end + 10) {
        assert_eq!(&zip[at..at + 4], b"PK\x01\x02");
        let (crc, packed, size, name, local) =
            (long(at + 16), long(at + 20), long(at + 24), word(at + 28), long(at + 42));
        let name = String::from_utf8(zip[at + 46..at + 46 + name].to_vec()).unwrap();
        let data = local + 30 + word(local + 26) + word(local + 28);
        let mut bytes = Vec::new();
        DeflateDecoder::new(&zip[data..data + packed]).read_to_end(&mut bytes).unwrap();
        let mut sum = flate2::Crc::new();
        sum.update(&bytes);
        assert_eq!((bytes.len(), sum.sum() as usize), (size, crc), "{name}");
        at += 46 + name.len();
        assert!(!name.contains(['/', '\\']) && !name.contains(".."), "{name}");
        files.insert(name, bytes);
    }
    files
}

/// The check within says that nothing changes; this asks whether it was asked of all, and looks from outside.
#[test]
fn every_capture_keeps_its_verdicts() {
    let mut wrong = Vec::new();
    let wish = Wish { all: true, ..Wish::default() };
    for case in cases() {
        let shared = match prepared(&[&case.path], &case.with_keys(), &wish) {
            Ok(shared) => shared,
            Err(why) => {
                wrong.push(format!("{}: {why}", case.name));
                continue;
            }
        };
        wrong.extend(
            shared.remarks().into_iter().filter(|r| r.contains("left out")).map(|r| format!("{}: {r}", case.name)),
        );
        let bytes = written(&shared);
        if let Ok(folder) = std::env::var("WHY502_SHARED") {
            fs::write(Path::new(&folder).join(case.name.replace('/', "_") + ".pcapng"), &bytes).unwrap();
        }
        let mut source = Source::from_reader(Box::new(Cursor::new(bytes)), "shared").unwrap();
        while source.next_packet().is_some() {}
        let info = source.info();
        assert_eq!(info.secrets.len(), 0, "{}", case.name);
        assert_eq!(info.frames, shared.packets() as u64, "{}", case.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All of them as one: what is removed from one connection may be what stays of another.
#[test]
fn all_captures_together_can_be_shared() {
    let paths: Vec<PathBuf> = cases().into_iter().map(|case| case.path).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let shared = prepared(&paths, &Options::default(), &Wish { all: true, ..Wish::default() }).unwrap();
    let told = analyse(&written(&shared)).unwrap().0.connections;
    assert!(told.len() > 400, "{}", told.len());
    let case = Case::new(shared, &[]).unwrap();
    let mut zip = Vec::new();
    case.write(&mut zip).unwrap();
    let files = unzipped(&zip);
    assert!(files["report.html"].len() < 2 << 20, "{}", files["report.html"].len());
}

/// By itself only what failed is in it, with the packets that prove it marked.
#[test]
fn only_what_failed_is_in_it_and_the_evidence_is_marked() {
    let path = kept("share-mixed.pcap", &mixed());
    let shared = prepared(&[&path], &Options::default(), &Wish::default()).unwrap();
    let bytes = written(&shared);
    let (ear, _) = analyse(&bytes).unwrap();
    let causes: Vec<_> = ear.connections.iter().map(|c| c.cause).collect();
    assert_eq!(causes, [Some("http.reset-before-response"), Some("app.origin-503")]);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("of 4 in the original: 2 failed, 2 ok"), "{text}");
    assert!(text.contains("http.reset-before-response (certain): "), "{text}");
    assert!(text.contains(" of share-mixed.pcap]"), "{text}");
    let all = prepared(&[&path], &Options::default(), &Wish { all: true, ..Wish::default() }).unwrap();
    assert_eq!(analyse(&written(&all)).unwrap().0.connections.len(), 4);
}

/// Two connections in order around two that fail, with something planted wherever a secret may stand.
fn mixed() -> Vec<u8> {
    let get = b"GET /shop/PLANTED-path-1/x?token=PLANTED-query-2 HTTP/1.1\r\nHost: shop.inner.example\r\n\
        Cookie: sid=PLANTED-cookie-3\r\nAuthorization: Bearer PLANTED-token-4\r\nX-Forwarded-For: 198.51.100.77\r\n\
        X-Amz-Cf-Id: kept-request-id==\r\nUser-Agent: PLANTED-agent-5\r\nX-Evil: <script>alert(1)</script>\r\n\r\n";
    let post =
        b"POST /upload HTTP/1.1\r\nHost: shop.inner.example\r\nContent-Length: 24\r\n\r\nPLANTED-upload-6-.......";
    let ok =
        b"HTTP/1.1 200 OK\r\nSet-Cookie: id=PLANTED-set-7\r\nServer: PLANTED-server-8\r\nContent-Length: 22\r\n\r\n\
        PLANTED-body-9-.......";
    let error =
        b"HTTP/1.1 503 Service Unavailable\r\nX-Debug: PLANTED-debug-10 \xe2\x80\xae\r\nLocation: javascript:alert(2)\r\nTransfer-Encoding: chunked\r\n\r\n\
        16;ext=PLANTED-extension-11\r\nPLANTED-error-12-.....\r\n0\r\nX-Trailer: PLANTED-trailer-13\r\n\r\n";
    let split = get.len() / 2;
    let swapped = [(60, &error[60..]), (0, &error[..60]), (0, &error[..60])];
    Capture::new()
        .open()
        .exchange(get, ok)
        .close()
        .next()
        .open()
        .edge(PSH_ACK, &get[..split])
        .edge(PSH_ACK, &get[split..])
        .origin(RST_ACK, b"")
        .next()
        .open()
        .edge(PSH_ACK, get)
        .origin_in_parts(PSH_ACK, &swapped, error.len())
        .close()
        .next()
        .open()
        .exchange(&post[..], ok)
        .close()
        .bytes()
}

/// What must be nowhere: what was planted, and the addresses, as bytes and as text.
fn leaks(bytes: &[u8]) -> Vec<&'static str> {
    let planted =
        ["PLANTED", "inner.example", "198.51.100.77", "10.0.0.5", "<script>alert(1)", "javascript:", "\u{202e}"];
    planted.into_iter().filter(|text| holds(bytes, text.as_bytes())).collect()
}

#[test]
fn nothing_planted_leaves() {
    let path = kept("share-secrets.pcap", &mixed());
    let redact = vec!["Server".to_owned(), "inner.example".to_owned()];
    let wish = Wish { all: true, redact, keep_addresses: false };
    let shared = prepared(&[&path], &Options::default(), &wish).unwrap();
    let bytes = written(&shared);
    assert_eq!(leaks(&bytes), [""; 0], "{}", String::from_utf8_lossy(&bytes));
    assert!(!holds(&bytes, &[10, 0, 0, 5]), "the origin's address");
    for stays in
        ["/shop/", "X-Amz-Cf-Id: kept-request-id==", "503 Service Unavailable", "Set-Cookie: xx", "shop.xxxxx.xxxxxxx"]
    {
        assert!(holds(&bytes, stays.as_bytes()), "{stays}");
    }
    let files = Case::new(shared, &["--all".to_owned()]).map(|case| {
        let mut zip = Vec::new();
        case.write(&mut zip).unwrap();
        unzipped(&zip)
    });
    let files = files.unwrap();
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["SHA256SUMS", "about.txt", "capture.pcapng", "case.txt", "report.html", "report.json"]);
    for (name, bytes) in &files {
        assert_eq!(leaks(bytes), [""; 0], "{name}: {}", String::from_utf8_lossy(bytes));
    }
    let sums = String::from_utf8(files["SHA256SUMS"].clone()).unwrap();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let own: String = Sha256::digest(&files[name]).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(sum, own, "{name}");
    }
    assert_eq!(sums.lines().count(), 5);
    let case = String::from_utf8(files["case.txt"].clone()).unwrap();
    for told in [
        "Failing since: 2027-01-15T08:00:00.",
        "X-Amz-Cf-Id: kept-request-id==",
        "http.reset-before-response: 1 connection",
    ] {
        assert!(case.contains(told), "{told}: {case}");
    }
    assert!(serde_json::from_slice::<serde_json::Value>(&files["report.json"]).is_ok());
}

/// What stays of one connection is a secret of another: the former is left out, and the rest is written.
#[test]
fn what_was_removed_elsewhere_hides_a_connection_and_no_more() {
    let error = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let fails = |capture: Capture, fields: &str| {
        let request = format!("GET /shop HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
        capture.open().exchange(request.as_bytes(), error).close()
    };
    let cookies = "Cookie: X-Rarely-Named\r\n";
    let capture = fails(fails(Capture::new(), cookies).next(), "X-Rarely-Named: 1\r\n");
    let path = kept("share-elsewhere.pcap", &fails(capture.next(), "").bytes());
    let shared = prepared(&[&path], &Options::default(), &Wish::default()).unwrap();
    let bytes = written(&shared);
    assert!(!holds(&bytes, b"X-Rarely-Named"));
    assert_eq!(analyse(&bytes).unwrap().0.connections.len(), 2);
    let remarks = shared.remarks();
    assert!(remarks.iter().any(|r| r.starts_with("1 connection is left out: a value that is removed")), "{remarks:?}");
    let text = String::from_utf8_lossy(&bundled(shared)["case.txt"]).into_owned();
    assert!(text.contains("Note: 1 connection is left out: "), "{text}");
}

/// The files of a bundle of it.
fn bundled(shared: Shared) -> BTreeMap<String, Vec<u8>> {
    let mut zip = Vec::new();
    Case::new(shared, &[]).unwrap().write(&mut zip).unwrap();
    unzipped(&zip)
}

/// One peer sends what why502 itself says: at most a message is blanked.
#[test]
fn what_the_program_says_takes_no_file_away() {
    let error = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let words = [
        "connections that failed",
        "why502.report.v1",
        "Failing since: 2027",
        "Payloads are blanked: bodies",
        "(certain): the request",
        "CloudFront answers 5xx: what a capture at the origin shows",
        "\"confidence\":\"certain\"",
        "wireshark_conversation",
        "</td><td class=\"bad\">failed",
        "itself answered GET /shop with 503",
    ];
    let fields: String = words.iter().map(|words| format!("X-Words: {words}\r\n")).collect();
    let request = |fields: &str| format!("GET /shop HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n").into_bytes();
    let capture = Capture::new().open().exchange(&request(&fields), error).close().next();
    let path = kept("share-words.pcap", &capture.open().exchange(&request(""), error).close().bytes());
    let shared = prepared(&[&path], &Options::default(), &Wish::default()).unwrap();
    let remarks = shared.remarks();
    assert!(
        remarks.iter().any(|r| r.ends_with(" texts are blanked: a value that is removed stands there")),
        "{remarks:?}"
    );
    let files = bundled(shared);
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["SHA256SUMS", "about.txt", "capture.pcapng", "case.txt", "report.html", "report.json"]);
    for (name, said) in [
        ("capture.pcapng", "2 connections that failed"),
        ("capture.pcapng", "Payloads are blanked: bodies, "),
        ("capture.pcapng", "app.origin-503 (certain): the request"),
        ("case.txt", "Failing since: 2027-"),
        ("case.txt", "CloudFront answers 5xx: what a capture at the origin shows"),
        ("case.txt", " texts are blanked: "),
        ("report.html", "<td class=\"bad\">failed</td>"),
        ("report.json", "\"confidence\":\"certain\""),
    ] {
        assert!(holds(&files[name], said.as_bytes()), "{name}: {said}: {}", String::from_utf8_lossy(&files[name]));
    }
    for (name, bytes) in &files {
        assert!(!holds(bytes, b"itself answered GET /shop"), "{name}: {}", String::from_utf8_lossy(bytes));
    }
    let json: serde_json::Value = serde_json::from_slice(&files["report.json"]).unwrap();
    assert_eq!(json["schema"], "why502.report.v1");
    assert!(json["connections"][1]["wireshark_conversation"].is_string());
}

/// What a connection keeps on purpose excuses the same elsewhere, but only while that connection is written.
#[test]
fn what_is_left_out_excuses_nothing() {
    let error = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let capture = |requests: &[&str]| {
        let of_one = |capture: Capture, request: &&str| {
            capture.open().exchange(format!("GET / HTTP/1.1\r\n{request}\r\n").as_bytes(), error).close().next()
        };
        requests.iter().fold(Capture::new(), of_one).bytes()
    };
    let secret = "Cookie: Qz7-secretTok9\r\nX-A: X-Collide-Name\r\nX-B: X-Second-Name\r\n";
    // The name of a field is no secret where the same is kept as a host, and the host's connection is written.
    let (excuse, hides) = ("Host: Qz7-secretTok9\r\n", "X-Collide-Name: 1\r\n");
    let hidden = format!("{excuse}{hides}");
    // Here one excuse takes the other with it.
    let second = "Host: X-Second-Name\r\nQz7-secretTok9: 1\r\n";
    let last = "Host: a.example\r\nX-Second-Name: 1\r\n";
    for (requests, connections, is_there) in [
        (vec![secret, excuse, "Qz7-secretTok9: 1\r\n"], 3, true),
        (vec![secret, &hidden, "Qz7-secretTok9: 1\r\n"], 1, false),
        (vec![last, second, &hidden, secret], 1, false),
    ] {
        let path = kept("share-excuses.pcap", &capture(&requests));
        let bytes = written(&prepared(&[&path], &Options::default(), &Wish::default()).unwrap());
        assert_eq!(analyse(&bytes).unwrap().0.connections.len(), connections, "{requests:?}");
        assert_eq!(holds(&bytes, b"Qz7-secretTok9"), is_there, "{requests:?}");
        assert!(!holds(&bytes, b"X-Second-Name"), "{requests:?}");
    }
}

#[test]
fn addresses_stay_where_that_is_wanted() {
    let path = kept("share-addresses.pcap", &mixed());
    let wish = Wish { keep_addresses: true, ..Wish::default() };
    let bytes = written(&prepared(&[&path], &Options::default(), &wish).unwrap());
    assert!(holds(&bytes, &[10, 0, 0, 5]) && holds(&bytes, &[130, 176, 1, 2]));
    let mapped = written(&prepared(&[&path], &Options::default(), &Wish::default()).unwrap());
    assert!(!holds(&mapped, &[10, 0, 0, 5]) && holds(&mapped, &[130, 176, 1, 2]), "CloudFront's own stays");
    let again = written(&prepared(&[&path], &Options::default(), &Wish::default()).unwrap());
    assert_ne!(mapped, again, "another key");
}

/// What was opened by keys is told in words; the keys, and what they opened, stay behind.
#[test]
fn what_keys_opened_stays_behind() {
    let case = cases().into_iter().find(|c| c.needs_keys && c.cause.is_some() && c.without_keys.is_some()).unwrap();
    let shared = prepared(&[&case.path], &case.with_keys(), &Wish { all: true, ..Wish::default() }).unwrap();
    let bytes = written(&shared);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("with the keys of its TLS: "), "{}: {text}", case.name);
    assert!(text.contains(case.cause.as_deref().unwrap()), "{}", case.name);
    let told = analyse(&bytes).unwrap().0.connections;
    let alone = crate::common::analyse_case(&case).unwrap().0.connections;
    assert_eq!(told[0].cause, alone[0].cause, "{}", case.name);
}

/// [`mixed`], captured on the second of these interfaces.
fn on_interfaces(names: [&str; 2]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let len = (12 + body.len()) as u32;
        [&kind.to_le_bytes()[..], &len.to_le_bytes(), body, &len.to_le_bytes()].concat()
    };
    let capture = mixed();
    let mut file = block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    for name in names {
        let mut padded = name.as_bytes().to_vec();
        padded.resize(name.len().next_multiple_of(4), 0);
        let options = [&[2, 0, name.len() as u8, 0][..], &padded, &[9, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0]].concat();
        file.extend(block(1, &[&[101, 0, 0, 0, 0, 0, 4, 0][..], &options].concat()));
    }
    let mut at = 24;
    while at < capture.len() {
        let field = |n: usize| u32::from_le_bytes(capture[at + n..at + n + 4].try_into().unwrap());
        let (ticks, len) = (u64::from(field(0)) * 1_000_000 + u64::from(field(4)), field(8) as usize);
        let mut body = [1, (ticks >> 32) as u32, ticks as u32, len as u32, len as u32].map(u32::to_le_bytes).concat();
        body.extend(&capture[at + 16..at + 16 + len]);
        body.resize(body.len().next_multiple_of(4), 0);
        file.extend(block(6, &body));
        at += 16 + len;
    }
    let drops = [&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[5, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    file.extend(block(5, &drops));
    file
}

/// Interfaces keep their names, their clocks and what they dropped.
#[test]
fn interfaces_are_described_as_they_were() {
    let path = kept("share-interfaces.pcapng", &on_interfaces(["lo", "eth0"]));
    let bytes = written(&prepared(&[&path], &Options::default(), &Wish::default()).unwrap());
    let described = describe(Box::new(Cursor::new(bytes)), &[1, 2]).unwrap();
    let told: Vec<_> =
        described.interfaces.iter().map(|i| (i.interface.name.as_deref(), i.interface.resolution)).collect();
    assert_eq!(told, [(Some("lo"), 6), (Some("eth0"), 6)]);
    assert_eq!(described.of_frame, [1, 1]);
    assert_eq!(described.interfaces[1].counts, [(5, 7)]);
}

/// A name is as it was captured: one in which something stands that is removed is not written.
#[test]
fn interfaces_whose_names_hold_what_is_removed_have_none() {
    let names = |given: [&str; 2], redact: &[&str]| {
        let path = kept("share-named.pcapng", &on_interfaces(given));
        let redact = redact.iter().map(|text| (*text).to_owned()).collect();
        let shared = prepared(&[&path], &Options::default(), &Wish { redact, ..Wish::default() });
        let described = describe(Box::new(Cursor::new(written(&shared.unwrap()))), &[]).unwrap();
        described.interfaces.into_iter().map(|about| about.interface.name).collect::<Vec<_>>()
    };
    assert_eq!(names(["lo", "eth0 sid=PLANTED-cookie-3"], &[]), [Some("lo".to_owned()), None]);
    assert_eq!(names(["Inner-eth1", "eth0"], &["inner"]), [None, Some("eth0".to_owned())]);
}

fn why502(arguments: &[&str], input: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
    if let Some(path) = input {
        command.stdin(fs::File::open(path).unwrap());
    }
    command.args(arguments).output().unwrap()
}

#[test]
fn the_command_writes_whole_files_or_none() {
    let path = kept("share-cli.pcap", &mixed());
    let (name, out) = (path.to_str().unwrap(), folder().join("share-cli.pcapng"));
    let zip = folder().join("share-cli.zip");
    let _ = (fs::remove_file(&out), fs::remove_file(&zip));
    for (arguments, status) in [
        (vec!["analyze", "-o", out.to_str().unwrap(), name], 1),
        (vec!["bundle", "-o", zip.to_str().unwrap(), name], 1),
        (vec!["bundle", name], 2),
        (vec!["--format", "pcapng", "-o", name, name], 2),
        (vec!["--format", "pcapng", "/nowhere.pcap"], 2),
    ] {
        let done = why502(&arguments, None);
        assert_eq!(done.status.code(), Some(status), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        assert!(done.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(analyse(&fs::read(&out).unwrap()).unwrap().0.connections.len(), 2);
    assert!(unzipped(&fs::read(&zip).unwrap()).contains_key("case.txt"));
    // A pipe is read twice as well.
    let piped = why502(&["--format", "pcapng", "-"], Some(&path));
    assert_eq!(piped.status.code(), Some(1), "{}", String::from_utf8_lossy(&piped.stderr));
    assert_eq!(analyse(&piped.stdout).unwrap().0.connections.len(), 2);
}

/// Sentences by which causes know whose page an error is: they stay in bodies, or the verdict would not.
#[test]
fn sentences_that_causes_look_for_stay() {
    let source = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)).unwrap();
    let kept = source("share/plan/phrases.rs");
    for (file, list, count) in [
        ("app/mod.rs", "const PAGES", 11),
        ("app/forbidden.rs", "const PAGES", 6),
        ("app/forbidden.rs", "const ALB_PAGE", 1),
        ("http/plaintext_on_tls_port.rs", "const PHRASES", 4),
        ("http/unexpected_proxy_header.rs", "const PHRASES", 7),
        ("proxy.rs", "const NAMES", 4),
        ("tls/no_application_protocol.rs", "const MISSING", 1),
        ("tls/client_certificate_required.rs", "const MISSING", 1),
    ] {
        let text = source(&format!("causes/{file}"));
        let list = text.split(list).nth(1).unwrap().split_once('=').unwrap().1;
        let end = list.find(if list.trim_start().starts_with('[') { "];" } else { ";\n" }).unwrap();
        let sentences: Vec<_> = list[..end].split('"').skip(1).step_by(2).collect();
        assert_eq!(sentences.len(), count, "{file}: {sentences:?}");
        for sentence in sentences {
            assert!(kept.contains(&format!("\"{}\"", sentence.to_ascii_lowercase())), "{file}: {sentence}");
        }
    }
}
