//! The fields of one header block that matter here (RFC 9113 section 8.3).

use super::field::{FieldDefect, MAX_VALUE, text};
use super::hpack::Field;

/// Bytes kept of `:path`: enough to know a request again.
pub const MAX_PATH: usize = 2_048;

/// Fields of Via that are looked into for CloudFront: a block may name one of thousands of bytes as often as it has
/// bytes.
const VIA_READ: u32 = 8;

/// A method of so many bytes is kept where there is no room for names and values.
const KEPT_METHOD: usize = 8;

/// User agents of health checks (AWS load balancers, Route 53, Kubernetes, Google Cloud, Consul, and what checks gRPC).
const HEALTH_CHECKERS: [&[u8]; 6] = [
    b"ELB-HealthChecker/",
    b"Amazon-Route53-Health-Check",
    b"kube-probe/",
    b"GoogleHC/",
    b"Consul Health Check",
    b"grpc-health-probe",
];

/// What a block says.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    pub(super) method: Option<String>,
    pub(super) scheme: Option<String>,
    pub(super) authority: Option<String>,
    pub(super) path: Option<String>,
    pub(super) path_truncated: bool,
    pub(super) protocol: Option<String>,
    /// `:status`, where it is three digits.
    pub(super) status: Option<u16>,
    has_status: bool,
    pub(super) host: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) content_length: Option<u64>,
    pub(super) server: Option<String>,
    pub(super) via: Option<String>,
    vias: u32,
    pub(super) via_cloudfront: bool,
    pub(super) cf_id: Option<String>,
    pub(super) from_cloudfront: bool,
    pub(super) health_check: bool,
    pub(super) grpc_status: Option<u32>,
    pub(super) grpc_message: Option<String>,
    /// A regular field was seen.
    regular: bool,
    /// The first thing that is wrong with it.
    pub(super) defect: Option<FieldDefect>,
}

/// What a block is the head of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Request,
    Response,
    Trailers,
}

impl Section {
    /// Takes one field.
    pub(super) fn take(&mut self, field: Field<'_>, role: Role) {
        self.note(field.defect);
        if field.name.starts_with(b":") {
            if self.regular {
                self.note(Some(FieldDefect::PseudoAfterRegular));
            }
            self.pseudo(field, role);
        } else {
            self.regular = true;
            self.regular(field);
        }
    }

    fn note(&mut self, defect: Option<FieldDefect>) {
        self.defect = self.defect.or(defect);
    }

    fn pseudo(&mut self, field: Field<'_>, role: Role) {
        let is_request = role == Role::Request;
        let slot = match field.name {
            b":status" if role == Role::Response && !self.has_status => {
                self.has_status = true;
                self.status = status(field.value);
                // 101 is not used (RFC 9113 section 8.6).
                if self.status.is_none_or(|status| status == 101) {
                    self.note(Some(FieldDefect::Status));
                }
                return;
            }
            b":path" if is_request && self.path.is_none() => {
                self.path_truncated = field.value.len() > MAX_PATH;
                self.path = Some(text(field.value, MAX_PATH));
                return;
            }
            b":method" if is_request => &mut self.method,
            b":scheme" if is_request => &mut self.scheme,
            b":authority" if is_request => &mut self.authority,
            b":protocol" if is_request => &mut self.protocol,
            _ => return self.note(Some(FieldDefect::PseudoUnexpected)),
        };
        match slot {
            None => *slot = Some(text(field.value, MAX_VALUE)),
            Some(_) => self.note(Some(FieldDefect::PseudoUnexpected)),
        }
    }

    fn regular(&mut self, field: Field<'_>) {
        let value = field.value;
        match field.name {
            b"host" => keep(&mut self.host, value),
            b"content-type" => keep(&mut self.content_type, value),
            b"content-length" => self.length(value),
            b"server" => keep(&mut self.server, value),
            b"x-amz-cf-id" => keep(&mut self.cf_id, value),
            b"via" => {
                keep(&mut self.via, value);
                self.vias = self.vias.saturating_add(1);
                self.via_cloudfront |= self.vias <= VIA_READ && names_cloudfront(value);
            }
            b"user-agent" => {
                self.from_cloudfront |= value == b"Amazon CloudFront";
                self.health_check |= HEALTH_CHECKERS.iter().any(|name| value.starts_with(name));
            }
            b"grpc-status" if self.grpc_status.is_none() => self.grpc_status = number(value),
            b"grpc-message" => keep(&mut self.grpc_message, value),
            _ => {}
        }
    }

    fn length(&mut self, value: &[u8]) {
        let length = number(value);
        if length.is_none() || self.content_length.is_some_and(|other| Some(other) != length) {
            self.note(Some(FieldDefect::ContentLength));
        }
        self.content_length = self.content_length.or(length);
    }

