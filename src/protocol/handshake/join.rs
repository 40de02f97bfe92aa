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
    /// Begins to add the stream. Returns the state and the body of the Join to send. Use each number only once
    /// in a session.
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

    /// Takes the body of the listener's Join. Afterwards the stream belongs to the session.
    ///
    /// # Errors
    /// [`HandshakeError::Unproven`] if its proof is wrong, [`HandshakeError::Malformed`] if the body is not a
    /// Join.
    pub fn on_join(self, keys: &SessionKeys, body: &[u8]) -> Result<StreamNumber, HandshakeError> {
        let mut reader = Reader::new(body);
        let nonce: [u8; 32] = reader.array()?;
        let proof: [u8; PROOF_LENGTH] = reader.array()?;
        reader.finish()?;
        keys.verify_join_proof(&[&self.claim[..], &nonce].concat(), &proof)?;
        Ok(self.stream)
    }
}

/// A dialler's request to add a stream, whose proof is not yet checked.
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

    /// The id of the session that the stream wants to join. If there is no such session, the answer is
    /// [`HandshakeError::NoSession`].
    pub fn session_id(&self) -> [u8; 16] {
        self.session_id
    }

    /// Checks the request with the session's keys. Returns the stream's number and the body of the Join to
    /// answer. Before it sends the answer, the caller checks that the number is new in the session.
    ///
    /// # Errors
    /// [`HandshakeError::NoSession`] for the keys of another session, [`HandshakeError::Unproven`] if the proof
    /// is wrong, [`HandshakeError::Malformed`] if the proof is right but the stream's number is 0, and
    /// [`HandshakeError::Random`].
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

/// The bytes that a dialler's proof covers.
fn claim(session_id: &[u8; 16], stream: u16, nonce: &[u8; 32]) -> Vec<u8> {
    let mut claim = Vec::new();
    let mut writer = Writer::new(&mut claim);
    writer.bytes(session_id);
    writer.u16(stream);
    writer.bytes(nonce);
    claim
}
