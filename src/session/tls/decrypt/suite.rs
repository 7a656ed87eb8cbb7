//! What a cipher suite is made of, as far as records are concerned.

use tls_parser::{TlsCipherEnc, TlsCipherEncMode, TlsCipherMac, TlsCipherSuite, TlsPRF};

use super::derive::Hash;

/// How records are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Cbc(MacHash),
    Aes256Cbc(MacHash),
}

/// The hash of the MAC where that is apart from the cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MacHash {
    Sha1,
    Sha256,
    Sha384,
}

impl MacHash {
    /// Length of a MAC, and of its key.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

impl Protection {
    /// Length of the key.
    pub(super) const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc(_) => 16,
            Self::Aes256Gcm | Self::Aes256Cbc(_) | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Length of the MAC's key.
    pub(super) const fn mac_len(self) -> usize {
        match self {
            Self::Aes128Cbc(mac) | Self::Aes256Cbc(mac) => mac.len(),
            _ => 0,
        }
    }

    /// Bytes of the key block that go into nonces, up to TLS 1.2. From TLS 1.1 on those of CBC are of no use.
    pub(super) const fn fixed_iv_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 4,
            Self::ChaCha20Poly1305 => 12,
            Self::Aes128Cbc(_) | Self::Aes256Cbc(_) => 16,
        }
    }
}

/// A suite that can be decrypted, under a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) protection: Protection,
    pub(super) hash: Hash,
}

impl Suite {
    pub(super) fn of(code: u16, version: u16) -> Option<Suite> {
        // What nearly all choose needs no table.
        let (protection, hash) = match (version, code) {
            (0x0304, 0x1301) | (0x0303, 0xc02b | 0xc02f) => (Protection::Aes128Gcm, Hash::Sha256),
            (0x0304, 0x1302) | (0x0303, 0xc02c | 0xc030) => (Protection::Aes256Gcm, Hash::Sha384),
            (0x0304, 0x1303) | (0x0303, 0xcca8 | 0xcca9) => (Protection::ChaCha20Poly1305, Hash::Sha256),
            _ => return Self::of_table(code, version),
        };
        Some(Suite { protection, hash })
    }

    fn of_table(code: u16, version: u16) -> Option<Suite> {
        let suite = TlsCipherSuite::from_id(code)?;
        let mac = match suite.mac {
            TlsCipherMac::HmacSha1 => Some(MacHash::Sha1),
            TlsCipherMac::HmacSha256 => Some(MacHash::Sha256),
            TlsCipherMac::HmacSha384 => Some(MacHash::Sha384),
            _ => None,
        };
        let protection = match (&suite.enc, &suite.enc_mode, suite.enc_size) {
            (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, 128) => Protection::Aes128Gcm,
            (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, 256) => Protection::Aes256Gcm,
            (TlsCipherEnc::Aes, TlsCipherEncMode::Cbc, 128) => Protection::Aes128Cbc(mac?),
            (TlsCipherEnc::Aes, TlsCipherEncMode::Cbc, 256) => Protection::Aes256Cbc(mac?),
            (TlsCipherEnc::Chacha20_Poly1305, ..) => Protection::ChaCha20Poly1305,
            _ => return None,
        };
        let hash = match suite.prf {
            _ if version < 0x0303 => Hash::Md5Sha1,
            TlsPRF::Sha384 => Hash::Sha384,
            TlsPRF::Default | TlsPRF::Sha256 => Hash::Sha256,
            _ => return None,
        };
        Some(Suite { protection, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_taken_apart() {
        use Protection::*;
        for (code, version, protection, hash) in [
            (0x1301, 0x0304, Aes128Gcm, Hash::Sha256),
            (0x1302, 0x0304, Aes256Gcm, Hash::Sha384),
            (0x1303, 0x0304, ChaCha20Poly1305, Hash::Sha256),
            (0xc02b, 0x0303, Aes128Gcm, Hash::Sha256),
            (0xc02c, 0x0303, Aes256Gcm, Hash::Sha384),
            (0xcca8, 0x0303, ChaCha20Poly1305, Hash::Sha256),
            (0xc02f, 0x0303, Aes128Gcm, Hash::Sha256),
            (0xc030, 0x0303, Aes256Gcm, Hash::Sha384),
            (0xcca9, 0x0303, ChaCha20Poly1305, Hash::Sha256),
            (0xc013, 0x0303, Aes128Cbc(MacHash::Sha1), Hash::Sha256),
            (0xc013, 0x0301, Aes128Cbc(MacHash::Sha1), Hash::Md5Sha1),
            (0xc027, 0x0303, Aes128Cbc(MacHash::Sha256), Hash::Sha256),
            (0xc028, 0x0303, Aes256Cbc(MacHash::Sha384), Hash::Sha384),
            (0x0035, 0x0303, Aes256Cbc(MacHash::Sha1), Hash::Sha256),
        ] {
            assert_eq!(Suite::of(code, version), Some(Suite { protection, hash }), "{code:#06x}");
            assert_eq!(Suite::of_table(code, version), Some(Suite { protection, hash }), "{code:#06x}");
        }
        // 3DES, RC4, CCM, and a suite that is none.
        for code in [0x000a, 0x0005, 0x1304, 0x0a0a] {
            assert_eq!(Suite::of(code, 0x0303), None, "{code:#06x}");
        }
    }
}
