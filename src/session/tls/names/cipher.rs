//! Cipher suites.

use tls_parser::{TlsCipherKx, TlsCipherSuite};

use super::{GREASE, is_grease};

/// How a cipher suite agrees on keys, as far as an observer needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// Elliptic curves, with the curve named in ServerKeyExchange (RFC 8422 section 5.4).
    Ecdhe,
    /// Agreed by extensions, as every TLS 1.3 suite does (RFC 8446 section 4.2.8).
    Tls13,
    /// Any other: static RSA, finite field, pre-shared, anonymous.
    Other,
}

/// The name of cipher suite `code` in the IANA registry, or in the draft or product that used it.
#[must_use]
pub fn cipher_name(code: u16) -> Option<&'static str> {
    if is_grease(code) {
        return Some(GREASE);
    }
    TlsCipherSuite::from_id(code).map(|suite| suite.name).or_else(|| name_beyond_the_table(code))
}

/// How cipher suite `code` agrees on keys; `None` for a suite that is not known.
#[must_use]
pub fn key_exchange(code: u16) -> Option<KeyExchange> {
    TlsCipherSuite::from_id(code).map(|suite| match suite.kx {
        TlsCipherKx::Ecdhe => KeyExchange::Ecdhe,
        TlsCipherKx::Tls13 => KeyExchange::Tls13,
        _ => KeyExchange::Other,
    })
}

/// RFC 9189 and RFC 9367 (GOST), draft-agl-tls-chacha20poly1305, and Netscape's two: what old and foreign peers
/// offer and the table of tls-parser (352 suites, the registry of 2024) lacks.
fn name_beyond_the_table(code: u16) -> Option<&'static str> {
    Some(match code {
        0xc100 => "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC",
        0xc101 => "TLS_GOSTR341112_256_WITH_MAGMA_CTR_OMAC",
        0xc102 => "TLS_GOSTR341112_256_WITH_28147_CNT_IMIT",
        0xc103 => "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L",
        0xc104 => "TLS_GOSTR341112_256_WITH_MAGMA_MGM_L",
        0xc105 => "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_S",
        0xc106 => "TLS_GOSTR341112_256_WITH_MAGMA_MGM_S",
        0xcc13 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD",
        0xcc14 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256_OLD",
        0xcc15 => "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD",
        0xfefe => "SSL_RSA_FIPS_WITH_DES_CBC_SHA",
        0xfeff => "SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_that_cloudfront_offers_has_a_name() {
        let offered = [
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc023, 0xc027, 0xc024, 0xc028, 0xc009, 0xc013,
            0xc00a, 0xc014, 0x009c, 0x009d, 0x003c, 0x002f, 0x0035, 0x000a, 0x0004, 0x00ff, 0x5600,
        ];
        for code in offered {
            assert!(cipher_name(code).is_some(), "{code:#06x}");
        }
        assert_eq!(cipher_name(0xc02f), Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
        assert_eq!(cipher_name(0x00ff), Some("TLS_EMPTY_RENEGOTIATION_INFO_SCSV"));
        assert_eq!(cipher_name(0x5600), Some("TLS_FALLBACK_SCSV"));
        assert_eq!(cipher_name(0x8a8a), Some("GREASE"));
        assert_eq!(cipher_name(0xeeee), None);
    }

    #[test]
    fn the_key_exchange_decides_whether_a_curve_is_named() {
        assert_eq!(key_exchange(0xc02b), Some(KeyExchange::Ecdhe));
        assert_eq!(key_exchange(0x1301), Some(KeyExchange::Tls13));
        assert_eq!(key_exchange(0x009e), Some(KeyExchange::Other));
        assert_eq!(key_exchange(0xeeee), None);
    }
}
