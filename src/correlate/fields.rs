//! Rows of values in a known order: CloudFront's standard logs, v2 logs as w3c and plain, and real-time records.

use super::clock::{Grained, date_and_time, epoch, rfc3339, seconds};
use super::row::{MAX_TARGET, More, Row, keep, value};

/// Columns of a row. The longest list of CloudFront's has 70.
const MAX_FIELDS: usize = 256;

/// What a column tells, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Date,
    Time,
    Timestamp,
    Millis,
    Taken,
    Status,
    Method,
    Stem,
    Query,
    Id,
    /// The viewer's Host in standard logs, the distribution's name in real-time records.
    XHost,
    /// The viewer's Host in real-time records.
    CsHost,
    Result,
    Detail,
    Origin,
    Reason,
    Location,
    Ignored,
}

/// Every field that CloudFront has under these names and that is of no use here.
const IGNORED: [&str; 33] = [
    "sc-bytes",
    "c-ip",
    "cs(host)",
    "cs(referer)",
    "cs(user-agent)",
    "cs(cookie)",
    "cs-protocol",
    "cs-bytes",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "c-port",
    "time-to-first-byte",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
    "distribution-tenant-id",
    "connection-id",
    "distributionid",
    "origin-fbl",
    "origin-lbl",
    "asn",
    "c-country",
    "cache-behavior-path-pattern",
    "s-ip",
    "c-ip-version",
    "x-edge-mqcs",
    "primary-distribution-id",
];

/// Beginnings of names of further fields of no use.
const IGNORED_PREFIXES: [&str; 7] =
    ["cs-user-agent", "cs-referer", "cs-cookie", "cs-accept", "cs-header", "primary-distribution-", "cmcd-"];

impl Column {
    fn of(name: &str) -> Option<Column> {
        let name = name.to_ascii_lowercase();
        let column = match name.as_str() {
            "date" => Column::Date,
            "time" => Column::Time,
            "timestamp" => Column::Timestamp,
            "timestamp(ms)" => Column::Millis,
            "time-taken" => Column::Taken,
            "sc-status" => Column::Status,
            "cs-method" => Column::Method,
            "cs-uri-stem" => Column::Stem,
            "cs-uri-query" => Column::Query,
            "x-edge-request-id" => Column::Id,
            "x-host-header" => Column::XHost,
            "cs-host" => Column::CsHost,
            "x-edge-result-type" => Column::Result,
            "x-edge-detailed-result-type" => Column::Detail,
            "r-host" => Column::Origin,
            "sr-reason" => Column::Reason,
            "x-edge-location" => Column::Location,
            name if IGNORED.contains(&name) => Column::Ignored,
            name if IGNORED_PREFIXES.iter().any(|p| name.starts_with(p)) => Column::Ignored,
            _ => return None,
        };
        Some(column)
    }
}

/// The order of the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    columns: Vec<Column>,
    /// Real-time records name the viewer's Host otherwise than standard logs do.
    pub(super) real_time: bool,
    /// Names that are not known.
    pub(super) unknown: Vec<Box<str>>,
}

impl Columns {
    /// Reads a list of names, separated by blanks, tabs or commas.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn read(list: &str) -> Result<Columns, String> {
        let names = || list.split([' ', '\t', ',', '\n', '\r']).map(str::trim).filter(|name| !name.is_empty());
        if names().count() > MAX_FIELDS {
            return Err(format!("it names more than {MAX_FIELDS} fields"));
        }
        let columns: Vec<_> = names().map(|name| Column::of(name).unwrap_or(Column::Ignored)).collect();
        let has = |column: Column| columns.contains(&column);
        let timed = has(Column::Timestamp) || has(Column::Millis) || has(Column::Date) && has(Column::Time);
        if !timed || !has(Column::Status) {
            let lacks = if timed { "sc-status" } else { "a time (date and time, timestamp, or timestamp(ms))" };
            return Err(format!("it does not name {lacks}"));
        }
        let unknown = names().filter(|name| Column::of(name).is_none()).map(|name| keep(name, 64)).collect();
        Ok(Columns { real_time: has(Column::CsHost), columns, unknown })
    }

    /// How many of the words of a line are names of fields: whether the line is a header.
    pub(super) fn known_names(line: &str) -> usize {
        line.split([' ', '\t', ',']).filter(|name| Column::of(name.trim()).is_some()).count()
    }

    /// Whether a line has as many columns as are named, by what they are then separated.
    pub(super) fn separator(&self, line: &str) -> Option<char> {
        ['\t', ' ', ',', '|', ';'].into_iter().find(|by| line.split(*by).count() == self.columns.len())
    }

    /// Reads a line.
    pub(super) fn row(&self, line: &str, separator: char) -> Result<Row, String> {
        let found = line.split(separator).count();
        if found != self.columns.len() {
            return Err(format!("{found} columns, where {} are named", self.columns.len()));
        }
        let mut values = Values::default();
        for (column, text) in self.columns.iter().zip(line.split(separator)) {
            values.set(*column, text.trim());
        }
        values.row(self.real_time)
    }
}

