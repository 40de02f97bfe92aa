//! Further streams of a session.
//!
//! The dialler's body is magic, session id (16), stream (u16), nonce (32) and proof (32) over session
//! id, stream and nonce; the listener's is nonce (32) and proof (32) over session id, stream and both
//! nonces, the dialler's first.

use super::super::StreamNumber;
use super::super::codec::{Reader, Writer};
use super::error::HandshakeError;
use super::hello::check_magic;
use super::version::MAGIC;
use crate::crypto::{PROOF_LENGTH, SessionKeys, random_bytes};

/// A dialler that wants to add a stream to its session.
pub struct DiallerJoins {
    stream: StreamNumber,
    claim: Vec<u8>,
}

impl DiallerJoins {
    /// Begins to add the stream; beside the state, the body of the Join to send. A number must be used
    /// once in a session.
    ///
    /// # Errors
    /// [`HandshakeError::Random`].
    pub fn start(
        keys: &SessionKeys,
        stream: StreamNumber,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        Ok(Self::start_with(random_bytes()?, keys, stream))
    }

    pub(super) fn start_with(
        nonce: [u8; 32],
        keys: &SessionKeys,
        stream: StreamNumber,
    ) -> (Self, Vec<u8>) {
        let claim = claim(&keys.session_id(), stream.get(), &nonce);
        let proof = keys.join_proof(&claim);
        let body = [&MAGIC[..], &claim, &proof].concat();
        (DiallerJoins { stream, claim }, body)
    }

    /// Takes the body of the listener's Join: the stream is the session's.
    ///
    /// # Errors
    /// [`HandshakeError::Unproven`] when its proof does not hold, [`HandshakeError::Malformed`] when
    /// it is none.
    pub fn on_join(self, keys: &SessionKeys, body: &[u8]) -> Result<StreamNumber, HandshakeError> {
        let mut reader = Reader::new(body);
        let nonce: [u8; 32] = reader.array()?;
        let proof: [u8; PROOF_LENGTH] = reader.array()?;
        reader.finish()?;
        keys.verify_join_proof(&[&self.claim[..], &nonce].concat(), &proof)?;
        Ok(self.stream)
    }

    /// Takes the body of a Refuse that came instead: what it means.
    pub fn on_refuse(self, body: &[u8]) -> HandshakeError {
        HandshakeError::refused(body)
    }
}

/// A dialler's wish to add a stream, not yet proven.
pub struct JoinRequest {
    session_id: [u8; 16],
    stream: u16,
    nonce: [u8; 32],
    proof: [u8; PROOF_LENGTH],
}

impl JoinRequest {
    /// Takes the body of a dialler's Join.
    ///
    /// # Errors
    /// [`HandshakeError::NotPeerbridge`] and [`HandshakeError::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(body);
        check_magic(&mut reader)?;
        let request = JoinRequest {
            session_id: reader.array()?,
            stream: reader.u16()?,
            nonce: reader.array()?,
            proof: reader.array()?,
        };
        reader.finish()?;
        Ok(request)
    }

    /// The session that it names: whose keys to check it with. Without one, the answer is
    /// [`HandshakeError::NoSession`].
    pub fn session_id(&self) -> [u8; 16] {
        self.session_id
    }

    /// Checks it with the session's keys; beside the stream's number, the body of the Join to answer.
    /// Whether the number was used before is for the session to tell, before the answer is sent.
    ///
    /// # Errors
    /// [`HandshakeError::NoSession`] for the keys of another session, [`HandshakeError::Unproven`]
    /// when the proof does not hold, [`HandshakeError::Malformed`] when it does but there can be no
    /// such stream, [`HandshakeError::Random`].
    pub fn accept(self, keys: &SessionKeys) -> Result<(StreamNumber, Vec<u8>), HandshakeError> {
        self.accept_with(random_bytes()?, keys)
    }

    pub(super) fn accept_with(
        self,
        nonce: [u8; 32],
        keys: &SessionKeys,
    ) -> Result<(StreamNumber, Vec<u8>), HandshakeError> {
        if self.session_id != keys.session_id() {
            return Err(HandshakeError::NoSession);
        }
        let claim = claim(&self.session_id, self.stream, &self.nonce);
        keys.verify_join_proof(&claim, &self.proof)?;
        let stream = StreamNumber::joined(self.stream).ok_or(HandshakeError::Malformed)?;
        let proof = keys.join_proof(&[&claim[..], &nonce].concat());
        Ok((stream, [nonce, proof].concat()))
    }
}

/// What a dialler's proof is over.
fn claim(session_id: &[u8; 16], stream: u16, nonce: &[u8; 32]) -> Vec<u8> {
    let mut claim = Vec::new();
    let mut writer = Writer::new(&mut claim);
    writer.bytes(session_id);
    writer.u16(stream);
    writer.bytes(nonce);
    claim
}
