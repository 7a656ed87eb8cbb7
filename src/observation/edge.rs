//! Whose connection it is: contract, rulings 10 and 21.

use crate::base::{Endpoint, Reach};

use super::{Hosts, Prefixes, http1, http2, proxy};

/// What the TCP peer's address says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeKind {
    /// Within CloudFront's published prefixes.
    CloudFront,
    /// Not routed on the Internet: a load balancer, a VPC origin, this host.
    Private,
    /// Any other address.
    Other,
    /// `why502 probe`, in the capture that it made of its own connections.
    Probe,
}

/// What `via_cloudfront` rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeEvidence {
    /// The client's address.
    IpRange,
    /// Request headers that CloudFront adds.
    Header,
    /// The client's address in a PROXY protocol header.
    ProxyProtocol,
    /// The capture is that of a probe.
    Probe,
    /// Nothing.
    None,
}

/// Who the client is, as far as this connection shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// By address.
    pub kind: EdgeKind,
    /// Whether the requests came through CloudFront.
    pub via_cloudfront: bool,
    /// What that rests on.
    pub evidence: EdgeEvidence,
}

/// Whose connection it is (ruling 21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// CloudFront's, or the load balancer's in front of this host.
    Edge,
    /// From this host to itself or to another one: a proxy and its upstream.
    Inner,
    /// A load balancer's health check.
    HealthCheck,
    /// Anybody else's.
    Other,
}

/// What the requests of a connection, and a PROXY protocol header before them, say about who sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Callers {
    /// A header of CloudFront's was seen.
    pub cloudfront: bool,
    /// All of them are those of `why502 probe`, which asks as CloudFront does and is not.
    pub probe: bool,
    /// All of them are health checks.
    pub health_check: bool,
    /// A PROXY protocol header names an address within CloudFront's prefixes.
    pub for_cloudfront: bool,
    /// A PROXY protocol header says that its sender speaks for itself.
    pub for_itself: bool,
}

/// Where callers say who they are: HTTP/1, HTTP/2, the PROXY protocol.
pub(super) type Said<'c> = (Option<&'c http1::Transcript>, Option<&'c http2::Transcript>, Option<&'c proxy::Header>);

impl Callers {
    /// What the requests of a connection say, and the PROXY protocol header in front of them.
    #[must_use]
    pub fn of(said: Said<'_>, prefixes: &Prefixes) -> Callers {
        let (http, http2, proxy) = said;
        let mut callers = http.map(Callers::of_http).unwrap_or_default();
        if let Some(http) = http2 {
            callers.add_http2(http);
        }
        if let Some(header) = proxy {
            callers.introduce(header, prefixes);
        }
        callers
    }

    fn of_http(http: &http1::Transcript) -> Callers {
        Callers {
            cloudfront: http.via_cloudfront.is_some(),
            probe: http.probe.is_some() && http.via_cloudfront.is_none(),
            health_check: http.health_check.is_some(),
            ..Callers::default()
        }
    }

    fn add_http2(&mut self, http: &http2::Transcript) {
        self.cloudfront |= http.via_cloudfront.is_some();
        self.probe = (self.probe || http.probe.is_some()) && !self.cloudfront;
        self.health_check |= http.health_check.is_some();
    }

    fn introduce(&mut self, header: &proxy::Header, prefixes: &Prefixes) {
        self.for_cloudfront = header.source.is_some_and(|client| prefixes.contains(client.ip));
        self.for_itself = header.command == proxy::Command::Local && header.fault.is_none();
    }
}

impl Edge {
    /// Judges by address and headers. The peer's own address counts most, the one that a load balancer passes on least.
    #[must_use]
    pub fn of(client: Endpoint, callers: Callers, prefixes: &Prefixes) -> Edge {
        if prefixes.are_a_probes() {
            return Edge { kind: EdgeKind::Probe, via_cloudfront: false, evidence: EdgeEvidence::Probe };
        }
        let kind = match client.reach() {
            Reach::Private | Reach::Loopback => EdgeKind::Private,
            Reach::Global if prefixes.contains(client.ip) => EdgeKind::CloudFront,
            Reach::Global => EdgeKind::Other,
        };
        let evidence = match (kind, callers.cloudfront) {
            (EdgeKind::CloudFront, _) => EdgeEvidence::IpRange,
            (_, true) => EdgeEvidence::Header,
            _ if callers.for_cloudfront => EdgeEvidence::ProxyProtocol,
            _ => EdgeEvidence::None,
        };
        Edge { kind, via_cloudfront: evidence != EdgeEvidence::None, evidence }
    }
}

impl Role {
    /// Judges by addresses and headers. It may depend on this connection and on [`Hosts`], and on nothing else.
    ///
    /// A proxy passes CloudFront's headers on, so that they make no inner connection the edge's; a viewer may call
    /// itself a health checker, and CloudFront may pass that on. A check by TCP or TLS alone has no mark of its own.
    #[must_use]
    pub fn of(client: Endpoint, server: Endpoint, edge: Edge, callers: Callers, hosts: &Hosts) -> Role {
        if edge.kind == EdgeKind::Probe {
            Role::Edge
        } else if callers.probe && edge.kind != EdgeKind::CloudFront {
            Role::Other
        } else if client.ip == server.ip || client.reach() == Reach::Loopback {
            Role::Inner
        } else if edge.kind != EdgeKind::CloudFront && hosts.contains(client.ip) {
            let to_internet = server.reach() == Reach::Global && !callers.cloudfront;
            if to_internet { Role::Other } else { Role::Inner }
        } else if edge.via_cloudfront {
            Role::Edge
        } else if callers.health_check || callers.for_itself {
            // The LOCAL command of the PROXY protocol (section 2.2) is a load balancer's that checks.
            Role::HealthCheck
        } else if edge.kind == EdgeKind::Private && server.reach() != Reach::Global {
            // A private client is the load balancer in front.
            Role::Edge
        } else {
            Role::Other
        }
    }

    /// The name in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Edge => "edge",
            Role::Inner => "inner",
            Role::HealthCheck => "health-check",
            Role::Other => "other",
        }
    }
}

impl EdgeKind {
    /// The name in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EdgeKind::CloudFront => "cloudfront",
            EdgeKind::Private => "private",
            EdgeKind::Other => "other",
            EdgeKind::Probe => "probe",
        }
    }
}

impl EdgeEvidence {
    /// The name in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EdgeEvidence::IpRange => "ip-range",
            EdgeEvidence::Header => "header",
            EdgeEvidence::ProxyProtocol => "proxy-protocol",
            EdgeEvidence::Probe => "probe",
            EdgeEvidence::None => "none",
        }
    }
}
