//! An edge that speaks TLS with GnuTLS: another load balancer, which encrypts its alerts in TLS 1.3.

use crate::certs::ORIGIN_NAME;
use crate::lab::{Lab, version};
use anyhow::{Result, ensure};

/// Connects under a priority string, and takes for an error a handshake that succeeds.
pub(crate) fn must_fail(lab: &mut Lab, port: u16, priority: &str) -> Result<()> {
    let said = version("gnutls-cli", "--version", "gnutls-cli")?;
    lab.note_edge(format!("{said} (as a load balancer), priority {priority}"));
    let root = lab.authority()?.root_pem()?;
    let root = lab.write("root.pem", root)?.display().to_string();
    let origin = lab.origin(port);
    let (address, port) = (origin.ip().to_string(), origin.port().to_string());
    let names = ["--sni-hostname", ORIGIN_NAME, "--verify-hostname", ORIGIN_NAME];
    let options = ["--x509cafile", &root, "--priority", priority, "--port", &port, &address];
    let outcome = lab.in_edge("gnutls-cli", &[&names[..], &options[..]].concat());
    ensure!(outcome.is_err(), "the handshake succeeded");
    Ok(())
}
