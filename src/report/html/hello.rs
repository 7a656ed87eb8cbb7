//! What the edge offers in its ClientHello against what the origin accepts.

use crate::base::Side;
use crate::observation::Connection;
use crate::observation::tls::names::{cipher_name, group_name, version_name};
use crate::observation::tls::{ClientHello, ServerHello, Transcript};

use super::rich::short;

/// Entries shown of each list of a ClientHello.
const MAX_OFFERED: usize = 48;

/// Columns of a name.
const NAME: usize = 60;

/// Offers and answers.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) offers: Vec<Offer>,
    /// What the origin said in place of a ServerHello.
    pub(super) refusal: Option<String>,
}

/// One kind of thing that is settled in the handshake.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) what: &'static str,
    pub(super) offered: Vec<Choice>,
    pub(super) more: usize,
    /// What was accepted, where it is known.
    pub(super) accepted: Option<String>,
    /// It was not on offer.
    pub(super) foreign: bool,
}

/// One thing on offer.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) accepted: bool,
}

impl Hello {
    /// Of a connection that shows a ClientHello.
    pub(super) fn of(c: &Connection) -> Option<Hello> {
        let tls = c.tls.as_ref()?;
        let (asked, answer) = (tls.client_hello.as_ref()?, tls.server_hello.as_ref());
        let versions = asked.offered_versions();
        let ciphers: Vec<u16> = asked.ciphers.iter().copied().filter(|&code| !ClientHello::is_signal(code)).collect();
        let groups: Vec<u16> = asked.groups.iter().copied().filter(|&code| !ClientHello::is_signal(code)).collect();
        let protocols = asked.alpn.iter().map(|name| short(name, NAME)).collect();
        let protocol = answer.and_then(|hello| hello.alpn.as_deref()).map(|name| short(name, NAME));
        let offers = [
            Offer::of("Version", named(&versions, version), answer.map(|hello| version(hello.version))),
            Offer::of("Cipher suite", named(&ciphers, cipher), answer.map(|hello| cipher(hello.cipher))),
            Offer::of("Group", named(&groups, group), answer.and_then(|hello| hello.group).map(group)),
            Offer::of("ALPN", protocols, protocol),
        ];
        let offers = offers.into_iter().filter(|offer| !offer.offered.is_empty() || offer.accepted.is_some()).collect();
        Some(Hello { offers, refusal: refusal(tls, answer) })
    }
}

impl Offer {
    fn of(what: &'static str, offered: Vec<String>, accepted: Option<String>) -> Offer {
        let known = accepted.as_ref();
        let foreign = known.is_some_and(|name| !offered.contains(name));
        let mut choices: Vec<_> =
            offered.into_iter().map(|name| Choice { accepted: known == Some(&name), name }).collect();
        let more = choices.len().saturating_sub(MAX_OFFERED);
        choices.truncate(MAX_OFFERED);
        Offer { what, offered: choices, more, accepted, foreign }
    }
}

fn refusal(tls: &Transcript, answer: Option<&ServerHello>) -> Option<String> {
    if answer.is_some() {
        return None;
    }
    let alert = tls.alerts.iter().find(|alert| alert.from == Side::Server && !alert.is_hidden());
    Some(match alert {
        Some(a) => {
            let code = a.description.unwrap_or_default();
            let name = a.name().map_or_else(|| format!("alert {code}"), |name| format!("alert {name} ({code})"));
            format!("nothing: {name}, frame {}", a.frame.frame)
        }
        None => "nothing: no ServerHello is seen".to_owned(),
    })
}

fn named(codes: &[u16], name: fn(u16) -> String) -> Vec<String> {
    codes.iter().map(|&code| name(code)).collect()
}

fn version(code: u16) -> String {
    version_name(code).map_or_else(|| format!("{code:#06x}"), |name| name.into_owned())
}

fn cipher(code: u16) -> String {
    cipher_name(code).map_or_else(|| format!("{code:#06x}"), str::to_owned)
}

fn group(code: u16) -> String {
    group_name(code).map_or_else(|| format!("{code:#06x}"), str::to_owned)
}
