//! The word that both peers know.

use super::random::RandomError;
use super::words;
use crate::model::{len32, limits};
use std::fmt;
use zeroize::Zeroizing;

/// The longest secret, in bytes.
pub const MAX_SECRET_LENGTH: usize = limits::SECRET_BYTES;

/// How many words a generated secret has: 45 bits, one guess a connection.
const GENERATED_WORDS: usize = 5;

/// The word, or any bytes, that two peers share: 1 to [`MAX_SECRET_LENGTH`] of them.
///
/// It can be neither shown nor copied nor compared, and is wiped when dropped.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes what a person typed or a file held. One line end (`\n` or `\r\n`) at its end does not
    /// count; every other byte does, so case and blanks matter. Give the text away where it can be, and
    /// no copy of it is left: it is wiped, also on an error.
    ///
    /// # Errors
    ///
    /// [`SecretError`] for a text without a byte, with too many of them or with a NUL among them.
    pub fn from_text(text: impl Into<Vec<u8>>) -> Result<Secret, SecretError> {
        let text = without_line_end(text);
        match text.len() {
            0 => Err(SecretError::Empty),
            1..=MAX_SECRET_LENGTH if text.contains(&0) => Err(SecretError::Nul),
            1..=MAX_SECRET_LENGTH => Ok(Secret(text)),
            _ => Err(SecretError::TooLong),
        }
    }

    /// Makes a fresh secret that is easy to say aloud.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the operating system has no random bytes.
    pub fn generate() -> Result<GeneratedSecret, RandomError> {
        Ok(GeneratedSecret {
            text: words::random_phrase::<GENERATED_WORDS>()?,
        })
    }

    /// Takes words of the list joined by `-`.
    pub(super) fn from_phrase(mut phrase: Zeroizing<String>) -> Secret {
        Secret(Zeroizing::new(std::mem::take(&mut *phrase).into_bytes()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Takes text that is to stay secret, less one line end (`\n` or `\r\n`) at its end.
pub(super) fn without_line_end(text: impl Into<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(text.into());
    if text.ends_with(b"\n") {
        text.pop();
        if text.ends_with(b"\r") {
            text.pop();
        }
    }
    text
}

/// A fresh secret as words joined by `-`; the one kind that may be shown. Wiped when dropped.
pub struct GeneratedSecret {
    text: Zeroizing<String>,
}

impl GeneratedSecret {
    /// The words, to be shown to the person who asked for them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How strong it is: the binary logarithm of how many secrets it was chosen among.
    #[must_use]
    pub fn bits(&self) -> u32 {
        len32(GENERATED_WORDS) * words::BITS_PER_WORD
    }

    /// The same words as a secret to connect with.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        Secret::from_phrase(self.text)
    }
}

/// Why a text is no secret; the doing of whoever gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretError {
    /// Nothing is left once the line end is taken off.
    Empty,
    /// More than [`MAX_SECRET_LENGTH`] bytes.
    TooLong,
    /// There is a NUL byte in it: the text is UTF-16 or no text, and the peer's would hardly match.
    Nul,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretError::Empty => f.write_str("the secret is empty"),
            SecretError::TooLong => {
                write!(f, "the secret is longer than {MAX_SECRET_LENGTH} bytes")
            }
            SecretError::Nul => {
                f.write_str("the secret has a NUL byte in it, so it is no plain text")
            }
        }
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &[u8]) -> Result<Vec<u8>, SecretError> {
        Secret::from_text(text).map(|secret| secret.as_bytes().to_vec())
    }

    #[test]
    fn exactly_one_line_end_does_not_count() {
        assert_eq!(bytes(b"word").unwrap(), b"word");
        assert_eq!(bytes(b"word\n").unwrap(), b"word");
        assert_eq!(bytes(b"word\r\n").unwrap(), b"word");
        assert_eq!(bytes(b"word\n\n").unwrap(), b"word\n");
        assert_eq!(bytes(b"word\r").unwrap(), b"word\r");
        assert_eq!(bytes(b"word \n").unwrap(), b"word ");
        assert_eq!(bytes(b"\n\n").unwrap(), b"\n");
    }

    #[test]
    fn every_other_byte_is_kept() {
        assert_eq!(bytes(b" Word\t\xff").unwrap(), b" Word\t\xff");
    }

    #[test]
    fn empty_secrets_are_refused() {
        for text in [b"".as_slice(), b"\n", b"\r\n"] {
            assert_eq!(bytes(text), Err(SecretError::Empty));
        }
    }

    #[test]
    fn one_to_1024_bytes_are_taken() {
        assert_eq!(bytes(b"x").unwrap().len(), 1);
        assert_eq!(bytes(&[b'x'; 1024]).unwrap().len(), 1024);
        assert_eq!(bytes(&[b'x'; 1025]), Err(SecretError::TooLong));
        assert_eq!(
            bytes(&[[b'x'; 1024].as_slice(), b"\r\n"].concat())
                .unwrap()
                .len(),
            1024
        );
    }

    #[test]
    fn text_of_another_encoding_is_refused() {
        assert_eq!(bytes(b"w\0o\0r\0d\0"), Err(SecretError::Nul));
    }

    #[test]
    fn a_generated_secret_connects_with_what_it_shows() {
        let generated = Secret::generate().unwrap();
        assert!(generated.bits() >= 40);
        let shown = generated.text().to_owned();
        assert_eq!(generated.into_secret().as_bytes(), shown.as_bytes());
    }
}
