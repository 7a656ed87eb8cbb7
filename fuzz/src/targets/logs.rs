//! Access logs, each format under its own header: every line is told once, and the same rows come in whatever pieces the
//! log comes.

use std::io::{Cursor, Read};

use why502::correlate::{Columns, Log, Row};

use super::{Drip, in_proportion};

/// Bytes kept of a target, and of any other value (`docs/limits.md`).
const TARGET: usize = 2_048;
const VALUE: usize = 256;

/// Rows, lines that are none, and problems; nothing where it is no log.
fn told(read: Box<dyn Read + Send>, columns: Option<&Columns>) -> Result<(Vec<Row>, u64, Vec<String>), String> {
    let mut log = Log::open(read, "fuzz", columns)?;
    let mut rows = Vec::new();
    while let Some(row) = log.next_row() {
        rows.push(row);
    }
    let told = log.told();
    assert_eq!(told.rows, rows.len() as u64);
    Ok((rows, told.unparsed, told.problems.iter().map(|p| p.detail.clone()).collect()))
}

fn log(head: &str, bytes: &[u8], columns: Option<&str>) {
    let columns = columns.map(|list| Columns::read(list).expect("it is a list of columns"));
    let text = [head.as_bytes(), bytes].concat();
    // What begins as a compressed file does is for another target.
    if head.is_empty() && text.first().is_some_and(|b| !b.is_ascii_graphic() && !b.is_ascii_whitespace()) {
        return;
    }
    let whole = in_proportion(text.len(), || told(Box::new(Cursor::new(text.clone())), columns.as_ref()));
    if let Ok((rows, unparsed, _)) = &whole {
        let lines = text.split(|b| *b == b'\n').count() as u64;
        assert!(rows.len() as u64 + unparsed <= lines, "each line is told once");
        for row in rows {
            assert!(row.target.len() <= TARGET + VALUE && row.method.len() <= VALUE);
            assert!((1..=lines).contains(&row.line));
        }
    }
    assert_eq!(told(Box::new(Drip::new(&text, 61)), columns.as_ref()), whole);
}

/// CloudFront's standard log.
pub(super) fn w3c(bytes: &[u8]) {
    let fields = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status \
                  cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header \
                  cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type \
                  cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte \
                  x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end\n";
    log(fields, bytes, None);
    log("#Fields: ", bytes, None);
}

/// The same as JSON.
pub(super) fn json(bytes: &[u8]) {
    log("", bytes, None);
    let row = r#"{"date":"2026-09-01","time":"12:00:00","sc-status":"502","cs-method":"GET","cs-uri-stem":"/","x-edge-request-id":"a"}"#;
    log(&format!("{row}\n"), bytes, None);
}

/// CloudFront's records of real time, whose columns are named beside them.
pub(super) fn real_time(bytes: &[u8]) {
    let columns = "timestamp,c-ip,time-to-first-byte,sc-status,cs-method,cs-uri-stem,x-edge-request-id,time-taken,x-edge-detailed-result-type";
    log("", bytes, Some(columns));
    log("1756728000.123\t192.0.2.1\t0.1\t502\tGET\t/\tid\t0.2\tOriginConnectError\n", bytes, Some(columns));
}

/// A load balancer's.
pub(super) fn alb(bytes: &[u8]) {
    let row = r#"https 2026-09-01T12:00:00.000000Z app/a/1 192.0.2.1:40000 10.0.0.5:80 0.001 0.002 0.000 502 502 100 200 "GET https://a.example:443/ HTTP/1.1" "curl" TLS_AES_128_GCM_SHA256 TLSv1.3 arn "Root=1" "a.example" "arn" 0 2026-09-01T11:59:59.000000Z "forward" "-" "-" "10.0.0.5:80" "502" "-" "-""#;
    log(&format!("{row}\n"), bytes, None);
    log("https 2026-09-01T12:00:00.000000Z app/a/1 ", bytes, None);
}

/// nginx's and Apache's.
pub(super) fn combined(bytes: &[u8]) {
    log("192.0.2.1 - - [01/Sep/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 502 157 \"-\" \"curl\"\n", bytes, None);
    log("192.0.2.1 - - [01/Sep/2026:12:00:00 ", bytes, None);
}
