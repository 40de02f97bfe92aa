//! All differences between Unix and Windows.

use crate::disk::special_file::SpecialFile;
use crate::model::{Mode, Mtime};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{File, FileType, Metadata, OpenOptions, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A name from a peer as this system's file name; `None` if this system cannot have such a name.
#[cfg(unix)]
pub(super) fn name_from_bytes(bytes: &[u8]) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes.to_vec()))
}

/// A name from a peer as this system's file name; `None` if this system cannot have such a name.
#[cfg(not(unix))]
pub(super) fn name_from_bytes(bytes: &[u8]) -> Option<OsString> {
    let name = std::str::from_utf8(bytes).ok()?;
    windows_can_have(name).then(|| OsString::from(name))
}

/// This system's file name as the bytes of the protocol; `None` if there are none (unpaired surrogates).
#[cfg(unix)]
pub(super) fn bytes_from_name(name: &OsStr) -> Option<Cow<'_, [u8]>> {
    use std::os::unix::ffi::OsStrExt;
    Some(Cow::Borrowed(name.as_bytes()))
}

/// This system's file name as the bytes of the protocol; `None` if there are none (unpaired surrogates).
#[cfg(not(unix))]
pub(super) fn bytes_from_name(name: &OsStr) -> Option<Cow<'_, [u8]>> {
    Some(Cow::Borrowed(name.to_str()?.as_bytes()))
}

/// Appends a name that [`bytes_from_name`] made on this system; a name from a peer goes through
/// [`name_from_bytes`] instead.
#[cfg(unix)]
pub(super) fn push_own_name(path: &mut PathBuf, bytes: &[u8]) {
    use std::os::unix::ffi::OsStrExt;
    path.push(OsStr::from_bytes(bytes));
}

/// Appends a name that [`bytes_from_name`] made on this system; a name from a peer goes through
/// [`name_from_bytes`] instead.
#[cfg(not(unix))]
pub(super) fn push_own_name(path: &mut PathBuf, bytes: &[u8]) {
    path.push(String::from_utf8_lossy(bytes).as_ref());
}

/// The kind of an entry that is not a file, folder or link.
#[cfg(unix)]
pub(super) fn special_file(kind: FileType) -> SpecialFile {
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

/// The kind of an entry that is not a file, folder or link.
#[cfg(not(unix))]
pub(super) fn special_file(_kind: FileType) -> SpecialFile {
    SpecialFile::Other
}

/// Whether Windows can have a file of this name: no reserved device names, characters or endings.
/// Source: Microsoft, "Naming Files, Paths, and Namespaces".
#[cfg_attr(unix, allow(dead_code))]
pub(super) fn windows_can_have(name: &str) -> bool {
    let forbidden = |c: char| c < ' ' || "<>:\"/\\|?*".contains(c);
    if name.is_empty() || name.ends_with([' ', '.']) || name.contains(forbidden) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let stem = stem.to_ascii_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return false;
    }
    let port = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    !port.is_some_and(|digit| {
        let mut digits = digit.chars();
        let single = digits.next().is_some_and(|c| "0123456789¹²³".contains(c));
        single && digits.next().is_none()
    })
}

/// Whether an error that std has no name for is about a file's name: bytes that are no text on that disk.
#[cfg(unix)]
pub(super) fn is_bad_name(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::ILSEQ.raw_os_error())
}

/// Whether an error that std has no name for is about a file's name: ERROR_INVALID_NAME.
#[cfg(not(unix))]
pub(super) fn is_bad_name(error: &io::Error) -> bool {
    error.raw_os_error() == Some(123)
}

/// Permissions for the protocol. Windows has none: files are 0644, folders and read-only files accordingly.
#[cfg(unix)]
pub(super) fn mode_of(metadata: &Metadata) -> Mode {
    use std::os::unix::fs::MetadataExt;
    Mode::from_bits(metadata.mode())
}

/// Permissions for the protocol. Windows has none: files are 0644, folders and read-only files accordingly.
#[cfg(not(unix))]
pub(super) fn mode_of(metadata: &Metadata) -> Mode {
    Mode::from_bits(
        match (metadata.is_dir(), metadata.permissions().readonly()) {
            (true, _) => 0o755,
            (false, false) => 0o644,
            (false, true) => 0o444,
        },
    )
}

/// Sets permission bits as they are, past the umask.
#[cfg(unix)]
pub(super) fn set_mode(path: &Path, bits: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, Permissions::from_mode(bits))
}

