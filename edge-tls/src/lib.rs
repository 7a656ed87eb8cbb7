//! A TLS client as CloudFront's edge is one: s2n-tls under the policies that the library has for CloudFront's connections
//! to origins.
//!
//! It neither reads nor writes: bytes go in by [`Client::take_in`] and come out by [`Client::take_out`], so that whoever
//! holds the socket sees all of them. This is a package of its own because the library's interface is C's: what is
//! `unsafe` about it stays in the module `wire`, and `why502` itself can do without.

mod wire;

use std::fmt;
use std::task::Poll;

use s2n_tls::callbacks::VerifyHostNameCallback;
use s2n_tls::config::{Builder, Config};
use s2n_tls::connection::Connection;
use s2n_tls::enums::Blinding;
use s2n_tls::error::Error as S2nError;
use s2n_tls::security::Policy;

use wire::Wire;

/// The policies that the library has for CloudFront's connections to origins, as `--policy` names them.
pub const POLICIES: [&str; 14] = [
    "CloudFront-Upstream-2025",
    "CloudFront-Upstream-TLS-1-0-2025",
    "CloudFront-Upstream-TLS-1-1-2025",
    "CloudFront-Upstream-TLS-1-2-2025",
    "CloudFront-Upstream-TLS-1-3-2025",
    "CloudFront-Upstream-2025-PQ",
    "CloudFront-Upstream-TLS-1-0-2025-PQ",
    "CloudFront-Upstream-TLS-1-1-2025-PQ",
    "CloudFront-Upstream-TLS-1-2-2025-PQ",
    "CloudFront-Upstream-TLS-1-3-2025-PQ",
    "CloudFront-Upstream",
    "CloudFront-Upstream-TLS-1-0",
    "CloudFront-Upstream-TLS-1-1",
    "CloudFront-Upstream-TLS-1-2",
];

/// How a client is to be.
#[derive(Debug, Clone, Default)]
pub struct Setup<'s> {
    /// One of [`POLICIES`], or any other that the library knows.
    pub policy: &'s str,
    /// The server name to ask for, if any; certificates are compared with it unless there are `names`.
    pub sni: Option<&'s str>,
    /// Names of which one must be on the certificate.
    pub names: &'s [String],
    /// Protocols offered by ALPN.
    pub alpn: &'s [&'s str],
    /// Trust anchors, in PEM.
    pub trust: &'s [String],
    /// A client certificate with its chain, and its key, in PEM.
    pub identity: Option<(&'s [u8], &'s [u8])>,
    /// Whether the library verifies the origin's certificate.
    pub verify: bool,
}

/// Why the library does not go on.
#[derive(Debug)]
pub struct Error(S2nError);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.message(), self.0.name())
    }
}

impl std::error::Error for Error {}

impl From<S2nError> for Error {
    fn from(e: S2nError) -> Error {
        Error(e)
    }
}

/// One connection.
pub struct Client {
    // Before the wire, which it uses.
    connection: Connection,
    wire: Wire,
}

impl Client {
    /// One that has said nothing yet.
    ///
    /// # Errors
    /// Where the library does not know the policy or cannot use what it was given.
    pub fn new(setup: &Setup<'_>) -> Result<Client, Error> {
        let wire = Wire::default();
        let mut connection = Connection::new_client();
        connection.set_config(config(setup, &wire)?)?;
        if let Some(name) = setup.sni {
            connection.set_server_name(name)?;
        }
        // Nobody is served by a pause here: whoever holds the socket ends it.
        connection.set_blinding(Blinding::SelfService)?;
        wire.attach(&mut connection)?;
        Ok(Client { connection, wire })
    }

    /// Goes on with the handshake, as far as what came in allows; says whether it is complete.
    ///
    /// # Errors
    /// Why it failed. What is to be sent for that, if anything, is in [`Client::take_out`].
    pub fn negotiate(&mut self) -> Result<bool, Error> {
        match self.connection.poll_negotiate() {
            Poll::Ready(done) => Ok(done.map(|_| true)?),
            Poll::Pending => Ok(false),
        }
    }

