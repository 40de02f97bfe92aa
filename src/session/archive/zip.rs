//! `zip`: one encrypted archive of files and folders, on this machine.

use crate::crypto::ArchivePassword;
use crate::disk::{Links, NewArchive, Placing, Source, TimeZone, free_path_beside, look_up};
use crate::model::{Existing, Mtime};
use crate::session::archive::pack::{Names, PackError, PackOptions, PackReport, pack_into};
use crate::session::cancel::Cancel;
use crate::session::error::Error;
use crate::session::events::{Event, Operator, Summary};
use crate::session::options::Level;
use crate::session::scan::scan_paths;
use crate::session::stats::{TransferStats, offer_summary};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Which archive to make, from what, and how.
pub struct ZipOptions {
    /// The path of the archive.
    pub archive: PathBuf,
    /// Files and folders; a path that ends in `/.` stands for the contents of the folder.
    pub paths: Vec<PathBuf>,
    /// Patterns of names and paths to leave out. `*`, `?`, `[abc]` and `**` are special.
    pub exclude: Vec<String>,
    /// Which symbolic links inside the paths are packed.
    pub links: Links,
    /// Compression.
    pub level: Level,
    /// Whether people without the password can see names and sizes.
    pub names: Names,
    /// What the archive is encrypted with.
    pub password: ArchivePassword,
    /// What to do if something has the archive's name. [`Existing::Newer`] overwrites it only if something in the
    /// source has a later mtime.
    pub existing: Existing,
    /// Keep a clone of it to cancel the call.
    pub cancel: Cancel,
    /// The zone of the DOS times, which other programs show.
    pub zone: TimeZone,
}

impl ZipOptions {
    /// Packs `paths` with the default options.
    pub fn new(archive: PathBuf, paths: Vec<PathBuf>, password: ArchivePassword) -> Self {
        ZipOptions {
            archive,
            paths,
            exclude: Vec::new(),
            links: Links::Inside,
            level: Level::Auto,
            names: Names::Shown,
            password,
            existing: Existing::Fail,
            cancel: Cancel::new(),
            zone: TimeZone::local(None),
        }
    }
}

/// Makes an archive. It appears under its name only when it is complete.
///
/// Files that cannot be read or change meanwhile are reported and left out. If nothing is left, no archive is
/// made.
///
/// # Errors
/// An [`Error`] that says why no archive was made.
pub fn zip(options: &ZipOptions, operator: &dyn Operator) -> Result<Summary, Error> {
    let stats = TransferStats::begin(0);
    let found = what_is_there(&options.archive, options.existing)?;
    let (target, placing) = match (&found, options.existing) {
        (None, _) | (Some(_), Existing::Fail) => (options.archive.clone(), Placing::WhereFree),
        (Some(_), Existing::Skip) => return Ok(skipped(options, &stats, operator)),
        (Some(_), Existing::Overwrite | Existing::Newer) => {
            (options.archive.clone(), Placing::Over)
        }
        (Some(_), Existing::Rename) => match free_path_beside(&options.archive) {
            Ok(Some(path)) => (path, Placing::WhereFree),
            Ok(None) => return Err(taken(&options.archive, false)),
            Err(error) => return Err(Error::CannotMake(error)),
        },
    };
    let archive = NewArchive::begin(&target).map_err(Error::CannotMake)?;
    let source = scan_paths(
        &options.paths,
        &options.exclude,
        options.links,
        archive.own_paths(),
        operator,
    )?;
    if let (Some(found), Existing::Newer) = (&found, options.existing)
        && !is_newer(&source, found)
    {
        return Ok(skipped(options, &stats, operator));
    }
    operator.event(&Event::Offer(&offer_summary(source.manifest(), None)));
    let report = pack(&source, options, &archive, operator)?;
    let mut summary = Summary {
        name: name_of(&target),
        files: report.files,
        bytes: report.bytes,
        wire_bytes: report.archive_bytes,
        left_out: report.lost + source.left_out().len() as u64,
        lost_sources: report.lost + source.left_out().len() as u64,
        ..Summary::without(source.not_carried())
    };
    if report.members > 0 || summary.left_out == 0 {
        let target = absolute(archive.target());
        let stays = archive.place(placing).map_err(Error::CannotMake)?;
        if let Some(why) = stays {
            operator.warn(&format!(
                "the archive is complete, but has a second name: {why}"
            ));
        }
        summary.delivered = vec![target];
    }
    Ok(stats.finish(summary, operator))
}

/// Checks whether [`zip()`] would fail at once because of the archive's name.
///
/// # Errors
/// [`Error::Taken`], or [`Error::CannotMake`] if no file can have that name.
pub fn check_archive_name(archive: &Path, existing: Existing) -> Result<(), Error> {
    what_is_there(archive, existing).map(drop)
}

fn what_is_there(archive: &Path, existing: Existing) -> Result<Option<Metadata>, Error> {
    let found = look_up(archive).map_err(Error::CannotMake)?;
    match &found {
        Some(found) if found.is_dir() => Err(taken(archive, true)),
        Some(_) if existing == Existing::Fail => Err(taken(archive, false)),
        _ => Ok(found),
    }
}

fn pack(
    source: &Source,
    options: &ZipOptions,
    archive: &NewArchive,
    operator: &dyn Operator,
) -> Result<PackReport, Error> {
    let how = PackOptions {
        password: &options.password,
        names: options.names,
        level: options.level,
        zone: &options.zone,
        cancel: &options.cancel,
        operator,
    };
    pack_into(source, &how, archive.sink()).map_err(|error| match error {
        PackError::Sink(error) => Error::CannotMake(archive.write_failed(error)),
        other => other.into(),
    })
}

fn is_newer(source: &Source, found: &Metadata) -> bool {
    let Ok(modified) = found.modified() else {
        return true;
    };
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let made = Mtime {
        seconds: since.as_secs() as i64,
        nanoseconds: since.subsec_nanos(),
    };
    let mut entries = source.manifest().entries();
    entries.any(|(_, entry)| entry.mtime.is_after(made))
}

fn skipped(options: &ZipOptions, stats: &TransferStats, operator: &dyn Operator) -> Summary {
    let summary = Summary {
        name: name_of(&options.archive),
        skipped: 1,
        ..Summary::default()
    };
    stats.finish(summary, operator)
}

fn taken(archive: &Path, is_folder: bool) -> Error {
    let path = archive.to_owned();
    Error::Taken { path, is_folder }
}

fn name_of(archive: &Path) -> Vec<u8> {
    let name = archive.file_name().unwrap_or_default();
    name.as_encoded_bytes().to_vec()
}

fn absolute(path: &Path) -> PathBuf {
    // If there is no current folder, the path as it was given is the best to report.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
