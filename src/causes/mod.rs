//! The catalogue: every named reason why an edge could not get a usable response.
//!
//! Invariant: a cause sees `base`, `observation` and `diagnosis` only: never a parser, a clock, a file or a log
//! line. Its file holds its page, its predicate and its precedence; its identifier is the path of the file.

/// Declares a cause: its page as a doc comment, then what differs from the defaults, then the predicate.
///
/// The default effect is `Failed`, the default for the viewer's status is unknown, a finding rests on nothing but the
/// bytes that it cites, nothing is superseded, the fault has one picture, the rest of the capture tells nothing of it, and
/// what the server did is told by the stage. The predicate is asked of connections that show one of the signs it needs.
/// ```ignore
/// cause! {
///     /// Nothing listens on the port.
///     ///
///     /// # What happened
///     /// …
///     edge: Edge::status(502).detail("OriginConnectError"),
///     supersedes: ["tcp.edge-reset"],
///     needs: [Silence],
///     detect: |c| { … }
/// }
/// ```
macro_rules! cause {
    (
        $(#[doc = $line:literal])+
        $(effect: $effect:expr,)?
        $(edge: $edge:expr,)?
        $(rests_on: $rests_on:expr,)?
        $(supersedes: [$($other:literal),+ $(,)?],)?
        $(family: $family:expr,)?
        $(second_look: $second_look:expr,)?
        $(deed: $deed:literal,)?
        needs: [$($sign:ident),* $(,)?],
        detect: $detect:expr $(,)?
    ) => {
        $(#[doc = $line])+
        pub(super) static CAUSE: $crate::diagnosis::Cause = $crate::diagnosis::Cause {
            id: $crate::diagnosis::CauseId::from_module_path(module_path!()),
            page: concat!($($line, "\n"),+),
            effect: $crate::causes::or_default!($($effect)?, $crate::diagnosis::Effect::Failed),
            edge: $crate::causes::or_default!($($edge)?, $crate::diagnosis::Edge::UNKNOWN),
            rests_on: $crate::causes::or_default!($($rests_on)?, $crate::diagnosis::RestsOn::Bytes),
            supersedes: &[$($($other),+)?],
            family: $crate::causes::or_default!($(Some(&$family))?, None),
            second_look: $crate::causes::or_default!($($second_look)?, $crate::diagnosis::SecondLook::None),
            deed: $crate::causes::or_default!($(Some($deed))?, None),
            needs: &[$($crate::observation::Sign::$sign),*],
            detect: $detect,
        };
    };
}

/// The first expression where there is one, else the second.
macro_rules! or_default {
    (, $default:expr) => {
        $default
    };
    ($given:expr, $default:expr) => {
        $given
    };
}

/// Declares the causes of an area, in order of precedence.
macro_rules! area {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+
        /// The causes of this area, in order of precedence.
        pub(super) static ALL: &[&$crate::diagnosis::Cause] = &[$(&$name::CAUSE),+];
    };
}

use {area, or_default};

mod app;
mod capture;
mod certificate;
mod dns;
mod fault;
mod http;
mod http2;
mod keep_alive;
mod proxy;
mod server_name;
mod tcp;
mod timeout;
mod tls;

pub(crate) use keep_alive::directive;

use std::sync::LazyLock;

use crate::diagnosis::{Catalogue, Cause, Family};

/// Every cause, in order of precedence.
pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::new([dns::ALL, tcp::ALL, tls::ALL, http::ALL, http2::ALL, app::ALL, capture::ALL].concat())
});

/// Faults that look different on different connections.
pub static FAMILIES: LazyLock<Vec<&'static Family>> =
    LazyLock::new(|| CATALOGUE.iter().filter_map(|cause| cause.family).collect());

/// The cause with this identifier.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Cause> {
    CATALOGUE.iter().copied().find(|c| c.id() == id)
}
