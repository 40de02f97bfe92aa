//! The password of a zip archive. It is not the secret of a connection.

use super::credential_error::CredentialError;
use super::secret::{MAX_SECRET_LENGTH, Secret, without_line_end};
use zeroize::Zeroizing;

/// Longest password of a new archive, in bytes: the most that 7-Zip and WinZip accept.
pub const MAX_NEW_PASSWORD_LENGTH: usize = 99;

/// The password of a zip archive: 1 to 1024 bytes, and at most 99 for a new archive.
///
/// It has neither `Debug`, `Clone` nor `PartialEq`, and is wiped when dropped.
///
/// ```
/// use peerbridge::ArchivePassword;
///
/// let password = ArchivePassword::from_text("a long and unlikely sentence")?.for_making()?;
/// # Ok::<(), peerbridge::CredentialError>(())
/// ```
pub struct ArchivePassword(Zeroizing<Vec<u8>>);

impl ArchivePassword {
    /// Takes text that a person typed or a file held. One line end (`\n` or `\r\n`) at its end is
    /// dropped; every other byte counts. Pass a `String` or `Vec` by value and no copy is left: it is
    /// wiped, also on an error.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] if the text is empty or longer than 1024 bytes.
    pub fn from_text(text: impl Into<Vec<u8>>) -> Result<ArchivePassword, CredentialError> {
        let text = without_line_end(text);
        match text.len() {
            0 => Err(CredentialError::PasswordEmpty),
            1..=MAX_SECRET_LENGTH => Ok(ArchivePassword(text)),
            _ => Err(CredentialError::PasswordTooLong {
                limit: MAX_SECRET_LENGTH,
            }),
        }
    }

    /// Checks that a new archive can have this password.
    ///
    /// # Errors
    ///
    /// [`CredentialError::PasswordTooLong`] for more than 99 bytes.
    pub fn for_making(self) -> Result<ArchivePassword, CredentialError> {
        match self.0.len() {
            0..=MAX_NEW_PASSWORD_LENGTH => Ok(self),
            _ => Err(CredentialError::PasswordTooLong {
                limit: MAX_NEW_PASSWORD_LENGTH,
            }),
        }
    }

    /// Whether it equals the secret of a connection. It should not: anyone who has the archive can try
    /// passwords on it offline, and would then know the secret.
    #[must_use]
    pub fn is_same_as(&self, secret: &Secret) -> bool {
        self.as_bytes() == secret.as_bytes()
    }

    /// The bytes. Wipe every copy that you make of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &[u8]) -> Result<Vec<u8>, CredentialError> {
        ArchivePassword::from_text(text).map(|password| password.as_bytes().to_vec())
    }

    #[test]
    fn exactly_one_line_end_does_not_count() {
        assert_eq!(bytes(b"word\n").unwrap(), b"word");
        assert_eq!(bytes(b"word\r\n").unwrap(), b"word");
        assert_eq!(bytes(b"word\n\n").unwrap(), b"word\n");
        assert_eq!(bytes(b" W\xff\0").unwrap(), b" W\xff\0");
    }

    #[test]
    fn empty_and_overlong_passwords_are_refused() {
        for text in [b"".as_slice(), b"\n", b"\r\n"] {
            assert_eq!(bytes(text), Err(CredentialError::PasswordEmpty));
        }
        assert_eq!(bytes(&[b'x'; 1024]).unwrap().len(), 1024);
        assert_eq!(
            bytes(&[b'x'; 1025]),
            Err(CredentialError::PasswordTooLong { limit: 1024 })
        );
    }

    #[test]
    fn a_new_archive_takes_only_passwords_that_every_program_accepts() {
        let fits = |length| {
            let password = ArchivePassword::from_text(vec![b'x'; length]).unwrap();
            password.for_making().is_ok()
        };
        assert!(fits(MAX_NEW_PASSWORD_LENGTH));
        assert!(!fits(MAX_NEW_PASSWORD_LENGTH + 1));
    }
}
