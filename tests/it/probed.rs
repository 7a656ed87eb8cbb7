//! What a probe adds to captures: an explanation, and no edge.

use std::fs;

use crate::common::packets::{Capture, End};
use crate::common::{analyse, analyse_by, root};
use why502::analysis::Options;
use why502::causes::by_id;
use why502::diagnosis::Confidence;
use why502::diagnosis::refine::Learned;

/// Of this name and port.
fn learned(sni: &str, port: u16) -> Learned {
    Learned {
        sni: Some(sni.to_owned()),
        port,
        cause: by_id("tls.certificate-expired").unwrap(),
        message: "it expired".to_owned(),
        time: "2026-11-28T00:00:00Z".to_owned(),
    }
}

#[test]
fn a_probe_explains_a_hidden_refusal_of_the_same_name_and_no_other() {
    let rejected = "tls.certificate-rejected";
    for (name, sni, port, cause) in [
        ("tls/certificate-rejected/nginx-tls13-rst", "Origin.example.com", 443, "tls.certificate-expired"),
        ("tls/certificate-rejected/nginx-tls13-rst", "other.example.com", 443, rejected),
        ("tls/certificate-rejected/nginx-tls13-rst", "origin.example.com", 8443, rejected),
        // What the capture itself shows is not for a probe to say.
        (
            "tls/certificate-self-signed/nginx-tls12-close-notify",
            "origin.example.com",
            443,
            "tls.certificate-self-signed",
        ),
    ] {
        let bytes = fs::read(root().join(name).join("capture.pcap")).unwrap_or_else(|e| panic!("{name}: {e}"));
        let options = Options { learned: vec![learned(sni, port)].into(), ..Options::default() };
        let (ear, summary) = analyse_by(&bytes, &options).unwrap();
        let told = &ear.connections[0];
        assert_eq!(told.cause, Some(cause), "{name} {sni}");
        assert_eq!(summary.causes[0].cause.id(), cause, "{name} {sni}");
        if cause == "tls.certificate-expired" {
            assert_eq!(told.confidence, Some(Confidence::Likely), "{name}");
            assert!(
                told.message.contains("Learned by the probe of 2026-11-28T00:00:00Z: it expired"),
                "{}",
                told.message
            );
        }
    }
}

const BALANCER: End = ([10, 0, 1, 7], 2_000);
const HOST: End = ([10, 0, 0, 5], 80);

#[test]
fn a_probes_connection_is_not_the_edges() {
    let probe = "why502-probe-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
    let edge = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb==";
    for (ids, role) in
        [(&[probe][..], "other"), (&[edge], "edge"), (&[probe, edge], "edge"), (&[probe, probe], "other")]
    {
        let mut capture = Capture::new().between(BALANCER, HOST).open();
        for id in ids {
            let request = format!(
                "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: Amazon CloudFront\r\n\
                 Via: 1.1 x.cloudfront.net (CloudFront)\r\nX-Amz-Cf-Id: {id}\r\n\r\n"
            );
            capture = capture.exchange(request.as_bytes(), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
        let file = capture.close().bytes();
        assert_eq!(analyse(&file).unwrap().0.connections[0].role.as_str(), role, "{ids:?}");
    }
}
