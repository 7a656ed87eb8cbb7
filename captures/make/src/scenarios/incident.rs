//! An incident: requests for half a minute, some of which fail in one way and some in another, with the logs of all that
//! took part. For what joins logs with captures; no cause is shown by it.

use crate::certs::Leaf;
use crate::edge::http::Http;
use crate::edge::plain::Plain;
use crate::edge::record::{self, Entry};
use crate::edge::s2n::S2n;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::Scenario;
use crate::servers::{gunicorn, nginx};
use anyhow::{Context as _, Result};
use std::time::Duration;

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    path: "incident/logs/cloudfront",
    title: "five kinds of failures, ten requests that never reach the host, and logs in each format",
    fault: "nginx closes without an answer (`return 444`), or answers 502 for its dead upstream; nothing listens on 8081; \
            the certificate on 443 has expired; gunicorn's application is slow on 8000, or dies and answers when it is \
            asked again. Ten requests are only in the logs. The edge wrote its logs from its own record, the load \
            balancer's as well; nginx wrote its own.",
    also: &[
        "http.closed-before-response",
        "app.origin-502",
        "tcp.port-closed",
        "tls.certificate-expired",
        "http.response-timeout",
    ],
    references: &["Amazon CloudFront Developer Guide, standard logging reference"],
    play: |lab| Incident::play(lab, 321),
    ..Scenario::BLANK
}];

/// The servers of nginx.
const SITES: &str = "log_format timed '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
     \"$http_referer\" \"$http_user_agent\" $request_time';\n\
     server { listen 80; access_log access.log timed;\n\
     location / { return 200 \"hello\\n\"; }\nlocation /cart { return 444; }\n\
     location /api { proxy_pass http://127.0.0.1:9; } }";

/// Slow, or dead at the first of two attempts.
const APPLICATION: &str = "import os, time\ndef app(environ, start_response):\n    path = environ['PATH_INFO']\n    \
     mark = path.replace('/', '_')\n    if path.startswith('/flaky') and not os.path.exists(mark):\n        \
     open(mark, 'w').close()\n        os._exit(1)\n    if path.startswith('/slow'):\n        time.sleep(3)\n    \
     start_response('200 OK', [('Content-Length', '3')])\n    return [b'ok\\n']\n";

/// How long a pause between two kinds of failures is: logs tell whole seconds.
const PAUSE: Duration = Duration::from_millis(2_600);

/// Requests for which a connection is kept.
const KEPT: usize = 40;

/// The edge and its record.
struct Incident<'l> {
    lab: &'l mut Lab,
    entries: Vec<Entry>,
}

/// What the origin gave.
enum Got {
    Status(u16),
    Nothing,
}

