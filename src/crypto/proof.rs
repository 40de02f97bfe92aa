//! The keys before and after the peer has proven that it knows the secret.

use super::cpace::SharedKey;
use super::digest::DigestKey;
use super::keys::{KeySchedule, OpeningKeys, Purpose, SealingKeys};
use super::mac::{HmacSha256, hmac_sha256};
use super::return_ticket::ReturnTicket;
use super::side::Side;
use super::transcript::TranscriptHash;
use super::words;
use crate::model::len8;
use hmac::Mac;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The length of a confirmation and of a join proof, in bytes.
pub const PROOF_LENGTH: usize = 32;

/// Number of words in the verification phrase.
const PHRASE_WORDS: usize = 4;

/// The keys of a session whose peer has not yet proven that it knows the secret. They confirm and seal for
/// this side, and open nothing.
pub struct UnprovenKeys {
    side: Side,
    schedule: KeySchedule,
    transcript: TranscriptHash,
}

impl UnprovenKeys {
    /// Derives the keys of that side.
    #[must_use]
    pub fn derive(side: Side, shared: SharedKey, transcript: TranscriptHash) -> UnprovenKeys {
        UnprovenKeys {
            side,
            schedule: KeySchedule::new(&shared, &transcript),
            transcript,
        }
    }

    /// The proof for the peer that this side knows the secret. The dialler sends its own first. A listener
    /// sends its own only to a dialler that has proven itself.
    #[must_use]
    pub fn confirmation(&self) -> [u8; PROOF_LENGTH] {
        self.confirmation_of(self.side)
            .finalize()
            .into_bytes()
            .into()
    }

    /// The keys for what this side sends before the peer's proof. Only a peer that knows the secret can
    /// open it.
    #[must_use]
    pub fn sealing_keys(&self) -> SealingKeys {
        self.schedule.sealing_keys(self.side)
    }

    /// Checks the peer's confirmation in constant time.
    ///
    /// # Errors
    ///
    /// [`WrongSecret`]. It consumes the keys, so each connection has one guess.
    pub fn prove(self, received: &[u8]) -> Result<SessionKeys, WrongSecret> {
        let peer = self.side.other();
        self.confirmation_of(peer)
            .verify_slice(received)
            .map_err(|_| WrongSecret)?;
        Ok(SessionKeys {
            side: self.side,
            join: self.schedule.key(Purpose::Join),
            session_id: *self.schedule.key(Purpose::SessionId),
            phrase: self.schedule.key(Purpose::Phrase),
            ticket: Arc::new(ReturnTicket::new(&self.schedule)),
            digests: DigestKey::new(self.schedule.key(Purpose::Digests)),
            sealing: self.sealing_keys(),
            opening: self.schedule.opening_keys(peer),
        })
    }

    fn confirmation_of(&self, side: Side) -> HmacSha256 {
        let key: Zeroizing<[u8; 32]> = self.schedule.key(Purpose::Confirm(side));
        let mut mac = hmac_sha256(&*key);
        mac.update(self.transcript.as_bytes());
        mac
    }
}

/// The keys of a session whose peer has proven that it knows the secret. Wiped when dropped.
pub struct SessionKeys {
    side: Side,
    join: Zeroizing<[u8; 32]>,
    session_id: [u8; 16],
    phrase: Zeroizing<[u8; 2 * PHRASE_WORDS]>,
    digests: DigestKey,
    ticket: Arc<ReturnTicket>,
    sealing: SealingKeys,
    opening: OpeningKeys,
}

impl SessionKeys {
    /// The id by which a further stream names this session. It is sent in the clear and proves nothing.
    #[must_use]
    pub fn session_id(&self) -> [u8; 16] {
        self.session_id
    }

    /// Four words (36 bits) that are the same on both sides, for two people to compare.
    #[must_use]
    pub fn phrase(&self) -> String {
        words::phrase(self.phrase.as_chunks().0)
    }

    /// The ticket by which the dialler reconnects after the connection was lost.
    #[must_use]
    pub fn return_ticket(&self) -> Arc<ReturnTicket> {
        Arc::clone(&self.ticket)
    }

    /// Proves on a joining stream that this side belongs to the session: HMAC-SHA256 under the join key over
    /// the length of the side's name (u8), the name, and the transcript of that stream, which must contain a
    /// fresh nonce of each side.
    #[must_use]
    pub fn join_proof(&self, transcript: &[u8]) -> [u8; PROOF_LENGTH] {
        self.join_proof_of(self.side, transcript)
            .finalize()
            .into_bytes()
            .into()
    }

