//! What is in order, and has to stay without a verdict: exchanges of every kind.

use crate::edge::http::Http;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::{Family, Peer, Scenario};
use crate::servers::{apache, gunicorn, nginx, node, websockets};
use anyhow::{Result, ensure};
use std::time::Duration;

/// Where RFC 9112 speaks of connections that are kept, and of their end.
const KEPT: &str = "RFC 9112 section 9.3";
const TEAR_DOWN: &str = "RFC 9112 section 9.6";
/// The directives of a server of nginx with documents in the lab's directory.
const DOCUMENTS: &str = "listen 80; listen [::]:80; location /hello { return 200 \"hello from the origin\\n\"; }";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "healthy/keep-alive-edge-closes",
        title: "three exchanges, the edge closes when idle",
        fault: "None. The edge closes 1 s after its last exchange, as after its keep-alive timeout.",
        references: &[KEPT, TEAR_DOWN],
        play: |lab| {
            documents(lab, "")?;
            let mut http = Http::plain(lab, 80)?;
            for target in ["/hello", "/hello?page=2", "/hello?page=3"] {
                http.get(target, 200)?;
            }
            std::thread::sleep(Duration::from_secs(1));
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keep-alive-origin-closes",
        title: "two exchanges, the origin closes when idle",
        fault: "None. `keepalive_timeout 1s`: nginx closes a connection on which nothing is owed.",
        references: &[KEPT, TEAR_DOWN],
        play: |lab| {
            documents(lab, "keepalive_timeout 1s;")?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/hello", 200)?;
            http.get("/hello?page=2", 200)?;
            ensure!(http.receive_all()?.is_empty(), "more came");
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/keep-alive-origin-resets",
        title: "one exchange, the origin resets when idle",
        fault: "None. Node.js resets, half a second later, a connection on which nothing is owed.",
        references: &[KEPT, "RFC 9293 section 3.5.2"],
        play: |lab| {
            node::start(
                lab,
                80,
                "http.createServer((request, answer) => { answer.end('hello\\n');\n\
                 setTimeout(() => request.socket.resetAndDestroy(), 500); }).listen(80);",
            )?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/hello", 200)?;
            ensure!(http.receive_all()?.is_empty(), "more came");
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/connection-close",
        title: "the origin announces that it will close",
        fault: "None. gunicorn's sync worker answers with `Connection: close`; the edge closes at once.",
        references: &[TEAR_DOWN],
        play: |lab| {
            gunicorn::http(lab, &["--workers", "1"], HELLO)?;
            one(lab, &Request::get("/"), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/chunked",
        title: "a chunked response of several chunks",
        fault: "None. Node.js writes three chunks, 50 ms apart.",
        references: &["RFC 9112 section 7.1"],
        play: |lab| {
            let handler = "(request, answer) => { answer.write('one\\n'); setTimeout(() => answer.write('two\\n'), 50);\n\
                           setTimeout(() => answer.end('three\\n'), 100); }";
            node::http(lab, 80, handler)?;
            one(lab, &Request::get("/"), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/head",
        title: "HEAD, and a GET after it",
        fault: "None. The response to HEAD has a Content-Length and no body.",
        references: &["RFC 9110 section 9.3.2"],
        play: |lab| {
            documents(lab, "")?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::new("HEAD", "/page.html"))?;
            let head = http.answer_to_head()?.map(|answer| answer.head).unwrap_or_default();
            ensure!(head.contains("Content-Length: 9000"), "{head}");
            http.get("/hello", 200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/not-modified",
        title: "304, and a GET after it",
        fault: "None. The edge revalidates by ETag; the 304 of Apache has no body.",
        references: &["RFC 9110 section 15.4.5"],
        play: |lab| {
            let document = lab.write("page.html", "x".repeat(500))?;
            std::fs::set_permissions(lab.directory(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            let root = document.parent().unwrap_or(lab.directory()).display().to_string();
            apache::start(lab, 80, &format!("DocumentRoot {root}\n<Location />\nRequire all granted\n</Location>"))?;
            let mut http = Http::plain(lab, 80)?;
            let head = http.get("/page.html", 200)?.head;
            let tag = head.split("ETag: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or_default();
            http.send(&Request::get("/page.html").header("If-None-Match", tag))?;
            http.expect(304)?;
            http.get("/page.html?v=2", 200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/no-content",
        title: "204, and a GET after it",
        fault: "None. A DELETE is answered by 204, which has neither a body nor a length.",
        references: &["RFC 9110 section 15.3.5"],
        play: |lab| {
            let handler = "(request, answer) => { answer.statusCode = request.method === 'DELETE' ? 204 : 200; \
                           answer.end(); }";
            node::http(lab, 80, handler)?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::new("DELETE", "/cart/7"))?;
            http.expect(204)?;
            http.get("/cart", 200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/continue",
        title: "100 Continue",
        fault: "None. A load balancer (CloudFront takes `Expect` away) waits for the 100 before it sends the body.",
        references: &["RFC 9110 section 10.1.1", "RFC 9110 section 15.2.1"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            node::http(lab, 80, "(request, answer) => request.resume().on('end', () => answer.end('stored\\n'))")?;
            let mut http = Http::plain(lab, 80)?;
            let request =
                Request::new("POST", "/upload").header("Expect", "100-continue").body(&[b'x'; 4000]).to_bytes();
            let (head, body) = request.split_at(request.len() - 4000);
            http.send_bytes(head)?;
            http.expect_head(100)?;
            http.send_bytes(body)?;
            http.expect(200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/early-hints",
        title: "103 Early Hints before 200",
        fault: "None. Node.js sends 103 with a `Link` and the response 100 ms later.",
        references: &["RFC 8297 section 2"],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeEarlyHints({ link: '</style.css>; rel=preload' });\n\
                           setTimeout(() => answer.end('hello\\n'), 100); }";
            node::http(lab, 80, handler)?;
            one(lab, &Request::get("/"), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/websocket",
        title: "a WebSocket: upgrade, frames both ways, close",
        fault: "None. Python's websockets echoes two messages; the origin sends another after a second of silence.",
        references: &["RFC 6455 section 1.2", "RFC 9110 section 7.8"],
        play: websocket,
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/upload",
        title: "a POST of 200 KB",
        fault: "None. nginx passes the body on to Node.js, which counts it.",
        references: &["RFC 9112 section 6.2"],
        play: |lab| {
            let handler = "(request, answer) => { let sum = 0; request.on('data', part => { sum += part.length; })\n\
                           .on('end', () => answer.end(sum + '\\n')); }";
            node::http(lab, 8080, handler)?;
            nginx::http(lab, 80, "server { listen 80; location / { proxy_pass http://127.0.0.1:8080; } }")?;
            one(lab, &Request::new("POST", "/upload").body(&vec![b'x'; 200_000]), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/pipelining",
        title: "three requests in one segment",
        fault: "None. A load balancer sends three requests at once; the responses come in their order.",
        references: &["RFC 9112 section 9.3.2"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            documents(lab, "")?;
            let mut http = Http::plain(lab, 80)?;
            let requests = ["/hello", "/missing", "/page.html"].map(|target| Request::get(target).to_bytes());
            http.send_bytes(&requests.concat())?;
            for status in [200, 404, 200] {
                http.expect(status)?;
            }
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/http10-close-delimited",
        title: "HTTP/1.0, the end of the connection ends the body",
        fault: "None. Python's wsgiref answers in HTTP/1.0 without a length and closes.",
        references: &["RFC 9112 section 6.3"],
        play: |lab| {
            let application = "from wsgiref.simple_server import make_server\ndef app(environ, start_response):\n    \
                               start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
                               yield b'one\\n'\n    yield b'two\\n'\nmake_server('', 80, app).serve_forever()\n";
            let script = lab.write("server.py", application)?;
            let said = crate::lab::version("/usr/bin/python3", "--version", "Python")?;
            lab.note_server(format!("wsgiref of {said}"));
            let mut command = lab.origin_command("/usr/bin/python3");
            command.arg(script);
            lab.serve(command, 80)?;
            one(lab, &Request::get("/"), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/payload-too-large-then-reset",
        title: "413, whole, and then a RST",
        fault: "None that the viewer would call a failure of the connection: the application answers 413 without \
                reading, gunicorn closes, and the kernel resets because the body lies unread.",
        references: &["RFC 9110 section 15.5.14", TEAR_DOWN],
        also: &["http.request-not-read"],
        play: |lab| {
            let application = HELLO.replace("200 OK", "413 Content Too Large");
            gunicorn::http(lab, &["--workers", "1"], &application)?;
            one(lab, &Request::new("POST", "/upload").body(&[b'x'; 30_000]), 413)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/not-found",
        title: "404",
        fault: "None: the origin's own answer.",
        references: &["RFC 9110 section 15.5.5"],
        play: |lab| {
            documents(lab, "")?;
            one(lab, &Request::get("/missing.png"), 404)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/gzip",
        title: "a compressed, chunked response, IPv6",
        fault: "None. nginx compresses, because `gzip_proxied any` is set: requests of CloudFront carry `Via`.",
        references: &["RFC 9110 section 8.4.1"],
        family: Family::V6,
        play: |lab| {
            documents(lab, "gzip on; gzip_proxied any; gzip_types *;")?;
            let mut http = Http::plain(lab, 80)?;
            let head = http.get("/page.html", 200)?.head;
            ensure!(head.contains("Content-Encoding: gzip"), "{head}");
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/range",
        title: "206, a part of a file",
        fault: "None.",
        references: &["RFC 9110 section 15.3.7"],
        play: |lab| {
            documents(lab, "")?;
            one(lab, &Request::get("/page.html").header("Range", "bytes=1000-1999"), 206)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/large-download",
        title: "300 KB, segments larger than the MTU (offload)",
        fault: "None. The origin's segments are captured before its network card cuts them.",
        references: &["RFC 9293 section 3.7"],
        play: |lab| {
            let root = lab.directory().display().to_string();
            lab.write("video.bin", "x".repeat(300_000))?;
            nginx::http(lab, 80, &format!("server {{ listen 80; root {root}; }}"))?;
            one(lab, &Request::get("/video.bin"), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/edge-half-closes",
        title: "the edge ends its side before the response",
        fault: "None. The edge shuts its sending side after the request; nginx answers all the same.",
        references: &["RFC 9293 section 3.6", TEAR_DOWN],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let slow = "(request, answer) => setTimeout(() => answer.end('hello\\n'), 200)";
            node::start(
                lab,
                80,
                &format!(
                    "const server = http.createServer({slow});\nserver.httpAllowHalfOpen = true;\n\
                        server.listen(80);"
                ),
            )?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/"))?;
            http.shut()?;
            http.expect(200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/health-check",
        title: "a load balancer's health check",
        fault: "None. The request that an ELB sends, with its `User-Agent`.",
        references: &["RFC 9112 section 3.2"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            documents(lab, "")?;
            let mut http = Http::plain(lab, 80)?;
            lab.note_edge("plain TCP socket, request as an ELB's health check sends it");
            http.send_bytes(
                b"GET /hello HTTP/1.1\r\nHost: 10.0.0.5:80\r\nConnection: close\r\n\
                  User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n",
            )?;
            http.expect(200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
];

/// A WSGI application that says hello.
pub(super) const HELLO: &str = "def app(environ, start_response):\n    start_response('200 OK', [('Content-Type', 'text/plain'), \
                     ('Content-Length', '6')])\n    return [b'hello\\n']\n";

/// nginx with a page of 9,000 bytes and further directives in its server.
fn documents(lab: &mut Lab, directives: &str) -> Result<()> {
    lab.write("page.html", "x".repeat(9000))?;
    let root = lab.directory().display().to_string();
    nginx::http(lab, 80, &format!("server {{ {DOCUMENTS} root {root}; {directives} }}")).map(drop)
}

/// One exchange with this status, then the edge closes.
fn one(lab: &mut Lab, request: &Request, status: u16) -> Result<()> {
    let mut http = Http::plain(lab, 80)?;
    http.send(request)?;
    http.expect(status)?;
    http.end(Ending::Fin)
}

fn websocket(lab: &mut Lab) -> Result<()> {
    let served = [
        "for _ in range(2):",
        "    await socket.send(await socket.recv())",
        "await asyncio.sleep(1)",
        "await socket.send('bye')",
    ];
    websockets::start(lab, 80, &served)?;
    let client = "import asyncio, websockets\nasync def main():\n    headers = {'X-Amz-Cf-Id': 'q1xZ7n', \
                  'Via': '1.1 4c1f8f1d5e2b7a9036d2c4e8a1b3f570.cloudfront.net (CloudFront)'}\n    \
                  async with websockets.connect('ws://198.18.0.2/chat', extra_headers=headers, \
                  user_agent_header='Amazon CloudFront') as socket:\n        for text in ['hello', 'x' * 300]:\n            \
                  await socket.send(text)\n            await socket.recv()\n        await socket.recv()\n\
                  asyncio.run(main())\n";
    let script = lab.write("client.py", client)?;
    let version = websockets::version(lab)?;
    lab.note_edge(format!("websockets {version} (Python), with CloudFront's headers"));
    lab.in_edge(websockets::PYTHON, &[&script.display().to_string()]).map(drop)
}
