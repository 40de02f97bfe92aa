//! Files on Unix.

use crate::disk::special_file::SpecialFile;
use crate::model::{Mode, Mtime};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{File, FileType, Metadata, OpenOptions, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// A name from a peer as this system's file name; `None` if this system does not allow such a name.
pub fn name_from_bytes(bytes: &[u8]) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    // The file systems of macOS hold Unicode only.
    if cfg!(target_vendor = "apple") && std::str::from_utf8(bytes).is_err() {
        return None;
    }
    Some(OsString::from_vec(bytes.to_vec()))
}

/// This system's file name as the bytes of the protocol; `None` if it has no such form (unpaired surrogates).
pub fn bytes_from_name(name: &OsStr) -> Option<Cow<'_, [u8]>> {
    use std::os::unix::ffi::OsStrExt;
    Some(Cow::Borrowed(name.as_bytes()))
}

/// Appends a name that [`bytes_from_name`] made on this system; a name from a peer goes through
/// [`name_from_bytes`] instead.
pub fn push_own_name(path: &mut PathBuf, bytes: &[u8]) {
    use std::os::unix::ffi::OsStrExt;
    path.push(OsStr::from_bytes(bytes));
}

/// The target of a link from a peer as this system writes it; `None` if this system does not allow it.
pub fn link_text_from_bytes(target: &[u8]) -> Option<OsString> {
    name_from_bytes(target)
}

/// The target of a link of this system as the bytes of the protocol; `None` if it has no such form.
pub fn bytes_from_link_text(text: &Path) -> Option<Cow<'_, [u8]>> {
    bytes_from_name(text.as_os_str())
}

/// The absolute path of an existing entry, without links and dots.
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(path)
}

/// The kind of an entry that is not a file, folder or link.
pub fn special_file(kind: FileType) -> SpecialFile {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        SpecialFile::Pipe
    } else if kind.is_socket() {
        SpecialFile::Socket
    } else if kind.is_block_device() || kind.is_char_device() {
        SpecialFile::Device
    } else {
        SpecialFile::Other
    }
}

/// Whether an error for which std has no kind concerns a file's name: bytes that are not text on that disk.
pub fn is_bad_name(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::ILSEQ.raw_os_error())
}

/// Permissions for the protocol. Windows has none: files are 0644, folders and read-only files accordingly.
pub fn mode_of(metadata: &Metadata) -> Mode {
    use std::os::unix::fs::MetadataExt;
    Mode::from_bits(metadata.mode())
}

/// Sets exactly these permission bits, regardless of the umask.
pub fn set_mode(path: &Path, bits: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, Permissions::from_mode(bits))
}

/// Sets exactly these permission bits of an open file, wherever its path leads by now.
pub fn set_mode_of(file: &File, bits: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(Permissions::from_mode(bits))
}

/// Whether these permissions prevent a file from being moved or removed.
pub fn mode_hinders_moving(_bits: u32) -> bool {
    false
}

/// Removes a file or link.
pub fn remove_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// Renames a file over another file or link.
pub fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Makes files opened with `options` get these permissions, less the umask, when they are created.
pub fn create_with_mode(options: &mut OpenOptions, bits: u32) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(bits);
}

/// Whether a file can have these permissions from its creation on: its creator must be able to read it.
pub fn mode_fits_creation(bits: u32) -> bool {
    bits & 0o400 != 0
}

/// Opens a folder so that its times can be set and, if the system supports it, its listing can be synced.
pub fn open_folder(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Forces a folder's listing, times and mode to the disk.
pub fn sync_folder(folder: &File) -> io::Result<()> {
    sync(folder)
}

/// Forces a file's contents, times and mode to the disk.
pub fn sync(file: &File) -> io::Result<()> {
    or_plain_sync(file.sync_all(), file)
}

/// Forces a file's contents to the disk.
pub fn sync_data(file: &File) -> io::Result<()> {
    or_plain_sync(file.sync_data(), file)
}

/// std asks macOS to flush the disk's own cache as well (F_FULLFSYNC), which network file systems refuse.
fn or_plain_sync(synced: io::Result<()>, file: &File) -> io::Result<()> {
    const ENOTTY: i32 = 25;
    let is_refused = |error: &io::Error| {
        use io::ErrorKind::{InvalidInput, Unsupported};
        matches!(error.kind(), InvalidInput | Unsupported) || error.raw_os_error() == Some(ENOTTY)
    };
    match synced {
        Err(error) if cfg!(target_vendor = "apple") && is_refused(&error) => {
            rustix::fs::fsync(file).map_err(io::Error::from)
        }
        other => other,
    }
}

/// Number of names of the file at `path`, whose metadata is `found`.
pub fn names_of(_path: &Path, found: &Metadata) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(found.nlink())
}

