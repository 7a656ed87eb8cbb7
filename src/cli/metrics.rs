//! `--metrics`: counters for Prometheus, over HTTP.
//!
//! A page that is asked for some times in a minute, by one program on this host, needs no server framework: a request is
//! read up to its empty line, and answered.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use why502::report::Metrics;

/// The most bytes of a request that are read.
const MAX_REQUEST: usize = 8 * 1024;

/// How long one who asks may take for it; the next one waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is counted and told.
pub(super) type Shared = Arc<Mutex<Metrics>>;

/// An address that is listened on, and nobody is answered yet.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|e| format!("--metrics {address}: {e}"))
}

/// Answers from now on, one after the other.
pub(super) fn serve(listener: TcpListener, metrics: Shared) -> io::Result<()> {
    let answer_all = move || {
        for stream in listener.incoming() {
            match stream {
                // Who goes away or takes too long gets no answer.
                Ok(stream) => drop(answer(stream, &metrics)),
                Err(_) => std::thread::sleep(PATIENCE),
            }
        }
    };
    std::thread::Builder::new().name("metrics".to_owned()).spawn(answer_all).map(drop)
}

fn answer(mut stream: TcpStream, metrics: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    let until = Instant::now() + PATIENCE;
    while !request.windows(4).any(|w| w == b"\r\n\r\n") && request.len() < MAX_REQUEST && Instant::now() < until {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            break;
        }
        request.extend_from_slice(piece.get(..n).unwrap_or_default());
    }
    let asks = |path: &str| request.starts_with(format!("GET {path} HTTP/1.").as_bytes());
    let (status, page) = if asks("/metrics") || asks("/") {
        ("200 OK", metrics.lock().unwrap_or_else(PoisonError::into_inner).page())
    } else {
        ("404 Not Found", "GET /metrics\n".to_owned())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(page.as_bytes())
}
