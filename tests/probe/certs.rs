//! Certificates by the `openssl` command: an authority of its own for each test, and leaves with every fault.
#![allow(unreachable_pub, reason = "the tests beside it use it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The origin's name.
pub const NAME: &str = "origin.example.com";

/// A root, two intermediates below it, and what they issue.
pub struct Authority {
    dir: PathBuf,
}

/// A leaf to be issued.
pub struct Leaf<'l> {
    pub key: &'l str,
    pub digest: &'l str,
    /// `YYYYMMDDHHMMSSZ`.
    pub from: &'l str,
    pub until: &'l str,
    /// Names of the subjectAltName; none for a common name alone.
    pub names: &'l [&'l str],
    pub usage: &'l str,
    /// The common name.
    pub subject: &'l str,
}

impl Leaf<'_> {
    /// In order.
    pub const GOOD: Leaf<'static> = Leaf {
        key: "rsa:2048",
        digest: "sha256",
        from: "20250101000000Z",
        until: "20400101000000Z",
        names: &[NAME],
        usage: "serverAuth",
        subject: NAME,
    };
}

/// Files of a certificate with its chain, and its key.
pub struct Files {
    pub chain: PathBuf,
    pub key: PathBuf,
}

const CONFIG: &str = "
[ca]
default_ca = c
[c]
new_certs_dir = .
database = index.txt
rand_serial = yes
policy = p
unique_subject = no
[p]
commonName = supplied
";

impl Authority {
    pub fn new(dir: &Path, owner: &str) -> Authority {
        let dir = dir.join(owner);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("ca.cnf"), CONFIG).unwrap();
        fs::write(dir.join("index.txt"), "").unwrap();
        let authority = Authority { dir };
        let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
        fs::write(authority.dir.join("ca.ext"), ca).unwrap();
        let subject = |name: &str| format!("/CN={owner} {name}");
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "root.key",
            "-out",
            "root.pem",
            "-days",
            "9000",
            "-subj",
            &subject("Root"),
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ]);
        authority.request("rsa:2048", &subject("One"), "one");
        authority.sign("one", "root", "sha256", ("20250101000000Z", "20400101000000Z"), "ca.ext");
        authority.request("rsa:2048", &subject("Two"), "two");
        authority.sign("two", "one", "sha256", ("20250101000000Z", "20400101000000Z"), "ca.ext");
        authority
    }

    pub fn root(&self) -> PathBuf {
        self.dir.join("root.pem")
    }

    /// Issues a leaf, and writes the chain: of `leaf`, `one` and `two` as they are named.
    pub fn issue(&self, leaf: &Leaf<'_>, chain: &[&str]) -> Files {
        let names: Vec<_> = leaf.names.iter().map(|name| format!("DNS:{name}")).collect();
        let names = if names.is_empty() { String::new() } else { format!("subjectAltName={}\n", names.join(",")) };
        let extensions = format!("basicConstraints=CA:FALSE\nextendedKeyUsage={}\n{names}", leaf.usage);
        fs::write(self.dir.join("leaf.ext"), extensions).unwrap();
        self.request(leaf.key, &format!("/CN={}", leaf.subject), "leaf");
        self.sign("leaf", "two", leaf.digest, (leaf.from, leaf.until), "leaf.ext");
        let parts = chain.iter().map(|part| fs::read_to_string(self.dir.join(format!("{part}.pem"))).unwrap());
        fs::write(self.dir.join("chain.pem"), parts.collect::<String>()).unwrap();
        self.files("chain.pem")
    }

    /// The same, with the chain as it should be.
    pub fn good_chain(&self, leaf: &Leaf<'_>) -> Files {
        self.issue(leaf, &["leaf", "two", "one"])
    }

    pub fn self_signed(&self) -> Files {
        let names = format!("subjectAltName=DNS:{NAME}");
        self.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "leaf.key",
            "-out",
            "self.pem",
            "-days",
            "900",
            "-subj",
            &format!("/CN={NAME}"),
            "-addext",
            &names,
        ]);
        self.files("self.pem")
    }

    fn files(&self, chain: &str) -> Files {
        let (chain, key) = (self.dir.join(chain), self.dir.join("leaf.key"));
        // HAProxy and the probe take both from one file.
        let both = fs::read_to_string(&chain).unwrap() + &fs::read_to_string(&key).unwrap();
        fs::write(self.dir.join("both.pem"), both).unwrap();
        Files { chain, key }
    }

    pub fn both(&self) -> PathBuf {
        self.dir.join("both.pem")
    }

    fn request(&self, key: &str, subject: &str, name: &str) {
        let (file, out) = (format!("{name}.key"), format!("{name}.csr"));
        let kind: Vec<&str> = match key.strip_prefix("ec:") {
            Some(curve) => {
                self.openssl(&["ecparam", "-name", curve, "-genkey", "-noout", "-out", &file]);
                vec!["-key", &file]
            }
            None => vec!["-newkey", key, "-nodes", "-keyout", &file],
        };
        let rest = ["-out", &out, "-subj", subject];
        self.openssl(&[&["req", "-new"], kind.as_slice(), &rest].concat());
    }

    fn sign(&self, name: &str, issuer: &str, digest: &str, (from, until): (&str, &str), extensions: &str) {
        let file = |name: &str, suffix: &str| format!("{name}.{suffix}");
        self.openssl(&[
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.cnf",
            "-in",
            &file(name, "csr"),
            "-out",
            &file(name, "pem"),
            "-cert",
            &file(issuer, "pem"),
            "-keyfile",
            &file(issuer, "key"),
            "-md",
            digest,
            "-startdate",
            from,
            "-enddate",
            until,
            "-extfile",
            extensions,
        ]);
    }

    fn openssl(&self, arguments: &[&str]) {
        let done = Command::new("openssl").args(arguments).current_dir(&self.dir).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
