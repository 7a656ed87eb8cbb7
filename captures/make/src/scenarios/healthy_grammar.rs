//! Responses that are ugly, or have more to them than most, and are taken: the edge asks again on the same connection.

use crate::edge::http::Http;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::Scenario;
use crate::servers::node;
use anyhow::{Result, ensure};
use std::time::Duration;

/// Node.js writes this answer (a JavaScript expression) to its socket, twice; the edge takes both.
fn taken(lab: &mut Lab, method: &'static str, answer: &str) -> Result<()> {
    let handler =
        format!("request => {{ request.socket.setNoDelay(true); request.socket.write({answer}, 'latin1'); }}");
    node::http(lab, 80, &handler)?;
    let mut http = Http::plain(lab, 80)?;
    for target in ["/", "/next"] {
        http.send(&Request::new(method, target))?;
        ensure!(!http.receive()?.is_empty(), "nothing came");
        std::thread::sleep(Duration::from_millis(100));
    }
    http.end(Ending::Fin)
}

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "healthy/length-repeated",
        title: "the same Content-Length twice, delivered",
        fault: "The same Content-Length twice; the edge goes on.",
        also: &["http.content-length-conflict"],
        references: &["RFC 9110 section 8.6"],
        play: |lab| {
            taken(lab, "GET", "'HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/length-and-chunked-taken",
        title: "Content-Length beside chunked, delivered",
        fault: "Both; the edge takes the chunks and goes on.",
        also: &["http.length-and-chunked"],
        references: &["RFC 9112 section 6.1"],
        play: |lab| {
            taken(
                lab,
                "GET",
                "'HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n6\\r\\nhello\\n\\r\\n0\\r\\n\\r\\n'",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/bare-lf",
        title: "lines that end in LF alone, delivered",
        fault: "None. LF alone ends the lines of the head; the edge goes on.",
        references: &["RFC 9112 section 2.2"],
        play: |lab| taken(lab, "GET", "'HTTP/1.1 200 OK\\nContent-Length: 6\\n\\nhello\\n'"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/folded-header-taken",
        title: "a folded header, delivered",
        fault: "A header goes on in the next line; the edge goes on.",
        also: &["http.malformed-header"],
        references: &["RFC 9112 section 5.2"],
        play: |lab| {
            taken(
                lab,
                "GET",
                "'HTTP/1.1 200 OK\\r\\nX-Policy: one,\\r\\n two\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/chunk-trailers",
        title: "chunks with trailers",
        fault: "None. Trailers after the last chunk.",
        references: &["RFC 9112 section 7.1.2"],
        play: |lab| {
            taken(
                lab,
                "GET",
                "'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\nTrailer: Digest\\r\\n\\r\\n6\\r\\nhello\\n\\r\\n0\\r\\nDigest: none\\r\\n\\r\\n'",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/chunk-extensions",
        title: "chunks with extensions",
        fault: "None. Extensions after the chunk sizes.",
        references: &["RFC 9112 section 7.1.1"],
        play: |lab| {
            taken(
                lab,
                "GET",
                "'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n6;name=\\\"va;lue\\\"\\r\\nhello\\n\\r\\n0;last\\r\\n\\r\\n'",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/chunked-empty",
        title: "an empty chunked body",
        fault: "None. The last chunk is the only one.",
        references: &["RFC 9112 section 7.1"],
        play: |lab| taken(lab, "GET", "'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n'"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/not-modified-with-length",
        title: "304 with a Content-Length",
        fault: "None. The length is that of the body which a 200 would have.",
        references: &["RFC 9110 section 8.6"],
        play: |lab| {
            taken(lab, "GET", "'HTTP/1.1 304 Not Modified\\r\\nETag: \\\"1\\\"\\r\\nContent-Length: 9000\\r\\n\\r\\n'")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/interim-sequence",
        title: "100, 102, 103, 103, then 200",
        fault: "None. Interim responses in a row, one of them 100.",
        references: &["RFC 9110 section 15.2"],
        play: |lab| {
            taken(
                lab,
                "GET",
                "'HTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 102 Processing\\r\\n\\r\\n' + 'HTTP/1.1 103 Early Hints\\r\\nLink: </a.css>; rel=preload\\r\\n\\r\\n'.repeat(2) + 'HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/head-chunked",
        title: "HEAD with Transfer-Encoding",
        fault: "None. The answer to HEAD says chunked, and has no body.",
        references: &["RFC 9110 section 9.3.2"],
        play: |lab| taken(lab, "HEAD", "'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n'"),
        ..Scenario::BLANK
    },
];
