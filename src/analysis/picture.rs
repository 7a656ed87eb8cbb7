//! An analysis of which only what is compared is kept.

use crate::report::compare::{Gatherer, Picture};
use crate::source::Source;

use super::{Failure, Options, run};

/// Reads a capture, for a comparison with another one.
///
/// # Errors
/// [`Failure`]; damage within the capture is no failure.
pub fn picture(path: &str, source: Source, options: &Options) -> Result<Picture, Failure> {
    let mut gatherer = Gatherer::default();
    let summary = run(vec![(path.to_owned(), source)], options, &mut gatherer, |_, _| {})?;
    Ok(gatherer.into_picture(path, &summary))
}
