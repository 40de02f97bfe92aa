//! A path on the command line, and the name under which it is sent.

use super::SourceError;
use super::listing::{Facts, FoundKind, has_wrong_size};
use crate::disk::platform;
use crate::model::{PathFault, WirePath};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An argument, and the entries that come from it.
#[derive(Debug)]
pub(super) struct Root {
    /// The path as the user gave it.
    pub(super) path: PathBuf,
    /// Number of its first entry in the manifest.
    pub(super) first: usize,
    pub(super) top: Top,
}

/// The meaning of the first component of an argument's wire paths.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Top {
    /// The argument itself, under this name.
    Named(Box<[u8]>),
    /// An entry in the folder that the argument names.
    Contents,
}

impl Root {
    /// The path of `wire` on disk; the folder itself if `wire` is empty.
    pub(super) fn disk_path(&self, wire: &[u8]) -> PathBuf {
        let given = self.path.as_os_str().len();
        let mut path = PathBuf::with_capacity(given + 1 + wire.len());
        path.push(&self.path);
        let skip = match self.top {
            Top::Named(_) => 1,
            Top::Contents => 0,
        };
        let components = wire.split(|&byte| byte == b'/').skip(skip);
        for component in components.filter(|component| !component.is_empty()) {
            platform::push_own_name(&mut path, component);
        }
        path
    }

    /// The path of the top entry `name`, if it comes from this argument.
    pub(super) fn owns(&self, name: &[u8]) -> Option<PathBuf> {
        match &self.top {
            Top::Named(own) => (**own == *name).then(|| self.path.clone()),
            Top::Contents => {
                let path = self.disk_path(name);
                path.symlink_metadata().is_ok().then_some(path)
            }
        }
    }
}

/// Looks at each argument, follows it if it is a link, and checks that it can be read.
pub(super) fn inspect(paths: &[PathBuf]) -> Result<Vec<(Root, Facts)>, SourceError> {
    let mut arguments = Vec::with_capacity(paths.len());
    for path in paths {
        let top = top_of(path)?;
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        let facts = Facts::of(&metadata);
        // Windows drops the dot and finds the file.
        if top == Top::Contents && facts.kind != FoundKind::Folder {
            return Err(unreadable(path, &io::ErrorKind::NotADirectory.into()));
        }
        match facts.kind {
            FoundKind::File => {
                let file = platform::open_source(path).map_err(|e| unreadable(path, &e))?;
                match has_wrong_size(&file, &metadata) {
                    Ok(false) => {}
                    Ok(true) => {
                        return Err(SourceError::WrongSize(path.clone(), metadata.len()));
                    }
                    Err(error) => return Err(unreadable(path, &error)),
                }
            }
            FoundKind::Folder => drop(fs::read_dir(path).map_err(|e| unreadable(path, &e))?),
            FoundKind::Special(special) => return Err(SourceError::Special(path.clone(), special)),
            // `fs::metadata` follows links.
            FoundKind::Link => return Err(SourceError::Missing(path.clone())),
        }
        let path = path.clone();
        arguments.push((
            Root {
                path,
                first: 0,
                top,
            },
            facts,
        ));
    }
    Ok(arguments)
}

/// `Path` drops a final `.` and would take `DIR/.` for `DIR`, so this checks the bytes. For `..` and `/`,
/// `Path` itself returns no name.
fn top_of(path: &Path) -> Result<Top, SourceError> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_separator = |byte: &u8| std::path::is_separator(char::from(*byte));
    let last = bytes.split(is_separator).rfind(|piece| !piece.is_empty());
    if last == Some(b".") {
        return Ok(Top::Contents);
    }
    let Some(name) = path.file_name() else {
        return Ok(Top::Contents);
    };
    let Some(name) = platform::bytes_from_name(name) else {
        return Err(SourceError::NotUnicode(path.into()));
    };
    match WirePath::parse(&name) {
        Ok(_) => Ok(Top::Named(name.into())),
        // No file can have such a name.
        Err(PathFault::Nul) => Err(SourceError::Missing(path.into())),
        Err(fault) => Err(SourceError::Name(path.into(), fault)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => SourceError::Missing(path.into()),
        kind => SourceError::Unreadable(path.into(), kind),
    }
}
