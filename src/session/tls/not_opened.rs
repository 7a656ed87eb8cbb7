//! Why records stayed shut, though there are keys.

use super::certificate::hex;
use super::names::{cipher_name, version_name};
use super::transcript::Transcript;
use crate::base::{FrameRef, Side};

/// The first record that was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOpened {
    /// Who sent it.
    pub from: Side,
    /// The frame that has it, or shows that it is missing.
    pub frame: FrameRef,
    /// Why.
    pub why: WhyNot,
    /// Whether others were opened before.
    pub partly: bool,
}

/// Why a record was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNot {
    /// The capture does not have both hellos, which say how the connection is protected.
    HelloMissing,
    /// The key log has no such line for this connection.
    NoSecret(&'static str),
    /// The cipher suite is none that is opened.
    Suite,
    /// The version is none that is opened, or the connection is compressed.
    Version,
    /// It is not authentic under the secret of the key log.
    NotAuthentic,
    /// Bytes before it are not in the capture.
    Gap,
    /// A record in clear, or of another type, where only an encrypted one is expected.
    OutOfPlace,
    /// More early data than is kept until the server says whether it takes it.
    TooMuchEarlyData,
}

impl WhyNot {
    /// The name of the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HelloMissing => "hello-missing",
            Self::NoSecret(_) => "no-secret",
            Self::Suite => "cipher-not-supported",
            Self::Version => "version-not-supported",
            Self::NotAuthentic => "not-authentic",
            Self::Gap => "gap",
            Self::OutOfPlace => "out-of-place",
            Self::TooMuchEarlyData => "too-much-early-data",
        }
    }
}

impl Transcript {
    /// Why not everything was opened, in words without a full stop. The client random is no secret: it goes over the
    /// wire in clear, and a log is searched by it.
    #[must_use]
    pub fn not_opened_in_words(&self) -> Option<String> {
        let NotOpened { from, frame, why, .. } = *self.not_opened.as_deref()?;
        let (frame, hello) = (frame.frame, self.server_hello.as_ref());
        let sender = if from == Side::Client { "client" } else { "server" };
        Some(match why {
            WhyNot::HelloMissing => "the capture does not have both hellos".to_owned(),
            WhyNot::NoSecret(label) => {
                let random = self.client_hello.as_ref().map(|hello| hex(&hello.random)).unwrap_or_default();
                let resumed = if self.resumed() == Some(true) {
                    ", which takes up an earlier session: some programs log no secret for such a one"
                } else {
                    ""
                };
                format!("the key log has no {label} for the client random {random}{resumed}")
            }
            WhyNot::Suite => {
                let suite = hello.map(|hello| hello.cipher);
                let name = suite.and_then(cipher_name).unwrap_or("the chosen cipher suite");
                format!("{name} is not opened: only AES-GCM, AES-CBC and ChaCha20-Poly1305 are")
            }
            WhyNot::Version => match hello {
                Some(hello) if hello.compression != 0 => "compressed connections are not opened".to_owned(),
                hello => {
                    let name = hello.and_then(|hello| version_name(hello.version)).unwrap_or("this version".into());
                    format!("{name} is not opened: only TLS 1.0 to 1.3 are")
                }
            },
            WhyNot::NotAuthentic => format!(
                "a record of the {sender}, complete in frame {frame}, is not authentic under the secret of the key log"
            ),
            WhyNot::Gap => format!("bytes of the {sender} before frame {frame} are not in the capture"),
            WhyNot::OutOfPlace => {
                format!("a record of the {sender} in frame {frame} is not of the type that is encrypted there")
            }
            WhyNot::TooMuchEarlyData => format!("there is more early data up to frame {frame} than is kept"),
        })
    }
}
