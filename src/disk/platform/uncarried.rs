//! Properties of files that no transfer carries, as far as the system reports them at negligible cost.

use std::fs::{File, Metadata};
use std::path::Path;

/// Whether an entry belongs to another user or group than this process. On macOS new entries get the group of
/// their folder, so only the user is compared there.
#[cfg(unix)]
pub fn is_of_others(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    use std::sync::LazyLock;
    static OWN: LazyLock<(u32, u32)> = LazyLock::new(|| {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        (user.as_raw(), group.as_raw())
    });
    let (user, group) = *OWN;
    found.uid() != user || (found.gid() != group && !cfg!(target_vendor = "apple"))
}

/// Whether an entry belongs to another user. Unknown on this system.
#[cfg(not(unix))]
pub fn is_of_others(_found: &Metadata) -> bool {
    false
}

/// Whether a file has more than one name (hard links).
#[cfg(unix)]
pub fn has_other_names(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.is_file() && found.nlink() > 1
}

/// Whether a file has more than one name. Its metadata do not say so on this system.
#[cfg(not(unix))]
pub fn has_other_names(_found: &Metadata) -> bool {
    false
}

/// Properties of a file or folder besides contents, times and permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extended {
    /// Whether it has extended attributes that a user set.
    pub attributes: bool,
    /// Whether it has an access control list.
    pub acl: bool,
}

/// The properties of an open file, on systems that report them.
pub fn extended_of(file: &File) -> Extended {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    return listed(|list| rustix::fs::flistxattr(file, list));
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        let _ = file;
        Extended::default()
    }
}

/// The properties of the file or folder at a path, on systems that report them. Does not follow links.
pub fn extended_at(path: &Path) -> Extended {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    return listed(|list| rustix::fs::llistxattr(path, list));
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        let _ = path;
        Extended::default()
    }
}

/// The properties that follow from a list of attributes. A list that cannot be read counts as empty, because
/// many file systems have no attributes.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn listed(list: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> Extended {
    /// The longest list that Linux gives.
    const MOST_BYTES: usize = 64 * 1024;
    let mut names = [0; 256];
    match list(&mut names) {
        Ok(length) => of_names(&names[..length]),
        Err(rustix::io::Errno::RANGE) => {
            let mut names = vec![0; MOST_BYTES];
            let length = list(&mut names).unwrap_or_default();
            of_names(&names[..length])
        }
        Err(_) => Extended::default(),
    }
}

/// The properties that follow from attribute names. Attributes that systems set themselves, such as labels, are
/// ignored, because every file has them and they are no loss.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn of_names(names: &[u8]) -> Extended {
    let mut found = Extended::default();
    let names = names.split(|&byte| byte == 0);
    for name in names.filter(|name| !name.is_empty()) {
        found.acl |= name.starts_with(b"system.posix_acl_");
        found.attributes |= match cfg!(target_vendor = "apple") {
            true => name != b"com.apple.provenance",
            false => name.starts_with(b"user.") || name == b"security.capability",
        };
    }
    found
}
