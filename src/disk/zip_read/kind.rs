//! The kind and permissions of an entry, from the attributes that its maker set.

use super::names::Host;
use crate::model::Mode;

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CentralKind {
    File,
    Folder,
    Link,
    /// A pipe, a device, a socket.
    Special,
}

const TYPE_BITS: u32 = 0o170_000;
const TYPE_PIPE: u32 = 0o010_000;
const TYPE_CHARACTER_DEVICE: u32 = 0o020_000;
const TYPE_FOLDER: u32 = 0o040_000;
const TYPE_BLOCK_DEVICE: u32 = 0o060_000;
const TYPE_LINK: u32 = 0o120_000;
const TYPE_SOCKET: u32 = 0o140_000;
const DOS_READ_ONLY: u32 = 1;
const DOS_FOLDER: u32 = 16;

/// The kind of an entry with this name, maker, attributes and size. A slash at the end makes everything a
/// folder except links and special files. Info-ZIP marks standard input as a pipe, so a pipe with contents is a
/// file.
pub(super) fn kind(path: &[u8], host: Host, attributes: u32, size: u64) -> CentralKind {
    let has_slash = path.ends_with(b"/");
    let bits = match host {
        Host::Unix => (attributes >> 16) & TYPE_BITS,
        Host::Dos | Host::Other => 0,
    };
    match bits {
        TYPE_PIPE if size > 0 && !has_slash => CentralKind::File,
        TYPE_PIPE | TYPE_CHARACTER_DEVICE | TYPE_BLOCK_DEVICE | TYPE_SOCKET => CentralKind::Special,
        TYPE_LINK if has_slash => CentralKind::Special,
        TYPE_LINK => CentralKind::Link,
        TYPE_FOLDER => CentralKind::Folder,
        _ if has_slash || (host == Host::Dos && attributes & DOS_FOLDER != 0) => {
            CentralKind::Folder
        }
        _ => CentralKind::File,
    }
}

/// The permissions in the attributes, or the default ones.
pub(super) fn mode(kind: CentralKind, host: Host, attributes: u32) -> Mode {
    let bits = attributes >> 16;
    let is_given = match kind {
        CentralKind::Folder => bits & TYPE_BITS == TYPE_FOLDER,
        _ => bits != 0,
    };
    Mode::from_bits(match (host, kind) {
        (Host::Unix, _) if is_given => bits,
        (_, CentralKind::Folder) => 0o755,
        (Host::Dos, _) if attributes & DOS_READ_ONLY != 0 => 0o444,
        _ => 0o644,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let of = |path: &str, host, attributes| kind(path.as_bytes(), host, attributes, 0);
        let unix = |path: &str, bits: u32| of(path, Host::Unix, bits << 16);
        assert_eq!(of("a/", Host::Dos, 0), CentralKind::Folder);
        assert_eq!(of("a", Host::Dos, DOS_FOLDER), CentralKind::Folder);
        assert_eq!(of("a", Host::Dos, 0), CentralKind::File);
        assert_eq!(unix("a", 0o040_755), CentralKind::Folder);
        assert_eq!(unix("a", 0o120_777), CentralKind::Link);
        assert_eq!(unix("a/", 0o120_777), CentralKind::Special);
        assert_eq!(unix("a", 0o010_644), CentralKind::Special);
        assert_eq!(unix("a", 0o600), CentralKind::File);
        // Unknown types are ignored.
        assert_eq!(unix("a/", 0o177_777), CentralKind::Folder);
        assert_eq!(unix("a", 0o177_777), CentralKind::File);
        // Info-ZIP's standard input.
        let piped = kind(b"-", Host::Unix, 0o010_600 << 16, 1);
        assert_eq!(piped, CentralKind::File);
    }

    #[test]
    fn modes_are_those_given_or_the_usual_ones() {
        let mode = |kind, host, attributes| mode(kind, host, attributes).bits();
        assert_eq!(mode(CentralKind::File, Host::Unix, 0o104_755 << 16), 0o755);
        assert_eq!(mode(CentralKind::File, Host::Unix, 0o100_000 << 16), 0);
        assert_eq!(mode(CentralKind::File, Host::Unix, 0), 0o644);
        assert_eq!(mode(CentralKind::File, Host::Dos, DOS_READ_ONLY), 0o444);
        assert_eq!(mode(CentralKind::Folder, Host::Unix, 0o600 << 16), 0o755);
        assert_eq!(
            mode(CentralKind::Folder, Host::Unix, 0o040_700 << 16),
            0o700
        );
    }
}
