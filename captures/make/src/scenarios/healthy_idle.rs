//! Idle connections that the origin closes, and nothing is lost: its half of a race that nobody ran.

use super::http_response::hello_by_apache;
use crate::edge::Ending;
use crate::edge::http::Http;
use crate::lab::Lab;
use crate::scenario::{Family, Scenario};
use crate::servers::{gunicorn, nginx, tomcat, uvicorn};
use anyhow::{Result, ensure};

const KEPT: &str = "RFC 9112 section 9.3";

/// Connections that are kept until the origin closes them.
const CONNECTIONS: usize = 3;

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "healthy/idle-closes-apache",
        title: "Apache closes what is idle for 2 s",
        fault: "None. `KeepAliveTimeout 2`; three connections, one after the other, on which nothing is owed.",
        references: &[KEPT],
        play: |lab| {
            hello_by_apache(lab, "KeepAliveTimeout 2")?;
            idle(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/idle-closes-gunicorn",
        title: "gunicorn closes what is idle for 3 s",
        fault: "None. `--keep-alive 3`, threads; three connections, one after the other, on which nothing is owed.",
        references: &[KEPT],
        play: |lab| {
            let application = "def app(environ, start_response):\n    \
                               start_response('200 OK', [('Content-Length', '6')])\n    return [b'hello\\n']\n";
            let options = ["--workers", "1", "--worker-class", "gthread", "--threads", "2", "--keep-alive", "3"];
            gunicorn::http(lab, &options, application)?;
            idle(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/idle-closes-uvicorn-ipv6",
        title: "uvicorn closes what is idle for 2 s, IPv6",
        fault: "None. `--timeout-keep-alive 2`; three connections, one after the other, on which nothing is owed.",
        references: &[KEPT],
        family: Family::V6,
        play: |lab| {
            uvicorn::http(lab, &["--timeout-keep-alive", "2"])?;
            idle(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/idle-closes-tomcat",
        title: "Tomcat closes what is idle for 2 s",
        fault: "None. `keepAliveTimeout=\"2000\"` of the Connector; three connections, one after the other, on which \
                nothing is owed.",
        references: &[KEPT],
        play: |lab| {
            tomcat::start(lab, "keepAliveTimeout=\"2000\"")?;
            idle(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/closed-after-two-requests",
        title: "nginx closes after the second request of each connection",
        fault: "None. `keepalive_requests 2`: nginx says `Connection: close` with the second response.",
        references: &[KEPT],
        play: |lab| {
            nginx::http(
                lab,
                80,
                "server { listen 80; keepalive_requests 2; location / { return 200 \"hello\\n\"; } }",
            )?;
            for _ in 0..CONNECTIONS {
                let mut http = Http::plain(lab, 80)?;
                http.get("/", 200)?;
                http.get("/", 200)?;
                http.end(Ending::Fin)?;
            }
            Ok(())
        },
        ..Scenario::BLANK
    },
];

/// Connections with one exchange each, until the origin closes them.
fn idle(lab: &mut Lab) -> Result<()> {
    for _ in 0..CONNECTIONS {
        let mut http = Http::plain(lab, 80)?;
        http.get("/", 200)?;
        ensure!(http.receive_all()?.is_empty(), "more came");
        http.end(Ending::Fin)?;
    }
    Ok(())
}
