//! Handshakes in TLS 1.2 that the edge ends with a RST once it has seen the origin's flight.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::packets::Capture;

const PSH_ACK: u8 = 24;
const RST: u8 = 4;

/// The certificates of a PEM file.
pub(crate) fn chain(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let pem = fs::read_to_string(path).unwrap();
    let bodies = pem.split("-----BEGIN CERTIFICATE-----").skip(1).map(|rest| rest.split("-----END").next().unwrap());
    bodies.map(|body| BASE64_STANDARD.decode(body.replace('\n', "")).unwrap()).collect()
}

fn list24(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat()
}

fn list16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn record(messages: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let messages: Vec<u8> = messages.iter().flat_map(|(kind, body)| [&[*kind], &list24(body)[..]].concat()).collect();
    [&[22, 3, 3], &list16(&messages)[..]].concat()
}

/// One handshake that shows these certificates.
pub(crate) fn refused(certificates: &[Vec<u8>], sni: &str) -> Vec<u8> {
    also_refused(Capture::new(), certificates, sni).bytes()
}

/// The same after others.
pub(crate) fn also_refused(before: Capture, certificates: &[Vec<u8>], sni: &str) -> Capture {
    handshake(before, sni, vec![certificate(certificates)])
}

/// One handshake that staples this OCSP response to them.
pub(crate) fn stapled(certificates: &[Vec<u8>], response: &[u8], sni: &str) -> Vec<u8> {
    let status = (22, [&[1], &list24(response)[..]].concat());
    handshake(Capture::new(), sni, vec![certificate(certificates), status]).bytes()
}

fn certificate(certificates: &[Vec<u8>]) -> (u8, Vec<u8>) {
    (11, list24(&certificates.iter().flat_map(|der| list24(der)).collect::<Vec<u8>>()))
}

/// A handshake with these messages between ServerHello and ServerHelloDone.
fn handshake(before: Capture, sni: &str, messages: Vec<(u8, Vec<u8>)>) -> Capture {
    let name = list16(&[&[0], &list16(sni.as_bytes())[..]].concat());
    let extension = [&[0, 0], &list16(&name)[..]].concat();
    let fixed = [&[3, 3][..], &[7; 32], &[0]].concat();
    let hello = [&fixed[..], &[0, 2, 0xc0, 0x2f, 1, 0], &list16(&extension)].concat();
    let answer = [&fixed[..], &[0xc0, 0x2f, 0]].concat();
    let flight = record(&[vec![(2, answer)], messages, vec![(14, Vec::new())]].concat());
    before.open().edge(PSH_ACK, &record(&[(1, hello)])).origin(PSH_ACK, &flight).edge(RST, b"")
}
