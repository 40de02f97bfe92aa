//! One-time codes from a clock and a shared key (TOTP, RFC 6238): SHA-1, 30 seconds, 6 digits, as in
//! authenticator apps.

use super::credential_error::CredentialError;
use crate::crypto::random::{RandomError, random_bytes};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// Duration of one code, in seconds.
const STEP_SECONDS: u64 = 30;

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;

/// One more than the largest code.
const CODE_BOUND: u32 = 1_000_000;

/// Steps by which the other side's clock may be off, in each direction.
const DRIFT_STEPS: u64 = 1;

/// Length of a new key, in bytes, as RFC 4226 recommends for SHA-1.
const GENERATED_BYTES: usize = 20;

/// Shortest accepted key, in bytes: RFC 4226 demands 128 bits.
const SHORTEST_BYTES: usize = 16;

/// Longest accepted key, in bytes.
const LONGEST_BYTES: usize = 64;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The key that a server and an authenticator app share. It has no `Debug`, and is wiped when dropped.
pub struct TotpKey(Zeroizing<Vec<u8>>);

/// The number of 30-second steps from 1970 to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(u64);

impl TotpStep {
    /// The step of a time, in seconds since 1970.
    #[must_use]
    pub fn at(unix_seconds: u64) -> TotpStep {
        TotpStep(unix_seconds / STEP_SECONDS)
    }
}

