use crate::diagnosis::Edge;

cause! {
    /// The origin's name does not resolve.
    ///
    /// # What happened
    /// CloudFront looks the origin domain up in public DNS before it connects. Where there is no answer it has nobody to
    /// ask, and its viewer gets an error page that says that CloudFront was not able to resolve the origin domain name. No
    /// packet reaches the origin.
    ///
    /// # Evidence
    /// None in a capture. `why502 probe` asks the resolver of the host on which it runs: CloudFront asks public DNS, so that
    /// a name which only one of them knows looks different to the other.
    ///
    /// # Who must act
    /// Whoever runs the zone of the origin domain, or whoever wrote that name into the distribution.
    ///
    /// # How to confirm
    /// - `dig +short NAME A` and `dig +short NAME AAAA` at a public resolver, such as `@1.1.1.1`; then `dig NAME` for the
    ///   status: NXDOMAIN (no such name), SERVFAIL (the zone is broken), NOERROR without an answer (no such record).
    /// - `dig +trace NAME` shows at which delegation it ends; `delv NAME` whether DNSSEC is what fails.
    /// - CloudFront's access log: `x-edge-detailed-result-type` is `OriginDnsError`.
    ///
    /// # How to fix
    /// - A misspelt or outdated origin domain: correct it in the distribution.
    /// - A record that is gone with a load balancer or a bucket that was deleted: point it to the new one.
    /// - A name of a private hosted zone: CloudFront does not see it. Make it public, or use a VPC origin.
    /// - DNSSEC: renew the signatures, or the DS record at the parent.
    ///
    /// # Often confused with
    /// - `dns.private-address`: the name resolves, and nobody gets there.
    /// - `capture.no-edge-traffic`: what a capture at the origin says of the same fault.
    ///
    /// # References
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", DNS error (NonS3OriginDnsError)
    /// - RFC 1035 section 4.1.1, RFC 2308
    edge: Edge::status(502),
    // A capture has no name that does not resolve: a probe says it.
    needs: [],
    detect: |_| None,
}
