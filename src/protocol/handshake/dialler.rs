//! The dialler's side.

use super::error::HandshakeError;
use super::hello::{DiallerHello, DiallerName, ListenerHello, check_roles};
use super::role::DiallerRole;
use crate::crypto::{
    Cpace, NAME_TAG_LENGTH, PROOF_LENGTH, ReturnTicket, SealingKeys, Secret, SessionKeys, Side,
    TranscriptHash, UnprovenKeys, name_tag, random_bytes,
};

/// A dialler that has said Hello.
pub struct DiallerWaitsForHello {
    role: DiallerRole,
    cpace: Cpace,
    hello: Vec<u8>,
}

impl DiallerWaitsForHello {
    /// Begins a handshake. Returns the state and the body of the Hello to send. A listener that knows several
    /// secrets finds the right one by `name`.
    ///
    /// # Errors
    /// [`HandshakeError::Random`].
    pub fn start(
        secret: &Secret,
        role: DiallerRole,
        name: Option<&str>,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let nonce = random_bytes()?;
        let tag = name_tag(&nonce, name.map(str::as_bytes));
        let cpace = Cpace::start(secret, &role.channel_identifier(), &nonce)?;
        Ok(Self::start_with(nonce, cpace, role, tag))
    }

    /// Begins the handshake of a dialler that returns to a session whose connection was lost.
    ///
    /// # Errors
    /// [`HandshakeError::Random`].
    pub fn start_return(
        ticket: &ReturnTicket,
        role: DiallerRole,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let nonce = random_bytes()?;
        let cpace = Cpace::start(ticket.secret(), &role.channel_identifier(), &nonce)?;
        Ok(Self::start_with(nonce, cpace, role, ticket.tag(&nonce)))
    }

    pub(super) fn start_with(
        nonce: [u8; 32],
        cpace: Cpace,
        role: DiallerRole,
        name_tag: [u8; NAME_TAG_LENGTH],
    ) -> (Self, Vec<u8>) {
        let hello = DiallerHello {
            role,
            name: DiallerName {
                nonce,
                tag: name_tag,
            },
            share: *cpace.share(),
        };
        let hello = hello.to_bytes();
        let body = hello.clone();
        (DiallerWaitsForHello { role, cpace, hello }, body)
    }

    /// Takes the body of the listener's Hello. Returns the next state and the body of the Confirm to send.
    ///
    /// # Errors
    /// A [`HandshakeError`] if the listener speaks another protocol or version, has the same role, or sends an
    /// invalid share.
    pub fn on_hello(
        self,
        body: &[u8],
    ) -> Result<(DiallerUnproven, [u8; PROOF_LENGTH]), HandshakeError> {
        let listener = ListenerHello::parse(body)?;
        check_roles(self.role, listener.role)?;
        let shared = self
            .cpace
            .finish(Side::Dialler, &listener.share, &self.hello, body)?;
        let transcript = TranscriptHash::of(&self.hello, body);
        let keys = UnprovenKeys::derive(Side::Dialler, shared, transcript);
        let confirmation = keys.confirmation();
        Ok((DiallerUnproven { keys }, confirmation))
    }
}

/// A dialler that has proven itself to the listener, and waits for the listener's proof.
pub struct DiallerUnproven {
    keys: UnprovenKeys,
}

impl DiallerUnproven {
    /// The keys for the message that travels with the Confirm. Only a peer that knows the secret can open it.
    pub fn sealing_keys(&self) -> SealingKeys {
        self.keys.sealing_keys()
    }

    /// Takes the body of the listener's Confirm. Returns the keys of the session.
    ///
    /// # Errors
    /// [`HandshakeError::Unproven`] if it is wrong.
    pub fn on_confirm(self, body: &[u8]) -> Result<SessionKeys, HandshakeError> {
        Ok(self.keys.prove(body)?)
    }
}
