//! `why502 probe`.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use why502::analysis::{self, Failure, Options};
use why502::base::escape;
use why502::observation::Prefixes;
use why502::probe::{self, DEFAULT_POLICY, Found, Named, POLICIES, Patience, Plan, Request};
use why502::report::{Probed, Renderer, TextOptions};

use super::args::{IpVersion, Probe};
use super::output::Output;
use super::{ERROR, FAILED, colour, renderer, say, status};
use crate::options;

/// The most bytes of a certificate or key.
const MAX_PEM: u64 = 1 << 20;

/// Asks, and reports what came of it.
pub(super) fn probe(typed: &Probe) -> Result<u8, String> {
    let target = Target::of(typed)?;
    let packets = typed.output.as_deref().filter(|path| is_capture(path));
    let report = typed.output.as_deref().filter(|path| !is_capture(path));
    let format = options::format(typed.format, report)?;
    let plan = plan(typed, &target)?;
    let to_terminal = report.is_none() && io::stdout().is_terminal();
    let text = TextOptions { colour: colour(typed.color, to_terminal), all: true };
    end_at_signals(&target.shown())?;
    let named = target.named(typed);
    let probed = Probed {
        host: target.host.clone(),
        port: target.port,
        policy: target.tls.then(|| plan.policy.clone()),
        addresses: named.servers.iter().map(SocketAddr::ip).collect(),
        addresses_given: typed.resolve.is_some() || target.in_place.is_some() || target.host.parse::<IpAddr>().is_ok(),
        trouble: named.trouble.clone(),
        unreachable: None,
        rows: Vec::new(),
    };
    let mut options = Options {
        prefixes: Prefixes::of_a_probe(),
        trust: options::trust(&typed.judged)?,
        all_roles: true,
        ..Options::default()
    };
    if let Some(trouble) = &named.trouble {
        say(&format!("{}: {}", trouble.cause.id(), escape(&trouble.message)));
    }
    let troubled = named.trouble.is_some();
    let plan = Plan { servers: named.servers, ..plan };
    let found = match plan.servers.is_empty() {
        true => None,
        false => Some(probe::probe(&plan, &options, probed.clone())?),
    };
    let found = found.as_ref();
    options.probed = Some(Arc::new(found.map_or(probed, |found| found.probed.clone())));
    if let Some(why) = found.and_then(|found| found.probed.unreachable.as_deref()) {
        say(&format!("{} cannot be reached from here: {}", escape(&target.shown()), escape(why)));
    }
    let asked = found.filter(|found| found.probed.unreachable.is_none());
    if let (Some(path), Some(found)) = (packets, asked) {
        write_packets(path, found)?;
    }
    let silent = asked.is_none() && format == super::Format::Text;
    let failed = if silent {
        true
    } else {
        let mut out = Output::open(report, true)?;
        let mut renderer = renderer(format, &mut out, text, false);
        let failed = told(&target, asked, &options, renderer.as_mut())?;
        drop(renderer);
        out.finish()?;
        failed || asked.is_none()
    };
    Ok(if failed || troubled { FAILED } else { 0 })
}

/// Analyses what was asked and writes the report; says whether it failed.
fn told(
    target: &Target,
    asked: Option<&Found>,
    options: &Options,
    renderer: &mut dyn Renderer,
) -> Result<bool, String> {
    let name = format!("probe of {}", target.shown());
    let sources = match asked {
        Some(found) => vec![(name.clone(), found.capture(&name)?)],
        None => Vec::new(),
    };
    match analysis::run(sources, options, renderer, |_, _| ()) {
        Ok(summary) => Ok(status(&summary) != 0),
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(failure) => Err(failure.to_string()),
    }
}

fn write_packets(path: &Path, found: &Found) -> Result<(), String> {
    let mut out = Output::open(Some(path), false)?;
    let mut buffered = BufWriter::new(&mut out);
    let written = found.write(&mut buffered).and_then(|()| buffered.flush());
    written.map_err(|e| format!("{}: cannot be written: {e}", escape(&path.to_string_lossy())))?;
    drop(buffered);
    out.finish()
}

fn is_capture(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("pcapng"))
}

/// Whom to ask.
struct Target {
    host: String,
    port: u16,
    tls: bool,
    /// Where to connect in place of it.
    in_place: Option<(String, u16)>,
}

impl Target {
    fn of(typed: &Probe) -> Result<Target, String> {
        let (host, port) = host_and_port(&typed.target)?;
        let tls = !typed.http;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        let other = typed.connect_to.as_deref().map(host_and_port).transpose()?;
        Ok(Target { host, port, tls, in_place: other.map(|(host, other)| (host, other.unwrap_or(port))) })
    }

