//! One access log: known by its content, read once, front to back.

use std::io::{self, Cursor, Read};

use crate::base::{Timestamp, escape};
use crate::source::decompressed;

use super::fields::Columns;
use super::lines::{Line, Lines};
use super::row::{Row, Vantage};
use super::{alb, combined, json};

/// Rows shown of those that cannot be read.
const MAX_UNPARSED: usize = 3;

/// Problems told of one log.
const MAX_PROBLEMS: usize = 8;

/// Bytes looked at to know the format.
const LOOK: usize = 64 * 1024;

/// Lines looked at: what stands before the first row is a header, or damage.
const LOOK_LINES: usize = 64;

/// The format of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Columns in the order of a header: CloudFront's standard log, and v2 logs as w3c.
    W3c,
    /// Columns in an order that is given beside the log: v2 logs as plain, and real-time records.
    Listed(Columns),
    /// CloudFront's v2 logs in JSON.
    Json,
    /// Application Load Balancer.
    Alb,
    /// nginx and Apache.
    Combined,
    /// No row at all.
    Empty,
}

impl Format {
    /// The name in the report.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Format::W3c => "cloudfront-w3c",
            Format::Listed(columns) if columns.real_time => "cloudfront-real-time",
            Format::Listed(_) => "cloudfront-plain",
            Format::Json => "cloudfront-json",
            Format::Alb => "alb",
            Format::Combined => "combined",
            Format::Empty => "empty",
        }
    }

    /// Who writes it.
    #[must_use]
    pub const fn vantage(&self) -> Vantage {
        match self {
            Format::W3c | Format::Listed(_) | Format::Json | Format::Empty => Vantage::Edge,
            Format::Alb => Vantage::LoadBalancer,
            Format::Combined => Vantage::Host,
        }
    }
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unparsed {
    /// Its line.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// What is wrong with a log as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its name in the report.
    pub kind: &'static str,
    /// What, where, and what is lost by it.
    pub detail: String,
}

/// What is told of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// As it was given on the command line.
    pub path: String,
    /// Its format.
    pub format: Format,
    /// The compression around it.
    pub compression: Option<&'static str>,
    /// Rows that were read.
    pub rows: u64,
    /// Of these, those with a 5xx.
    pub server_errors: u64,
    /// Of the rows, those that matter neither for an error nor for the time of the capture.
    pub set_aside: u64,
    /// Of the rows that matter, those for which there was no room.
    pub not_kept: u64,
    /// Lines that are no row and could not be read.
    pub unparsed: u64,
    /// The first of them.
    pub first_unparsed: Vec<Unparsed>,
    /// The earliest row.
    pub first_time: Option<Timestamp>,
    /// The latest row.
    pub last_time: Option<Timestamp>,
    /// What is wrong with the log.
    pub problems: Vec<Problem>,
}

/// A log that can be read.
pub struct Log {
    lines: Lines,
    /// The order of columns, where the log has one.
    columns: Option<Columns>,
    /// What is known of it so far.
    pub(super) told: Told,
}

impl Log {
    /// Looks at the beginning of a log, which `name` names; `fields` is the order of its columns where it has no header.
    ///
    /// # Errors
    /// Why it cannot be read as a log, in words.
    pub fn open(read: Box<dyn Read + Send>, name: &str, fields: Option<&Columns>) -> Result<Log, String> {
        let (compression, mut read) = decompressed(read).map_err(|e| format!("cannot be read: {e}"))?;
        let mut head = Vec::new();
        let failed = read.by_ref().take(LOOK as u64).read_to_end(&mut head).err();
        if let (Some(error), true) = (&failed, head.is_empty()) {
            return Err(format!("cannot be read: {}", damage(compression, error)));
        }
        let format = recognise(&head, fields)?;
        let columns = match &format {
            Format::Listed(columns) => Some(columns.clone()),
            _ => None,
        };
        let told = Told {
            path: name.to_owned(),
            format,
            compression,
            rows: 0,
            server_errors: 0,
            set_aside: 0,
            not_kept: 0,
            unparsed: 0,
            first_unparsed: Vec::new(),
            first_time: None,
            last_time: None,
            problems: Vec::new(),
        };
        let rest: Box<dyn Read + Send> = match failed {
            Some(error) => Box::new(Failing(Some(error))),
            None => read,
        };
        let mut log = Log { lines: Lines::new(Box::new(Cursor::new(head).chain(rest))), columns, told };
        if let Some(columns) = log.columns.take() {
            log.order(columns, "the list of fields");
        }
        Ok(log)
    }

