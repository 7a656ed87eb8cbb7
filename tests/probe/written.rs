//! What a probe leaves behind: packets that Wireshark opens and decrypts, and reports in every format.
#![allow(clippy::print_stdout, reason = "what was not tested is said")]

use std::process::Command;

use crate::certs::{Authority, Leaf, NAME};
use crate::servers::Lab;
use crate::{missing, nginx, openssl, probe};

/// A field of each packet, as tshark has it.
fn tshark(file: &str, filter: &str, fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r", file, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y", filter]);
    command.args(["-T", "fields"]).args(fields.iter().flat_map(|field| ["-e", field]));
    let done = command.output().unwrap();
    let error: Vec<_> = String::from_utf8(done.stderr).unwrap().lines().map(str::to_owned).collect();
    let complaints: Vec<_> = error.iter().filter(|line| !line.contains("Running as user")).collect();
    assert!(done.status.success() && complaints.is_empty(), "{complaints:?}");
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_packets_open_in_wireshark_decrypted() {
    if missing().is_some() {
        return;
    }
    if Command::new("tshark").arg("-v").output().is_err() {
        println!("no packet was looked at: tshark is not installed");
        return;
    }
    for (name, more, cipher) in [
        ("written-tls13", "ssl_protocols TLSv1.3;", "0x130"),
        ("written-tls12", "ssl_protocols TLSv1.2;", "0xc0"),
        ("written-tls12-rsa", "ssl_protocols TLSv1.2; ssl_ciphers AES128-SHA;", "0x002f"),
    ] {
        let mut lab = Lab::new(name);
        let authority = Authority::new(&lab.dir, "Test");
        nginx(&mut lab, &authority.good_chain(&Leaf::GOOD), more);
        let (target, root, out) = (format!("{NAME}:{}", lab.port), authority.root(), lab.dir.join("probe.pcapng"));
        let (root, file) = (root.to_str().unwrap(), out.to_str().unwrap());
        let arguments = [&target, "--resolve", "127.0.0.1", "--trust", root, "--path", "/a?b=c", "-o", file];
        let done = probe(&arguments);
        let told = String::from_utf8(done.stdout).unwrap();
        assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), &b""[..]), "{told}");
        let port = format!("tcp.port == {} && ", lab.port);
        // nginx's port is none that Wireshark knows: TLS and HTTP are found by what they say.
        let hellos = tshark(file, &(port.clone() + "tls.handshake.type == 2"), &["tls.handshake.ciphersuite"]);
        assert!(!hellos.is_empty() && hellos[0].starts_with(cipher), "{hellos:?}");
        let asked = tshark(
            file,
            &(port.clone() + "http.request"),
            &["http.request.full_uri", "http.user_agent", "http.x_forwarded_for"],
        );
        assert!(asked.len() > 10, "{asked:?}");
        assert!(
            asked.iter().any(|line| line.contains(&format!("{NAME}/a?b=c\tAmazon CloudFront\t192.0.2.1"))),
            "{asked:?}"
        );
        let answers = tshark(file, &(port.clone() + "http.response"), &["http.response.code", "http.file_data"]);
        assert!(answers.iter().any(|line| line.starts_with("200\thello")), "{answers:?}");
        let wrong = "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0";
        assert_eq!(tshark(file, wrong, &["frame.number"]), [""; 0]);
        let info = Command::new("capinfos").arg(file).output().unwrap();
        assert!(info.status.success() && info.stderr.is_empty(), "{}", String::from_utf8_lossy(&info.stderr));
    }
}

/// A refused certificate in every format, and the table beside it where there is room for one. `openssl s_server` goes on
/// talking in TLS 1.3 when the probe has left.
#[test]
fn every_format_tells_of_a_probe() {
    if missing().is_some() {
        return;
    }
    let mut lab = Lab::new("formats");
    let authority = Authority::new(&lab.dir, "Test");
    openssl(&mut lab, &authority.good_chain(&Leaf { until: "20250601000000Z", ..Leaf::GOOD }), &["-tls1_3"]);
    let (target, root) = (format!("{NAME}:{}", lab.port), authority.root());
    let root = root.to_str().unwrap();
    for (format, says) in [
        ("text", &["tls.certificate-expired", "ASKED AS CLOUDFRONT WOULD", "no server name"][..]),
        ("json", &[r#""cause":"tls.certificate-expired""#, r#""synthetic":true"#, r#""asked":"no server name""#]),
        ("ndjson", &[r#""cause":"tls.certificate-expired""#, r#""asked":"no server name""#]),
        ("html", &["<code>tls.certificate-expired</code>", "Asked as CloudFront would", ">no server name</th>"]),
        ("sarif", &[r#""ruleId":"tls.certificate-expired""#, r#""kind":"fail""#]),
        ("junit", &[r#"name="tls.certificate-expired"> <failure message="1 connection: "#]),
    ] {
        let arguments = [&target, "--resolve", "127.0.0.1", "--trust", root, "--format", format, "--color", "never"];
        let done = probe(&arguments);
        let told = String::from_utf8(done.stdout).unwrap().replace("\": ", "\":");
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(done.status.code(), Some(1), "{format}");
        for says in says {
            assert!(told.contains(says), "{format}: {says}: {told}");
        }
        // What nobody could have keys for, and what has just been done, is no news.
        for noise in ["key-log-unused", "not opened: ", "Probe why502 probe"] {
            assert!(!told.contains(noise), "{format}: {noise}: {told}");
        }
    }
}
