//! What differs between Unix and Windows on this floor.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Whether the group or everybody may read the file. Windows keeps that in lists which std cannot
/// read; there the user's own folders are private by default.
#[cfg(unix)]
pub(super) fn others_can_read(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o044 != 0
}

/// Whether the group or everybody may read the file: unknown here.
#[cfg(not(unix))]
pub(super) fn others_can_read(_metadata: &Metadata) -> bool {
    false
}

/// Creates a folder that only its owner can look into; fails when the name is taken.
#[cfg(unix)]
pub(super) fn create_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// Creates a folder; fails when the name is taken.
#[cfg(not(unix))]
pub(super) fn create_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)
}

/// Makes a symbolic link for the demonstration.
#[cfg(unix)]
pub(super) fn make_link(target: &str, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Makes none: on Windows links need a privilege that most people lack.
#[cfg(not(unix))]
pub(super) fn make_link(_target: &str, _link: &Path) -> io::Result<()> {
    Ok(())
}
