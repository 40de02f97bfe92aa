//! The first line of a file that only its owner can read: how secrets and passwords are kept in files.

use crate::cli::error::Error;
use crate::cli::platform;
use crate::crypto::MAX_SECRET_LENGTH;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The first line with its end, or as much of it as shows that it is too long. The open file is looked
/// at, not its name, so that nobody can swap it in between. What is returned is to be wiped.
///
/// # Errors
/// [`Error::SecretExposed`], or what `unreadable` makes of what the system says.
pub(crate) fn first_line(
    path: &Path,
    unreadable: impl Fn(PathBuf, io::Error) -> Error,
) -> Result<Vec<u8>, Error> {
    let failed = |source| unreadable(path.to_owned(), source);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if platform::others_can_read(&metadata) {
        return Err(Error::SecretExposed {
            path: path.to_owned(),
        });
    }
    line_of(file).map_err(failed)
}

fn line_of(file: File) -> io::Result<Vec<u8>> {
    const ENOUGH: usize = MAX_SECRET_LENGTH + 2;
    // As large as it can get, so that growing leaves no piece of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(ENOUGH + 1));
    file.take(ENOUGH as u64).read_to_end(&mut bytes)?;
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        bytes.truncate(end + 1);
    }
    Ok(std::mem::take(&mut *bytes))
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
    fn endless_files_are_read_only_as_far_as_a_secret_may_reach() {
        assert_eq!(line(&[b'x'; 100_000]).len(), 1026);
    }
}
