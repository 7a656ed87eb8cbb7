//! `tcp.*`: no usable connection.

use crate::edge;
use crate::lab::Lab;
use crate::scenario::Scenario;
use anyhow::{Result, ensure};

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    path: "tcp/port-closed/nothing-listens",
    title: "nothing listens on port 443",
    fault: "No server was started: the kernel answers each SYN by RST.",
    references: &["RFC 9293 section 3.5.2"],
    play: |lab| refused(lab, "Linux, nothing listens"),
    ..Scenario::BLANK
}];

/// The edge tries three times, as CloudFront does, and is refused each time.
fn refused(lab: &mut Lab, server: &str) -> Result<()> {
    lab.note_server(server);
    lab.note_edge("plain TCP socket");
    ensure!(edge::connect(lab, 443).is_err(), "the connection was accepted");
    Ok(())
}