    fn shown(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Where it is: as was said, or as this host's resolver says.
    fn named(&self, typed: &Probe) -> Named {
        if let Some(ip) = typed.resolve {
            return Named { servers: vec![SocketAddr::new(ip, self.port)], trouble: None };
        }
        let version = match typed.ip_version {
            IpVersion::Ipv4 => probe::IpVersion::V4,
            IpVersion::Ipv6 => probe::IpVersion::V6,
            IpVersion::Dualstack => probe::IpVersion::Both,
        };
        match &self.in_place {
            Some((host, port)) => probe::resolve(host, *port, version, true),
            None => probe::resolve(&self.host, self.port, version, false),
        }
    }
}

/// `HOST`, `HOST:PORT`, `ADDRESS`, `[ADDRESS]:PORT`.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let wrong = || format!("{} is no HOST[:PORT]", escape(text));
    if text.contains("://") || text.contains('/') {
        return Err(format!("{} is a URL: give HOST[:PORT], and the path by --path", escape(text)));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok((text.to_owned(), None));
    }
    let (host, port) = match text.rsplit_once(':') {
        None => (text, None),
        Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(wrong)?)),
    };
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let is_name = host.len() <= 253 && !host.starts_with('-') && !host.is_empty() && host.bytes().all(plain);
    if is_name || host.parse::<IpAddr>().is_ok() { Ok((host.to_owned(), port)) } else { Err(wrong()) }
}

fn plan(typed: &Probe, target: &Target) -> Result<Plan, String> {
    let policy = typed.policy.clone().unwrap_or_else(|| DEFAULT_POLICY.to_owned());
    if !POLICIES.contains(&policy.as_str()) {
        return Err(format!("no policy is called {}; they are {}", escape(&policy), POLICIES.join(", ")));
    }
    let host = typed.host_header.clone().unwrap_or_else(|| target.host.clone());
    for (option, value) in [("--host-header", &host), ("--path", &typed.path), ("--method", &typed.method)] {
        if value.is_empty() || value.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(format!("{option} {} cannot stand in a request", escape(value)));
        }
    }
    // Where Host is forwarded it is what the edge asks for in TLS, too.
    let sni = typed.sni.clone().unwrap_or_else(|| host.split(':').next().unwrap_or(&host).to_owned());
    let sni = Some(sni).filter(|name| name.parse::<IpAddr>().is_err());
    if target.tls && sni.is_none() {
        return Err(format!(
            "{} is an address: CloudFront asks for a name, so say which by --sni, or ask in clear by --http",
            target.host
        ));
    }
    let method = typed.method.to_ascii_uppercase();
    let body = (!matches!(method.as_str(), "GET" | "HEAD")).then(Vec::new);
    Ok(Plan {
        host: target.host.clone(),
        servers: Vec::new(),
        tls: target.tls,
        sni: sni.filter(|_| target.tls),
        request: Request { method, target: typed.path.clone(), host, further: Vec::new(), body, old: false },
        policy,
        names: typed.judged.origin_name.clone(),
        trust: typed.judged.trust.iter().map(|path| pem(path)).collect::<Result<_, _>>()?,
        identity: match (&typed.client_cert, &typed.client_key) {
            (Some(chain), key) => {
                let (chain_text, key_text) = (pem(chain)?, pem(key.as_ref().unwrap_or(chain))?);
                Some((blocks(&chain_text, "CERTIFICATE"), blocks(&key_text, "PRIVATE KEY")))
            }
            (None, _) => None,
        },
        patience: Patience {
            connect: typed.connect_timeout,
            attempts: u32::from(typed.connect_attempts),
            read: typed.read_timeout,
        },
        repeat: typed.repeat,
        table: !typed.brief,
        all_policies: typed.all_policies,
        keep_alive: typed.measure_keep_alive,
        post: typed.post,
        grpc: typed.grpc,
        proxy_protocol: typed.proxy_protocol,
    })
}

fn pem(path: &Path) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_PEM).read_to_end(&mut text));
    read.map_err(|e| format!("{}: cannot be read: {e}", escape(&path.to_string_lossy())))?;
    Ok(text)
}

/// The blocks of a PEM file whose label ends so: one file may hold certificates and their key.
fn blocks(pem: &[u8], label: &str) -> Vec<u8> {
    let (mut kept, mut within) = (String::new(), false);
    for line in String::from_utf8_lossy(pem).lines() {
        within |= line.starts_with("-----BEGIN ") && line.ends_with(&format!("{label}-----"));
        if within {
            kept.push_str(line);
            kept.push('\n');
        }
        within &= !line.starts_with("-----END ");
    }
    kept.into_bytes()
}

/// A wait for an origin may be long: an interrupted probe ends at once, with a line.
fn end_at_signals(target: &str) -> Result<(), String> {
    let (mut woken, wake) = io::pipe().map_err(|e| format!("cannot listen for signals: {e}"))?;
    for signal in [SIGINT, SIGTERM] {
        let wake = wake.try_clone().map_err(|e| e.to_string())?;
        pipe::register(signal, wake).map_err(|e| format!("cannot listen for signals: {e}"))?;
    }
    let line = format!("interrupted while asking {}: nothing is reported", escape(target));
    thread::spawn(move || {
        if woken.read_exact(&mut [0]).is_ok() {
            say(&line);
            std::process::exit(i32::from(ERROR));
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_to_ask_is_a_host_and_perhaps_a_port() {
        for (text, expected) in [
            ("origin.example", Some(("origin.example", None))),
            ("origin.example:8443", Some(("origin.example", Some(8443)))),
            ("10.0.0.5", Some(("10.0.0.5", None))),
            ("::1", Some(("::1", None))),
            ("[::1]:443", Some(("::1", Some(443)))),
            ("origin.example:0", None),
            ("origin.example:https", None),
            ("https://origin.example/", None),
            ("", None),
            ("-x", None),
            ("a b", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(host_and_port(text).ok(), expected, "{text}");
        }
    }
}
