//! How the peer of a session reconnects after the connection was lost: with a key of that session, which nobody
//! can guess, instead of the secret that people know.

use super::keys::{KeySchedule, Purpose, lower_hex};
use super::name_tag::{NAME_TAG_LENGTH, name_tag};
use super::secret::Secret;
use zeroize::Zeroizing;

/// Proves that a dialler was in a session. Both sides of the session have the same ticket; it is wiped when
/// dropped.
pub struct ReturnTicket {
    secret: Secret,
    name: Zeroizing<[u8; 32]>,
}

impl ReturnTicket {
    pub(super) fn new(schedule: &KeySchedule) -> ReturnTicket {
        let key: Zeroizing<[u8; 32]> = schedule.key(Purpose::Return);
        ReturnTicket {
            secret: Secret::from_key(&lower_hex(&*key)),
            name: schedule.key(Purpose::ReturnName),
        }
    }

    /// The secret to prove: 64 hexadecimal digits.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The name tag of a Hello with that nonce. Only the two sides of the session can make it, so nobody else
    /// can pose as a returning peer.
    #[must_use]
    pub fn tag(&self, nonce: &[u8; 32]) -> [u8; NAME_TAG_LENGTH] {
        name_tag(nonce, Some(&*self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::cpace::SharedKey;
    use crate::crypto::transcript::TranscriptHash;

    fn ticket(shared: u8) -> ReturnTicket {
        let shared = SharedKey::from_bytes([shared; 64]);
        ReturnTicket::new(&KeySchedule::new(&shared, &TranscriptHash::of(b"", b"")))
    }

    #[test]
    fn both_sides_of_a_session_have_the_same_ticket_and_other_sessions_have_another() {
        let (one, same, other) = (ticket(1), ticket(1), ticket(2));
        assert_eq!(one.secret.as_bytes(), same.secret.as_bytes());
        assert_eq!(one.tag(&[7; 32]), same.tag(&[7; 32]));
        assert_ne!(one.secret.as_bytes(), other.secret.as_bytes());
        assert_ne!(one.tag(&[7; 32]), other.tag(&[7; 32]));
        assert_ne!(one.tag(&[7; 32]), one.tag(&[8; 32]));
    }

    #[test]
    fn the_secret_is_a_word_of_sixty_four_digits() {
        let secret = ticket(1).secret;
        assert_eq!(secret.as_bytes().len(), 64);
        assert!(secret.as_bytes().iter().all(u8::is_ascii_hexdigit));
    }
}
