//! `why502 live` beside a real nginx with real faults: what it says, when, and as whom.
#![cfg(all(feature = "pcap", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod lab;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use lab::Lab;
use serde_json::Value;

/// A finding is told within this time of the last packet that its proof needs.
const AT_ONCE: Duration = Duration::from_secs(1);

type Lines = Arc<Mutex<Vec<(Instant, String)>>>;

/// `why502 live`, and what it has said so far.
struct Watch {
    child: Child,
    told: Lines,
    report: JoinHandle<String>,
}

impl Watch {
    /// Begins, and waits until it says that it watches.
    fn begin(lab: &Lab, arguments: &[&str]) -> Watch {
        let mut command = lab.at_origin(env!("CARGO_BIN_EXE_why502"));
        command.arg("live").args(arguments).current_dir(&lab.dir);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let told = Lines::default();
        let heard = Arc::clone(&told);
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                heard.lock().unwrap().push((Instant::now(), line));
            }
        });
        let report = std::thread::spawn(move || {
            let mut report = String::new();
            BufReader::new(out).read_to_string(&mut report).unwrap();
            report
        });
        let watch = Watch { child, told, report };
        watch.hears("why502: watching", Duration::from_secs(10));
        watch
    }

    /// Waits for a line that contains this.
    fn hears(&self, what: &str, at_most: Duration) -> Instant {
        let end = Instant::now() + at_most;
        loop {
            let told = self.told.lock().unwrap().clone();
            if let Some((when, _)) = told.iter().find(|(_, line)| line.contains(what)) {
                return *when;
            }
            assert!(Instant::now() < end, "{what} was not told within {at_most:?}: {told:#?}");
            sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// What it reported, once it has ended.
    fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.report.join().unwrap())
    }

    /// A line of `/proc/PID/status`.
    fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The faults that end with what the edge does: its arguments, and the cause that is told.
const FAULTS: [(&str, &[&str], &str); 4] = [
    ("http://10.0.0.5:81/", &[], "tcp.port-closed"),
    ("https://10.0.0.5:8443/", &["--insecure"], "tls.plaintext-http-reply"),
    (
        "https://origin.example.com/",
        &["--resolve", "origin.example.com:443:10.0.0.5", "--cacert", "ca.pem"],
        "tls.certificate-expired",
    ),
    ("http://10.0.0.5/upstream", &[], "app.origin-502"),
];

#[test]
fn each_fault_is_named_within_a_second_and_sigint_gives_the_whole_report() {
    let Some(lab) = Lab::new() else { return };
    let watch = Watch::begin(&lab, &["-i", "cable", "--trust", "ca.pem"]);
    let lines = Watch::begin(&lab, &["-i", "cable", "-i", "lo", "--trust", "ca.pem", "--format", "ndjson"]);

    for watch in [&watch, &lines] {
        let nobody = fs::read_to_string("/etc/passwd").unwrap();
        let nobody = nobody.lines().find(|l| l.starts_with("nobody:")).unwrap().split(':').nth(2).unwrap().to_owned();
        assert_eq!(watch.status("Uid"), [nobody.as_str(); 4].join(" "));
        for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            assert_eq!(u64::from_str_radix(&watch.status(set), 16).unwrap(), 0, "{set}");
        }
        assert_eq!(watch.status("NoNewPrivs"), "1");
    }

    // Told by the clock alone: a SYN is taken for unanswered after three seconds.
    let asked = Instant::now();
    let mut unanswered = lab.curl_command("http://10.0.0.5:8081/", &[]).spawn().unwrap();
    for (url, arguments, cause) in FAULTS {
        assert!(lab.curl("http://10.0.0.5/ok", &[]).status.success());
        lab.curl(url, arguments);
        watch.hears(cause, AT_ONCE);
    }
    // nginx finds the file shorter than it had promised.
    let mut cut = lab.curl_command("http://10.0.0.5/cut", &[]).spawn().unwrap();
    sleep(Duration::from_millis(600));
    fs::OpenOptions::new().write(true).open(lab.dir.join("files/cut")).unwrap().set_len(40_000).unwrap();
    cut.wait().unwrap();
    watch.hears("http.closed-in-response", AT_ONCE);
    let told = watch.hears("tcp.syn-unanswered", Duration::from_secs(4));
    assert!(told - asked < Duration::from_secs(3) + AT_ONCE, "{:?}", told - asked);
    unanswered.wait().unwrap();

    watch.signal("-INT");
    lines.signal("-TERM");
    let (status, report) = watch.end();
    assert_eq!(status.code(), Some(1), "{report}");
    let causes = FAULTS.iter().map(|(.., cause)| *cause).chain(["http.closed-in-response", "tcp.syn-unanswered"]);
    for cause in causes.clone() {
        assert!(report.contains(&format!("FAILED  {cause}  1 connection")), "{cause}: {report}");
    }
    assert!(report.contains("10 connections: 6 failed, 0 inconclusive, 4 in order"), "{report}");

    let (status, report) = lines.end();
    assert_eq!(status.code(), Some(1), "{report}");
    let written: Vec<Value> = report.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for cause in causes {
        let of = |v: &&Value| v["verdict"]["cause"] == cause && v["role"] == "edge";
        assert_eq!(written.iter().filter(of).count(), 1, "{cause}");
    }
    // What failed behind the error lies on the other interface.
    let refused = |v: &Value| v["role"] == "inner" && v["capture"] == 1 && v["verdict"]["cause"] == "tcp.port-closed";
    assert!(written.iter().any(refused));
}

