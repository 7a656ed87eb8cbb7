//! What only asking tells: each row of the table, of servers of which the answer is known.

use serde_json::Value;

use crate::certs::{Authority, Leaf, NAME};
use crate::servers::Lab;
use crate::{apache, missing, nginx, node, probe};

/// A row that must be there: its area, what is asked, how it went, and what stands in the answer.
type Expected = (&'static str, &'static str, Option<&'static str>, &'static str);

/// A set-up, further options, and rows of the table.
type Case = (&'static str, fn(&mut Lab, &Authority), &'static [&'static str], &'static [Expected]);

const CLOSES: &str = "the origin closes an idle connection";
const LARGEST: &str = "the largest request head accepted";
const TWICE: &str = "the request twice on one connection";
const POST: &str = "a POST on a connection that was used before";
const GRPC: &str = "an empty call of gRPC, over HTTP/2";
const OK: Option<&str> = Some("ok");
const FAILED: Option<&str> = Some("failed");

fn good(lab: &mut Lab, a: &Authority, more: &str) {
    nginx(lab, &a.good_chain(&Leaf::GOOD), more);
}

/// HAProxy with a good certificate, and these words of a `bind`.
fn haproxy(lab: &mut Lab, a: &Authority, more: &str) {
    a.good_chain(&Leaf::GOOD);
    lab.haproxy(&format!("ssl crt {} {more}", a.both().display()));
}

/// Node's HTTP/2, whose answer to a call ends with this status of gRPC.
fn grpc(lab: &mut Lab, a: &Authority, status: u8) {
    let files = a.good_chain(&Leaf::GOOD);
    let (chain, key) = (files.chain.display(), files.key.display());
    lab.node(&format!(
        "const files = {{cert: fs.readFileSync('{chain}'), key: fs.readFileSync('{key}'), allowHTTP1: true}};
         require('http2').createSecureServer(files, (q, s) => {{
           if (q.httpVersion !== '2.0') return s.end('x');
           s.writeHead(200, {{'content-type': 'application/grpc'}});
           s.write(Buffer.alloc(5));
           s.addTrailers({{'grpc-status': '{status}'}});
           s.end();
         }}).listen(PORT, '127.0.0.1');"
    ));
}

const CASES: &[Case] = &[
    (
        "nginx",
        |lab, a| good(lab, a, "ssl_protocols TLSv1.2 TLSv1.3; keepalive_timeout 2s;"),
        &["--measure-keep-alive", "8s", "--post"],
        &[
            ("policy", "CloudFront-Upstream-TLS-1-2-2025", OK, "TLS 1.3, TLS_AES_"),
            ("policy", "CloudFront-Upstream-TLS-1-3-2025", OK, "TLS 1.3, TLS_AES_"),
            ("policy", "CloudFront-Upstream-TLS-1-2", OK, "TLS 1.2, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, secp256r1"),
            ("certificate", "server name origin.example.com", None, "CN=origin.example.com"),
            ("certificate", "no server name", None, "CN=origin.example.com"),
            ("Host", "origin.example.com, not forwarded (AllViewerExceptHostHeader)", OK, "HTTP 200"),
            ("Host", "d111111abcdef8.cloudfront.net, forwarded (AllViewer)", FAILED, "tls.sni-forwarded-host"),
            ("request", "HEAD", OK, "HTTP 200"),
            ("request", "HTTP/1.0", OK, "HTTP 200"),
            ("request", TWICE, OK, "HTTP 200"),
            ("request", POST, OK, "HTTP 200"),
            ("request", LARGEST, None, "24000 bytes; 32000 bytes are refused: "),
            ("request", CLOSES, OK, "no later than CloudFront would by default (5 s)"),
            ("PROXY protocol", "a header of version 1", None, "not expected"),
            ("PROXY protocol", "a header of version 2", None, "not expected"),
        ],
    ),
    (
        "apache",
        |lab, a| apache(lab, &a.good_chain(&Leaf::GOOD), "KeepAlive Off"),
        &["--measure-keep-alive", "8s", "--path", "/index.html"],
        &[
            ("request", "HEAD", OK, "HTTP 200"),
            ("request", TWICE, OK, "it keeps no connection alive"),
            ("request", LARGEST, None, "32000 bytes, of the 32,768 that CloudFront may send"),
            ("request", CLOSES, OK, "at once: it keeps no connection alive"),
        ],
    ),
    (
        "haproxy",
        |lab, a| haproxy(lab, a, ""),
        &["--measure-keep-alive", "1s"],
        &[
            ("request", LARGEST, None, "8000 bytes; 16000 bytes are refused: "),
            ("request", CLOSES, OK, "not within 1."),
        ],
    ),
    (
        "haproxy-behind-a-load-balancer",
        |lab, a| haproxy(lab, a, "accept-proxy"),
        &[],
        &[
            ("PROXY protocol", "a header of version 1", OK, "it expects one, and CloudFront sends none"),
            ("PROXY protocol", "a header of version 2", OK, "it expects one, and CloudFront sends none"),
        ],
    ),
    (
        "nginx-behind-a-load-balancer-in-clear",
        |lab, _| lab.nginx("listen PORT proxy_protocol;"),
        &["--http"],
        &[("PROXY protocol", "a header of version 1", OK, "it expects one, and CloudFront sends none")],
    ),
    (
        "node-with-faults",
        // A body behind the answer to HEAD, none for HTTP/1.0, and a reset of what is sent on a used connection.
        |lab, a| {
            let handler = "(q, s) => {
               if (q.method === 'HEAD') q.socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello');
               else if (q.httpVersion === '1.0') { s.statusCode = 505; s.end(); }
               else if (q.method === 'POST') q.socket._parent ? q.socket._parent.resetAndDestroy() : q.socket.destroy();
               else s.end('x');
             }";
            node(lab, &a.good_chain(&Leaf::GOOD), handler);
        },
        &["--post", "--measure-keep-alive", "9s"],
        &[
            ("request", "HEAD", None, "although http.body-not-allowed"),
            ("request", "HTTP/1.0", OK, "HTTP 505"),
            ("request", TWICE, OK, "HTTP 200"),
            ("request", POST, FAILED, "http.keep-alive-race"),
            ("request", LARGEST, None, "16000 bytes; 24000 bytes are refused: "),
            ("request", CLOSES, OK, "CloudFront keeps a connection for 5 s unless it is configured otherwise"),
        ],
    ),
    (
        "certificate-by-name-alone",
        |lab, a| haproxy(lab, a, "strict-sni"),
        &["--all-policies"],
        &[
            ("policy", "CloudFront-Upstream-TLS-1-3-2025-PQ", OK, "TLS 1.3"),
            ("policy", "CloudFront-Upstream-TLS-1-0", OK, "TLS 1.2"),
            ("certificate", "server name origin.example.com", OK, "CN=origin.example.com"),
            ("certificate", "no server name", FAILED, ""),
            ("Host", "d111111abcdef8.cloudfront.net, forwarded (AllViewer)", FAILED, "tls.sni-forwarded-host"),
        ],
    ),
    (
        "expired",
        |lab, a| nginx(lab, &a.good_chain(&Leaf { until: "20250601000000Z", ..Leaf::GOOD }), ""),
        &[],
        &[
            ("verification", "the same request, the certificate not verified", None, "HTTP 200"),
            ("certificate", "no server name", None, "expired"),
        ],
    ),
    (
        "nghttpd",
        |lab, a| {
            let files = a.good_chain(&Leaf::GOOD);
            lab.nghttpd(&files.chain, &files.key);
        },
        &["--grpc"],
        &[("request", GRPC, OK, "HTTP 200 (ALPN h2)")],
    ),
    ("grpc", |lab, a| grpc(lab, a, 0), &["--grpc"], &[("request", GRPC, OK, "HTTP 200 (ALPN h2)")]),
    ("grpc-with-an-error", |lab, a| grpc(lab, a, 12), &["--grpc"], &[("request", GRPC, OK, "although app.grpc-error")]),
    (
        "no-grpc",
        |lab, a| node(lab, &a.good_chain(&Leaf::GOOD), "(q, s) => s.end('x')"),
        &["--grpc"],
        &[("request", GRPC, FAILED, "tls.no-application-protocol")],
    ),
];

