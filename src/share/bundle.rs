//! One file with everything that a support case needs.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::report::{Html, Json};

use super::zip::Zip;
use super::{NAME, Refusal, Shared, case, check, rows, words};

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
        let known = words::known()?;
        let (mut page, mut json) = (Vec::new(), Vec::new());
        shared.report(&mut Html::new(&mut page))?;
        let summary = shared.report(&mut Json::new(&mut json))?;
        let rows = rows::told(&shared)?;
        let text = case::text(&shared, &summary.headline, &rows::locations(&shared.joined));
        let about = format!(
            "why502 {}\n{}\n",
            env!("CARGO_PKG_VERSION"),
            options.iter().map(|option| words::cleaned(&shared, option.clone())).collect::<Vec<_>>().join("\n")
        );
        let mut files = vec![
            ("case.txt", text.into_bytes()),
            ("report.html", page),
            ("report.json", json),
            ("about.txt", about.into_bytes()),
        ];
        if !shared.joined.logs.is_empty() {
            files.push(("log-rows.ndjson", rows));
        }
        let mut sums = format!("{}  {NAME}\n", shared.digest()?);
        for (name, bytes) in &files {
            check::search_text(name, bytes, &shared.removed, &known).map_err(Refusal::Check)?;
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
