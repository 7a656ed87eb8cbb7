//! Rows of an Application Load Balancer: values separated by blanks, some of them in quotes.

use crate::base::{Endpoint, Micros};

use super::clock::{rfc3339, seconds};
use super::fields::status;
use super::row::{MAX_TARGET, More, Row, Target, keep, path_of, value};

/// The types with which a row begins.
const TYPES: [&str; 6] = ["http", "https", "h2", "grpcs", "ws", "wss"];

/// Columns that a row had when there were fewest.
const LEAST: usize = 17;

/// Where the time stands at which the load balancer got the request, in rows that have it.
const CREATED: usize = 21;

/// Whether a line is such a row, as far as its first two columns tell.
pub(super) fn fits(line: &str) -> bool {
    let mut words = line.split(' ');
    words.next().is_some_and(|word| TYPES.contains(&word)) && words.next().is_some_and(|time| rfc3339(time).is_some())
}

/// Reads a line.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn row(line: &str) -> Result<Row, String> {
    let columns: Vec<&str> = Quoted(line).collect();
    if columns.len() < LEAST {
        return Err(format!("{} columns, where a load balancer writes at least {LEAST}", columns.len()));
    }
    let at = |i: usize| columns.get(i).copied().unwrap_or_default();
    let (time, grain) = rfc3339(at(1)).ok_or("its time cannot be read")?;
    let code = status(at(8)).ok_or("elb_status_code is no number of three digits")?;
    let mut row = Row::new(time, grain, code);
    let times = [at(5), at(6), at(7)];
    // The time at which the request came says more than the three times, of which any may be -1.
    let created = rfc3339(at(CREATED)).map(|(created, _)| time.since(created)).filter(|taken| taken.0 >= 0);
    let sum = || times.iter().map(|t| seconds(t)).try_fold(Micros(0), |sum, t| Some(Micros(sum.0 + t?.0)));
    row.taken = created.or_else(sum);
    let mut request = at(12).split(' ');
    row.method = keep(request.next().filter(|m| *m != "-").unwrap_or_default(), 40);
    row.target = keep(target(request.next().unwrap_or_default()), MAX_TARGET);
    row.to = match at(4) {
        "-" => Target::None,
        text => endpoint(text).map_or(Target::Untold, Target::Is),
    };
    row.more = Some(Box::new(More {
        host: value(at(18)),
        target_status: status(at(9)),
        not_reached: times.map(|t| t.starts_with("-1")),
        error_reason: value(columns.get(24).copied().unwrap_or_default()),
        ..More::default()
    }));
    Ok(row)
}

/// The path and query of a URL.
fn target(url: &str) -> &str {
    let path = path_of(url);
    let query = url.find('?').and_then(|at| url.get(at..)).unwrap_or_default();
    let start = url.len().saturating_sub(path.len() + query.len());
    if path == "/" && query.is_empty() { path } else { url.get(start..).unwrap_or(path) }
}

fn endpoint(text: &str) -> Option<Endpoint> {
    let address: std::net::SocketAddr = text.parse().ok()?;
    Some(Endpoint { ip: address.ip(), port: address.port() })
}

/// Values separated by blanks; one in quotes may have blanks, and quotes after a backslash.
pub(super) struct Quoted<'t>(pub(super) &'t str);

impl<'t> Iterator for Quoted<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = self.0.trim_start_matches(' ');
        if text.is_empty() {
            return None;
        }
        let (open, close) = if text.starts_with('"') { (1, '"') } else { (0, ' ') };
        let inner = text.get(open..).unwrap_or_default();
        let mut escaped = false;
        let end = inner.find(|c: char| {
            let here = c == close && !escaped;
            escaped = c == '\\' && !escaped;
            here
        });
        let (value, rest) = end.and_then(|end| inner.split_at_checked(end)).unwrap_or((inner, ""));
        self.0 = rest.get(usize::from(!rest.is_empty())..).unwrap_or_default();
        Some(value)
    }
}
