cause! {
    /// The origin's name resolves to addresses that CloudFront cannot reach.
    ///
    /// # What happened
    /// Every address that the name has is one that is not routed on the Internet: private (10.0.0.0/8, 172.16.0.0/12,
    /// 192.168.0.0/16, fc00::/7), link-local, loopback, or set aside. CloudFront connects to a custom origin over the
    /// Internet; it reaches a private address only as a VPC origin, which is configured by resource and not by name.
    ///
    /// # Evidence
    /// None in a capture. `why502 probe` shows the addresses as the resolver of the host on which it runs sees them. Within
    /// a VPC, or behind a resolver with views of its own, public DNS may say something else: `likely`.
    ///
    /// # Who must act
    /// Whoever runs the zone of the origin domain, or the distribution.
    ///
    /// # How to confirm
    /// - `dig +short NAME @1.1.1.1`: what does public DNS say? It is what counts for CloudFront.
    /// - `dig +short NAME` on the host: the difference is a private hosted zone, a view, or `/etc/hosts`.
    /// - An internal load balancer has a name in public DNS, with private addresses:
    ///   `aws elbv2 describe-load-balancers` says `"Scheme": "internal"`.
    ///
    /// # How to fix
    /// - An internal load balancer: use an internet-facing one, or make it a VPC origin of the distribution.
    /// - Split DNS: give the name a public address in the public zone.
    /// - `why502 probe NAME --resolve PUBLIC-ADDRESS` asks the address that CloudFront gets.
    ///
    /// # Often confused with
    /// - `tcp.syn-unanswered`: the address is right, and something drops the packets.
    /// - `dns.name-not-found`: there is no address at all.
    ///
    /// # References
    /// - RFC 1918, RFC 4193, RFC 6890
    /// - AWS: Amazon CloudFront Developer Guide, "Restrict access with VPC origins"
    // A capture has no name that resolves elsewhere: a probe says it.
    needs: [],
    detect: |_| None,
}
