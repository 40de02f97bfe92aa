//! Scans files and folders, to send or to pack them.

use crate::disk::{Glob, Links, Source, SourceError, SourceOptions};
use crate::session::error::Error;
use crate::session::events::{Event, Operator};
use std::path::PathBuf;

/// Scans `paths` without those in `omit`, and tells the operator what is left out.
///
/// # Errors
/// [`Error::Source`], also when everything is excluded, and [`Error::BadPattern`].
pub(crate) fn scan_paths(
    paths: &[PathBuf],
    exclude: &[String],
    links: Links,
    omit: Vec<PathBuf>,
    operator: &dyn Operator,
) -> Result<Source, Error> {
    let globs = exclude.iter().map(|glob| Glob::parse(glob.as_bytes()));
    let exclude = globs.collect::<Result<Vec<_>, _>>();
    let exclude = exclude.map_err(|fault| Error::BadPattern {
        fault: fault.to_string(),
    })?;
    let scanning = SourceOptions {
        links,
        exclude,
        omit,
    };
    let excludes = !scanning.exclude.is_empty();
    let source = Source::scan(paths, &scanning)?;
    if excludes && source.manifest().is_empty() && source.left_out().is_empty() {
        return Err(SourceError::NothingLeft.into());
    }
    for left_out in source.left_out() {
        let path = left_out.path.as_os_str().as_encoded_bytes();
        operator.event(&Event::left_out(path, left_out.why));
    }
    Ok(source)
}