#[test]
fn each_row_of_the_table_says_what_the_server_does() {
    if missing().is_some() {
        return;
    }
    let wish = std::env::var("CASE").unwrap_or_default();
    let mut wrong = Vec::new();
    for (name, serve, options, rows) in CASES.iter().filter(|case| case.0.contains(&wish)) {
        let mut lab = Lab::new(&format!("table-{name}"));
        let authority = Authority::new(&lab.dir, "Test");
        serve(&mut lab, &authority);
        let (target, root) = (format!("{NAME}:{}", lab.port), authority.root());
        let mut arguments = vec![target.as_str(), "--resolve", "127.0.0.1", "--format", "json", "--read-timeout", "5s"];
        arguments.extend(["--trust", root.to_str().unwrap()]);
        arguments.extend(*options);
        let done = probe(&arguments);
        let Ok(report) = serde_json::from_slice::<Value>(&done.stdout) else {
            wrong.push(format!("{name}: no report: {}", String::from_utf8_lossy(&done.stderr)));
            continue;
        };
        let told = report["probe"]["rows"].as_array().unwrap();
        for (area, asked, outcome, answer) in *rows {
            let row = told.iter().find(|row| row["area"] == *area && row["asked"] == *asked);
            let holds = row.is_some_and(|row| {
                row["answer"].as_str().unwrap().contains(answer)
                    && outcome.is_none_or(|outcome| row["outcome"].as_str() == Some(outcome))
            });
            if !holds {
                wrong.push(format!("{name}: {area}: {asked}: {outcome:?} {answer}, not {row:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
