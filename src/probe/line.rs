//! One connection to the origin: a socket, TLS where it is spoken, and the tape on which all of it is kept.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use why502_edge_tls::Client;

use super::tape::{Tape, Track};
use super::unread::unread;

/// Read at once from a socket.
const CHUNK: usize = 64 * 1024;
/// A peer that takes longer to acknowledge than this is asked for.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(200);
/// An origin that has said in TLS that it ends closes its socket within this time, or not for that.
const ENDS_WITHIN: Duration = Duration::from_millis(500);

/// How asking for a connection ended.
pub(super) enum Connected {
    Open(Line),
    /// By RST.
    Refused,
    /// Not within the time.
    Silent,
    /// This host could not even ask, or a router said no.
    Failed(io::Error),
}

/// What came of a wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Bytes, decrypted where there is TLS.
    Bytes(Vec<u8>),
    /// The origin has ended its side.
    End,
    Reset,
    /// Nothing, for so long.
    Silence,
    /// The TLS library does not go on: why.
    Broken(String),
}

/// An open connection.
pub(super) struct Line {
    stream: TcpStream,
    track: Track,
    tls: Option<Client>,
    /// How many bytes of secrets are on the tape.
    learnt: usize,
    over: bool,
}

impl Line {
    /// Asks for a connection, once.
    pub(super) fn connect(tape: &mut Tape, server: SocketAddr, limit: Duration) -> Connected {
        let begun = Instant::now();
        let before = tape.now();
        match TcpStream::connect_timeout(&server, limit) {
            Ok(stream) => {
                let Ok(client) = stream.local_addr() else { return Connected::Failed(ErrorKind::NotConnected.into()) };
                let _ = stream.set_nodelay(true);
                let mut track = Track::ask(tape, client, server, before);
                track.accepted(tape);
                Connected::Open(Line { stream, track, tls: None, learnt: 0, over: false })
            }
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
                Track::ask(tape, local(server), server, before).refused(tape);
                Connected::Refused
            }
            Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                Track::ask(tape, local(server), server, before);
                tape.remark(&format!("why502 probe: no answer within {:.1} s", begun.elapsed().as_secs_f64()));
                Connected::Silent
            }
            Err(e) => Connected::Failed(e),
        }
    }

    /// Shakes hands; `Err` says why not, where the origin or the library ended it.
    pub(super) fn shake_hands(&mut self, tape: &mut Tape, client: Client, limit: Duration) -> Result<(), Came> {
        self.tls = Some(client);
        let until = Instant::now() + limit;
        loop {
            let Some(tls) = &mut self.tls else { return Err(Came::End) };
            let done = tls.negotiate();
            let out = tls.take_out();
            self.learn(tape);
            self.put(tape, &out);
            match done {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(why) => return Err(Came::Broken(why.to_string())),
            }
            match self.take(tape, until.saturating_duration_since(Instant::now())) {
                Came::Bytes(bytes) => self.tls.iter_mut().for_each(|tls| tls.take_in(&bytes)),
                other => return Err(other),
            }
        }
    }

    /// The protocol that ALPN chose.
    pub(super) fn alpn(&self) -> Option<&[u8]> {
        self.tls.as_ref()?.alpn()
    }

    /// Sends bytes, by TLS where there is any.
    pub(super) fn send(&mut self, tape: &mut Tape, bytes: &[u8]) {
        let Some(tls) = &mut self.tls else { return self.put(tape, bytes) };
        let mut rest = bytes;
        while !rest.is_empty() {
            match tls.send(rest) {
                Ok(n @ 1..) => rest = rest.get(n..).unwrap_or_default(),
                Ok(0) | Err(_) => break,
            }
        }
        let out = tls.take_out();
        self.put(tape, &out);
    }

    /// Sends bytes as they are, before TLS.
    pub(super) fn send_clear(&mut self, tape: &mut Tape, bytes: &[u8]) {
        self.put(tape, bytes);
    }

    /// Waits for bytes.
    pub(super) fn receive(&mut self, tape: &mut Tape, limit: Duration) -> Came {
        let until = Instant::now() + limit;
        loop {
            if let Some(came) = self.decrypted(tape) {
                return came;
            }
            match self.take(tape, until.saturating_duration_since(Instant::now())) {
                Came::Bytes(bytes) => match &mut self.tls {
                    Some(tls) => tls.take_in(&bytes),
                    None => return Came::Bytes(bytes),
                },
                Came::End if self.tls.is_some() => {
                    self.tls.iter_mut().for_each(Client::end_in);
                    return match self.decrypted(tape) {
                        Some(Came::Bytes(bytes)) => Came::Bytes(bytes),
                        _ => Came::End,
                    };
                }
                other => return other,
            }
        }
    }

    /// Closes as a program does that has said what it wanted, and reads what still comes.
    pub(super) fn close(mut self, tape: &mut Tape) {
        if self.over {
            return;
        }
        if let Some(tls) = &mut self.tls {
            tls.close();
            let out = tls.take_out();
            self.put(tape, &out);
        }
        self.end(tape);
    }

    /// Closes without a word: s2n-tls has none after a refused certificate. What is unread makes a RST of it.
    pub(super) fn drop_it(mut self, tape: &mut Tape) {
        self.learn(tape);
        if self.over {
            return;
        }
        if unread(&self.stream) > 0 {
            self.track.client_resets(tape);
            return;
        }
        self.end(tape);
    }

    fn end(&mut self, tape: &mut Tape) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.track.client_ends(tape);
        // The other side's end is worth a moment.
        let until = Instant::now() + ACKNOWLEDGED_WITHIN;
        while matches!(self.take(tape, until.saturating_duration_since(Instant::now())), Came::Bytes(_)) {}
    }

    fn decrypted(&mut self, tape: &mut Tape) -> Option<Came> {
        let tls = self.tls.as_mut()?;
        let mut buffer = vec![0; CHUNK];
        let read = tls.receive(&mut buffer);
        let out = tls.take_out();
        self.put(tape, &out);
        match read {
            Ok(None) => None,
            Ok(Some(0)) => {
                // It has said that it ends; what its socket does then belongs to that.
                let until = Instant::now() + ENDS_WITHIN;
                while matches!(self.take(tape, until.saturating_duration_since(Instant::now())), Came::Bytes(_)) {}
                Some(Came::End)
            }
            Ok(Some(n)) => {
                buffer.truncate(n);
                Some(Came::Bytes(buffer))
            }
            Err(why) => Some(Came::Broken(why.to_string())),
        }
    }

    fn learn(&mut self, tape: &mut Tape) {
        let secrets = self.tls.as_ref().map(Client::secrets).unwrap_or_default();
        tape.learn(secrets.get(self.learnt..).unwrap_or_default());
        self.learnt = secrets.len();
    }

    /// Writes to the socket. An error shows in the next read.
    fn put(&mut self, tape: &mut Tape, bytes: &[u8]) {
        if !bytes.is_empty() && !self.over {
            let _ = self.stream.set_write_timeout(Some(Duration::from_secs(30)));
            // On the tape first: an answer may come before the call returns.
            self.track.sent(tape, bytes);
            let _ = self.stream.write_all(bytes);
        }
    }

    /// Reads from the socket.
    fn take(&mut self, tape: &mut Tape, limit: Duration) -> Came {
        let mut buffer = vec![0; CHUNK];
        let short = limit.min(ACKNOWLEDGED_WITHIN);
        let waits = [short, limit.saturating_sub(short)];
        for wait in waits.into_iter().filter(|wait| !wait.is_zero()) {
            let _ = self.stream.set_read_timeout(Some(wait));
            match read(&mut self.stream, &mut buffer) {
                Ok(0) => {
                    self.track.server_ends(tape);
                    self.over = true;
                    return Came::End;
                }
                Ok(n) => {
                    buffer.truncate(n);
                    self.track.received(tape, &buffer);
                    return Came::Bytes(buffer);
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if super::unread::is_acknowledged(&self.stream) {
                        self.track.acknowledged(tape);
                    }
                }
                Err(_) => {
                    self.track.server_resets(tape);
                    self.over = true;
                    return Came::Reset;
                }
            }
        }
        Came::Silence
    }
}

fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Where a connection came from that was never open: the socket is gone and its port with it. The port is made up.
fn local(server: SocketAddr) -> SocketAddr {
    use std::sync::atomic::{AtomicU16, Ordering};
    /// The dynamic ports of IANA begin here.
    static NEXT: AtomicU16 = AtomicU16::new(49_152);
    let port = NEXT.fetch_add(1, Ordering::Relaxed);
    let unknown: std::net::IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // Which address would be used: no packet is sent for it.
    let ip = std::net::UdpSocket::bind((unknown, 0))
        .and_then(|socket| socket.connect(server).and_then(|()| socket.local_addr()))
        .map_or(unknown, |address| address.ip());
    SocketAddr::new(ip, port)
}