/// Creates a folder with these permissions, less the umask.
pub fn create_folder(path: &Path, bits: u32) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(bits).create(path)
}

/// When the contents were last changed.
pub fn mtime_of(metadata: &Metadata) -> Mtime {
    use std::os::unix::fs::MetadataExt;
    Mtime {
        seconds: metadata.mtime(),
        nanoseconds: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
    }
}

/// The identity of a file on this machine; zeros on Windows, where a listing does not contain it.
pub fn identity_of(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// The identity of the file at `path` on this machine; `found` is its metadata.
pub fn identity_at(_path: &Path, found: &Metadata) -> io::Result<(u64, u64)> {
    Ok(identity_of(found))
}

/// The identity of an open file on this machine.
pub fn identity_of_open(file: &File) -> io::Result<(u64, u64)> {
    Ok(identity_of(&file.metadata()?))
}

/// Opens a file for reading. A pipe in its place does not block the open, and a link in its place is not
/// followed (best effort): callers compare [`identity_of`] as well.
pub fn open_source(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    const O_NONBLOCK: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
        0o4000
    } else {
        0x4
    };
    OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(path)
}

/// Opens a file that is complete, to force it to the disk.
pub fn open_to_sync(path: &Path) -> io::Result<File> {
    open_source(path)
}

/// Reads up to a buffer's length at an offset, without moving the file's position.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    file.read_at(buffer, offset)
}

/// Writes all bytes at an offset, without moving the file's position.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    file.write_all_at(bytes, offset)
}

/// Makes a symbolic link.
pub fn make_link(target: &OsStr, link: &Path, _moved_to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Sets the time of a symbolic link itself.
pub fn set_link_time(link: &Path, mtime: Mtime) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let time = Timespec {
        tv_sec: mtime.seconds,
        tv_nsec: mtime.nanoseconds.into(),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, link, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)
}

/// Sets exactly these permission bits of a folder, regardless of the umask. Keeps its setgid bit, with which
/// new entries in it get its group.
pub fn set_folder_mode(path: &Path, bits: u32) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    const SETGID: u32 = 0o2000;
    let found = std::fs::symlink_metadata(path)?.mode() & 0o7777;
    let wanted = bits | found & SETGID;
    // Setting the mode again would clear the setgid bit if the inherited group is not one of this user's.
    match found == wanted {
        true => Ok(()),
        false => set_mode(path, wanted),
    }
}

/// Whether only its owner can enter a folder, as far as the system reports it.
pub fn is_private(folder: &Metadata) -> bool {
    mode_of(folder).bits() & 0o077 == 0
}

/// Whether two entries have the same owner, as far as the system reports it.
pub fn have_one_owner(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.uid() == other.uid()
}

/// Makes new entries in the folder `to` get the same group as new entries in the folder `from`.
pub fn inherit_group(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let [from, own] = [
        std::fs::symlink_metadata(from)?,
        std::fs::symlink_metadata(to)?,
    ];
    if !from.is_dir() || from.mode() & 0o2000 == 0 || from.gid() == own.gid() {
        return Ok(());
    }
    std::os::unix::fs::chown(to, None, Some(from.gid()))?;
    set_mode(to, own.mode() & 0o777 | 0o2000)
}

/// Whether an error means that the disk does not support an operation, in contrast to one that failed.
pub fn is_not_supported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let not_supported = [Errno::PERM, Errno::NOTSUP, Errno::NOSYS, Errno::INVAL];
    let code = error.raw_os_error();
    not_supported
        .iter()
        .any(|known| code == Some(known.raw_os_error()))
}

/// Whether a file has blocks on a disk. Empty files have none, and neither have files that the kernel
/// generates.
pub fn takes_room(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks() > 0
}