impl Incident<'_> {
    fn play(lab: &mut Lab, healthy: usize) -> Result<()> {
        let files = Leaf { not_after: -1, ..Leaf::GOOD }.issue(lab)?;
        let secure = format!("server {{ listen 443 ssl; ssl_protocols TLSv1.2; {} }}", nginx::certificate(&files));
        gunicorn::on(lab, 8_000, &["--workers", "4"], APPLICATION)?;
        nginx::http(lab, 80, &format!("{SITES}\n{secure}"))?;
        lab.note_server("nginx, gunicorn");
        let mut incident = Incident { lab, entries: Vec::new() };
        incident.healthy(healthy)?;
        for n in 0..12 {
            incident.closed(n)?;
        }
        incident.healthy(healthy)?;
        for n in 0..12 {
            incident.relayed(n)?;
        }
        std::thread::sleep(PAUSE);
        // Errors stay in CloudFront's cache for 10 s: a viewer gets one of the first kind again.
        incident.unasked("/cart/11", "Error", "Error", 502)?;
        incident.unasked("/cart/10", "Error", "Error", 502)?;
        incident.healthy(healthy)?;
        for n in 0..10 {
            incident.refused(n)?;
        }
        std::thread::sleep(PAUSE);
        incident.healthy(healthy)?;
        for n in 0..8 {
            incident.flaky(n)?;
        }
        for n in 0..3 {
            incident.unasked(&format!("/dns/{n}"), "Error", "OriginDnsError", 502)?;
        }
        std::thread::sleep(PAUSE);
        for n in 0..10 {
            incident.expired(n)?;
        }
        std::thread::sleep(PAUSE);
        for n in 0..3 {
            incident.unasked(&format!("/filtered/{n}"), "Error", "OriginConnectError", 502)?;
        }
        for n in 0..2 {
            incident.unasked(&format!("/edge/{n}"), "LambdaExecutionError", "LambdaExecutionError", 503)?;
        }
        incident.healthy(healthy)?;
        for n in 0..6 {
            incident.slow(n)?;
        }
        incident.healthy(healthy)?;
        std::thread::sleep(PAUSE);
        incident.healthy(6)?;
        incident.keep()
    }

    /// Requests that go well.
    fn healthy(&mut self, n: usize) -> Result<()> {
        for first in (0..n).step_by(KEPT) {
            self.on_one_connection(KEPT.min(n - first))?;
        }
        Ok(())
    }

    fn on_one_connection(&mut self, n: usize) -> Result<()> {
        let mut http = Http::plain(self.lab, 80)?;
        for i in 0..n {
            let path = format!("/page/{}/{i}", self.entries.len());
            let start = record::now()?;
            let request = Request::get(&path);
            http.send(&request)?;
            http.expect(200)?;
            self.note(start, &request, "GET", &path, Answer { status: 200, ..Answer::FINE }, Some(80))?;
            std::thread::sleep(Duration::from_millis(7));
        }
        http.end(Ending::Fin)
    }

    fn closed(&mut self, n: usize) -> Result<()> {
        let answer = Answer::failed(502, "OriginReadError", "http.closed-before-response");
        self.tries("GET", 80, &format!("/cart/{n}"), 3, answer)
    }

    fn relayed(&mut self, n: usize) -> Result<()> {
        let answer = Answer { origin: Some(502), ..Answer::failed(502, "OriginError", "app.origin-502") };
        self.tries("GET", 80, &format!("/api/{n}"), 1, answer)
    }

    fn flaky(&mut self, n: usize) -> Result<()> {
        self.tries("GET", 8_000, &format!("/flaky/{n}"), 3, Answer { truth: "retried", ..Answer::FINE })
    }

    fn slow(&mut self, n: usize) -> Result<()> {
        self.tries(
            "POST",
            8_000,
            &format!("/slow/{n}"),
            1,
            Answer::failed(504, "OriginCommError", "http.response-timeout"),
        )
    }

    /// Asks up to so many times, each on a connection of its own, until there is an answer.
    fn tries(&mut self, method: &'static str, port: u16, path: &str, times: usize, answer: Answer) -> Result<()> {
        let request = Request::new(method, path);
        let start = record::now()?;
        for _ in 0..times {
            let mut http = Http::plain(self.lab, port)?;
            http.patience(Duration::from_secs(1))?;
            http.send(&request)?;
            let got = http.answer()?.map_or(Got::Nothing, |a| Got::Status(a.status));
            http.end(Ending::Drop)?;
            if let Got::Status(status) = got {
                anyhow::ensure!(status == answer.origin.unwrap_or(200), "{path}: {status}");
                break;
            }
        }
        self.note(start, &request, method, path, answer, Some(port))?;
        std::thread::sleep(Duration::from_millis(30));
        Ok(())
    }

    fn refused(&mut self, n: usize) -> Result<()> {
        let start = record::now()?;
        for _ in 0..3 {
            anyhow::ensure!(Plain::connect(self.lab, 8_081).is_err(), "something listens on 8081");
        }
        let path = format!("/other-port/{n}");
        let answer = Answer::failed(502, "OriginConnectError", "tcp.port-closed");
        self.note(start, &Request::get(&path), "GET", &path, answer, Some(8_081))?;
        std::thread::sleep(Duration::from_millis(60));
        Ok(())
    }

    fn expired(&mut self, n: usize) -> Result<()> {
        let start = record::now()?;
        S2n { ..S2n::DEFAULT }.must_fail(self.lab, 443)?;
        let path = format!("/secure/{n}");
        let answer = Answer::failed(502, "OriginConnectError", "tls.certificate-expired");
        self.note(start, &Request::get(&path), "GET", &path, answer, Some(443))?;
        std::thread::sleep(Duration::from_millis(60));
        Ok(())
    }

    /// An answer that the edge gives by itself.
    fn unasked(&mut self, path: &str, result: &'static str, detail: &'static str, status: u16) -> Result<()> {
        let start = record::now()?;
        let request = Request::get(path).header("X-Again", &self.entries.len().to_string());
        let answer = Answer { status, result, detail, origin: None, truth: "never" };
        self.note(start, &request, "GET", path, answer, None)?;
        std::thread::sleep(Duration::from_millis(20));
        Ok(())
    }

    fn note(
        &mut self,
        start: u64,
        request: &Request,
        method: &'static str,
        path: &str,
        answer: Answer,
        port: Option<u16>,
    ) -> Result<()> {
        let Answer { status, result, detail, origin, truth } = answer;
        let (id, path, end) = (request.id(), path.to_owned(), record::now()?);
        self.entries.push(Entry {
            start,
            end,
            id,
            method,
            path,
            status,
            result,
            detail,
            origin_status: origin,
            port,
            truth,
        });
        Ok(())
    }

    /// Writes the logs.
    fn keep(self) -> Result<()> {
        let Incident { lab, entries } = self;
        std::thread::sleep(Duration::from_millis(300));
        lab.note_edge("plain TCP sockets and s2n-tls, requests as CloudFront sends them");
        let nginx = std::fs::read(lab.directory().join("access.log")).context("nginx wrote no log")?;
        lab.keep_file("nginx.log", nginx);
        for (name, log) in [
            ("standard.log.gz", record::standard(&entries)),
            ("v2.json.gz", record::json(&entries)),
            ("real-time.tsv.gz", record::real_time(&entries)),
            ("load-balancer.log.gz", record::load_balancer(&entries)),
            ("truth.tsv.gz", record::truth(&entries)),
        ] {
            lab.keep_file(name, record::gzip(&log)?);
        }
        lab.keep_file("real-time.fields", format!("{}\n", record::REAL_TIME));
        Ok(())
    }
}

/// What a viewer got.
struct Answer {
    status: u16,
    result: &'static str,
    detail: &'static str,
    origin: Option<u16>,
    truth: &'static str,
}

impl Answer {
    const FINE: Answer = Answer { status: 200, result: "Miss", detail: "Miss", origin: Some(200), truth: "fine" };

    fn failed(status: u16, detail: &'static str, truth: &'static str) -> Answer {
        Answer { status, result: "Error", detail, origin: None, truth }
    }
}
