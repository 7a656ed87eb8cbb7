//! What decrypted records add to a transcript.

use super::super::alert::Alert;
use super::super::certificate;
use super::super::extension::{self, list8, list16, number};
use super::super::handshake::{HandshakeType, Message};
use super::{MAX_MESSAGES, MessageSeen, Transcript};
use crate::base::{Cursor, FrameRef, Short, Side, lossy};

impl Transcript {
    /// A handshake message of TLS 1.3 from behind the keys. Nothing is taken from one that cannot be read: its sender
    /// alone knows whether the other end can.
    pub(in super::super) fn inner_message(&mut self, from: Side, message: Message<'_>) {
        if self.messages.len() < MAX_MESSAGES {
            self.messages.push(MessageSeen { frame: message.frame, from, kind: message.kind });
        } else {
            self.messages_unlisted += 1;
        }
        // Whatever was read before the fault stays.
        let _ = self.read_inner_message(from, message);
    }

    fn read_inner_message(&mut self, from: Side, m: Message<'_>) -> Result<(), Short> {
        match (from, m.kind) {
            (Side::Server, HandshakeType::ENCRYPTED_EXTENSIONS) => {
                let mut c = Cursor::new(m.body);
                self.early_data_accepted.get_or_insert(false);
                for extension in extension::block(&mut c)? {
                    let mut extension = extension?;
                    if extension.number == number::EARLY_DATA {
                        self.early_data_accepted = Some(true);
                    }
                    if extension.number == number::ALPN
                        && let Some(hello) = &mut self.server_hello
                    {
                        let name = list8(&mut list16(&mut extension.data)?)?.rest();
                        hello.alpn = Some(lossy(name));
                    }
                }
            }
            (_, HandshakeType::CERTIFICATE) => {
                let (all, staple) = certificate::read13(m.body)?;
                self.certificates(from, m.frame, &all);
                if let Some(response) = staple.filter(|r| from == Side::Server && r.len() <= super::MAX_STAPLE) {
                    self.ocsp_staple.get_or_insert_with(|| Box::new((m.frame, response.into())));
                }
            }
            (Side::Server, HandshakeType::CERTIFICATE_REQUEST) => {
                self.client_certificate_requested = true;
                self.certificate_authorities = certificate::authorities13(m.body)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// An alert from behind the keys.
    pub(in super::super) fn inner_alert(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        let &[level, description] = bytes else { return self.alert(Alert::hidden(frame, from)) };
        self.alert(Alert { encrypted: true, ..Alert::clear(frame, from, level, description) });
    }
}
