//! Rows in JSON: CloudFront's v2 logs, one object a line.

use serde_json::{Map, Value};

use super::fields::Values;
use super::row::Row;

/// Reads a line. The names are CloudFront's, the values texts or numbers.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn row(line: &str) -> Result<(Row, bool), String> {
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|e| format!("no JSON object: {e}"))?;
    let texts: Vec<(&str, String)> = object.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    let mut values = Values::default();
    let known = texts.iter().filter(|(name, text)| values.named(name, text)).count();
    if known == 0 {
        return Err("none of its names is a field of CloudFront's logs".to_owned());
    }
    let real_time = values.is_real_time();
    values.row(real_time).map(|row| (row, real_time))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
