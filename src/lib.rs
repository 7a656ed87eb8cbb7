//! Why did CloudFront answer 502?
//!
//! A capture taken at the origin is read once, front to back, in bounded memory. Each stage understands one thing,
//! says what it understood and where it stopped, and never judges what lies above it. Meaning is given at the end,
//! by causes that are pure functions of one finished connection.
//!
//! ```text
//! source -> link -> ip -> flow -> tcp -> session (proxy, tls, http1, http2) -> observation -> diagnosis <- causes
//!                                                                                          |
//!                                                                  correlate (logs)  ->  report
//! ```
//!
//! | stage | what it turns into what | Invariant |
//! | --- | --- | --- |
//! | [`base`] | words that every stage speaks | imports nothing of the crate |
//! | [`source`] | a file, a pipe or an interface into packets | one reused, bounded buffer; everything before a damage is delivered |
//! | [`link`] | a packet into an IP packet | constant work, no allocation, bounded nesting |
//! | [`ip`] | an IP packet into a TCP segment | lengths are those of the wire; a cut is told apart from an end |
//! | [`flow`] | a segment into the connection it belongs to | bounded table; connections leave by deadline |
//! | [`tcp`] | segments into ordered bytes, holes and ends | each byte once, borrowed; a hole is never filled by guessing |
//! | [`session`] | bytes into PROXY headers, TLS handshakes and HTTP exchanges | by content, not by port; bodies are counted, not kept |
//! | [`observation`] | all that into one finished connection | facts with frames, nothing judged |
//! | [`diagnosis`] | findings into one verdict | pure; certain means that the bytes prove it |
//! | [`causes`] | a connection into findings | one file a cause: page, predicate, precedence |
//! | [`correlate`] | rows of access logs joined with what was seen | a log never changes a verdict |
//! | [`report`] | verdicts into text and JSON | every byte from the wire is escaped |
//! | [`analysis`] | the wiring of all of them | the only place that knows every stage |
//! | [`share`] | a capture into one that can be passed on | nothing is written that was not analysed and searched |
//! | `probe` | a question to an origin into packets | the bytes are those of the socket; the analysis is that of captures |

pub mod analysis;
pub mod base;
pub mod causes;
pub mod correlate;
pub mod diagnosis;
pub mod flow;
pub mod ip;
pub mod link;
pub mod observation;
#[cfg(feature = "probe")]
pub mod probe;
pub mod report;
pub mod session;
pub mod share;
pub mod source;
pub mod tcp;
