//! From secrets to keys: the PRF up to TLS 1.2 (RFC 5246 section 5, RFC 2246 section 5) and HKDF-Expand-Label of
//! TLS 1.3 (RFC 8446 section 7.1).

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use super::super::keylog::Secret;

/// The hash under the PRF, or under HKDF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// MD5 and SHA-1 together: TLS 1.0 and 1.1.
    Md5Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    /// Length of what it gives, and so of a secret under HKDF.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Md5Sha1 => 36,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// Fills `out` from the PRF.
pub(super) fn prf(hash: Hash, secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) -> Option<()> {
    let seed = [label, seed].concat();
    match hash {
        Hash::Sha256 => p_hash::<Hmac<Sha256>>(secret, &seed, out),
        Hash::Sha384 => p_hash::<Hmac<Sha384>>(secret, &seed, out),
        Hash::Md5Sha1 => {
            // Each takes one half; of an odd length both have the byte in the middle.
            let half = secret.len().div_ceil(2);
            p_hash::<Hmac<Md5>>(secret.get(..half)?, &seed, out)?;
            let mut other = Zeroizing::new(vec![0; out.len()]);
            p_hash::<Hmac<Sha1>>(secret.get(secret.len() - half..)?, &seed, &mut other)?;
            out.iter_mut().zip(other.iter()).for_each(|(byte, other)| *byte ^= other);
            Some(())
        }
    }
}

fn p_hash<M: Mac + KeyInit>(secret: &[u8], seed: &[u8], out: &mut [u8]) -> Option<()> {
    let mac = |parts: &[&[u8]]| {
        let mut mac = <M as KeyInit>::new_from_slice(secret).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
    };
    let mut a = mac(&[seed])?;
    for chunk in out.chunks_mut(M::output_size()) {
        let block = mac(&[&a, seed])?;
        chunk.iter_mut().zip(block.iter()).for_each(|(byte, from)| *byte = *from);
        a = mac(&[&a])?;
    }
    Some(())
}

/// Fills `out` from HKDF-Expand-Label with an empty context.
pub(super) fn expand_label(hash: Hash, secret: &[u8], label: &str, out: &mut [u8]) -> Option<()> {
    let len = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label = ["tls13 ", label].concat();
    let info = [&len[..], &[u8::try_from(label.len()).ok()?], label.as_bytes(), &[0]].concat();
    match hash {
        Hash::Sha256 => Hkdf::<Sha256>::from_prk(secret).ok()?.expand(&info, out).ok(),
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret).ok()?.expand(&info, out).ok(),
        Hash::Md5Sha1 => None,
    }
}

/// The secret after a KeyUpdate (RFC 8446 section 7.2).
pub(super) fn next_secret(hash: Hash, secret: &[u8]) -> Option<Secret> {
    let mut next = Zeroizing::new(vec![0; secret.len()].into_boxed_slice());
    expand_label(hash, secret, "traffic upd", &mut next)?;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::super::super::certificate::hex;
    use super::*;

    /// The vectors that the TLS working group passed around ("Test vectors for the TLS PRF", 2010), and RFC 8448
    /// section 3 (server handshake traffic keys).
    #[test]
    fn the_functions_follow_their_test_vectors() {
        let bytes = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
        };
        let mut out = [0; 16];
        let (secret, seed) = (bytes("9bbe436ba940f017b17652849a71db35"), bytes("a0ba9f936cda311827a6f796ffd5198c"));
        prf(Hash::Sha256, &secret, b"test label", &seed, &mut out).unwrap();
        assert_eq!(hex(&out), "e3f229ba727be17b8d122620557cd453");
        let secret = bytes("b80b733d6ceefcdc71566ea48e5567df");
        let seed = bytes("cd665cf6a8447dd6ff8b27555edb7465");
        prf(Hash::Sha384, &secret, b"test label", &seed, &mut out).unwrap();
        assert_eq!(hex(&out), "7b0c18e9ced410ed1804f2cfa34a336a");
        let secret = bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        expand_label(Hash::Sha256, &secret, "key", &mut out).unwrap();
        assert_eq!(hex(&out), "3fce516009c21727d0f2e4e86ee403bc");
        let mut iv = [0; 12];
        expand_label(Hash::Sha256, &secret, "iv", &mut iv).unwrap();
        assert_eq!(hex(&iv), "5d313eb2671276ee13000b30");
    }
}
