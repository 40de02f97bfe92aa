//! What an archive is encrypted with, apart from the word of a connection.

use super::secret::{MAX_SECRET_LENGTH, Secret, without_line_end};
use std::fmt;
use zeroize::Zeroizing;

/// The longest password of an archive that is made, in bytes: 7-Zip and WinZip take no longer one, and an
/// archive is for everybody's program.
pub const MAX_NEW_PASSWORD_LENGTH: usize = 99;

/// The password of an archive: 1 to 1024 bytes.
///
/// It can be neither shown nor copied nor compared, and is wiped when dropped.
pub struct ArchivePassword(Zeroizing<Vec<u8>>);

impl ArchivePassword {
    /// Takes what a person typed or a file held. One line end (`\n` or `\r\n`) at its end does not
    /// count, every other byte does. Give the text away where it can be, and no copy of it is left: it
    /// is wiped, also on an error.
    ///
    /// # Errors
    ///
    /// [`PasswordError`] for a text without a byte or with too many of them.
    pub fn from_text(text: impl Into<Vec<u8>>) -> Result<ArchivePassword, PasswordError> {
        let text = without_line_end(text);
        match text.len() {
            0 => Err(PasswordError::Empty),
            1..=MAX_SECRET_LENGTH => Ok(ArchivePassword(text)),
            _ => Err(PasswordError::TooLong {
                limit: MAX_SECRET_LENGTH,
            }),
        }
    }

    /// The same, if an archive may be made with it.
    ///
    /// # Errors
    ///
    /// [`PasswordError::TooLong`] beyond [`MAX_NEW_PASSWORD_LENGTH`].
    pub fn for_making(self) -> Result<ArchivePassword, PasswordError> {
        match self.0.len() {
            0..=MAX_NEW_PASSWORD_LENGTH => Ok(self),
            _ => Err(PasswordError::TooLong {
                limit: MAX_NEW_PASSWORD_LENGTH,
            }),
        }
    }

    /// Whether it is also the word of a connection, which it should not be: whoever has an archive can try
    /// words on it without end.
    #[must_use]
    pub fn is_same_as(&self, secret: &Secret) -> bool {
        self.as_bytes() == secret.as_bytes()
    }

    /// The bytes, for whoever seals or opens an archive with them; a copy that is made of them must be
    /// wiped.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Why a text is no password of an archive; the doing of whoever gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// Nothing is left once the line end is taken off.
    Empty,
    /// It has too many bytes.
    TooLong {
        /// How many it may have.
        limit: usize,
    },
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordError::Empty => f.write_str("the archive's password is empty"),
            PasswordError::TooLong { limit } => {
                write!(f, "the archive's password is longer than {limit} bytes")
            }
        }
    }
}

impl std::error::Error for PasswordError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &[u8]) -> Result<Vec<u8>, PasswordError> {
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
    fn empty_and_endless_passwords_are_refused() {
        for text in [b"".as_slice(), b"\n", b"\r\n"] {
            assert_eq!(bytes(text), Err(PasswordError::Empty));
        }
        assert_eq!(bytes(&[b'x'; 1024]).unwrap().len(), 1024);
        assert_eq!(
            bytes(&[b'x'; 1025]),
            Err(PasswordError::TooLong { limit: 1024 })
        );
    }

    #[test]
    fn an_archive_is_made_only_with_what_every_program_takes() {
        let fits = |length| {
            let password = ArchivePassword::from_text(vec![b'x'; length]).unwrap();
            password.for_making().is_ok()
        };
        assert!(fits(MAX_NEW_PASSWORD_LENGTH));
        assert!(!fits(MAX_NEW_PASSWORD_LENGTH + 1));
    }
}
