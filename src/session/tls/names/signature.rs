//! Signature schemes.

use super::{GREASE, is_grease};

/// The name of signature scheme `code` in the IANA registry "TLS SignatureScheme" (RFC 8446 section 4.2.3).
///
/// The pairs of hash and signature that TLS 1.2 could build and the registry only reserves (RFC 5246 section
/// 7.4.1.4.1) are named in its manner: CloudFront still offers `ecdsa_sha224` and `rsa_pkcs1_sha224`.
#[must_use]
pub const fn signature_scheme_name(code: u16) -> Option<&'static str> {
    Some(match code {
        _ if is_grease(code) => GREASE,
        0x0201 => "rsa_pkcs1_sha1",
        0x0203 => "ecdsa_sha1",
        0x0401 => "rsa_pkcs1_sha256",
        0x0403 => "ecdsa_secp256r1_sha256",
        0x0420 => "rsa_pkcs1_sha256_legacy",
        0x0501 => "rsa_pkcs1_sha384",
        0x0503 => "ecdsa_secp384r1_sha384",
        0x0520 => "rsa_pkcs1_sha384_legacy",
        0x0601 => "rsa_pkcs1_sha512",
        0x0603 => "ecdsa_secp521r1_sha512",
        0x0620 => "rsa_pkcs1_sha512_legacy",
        0x0704 => "eccsi_sha256",
        0x0705 => "iso_ibs1",
        0x0706 => "iso_ibs2",
        0x0707 => "iso_chinese_ibs",
        0x0708 => "sm2sig_sm3",
        0x0709 => "gostr34102012_256a",
        0x070a => "gostr34102012_256b",
        0x070b => "gostr34102012_256c",
        0x070c => "gostr34102012_256d",
        0x070d => "gostr34102012_512a",
        0x070e => "gostr34102012_512b",
        0x070f => "gostr34102012_512c",
        0x0804 => "rsa_pss_rsae_sha256",
        0x0805 => "rsa_pss_rsae_sha384",
        0x0806 => "rsa_pss_rsae_sha512",
        0x0807 => "ed25519",
        0x0808 => "ed448",
        0x0809 => "rsa_pss_pss_sha256",
        0x080a => "rsa_pss_pss_sha384",
        0x080b => "rsa_pss_pss_sha512",
        0x081a => "ecdsa_brainpoolP256r1tls13_sha256",
        0x081b => "ecdsa_brainpoolP384r1tls13_sha384",
        0x081c => "ecdsa_brainpoolP512r1tls13_sha512",
        0x0904 => "mldsa44",
        0x0905 => "mldsa65",
        0x0906 => "mldsa87",
        // Reserved in the registry: RFC 5246 pairs.
        0x0101 => "rsa_pkcs1_md5",
        0x0202 => "dsa_sha1",
        0x0301 => "rsa_pkcs1_sha224",
        0x0302 => "dsa_sha224",
        0x0303 => "ecdsa_sha224",
        0x0402 => "dsa_sha256",
        0x0502 => "dsa_sha384",
        0x0602 => "dsa_sha512",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_schemes_have_names() {
        for (code, name) in [
            (0x0403, Some("ecdsa_secp256r1_sha256")),
            (0x0303, Some("ecdsa_sha224")),
            (0x0905, Some("mldsa65")),
            (0x6a6a, Some("GREASE")),
            (0xffff, None),
        ] {
            assert_eq!(signature_scheme_name(code), name, "{code:#06x}");
        }
    }
}
