//! HTTP/1.1 as an edge speaks it, over whatever carries it: sends requests and reads one answer at a time.

use super::{Ending, Request, openssl, plain::Plain, s2n};
use crate::lab::Lab;
use anyhow::{Context as _, Result, bail};
use std::time::{Duration, Instant};

/// A connection that carries HTTP.
pub(crate) trait Line {
    /// Sends bytes.
    fn send(&mut self, bytes: &[u8]) -> Result<()>;
    /// Reads once; nothing is an end, a reset, or patience run out.
    fn receive(&mut self) -> Result<Vec<u8>>;
    /// How long a read may take before it gives up with nothing.
    fn patience(&mut self, limit: Duration) -> Result<()>;
    /// Ends the connection.
    fn end(self, ending: Ending) -> Result<()>;
}

/// An edge with one connection.
pub(crate) struct Http<L> {
    line: L,
    /// What was read beyond the last answer.
    unread: Vec<u8>,
}

/// An answer that is complete.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
}

impl Http<Plain> {
    /// Connects to a port in clear text.
    pub(crate) fn plain(lab: &mut Lab, port: u16) -> Result<Self> {
        Ok(Http::over(Plain::connect(lab, port)?))
    }
}

impl Http<s2n::Session> {
    /// Connects to port 443 and shakes hands as CloudFront does.
    pub(crate) fn tls(lab: &mut Lab) -> Result<Self> {
        Http::tls_by(lab, &s2n::S2n::DEFAULT)
    }

    /// The same, with another policy.
    pub(crate) fn tls_by(lab: &mut Lab, edge: &s2n::S2n) -> Result<Self> {
        Ok(Http::over(edge.connect(lab, 443)?.context("the handshake failed")?))
    }
}

impl<L: Line> Http<L> {
    /// Over a connection that is open.
    pub(crate) fn over(line: L) -> Self {
        Http { line, unread: Vec::new() }
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, request: &Request) -> Result<()> {
        self.line.send(&request.to_bytes())
    }

    /// Ends the edge's side and goes on reading.
    pub(crate) fn shut(&mut self) -> Result<()>
    where
        L: AsRef<std::net::TcpStream>,
    {
        Ok(self.line.as_ref().shutdown(std::net::Shutdown::Write)?)
    }

