//! The profiles, as data: code points from the s2n-tls library's `s2n_security_policies.c`, `s2n_cipher_preferences.c`,
//! `s2n_signature_scheme.c` and `s2n_ecc_preferences.c`, and from a page of AWS. Signalling values and GREASE are left out.

use super::{Profile, Versions};

const S2N: &str = "s2n-tls (crate s2n-tls-sys 0.3.47), s2n_security_policies.c";
const AWS: &str =
    "Amazon CloudFront Developer Guide, \"Supported protocols and ciphers between CloudFront and the origin\"";

/// In the order in which they are compared: what says more comes first.
pub(super) const PROFILES: &[Profile] = &[
    Profile { versions: Versions::Listed(&[0x0304, 0x0303]), ..of_2025("CloudFront-Upstream-TLS-1-2-2025") },
    Profile { versions: Versions::Listed(&[0x0304, 0x0303]), ..post_quantum("CloudFront-Upstream-TLS-1-2-2025-PQ") },
    Profile { versions: Versions::Listed(&[0x0304, 0x0303, 0x0302]), ..of_2025("CloudFront-Upstream-TLS-1-1-2025") },
    Profile {
        versions: Versions::Listed(&[0x0304, 0x0303, 0x0302]),
        ..post_quantum("CloudFront-Upstream-TLS-1-1-2025-PQ")
    },
    Profile {
        versions: Versions::Listed(&[0x0304, 0x0303, 0x0302, 0x0301]),
        ..of_2025("CloudFront-Upstream-TLS-1-0-2025")
    },
    Profile {
        versions: Versions::Listed(&[0x0304, 0x0303, 0x0302, 0x0301]),
        ..post_quantum("CloudFront-Upstream-TLS-1-0-2025-PQ")
    },
    Profile {
        versions: Versions::Listed(&[0x0304, 0x0303, 0x0302, 0x0301, 0x0300]),
        ..of_2025("CloudFront-Upstream-2025")
    },
    Profile {
        versions: Versions::Listed(&[0x0304, 0x0303, 0x0302, 0x0301, 0x0300]),
        ..post_quantum("CloudFront-Upstream-2025-PQ")
    },
    Profile {
        versions: Versions::Listed(&[0x0304]),
        ciphers: SUITES_OF_TLS13,
        ..of_2025("CloudFront-Upstream-TLS-1-3-2025")
    },
    Profile {
        versions: Versions::Listed(&[0x0304]),
        ciphers: SUITES_OF_TLS13,
        ..post_quantum("CloudFront-Upstream-TLS-1-3-2025-PQ")
    },
    // Its variants differ in the lowest version alone, which a hello without a list of versions does not tell.
    Profile {
        name: "CloudFront-Upstream",
        date: "before 2025-08",
        source: S2N,
        versions: Versions::Highest(0x0303),
        ciphers: SUITES_BEFORE,
        groups: GROUPS,
        signature_schemes: SCHEMES_BEFORE,
        in_order: true,
    },
    Profile {
        name: "AWS's documented list",
        date: "2026-04-13",
        source: AWS,
        versions: Versions::Any,
        ciphers: SUITES_DOCUMENTED,
        groups: GROUPS,
        signature_schemes: SCHEMES_BEFORE,
        in_order: false,
    },
];

const fn of_2025(name: &'static str) -> Profile {
    Profile {
        name,
        date: "2025-08-08",
        source: S2N,
        versions: Versions::Any,
        ciphers: SUITES_2025,
        groups: GROUPS,
        signature_schemes: SCHEMES_2025,
        in_order: true,
    }
}

const fn post_quantum(name: &'static str) -> Profile {
    Profile { groups: GROUPS_PQ, signature_schemes: SCHEMES_PQ, ..of_2025(name) }
}

const SUITES_OF_TLS13: &[u16] = &[0x1301, 0x1302, 0x1303];

/// The same twelve with ECDHE as before, AES 128 first; RSA key exchange last.
const SUITES_2025: &[u16] = &[
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc023, 0xc027, 0xc024, 0xc028, 0xc009, 0xc013, 0xc00a,
    0xc014, 0x009c, 0x009d, 0x003c, 0x002f, 0x0035, 0x000a, 0x0004,
];

const SUITES_BEFORE: &[u16] = &[
    0xc02c, 0xc030, 0xc02b, 0xc02f, 0xc024, 0xc028, 0xc00a, 0xc014, 0xc023, 0xc027, 0xc009, 0xc013, 0x009d, 0x009c,
    0x0035, 0x003c, 0x002f, 0x000a, 0x0004,
];

/// Without AES-GCM and AES-CBC with SHA-256 under RSA key exchange, which are seen on the wire all the same.
const SUITES_DOCUMENTED: &[u16] = &[
    0xc02c, 0xc024, 0xc00a, 0xc02b, 0xc023, 0xc009, 0xc030, 0xc028, 0xc014, 0xc02f, 0xc027, 0xc013, 0x0035, 0x002f,
    0x000a, 0x0004,
];

/// P-256, X25519, P-384.
const GROUPS: &[u16] = &[0x0017, 0x001d, 0x0018];
/// X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024 before them.
const GROUPS_PQ: &[u16] = &[0x11ec, 0x11eb, 0x11ed, 0x0017, 0x001d, 0x0018];

/// ECDSA, RSA-PSS, RSA PKCS #1, SHA-1.
const SCHEMES_2025: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0303, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0301,
    0x0201, 0x0203,
];

/// ML-DSA before them.
const SCHEMES_PQ: &[u16] = &[
    0x0904, 0x0905, 0x0906, 0x0403, 0x0503, 0x0603, 0x0303, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401,
    0x0501, 0x0601, 0x0301, 0x0201, 0x0203,
];

/// RSA PKCS #1, ECDSA, SHA-1; AWS's page has the same.
const SCHEMES_BEFORE: &[u16] = &[0x0401, 0x0501, 0x0601, 0x0301, 0x0403, 0x0503, 0x0603, 0x0303, 0x0201, 0x0203];
