//! The code of one meeting: `4271-anvil-tundra-lemon`.
//!
//! The number is the public [`Channel`], by which two peers find each other on a network. The words are
//! the secret: 27 bits, enough for the five guesses that a meeting allows. The whole text goes into
//! CPace.

use super::credential_error::CredentialError;
use super::random::{RandomError, random_bytes};
use super::secret::Secret;
use super::words;
use crate::model::{escaped, nearest, number16};
use std::fmt;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// Channels have four digits, so that a missing one is noticed.
const CHANNELS: RangeInclusive<u16> = 1000..=9999;

/// Words in a code.
const CODE_WORDS: usize = 3;

/// Length of the longest code in canonical form, in bytes.
const LONGEST_CODE: usize = 4 + CODE_WORDS * (1 + words::LONGEST_WORD);

/// Most characters of a mistyped word that an error repeats.
const SHOWN_LETTERS: usize = 32;

/// The public number of a meeting: it tells which peers belong together, and is sent in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Channel(u16);

impl Channel {
    /// The channel with this number, 1000 to 9999.
    #[must_use]
    pub fn new(number: u16) -> Option<Channel> {
        CHANNELS.contains(&number).then_some(Channel(number))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// A channel chosen at random.
    fn random() -> Result<Channel, RandomError> {
        // Some channels are likelier than others by one part in 400,000. A channel is not secret, so this does
        // not matter.
        let draw = u64::from(u32::from_be_bytes(random_bytes()?));
        let count = u64::from(CHANNELS.end() - CHANNELS.start()) + 1;
        Ok(Channel(CHANNELS.start() + number16(draw % count)))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A code in canonical form: a channel and three words of the list, joined by `-`.
///
/// Its words are the secret: it can be shown only by [`MeetingCode::text`], and is wiped when dropped.
pub struct MeetingCode {
    text: Zeroizing<String>,
    channel: Channel,
}

impl MeetingCode {
    /// Makes a fresh code.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn generate() -> Result<MeetingCode, RandomError> {
        let phrase = words::random_phrase::<CODE_WORDS>()?;
        Ok(MeetingCode::join(Channel::random()?, phrase.split('-')))
    }

    /// Takes a code in canonical form, and nothing else: any other text may be a secret of the user's own.
    #[must_use]
    pub fn from_canonical(text: &str) -> Option<MeetingCode> {
        MeetingCode::from_input(text)
            .ok()
            .filter(|code| *code.text == *text)
    }

    /// Takes a code as a person types it: in any case, with blanks or any dashes between the words. A word may
    /// be cut short if only one word begins like that (five letters always suffice).
    ///
    /// # Errors
    /// [`CredentialError`] names what is wrong, and the nearest word.
    pub fn from_input(text: &str) -> Result<MeetingCode, CredentialError> {
        let text = Zeroizing::new(text.to_ascii_lowercase());
        let mut pieces = text.split(is_separator).filter(|piece| !piece.is_empty());
        let channel = channel(pieces.next().ok_or(CredentialError::CodeEmpty)?)?;
        let mut chosen = [""; CODE_WORDS];
        for (index, word) in chosen.iter_mut().enumerate() {
            let piece = pieces
                .next()
                .ok_or(CredentialError::CodeTooFewWords(index))?;
            *word = expand(piece)?;
        }
        match pieces.next() {
            None => Ok(MeetingCode::join(channel, chosen.into_iter())),
            Some(_) => Err(CredentialError::CodeTooManyWords),
        }
    }

    /// The whole code, for the person who shares it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The public part.
    #[must_use]
    pub(crate) fn channel(&self) -> Channel {
        self.channel
    }

    /// The whole code as the secret to meet with.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        Secret::from_phrase(self.text.clone())
    }

    fn join<'a>(channel: Channel, words: impl Iterator<Item = &'a str>) -> MeetingCode {
        // Room for the longest code, so that growing leaves no piece of a secret behind.
        let mut text = Zeroizing::new(String::with_capacity(LONGEST_CODE));
        text.push_str(&channel.to_string());
        for word in words {
            text.push('-');
            text.push_str(word);
        }
        MeetingCode { text, channel }
    }
}

/// Completions for the last word of an unfinished code, in alphabetical order: none while the number or a
/// fourth word is typed.
#[must_use]
pub fn complete_code(input: &str) -> Vec<&'static str> {
    let input = Zeroizing::new(input.to_ascii_lowercase());
    let mut pieces: Vec<&str> = input.split(is_separator).collect();
    let last = pieces.pop().unwrap_or_default();
    match pieces.iter().filter(|piece| !piece.is_empty()).count() {
        1..=CODE_WORDS => words::beginning_with(last).collect(),
        _ => Vec::new(),
    }
}

fn channel(piece: &str) -> Result<Channel, CredentialError> {
    let is_number = piece.bytes().all(|digit| digit.is_ascii_digit());
    let number = piece.parse().ok().filter(|_| is_number);
    number
        .and_then(Channel::new)
        .ok_or(CredentialError::CodeChannel)
}

/// The one word of the list that begins with `piece`.
fn expand(piece: &str) -> Result<&'static str, CredentialError> {
    let mut candidates = words::beginning_with(piece);
    match (candidates.next(), candidates.next()) {
        (Some(word), None) => Ok(word),
        (Some(one), Some(other)) => Err(CredentialError::CodeAmbiguous {
            piece: shown(piece),
            candidates: [one, other],
        }),
        _ => Err(CredentialError::CodeUnknownWord {
            piece: shown(piece),
            nearest: nearest(piece, words::all()),
        }),
    }
}

/// Blanks, and the dashes that programs substitute for the plain one.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '-' | '_' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}'
        )
}

fn shown(piece: &str) -> String {
    let short: String = piece.chars().take(SHOWN_LETTERS).collect();
    escaped(short.as_bytes())
}

#[cfg(test)]
mod tests;