    /// Checks the peer's proof for a further stream in constant time.
    ///
    /// # Errors
    ///
    /// [`WrongSecret`] if it is wrong.
    pub fn verify_join_proof(&self, transcript: &[u8], received: &[u8]) -> Result<(), WrongSecret> {
        self.join_proof_of(self.side.other(), transcript)
            .verify_slice(received)
            .map_err(|_| WrongSecret)
    }

    /// The key of the digests from the sender of files.
    #[must_use]
    pub fn digest_key(&self) -> DigestKey {
        self.digests.clone()
    }

    /// The keys for what this side sends.
    #[must_use]
    pub fn sealing_keys(&self) -> SealingKeys {
        self.sealing.clone()
    }

    /// The keys for what the peer sends.
    #[must_use]
    pub fn opening_keys(&self) -> OpeningKeys {
        self.opening.clone()
    }

    fn join_proof_of(&self, side: Side, transcript: &[u8]) -> HmacSha256 {
        let name: &[u8] = match side {
            Side::Dialler => b"dialler",
            Side::Listener => b"listener",
        };
        let mut mac = hmac_sha256(&*self.join);
        mac.update(&[len8(name.len())]);
        mac.update(name);
        mac.update(transcript);
        mac
    }
}

/// The peer did not prove that it knows the secret: it has another one, or there is a man in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongSecret;

impl fmt::Display for WrongSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer did not prove that it knows the same secret")
    }
}

impl std::error::Error for WrongSecret {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex::{unhex, unhex_array};
    use crate::crypto::{Compression, Cpace, Opener, Position, Sealer, Secret};

    /// Both sides of a session with these secrets, which received these Hellos.
    fn sides(dialler: (&str, &[u8]), listener: (&str, &[u8])) -> (UnprovenKeys, UnprovenKeys) {
        let start = |secret| {
            let secret = Secret::from_text(secret).unwrap();
            Cpace::start(&secret, b"test", b"nonce").unwrap()
        };
        let (one, two) = (start(dialler.0), start(listener.0));
        let share = *one.share();
        let derive = |side, key: Result<SharedKey, _>, heard| {
            UnprovenKeys::derive(side, key.unwrap(), TranscriptHash::of(b"hello", heard))
        };
        let one = one.finish(Side::Dialler, two.share(), b"", b"");
        let two = two.finish(Side::Listener, &share, b"", b"");
        (
            derive(Side::Dialler, one, dialler.1),
            derive(Side::Listener, two, listener.1),
        )
    }

    fn both_sides(dialler: &str, listener: &str) -> (UnprovenKeys, UnprovenKeys) {
        sides((dialler, b"hello yourself"), (listener, b"hello yourself"))
    }

    fn proven(dialler: UnprovenKeys, listener: UnprovenKeys) -> (SessionKeys, SessionKeys) {
        let (to_listener, to_dialler) = (dialler.confirmation(), listener.confirmation());
        (
            dialler.prove(&to_dialler).unwrap(),
            listener.prove(&to_listener).unwrap(),
        )
    }

    /// Compares with values from another implementation (Python's hmac).
    #[test]
    fn proofs_and_names_are_made_as_documented() {
        let derive = |side| {
            let shared = SharedKey::from_bytes(unhex_array(
                "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd
                 2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447",
            ));
            let transcript = TranscriptHash::of(b"dialler hello", b"listener hello");
            UnprovenKeys::derive(side, shared, transcript)
        };
        let dialler = unhex("958815d7ece1982b6088b425d13e12d91aa9c50c520815e3662e0a09dac41bad");
        let listener = unhex("658bc5e55b9f92be9bedbf6c070a831a747bf13013f421a2a40fb2a041721cad");
        assert_eq!(derive(Side::Dialler).confirmation().to_vec(), dialler);
        assert_eq!(derive(Side::Listener).confirmation().to_vec(), listener);

        let dialler_keys = derive(Side::Dialler).prove(&listener).unwrap();
        let listener_keys = derive(Side::Listener).prove(&dialler).unwrap();
        assert_eq!(
            dialler_keys.join_proof(b"stream 1").to_vec(),
            unhex("551a1fc71a3e5a4a1c4f8fc2683765bebe6bb20c44bf400ae784b7b0cdda277a")
        );
        assert_eq!(
            listener_keys.join_proof(b"stream 1").to_vec(),
            unhex("3fe01da71380e35f4949b36f56c82a5ef682dc0ab977f49d4512cb9f6301b7f3")
        );
        assert_eq!(
            dialler_keys.session_id().to_vec(),
            unhex("c24577207f17d0a8cc8ff1b1c542a639")
        );
        assert_eq!(listener_keys.phrase(), "violin-fabric-crayon-fence");
    }

