//! Scans files and folders, to send or to pack them.

use crate::disk::{Glob, Links, Source, SourceError, SourceOptions};
use crate::model::quoted;
use crate::session::error::Error;
use crate::session::events::{Event, Operator};
use std::path::PathBuf;

/// Scans `paths` without those in `omit`, and reports what is left out.
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
    let exclude = parse_globs(exclude)?;
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
    tell_unmatched(Glob::unmatched(&scanning.exclude), operator);
    for left_out in source.left_out() {
        let path = left_out.path.as_os_str().as_encoded_bytes();
        operator.event(&Event::left_out(path, left_out.why));
    }
    Ok(source)
}

/// Reads patterns.
///
/// # Errors
/// [`Error::BadPattern`].
pub(crate) fn parse_globs(patterns: &[String]) -> Result<Vec<Glob>, Error> {
    let parse = |pattern: &String| {
        Glob::parse(pattern.as_bytes()).map_err(|fault| Error::BadPattern {
            fault: format!("{pattern:?}: {fault}"),
        })
    };
    patterns.iter().map(parse).collect()
}

/// Warns about patterns that match nothing, which are often mistyped.
pub(crate) fn tell_unmatched<'a>(
    patterns: impl Iterator<Item = &'a [u8]>,
    operator: &dyn Operator,
) {
    let patterns: Vec<String> = patterns.map(quoted).collect();
    if patterns.is_empty() {
        return;
    }
    let patterns = patterns.join(" and ");
    let mut message = format!("nothing matches {patterns}");
    if patterns.contains(',') {
        message
            .push_str(" (a comma is part of a name: give each pattern with an option of its own)");
    }
    operator.warn(&message);
}
