//! Handshakes that the edge ends with a RST once it has seen the origin's flight, in TLS 1.2, and such as it goes on after.

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
    let [hello, answer] = hellos(sni, &[], false);
    let flight = record(&[vec![(2, answer)], messages, vec![(14, Vec::new())]].concat());
    before.open().edge(PSH_ACK, &record(&[(1, hello)])).origin(PSH_ACK, &flight).edge(RST, b"")
}

/// ClientHello and ServerHello, with this session's identifier in both.
fn hellos(sni: &str, session: &[u8], tls13: bool) -> [Vec<u8>; 2] {
    let name = list16(&[&[0], &list16(sni.as_bytes())[..]].concat());
    let mut asked = [&[0, 0], &list16(&name)[..]].concat();
    let fixed = [&[3, 3][..], &[7; 32], &[session.len() as u8], session].concat();
    if tls13 {
        asked.extend([0, 43, 0, 3, 2, 3, 4]);
        let hello = [&fixed[..], &[0, 2, 0x13, 1, 1, 0], &list16(&asked)].concat();
        return [hello, [&fixed[..], &[0x13, 1, 0], &list16(&[0, 43, 0, 2, 3, 4])].concat()];
    }
    let hello = [&fixed[..], &[0, 2, 0xc0, 0x2f, 1, 0], &list16(&asked)].concat();
    [hello, [&fixed[..], &[0xc0, 0x2f, 0]].concat()]
}

/// What an origin shows an edge that goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shows<'c> {
    /// These certificates, in TLS 1.2.
    Chain(&'c [Vec<u8>]),
    /// Nothing, as the session is an earlier one.
    Session,
    /// Certificates behind keys, in TLS 1.3.
    Hidden,
}

/// A connection that the edge uses, and ends in order.
pub(crate) fn accepted(before: Capture, shows: Shows<'_>, sni: &str) -> Capture {
    let keys = [20, 3, 3, 0, 1, 1];
    let of = |kind: u8, len: usize| [&[kind, 3, 3][..], &list16(&vec![0x5a; len])].concat();
    let (session, tls13) = (&[9; 32], matches!(shows, Shows::Hidden));
    let [hello, answer] = hellos(sni, if matches!(shows, Shows::Chain(_)) { &[] } else { session }, tls13);
    let begun = before.open().edge(PSH_ACK, &record(&[(1, hello)]));
    let finished = [&keys[..], &of(22, 40)].concat();
    let answer = (2, answer);
    let shaken = match shows {
        Shows::Chain(chain) => {
            let exchange = [record(&[(16, vec![0x41; 66])]), finished.clone()].concat();
            let flight = record(&[answer, certificate(chain), (14, Vec::new())]);
            begun.origin(PSH_ACK, &flight).edge(PSH_ACK, &exchange).origin(PSH_ACK, &finished)
        }
        Shows::Session => {
            let flight = [record(&[answer]), finished.clone()].concat();
            begun.origin(PSH_ACK, &flight).edge(PSH_ACK, &finished)
        }
        Shows::Hidden => {
            let flight = [&record(&[answer])[..], &keys, &of(23, 2_000)].concat();
            begun.origin(PSH_ACK, &flight).edge(PSH_ACK, &[&keys[..], &of(23, 53)].concat())
        }
    };
    shaken.edge(PSH_ACK, &of(23, 200)).origin(PSH_ACK, &of(23, 400)).edge(16, b"").close()
}
