//! `--sandbox-check`: tries to get out, without any of it, without seccomp, and with all of it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use super::{Needs, limit, paths, syscalls};

/// What is tried: what it is, and the try.
type Try = (&'static str, fn() -> io::Result<()>);

const TRIES: [Try; 7] = [
    ("open a file to read", || File::open("/etc/passwd").map(drop)),
    ("make a file", || {
        let path = std::env::temp_dir().join(format!("why502-check-{}", std::process::id()));
        File::create(&path)?;
        fs::remove_file(path)
    }),
    ("listen on TCP", || TcpListener::bind("127.0.0.1:0").map(drop)),
    ("connect by TCP", || match TcpStream::connect("127.0.0.1:1") {
        // Somebody said so: it was asked.
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        done => done.map(drop),
    }),
    ("open a socket of UDP", || UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("open a socket to this host", || UnixDatagram::unbound().map(drop)),
    ("run a program", || Command::new("/bin/true").status().map(drop)),
];

/// The page: a line for each try, with what came of it each time.
pub(in crate::cli) fn check() -> String {
    let needs = Needs::of(0);
    let mut page = String::new();
    let mut step = |name: &str, missing: Result<(), String>| {
        let _ = writeln!(page, "{name}{}", missing.map_or_else(|why| format!(" ({why})"), |()| String::new()));
        for (what, how) in TRIES {
            let said = how().map_or_else(|e| format!("refused: {e}"), |()| "done".to_owned());
            let _ = writeln!(page, "  {what:<28}{said}");
        }
    };
    step("without a sandbox", Ok(()));
    let first = [limit(&needs), paths::restrict(&needs)].into_iter().collect::<Result<Vec<()>, _>>().map(drop);
    step("without seccomp", first);
    step("with all of it", syscalls::restrict(&needs));
    page
}
