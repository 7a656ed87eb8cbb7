//! OCSP responses to staple, made by `openssl ocsp` with the key of the lab's intermediate.

use crate::certs::Files;
use crate::lab::Lab;
use anyhow::Result;
use openssl::x509::X509;
use std::path::PathBuf;

/// A response to be made. [`Staple::GOOD`] is what CloudFront accepts.
#[derive(Clone, Copy)]
pub(crate) struct Staple {
    /// Days ago on which it was made (`faketime`).
    pub(crate) made_ago: u32,
    /// Days from then on for which it is good.
    pub(crate) good_for: u32,
    /// Whether and why the certificate was revoked, three days before.
    pub(crate) revoked: Option<&'static str>,
}

impl Staple {
    pub(crate) const GOOD: Staple = Staple { made_ago: 1, good_for: 7, revoked: None };

    /// Makes the response for the first certificate of these files, and writes its file.
    pub(crate) fn issue(&self, lab: &mut Lab, files: &Files) -> Result<PathBuf> {
        const REVOKED_BEFORE: u32 = 3;
        let (issuer, key) = lab.authority()?.issuer_pem()?;
        let issuer = lab.write("issuer.crt", issuer)?;
        let key = lab.write("issuer.key", key)?;
        let leaf = X509::from_pem(&std::fs::read(&files.chain)?)?;
        let serial = leaf.serial_number().to_bn()?.to_hex_str()?.to_string();
        let day = |ago: u32| lab.in_origin("date", &["-u", "-d", &format!("{ago} days ago"), "+%y%m%d%H%M%SZ"]);
        let status = match self.revoked {
            Some(why) => format!("R\t491231235959Z\t{},{why}", day(self.made_ago + REVOKED_BEFORE)?.trim()),
            None => "V\t491231235959Z\t".to_owned(),
        };
        let index = lab.write("index.txt", format!("{status}\t{serial}\tunknown\t/CN=leaf\n"))?;
        let response = lab.directory().join("staple.der");
        let path = |path: &PathBuf| path.display().to_string();
        lab.in_origin(
            "faketime",
            &[
                "-f",
                &format!("-{}d", self.made_ago),
                "openssl",
                "ocsp",
                "-index",
                &path(&index),
                "-CA",
                &path(&issuer),
                "-rsigner",
                &path(&issuer),
                "-rkey",
                &path(&key),
                "-issuer",
                &path(&issuer),
                "-cert",
                &path(&files.chain),
                "-ndays",
                &self.good_for.to_string(),
                "-no_nonce",
                "-resp_no_certs",
                "-noverify",
                "-respout",
                &path(&response),
            ],
        )?;
        Ok(response)
    }
}
