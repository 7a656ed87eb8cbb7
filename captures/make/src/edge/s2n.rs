//! An edge that speaks TLS with s2n-tls, under one of the policies that the library has for CloudFront's connections
//! to origins.

use super::{Ending, socket};
use crate::certs::ORIGIN_NAME;
use crate::lab::Lab;
use anyhow::{Context as _, Result, bail};
use s2n_tls::callbacks::VerifyHostNameCallback;
use s2n_tls::config::Config;
use s2n_tls::connection::Connection;
use s2n_tls::enums::Blinding;
use s2n_tls::security::Policy;
use std::io::Write as _;
use std::net::TcpStream;
use std::task::Poll;
use std::time::Duration;

/// The policy of an edge unless the scenario names another.
pub(crate) const TLS12_UP: &str = "CloudFront-Upstream-TLS-1-2-2025";
/// The same with post-quantum key exchange: a ClientHello of two segments.
pub(crate) const TLS12_UP_PQ: &str = "CloudFront-Upstream-TLS-1-2-2025-PQ";
/// From before 2025: TLS 1.2 at most.
pub(crate) const TLS12_ONLY: &str = "CloudFront-Upstream-TLS-1-2";

/// TLS 1.3 alone.
pub(crate) const TLS13_ONLY: &str = "CloudFront-Upstream-TLS-1-3-2025";

/// An edge to be connected.
pub(crate) struct S2n {
    pub(crate) policy: &'static str,
    /// The server name that it asks for and compares with the certificate.
    pub(crate) name: &'static str,
    /// The protocols that it offers by ALPN; none, as far as is known of CloudFront.
    pub(crate) alpn: &'static [&'static str],
    /// A PROXY protocol header that it sends before all else; empty for none.
    pub(crate) header: &'static [u8],
    /// How long it waits between connecting (and its header) and its ClientHello.
    pub(crate) before_hello: Duration,
    /// How long it takes over the origin's first flight before it answers.
    pub(crate) after_flight: Duration,
    /// How long it waits for the origin within the handshake.
    pub(crate) patience: Duration,
    /// Whether `keys.log` is kept beside the capture.
    pub(crate) keys: bool,
    /// What it does when the handshake fails.
    pub(crate) on_failure: Ending,
}

/// The lines of a key log so far.
type Keys = std::sync::Arc<std::sync::Mutex<Vec<u8>>>;

/// A connection whose handshake is complete.
pub(crate) struct Session {
    // Before the stream, whose descriptor it uses.
    connection: Connection,
    stream: TcpStream,
}

impl S2n {
    /// What CloudFront is taken to do.
    pub(crate) const DEFAULT: S2n = S2n {
        policy: TLS12_UP,
        name: ORIGIN_NAME,
        alpn: &[],
        header: b"",
        before_hello: Duration::ZERO,
        after_flight: Duration::ZERO,
        patience: Duration::from_secs(30),
        keys: false,
        on_failure: Ending::Drop,
    };

    /// Connects and shakes hands. A handshake that fails ends the connection as [`S2n::on_failure`] says and is an
    /// `Err` inside: most scenarios want just that.
    pub(crate) fn connect(&self, lab: &mut Lab, port: u16) -> Result<Result<Session, s2n_tls::error::Error>> {
        lab.note_edge(format!("s2n-tls {} (crate, AWS-LC), policy {}", library_version()?, self.policy));
        let keys = Keys::default();
        let mut connection = self.connection(lab, &keys)?;
        let mut stream = socket::connect(lab, port)?;
        stream.write_all(self.header)?;
        stream.set_read_timeout(Some(self.patience))?;
        std::thread::sleep(self.before_hello);
        io::attach(&mut connection, &stream)?;
        let outcome = match connection.poll_negotiate() {
            Poll::Ready(Ok(_)) => None,
            Poll::Ready(Err(error)) => Some(error),
            Poll::Pending => Some(s2n_tls::error::Error::application("the edge's patience ran out".into())),
        };
        if self.keys
            && let Ok(keys) = keys.lock()
        {
            lab.keep_keys(&keys);
        }
        let session = Session { connection, stream };
        match outcome {
            None => Ok(Ok(session)),
            Some(error) => {
                session.end(self.on_failure)?;
                Ok(Err(error))
            }
        }
    }

    /// Connects, and takes for an error a handshake that succeeds.
    pub(crate) fn must_fail(&self, lab: &mut Lab, port: u16) -> Result<()> {
        if let Ok(session) = self.connect(lab, port)? {
            bail!("the handshake succeeded, with {}", session.connection.cipher_suite()?);
        }
        Ok(())
    }

    fn connection(&self, lab: &mut Lab, keys: &Keys) -> Result<Connection> {
        let mut config = Config::builder();
        config.set_security_policy(&Policy::from_version(self.policy)?)?;
        config.with_system_certs(false)?;
        config.trust_pem(&lab.authority()?.root_pem()?)?;
        // CloudFront asks for a stapled OCSP response.
        config.enable_ocsp()?;
        config.set_application_protocol_preference(self.alpn)?;
        io::log_keys(&mut config, keys)?;
        if !self.after_flight.is_zero() {
            config.set_verify_host_callback(Ponder { name: self.name, time: self.after_flight })?;
        }
        let mut connection = Connection::new_client();
        connection.set_config(config.build()?)?;
        connection.set_server_name(self.name)?;
        // The delay after a failure is ours to keep, or the library would sleep before we could choose the ending.
        connection.set_blinding(Blinding::SelfService)?;
        Ok(connection)
    }
}