#[test]
fn drops_are_told_and_make_a_silence_uncertain() {
    let Some(lab) = Lab::new() else { return };
    fs::write(lab.dir.join("files/large"), vec![b'x'; 30_000_000]).unwrap();
    let watch = Watch::begin(&lab, &["-i", "cable", "--buffer-size", "64KiB", "--format", "json"]);
    assert!(lab.curl("http://10.0.0.5/ok", &[]).status.success());
    watch.signal("-STOP");
    assert!(lab.curl("http://10.0.0.5/large", &[]).status.success());
    watch.signal("-CONT");
    watch.hears("packets were dropped", Duration::from_secs(3));
    lab.curl("http://10.0.0.5:8081/", &["--max-time", "4"]);
    watch.hears("tcp.syn-unanswered (likely)", AT_ONCE);
    watch.signal("-INT");
    let (status, report) = watch.end();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(status.code(), Some(1), "{report}");
    assert_eq!(report["captures"][0]["format"], "live");
    let problems = report["captures"][0]["problems"].as_array().unwrap();
    let dropped = problems.iter().find(|p| p["kind"] == "frames-dropped").unwrap();
    assert!(dropped["count"].as_u64().unwrap() > 100, "{dropped}");
    assert!(dropped["detail"].as_str().unwrap().contains("--buffer-size"), "{dropped}");
}

