//! What a side settles (RFC 9113 section 6.5).

use super::fault::FaultKind;

/// The window with which streams and connections begin (RFC 9113 section 6.9.2).
pub(super) const FIRST_WINDOW: u32 = 65_535;
/// The largest window (RFC 9113 section 6.9.1).
pub(super) const LARGEST_WINDOW: u32 = 0x7fff_ffff;
/// The payload that every side takes (RFC 9113 section 4.2).
pub(super) const FIRST_FRAME_SIZE: u32 = 16_384;
/// The table that every side keeps (RFC 7541 section 4.2, RFC 9113 section 6.5.2).
pub(super) const FIRST_TABLE_SIZE: u32 = 4_096;

/// What a side asked its peer to keep to. `None` where it said nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// `SETTINGS_HEADER_TABLE_SIZE`: the table that its peer may compress with.
    pub header_table_size: Option<u32>,
    /// `SETTINGS_ENABLE_PUSH`.
    pub enable_push: Option<bool>,
    /// `SETTINGS_MAX_CONCURRENT_STREAMS`.
    pub max_concurrent_streams: Option<u32>,
    /// `SETTINGS_INITIAL_WINDOW_SIZE`.
    pub initial_window_size: Option<u32>,
    /// `SETTINGS_MAX_FRAME_SIZE`.
    pub max_frame_size: Option<u32>,
    /// `SETTINGS_MAX_HEADER_LIST_SIZE`.
    pub max_header_list_size: Option<u32>,
}

impl Settings {
    /// Reads one entry. A setting that is not known is passed over (RFC 9113 section 6.5.2).
    pub(super) fn set(&mut self, id: u16, value: u32, by_server: bool) -> Result<(), FaultKind> {
        let invalid = FaultKind::SettingInvalid { id, value };
        match id {
            1 => self.header_table_size = Some(value),
            2 if value > 1 || (value == 1 && by_server) => return Err(invalid),
            2 => self.enable_push = Some(value == 1),
            3 => self.max_concurrent_streams = Some(value),
            4 if value > LARGEST_WINDOW => return Err(invalid),
            4 => self.initial_window_size = Some(value),
            5 if !(FIRST_FRAME_SIZE..=0x00ff_ffff).contains(&value) => return Err(invalid),
            5 => self.max_frame_size = Some(value),
            6 => self.max_header_list_size = Some(value),
            _ => {}
        }
        Ok(())
    }

    /// The window with which streams begin on which this side receives.
    pub(super) fn window(&self) -> u32 {
        self.initial_window_size.unwrap_or(FIRST_WINDOW)
    }
}

/// The name of a setting.
pub(super) const fn name(id: u16) -> Option<&'static str> {
    Some(match id {
        1 => "SETTINGS_HEADER_TABLE_SIZE",
        2 => "SETTINGS_ENABLE_PUSH",
        3 => "SETTINGS_MAX_CONCURRENT_STREAMS",
        4 => "SETTINGS_INITIAL_WINDOW_SIZE",
        5 => "SETTINGS_MAX_FRAME_SIZE",
        6 => "SETTINGS_MAX_HEADER_LIST_SIZE",
        _ => return None,
    })
}
