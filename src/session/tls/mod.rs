//! TLS as a bystander sees it: hellos, certificates and alerts in clear, and the shape of what is encrypted.
//!
//! [`detect`] says whether a stream begins like TLS; an [`Observer`] then takes the bytes of both directions in
//! stream order and fills a [`Transcript`]. SSL 3.0 to TLS 1.3 with its drafts, and the SSLv2-compatible ClientHello.
//! What lies behind the keys is told from the types and lengths of records alone, unless a key log opens it.
//!
//! ```text
//! bytes -> record (framing, per side) -> handshake (whole messages) -> client_hello, server_hello, certificate
//!                                     -> alert                     -> transcript -> outcome
//!                                     -> encrypted, tls13 (types and lengths only)
//!                                     -> decrypt, with keylog -> the same readers, and what lies inside of TLS
//! ```
//!
//! Invariant: a byte inside an encrypted record costs a comparison and a subtraction per packet; no more is kept of
//! a connection than its clear handshake; and nothing enters the transcript that the captured bytes do not show.
//!
//! Messages are read with [`Cursor`](crate::base::Cursor), which works in place, cannot leave a message and knows the
//! offset of a fault; tls-parser gives the table of cipher suites, x509-parser reads certificates when asked.

mod alert;
mod certificate;
mod client_hello;
mod decrypt;
mod der;
mod detect;
mod encrypted;
mod extension;
mod fault;
mod fingerprint;
mod handshake;
mod keylog;
pub mod names;
mod not_opened;
mod observer;
mod ocsp;
mod outcome;
mod reader;
mod record;
mod server_hello;
mod ssl2;
mod summary;
#[cfg(test)]
mod testing;
mod tls13;
mod transcript;

pub use alert::Alert;
pub use certificate::Certificate;
pub use client_hello::ClientHello;
pub use detect::{Detection, Sender, detect};
pub use encrypted::{EncryptedRecord, EncryptedRecords};
pub use fault::{Fault, FaultKind};
pub use handshake::HandshakeType;
pub use keylog::{Keys, LogRead};
pub use not_opened::{NotOpened, WhyNot};
pub use observer::{Inside, Observer};
pub use ocsp::{
    BasicOcsp, CertificateStatus, Identity, OcspResponse, PublicKeyInfo, Responder, ResponseStatus, Signed,
    SingleStatus, name_has_sha1, reason_name,
};
pub use outcome::Handshake;
pub use record::{ContentType, RecordHeader};
pub use server_hello::ServerHello;
pub use summary::{MalformedCertificate, Summary};
pub use tls13::Tls13Marks;
pub use transcript::{CutMessage, MessageSeen, RecordCount, Transcript};
