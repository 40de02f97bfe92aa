//! Why a text is not a valid secret, archive password, meeting code or key.

use crate::model::limits;
use std::fmt;

/// Why a text is not a valid secret, archive password, meeting code or key for one-time codes.
///
/// ```
/// use peerbridge::{CredentialError, Secret};
///
/// assert_eq!(Secret::from_text("").err(), Some(CredentialError::SecretEmpty));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialError {
    /// The secret is empty, not counting a line end.
    SecretEmpty,
    /// The secret has more than 1024 bytes.
    SecretTooLong,
    /// The secret has a NUL byte: it is probably UTF-16 or not text at all.
    SecretNul,
    /// The archive's password is empty, not counting a line end.
    PasswordEmpty,
    /// The archive's password is too long.
    PasswordTooLong {
        /// Most bytes that it may have.
        limit: usize,
    },
    /// The code is empty.
    CodeEmpty,
    /// The code does not begin with a number from 1000 to 9999.
    CodeChannel,
    /// The code has only this many words, fewer than three.
    CodeTooFewWords(usize),
    /// The code has more than three words.
    CodeTooManyWords,
    /// The word list of codes does not have this word.
    CodeUnknownWord {
        /// The word, safe to show.
        piece: String,
        /// The most similar word of the list, if one is near.
        nearest: Option<&'static str>,
    },
    /// More than one word of codes begins like this.
    CodeAmbiguous {
        /// What was typed, safe to show.
        piece: String,
        /// Two of the words.
        candidates: [&'static str; 2],
    },
    /// The key for one-time codes has a character that Base32 does not have.
    KeyNotBase32,
    /// The key for one-time codes has fewer than 128 bits.
    KeyTooShort,
    /// The key for one-time codes has more than 512 bits.
    KeyTooLong,
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use CredentialError as Fault;
        let text = match self {
            Fault::SecretEmpty => "the secret is empty",
            Fault::SecretTooLong => {
                return write!(
                    f,
                    "the secret is longer than {} bytes",
                    limits::SECRET_BYTES
                );
            }
            Fault::SecretNul => {
                "the secret has a NUL byte, so its file is not plain text; if it is UTF-16, save it as UTF-8"
            }
            Fault::PasswordEmpty => "the archive's password is empty",
            Fault::PasswordTooLong { limit } => {
                return write!(f, "the archive's password is longer than {limit} bytes");
            }
            Fault::CodeEmpty => "the code is empty",
            Fault::CodeChannel => "a code begins with a number of four digits",
            Fault::CodeTooFewWords(count) => {
                return write!(
                    f,
                    "a code has three words after its number, and here are {count}"
                );
            }
            Fault::CodeTooManyWords => "a code ends after its third word",
            Fault::CodeUnknownWord { piece, nearest } => {
                write!(f, "no code has the word {piece}")?;
                return nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"));
            }
            Fault::CodeAmbiguous { piece, candidates } => {
                let [one, other] = candidates;
                return write!(f, "{piece} may be {one} or {other}: type more of it");
            }
            Fault::KeyNotBase32 => "the key for one-time codes is not Base32 (A to Z, 2 to 7)",
            Fault::KeyTooShort => "the key for one-time codes has fewer than 26 characters",
            Fault::KeyTooLong => "the key for one-time codes has more than 103 characters",
        };
        f.write_str(text)
    }
}

impl std::error::Error for CredentialError {}
