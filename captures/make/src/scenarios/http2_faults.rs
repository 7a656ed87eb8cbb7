//! Frames and messages of HTTP/2 that are wrong: what no server makes on demand, by a server written for it.

use crate::edge::node as edge;
use crate::lab::Lab;
use crate::scenario::{Peer, Scenario};
use crate::servers::node;
use anyhow::Result;

const BY_HAND: &str = "The server is written by hand (a TCP server in Node.js that writes frames), because no server makes \
                       this fault on demand.";

/// A server on port 80 that answers the preface with these bytes, in hexadecimal, and 150 ms later sends those.
fn by_hand(lab: &mut Lab, greeting: &str, answer: &str) -> Result<()> {
    let script = format!(
        "net.createServer(socket => {{ let all = Buffer.alloc(0), told = 0; socket.on('error', () => {{}});\n\
         socket.on('data', data => {{ all = Buffer.concat([all, data]);\n\
         if (told === 0 && all.length >= 24) {{ told = 1; socket.write(Buffer.from('{greeting}', 'hex')); }}\n\
         if (told === 1) {{ told = 2; setTimeout(() => socket.write(Buffer.from('{answer}', 'hex')), 150); }} }});\n\
         socket.on('end', () => socket.end()); }}).listen(80);"
    );
    node::start(lab, 80, &script)?;
    edge::clear(lab, 80, "const s = open(); await ask(s, { ':path': '/cart' }); s.close(); await closed(s);").map(drop)
}

/// SETTINGS without an entry, and the acknowledgement of the edge's.
pub(super) const GOOD: &str = "000000040000000000000000040100000000";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "http2/settings-invalid/largest-frame-too-small",
        title: "a largest frame of 100 bytes",
        fault: "SETTINGS_MAX_FRAME_SIZE is 100; the least that it may be is 16,384. The edge ends the connection.",
        edited: BY_HAND,
        references: &["RFC 9113 section 6.5.2"],
        peer: Peer::LoadBalancer,
        play: |lab| by_hand(lab, "000006040000000000000500000064", ""),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/malformed-frame/rst-stream-of-three-bytes",
        title: "RST_STREAM of three bytes",
        fault: "The response is a RST_STREAM with a payload of three bytes; it has four.",
        edited: BY_HAND,
        references: &["RFC 9113 section 6.4"],
        peer: Peer::LoadBalancer,
        play: |lab| by_hand(lab, GOOD, "000003030000000001000000"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/header-compression-error/index-beyond-the-table",
        title: "an index beyond the table",
        fault: "The header block of the response names entry 70, and the table ends with 61.",
        edited: BY_HAND,
        references: &["RFC 7541 section 2.3.3"],
        peer: Peer::LoadBalancer,
        play: |lab| by_hand(lab, GOOD, "00000201040000000188c6"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/malformed-message/connection-header",
        title: "a Connection header in HTTP/2",
        fault: "The response has `:status: 200` and `connection: close`, which HTTP/2 does not know.",
        edited: BY_HAND,
        references: &["RFC 9113 section 8.2.2"],
        peer: Peer::LoadBalancer,
        // 0x88, then a literal without indexing with a new name.
        play: |lab| by_hand(lab, GOOD, "00001301050000000188000a636f6e6e656374696f6e05636c6f7365"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/malformed-message/node-content-length",
        title: "Node.js, Content-Length larger than the body",
        fault: "The handler sets `content-length: 10` and sends 6 bytes; Node does not mind.",
        references: &["RFC 9113 section 8.1.1"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let server = "const server = http2.createServer(); server.on('stream', stream => { stream.on('error', () => {}); \
                          stream.respond({ ':status': 200, 'content-length': 10 }); stream.end('hello\\n'); }); server.listen(80);";
            node::start(lab, 80, server)?;
            edge::clear(lab, 80, "const s = open(); await ask(s, { ':path': '/cart' }); s.close(); await closed(s);")
                .map(drop)
        },
        ..Scenario::BLANK
    },
];
