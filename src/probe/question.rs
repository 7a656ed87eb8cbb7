//! One question: a connection, a handshake, and requests on it.

use std::net::SocketAddr;
use std::time::Duration;

use why502_edge_tls::{Client, Setup};

use super::line::{Came, Connected, Line};
use super::reply::{self, Ending, Reply};
use super::request::Request;
use super::tape::Tape;

/// How TLS is to be spoken.
#[derive(Debug, Clone)]
pub(super) struct Tls<'s> {
    pub(super) policy: &'s str,
    pub(super) sni: Option<&'s str>,
    pub(super) names: &'s [String],
    pub(super) alpn: &'s [&'s str],
    pub(super) trust: &'s [String],
    pub(super) identity: Option<(&'s [u8], &'s [u8])>,
    pub(super) verify: bool,
}

/// How long the edge waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection, and the handshake on it.
    pub connect: Duration,
    /// How often it tries to connect.
    pub attempts: u32,
    /// For the first byte of a response, and between two packets of it.
    pub read: Duration,
}

/// What is sent on a connection.
#[derive(Debug, Clone)]
pub(super) struct Question<'s> {
    pub(super) servers: &'s [SocketAddr],
    pub(super) tls: Option<Tls<'s>>,
    /// A PROXY protocol header, before all else.
    pub(super) introduction: &'s [u8],
    pub(super) requests: &'s [Request],
    pub(super) patience: Patience,
}

/// How a question ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// This host could not even ask.
    Unreachable(String),
    /// No connection came about.
    NoConnection,
    /// The handshake failed; why, as the library says, where it is the library that does not go on.
    NoHandshake(Option<String>),
    /// Requests were sent: what came, to as many as were answered.
    Asked(Vec<Reply>),
}

impl Outcome {
    pub(super) fn replies(&self) -> &[Reply] {
        match self {
            Outcome::Asked(replies) => replies,
            _ => &[],
        }
    }
}

impl Question<'_> {
    /// Asks.
    ///
    /// # Errors
    /// Where the TLS library cannot use what it was given.
    pub(super) fn ask(&self, tape: &mut Tape) -> Result<Outcome, String> {
        // A store of trust anchors takes a while to read: not the origin's time.
        let client = self.tls.as_ref().map(Tls::client).transpose()?;
        let mut line = match self.connect(tape) {
            Ok(line) => line,
            Err(outcome) => return Ok(outcome),
        };
        if !self.introduction.is_empty() {
            line.send_clear(tape, self.introduction);
        }
        if let Some(client) = client
            && let Err(came) = line.shake_hands(tape, client, self.patience.connect)
        {
            let why = match came {
                Came::Broken(why) => Some(why),
                _ => None,
            };
            line.drop_it(tape);
            return Ok(Outcome::NoHandshake(why));
        }
        Ok(Outcome::Asked(self.converse(line, tape)))
    }

    /// Tries as often as the edge does, each time the next address.
    pub(super) fn connect(&self, tape: &mut Tape) -> Result<Line, Outcome> {
        let mut last = Outcome::Unreachable("there is no address to connect to".to_owned());
        let tries = self.servers.iter().cycle().take(if self.servers.is_empty() { 0 } else { self.attempts() });
        for &server in tries {
            match Line::connect(tape, server, self.patience.connect) {
                Connected::Open(line) => return Ok(line),
                Connected::Failed(why) => last = Outcome::Unreachable(format!("{server}: {why}")),
                Connected::Refused | Connected::Silent => last = Outcome::NoConnection,
            }
        }
        Err(last)
    }

    fn attempts(&self) -> usize {
        usize::try_from(self.patience.attempts).unwrap_or(usize::MAX)
    }

    /// Sends one request after the other as long as the connection lasts.
    fn converse(&self, mut line: Line, tape: &mut Tape) -> Vec<Reply> {
        let mut replies = Vec::new();
        for request in self.requests {
            line.send(tape, &request.to_bytes());
            let reply = reply::read(&mut line, tape, request.method == "HEAD", self.patience.read);
            let ending = reply.ending.clone();
            replies.push(reply);
            match ending {
                Ending::Complete => {}
                // What CloudFront does with it is not known.
                Ending::Broken(why) => {
                    tape.remark(&format!("why502 probe: stopped reading: {why}"));
                    line.drop_it(tape);
                    return replies;
                }
                _ => break,
            }
        }
        line.close(tape);
        replies
    }
}

impl Tls<'_> {
    pub(super) fn client(&self) -> Result<Client, String> {
        Client::new(&Setup {
            policy: self.policy,
            sni: self.sni,
            names: self.names,
            alpn: self.alpn,
            trust: self.trust,
            identity: self.identity,
            verify: self.verify,
        })
        .map_err(|why| format!("the TLS library refuses what it was given: {why}"))
    }
}
