//! Rows of nginx and Apache: the common and the combined log format, and what people append to them.

use std::net::IpAddr;

use crate::base::Micros;

use super::alb::Quoted;
use super::clock::{common, seconds};
use super::fields::status;
use super::row::{MAX_TARGET, More, Row, Target, is_request_id, keep, path_of};

/// Whether a line is such a row.
pub(super) fn fits(line: &str) -> bool {
    row(line).is_ok()
}

/// Reads a line: `[HOST:PORT ]IP IDENT USER [TIME] "REQUEST" STATUS BYTES ["REFERER" "USER-AGENT"] [FURTHER]...`.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn row(line: &str) -> Result<Row, String> {
    let (head, rest) = line.split_once(" [").ok_or("no time in brackets")?;
    let (clock, rest) = rest.split_once(']').ok_or("no time in brackets")?;
    let (time, grain) = common(clock).ok_or("its time cannot be read")?;
    let mut columns = Quoted(rest);
    let request = columns.next().unwrap_or_default();
    let code = columns.next().and_then(status).ok_or("no status of three digits after the request")?;
    let mut row = Row::new(time, grain, code);
    row.peer = head.split(' ').take(2).find_map(|word| word.parse::<IpAddr>().ok());
    let mut words = request.split(' ');
    let method = words.next().filter(|m| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'));
    row.method = keep(method.filter(|m| *m != "-").unwrap_or_default(), 40);
    row.target = keep(words.next().unwrap_or_default(), MAX_TARGET);
    row.to = Target::Untold;
    // After the number of bytes.
    let further: Vec<&str> = columns.skip(1).collect();
    row.id = further.iter().find(|word| is_request_id(word)).map(|id| (*id).into());
    row.taken = taken(&further);
    row.more = Some(Box::new(More::default()));
    Ok(row)
}

/// The time that a request took, where it is appended: seconds with a fraction (nginx's `$request_time`, Apache's
/// `%{ms}T` has none and is not told apart), microseconds (Apache's `%D`), or by name.
fn taken(further: &[&str]) -> Option<Micros> {
    const NAMES: [&str; 3] = ["rt=", "request_time=", "request_time:"];
    let named = further.iter().find_map(|word| NAMES.iter().find_map(|name| word.strip_prefix(name)));
    if let Some(named) = named {
        return seconds(named.trim_matches('"'));
    }
    // Referer and User-Agent come first.
    let mut appended = further.iter().skip(2);
    let first = appended.find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.parse::<f64>().is_ok())?;
    if first.contains('.') {
        return seconds(first);
    }
    // A whole number is microseconds (`%D`) or seconds (`%T`): the former where it would be long.
    let number: i64 = first.parse().ok()?;
    Some(if number > 600 { Micros(number) } else { Micros::from_secs(number) })
}

/// What is compared of a path: the encoding that servers undo before they log is undone.
pub(super) fn plain_path(target: &str) -> String {
    let once = super::fields::decode(path_of(target)).into_owned();
    super::fields::decode(&once).into_owned()
}
