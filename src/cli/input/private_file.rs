//! Private files, which only their owner can read and change. Secrets and passwords are read only from these.

use crate::cli::error::{CliError, CredentialKind};
use crate::cli::output::console::Console;
use crate::cli::output::format;
use crate::cli::{environment, platform};
use crate::crypto::MAX_SECRET_LENGTH;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where Docker and Podman put the secrets of a container. As with systemd's credentials, the system chooses their
/// modes.
const CONTAINER_SECRETS: &str = "/run/secrets";

/// Some editors write this before a text in UTF-8. It is never part of a secret.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Opens a file with a secret. Checks its owner, its mode and its folder after opening it, so that nobody can swap
/// it in between. For pipes and terminals the mode does not matter.
///
/// # Errors
/// [`CliError::SecretExposed`] or [`CliError::CredentialFile`].
pub(crate) fn open(path: &Path, kind: CredentialKind) -> Result<(File, Metadata), CliError> {
    let failed = unreadable(path, kind);
    let file = File::open(path).map_err(&failed)?;
    let metadata = file.metadata().map_err(&failed)?;
    if metadata.is_file() {
        let place = path.canonicalize().map_err(&failed)?;
        let folder = match place.parent() {
            Some(folder) => Some(folder.metadata().map_err(&failed)?),
            None => None,
        };
        let exposure = platform::exposure(&metadata, folder.as_ref(), is_mounted_secret(&place));
        if let Some(exposure) = exposure {
            return Err(CliError::SecretExposed {
                path: path.to_owned(),
                exposure,
            });
        }
    }
    Ok((file, metadata))
}

/// Warns if a group may write to the file's folder, because its members could replace the file. It is not refused,
/// since on some systems each user has a group of their own.
pub(crate) fn warn_of_folder(path: &Path, console: &Console) {
    let is_regular = path.metadata().is_ok_and(|found| found.is_file());
    let place = path.canonicalize().ok().filter(|_| is_regular);
    let Some(folder) = place.as_deref().and_then(Path::parent) else {
        return;
    };
    if folder
        .metadata()
        .is_ok_and(|folder| platform::is_open_to_a_group(&folder))
    {
        let (folder, path) = (format::path(folder), format::path(path));
        console.warn(&format!(
            "the group of {folder} may put another file in the place of {path}: take the right to write \
             away with chmod g-w"
        ));
    }
}

/// Whether the system handed the file to this process as a secret.
fn is_mounted_secret(place: &Path) -> bool {
    let credentials = environment::credentials_directory();
    let folders = [Some(PathBuf::from(CONTAINER_SECRETS)), credentials];
    let mut folders = folders.into_iter().flatten();
    folders.any(|folder| {
        folder
            .canonicalize()
            .is_ok_and(|folder| place.starts_with(folder))
    })
}

/// The first line of a private file with its line end, or enough of it to show that it is too long. The caller
/// wipes it from memory.
///
/// # Errors
/// As [`open`].
pub(crate) fn first_line(path: &Path, kind: CredentialKind) -> Result<Vec<u8>, CliError> {
    let (file, _) = open(path, kind)?;
    line_of(file).map_err(unreadable(path, kind))
}

/// Makes the error for a file that cannot be read, from the system's error.
pub(crate) fn unreadable(path: &Path, kind: CredentialKind) -> impl Fn(io::Error) -> CliError {
    move |source| CliError::CredentialFile {
        kind,
        path: path.to_owned(),
        source,
    }
}

fn line_of(file: File) -> io::Result<Vec<u8>> {
    const ENOUGH: usize = MAX_SECRET_LENGTH + 2 + BYTE_ORDER_MARK.len();
    // Allocated at full size, because a growing buffer would leave pieces of the secret in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(ENOUGH + 1));
    file.take(ENOUGH as u64).read_to_end(&mut bytes)?;
    without_byte_order_mark(&mut bytes);
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        bytes.truncate(end + 1);
    }
    Ok(std::mem::take(&mut *bytes))
}

/// Removes a byte order mark from the beginning.
pub(crate) fn without_byte_order_mark(bytes: &mut Vec<u8>) {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        line_of(File::open(path).unwrap()).unwrap()
    }

    #[test]
    fn only_the_first_line_counts() {
        assert_eq!(line(b"word\r\nmore\n"), b"word\r\n");
        assert_eq!(line(b"word"), b"word");
        assert_eq!(line(b""), b"");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_secret() {
        assert_eq!(line(b"\xef\xbb\xbfword\n"), b"word\n");
        assert_eq!(line(b"\xef\xbbword"), b"\xef\xbbword");
    }

    #[test]
    fn endless_files_are_read_only_as_far_as_a_secret_may_reach() {
        assert_eq!(line(&[b'x'; 100_000]).len(), 1029);
    }

    #[cfg(unix)]
    mod unix {
        use super::super::*;
        use crate::cli::error::Exposure;
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt;

        fn exposure(path: &Path) -> Option<Exposure> {
            match open(path, CredentialKind::Secret) {
                Ok(_) => None,
                Err(CliError::SecretExposed { exposure, .. }) => Some(exposure),
                Err(error) => panic!("{error}"),
            }
        }

        fn set_mode(path: &Path, mode: u32) {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }

        #[test]
        fn a_file_that_others_can_read_or_write_is_refused() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, "word").unwrap();
            for (mode, expected) in [
                (0o600, None),
                (0o400, None),
                (0o700, None),
                (0o640, Some(Exposure::Readable)),
                (0o604, Some(Exposure::Readable)),
                (0o620, Some(Exposure::Writable)),
                (0o602, Some(Exposure::Writable)),
                (0o622, Some(Exposure::Writable)),
            ] {
                set_mode(&path, mode);
                assert_eq!(exposure(&path), expected, "{mode:o}");
            }
        }

        #[test]
        fn a_folder_in_which_others_can_replace_the_file_is_refused() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, "word").unwrap();
            set_mode(&path, 0o600);
            for (mode, expected) in [
                (0o755, None),
                (0o1777, None),
                (0o777, Some(Exposure::Folder)),
                (0o702, Some(Exposure::Folder)),
            ] {
                set_mode(folder.path(), mode);
                assert_eq!(exposure(&path), expected, "{mode:o}");
            }
            // A link to it from a private folder does not make it safe.
            let own = tempfile::tempdir().unwrap();
            let link = own.path().join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert_eq!(exposure(&link), Some(Exposure::Folder));
        }

        #[test]
        fn a_file_of_a_third_user_is_refused() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, "word").unwrap();
            set_mode(&path, 0o600);
            if std::os::unix::fs::chown(&path, Some(12345), None).is_err() {
                eprintln!("not tested: only root can give files away");
                return;
            }
            assert_eq!(exposure(&path), Some(Exposure::ForeignOwner));
        }

        #[test]
        fn pipes_devices_and_folders_have_no_mode_that_counts() {
            assert_eq!(exposure(Path::new("/dev/null")), None);
            assert_eq!(exposure(Path::new("/tmp")), None);
        }
    }
}