    /// What is known of it so far.
    #[must_use]
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// The next row that can be read; `None` at the end.
    pub fn next_row(&mut self) -> Option<Row> {
        loop {
            let (number, text) = match self.lines.next() {
                Ok(Some(Line::Whole(number, bytes))) => (number, std::str::from_utf8(bytes).map(str::to_owned)),
                Ok(Some(Line::TooLong(number))) => {
                    self.unparsed(number, "longer than any row".to_owned());
                    continue;
                }
                Ok(None) => return None,
                Err(error) => {
                    let after = format!("{}; what follows row {} is lost", self.damage(&error), self.told.rows);
                    self.problem("damaged", after);
                    return None;
                }
            };
            let Ok(text) = text else {
                self.unparsed(number, "not in UTF-8".to_owned());
                continue;
            };
            let line = text.strip_prefix('\u{feff}').unwrap_or(&text);
            if line.trim().is_empty() || self.is_header(line) {
                continue;
            }
            match self.read(line) {
                Ok(mut row) => {
                    (row.line, row.vantage) = (number, self.told.format.vantage());
                    self.count(&row);
                    return Some(row);
                }
                Err(why) => self.unparsed(number, why),
            }
        }
    }

    fn damage(&self, error: &io::Error) -> String {
        damage(self.told.compression, error)
    }

    /// Whether a line is no row but tells of those that follow.
    fn is_header(&mut self, line: &str) -> bool {
        let Some(comment) = line.strip_prefix('#') else {
            // A list of names may stand in the first line as it is.
            let of_columns = matches!(self.told.format, Format::Listed(_)) && is_list(line);
            if of_columns && let Ok(columns) = Columns::read(line) {
                self.order(columns, "the header");
            }
            return of_columns;
        };
        if let Some(list) = comment.trim_start().strip_prefix("Fields:") {
            match Columns::read(list) {
                Ok(columns) => self.order(columns, "#Fields:"),
                Err(why) => {
                    self.columns = None;
                    self.problem("wrong-fields", format!("its #Fields: cannot be used: {why}"));
                }
            }
        }
        true
    }

    fn order(&mut self, columns: Columns, told_by: &str) {
        if !columns.unknown.is_empty() {
            let names: Vec<_> = columns.unknown.iter().take(3).map(|name| escape(name)).collect();
            let (n, s) = (columns.unknown.len(), if columns.unknown.len() == 1 { "" } else { "s" });
            let text = format!("{told_by} names {n} field{s} that CloudFront does not have: {}", names.join(", "));
            self.problem("unknown-fields", format!("{text}; nothing is read of them"));
        }
        self.columns = Some(columns);
    }

    fn read(&self, line: &str) -> Result<Row, String> {
        match self.told.format {
            Format::Alb => alb::row(line),
            Format::Combined => combined::row(line),
            Format::Json => json::row(line).map(|(row, _)| row),
            Format::Empty => Err("no row of a known format".to_owned()),
            Format::W3c | Format::Listed(_) => {
                let columns = self.columns.as_ref().ok_or("no list of fields comes before it")?;
                let tabs = matches!(self.told.format, Format::W3c) || line.contains('\t');
                let separator = if tabs { Some('\t') } else { columns.separator(line) };
                columns.row(line, separator.unwrap_or('\t'))
            }
        }
    }

    fn count(&mut self, row: &Row) {
        self.told.rows += 1;
        self.told.server_errors += u64::from(row.is_server_error());
        self.told.first_time = Some(self.told.first_time.map_or(row.time, |t| t.min(row.time)));
        self.told.last_time = Some(self.told.last_time.map_or(row.time, |t| t.max(row.time)));
    }

