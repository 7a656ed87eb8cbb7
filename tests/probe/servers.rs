//! Real servers on loopback, each with one fault or none; gone when they are dropped.
#![allow(unreachable_pub, reason = "the tests beside it use it")]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A directory for a test, with what runs in it.
pub struct Lab {
    pub dir: PathBuf,
    running: Vec<Child>,
    pub port: u16,
}

impl Lab {
    pub fn new(name: &str) -> Lab {
        let dir = std::env::temp_dir().join(format!("why502-probe-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        // Apache and nginx may run as somebody else.
        fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Lab { dir, running: Vec::new(), port }
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn run(&mut self, command: &mut Command) {
        let log = fs::File::create(self.dir.join("server.log")).unwrap();
        command.current_dir(&self.dir).env("HOME", &self.dir).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.running.push(command.spawn().unwrap());
    }

    /// Waits until somebody listens, without a connection of its own: some servers take one and no more.
    fn listens(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        let ours = format!(":{:04X}", self.port);
        while Instant::now() < end {
            let table = fs::read_to_string("/proc/net/tcp").unwrap();
            let listening = |line: &str| {
                let fields: Vec<_> = line.split_ascii_whitespace().collect();
                fields.get(1).is_some_and(|local| local.ends_with(&ours)) && fields.get(3) == Some(&"0A")
            };
            if table.lines().any(listening) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.dir.join("server.log")).unwrap_or_default();
        panic!("nobody listens on {}: {log}", self.port);
    }

    /// nginx with one server block, in which `PORT` is the port.
    pub fn nginx(&mut self, server: &str) {
        let server = server.replace("PORT", &format!("127.0.0.1:{}", self.port));
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|p| format!("{p}_temp_path {}/{p};\n", self.dir.display()))
            .collect();
        let text = format!(
            "daemon off; master_process off; pid {0}/nginx.pid; error_log stderr;\nevents {{ worker_connections 64; }}\n\
             http {{ access_log off; {paths} server {{ {server}\nlocation / {{ return 200 \"hello\\n\"; }} }} }}\n",
            self.dir.display()
        );
        let config = self.write("nginx.conf", text);
        self.run(Command::new("nginx").arg("-e").arg("stderr").arg("-c").arg(config));
        self.listens();
    }

    /// Apache with these directives in a TLS host.
    pub fn apache(&mut self, directives: &str) {
        const MODULES: &str = "/usr/lib/apache2/modules";
        let modules: String = ["mpm_event", "authz_core", "ssl", "dir"]
            .iter()
            .map(|m| format!("LoadModule {m}_module {MODULES}/mod_{m}.so\n"))
            .collect();
        let dir = self.dir.display();
        let text = format!(
            "ServerRoot {dir}\nDefaultRuntimeDir {dir}\nPidFile {dir}/apache.pid\nServerName origin.example.com\n\
             ErrorLog {dir}/apache.log\nDocumentRoot {dir}/www\n{modules}StartServers 1\nServerLimit 1\n\
             ThreadsPerChild 4\nMaxRequestWorkers 4\nMutex posixsem\nListen 127.0.0.1:{port}\n\
             <VirtualHost *:{port}>\nSSLEngine on\n{directives}\n</VirtualHost>\n",
            port = self.port
        );
        fs::create_dir_all(self.dir.join("www")).unwrap();
        self.write("www/index.html", "hello\n");
        let config = self.write("apache.conf", text);
        self.run(Command::new("apache2").arg("-X").arg("-f").arg(config));
        self.listens();
    }

    /// HAProxy with a frontend whose `bind` has these words.
    pub fn haproxy(&mut self, bind: &str) {
        let text = format!(
            "global\n  maxconn 64\ndefaults\n  mode http\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n\
             frontend f\n  bind 127.0.0.1:{} {bind}\n  http-request return status 200 content-type text/plain string hello\n",
            self.port
        );
        let config = self.write("haproxy.cfg", text);
        self.run(Command::new("haproxy").args(["-db", "-f"]).arg(config));
        self.listens();
    }

    /// Caddy with this certificate.
    pub fn caddy(&mut self, chain: &Path, key: &Path) {
        let text = format!(
            "{{\n  admin off\n  auto_https off\n  skip_install_trust\n}}\n\
             https://origin.example.com:{} {{\n  bind 127.0.0.1\n  tls {} {}\n  respond hello\n}}\n",
            self.port,
            chain.display(),
            key.display()
        );
        let config = self.write("Caddyfile", text);
        self.run(Command::new("caddy").args(["run", "--adapter", "caddyfile", "--config"]).arg(config));
        self.listens();
    }

    /// `openssl s_server` with these arguments.
    pub fn openssl(&mut self, arguments: &[&str]) {
        let accept = format!("127.0.0.1:{}", self.port);
        self.run(Command::new("openssl").args(["s_server", "-quiet", "-www", "-accept", &accept]).args(arguments));
        self.listens();
    }

    /// nghttpd, which speaks HTTP/2 alone, with a file to serve.
    pub fn nghttpd(&mut self, chain: &Path, key: &Path) {
        fs::create_dir_all(self.dir.join("www")).unwrap();
        self.write("www/index.html", "hello\n");
        let mut command = Command::new("nghttpd");
        self.run(command.args(["-a", "127.0.0.1", "-d", "www", &self.port.to_string()]).args([key, chain]));
        self.listens();
    }

    /// A script of Node's in which `PORT` is the port.
    pub fn node(&mut self, script: &str) {
        let modules =
            "const fs = require('fs'), net = require('net'), http = require('http'), https = require('https');\n";
        let script = self.write("app.js", modules.to_owned() + &script.replace("PORT", &self.port.to_string()));
        self.run(Command::new("node").arg(script));
        self.listens();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