/// The values of one row, by name.
#[derive(Debug, Default)]
pub(super) struct Values<'v> {
    date: &'v str,
    time: &'v str,
    timestamp: &'v str,
    millis: &'v str,
    taken: &'v str,
    status: &'v str,
    method: &'v str,
    stem: &'v str,
    query: &'v str,
    id: &'v str,
    x_host: &'v str,
    cs_host: &'v str,
    result: &'v str,
    detail: &'v str,
    origin: &'v str,
    reason: &'v str,
    location: &'v str,
}

impl<'v> Values<'v> {
    /// Takes the value of the field of this name; says whether it is one of CloudFront's.
    pub(super) fn named(&mut self, name: &str, text: &'v str) -> bool {
        let column = Column::of(name);
        if let Some(column) = column {
            self.set(column, text);
        }
        column.is_some()
    }

    fn set(&mut self, column: Column, text: &'v str) {
        let place = match column {
            Column::Date => &mut self.date,
            Column::Time => &mut self.time,
            Column::Timestamp => &mut self.timestamp,
            Column::Millis => &mut self.millis,
            Column::Taken => &mut self.taken,
            Column::Status => &mut self.status,
            Column::Method => &mut self.method,
            Column::Stem => &mut self.stem,
            Column::Query => &mut self.query,
            Column::Id => &mut self.id,
            Column::XHost => &mut self.x_host,
            Column::CsHost => &mut self.cs_host,
            Column::Result => &mut self.result,
            Column::Detail => &mut self.detail,
            Column::Origin => &mut self.origin,
            Column::Reason => &mut self.reason,
            Column::Location => &mut self.location,
            Column::Ignored => return,
        };
        *place = text;
    }

    /// Whether the viewer's Host stands where real-time records have it.
    pub(super) fn is_real_time(&self) -> bool {
        !self.cs_host.is_empty()
    }

    fn when(&self) -> Option<Grained> {
        let by_clock = || date_and_time(self.date, self.time);
        let by_stamp = || epoch(self.timestamp, false).or_else(|| rfc3339(self.timestamp));
        epoch(self.millis, true).or_else(by_stamp).or_else(by_clock)
    }

    /// The row.
    pub(super) fn row(&self, real_time: bool) -> Result<Row, String> {
        let (time, grain) = self.when().ok_or("its time cannot be read")?;
        let status = status(self.status).ok_or("its status is no number of three digits")?;
        let mut row = Row::new(time, grain, status);
        row.taken = seconds(self.taken);
        row.method = keep(none_if_dash(self.method), 40);
        // A real-time record has the query behind the path, and again in a field of its own.
        let query = none_if_dash(self.query);
        let stem = decode(none_if_dash(self.stem));
        let with_query = !query.is_empty() && !stem.contains('?');
        row.target =
            if with_query { keep(&format!("{stem}?{}", decode(query)), MAX_TARGET) } else { keep(&stem, MAX_TARGET) };
        row.id = value(self.id);
        let host = if real_time { self.cs_host } else { self.x_host };
        row.more = Some(Box::new(More {
            host: value(&decode(host)),
            result: value(self.result),
            detail: value(self.detail),
            origin: value(&decode(self.origin)),
            reason: value(&decode(self.reason)),
            location: value(self.location),
            ..More::default()
        }));
        Ok(row)
    }
}

fn none_if_dash(text: &str) -> &str {
    if text == "-" { "" } else { text }
}

/// Three digits; `000` is a viewer that went away first.
pub(super) fn status(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits || text == "0")
}

/// Undoes the encoding of one value: `%25` is `%`, so that what the URL itself encodes stays as it was on the wire.
pub(super) fn decode(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}
