//! An edge that speaks TLS with OpenSSL: another load balancer, which sends alerts.

use super::{Ending, socket};
use crate::certs::ORIGIN_NAME;
use crate::lab::Lab;
use anyhow::{Context as _, Result, bail};
use openssl::ssl::{
    HandshakeError, SslConnector, SslMethod, SslMode, SslOptions, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// `SSL_OP_NO_ENCRYPT_THEN_MAC`, for which the crate has no name.
const NO_ENCRYPT_THEN_MAC: u64 = 1 << 19;

/// `SSL_OP_NO_EXTENDED_MASTER_SECRET`, likewise.
const NO_EXTENDED_MASTER_SECRET: u64 = 1;

/// An edge to be connected.
pub(crate) struct OpenSsl<'a> {
    pub(crate) name: &'static str,
    pub(crate) lowest: SslVersion,
    pub(crate) highest: SslVersion,
    /// In OpenSSL's notation; only for TLS 1.2 and below.
    pub(crate) ciphers: &'a str,
    /// The suites of TLS 1.3; empty for OpenSSL's own list.
    pub(crate) suites: &'static str,
    /// Whether it offers encrypt-then-MAC (RFC 7366).
    pub(crate) encrypt_then_mac: bool,
    /// Whether it offers the extended master secret (RFC 7627).
    pub(crate) extended_master_secret: bool,
    /// Whether it checks the origin's certificate.
    pub(crate) verify: bool,
    /// Whether it says that it tries again with a lower version than it could have.
    pub(crate) fallback: bool,
    /// Whether `keys.log` is kept beside the capture.
    pub(crate) keys: bool,
    /// The protocols that it offers by ALPN, in wire form; empty for no ALPN.
    pub(crate) alpn: &'static [u8],
}

/// A connection whose handshake is complete.
pub(crate) struct Session {
    stream: SslStream<TcpStream>,
}

impl OpenSsl<'_> {
    /// A load balancer that checks certificates.
    pub(crate) const DEFAULT: OpenSsl<'static> = OpenSsl {
        name: ORIGIN_NAME,
        lowest: SslVersion::TLS1_2,
        highest: SslVersion::TLS1_3,
        ciphers: "DEFAULT",
        suites: "",
        encrypt_then_mac: true,
        extended_master_secret: true,
        verify: true,
        fallback: false,
        keys: false,
        alpn: b"",
    };

    /// Connects and shakes hands; the inner `Err` says why the handshake failed.
    pub(crate) fn connect(&self, lab: &mut Lab, port: u16) -> Result<Result<Session, String>> {
        lab.note_edge(format!("{} (as a load balancer), {}", openssl::version::version(), self.describe()));
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(self.lowest))?;
        builder.set_max_proto_version(Some(self.highest))?;
        builder.set_cipher_list(self.ciphers)?;
        if !self.suites.is_empty() {
            builder.set_ciphersuites(self.suites)?;
        }
        if !self.encrypt_then_mac {
            builder.set_options(SslOptions::from_bits_retain(NO_ENCRYPT_THEN_MAC));
        }
        if !self.extended_master_secret {
            builder.set_options(SslOptions::from_bits_retain(NO_EXTENDED_MASTER_SECRET));
        }
        if !self.alpn.is_empty() {
            builder.set_alpn_protos(self.alpn)?;
        }
        if self.fallback {
            builder.set_mode(SslMode::SEND_FALLBACK_SCSV);
        }
        if self.verify {
            builder.cert_store_mut().add_cert(X509::from_pem(&lab.authority()?.root_pem()?)?)?;
        } else {
            builder.set_verify(SslVerifyMode::NONE);
        }
        let keys = Arc::new(Mutex::new(String::new()));
        let lines = Arc::clone(&keys);
        builder.set_keylog_callback(move |_, line| {
            if let Ok(mut lines) = lines.lock() {
                *lines += line;
                *lines += "\n";
            }
        });
        let stream = socket::connect(lab, port)?;
        let outcome = builder.build().connect(self.name, stream);
        if self.keys
            && let Ok(keys) = keys.lock()
        {
            lab.keep_keys(keys.as_bytes());
        }
        match outcome {
            Ok(stream) => Ok(Ok(Session { stream })),
            Err(HandshakeError::Failure(failed)) => Ok(Err(failed.error().to_string())),
            Err(HandshakeError::SetupFailure(error)) => Err(error).context("OpenSSL"),
            Err(HandshakeError::WouldBlock(_)) => Ok(Err("the edge's patience ran out".to_owned())),
        }
    }

    /// Connects, and takes for an error a handshake that succeeds.
    pub(crate) fn must_fail(&self, lab: &mut Lab, port: u16) -> Result<()> {
        if self.connect(lab, port)?.is_ok() {
            bail!("the handshake succeeded");
        }
        Ok(())
    }

    fn describe(&self) -> String {
        let version = |v| match v {
            SslVersion::TLS1 => "1.0",
            SslVersion::TLS1_1 => "1.1",
            SslVersion::TLS1_2 => "1.2",
            _ => "1.3",
        };
        format!("TLS {} to {}, ciphers {}", version(self.lowest), version(self.highest), self.ciphers)
    }
}

impl Session {
    /// Sends a request, or anything else.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// How long a read may take before it gives up with nothing.
    pub(crate) fn patience(&self, limit: Duration) -> Result<()> {
        Ok(self.stream.get_ref().set_read_timeout(Some(limit))?)
    }

    /// Reads once; nothing is an end, or patience run out.
    pub(crate) fn read_some(&mut self) -> Result<Vec<u8>> {
        // OpenSSL reports a peer's alert as another kind of error; for the edge it is an end like any other.
        Ok(socket::read_some(&mut self.stream).unwrap_or_default())
    }

    /// Ends the connection.
    pub(crate) fn end(mut self, ending: Ending) -> Result<()> {
        match ending {
            Ending::Drop => Ok(()),
            Ending::Reset => socket::reset(self.stream.get_ref()),
            Ending::Fin => socket::half_close(self.stream.get_mut()),
            Ending::CloseNotify => {
                let _ = self.stream.shutdown();
                socket::half_close(self.stream.get_mut())
            }
        }
    }
}
