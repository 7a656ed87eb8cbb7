//! How long an origin keeps an idle connection: what sets it, by server.

/// What sets the time, by the beginning of the Server header in lower case.
const DIRECTIVES: [(&str, &str); 9] = [
    ("nginx", "nginx `keepalive_timeout`"),
    ("openresty", "nginx `keepalive_timeout`"),
    ("apache-coyote", "Tomcat `keepAliveTimeout` of the Connector"),
    ("apache", "Apache `KeepAliveTimeout`"),
    ("gunicorn", "gunicorn `--keep-alive` (threaded and asynchronous workers)"),
    ("uvicorn", "uvicorn `--timeout-keep-alive`"),
    ("puma", "Puma `persistent_timeout`"),
    ("caddy", "Caddy `servers { timeouts { idle … } }`"),
    ("jetty", "Jetty `jetty.http.idleTimeout`"),
];

/// Those of servers that do not say what they are, as HAProxy, Node and Go do not, are among these.
const ALL: &str = "nginx `keepalive_timeout`, Apache `KeepAliveTimeout`, HAProxy `timeout http-keep-alive`, Node \
                   `server.keepAliveTimeout` (with `headersTimeout` above it), gunicorn `--keep-alive`, uvicorn `--timeout-keep-alive`, Puma \
                   `persistent_timeout`, Tomcat `keepAliveTimeout`, Go `IdleTimeout`, Caddy `idle`";

/// What to set on a server that calls itself so in its Server header.
pub(crate) fn directive(software: Option<&str>) -> &'static str {
    let called = software.map(str::to_ascii_lowercase);
    let is = |name: &&(&str, &str)| called.as_ref().is_some_and(|called| called.starts_with(name.0));
    DIRECTIVES.iter().find(is).map_or(ALL, |(_, directive)| directive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_own_word() {
        assert!(directive(Some("nginx/1.22.1")).starts_with("nginx `keepalive_timeout`"));
        assert!(directive(Some("Apache-Coyote/1.1")).starts_with("Tomcat"));
        assert!(directive(Some("Apache/2.4.65 (Debian)")).starts_with("Apache `KeepAliveTimeout`"));
        for unknown in [None, Some(""), Some("cloudfront")] {
            assert_eq!(directive(unknown), ALL);
        }
    }
}
