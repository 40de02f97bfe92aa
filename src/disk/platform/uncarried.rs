//! What files have and no transfer carries, as far as a system tells it at no cost to speak of.

use std::fs::{File, Metadata};
use std::path::Path;

/// Whether something belongs to another user or group than those of this process. macOS gives what is made in a
/// folder the folder's group, so only the user counts there.
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

/// Whether something belongs to others: not known here.
#[cfg(not(unix))]
pub fn is_of_others(_found: &Metadata) -> bool {
    false
}

/// Whether a file has further names: hard links.
#[cfg(unix)]
pub fn has_other_names(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.is_file() && found.nlink() > 1
}

/// Whether a file has further names: its metadata do not tell here.
#[cfg(not(unix))]
pub fn has_other_names(_found: &Metadata) -> bool {
    false
}

/// What a file or folder has beside contents, times and permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extended {
    /// Extended attributes that somebody set.
    pub attributes: bool,
    /// An access control list.
    pub acl: bool,
}

/// That of an open file, on the systems that tell it.
pub fn extended_of(file: &File) -> Extended {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    return listed(|list| rustix::fs::flistxattr(file, list));
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        let _ = file;
        Extended::default()
    }
}

/// That of a file or folder at a path, on the systems that tell it. No link is followed.
pub fn extended_at(path: &Path) -> Extended {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    return listed(|list| rustix::fs::llistxattr(path, list));
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        let _ = path;
        Extended::default()
    }
}

/// What a list of names tells. One that cannot be read says nothing: many file systems have none.
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

/// Systems set attributes of their own, such as labels, and those that every file has are no loss.
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
