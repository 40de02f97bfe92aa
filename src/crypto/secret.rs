//! The secret that both peers know.

use super::credential_error::CredentialError;
use super::mac::hmac_sha256;
use super::random::RandomError;
use super::words;
use crate::model::{len32, limits};
use hmac::Mac;
use zeroize::Zeroizing;

/// Longest secret, in bytes.
pub const MAX_SECRET_LENGTH: usize = limits::SECRET_BYTES;

/// Words of a generated secret: 45 bits. An attacker has one guess a connection.
const GENERATED_WORDS: usize = 5;

/// A secret that seems to have fewer bits may be guessed within a year at ten guesses a second, the rate that a
/// listener answers.
const BITS_TO_STAND_GUESSING: usize = 35;

/// The secret that two peers share: a word, a sentence, or any 1 to 1024 bytes without a NUL.
///
/// It has neither `Debug`, `Clone` nor `PartialEq`, and is wiped when dropped.
///
/// ```
/// use peerbridge::{Secret, CredentialError};
///
/// assert!(Secret::from_text("correct horse battery\n").is_ok());
/// assert_eq!(Secret::from_text("").err(), Some(CredentialError::SecretEmpty));
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes text that a person typed or a file held. One line end (`\n` or `\r\n`) at its end is
    /// dropped. Every other byte counts, so case and spaces matter. Pass a `String` or `Vec` by value and
    /// no copy is left: it is wiped, also on an error.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] if the text is empty, is too long, or has a NUL byte.
    pub fn from_text(text: impl Into<Vec<u8>>) -> Result<Secret, CredentialError> {
        let text = without_line_end(text);
        match text.len() {
            0 => Err(CredentialError::SecretEmpty),
            1..=MAX_SECRET_LENGTH if text.contains(&0) => Err(CredentialError::SecretNul),
            1..=MAX_SECRET_LENGTH => Ok(Secret(text)),
            _ => Err(CredentialError::SecretTooLong),
        }
    }

    /// Makes a new random secret that is easy to say aloud.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the operating system has no random bytes.
    pub(crate) fn generate() -> Result<GeneratedSecret, RandomError> {
        Ok(GeneratedSecret {
            text: words::random_phrase::<GENERATED_WORDS>()?,
        })
    }

    /// Takes words of the word list joined by `-`.
    pub(super) fn from_phrase(mut phrase: Zeroizing<String>) -> Secret {
        Secret(Zeroizing::new(std::mem::take(&mut *phrase).into_bytes()))
    }

    /// A key as a secret in text form.
    pub(super) fn from_key(digits: &[u8; 64]) -> Secret {
        Secret(Zeroizing::new(digits.to_vec()))
    }

    /// Whether this is the same secret, in constant time.
    #[must_use]
    pub(crate) fn is(&self, other: &Secret) -> bool {
        let tag = |secret: &Secret| {
            let mut mac = hmac_sha256(b"");
            mac.update(secret.as_bytes());
            mac
        };
        let other = tag(other).finalize().into_bytes();
        tag(self).verify_slice(&other).is_ok()
    }

    /// Whether it looks like something that people choose and attackers guess: a word, a name, a year.
    pub(crate) fn looks_weak(&self) -> bool {
        let runs = self.0.chunk_by(|one, next| kind_of(*one) == kind_of(*next));
        let tenths: usize = runs.map(tenths_of_bits).sum();
        tenths < BITS_TO_STAND_GUESSING * 10
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The kind of a character: letter, digit or anything else. A run consists of one kind.
fn kind_of(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => 0,
        _ if byte.is_ascii_alphabetic() || !byte.is_ascii() => 1,
        _ => 2,
    }
}

/// The estimated entropy of a run of characters of one kind, in tenths of a bit: a word is one of two thousand,
/// however long it is.
fn tenths_of_bits(run: &[u8]) -> usize {
    const WORD: usize = 110;
    // A repeated character adds nothing.
    let length = 1 + run.windows(2).filter(|pair| pair[0] != pair[1]).count();
    match run.first().map(|byte| kind_of(*byte)) {
        Some(0) => 33 * length,
        Some(1) => WORD.min(47 * length),
        _ => 20 * length,
    }
}

/// Takes secret text without one line end (`\n` or `\r\n`) at its end.
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

/// A new secret as words joined by `-`: the only kind that may be shown. Wiped when dropped.
pub struct GeneratedSecret {
    text: Zeroizing<String>,
}

impl GeneratedSecret {
    /// The words, to show to the person who asked for them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Entropy of the secret, in bits.
    #[must_use]
    pub fn bits(&self) -> u32 {
        len32(GENERATED_WORDS) * words::BITS_PER_WORD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &[u8]) -> Result<Vec<u8>, CredentialError> {
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
            assert_eq!(bytes(text), Err(CredentialError::SecretEmpty));
        }
    }

    #[test]
    fn one_to_1024_bytes_are_taken() {
        assert_eq!(bytes(b"x").unwrap().len(), 1);
        assert_eq!(bytes(&[b'x'; 1024]).unwrap().len(), 1024);
        assert_eq!(bytes(&[b'x'; 1025]), Err(CredentialError::SecretTooLong));
        assert_eq!(
            bytes(&[[b'x'; 1024].as_slice(), b"\r\n"].concat())
                .unwrap()
                .len(),
            1024
        );
    }

    #[test]
    fn text_of_another_encoding_is_refused() {
        assert_eq!(bytes(b"w\0o\0r\0d\0"), Err(CredentialError::SecretNul));
    }

    #[test]
    fn what_people_choose_in_a_hurry_looks_weak() {
        let looks_weak = |text: &str| Secret::from_text(text).unwrap().looks_weak();
        let weak = [
            "x",
            "secret",
            "Passw0rd",
            "orbit2026",
            "12345678",
            "velvet-candle",
            "aaaaaaaaaaaaaaaa",
        ];
        for text in weak {
            assert!(looks_weak(text), "{text}");
        }
        let strong = [
            "correct horse battery",
            "orbit-velvet-Zq7-candle",
            "x7Kq9wTb2mRv",
            "918273645501",
        ];
        for text in strong {
            assert!(!looks_weak(text), "{text}");
        }
        for _ in 0..100 {
            let generated = Secret::generate().unwrap();
            assert!(!looks_weak(generated.text()), "{}", generated.text());
        }
    }

    #[test]
    fn a_generated_secret_connects_with_what_it_shows() {
        let generated = Secret::generate().unwrap();
        assert!(generated.bits() >= 40);
        let shown = generated.text().to_owned();
        assert_eq!(
            Secret::from_text(generated.text()).unwrap().as_bytes(),
            shown.as_bytes()
        );
    }
}