    fn unparsed(&mut self, line: u64, why: String) {
        self.told.unparsed += 1;
        if self.told.first_unparsed.len() < MAX_UNPARSED {
            self.told.first_unparsed.push(Unparsed { line, why });
        }
    }

    fn problem(&mut self, kind: &'static str, detail: String) {
        let problem = Problem { kind, detail };
        if self.told.problems.len() < MAX_PROBLEMS && !self.told.problems.contains(&problem) {
            self.told.problems.push(problem);
        }
    }
}

fn damage(compression: Option<&str>, error: &io::Error) -> String {
    match (compression, error.kind()) {
        (Some(name), io::ErrorKind::UnexpectedEof) => format!("the {name} file is cut short"),
        (Some(name), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            format!("the {name} file is damaged: {error}")
        }
        _ => error.to_string(),
    }
}

/// Gives the error that ended the look at the beginning, once what came before it was read.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Whether most words of a line are names of fields.
fn is_list(line: &str) -> bool {
    let known = Columns::known_names(line);
    known >= 3 && known * 2 > line.split([' ', '\t', ',']).filter(|word| !word.is_empty()).count()
}

/// The format of what begins so.
fn recognise(head: &[u8], fields: Option<&Columns>) -> Result<Format, String> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if let Some(why) = other_content(head) {
        return Err(why.to_owned());
    }
    let text = String::from_utf8_lossy(head);
    let mut any = false;
    for line in text.lines().take(LOOK_LINES) {
        let line = line.trim_end();
        if let Some(format) = of_line(line, fields) {
            return format;
        }
        any |= !line.is_empty() && !line.starts_with('#');
    }
    if any { Err(unknown(&text)) } else { Ok(Format::Empty) }
}

fn of_line(line: &str, fields: Option<&Columns>) -> Option<Result<Format, String>> {
    if let Some(list) = line.strip_prefix("#Fields:") {
        return Some(
            Columns::read(list).map(|_| Format::W3c).map_err(|why| format!("its #Fields: cannot be used: {why}")),
        );
    }
    if line.starts_with('{') && json::row(line).is_ok() {
        return Some(Ok(Format::Json));
    }
    if alb::fits(line) {
        return Some(Ok(Format::Alb));
    }
    if combined::fits(line) {
        return Some(Ok(Format::Combined));
    }
    if is_list(line) {
        return Some(
            Columns::read(line).map(Format::Listed).map_err(|why| format!("its header cannot be used: {why}")),
        );
    }
    let columns = fields?;
    let fits = columns.separator(line).is_some_and(|by| columns.row(line, by).is_ok());
    fits.then(|| Ok(Format::Listed(columns.clone())))
}

/// What is certainly no text of a log.
fn other_content(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'P', b'A', b'R', b'1', ..] => {
            Some("is in Parquet, which is not read here: deliver the log as JSON, w3c or plain")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("is in UTF-16: `iconv -f UTF-16 -t UTF-8` makes it readable"),
        [0xd4, 0xc3, 0xb2, 0xa1, ..] | [0x0a, 0x0d, 0x0d, 0x0a, ..] => Some("is a capture and no access log"),
        _ if head.iter().take(1_024).any(|b| *b == 0) => Some("is no text: it holds zero bytes"),
        _ => None,
    }
}

fn unknown(text: &str) -> String {
    let first = text.lines().find(|l| !l.trim().is_empty() && !l.starts_with('#')).unwrap_or_default();
    let columns = first.split('\t').count();
    if first.starts_with('{') {
        let why = json::row(first).err().unwrap_or_default();
        return format!("is JSON, but no log of CloudFront's: {}", escape(&why));
    }
    if columns >= 3 {
        return format!(
            "has {columns} columns and no header: name them by --access-log-fields, in the order in which the log has them"
        );
    }
    "is no access log that is known here: CloudFront's (standard, v2 JSON, w3c or plain, real-time), an Application Load \
     Balancer's, or nginx's and Apache's combined format"
        .to_owned()
}
