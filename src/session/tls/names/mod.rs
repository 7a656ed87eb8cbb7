//! What the numbers of TLS are called: the IANA registries "TLS Parameters" and "TLS Extensions".
//!
//! A number without a name has none here either (`None`): it is shown as hexadecimal, never guessed.

mod cipher;
mod group;
mod message;
mod signature;
mod version;

pub use cipher::{KeyExchange, cipher_name, key_exchange};
pub use group::group_name;
pub use message::{alert_name, handshake_name};
pub use signature::signature_scheme_name;
pub use version::{is_tls13, version_name};

/// The name given to every value that is reserved to keep peers tolerant.
pub(crate) const GREASE: &str = "GREASE";

/// Whether `code` is one of the sixteen values 0x0a0a, 0x1a1a, ... 0xfafa that mean nothing (RFC 8701 section 2).
#[must_use]
pub const fn is_grease(code: u16) -> bool {
    let [high, low] = code.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_is_told_from_its_neighbours() {
        for (code, grease) in [(0x0a0a, true), (0xfafa, true), (0x0a1a, false), (0x1301, false), (0x0b0b, false)] {
            assert_eq!(is_grease(code), grease, "{code:#06x}");
        }
    }
}
