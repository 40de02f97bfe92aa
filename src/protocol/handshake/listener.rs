//! The listener's side.

use super::error::HandshakeError;
use super::hello::{DiallerHello, DiallerName, ListenerHello, check_roles};
use super::role::{DiallerRole, Role};
use crate::crypto::{
    Cpace, PROOF_LENGTH, RandomError, Secret, SessionKeys, Side, TranscriptHash, UnprovenKeys,
    random_bytes,
};

/// A listener on a new connection.
pub struct ListenerStart {
    role: Role,
}

impl ListenerStart {
    /// Waits for a Hello in this role.
    pub fn new(role: Role) -> Self {
        ListenerStart { role }
    }

    /// Takes the body of a dialler's Hello.
    ///
    /// # Errors
    /// A [`HandshakeError`] if the dialler speaks another protocol or version or has the same role; send its
    /// [`HandshakeError::refusal`].
    pub fn on_hello(self, body: &[u8]) -> Result<ListenerHeardHello, HandshakeError> {
        let dialler = DiallerHello::parse(body)?;
        check_roles(dialler.role, self.role)?;
        Ok(ListenerHeardHello {
            role: self.role,
            dialler,
            body: body.to_vec(),
        })
    }
}

/// A listener that has read a dialler's Hello: it looks up the secret, and decides whether to answer.
pub struct ListenerHeardHello {
    role: Role,
    dialler: DiallerHello,
    body: Vec<u8>,
}

impl ListenerHeardHello {
    /// The name that the dialler gave. A search for its secret should compare all names, even after a match, so
    /// that its duration reveals nothing.
    pub fn name(&self) -> &DiallerName {
        &self.dialler.name
    }

    /// Answers with the secret of that name. Returns the next state and the body of the Hello to send. Without
    /// a secret the answer is made from random bytes: it looks the same, takes the same time and ends as a
    /// wrong secret.
    ///
    /// # Errors
    /// [`HandshakeError::InvalidShare`] and [`HandshakeError::Random`]; send nothing then.
    pub fn answer(
        self,
        secret: Option<&Secret>,
    ) -> Result<(ListenerUnproven, Vec<u8>), HandshakeError> {
        let stand_in = unknown_secret()?;
        let secret = secret.unwrap_or(&stand_in);
        let channel_identifier = self.dialler.role.channel_identifier();
        let cpace = Cpace::start(secret, &channel_identifier, self.dialler.name.nonce())?;
        self.answer_with(random_bytes()?, cpace)
    }

    pub(super) fn answer_with(
        self,
        nonce: [u8; 32],
        cpace: Cpace,
    ) -> Result<(ListenerUnproven, Vec<u8>), HandshakeError> {
        let hello = ListenerHello {
            role: self.role,
            nonce,
            share: *cpace.share(),
        };
        let hello = hello.to_bytes();
        let shared = cpace.finish(Side::Listener, &self.dialler.share, &self.body, &hello)?;
        let transcript = TranscriptHash::of(&self.body, &hello);
        let state = ListenerUnproven {
            dialler_role: self.dialler.role,
            keys: UnprovenKeys::derive(Side::Listener, shared, transcript),
        };
        Ok((state, hello))
    }
}

/// A listener that has said Hello. Anything that follows, except a valid Confirm, uses up a guess.
pub struct ListenerUnproven {
    dialler_role: DiallerRole,
    keys: UnprovenKeys,
}

impl ListenerUnproven {
    /// What the dialler says it connects for; not proven yet.
    pub fn dialler_role(&self) -> DiallerRole {
        self.dialler_role
    }

    /// Takes the body of the dialler's Confirm. Returns the session's keys and the body of the Confirm to answer.
    ///
    /// # Errors
    /// [`HandshakeError::Unproven`] if it is wrong; send its refusal.
    pub fn on_confirm(
        self,
        body: &[u8],
    ) -> Result<(SessionKeys, [u8; PROOF_LENGTH]), HandshakeError> {
        let confirmation = self.keys.confirmation();
        Ok((self.keys.prove(body)?, confirmation))
    }
}

/// A secret that nobody knows: 128 bits in 32 letters.
fn unknown_secret() -> Result<Secret, RandomError> {
    let random: [u8; 32] = random_bytes()?;
    let letters = random.map(|byte| b'a' + byte % 16);
    Ok(Secret::from_text(letters).expect("letters are a secret"))
}