/// A check of the name that takes its time.
struct Ponder {
    name: &'static str,
    time: Duration,
}

impl VerifyHostNameCallback for Ponder {
    fn verify_host_name(&self, name: &str) -> bool {
        std::thread::sleep(self.time);
        name == self.name
    }
}

impl Session {
    /// Sends a request, or anything else.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.connection.poll_send(bytes) {
                Poll::Ready(Ok(sent)) => bytes = bytes.get(sent..).unwrap_or_default(),
                Poll::Ready(Err(error)) => return Err(error).context("the edge cannot send"),
                Poll::Pending => bail!("the edge cannot send: the origin does not read"),
            }
        }
        Ok(())
    }

    /// How long a read may take before it gives up with nothing.
    pub(crate) fn patience(&mut self, limit: Duration) -> Result<()> {
        Ok(self.stream.set_read_timeout(Some(limit))?)
    }

    /// Reads once; nothing is an end, an error, or patience run out.
    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 65_536];
        match self.connection.poll_recv(&mut buffer) {
            Poll::Ready(Ok(length)) => buffer.truncate(length),
            Poll::Ready(Err(_)) | Poll::Pending => buffer.clear(),
        }
        buffer
    }

    /// Ends the connection.
    pub(crate) fn end(mut self, ending: Ending) -> Result<()> {
        match ending {
            Ending::Drop => Ok(()),
            Ending::Reset => socket::reset(&self.stream),
            Ending::Fin => socket::half_close(&mut self.stream),
            Ending::CloseNotify => {
                std::thread::sleep(self.connection.remaining_blinding_delay()?);
                // Best effort, as in the library's own integrations: the origin may be gone.
                let _ = self.connection.poll_shutdown_send();
                socket::half_close(&mut self.stream)
            }
        }
    }
}

/// The version of the library, from the lock file that this program was built with.
fn library_version() -> Result<&'static str> {
    let lock = include_str!("../../Cargo.lock");
    let (_, after) = lock.split_once("name = \"s2n-tls\"\nversion = \"").context("s2n-tls is not in Cargo.lock")?;
    Ok(after.split('"').next().unwrap_or_default())
}

/// Where s2n-tls reads and writes: the one place that needs `unsafe`, because the library's interface is C's.
#[allow(unsafe_code)]
mod io {
    use super::Keys;
    use anyhow::Result;
    use s2n_tls::config::Builder;
    use s2n_tls::connection::Connection;
    use std::ffi::{c_int, c_void};
    use std::net::TcpStream;
    use std::os::fd::AsRawFd as _;

    /// Lets a connection use a blocking socket, which must outlive it.
    pub(super) fn attach(connection: &mut Connection, stream: &TcpStream) -> Result<()> {
        // The context is the descriptor itself, as a number in a pointer that nobody follows.
        let context = stream.as_raw_fd() as usize as *mut c_void;
        connection.set_receive_callback(Some(receive))?.set_send_callback(Some(send))?;
        // SAFETY: the context is never dereferenced, so it cannot dangle.
        unsafe { connection.set_receive_context(context)?.set_send_context(context)? };
        Ok(())
    }

    /// Lets a configuration write what a key log holds.
    pub(super) fn log_keys(config: &mut Builder, keys: &Keys) -> Result<()> {
        let context = std::sync::Arc::into_raw(keys.clone()).cast_mut().cast();
        // SAFETY: the count that `into_raw` took is never given back: the lines outlive the configuration.
        unsafe { config.set_key_log_callback(Some(key), context)? };
        Ok(())
    }

    unsafe extern "C" fn key(
        context: *mut c_void,
        _: *mut s2n_tls_sys::s2n_connection,
        line: *mut u8,
        length: usize,
    ) -> c_int {
        // SAFETY: the context is from `log_keys`; the library hands over a line of this length.
        let (keys, line) =
            unsafe { (&*context.cast::<std::sync::Mutex<Vec<u8>>>(), std::slice::from_raw_parts(line, length)) };
        let Ok(mut keys) = keys.lock() else { return -1 };
        keys.extend(line);
        keys.push(b'\n');
        0
    }

    unsafe extern "C" fn receive(context: *mut c_void, buffer: *mut u8, length: u32) -> c_int {
        // SAFETY: the library hands over a buffer of this length; a closed descriptor is an error, not undefined.
        unsafe { libc::recv(context as usize as c_int, buffer.cast(), length as usize, 0) as c_int }
    }

    unsafe extern "C" fn send(context: *mut c_void, buffer: *const u8, length: u32) -> c_int {
        // SAFETY: as above. A broken pipe is to be an error and not a signal.
        unsafe { libc::send(context as usize as c_int, buffer.cast(), length as usize, libc::MSG_NOSIGNAL) as c_int }
    }
}
