//! Why an interface cannot be watched.

use std::fmt;

use crate::base::Escaped;

/// Displayed as one line: which interface, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveError {
    /// This process has not the right to capture on the interface.
    NoRight(String),
    /// There is no interface of this name; those that there are.
    NoInterface(String, Vec<String>),
    /// The filter is no pcap-filter expression, or none for this interface: what libpcap says.
    Filter(String, String),
    /// More interfaces than are watched.
    TooMany(usize),
    /// What else libpcap says.
    Other(String, String),
}

impl LiveError {
    /// Of what libpcap said when this interface was opened. It tells errors apart by text alone.
    pub(super) fn of(name: &str, said: &str) -> LiveError {
        let name = name.to_owned();
        if ["permission", "not permitted"].iter().any(|sign| said.contains(sign)) {
            LiveError::NoRight(name)
        } else if said.contains("No such device") {
            let all = ::pcap::Device::list().unwrap_or_default();
            // Beside interfaces libpcap lists sources of other kinds: buses, message queues.
            let up = all.into_iter().filter(|d| d.flags.is_up() && (!d.addresses.is_empty() || d.name == "any"));
            LiveError::NoInterface(name, up.map(|d| d.name).collect())
        } else {
            LiveError::Other(name, said.to_owned())
        }
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LiveError::NoRight(name) => {
                let program = std::env::current_exe().unwrap_or_else(|_| "why502".into());
                let (name, program) = (Escaped(name), program.to_string_lossy().into_owned());
                write!(
                    f,
                    "{name}: no right to capture: run it by `sudo`, or once `sudo setcap cap_net_raw=ep {}`",
                    Escaped(&program)
                )
            }
            LiveError::NoInterface(name, there) if there.is_empty() => {
                write!(f, "{}: there is no such interface (`ip -brief link` lists them)", Escaped(name))
            }
            LiveError::NoInterface(name, there) => {
                write!(f, "{}: there is no such interface; there are {}", Escaped(name), Escaped(&there.join(", ")))
            }
            LiveError::Filter(name, said) => {
                write!(f, "{}: the filter cannot be used: {}", Escaped(name), Escaped(said))
            }
            LiveError::TooMany(n) => {
                write!(f, "{n} interfaces are more than the {} that are watched; `-i any` is all", super::MAX_WATCHED)
            }
            LiveError::Other(name, said) => write!(f, "{}: cannot be watched: {}", Escaped(name), Escaped(said)),
        }
    }
}

impl std::error::Error for LiveError {}