    /// Sends bytes as they are.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.line.send(bytes)
    }

    /// Reads the next answer, after any 1xx but 101; `None` if the connection ends, or patience does, before it is complete.
    pub(crate) fn answer(&mut self) -> Result<Option<Answer>> {
        self.next(false)
    }

    /// The same for the answer to a HEAD.
    pub(crate) fn answer_to_head(&mut self) -> Result<Option<Answer>> {
        self.next(true)
    }

    /// Sends a GET and takes for an error an answer with another status.
    pub(crate) fn get(&mut self, target: &str, status: u16) -> Result<Answer> {
        self.send(&Request::get(target))?;
        self.expect(status)
    }

    /// Reads the next answer and takes for an error another status.
    pub(crate) fn expect(&mut self, status: u16) -> Result<Answer> {
        let answer = self.answer()?.with_context(|| format!("no complete answer: {}", self.what_came()))?;
        if answer.status != status {
            bail!("the origin answered {}", answer.head);
        }
        Ok(answer)
    }

    /// Takes an answer, if it comes, for an error.
    pub(crate) fn expect_none(&mut self) -> Result<()> {
        match self.answer()? {
            Some(answer) => bail!("the origin answered {}", answer.head),
            None => Ok(()),
        }
    }

    /// Waits this long from now for an answer that is not to come. What a TLS server sends unasked (its tickets) is
    /// read soon: it would turn the FIN of a socket that is closed into a RST.
    pub(crate) fn wait_in_vain(&mut self, limit: Duration) -> Result<()> {
        // A socket's own timeout is late by up to an eighth; a sleep is not.
        let until = Instant::now() + limit;
        self.patience(limit / 4)?;
        self.expect_none()?;
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        Ok(())
    }

    /// Reads one of the interim answers, or the head of any other.
    pub(crate) fn expect_head(&mut self, status: u16) -> Result<String> {
        let head = self.head()?.with_context(|| format!("no head: {}", self.what_came()))?;
        if status_of(&head) != Some(status) {
            bail!("the origin answered {head}");
        }
        Ok(head)
    }

    /// Reads once, whatever comes.
    pub(crate) fn receive(&mut self) -> Result<Vec<u8>> {
        self.line.receive()
    }

    /// Reads until nothing more comes: the end, or patience.
    pub(crate) fn receive_all(&mut self) -> Result<Vec<u8>> {
        while self.more()? {}
        Ok(std::mem::take(&mut self.unread))
    }

    /// How long the edge waits for the origin.
    pub(crate) fn patience(&mut self, limit: Duration) -> Result<()> {
        self.line.patience(limit)
    }

    /// Ends the connection.
    pub(crate) fn end(self, ending: Ending) -> Result<()> {
        self.line.end(ending)
    }

    fn next(&mut self, to_head: bool) -> Result<Option<Answer>> {
        loop {
            let Some(head) = self.head()? else { return Ok(None) };
            let status = status_of(&head).with_context(|| format!("no status in {head}"))?;
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let bodiless = to_head || matches!(status, 101 | 204 | 304);
            let whole = bodiless || self.body(&head)?.is_some();
            return Ok(whole.then_some(Answer { status, head }));
        }
    }

    fn head(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                return Ok(Some(String::from_utf8_lossy(&self.take(at + 4)).into_owned()));
            }
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    fn body(&mut self, head: &str) -> Result<Option<Vec<u8>>> {
        let head = head.to_ascii_lowercase();
        if head.contains("transfer-encoding: chunked") {
            while find(&self.unread, b"0\r\n\r\n").is_none() {
                if !self.more()? {
                    return Ok(None);
                }
            }
            let end = find(&self.unread, b"0\r\n\r\n").map_or(0, |at| at + 5);
            return Ok(Some(self.take(end)));
        }
        let Some((_, after)) = head.split_once("content-length: ") else {
            while self.more()? {}
            return Ok(Some(std::mem::take(&mut self.unread)));
        };
        let length: usize = after.split("\r\n").next().unwrap_or_default().trim().parse()?;
        while self.unread.len() < length {
            if !self.more()? {
                return Ok(None);
            }
        }
        Ok(Some(self.take(length)))
    }

    fn more(&mut self) -> Result<bool> {
        let bytes = self.line.receive()?;
        self.unread.extend(&bytes);
        Ok(!bytes.is_empty())
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.unread.drain(..length).collect()
    }

    fn what_came(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(self.unread.get(..200).unwrap_or(&self.unread)))
    }
}

impl Line for Plain {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Plain::send(self, bytes)
    }

    fn receive(&mut self) -> Result<Vec<u8>> {
        self.read_some()
    }

    fn patience(&mut self, limit: Duration) -> Result<()> {
        Plain::patience(self, limit)
    }

    fn end(self, ending: Ending) -> Result<()> {
        Plain::end(self, ending)
    }
}

impl Line for s2n::Session {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        s2n::Session::send(self, bytes)
    }

    fn receive(&mut self) -> Result<Vec<u8>> {
        Ok(self.read_some())
    }

    fn patience(&mut self, limit: Duration) -> Result<()> {
        s2n::Session::patience(self, limit)
    }

    fn end(self, ending: Ending) -> Result<()> {
        s2n::Session::end(self, ending)
    }
}

impl Line for openssl::Session {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        openssl::Session::send(self, bytes)
    }

    fn receive(&mut self) -> Result<Vec<u8>> {
        self.read_some()
    }

    fn patience(&mut self, limit: Duration) -> Result<()> {
        openssl::Session::patience(self, limit)
    }

    fn end(self, ending: Ending) -> Result<()> {
        openssl::Session::end(self, ending)
    }
}

fn status_of(head: &str) -> Option<u16> {
    head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
