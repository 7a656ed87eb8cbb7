//! Alerts: why an end gave up, if it says so (RFC 8446 section 6, RFC 5246 section 7.2).

use super::names::alert_name;
use crate::base::{FrameRef, Side};

/// One alert record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// The frame that completes the record.
    pub frame: FrameRef,
    /// Who sent it.
    pub from: Side,
    /// 1 is a warning, 2 is fatal; `None` where it cannot be read.
    pub level: Option<u8>,
    /// The IANA number of the description; `None` where it cannot be read.
    pub description: Option<u8>,
    /// Whether it went encrypted: keys alone show level and description. TLS 1.3 hides even that there was an alert.
    pub encrypted: bool,
}

impl Alert {
    /// Level of an alert that does not end the connection by itself.
    pub const WARNING: u8 = 1;
    /// Level of an alert that ends the connection.
    pub const FATAL: u8 = 2;
    /// Description of the alert that ends a connection in good order.
    pub const CLOSE_NOTIFY: u8 = 0;

    pub(super) const fn clear(frame: FrameRef, from: Side, level: u8, description: u8) -> Self {
        Self { frame, from, level: Some(level), description: Some(description), encrypted: false }
    }

    pub(super) const fn hidden(frame: FrameRef, from: Side) -> Self {
        Self { frame, from, level: None, description: None, encrypted: true }
    }

    /// Whether level and description cannot be read.
    #[must_use]
    pub const fn is_hidden(&self) -> bool {
        self.description.is_none()
    }

    /// The IANA name of the description, where it can be read and has one.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.description.and_then(alert_name)
    }

    /// `warning` or `fatal`, where the level can be read and is one of the two.
    #[must_use]
    pub fn level_name(&self) -> Option<&'static str> {
        match self.level? {
            Self::WARNING => Some("warning"),
            Self::FATAL => Some("fatal"),
            _ => None,
        }
    }

    /// Whether it is surely a close_notify.
    #[must_use]
    pub fn is_close_notify(&self) -> bool {
        self.description == Some(Self::CLOSE_NOTIFY)
    }

    /// Whether it is of those by which a server refuses a client's certificate, or its Finished (RFC 8446 section 6.2).
    #[must_use]
    pub const fn refuses_client(&self) -> bool {
        matches!(self.description, Some(40 | 42..=51 | 116))
    }

    /// Whether a handshake in which it is sent has failed: fatal, a close_notify, or a hidden one, of which there
    /// is no harmless kind before the end of a handshake.
    #[must_use]
    pub fn ends_handshake(&self) -> bool {
        self.is_hidden() || self.level == Some(Self::FATAL) || self.is_close_notify()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;

    #[test]
    fn a_warning_alone_fails_nothing() {
        let warning = Alert::clear(frame(1), Side::Server, 1, 112);
        assert_eq!((warning.name(), warning.level_name()), (Some("unrecognized_name"), Some("warning")));
        assert!(!warning.ends_handshake());
        assert!(Alert::clear(frame(1), Side::Client, 1, 0).ends_handshake());
        assert!(Alert::clear(frame(1), Side::Server, 2, 40).ends_handshake());
        let hidden = Alert::hidden(frame(1), Side::Server);
        assert!(hidden.ends_handshake());
        assert_eq!((hidden.name(), hidden.level_name()), (None, None));
    }
}
