//! A PROXY protocol header.

use serde::Serialize;

use super::shown::Shown;
use crate::base::Endpoint;
use crate::observation::proxy;

#[derive(Serialize)]
pub(super) struct Introduction<'a> {
    version: u8,
    source: Option<Shown<Endpoint>>,
    destination: Option<Shown<Endpoint>>,
    command: &'static str,
    transport: &'static str,
    frame: u64,
    length: u64,
    complete: bool,
    fault: Option<Shown<proxy::Fault>>,
    second_frame: Option<u64>,
    authority: Option<&'a str>,
    alpn: Option<&'a str>,
    unique_id: Option<String>,
    vpc_endpoint: Option<&'a str>,
    tls_version: Option<&'a str>,
    tls_cipher: Option<&'a str>,
    tls_client: Option<&'a str>,
}

impl<'a> Introduction<'a> {
    pub(super) fn of(header: &'a proxy::Header) -> Introduction<'a> {
        let extras = &header.extras;
        let tls = extras.tls.as_ref();
        Introduction {
            version: header.version,
            source: header.source.map(Shown),
            destination: header.destination.map(Shown),
            command: header.command.as_str(),
            transport: header.transport.as_str(),
            frame: header.frame.frame,
            length: header.len,
            complete: header.whole,
            fault: header.fault.map(Shown),
            second_frame: header.second.map(|frame| frame.frame),
            authority: extras.authority.as_deref(),
            alpn: extras.alpn.as_deref(),
            unique_id: extras.unique_id.as_deref().map(hex),
            vpc_endpoint: extras.vpc_endpoint.as_deref(),
            tls_version: tls.and_then(|tls| tls.version.as_deref()),
            tls_cipher: tls.and_then(|tls| tls.cipher.as_deref()),
            tls_client: tls.and_then(|tls| tls.common_name.as_deref()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
