use crate::diagnosis::Effect;

cause! {
    /// Nothing in the capture is CloudFront's.
    ///
    /// # What happened
    /// No connection of the capture comes from an address of CloudFront's, and no request carries its headers. Either
    /// this is not the traffic that you mean, or CloudFront does not get as far as this host. It is said once, of all
    /// captures together; each connection is still judged by itself, and where none can be the edge's, all count.
    ///
    /// # Evidence
    /// None: it is what is not there. Inside of TLS, headers are not seen; then only addresses speak.
    ///
    /// # Who must act
    /// Whoever took the capture; if it is the right one, whoever runs the distribution, its DNS and what filters
    /// packets in front of the host.
    ///
    /// # How to confirm
    /// - Is it the host that the distribution's origin domain resolves to? `dig +short ORIGIN-DOMAIN`, from outside.
    /// - Is it the interface, the port and the time? Ask through the distribution while you capture:
    ///   `curl -sv https://DISTRIBUTION/?x=$RANDOM`, so that no cache answers.
    /// - Behind a load balancer, CloudFront's headers are seen where the load balancer talks HTTP in clear to the host.
    /// - `x-cache: Error from cloudfront` and no packet here: it failed before this host. Names that do not resolve,
    ///   a Lambda@Edge function and an error that is still cached leave no packet at an origin.
    ///
    /// # How to fix
    /// - Another interface: `tcpdump -i any`. Another filter: `tcp port 443`, without a host.
    /// - Security group and network ACL: let in the prefix list `com.amazonaws.global.cloudfront.origin-facing`.
    /// - An origin domain that resolves to another host, or not in public DNS: correct it in the distribution.
    /// - Addresses newer than those built in: `--ip-ranges ip-ranges.json`.
    ///
    /// # Often confused with
    /// - `tcp.syn-unanswered`: there CloudFront's packets do reach the host.
    /// - `capture.one-sided`: there half of its traffic is in the capture.
    ///
    /// # References
    /// - AWS: Amazon CloudFront Developer Guide, "Locations and IP address ranges of CloudFront edge servers"
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)" (DNS, Lambda@Edge)
    effect: Effect::Note,
    // No connection shows it: the summary of all of them does.
    needs: [],
    detect: |_| None,
}