/// Sets the only permission of this system: whether a file can be written.
#[cfg(not(unix))]
pub(super) fn set_mode(path: &Path, bits: u32) -> io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Ok(());
    }
    let mut permissions: Permissions = metadata.permissions();
    permissions.set_readonly(bits & 0o200 == 0);
    std::fs::set_permissions(path, permissions)
}

/// Sets a folder's permission bits as they are, past the umask. It keeps its setgid bit, which has what is
/// created in it get its group.
#[cfg(unix)]
pub(super) fn set_folder_mode(path: &Path, bits: u32) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    const SETGID: u32 = 0o2000;
    let found = std::fs::symlink_metadata(path)?.mode() & 0o7777;
    let wanted = bits | found & SETGID;
    // Setting it again would take the bit away where somebody else's group is inherited.
    match found == wanted {
        true => Ok(()),
        false => set_mode(path, wanted),
    }
}

/// Folders have no permission bits here.
#[cfg(not(unix))]
pub(super) fn set_folder_mode(_path: &Path, _bits: u32) -> io::Result<()> {
    Ok(())
}

/// Whether nobody but its owner can enter a folder, as far as the system says.
#[cfg(unix)]
pub(super) fn is_private(folder: &Metadata) -> bool {
    mode_of(folder).bits() & 0o077 == 0
}

/// Whether nobody but its owner can enter a folder, as far as the system says.
#[cfg(not(unix))]
pub(super) fn is_private(_folder: &Metadata) -> bool {
    true
}

/// Whether two things have one owner, as far as the system says.
#[cfg(unix)]
pub(super) fn have_one_owner(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.uid() == other.uid()
}

/// Whether two things have one owner, as far as the system says.
#[cfg(not(unix))]
pub(super) fn have_one_owner(_one: &Metadata, _other: &Metadata) -> bool {
    true
}

/// Has what is created in the folder `to` get the same group as what is created in the folder `from`.
#[cfg(unix)]
pub(super) fn inherit_group(from: &Path, to: &Path) -> io::Result<()> {
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

/// Groups are not inherited here.
#[cfg(not(unix))]
pub(super) fn inherit_group(_from: &Path, _to: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether the system says that a disk does not do something for anybody, and not that it failed.
#[cfg(unix)]
pub(super) fn is_not_supported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let not_supported = [Errno::PERM, Errno::NOTSUP, Errno::NOSYS, Errno::INVAL];
    let code = error.raw_os_error();
    not_supported
        .iter()
        .any(|known| code == Some(known.raw_os_error()))
}

/// Whether the system says that a disk does not do something for anybody, and not that it failed.
#[cfg(not(unix))]
pub(super) fn is_not_supported(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
    )
}

/// Makes files opened with `options` get these permissions, less the umask, when they are created.
#[cfg(unix)]
pub(super) fn create_with_mode(options: &mut OpenOptions, bits: u32) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(bits);
}

/// Makes files opened with `options` get these permissions, less the umask, when they are created.
#[cfg(not(unix))]
pub(super) fn create_with_mode(_options: &mut OpenOptions, _bits: u32) {}

/// Whether a file can have these permissions from its creation on: its creator must be able to read it.
#[cfg(unix)]
pub(super) fn mode_fits_creation(bits: u32) -> bool {
    bits & 0o400 != 0
}

/// Whether a file may have these permissions from its creation on. [`create_with_mode`] sets none here, so only
/// the default ones.
#[cfg(not(unix))]
pub(super) fn mode_fits_creation(bits: u32) -> bool {
    bits & 0o200 != 0
}

/// Opens a folder so that its times can be set and, where the system knows that, its listing be synced.
#[cfg(unix)]
pub(super) fn open_folder(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a folder so that its times can be set and, where the system knows that, its listing be synced.
/// Source: Microsoft, "CreateFile": FILE_FLAG_BACKUP_SEMANTICS is needed for folders.
#[cfg(not(unix))]
pub(super) fn open_folder(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
    OpenOptions::new()
        .write(true)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
}

/// Forces a folder's listing, times and mode to the disk.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &File) -> io::Result<()> {
    folder.sync_all()
}

/// Windows keeps listings in its own journal and has no call to wait for it.
#[cfg(not(unix))]
pub(super) fn sync_folder(_folder: &File) -> io::Result<()> {
    Ok(())
}

/// Number of names of a file; 1 if the system does not tell.
#[cfg(unix)]
pub(super) fn names_of(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink()
}