    /// Encrypts some of these bytes; says how many.
    ///
    /// # Errors
    /// Where the connection is over.
    pub fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        match self.connection.poll_send(bytes) {
            Poll::Ready(sent) => Ok(sent?),
            Poll::Pending => Ok(0),
        }
    }

    /// Decrypts what came in; `None` where that needs more, no bytes at the end that the other side announced.
    ///
    /// # Errors
    /// An alert of the other side's, or what cannot be read.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Error> {
        match self.connection.poll_recv(buffer) {
            Poll::Ready(read) => Ok(Some(read?)),
            Poll::Pending => Ok(None),
        }
    }

    /// Says that nothing more is to be sent.
    pub fn close(&mut self) {
        // Best effort, as in the library's own integrations: the origin may be gone.
        let _ = self.connection.poll_shutdown_send();
    }

    /// Bytes from the socket.
    pub fn take_in(&mut self, bytes: &[u8]) {
        self.wire.state().inbox.extend(bytes);
    }

    /// The socket has come to its end.
    pub fn end_in(&mut self) {
        self.wire.state().ended = true;
    }

    /// Bytes for the socket.
    pub fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.wire.state().outbox)
    }

    /// The secrets so far, as lines of an NSS key log.
    #[must_use]
    pub fn secrets(&self) -> Vec<u8> {
        self.wire.state().secrets.clone()
    }

    /// The protocol that ALPN chose.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.connection.application_protocol()
    }
}

fn config(setup: &Setup<'_>, wire: &Wire) -> Result<Config, Error> {
    let mut config = Config::builder();
    config.set_security_policy(&Policy::from_version(setup.policy)?)?;
    config.with_system_certs(false)?;
    for anchor in setup.trust {
        config.trust_pem(anchor.as_bytes())?;
    }
    // The edge asks for a stapled OCSP response.
    config.enable_ocsp()?;
    config.set_application_protocol_preference(setup.alpn)?;
    if let Some((chain, key)) = setup.identity {
        config.load_pem(chain, key)?;
        config.set_client_auth_type(s2n_tls::enums::ClientAuthType::Optional)?;
    }
    if !setup.names.is_empty() {
        config.set_verify_host_callback(Names(setup.names.to_vec()))?;
    }
    if !setup.verify {
        wire::verify_nothing(&mut config)?;
    }
    wire.log_secrets(&mut config)?;
    Ok(Builder::build(config)?)
}

/// The names of which one must be on the certificate.
struct Names(Vec<String>);

impl VerifyHostNameCallback for Names {
    fn verify_host_name(&self, presented: &str) -> bool {
        self.0.iter().any(|name| matches(presented, name))
    }
}

/// A wildcard stands for one whole label, the first (RFC 6125 section 6.4.3).
fn matches(presented: &str, name: &str) -> bool {
    let same = |a: &str, b: &str| a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'));
    match (presented.strip_prefix("*."), name.split_once('.')) {
        (Some(parent), Some((label, rest))) => !label.is_empty() && same(parent, rest),
        (Some(_), None) => false,
        (None, _) => same(presented, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_known_to_the_library_and_speaks_first() {
        for policy in POLICIES {
            let setup = Setup { policy, sni: Some("origin.example"), verify: true, ..Setup::default() };
            let mut client = Client::new(&setup).unwrap_or_else(|e| panic!("{policy}: {e}"));
            assert!(!client.negotiate().unwrap_or(true), "{policy}");
            assert!(client.take_out().starts_with(&[22, 3]), "{policy}");
        }
    }

    #[test]
    fn a_wildcard_is_one_label() {
        for (presented, name, fits) in [
            ("a.example", "A.example.", true),
            ("*.example", "a.example", true),
            ("*.example", "a.b.example", false),
            ("*.example", "example", false),
            ("a.example", "b.example", false),
        ] {
            assert_eq!(matches(presented, name), fits, "{presented} {name}");
        }
    }
}