    #[test]
    fn what_one_side_seals_before_and_after_the_proof_the_other_opens() {
        let (dialler, listener) = both_sides("word", "word");
        let early = [dialler.sealing_keys(), listener.sealing_keys()];
        let (dialler, listener) = proven(dialler, listener);
        let position = Position::Message {
            stream: 0,
            sequence: 0,
        };
        let opens = |sealing: &SealingKeys, opening: &OpeningKeys| {
            let mut sealer = Sealer::new();
            let sealed = sealer
                .seal(sealing, position, b"hi", Compression::Stored)
                .unwrap();
            Opener::new()
                .open(opening, position, &sealed.envelope, sealed.archive)
                .is_ok()
        };
        for sealing in [&early[0], &dialler.sealing_keys()] {
            assert!(opens(sealing, &listener.opening_keys()));
            assert!(!opens(sealing, &dialler.opening_keys()));
        }
        for sealing in [&early[1], &listener.sealing_keys()] {
            assert!(opens(sealing, &dialler.opening_keys()));
            assert!(!opens(sealing, &listener.opening_keys()));
        }
    }

    #[test]
    fn one_secret_proves_both_sides_to_each_other() {
        let (dialler, listener) = both_sides("word", "word");
        let (dialler, listener) = proven(dialler, listener);
        assert_eq!(dialler.session_id(), listener.session_id());
        assert_eq!(dialler.phrase(), listener.phrase());
        assert_eq!(dialler.phrase().split('-').count(), 4);
    }

    #[test]
    fn another_secret_proves_nothing() {
        for near_miss in ["Word", "word ", "wor", "wordy"] {
            let (dialler, listener) = both_sides("word", near_miss);
            let (to_listener, to_dialler) = (dialler.confirmation(), listener.confirmation());
            assert!(dialler.prove(&to_dialler).is_err());
            assert!(listener.prove(&to_listener).is_err());
        }
    }

    #[test]
    fn a_confirmation_sent_back_shortened_zeroed_or_of_another_session_is_refused() {
        let reflected = |keys: UnprovenKeys| {
            let own = keys.confirmation();
            keys.prove(&own)
        };
        let (dialler, listener) = both_sides("word", "word");
        assert!(reflected(dialler).is_err());
        assert!(reflected(listener).is_err());

        let recorded = both_sides("word", "word").1.confirmation();
        let (dialler, listener) = both_sides("word", "word");
        let genuine = listener.confirmation();
        assert!(dialler.prove(&recorded).is_err());
        for bad in [
            &[],
            &genuine[..31],
            &[0; 32],
            &[&genuine[..], &[0]].concat(),
        ] {
            let (dialler, _) = both_sides("word", "word");
            assert!(dialler.prove(bad).is_err());
        }
    }

    #[test]
    fn another_transcript_proves_nothing() {
        let (dialler, listener) = sides(("word", b"version 2"), ("word", b"version 1"));
        let (to_listener, to_dialler) = (dialler.confirmation(), listener.confirmation());
        assert!(dialler.prove(&to_dialler).is_err());
        assert!(listener.prove(&to_listener).is_err());
    }

    #[test]
    fn join_proofs_are_valid_for_the_peer_and_the_same_transcript_only() {
        let (dialler, listener) = both_sides("word", "word");
        let (dialler, listener) = proven(dialler, listener);
        let proof = dialler.join_proof(b"stream 1");
        assert!(listener.verify_join_proof(b"stream 1", &proof).is_ok());
        assert!(listener.verify_join_proof(b"stream 2", &proof).is_err());
        assert!(
            listener
                .verify_join_proof(b"stream 1", &proof[..31])
                .is_err()
        );
        assert!(dialler.verify_join_proof(b"stream 1", &proof).is_err());
        let answer = listener.join_proof(b"stream 1");
        assert!(dialler.verify_join_proof(b"stream 1", &answer).is_ok());
        assert!(listener.verify_join_proof(b"stream 1", &answer).is_err());
    }
}