impl TotpKey {
    /// A fresh key of 160 bits.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn generate() -> Result<TotpKey, RandomError> {
        let bytes = Zeroizing::new(random_bytes::<GENERATED_BYTES>()?);
        Ok(TotpKey(Zeroizing::new(bytes.to_vec())))
    }

    /// Reads a key in Base32 (RFC 4648), as apps show it: case, blanks, dashes and padding don't count.
    ///
    /// # Errors
    /// [`CredentialError`], which does not show the key.
    pub fn from_base32(text: &str) -> Result<TotpKey, CredentialError> {
        // At its largest size, so that growing leaves no piece of the key behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
        let (mut bits, mut count) = (0u32, 0);
        for character in text.bytes().filter(|byte| !b" -=".contains(byte)) {
            let upper = character.to_ascii_uppercase();
            let value = ALPHABET.iter().position(|known| *known == upper);
            let value = value.ok_or(CredentialError::KeyNotBase32)?;
            bits = bits << 5 | u32::try_from(value).unwrap_or_default();
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count & 0xff) as u8);
            }
            bits &= (1 << count) - 1;
        }
        match bytes.len() {
            0..SHORTEST_BYTES => Err(CredentialError::KeyTooShort),
            SHORTEST_BYTES..=LONGEST_BYTES => Ok(TotpKey(bytes)),
            _ => Err(CredentialError::KeyTooLong),
        }
    }

    /// The key in Base32, without padding: for the file of secrets and for typing it into an app.
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len().div_ceil(5) * 8));
        for group in self.0.chunks(5) {
            let mut bits = 0u64;
            for index in 0..5 {
                bits = bits << 8 | u64::from(*group.get(index).unwrap_or(&0));
            }
            for index in 0..(group.len() * 8).div_ceil(5) {
                let value = (bits >> (35 - 5 * index) & 31) as usize;
                text.push(char::from(ALPHABET[value]));
            }
        }
        text
    }

    /// The `otpauth://` URI for authenticator apps, for an account at `issuer`. The app shows both; characters
    /// that a URI cannot hold are escaped.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        let key = self.to_base32();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}",
            key.as_str()
        ))
    }

    /// The step of `code`, if it is near `now` and after `used`, the last step whose code was accepted, so that
    /// each code counts once. In constant time.
    #[must_use]
    pub fn step_of(&self, code: &[u8], now: TotpStep, used: Option<TotpStep>) -> Option<TotpStep> {
        let mut found = None;
        let steps = now.0.saturating_sub(DRIFT_STEPS)..=now.0.saturating_add(DRIFT_STEPS);
        for step in steps.map(TotpStep) {
            let is_same = is_same(code, self.code(step).as_bytes());
            if is_same && used.is_none_or(|used| step > used) {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step: RFC 4226, section 5.3.
    fn code(&self, step: TotpStep) -> Zeroizing<String> {
        let mut mac =
            Hmac::<Sha1>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&step.0.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = usize::from(hash[19] & 15);
        let four = [
            hash[offset],
            hash[offset + 1],
            hash[offset + 2],
            hash[offset + 3],
        ];
        let number = (u32::from_be_bytes(four) & 0x7fff_ffff) % CODE_BOUND;
        Zeroizing::new(format!("{number:0CODE_DIGITS$}"))
    }
}

/// Compares without stopping at the first difference.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differing == 0
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> TotpKey {
        TotpKey(Zeroizing::new(bytes.to_vec()))
    }

    /// RFC 6238, appendix B, cut to six digits.
    #[test]
    fn published_codes() {
        let key = key(b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(*key.code(TotpStep::at(seconds)), code, "{seconds}");
        }
    }

    /// The vectors of RFC 4648, section 10, that are long enough for keys, in both directions.
    #[test]
    fn base32_there_and_back() {
        assert_eq!(*key(b"foobar").to_base32(), "MZXW6YTBOI");
        assert_eq!(*key(b"foob").to_base32(), "MZXW6YQ");
        assert_eq!(*key(b"").to_base32(), "");
        for length in SHORTEST_BYTES..=LONGEST_BYTES {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 37 + length) as u8).collect();
            let text = key(&bytes).to_base32();
            assert_eq!(*TotpKey::from_base32(&text).unwrap().0, bytes);
        }
    }

    #[test]
    fn a_key_is_read_as_apps_show_it() {
        let plain = TotpKey::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let spaced = TotpKey::from_base32("gezd gnbv gy3t qojq-gezd gnbv gy3t qojq====").unwrap();
        assert_eq!(*plain.0, *b"12345678901234567890");
        assert_eq!(*plain.0, *spaced.0);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let fault = |text: &str| TotpKey::from_base32(text).err();
        assert_eq!(fault(""), Some(CredentialError::KeyTooShort));
        assert_eq!(fault(&"A".repeat(25)), Some(CredentialError::KeyTooShort));
        assert_eq!(fault(&"A".repeat(26)), None);
        assert_eq!(fault(&"A".repeat(103)), None);
        assert_eq!(fault(&"A".repeat(104)), Some(CredentialError::KeyTooLong));
        assert_eq!(fault(&"A1".repeat(20)), Some(CredentialError::KeyNotBase32));
        assert_eq!(fault(&"Aä".repeat(20)), Some(CredentialError::KeyNotBase32));
    }

    #[test]
    fn a_code_counts_near_its_time_and_once() {
        let key = key(b"12345678901234567890");
        let now = TotpStep(1000);
        for step in 998..=1002 {
            let code = key.code(TotpStep(step));
            let found = key.step_of(code.as_bytes(), now, None);
            let is_near = (999..=1001).contains(&step);
            assert_eq!(found, is_near.then_some(TotpStep(step)));
        }
        let code = key.code(now);
        assert_eq!(
            key.step_of(code.as_bytes(), now, Some(TotpStep(999))),
            Some(now)
        );
        assert_eq!(key.step_of(code.as_bytes(), now, Some(now)), None);
        for wrong in ["", "1", "0000000"] {
            assert_eq!(key.step_of(wrong.as_bytes(), now, None), None);
        }
    }

    #[test]
    fn the_uri_escapes_what_it_cannot_hold() {
        let uri = key(b"12345678901234567890").uri("peerbridge", "alice@host & co");
        assert_eq!(
            *uri,
            "otpauth://totp/peerbridge:alice%40host%20%26%20co?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=peerbridge"
        );
    }

    #[test]
    fn generated_keys_differ() {
        let (one, other) = (TotpKey::generate().unwrap(), TotpKey::generate().unwrap());
        assert_eq!(one.0.len(), GENERATED_BYTES);
        assert_ne!(*one.0, *other.0);
    }
}
