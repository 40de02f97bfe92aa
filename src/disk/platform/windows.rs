//! Files on Windows.

use super::times::mtime_from;
use super::windows_names::{may_be_short_for_staging, windows_can_have, windows_link_text};
use crate::disk::special_file::SpecialFile;
use crate::model::{Mode, Mtime};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{File, FileType, Metadata, OpenOptions, Permissions};
use std::io;
use std::path::{Component, Path, PathBuf, Prefix};
use std::time::UNIX_EPOCH;

/// A name from a peer as this system's file name; `None` if this system does not allow such a name, or may take
/// it for another name of a staging folder.
pub fn name_from_bytes(bytes: &[u8]) -> Option<OsString> {
    let name = std::str::from_utf8(bytes).ok()?;
    let is_usable = windows_can_have(name) && !may_be_short_for_staging(name);
    is_usable.then(|| OsString::from(name))
}

/// This system's file name as the bytes of the protocol; `None` if it has no such form (unpaired surrogates).
pub fn bytes_from_name(name: &OsStr) -> Option<Cow<'_, [u8]>> {
    Some(Cow::Borrowed(name.to_str()?.as_bytes()))
}

/// Appends a name that [`bytes_from_name`] made on this system; a name from a peer goes through
/// [`name_from_bytes`] instead.
pub fn push_own_name(path: &mut PathBuf, bytes: &[u8]) {
    path.push(String::from_utf8_lossy(bytes).as_ref());
}

/// The target of a link from a peer as this system writes it; `None` if this system does not allow it.
pub fn link_text_from_bytes(target: &[u8]) -> Option<OsString> {
    windows_link_text(target).map(OsString::from)
}

/// The target of a link of this system as the bytes of the protocol; `None` if it has no such form. A target
/// that begins at a drive or a root keeps its Windows form.
pub fn bytes_from_link_text(text: &Path) -> Option<Cow<'_, [u8]>> {
    let is_anchored = |part: Component| matches!(part, Component::Prefix(_) | Component::RootDir);
    if text.components().any(is_anchored) {
        return bytes_from_name(text.as_os_str());
    }
    let names = text.components().map(|part| part.as_os_str().to_str());
    let mut names = names.collect::<Option<Vec<&str>>>()?;
    if names.len() > 1 && names[0] == "." {
        names.remove(0);
    }
    Some(Cow::Owned(names.join("/").into_bytes()))
}

/// The absolute path of an existing entry, without links and dots, in the form that people and other programs
/// know. The system returns it as `\\?\C:\...`; for long paths std restores that form.
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    let path = std::fs::canonicalize(path)?;
    let mut components = path.components();
    let Some(Component::Prefix(prefix)) = components.next() else {
        return Ok(path);
    };
    let mut root = OsString::new();
    match prefix.kind() {
        Prefix::VerbatimDisk(drive) => root.push(format!("{}:\\", char::from(drive))),
        Prefix::VerbatimUNC(server, share) => {
            root.push("\\\\");
            root.push(server);
            root.push("\\");
            root.push(share);
            root.push("\\");
        }
        _ => return Ok(path),
    }
    let names = components.filter(|part| *part != Component::RootDir);
    // A path keeps the system's form if only that form allows one of its names, such as `con` or `a.`.
    let is_plain = |part: Component<'_>| part.as_os_str().to_str().is_some_and(windows_can_have);
    if !names.clone().all(is_plain) {
        return Ok(path);
    }
    let mut plain = PathBuf::from(root);
    plain.extend(names);
    Ok(plain)
}

/// The kind of an entry that is not a file, folder or link.
pub fn special_file(_kind: FileType) -> SpecialFile {
    SpecialFile::Other
}

/// Whether an error for which std has no kind concerns a file's name: ERROR_INVALID_NAME.
pub fn is_bad_name(error: &io::Error) -> bool {
    error.raw_os_error() == Some(123)
}

/// Permissions for the protocol. Windows has none: files are 0644, folders and read-only files accordingly.
pub fn mode_of(metadata: &Metadata) -> Mode {
    Mode::from_bits(
        match (metadata.is_dir(), metadata.permissions().readonly()) {
            (true, _) => 0o755,
            (false, false) => 0o644,
            (false, true) => 0o444,
        },
    )
}

/// Like [`set_mode`], for an open file, wherever its path leads by now.
pub fn set_mode_of(file: &File, bits: u32) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    permissions.set_readonly(bits & 0o200 == 0);
    file.set_permissions(permissions)
}

/// Sets the only permission of this system: whether a file can be written. Does nothing to links.
pub fn set_mode(path: &Path, bits: u32) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    let mut permissions: Permissions = metadata.permissions();
    let is_read_only = bits & 0o200 == 0;
    if !metadata.is_file() || permissions.readonly() == is_read_only {
        return Ok(());
    }
    permissions.set_readonly(is_read_only);
    std::fs::set_permissions(path, permissions)
}

/// Whether these permissions prevent a file from being moved or removed: they do if it is read-only. Source:
/// Microsoft, "DeleteFile" and "CreateHardLink".
pub fn mode_hinders_moving(bits: u32) -> bool {
    bits & 0o200 == 0
}

