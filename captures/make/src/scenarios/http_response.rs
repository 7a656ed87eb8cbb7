//! `http.*` from the first byte of a response on.

use crate::certs::Leaf;
use crate::edge::http::{Http, Line};
use crate::edge::plain::Plain;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::pcap::{FIN, Packet};
use crate::scenario::{Family, Over, Scenario};
use crate::servers::{apache, dropbear, gunicorn, haproxy, nginx, node};
use anyhow::{Result, ensure};
use std::time::Duration;

/// Sections of RFC 9112 on incomplete messages, status lines, and the end of connections.
const INCOMPLETE: &str = "RFC 9112 section 8";
const STATUS_LINE: &str = "RFC 9112 section 4";
const TEAR_DOWN: &str = "RFC 9112 section 9.6";
const RACE: &str = "RFC 9112 section 9.3.1";
const RESETTING: &str = "RFC 9293 section 3.6.1";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "http/reset-in-response/node-reset-and-destroy",
        title: "Node.js resets in the middle, Content-Length",
        fault: "The handler promises 20,000 bytes, writes 5,000 and calls `resetAndDestroy()`.",
        references: &[INCOMPLETE, RESETTING],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                           answer.write('x'.repeat(5000)); setTimeout(() => request.socket.resetAndDestroy(), 50); }";
            node::http(lab, 80, handler)?;
            cut_short(Http::plain(lab, 80)?, &Request::get("/video"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/reset-in-response/gunicorn-killed-with-unread-body-ipv6",
        title: "gunicorn, the worker is killed in a chunked answer while the POST lies unread, IPv6",
        fault: "The application answers before it has read the body; the worker gets SIGKILL, and the kernel resets \
                because of the unread bytes.",
        also: &["http.request-not-read"],
        references: &["RFC 9112 section 7.1", INCOMPLETE, RESETTING],
        family: Family::V6,
        play: |lab| {
            let application = "import os, signal, time\ndef app(environ, start_response):\n    \
                               start_response('200 OK', [('Content-Type', 'text/csv')])\n    \
                               yield b'id;name\\n'\n    time.sleep(0.2)\n    yield b'1;anna\\n'\n    \
                               time.sleep(0.1)\n    os.kill(os.getpid(), signal.SIGKILL)\n";
            gunicorn::http(lab, &["--workers", "1"], application)?;
            cut_short(Http::plain(lab, 80)?, &Request::new("POST", "/import").body(&[b'x'; 20_000]))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-in-response/node-destroy",
        title: "Node.js closes in the middle, Content-Length",
        fault: "The handler promises 20,000 bytes, writes 5,000 and destroys the socket.",
        references: &[INCOMPLETE],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                           answer.write('x'.repeat(5000)); setTimeout(() => request.socket.destroy(), 50); }";
            node::http(lab, 80, handler)?;
            cut_short(Http::plain(lab, 80)?, &Request::get("/video"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-in-response/gunicorn-killed-chunked",
        title: "gunicorn, the worker is killed in a chunked answer",
        fault: "The worker gets SIGKILL after the second chunk: the last chunk never comes.",
        references: &["RFC 9112 section 7.1", INCOMPLETE],
        play: |lab| {
            let application = "import os, signal, time\ndef app(environ, start_response):\n    \
                               start_response('200 OK', [('Content-Type', 'text/csv')])\n    \
                               yield b'id;name\\n'\n    yield b'1;anna\\n'\n    time.sleep(0.1)\n    \
                               os.kill(os.getpid(), signal.SIGKILL)\n";
            gunicorn::http(lab, &["--workers", "1"], application)?;
            cut_short(Http::plain(lab, 80)?, &Request::get("/export"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-in-response/nginx-upstream-dies",
        title: "nginx passes on what its upstream did not finish",
        fault: "The upstream promises 20,000 bytes and dies after 5,000; nginx closes, because the head has gone out.",
        references: &[INCOMPLETE],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                           answer.write('x'.repeat(5000)); setTimeout(() => request.socket.destroy(), 50); }";
            node::http(lab, 8080, handler)?;
            let proxy = "proxy_pass http://127.0.0.1:8080; proxy_buffering off;";
            nginx::http(lab, 80, &format!("server {{ listen 80; location / {{ {proxy} }} }}"))?;
            cut_short(Http::plain(lab, 80)?, &Request::get("/video"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/response-stalled/node-3s",
        title: "Node.js stops in the middle, 3 s",
        fault: "The handler promises 20,000 bytes, writes 5,000 and never goes on; the edge gives up after 3 s.",
        references: &[TEAR_DOWN, INCOMPLETE],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                           answer.write('x'.repeat(5000)); }";
            node::http(lab, 80, handler)?;
            stalled(lab, Duration::from_secs(3))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/response-stalled/gunicorn-chunked-2s",
        title: "gunicorn stops between two chunks, 2 s",
        fault: "The application waits for 3 s after its first chunk; the edge gives up after 2 s and answers what comes \
                then by RST.",
        references: &[TEAR_DOWN, "RFC 9112 section 7.1"],
        play: |lab| {
            let application = "import time\ndef app(environ, start_response):\n    \
                               start_response('200 OK', [('Content-Type', 'text/csv')])\n    \
                               yield b'id;name\\n'\n    time.sleep(3)\n    yield b'1;anna\\n'\n";
            gunicorn::http(lab, &["--workers", "1"], application)?;
            stalled(lab, Duration::from_secs(2))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/request-not-read/node-paused-3s",
        title: "Node.js does not read the body, the window shuts",
        fault: "The handler never reads the body; the receive window (small, so that the file stays small) shuts, and \
                the edge gives up after 3 s.",
        references: &["RFC 9293 section 3.8.6.1", TEAR_DOWN],
        over: Over::AtOnce,
        play: |lab| {
            lab.in_origin("sysctl", &["-qw", "net.ipv4.tcp_rmem=4096 8192 8192"])?;
            node::http(lab, 80, "() => {}")?;
            let mut edge = Plain::connect(lab, 80)?;
            // What does not fit into the sockets' buffers stays with the edge.
            edge.as_ref().set_nonblocking(true)?;
            let request = Request::new("POST", "/upload").body(&[b'x'; 1_000_000]);
            ensure!(edge.send(&request.to_bytes()).is_err(), "the origin read all of it");
            std::thread::sleep(Duration::from_secs(3));
            edge.end(Ending::Reset)?;
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/request-not-read/node-destroys-upload-ipv6",
        title: "Node.js drops an upload in the middle, IPv6",
        fault: "The handler destroys the socket while the body (300 KB, through a small receive window) is still \
                coming: the kernel resets.",
        also: &["http.reset-before-response"],
        references: &["RFC 9110 section 15.5.14", RESETTING, TEAR_DOWN],
        family: Family::V6,
        play: |lab| {
            lab.in_origin("sysctl", &["-qw", "net.ipv4.tcp_rmem=4096 8192 8192"])?;
            node::http(lab, 80, "request => setTimeout(() => request.socket.destroy(), 20)")?;
            let mut http = Http::plain(lab, 80)?;
            ensure!(http.send(&Request::new("POST", "/upload").body(&[b'x'; 300_000])).is_err(), "all of it was taken");
            http.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-status-line/dropbear",
        title: "an SSH server listens on the port",
        fault: "The origin's port is that of an SSH server (dropbear), which sends its banner.",
        references: &[STATUS_LINE, "RFC 4253 section 4.2"],
        play: |lab| {
            dropbear::start(lab, 80)?;
            nonsense(lab, "SSH-2.0")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-status-line/apache-nph-script",
        title: "Apache, a script that writes its own head, wrongly",
        fault: "A CGI script whose name begins with `nph-` writes the status line itself, with a word where the number \
                belongs: `HTTP/1.1 OK`.",
        references: &[STATUS_LINE, "RFC 3875 section 5"],
        play: |lab| {
            apache_script(lab, "HTTP/1.1 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n")?;
            nonsense(lab, "HTTP/1.1 OK")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-status-line/apache-nph-script-no-head",
        title: "Apache, a script that writes no head at all",
        fault: "A CGI script whose name begins with `nph-` writes a page and no head, as HTTP/0.9 would.",
        references: &[STATUS_LINE, "RFC 3875 section 5"],
        play: |lab| {
            apache_script(lab, "<!DOCTYPE html>\\n<title>Shop</title>\\n<p>Welcome.\\n")?;
            nonsense(lab, "<!DOCTYPE")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/keep-alive-race/gunicorn-2s",
        title: "gunicorn, keep-alive 2 s",
        fault: "gunicorn (gthread) closes after its default of 2 s of silence; the edge's next request is on its way (a filter on the \
                edge's side drops the end of the connection, as if it had not arrived yet).",
        references: &[RACE, TEAR_DOWN],
        play: |lab| {
            let application = "def app(environ, start_response):\n    \
                               start_response('200 OK', [('Content-Length', '6')])\n    return [b'hello\\n']\n";
            gunicorn::http(lab, &["--workers", "1", "--worker-class", "gthread", "--threads", "2"], application)?;
            race(lab, &Request::get("/next"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/keep-alive-race/node-post-ipv6",
        title: "Node.js, keep-alive 1 s, a POST, IPv6",
        fault: "`keepAliveTimeout` is 1 s: Node.js closes while the edge's next request, a POST that CloudFront will \
                not repeat, is on its way (a filter on the edge's side drops the end of the connection, as if it had \
                not arrived yet).",
        references: &[RACE, TEAR_DOWN, "RFC 9110 section 9.2.2"],
        family: Family::V6,
        play: |lab| {
            let script = "const server = http.createServer((request, answer) => answer.end('hello\\n'));\n\
                          server.keepAliveTimeout = 1000; server.listen(80);";
            node::start(lab, 80, script)?;
            race(lab, &Request::new("POST", "/orders").body(b"{\"article\": 7}"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/keep-alive-race/nginx-tls12",
        title: "nginx, keep-alive 1 s, inside TLS 1.2",
        fault: "`keepalive_timeout 1s`: nginx closes while the edge's next request is on its way (a filter on the \
                edge's side drops the end of the connection, as if it had not arrived yet).",
        references: &[RACE, TEAR_DOWN],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "keepalive_timeout 1s;")?;
            let http = Http::tls(lab)?;
            race_on(lab, http, &Request::get("/next"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/keep-alive-race/apache-2s",
        title: "Apache, keep-alive 2 s",
        fault: "`KeepAliveTimeout 2`: Apache closes while the edge's next request is on its way (a filter on the \
                edge's side drops the end of the connection, as if it had not arrived yet).",
        references: &[RACE, TEAR_DOWN],
        play: |lab| {
            hello_by_apache(lab, "KeepAliveTimeout 2")?;
            race(lab, &Request::get("/next"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/keep-alive-race/haproxy-2s",
        title: "HAProxy, keep-alive 2 s",
        fault: "`timeout http-keep-alive 2s`: HAProxy closes while the edge's next request is on its way (a filter on \
                the edge's side drops the end of the connection, as if it had not arrived yet).",
        references: &[RACE, TEAR_DOWN],
        play: |lab| {
            let answer = "http-request return status 200 content-type text/plain string hello";
            let frontend = format!(
                "frontend f\n    mode http\n    timeout http-keep-alive 2s\n    bind :::80 v4v6\n    {answer}\n"
            );
            haproxy::start(lab, 80, &frontend)?;
            race(lab, &Request::get("/next"))
        },
        ..Scenario::BLANK
    },
];

/// Apache on port 80 with these directives, and one page for every path.
pub(super) fn hello_by_apache(lab: &mut Lab, directives: &str) -> Result<u32> {
    let page = lab.write("page.html", "hello\n")?;
    for path in [lab.directory(), page.as_path()] {
        // Apache runs as another user.
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    let directives = format!(
        "LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so\n{directives}\n\
         AliasMatch ^/ {}\n<Location />\nRequire all granted\n</Location>",
        page.display()
    );
    apache::start(lab, 80, &directives)
}

/// The edge wants an answer and gets a part of it.
pub(super) fn cut_short<L: Line>(mut http: Http<L>, request: &Request) -> Result<()> {
    http.send(request)?;
    http.expect_head(200)?;
    let rest = http.receive_all()?;
    ensure!(!rest.is_empty() && rest.len() < 20_000, "{} bytes of body", rest.len());
    http.end(Ending::Fin)
}

/// The edge wants an answer, gets a part of it, and gives up after this long.
fn stalled(lab: &mut Lab, after: Duration) -> Result<()> {
    let mut http = Http::plain(lab, 80)?;
    http.send(&Request::get("/export"))?;
    http.expect_head(200)?;
    http.wait_in_vain(after)?;
    http.end(Ending::Drop)
}

/// The edge sends a request to something that does not speak HTTP.
fn nonsense(lab: &mut Lab, beginning: &str) -> Result<()> {
    let mut http = Http::plain(lab, 80)?;
    http.patience(Duration::from_secs(1))?;
    http.send(&Request::get("/"))?;
    let answer = http.receive_all()?;
    ensure!(answer.starts_with(beginning.as_bytes()), "the origin answered {answer:?}");
    http.end(Ending::Drop)
}

/// Apache with a CGI script that writes its whole answer itself; `answer` as `printf` wants it.
pub(super) fn apache_script(lab: &mut Lab, answer: &str) -> Result<u32> {
    let script = lab.write("nph-answer", format!("#!/bin/sh\nprintf '{answer}'\n"))?;
    for path in [lab.directory(), script.as_path()] {
        // Apache runs as another user.
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    let modules = "/usr/lib/apache2/modules";
    let directives = format!(
        "LoadModule alias_module {modules}/mod_alias.so\nLoadModule cgi_module {modules}/mod_cgi.so\n\
         ScriptAlias / {}\n<Location />\nRequire all granted\n</Location>",
        script.display()
    );
    apache::start(lab, 80, &directives)
}

/// The edge has one answer, is silent until the origin closes, and sends its next request before it knows.
fn race(lab: &mut Lab, next: &Request) -> Result<()> {
    let http = Http::plain(lab, 80)?;
    race_on(lab, http, next)
}

pub(super) fn race_on<L: Line>(lab: &Lab, mut http: Http<L>, next: &Request) -> Result<()> {
    http.get("/", 200)?;
    hold_back_end(lab)?;
    lab.wait_captured(Duration::from_secs(5), |packets| {
        packets.iter().filter_map(Packet::segment).any(|segment| segment.flags & FIN != 0)
    })?;
    http.send(next)?;
    http.expect_none()?;
    http.end(Ending::Drop)
}

/// From now on the edge gets neither data nor FIN, only bare acknowledgements and RST.
fn hold_back_end(lab: &Lab) -> Result<()> {
    let rule = "tcp flags & (fin | psh) != 0 drop";
    let rules = format!("table inet f {{ chain input {{ type filter hook input priority 0; {rule}; }}\n}}\n");
    let file = lab.write("rules.nft", rules)?;
    lab.in_edge("nft", &["-f", &file.display().to_string()]).map(drop)
}
