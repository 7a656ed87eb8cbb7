//! One file with everything that a support case needs.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::report::{Html, Json};

use super::texts::Form;
use super::zip::Zip;
use super::{NAME, Refusal, Shared, case, rows, words};

pub(super) const PAGE: &str = "report.html";
pub(super) const JSON: &str = "report.json";
pub(super) const ROWS: &str = "log-rows.ndjson";

/// Everything, ready to be written.
pub struct Case {
    shared: Shared,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Case {
    /// Makes the reports of what can be passed on; `options` says, a line each, what the analysis went by.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn new(shared: Shared, options: &[String]) -> Result<Case, Refusal> {
        let (mut page, mut json) = (Vec::new(), Vec::new());
        shared.report(&mut Html::new(&mut page))?;
        let summary = shared.report(&mut Json::new(&mut json))?;
        let mut about = format!(
            "why502 {}\n{}\n",
            env!("CARGO_PKG_VERSION"),
            options.iter().map(|option| words::cleaned(&shared, option.clone())).collect::<Vec<_>>().join("\n")
        )
        .into_bytes();
        shared.blank(&mut page, Form::Page);
        shared.blank(&mut json, Form::Json);
        shared.blank(&mut about, Form::Lines);
        let mut rows = rows::told(&shared)?;
        shared.blank(&mut rows, Form::Json);
        // At the end, as it says how much is blanked.
        let text = case::text(&shared, &summary.headline, &rows::locations(&shared.joined));
        let mut files = vec![("case.txt", text.into_bytes()), (PAGE, page), (JSON, json), ("about.txt", about)];
        if !shared.joined.logs.is_empty() {
            files.push((ROWS, rows));
        }
        let mut sums = format!("{}  {NAME}\n", shared.digest()?);
        for (name, bytes) in &files {
            sums += &format!("{}  {name}\n", hex(&Sha256::digest(bytes)));
        }
        files.push(("SHA256SUMS", sums.into_bytes()));
        Ok(Case { shared, files })
    }

    /// What was looked over.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What whoever passes it on should know: one line each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.shared.remarks()
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the output said.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut zip = Zip::new(out);
        for (name, bytes) in &self.files {
            zip.file(name, |out| out.write_all(bytes))?;
        }
        zip.file(NAME, |out| self.shared.write(out))?;
        zip.finish()
    }
}

impl Shared {
    /// The SHA-256 of the capture.
    fn digest(&self) -> io::Result<String> {
        let mut hash = Hashing(Sha256::new());
        self.write(&mut hash)?;
        Ok(hex(&hash.0.finalize()))
    }
}

struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