/// Removes a file or link, even if it is read-only.
pub fn remove_file(path: &Path) -> io::Result<()> {
    while_writable(path, || std::fs::remove_file(path))
}

/// Renames a file over another file or link, even if that is read-only.
pub fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    while_writable(to, || std::fs::rename(from, to))
}

/// Makes the file at `path` writable and calls `act`. If `act` fails, restores the file's mode.
fn while_writable(path: &Path, act: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match act() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let before = mode_of(&std::fs::symlink_metadata(path)?).bits();
            if !mode_hinders_moving(before) {
                return Err(error);
            }
            set_mode(path, 0o600)?;
            act().inspect_err(|_| {
                // The first error is the one to report.
                let _ = set_mode(path, before);
            })
        }
        other => other,
    }
}

/// Makes files opened with `options` get these permissions, less the umask, when they are created.
pub fn create_with_mode(_options: &mut OpenOptions, _bits: u32) {}

/// Whether a file may have these permissions from its creation on: only the default ones, because
/// [`create_with_mode`] sets none here.
pub fn mode_fits_creation(bits: u32) -> bool {
    bits & 0o200 != 0
}

/// The flag without which no folder can be opened. Source: Microsoft, "CreateFile".
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;

/// Opens a folder so that its times can be set and, if the system supports it, its listing can be synced.
pub fn open_folder(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    OpenOptions::new()
        .write(true)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
}

/// Forces a file's contents and times to the disk.
pub fn sync(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Forces a file's contents to the disk.
pub fn sync_data(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// Windows keeps listings in its own journal and has no call to wait for it.
pub fn sync_folder(_folder: &File) -> io::Result<()> {
    Ok(())
}

/// Number of names of the file at `path`.
pub fn names_of(path: &Path, _found: &Metadata) -> io::Result<u64> {
    let known = winapi_util::file::information(&open_itself(path)?)?;
    Ok(known.number_of_links())
}

/// Creates a folder with these permissions, less the umask.
pub fn create_folder(path: &Path, _bits: u32) -> io::Result<()> {
    std::fs::DirBuilder::new().create(path)
}

/// When the contents were last changed.
pub fn mtime_of(metadata: &Metadata) -> Mtime {
    mtime_from(metadata.modified().unwrap_or(UNIX_EPOCH))
}

/// The identity of a file on this machine; zeros on Windows, where a listing does not contain it.
pub fn identity_of(_metadata: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// The identity of the file at `path` on this machine, without following links.
pub fn identity_at(path: &Path, _found: &Metadata) -> io::Result<(u64, u64)> {
    identity_of_open(&open_itself(path)?)
}

/// The identity of an open file on this machine.
pub fn identity_of_open(file: &File) -> io::Result<(u64, u64)> {
    let known = winapi_util::file::information(file)?;
    Ok((known.volume_serial_number(), known.file_index()))
}

/// Opens the entry of this name to read its metadata, even a folder, and a link itself. Source: Microsoft,
/// "CreateFile" and "File access rights constants".
fn open_itself(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_READ_ATTRIBUTES: u32 = 0x80;
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
}

/// Opens a file for reading. It also opens a folder in its place, so that the caller can find out.
pub fn open_source(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    OpenOptions::new()
        .read(true)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
}

/// Opens a file that is complete, to force it to the disk. Source: Microsoft, "FlushFileBuffers": the
/// handle must allow writing.
pub fn open_to_sync(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Reads up to a buffer's length at an offset.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::windows::fs::FileExt;
    file.seek_read(buffer, offset)
}

/// Writes all bytes at an offset.
pub fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !bytes.is_empty() {
        let written = file.seek_write(bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += crate::model::len64(written);
    }
    Ok(())
}

/// Leaves the time as it is, because std cannot set the time of a link.
pub fn set_link_time(_link: &Path, _mtime: Mtime) -> io::Result<()> {
    Ok(())
}

/// Makes a symbolic link, of the kind for folders if the target is an existing folder: as seen from the link, or
/// from the place to which it will be moved.
pub fn make_link(target: &OsStr, link: &Path, moved_to: &Path) -> io::Result<()> {
    let is_folder = |link: &Path| link.parent().unwrap_or(link).join(target).is_dir();
    if is_folder(link) || is_folder(moved_to) {
        std::os::windows::fs::symlink_dir(target, link)?;
    } else {
        std::os::windows::fs::symlink_file(target, link)?;
    }
    // wine may report success without making the link.
    std::fs::symlink_metadata(link).map(drop)
}

/// Folders have no permission bits here.
pub fn set_folder_mode(_path: &Path, _bits: u32) -> io::Result<()> {
    Ok(())
}

/// Whether only its owner can enter a folder, as far as the system reports it.
pub fn is_private(_folder: &Metadata) -> bool {
    true
}

/// Whether two entries have the same owner, as far as the system reports it.
pub fn have_one_owner(_one: &Metadata, _other: &Metadata) -> bool {
    true
}

/// Groups are not inherited here.
pub fn inherit_group(_from: &Path, _to: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether an error means that the disk does not support an operation, in contrast to one that failed.
pub fn is_not_supported(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
    )
}

/// Whether a file has blocks on a disk. True here, because the kernel generates no files.
pub fn takes_room(_metadata: &Metadata) -> bool {
    true
}