/// Number of names of a file; 1 if the system does not tell.
#[cfg(not(unix))]
pub(super) fn names_of(_metadata: &Metadata) -> u64 {
    1
}

/// Creates a folder with these permissions, less the umask.
#[cfg(unix)]
pub(super) fn create_folder(path: &Path, bits: u32) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(bits).create(path)
}

/// Creates a folder with these permissions, less the umask.
#[cfg(not(unix))]
pub(super) fn create_folder(path: &Path, _bits: u32) -> io::Result<()> {
    std::fs::DirBuilder::new().create(path)
}

/// When the contents were last changed.
#[cfg(unix)]
pub(super) fn mtime_of(metadata: &Metadata) -> Mtime {
    use std::os::unix::fs::MetadataExt;
    Mtime {
        seconds: metadata.mtime(),
        nanoseconds: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
    }
}

/// When the contents were last changed.
#[cfg(not(unix))]
pub(super) fn mtime_of(metadata: &Metadata) -> Mtime {
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    match modified.duration_since(UNIX_EPOCH) {
        Ok(since) => Mtime {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        },
        Err(_) => Mtime::default(),
    }
}

/// This moment, to the nanosecond; the beginning of 1970 if the clock is earlier.
pub(super) fn now() -> Mtime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default();
    Mtime {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: since.subsec_nanos(),
    }
}

/// An mtime from a peer as a time of this system; `None` if this system cannot express it.
pub(super) fn system_time(mtime: Mtime) -> Option<SystemTime> {
    let seconds = Duration::from_secs(mtime.seconds.unsigned_abs());
    let whole = if mtime.seconds < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    whole?.checked_add(Duration::from_nanos(mtime.nanoseconds.into()))
}

/// Whether a file has blocks on a disk. Empty files have none, nor have files that the system makes up.
#[cfg(unix)]
pub(super) fn takes_room(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks() > 0
}

/// Whether a file has blocks on a disk: here no file is made up.
#[cfg(not(unix))]
pub(super) fn takes_room(_metadata: &Metadata) -> bool {
    true
}

/// The identity of a file on this machine; zeros if the system does not tell.
#[cfg(unix)]
pub(super) fn identity_of(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// The identity of a file on this machine; zeros if the system does not tell.
#[cfg(not(unix))]
pub(super) fn identity_of(_metadata: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Opens a file for reading. A pipe in its place does not block the open, and a link in its place is not
/// followed (best effort): callers compare [`identity_of`] as well.
#[cfg(unix)]
pub(super) fn open_source(path: &Path) -> io::Result<File> {
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

/// Opens a file for reading.
#[cfg(not(unix))]
pub(super) fn open_source(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a file that is complete, to force it to the disk.
#[cfg(unix)]
pub(super) fn open_to_sync(path: &Path) -> io::Result<File> {
    open_source(path)
}

/// Opens a file that is complete, to force it to the disk. Source: Microsoft, "FlushFileBuffers": the
/// handle must allow writing.
#[cfg(not(unix))]
pub(super) fn open_to_sync(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Reads up to a buffer's length at an offset, without moving the file's position.
#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    file.read_at(buffer, offset)
}

/// Reads up to a buffer's length at an offset.
#[cfg(not(unix))]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::windows::fs::FileExt;
    file.seek_read(buffer, offset)
}

/// Writes all bytes at an offset, without moving the file's position.
#[cfg(unix)]
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    file.write_all_at(bytes, offset)
}

/// Writes all bytes at an offset.
#[cfg(not(unix))]
pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
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

/// Makes a symbolic link.
#[cfg(unix)]
pub(super) fn make_link(target: &OsStr, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Sets the time of a symbolic link itself.
#[cfg(unix)]
pub(super) fn set_link_time(link: &Path, mtime: Mtime) -> io::Result<()> {
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

/// Leaves the time as it is, because std cannot set that of a link.
#[cfg(not(unix))]
pub(super) fn set_link_time(_link: &Path, _mtime: Mtime) -> io::Result<()> {
    Ok(())
}

/// Makes a symbolic link, of the kind for folders if the target is an existing folder.
#[cfg(not(unix))]
pub(super) fn make_link(target: &OsStr, link: &Path) -> io::Result<()> {
    let resolved = link.parent().unwrap_or(link).join(target);
    if resolved.is_dir() {
        std::os::windows::fs::symlink_dir(target, link)
    } else {
        std::os::windows::fs::symlink_file(target, link)
    }
}

#[cfg(test)]
mod tests;