#[test]
fn what_failed_is_saved_and_counted_and_keys_are_followed() {
    let Some(lab) = Lab::new() else { return };
    fs::write(lab.dir.join("keys.log"), "").unwrap();
    let mut arguments = vec!["-i", "cable", "--format", "json", "--keylog", "keys.log", "--metrics", "127.0.0.1:9502"];
    arguments.extend(["--ring", "saved", "--ring-size", "16MiB", "--save", "failing"]);
    let watch = Watch::begin(&lab, &arguments);
    let mut server = lab.at_origin("openssl");
    server.args(["s_server", "-accept", "4433", "-www", "-cert", "leaf.pem", "-key", "leaf.key"]);
    server.args(["-keylogfile", "keys.log"]).current_dir(&lab.dir).stdin(Stdio::null()).stdout(Stdio::null());
    let mut server = server.spawn().unwrap();

    assert!(lab.curl("http://10.0.0.5/ok", &[]).status.success());
    lab.curl("http://10.0.0.5/upstream", &[]);
    watch.hears("app.origin-502", AT_ONCE);
    let asked = || lab.curl("https://10.0.0.5:4433/", &["--insecure"]).status.success();
    assert!(
        (0..50).any(|_| asked() || {
            sleep(Duration::from_millis(50));
            false
        }),
        "s_server does not answer"
    );
    sleep(AT_ONCE * 2);

    let page = lab.at_origin("curl").args(["--silent", "http://127.0.0.1:9502/metrics"]).output().unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    for line in [
        "why502_findings_total{role=\"edge\",cause=\"app.origin-502\"} 1",
        "why502_connections_total{role=\"edge\",outcome=\"failed\"} 1",
        "why502_first_byte_seconds_bucket{role=\"edge\",le=\"30\"} 3",
        "why502_packets_dropped_total 0",
    ] {
        assert!(page.lines().any(|l| l == line), "{line}: {page}");
    }

    watch.signal("-INT");
    let (_, report) = watch.end();
    let _ = server.kill();
    let _ = server.wait();
    let report: Value = serde_json::from_str(&report).unwrap();
    let of_port = |port: u16| {
        let connections = report["connections"].as_array().unwrap().iter();
        connections.filter(move |c| c["server"]["port"] == port).cloned().collect::<Vec<_>>()
    };
    assert!(of_port(4433).iter().any(|c| c["tls"]["decrypted"] == true && c["http"][0]["response"]["status"] == 200));

    let saved: Vec<_> = fs::read_dir(lab.dir.join("saved")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert!(saved[0].to_str().unwrap().ends_with("-app.origin-502.pcapng"), "{saved:?}");
    let again = Command::new(env!("CARGO_BIN_EXE_why502")).arg(&saved[0]).output().unwrap();
    let again = String::from_utf8(again.stdout).unwrap();
    assert!(again.contains("1 connection: 1 failed") && again.contains("(app.origin-502)"), "{again}");
}

#[test]
fn it_ends_by_itself_and_survives_an_interface() {
    let Some(lab) = Lab::new() else { return };
    let by_count = Watch::begin(&lab, &["-i", "any", "--port", "80", "--count", "5"]);
    let by_time = Watch::begin(&lab, &["-i", "cable", "--duration", "5s"]);
    assert!(lab.curl("http://10.0.0.5/ok", &[]).status.success());
    let (status, report) = by_count.end();
    assert_eq!(status.code(), Some(0), "{report}");
    assert!(report.contains("any: 5 packets"), "{report}");

    let down = |what| assert!(lab.at_origin("ip").args(["link", "set", "cable", what]).status().unwrap().success());
    down("down");
    by_time.hears("cable: down", AT_ONCE);
    down("up");
    let route = ["route", "add", "130.176.0.0/16", "dev", "cable"];
    assert!(lab.at_origin("ip").args(route).status().unwrap().success());
    assert!(lab.curl("http://10.0.0.5/ok", &[]).status.success());
    by_time.hears("cable: up again", AT_ONCE);
    let (status, report) = by_time.end();
    assert_eq!(status.code(), Some(0), "{report}");
    assert!(report.contains("2 connections: 0 failed"), "{report}");
}

#[test]
fn what_cannot_be_watched_is_said_in_one_line() {
    let Some(lab) = Lab::new() else { return };
    let program = lab.dir.join("why502");
    fs::copy(env!("CARGO_BIN_EXE_why502"), &program).unwrap();
    let live = |before: &[&str], arguments: &[&str]| {
        let done = lab.at_origin("env").args(before).arg(&program).arg("live").args(arguments).output().unwrap();
        assert_eq!((done.status.code(), done.stdout.len()), (Some(2), 0), "{arguments:?}");
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    assert!(live(&[], &["-i", "nowhere"]).contains("there is no such interface; there are cable"), "by name");
    assert!(live(&[], &["-i", "cable", "--filter", "tcp prot 443"]).contains("the filter cannot be used"), "by filter");
    assert!(live(&[], &["-i", "cable", "--user", "no-such"]).contains("--user"), "by user");
    assert!(live(&[], &["-i", "cable", "-o", "/root/report.json"]).contains("by nobody: see --user"), "by output");
    let other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let said = live(&other, &["-i", "cable"]);
    let program = fs::canonicalize(&program).unwrap();
    assert!(said.contains(&format!("sudo setcap cap_net_raw=ep {}", program.display())), "{said}");
}
