//! What an edge noted of its own requests, written as the logs that CloudFront and load balancers write.

use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// One request of a viewer, as the edge answered it.
pub(crate) struct Entry {
    /// Microseconds since 1970.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) id: String,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) status: u16,
    /// `x-edge-result-type`.
    pub(crate) result: &'static str,
    /// `x-edge-detailed-result-type`.
    pub(crate) detail: &'static str,
    /// What the origin answered.
    pub(crate) origin_status: Option<u16>,
    /// The port of the origin; none where it was not asked.
    pub(crate) port: Option<u16>,
    /// What became of it in truth, for the tests: a word.
    pub(crate) truth: &'static str,
}

/// Microseconds since 1970.
pub(crate) fn now() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?)
}

/// `YYYY-MM-DD` and `HH:MM:SS` in UTC (days to civil date after H. Hinnant).
fn date_and_time(micros: u64) -> (String, String) {
    let seconds = micros / 1_000_000;
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let time = seconds % 86_400;
    (format!("{year:04}-{month:02}-{day:02}"), format!("{:02}:{:02}:{:02}", time / 3_600, time / 60 % 60, time % 60))
}

const STANDARD: &str = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) \
    cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes \
    time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status \
    fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len \
    sc-range-start sc-range-end";

/// The fields of the real-time records, in their order.
pub(crate) const REAL_TIME: &str = "timestamp,c-ip,sc-status,cs-method,cs-host,cs-uri-stem,x-edge-location,\
    x-edge-request-id,x-host-header,time-taken,x-edge-result-type,x-edge-detailed-result-type,r-host,sr-reason";

/// CloudFront's standard log.
pub(crate) fn standard(entries: &[Entry]) -> String {
    let fields: Vec<&str> = STANDARD.split_whitespace().collect();
    let mut log = format!("#Version: 1.0\n#Fields: {}\n", fields.join(" "));
    for e in entries {
        let (date, time) = date_and_time(e.end);
        let (taken, first) = (seconds(e), seconds(e));
        let values = [
            date.as_str(),
            &time,
            "FRA56-P3",
            "412",
            "203.0.113.7",
            e.method,
            "d111111abcdef8.cloudfront.net",
            &e.path,
            &e.status.to_string(),
            "-",
            "curl/8.5.0",
            "-",
            "-",
            e.result,
            &e.id,
            "www.example.com",
            "https",
            "96",
            &taken,
            "-",
            "TLSv1.3",
            "TLS_AES_128_GCM_SHA256",
            e.result,
            "HTTP/2.0",
            "-",
            "-",
            "40112",
            &first,
            e.detail,
            "text/plain",
            "6",
            "-",
            "-",
        ];
        log.push_str(&values.join("\t"));
        log.push('\n');
    }
    log
}

/// CloudFront's v2 log in JSON, with milliseconds.
pub(crate) fn json(entries: &[Entry]) -> String {
    let row = |e: &Entry| {
        format!(
            "{{\"timestamp(ms)\":\"{}\",\"c-ip\":\"203.0.113.7\",\"cs-method\":\"{}\",\"cs-uri-stem\":\"{}\",\
             \"sc-status\":\"{}\",\"x-edge-request-id\":\"{}\",\"x-host-header\":\"www.example.com\",\
             \"time-taken\":\"{}\",\"x-edge-result-type\":\"{}\",\"x-edge-detailed-result-type\":\"{}\"}}\n",
            e.end / 1_000,
            e.method,
            e.path,
            e.status,
            e.id,
            seconds(e),
            e.result,
            e.detail
        )
    };
    entries.iter().map(row).collect()
}

/// Real-time records of [`REAL_TIME`], in which Host stands in the other of two fields than in the standard log.
pub(crate) fn real_time(entries: &[Entry]) -> String {
    let row = |e: &Entry| {
        let stamp = format!("{}.{:03}", e.end / 1_000_000, e.end / 1_000 % 1_000);
        let origin = if e.port.is_some() { "origin.example.com" } else { "-" };
        let values = [
            &stamp,
            "203.0.113.7",
            &e.status.to_string(),
            e.method,
            "www.example.com",
            &e.path,
            "FRA56-P3",
            &e.id,
            "d111111abcdef8.cloudfront.net",
            &seconds(e),
            e.result,
            e.detail,
            origin,
            "-",
        ];
        values.join("\t") + "\n"
    };
    entries.iter().map(row).collect()
}

/// The log of a load balancer, as if one had made the requests: what never reached the origin went to another target,
/// or to none.
pub(crate) fn load_balancer(entries: &[Entry]) -> String {
    let row = |e: &Entry| {
        let stamp = |micros: u64| {
            let (date, time) = date_and_time(micros);
            format!("{date}T{time}.{:06}Z", micros % 1_000_000)
        };
        let target = match e.port {
            Some(port) => format!("10.0.0.5:{port}"),
            None if e.detail == "OriginConnectError" => "10.0.0.6:80".to_owned(),
            None => "-".to_owned(),
        };
        let times = match (e.origin_status, e.port) {
            (Some(_), _) => format!("0.000 {} 0.000", seconds(e)),
            (None, Some(_)) => "0.000 -1 -1".to_owned(),
            (None, None) => "-1 -1 -1".to_owned(),
        };
        let answered = e.origin_status.map_or_else(|| "-".to_owned(), |s| s.to_string());
        format!(
            "https {} app/front/50dc6c495c0c9188 130.176.1.2:40112 {target} {times} {} {answered} 96 412 \
             \"{} https://www.example.com:443{} HTTP/1.1\" \"Amazon CloudFront\" TLS_AES_128_GCM_SHA256 TLSv1.3 \
             arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/t/73e2d6bc24d8a067 \
             \"Root=1-58337262-36d228ad5d99923122bbe354\" \"www.example.com\" \"-\" 0 {} \"forward\" \"-\" \"-\" \
             \"{target}\" \"{answered}\" \"-\" \"-\" TID_1234\n",
            stamp(e.end),
            e.status,
            e.method,
            e.path,
            stamp(e.start)
        )
    };
    entries.iter().map(row).collect()
}

/// What became of each in truth: identifier, status, and a word.
pub(crate) fn truth(entries: &[Entry]) -> String {
    entries.iter().map(|e| format!("{}\t{}\t{}\n", e.id, e.status, e.truth)).collect()
}

fn seconds(e: &Entry) -> String {
    let taken = e.end.saturating_sub(e.start);
    format!("{}.{:03}", taken / 1_000_000, taken / 1_000 % 1_000)
}

/// A file as CloudFront delivers it.
pub(crate) fn gzip(content: &str) -> Result<Vec<u8>> {
    let mut child = Command::new("gzip").args(["-9n"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("gzip takes no input")?;
    let content = content.to_owned();
    let writer = std::thread::spawn(move || input.write_all(content.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    Ok(output.stdout)
}
