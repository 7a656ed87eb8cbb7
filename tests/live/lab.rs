//! Two network namespaces with a cable between them: an origin with a real nginx, and the edge.
#![allow(unreachable_pub, reason = "the tests beside it use it")]
#![allow(clippy::print_stdout, reason = "what was not tested is said")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::watch::{self, Lines};

/// An address of CloudFront's.
pub const EDGE: &str = "130.176.1.2";
/// Where the origin listens.
pub const ORIGIN: &str = "10.0.0.5";

/// The programs that are needed, and the Debian packages that have them.
const NEEDED: [(&str, &str); 5] =
    [("ip", "iproute2"), ("nft", "nftables"), ("nginx", "nginx-light"), ("openssl", "openssl"), ("curl", "curl")];

const NGINX: &str = "
daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
events { worker_connections 512; }
http {
  access_log off; ssl_certificate_key leaf.key; ssl_protocols TLSv1.2;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server {
    listen 80;
    root files;
    location = /ok { return 200 \"fine\\n\"; }
    location = /upstream { proxy_pass http://127.0.0.1:9; }
    location = /app { $APP }
  }
  server { listen 8080; location / { return 200 \"fine\\n\"; } }
  server { $TLS location / { return 200 \"fine\\n\"; } }
}
";

/// What of the origin may be at fault: how it answers `/app` in plain HTTP, and how port 443.
pub struct Site {
    pub app: &'static str,
    pub tls: &'static str,
}

impl Site {
    /// Nothing.
    pub const GOOD: Site =
        Site { app: "proxy_pass http://127.0.0.1:8080;", tls: "listen 443 ssl; ssl_certificate leaf.pem;" };
}

const RULES: &str = "
table inet lab {
  chain faults { }
  chain input {
    type filter hook input priority 0;
    tcp dport 8081 drop
    jump faults
  }
}
";

/// An edge that goes on until it is let go of.
pub struct Edge {
    child: Child,
    /// What came of each request.
    pub requests: Lines,
}

impl Drop for Edge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The namespaces, the directory and nginx; all of it gone at the end.
pub struct Lab {
    pub dir: PathBuf,
    origin: String,
    edge: String,
    nginx: Option<Child>,
}

impl Lab {
    /// Builds it; `None`, and a word about it, where this is not root's or the kernel has no namespaces to give.
    pub fn new() -> Option<Lab> {
        if !fs::read_to_string("/proc/self/status").unwrap().lines().any(|l| l.starts_with("Uid:\t0\t0")) {
            missing("root, `sudo -E env PATH=$PATH cargo test --locked --test live`");
            return None;
        }
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        for (program, package) in NEEDED {
            let there = path.split(':').any(|dir| Path::new(dir).join(program).is_file());
            assert!(there, "this test needs {program}: `apt-get install {package}`");
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("w{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(format!("why502-live-{name}"));
        fs::create_dir_all(dir.join("files")).unwrap();
        let mut lab = Lab { dir, origin: format!("{name}o"), edge: format!("{name}e"), nginx: None };
        if let Err(why) = lab.wire() {
            missing(&format!("a kernel that gives namespaces that are wired to each other: {why}"));
            return None;
        }
        lab.serve();
        Some(lab)
    }

    fn wire(&self) -> Result<(), String> {
        let Lab { origin, edge, .. } = self;
        for command in [
            format!("netns add {origin}"),
            format!("netns add {edge}"),
            format!("link add cable netns {origin} type veth peer name cable netns {edge}"),
            format!("-n {origin} addr add {ORIGIN}/8 dev cable"),
            format!("-n {edge} addr add {EDGE}/16 dev cable"),
            format!("-n {origin} link set lo up"),
            format!("-n {origin} link set cable up"),
            format!("-n {edge} link set cable up"),
            format!("-n {origin} route add 130.176.0.0/16 dev cable"),
            format!("-n {edge} route add 10.0.0.0/8 dev cable src {EDGE}"),
        ] {
            run(Command::new("ip").args(command.split(' ')))?;
        }
        fs::write(self.dir.join("rules.nft"), RULES).unwrap();
        run(self.at_origin("nft").arg("-f").arg(self.dir.join("rules.nft")))
    }

    /// A certificate that is good and one that is out of date, of an authority of our own, and nginx with them.
    fn serve(&mut self) {
        fs::write(self.dir.join("names"), "subjectAltName=DNS:origin.example.com\n").unwrap();
        for command in [
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=lab",
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj /CN=origin.example.com",
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile names -out leaf.pem",
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -extfile names -out expired.pem",
        ] {
            run(Command::new("openssl").args(command.split(' ')).current_dir(&self.dir)).unwrap();
        }
        self.configure(&Site::GOOD);
        let dir = self.dir.clone();
        let mut nginx = self.at_origin("nginx");
        nginx.arg("-p").arg(&dir).arg("-c").arg(dir.join("nginx.conf")).arg("-g").arg("user root;");
        self.nginx = Some(nginx.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        for _ in 0..100 {
            if self.curl("http://10.0.0.5/ok", &[]).status.success() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("nginx does not answer: {}", fs::read_to_string(dir.join("error.log")).unwrap_or_default());
    }

    fn configure(&self, site: &Site) {
        fs::write(self.dir.join("nginx.conf"), NGINX.replace("$APP", site.app).replace("$TLS", site.tls)).unwrap();
    }

    /// Makes nginx go by this from now on.
    pub fn reload(&self, site: &Site) {
        self.configure(site);
        let nginx = self.nginx.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-HUP", &nginx]).status().unwrap().success());
    }

    /// Drops who wants to connect to a port, before any socket sees it, or no more.
    pub fn filter(&self, port: u16, drop: bool) {
        let rule = if drop {
            format!("add rule inet lab faults tcp dport {port} tcp flags syn drop")
        } else {
            "flush chain inet lab faults".into()
        };
        run(self.at_origin("nft").arg(rule)).unwrap();
    }

    /// An edge that makes requests by s2n-tls, again and again; a line for each says what came of it. `None`, and a word
    /// about it, where there is no s2n-tls.
    pub fn edge(&self, pause: &str) -> Option<Edge> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let library = root.join("target/edge");
        if !library.is_dir() {
            missing("s2n-tls: `python3 -m pip install --target target/edge awscrt==0.38.1`");
            return None;
        }
        let mut edge = within(&self.edge, "python3");
        edge.arg(root.join("tests/live/edge.py")).args([ORIGIN, "origin.example.com", "ca.pem", pause]);
        edge.env("PYTHONPATH", library).current_dir(&self.dir).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = edge.spawn().unwrap();
        let requests = watch::gather(child.stdout.take().unwrap());
        Some(Edge { child, requests })
    }

    /// A program at the origin.
    pub fn at_origin(&self, program: &str) -> Command {
        within(&self.origin, program)
    }

    /// A request of the edge.
    pub fn curl(&self, url: &str, more: &[&str]) -> Output {
        self.curl_command(url, more).output().unwrap()
    }

    pub fn curl_command(&self, url: &str, more: &[&str]) -> Command {
        let mut curl = within(&self.edge, "curl");
        curl.args(["--silent", "--max-time", "6", "--output", "/dev/null", url]).args(more).current_dir(&self.dir);
        curl
    }
}

/// Says what a test needed; where `WHY502_DEMAND_LIVE` is set it has to be there.
fn missing(what: &str) {
    let told = format!("nothing was captured: that needs {what}");
    assert!(std::env::var_os("WHY502_DEMAND_LIVE").is_none(), "{told}");
    println!("{told}");
}

fn within(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]);
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let done = command.output().unwrap();
    let told = || format!("{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    if done.status.success() { Ok(()) } else { Err(told()) }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(nginx) = &mut self.nginx {
            let _ = Command::new("kill").arg(nginx.id().to_string()).status();
            let _ = nginx.wait();
        }
        for namespace in [&self.origin, &self.edge] {
            let _ = Command::new("ip").args(["netns", "del", namespace]).status();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