    /// Bytes of its names and values.
    pub(super) fn held(&self) -> usize {
        let Section { method, scheme, authority, path, protocol, host, content_type, server, via, cf_id, .. } = self;
        let values = [method, scheme, authority, path, protocol, host, content_type, server, via, cf_id];
        values.into_iter().chain([&self.grpc_message]).flatten().map(String::len).sum()
    }

    /// What is left where there is no room for names and values: numbers, and what a response depends on.
    pub(super) fn without_texts(self) -> Section {
        Section {
            method: self.method.filter(|method| method.len() <= KEPT_METHOD),
            scheme: None,
            authority: None,
            path: None,
            protocol: None,
            host: None,
            content_type: None,
            server: None,
            via: None,
            cf_id: None,
            grpc_message: None,
            ..self
        }
    }

    /// What is wrong with the whole of it, once it is over.
    pub(super) fn defect(&self, role: Role) -> Option<FieldDefect> {
        let plain_connect = self.method.as_deref() == Some("CONNECT") && self.protocol.is_none();
        let missing = match role {
            Role::Request if plain_connect => self.authority.is_none(),
            Role::Request => self.method.is_none() || self.scheme.is_none() || self.path.is_none(),
            Role::Response => !self.has_status,
            Role::Trailers => false,
        };
        self.defect.or(missing.then_some(FieldDefect::PseudoMissing))
    }
}

fn keep(slot: &mut Option<String>, value: &[u8]) {
    if slot.is_none() {
        *slot = Some(text(value, MAX_VALUE));
    }
}

/// Three digits, from 100 on.
fn status(value: &[u8]) -> Option<u16> {
    number(value).filter(|_| value.len() == 3).filter(|status: &u16| *status >= 100)
}

fn number<N: std::str::FromStr>(value: &[u8]) -> Option<N> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

fn names_cloudfront(value: &[u8]) -> bool {
    let value = value.get(..MAX_VALUE).unwrap_or(value);
    value.windows(12).any(|part| part == b"(CloudFront)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(role: Role, fields: &[(&str, &str)]) -> Section {
        let mut section = Section::default();
        for (name, value) in fields {
            let defect = FieldDefect::of(name.as_bytes(), value.as_bytes());
            section.take(Field { name: name.as_bytes(), value: value.as_bytes(), defect }, role);
        }
        section
    }

    #[test]
    fn what_is_wrong_with_a_block() {
        use FieldDefect::{ContentLength, PseudoAfterRegular, PseudoMissing, PseudoUnexpected, Status, UpperCase};
        let get = (":method", "GET");
        for (role, fields, defect) in [
            (Role::Request, &[get, (":scheme", "http"), (":path", "/")][..], None),
            (Role::Request, &[(":method", "CONNECT"), (":authority", "a:1")], None),
            (Role::Request, &[get, (":scheme", "http")], Some(PseudoMissing)),
            (Role::Request, &[get, get, (":scheme", "http"), (":path", "/")], Some(PseudoUnexpected)),
            (Role::Request, &[(":status", "200")], Some(PseudoUnexpected)),
            (Role::Response, &[(":status", "200"), ("content-length", "3"), ("content-length", "3")], None),
            (Role::Response, &[], Some(PseudoMissing)),
            (Role::Response, &[(":status", "20")], Some(Status)),
            (Role::Response, &[(":status", "OK!")], Some(Status)),
            (Role::Response, &[(":status", "101")], Some(Status)),
            (Role::Response, &[(":status", "200"), (":status", "200")], Some(PseudoUnexpected)),
            (Role::Response, &[("a", "b"), (":status", "200")], Some(PseudoAfterRegular)),
            (Role::Response, &[(":status", "200"), ("Server", "x")], Some(UpperCase)),
            (
                Role::Response,
                &[(":status", "200"), ("content-length", "3"), ("content-length", "4")],
                Some(ContentLength),
            ),
            (Role::Response, &[(":status", "200"), ("content-length", "-3")], Some(ContentLength)),
            (Role::Trailers, &[("grpc-status", "0")], None),
            (Role::Trailers, &[(":status", "200")], Some(PseudoUnexpected)),
        ] {
            assert_eq!(read(role, fields).defect(role), defect, "{fields:?}");
        }
    }

    #[test]
    fn who_asks_is_known_by_fields() {
        let read = |name, value| read(Role::Request, &[(name, value)]);
        assert!(read("via", "1.1 abc.cloudfront.net (CloudFront)").via_cloudfront);
        assert!(!read("via", "1.1 proxy").via_cloudfront);
        assert!(read("user-agent", "Amazon CloudFront").from_cloudfront);
        assert!(read("user-agent", "ELB-HealthChecker/2.0").health_check);
        assert_eq!(read("x-amz-cf-id", "abc==").cf_id.as_deref(), Some("abc=="));
        assert_eq!(read("grpc-status", "14").grpc_status, Some(14));
        assert_eq!(read("grpc-status", "+1").grpc_status, None);
    }
}
