//! `--probe-result`: what a probe was shown.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use why502::base::escape;
use why502::causes::by_id;
use why502::diagnosis::refine::Learned;
use why502::report::SCHEMA;

/// The most bytes of a report; a probe's has some hundred thousand.
const MAX_FILE: u64 = 64 << 20;
/// The most failed connections taken from all of them: a probe may be repeated a thousand times.
const MAX_LEARNED: usize = 1_000;

/// What the reports tell of refused certificates.
pub(super) fn read(paths: &[PathBuf]) -> Result<Arc<[Learned]>, String> {
    let mut learned = Vec::new();
    for path in paths {
        let told = of(path).map_err(|why| format!("{}: {why}", escape(&path.to_string_lossy())))?;
        learned.extend(told);
    }
    learned.truncate(MAX_LEARNED);
    Ok(learned.into())
}

fn of(path: &Path) -> Result<Vec<Learned>, String> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(|e| format!("cannot be read: {e}"))?;
    if text.len() as u64 > MAX_FILE {
        return Err(format!("has more than {MAX_FILE} bytes: that is no report of a probe"));
    }
    learned(&text).ok_or_else(|| "is no report of `why502 probe --format json`".to_owned())
}

fn learned(text: &[u8]) -> Option<Vec<Learned>> {
    let report: Value = serde_json::from_slice(text).ok()?;
    (report.get("schema")?.as_str()? == SCHEMA).then_some(())?;
    report.get("probe")?.as_object()?;
    let connections = report.get("connections")?.as_array()?;
    Some(connections.iter().filter_map(refused).collect())
}

/// A connection whose certificate was refused, for a cause that names why.
fn refused(connection: &Value) -> Option<Learned> {
    let verdict = connection.get("verdict")?;
    let id = verdict.get("cause")?.as_str()?;
    let names_why = id.starts_with("tls.certificate-") || id.starts_with("tls.ocsp-");
    let finding = connection.get("findings")?.get(0)?;
    (names_why && id != "tls.certificate-rejected" && finding.get("cause")?.as_str()? == id).then_some(())?;
    Some(Learned {
        sni: connection.pointer("/tls/client_hello/sni").and_then(Value::as_str).map(str::to_owned),
        port: connection.pointer("/server/port")?.as_u64()?.try_into().ok()?,
        cause: by_id(id)?,
        message: finding.get("message")?.as_str()?.to_owned(),
        time: connection.get("first_time")?.as_str()?.split('.').next()?.to_owned() + "Z",
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn only_a_probes_report_tells_and_only_of_refused_certificates() {
        let report = |cause: &str, member: &str| {
            format!(
                r#"{{"schema":"{SCHEMA}",{member}"connections":[{{"server":{{"ip":"::1","port":443}},
                "first_time":"2026-11-28T00:00:01.000000000Z","tls":{{"client_hello":{{"sni":"a.example"}}}},
                "verdict":{{"cause":"{cause}"}},"findings":[{{"cause":"{cause}","message":"it is so"}}]}}]}}"#
            )
        };
        let probe = r#""probe":{},"#;
        let told = learned(report("tls.certificate-expired", probe).as_bytes()).unwrap();
        assert_eq!((told[0].cause.id(), told[0].port), ("tls.certificate-expired", 443));
        assert_eq!((told[0].time.as_str(), told[0].sni.as_deref()), ("2026-11-28T00:00:01Z", Some("a.example")));
        assert!(learned(report("tls.certificate-rejected", probe).as_bytes()).unwrap().is_empty());
        assert!(learned(report("tcp.port-closed", probe).as_bytes()).unwrap().is_empty());
        assert!(learned(report("tls.certificate-expired", "").as_bytes()).is_none());
        assert!(learned(b"{}").is_none() && learned(b"no").is_none());
    }
}
