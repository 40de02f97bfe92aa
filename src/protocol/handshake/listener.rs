//! The listener's side.

use super::hello::{DiallerHello, DiallerRole, ListenerHello};
use super::{HandshakeError, Proven, Role, VERSION};
use crate::crypto::{
    Cpace, NAME_TAG_LENGTH, PROOF_LENGTH, RandomError, Secret, Side, TranscriptHash, UnprovenKeys,
    name_tag, random_bytes,
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

    /// Takes the body of a dialler's Hello; beside the state, the body of the Hello to answer.
    ///
    /// `find` gives the secret for the name that the dialler goes by. It should compare all names it
    /// has, also behind one that matches. Where it finds none, the answer is made from random bytes:
    /// it looks the same, takes the same time and ends as a wrong secret.
    ///
    /// # Errors
    /// A [`HandshakeError`] when the dialler speaks another protocol or version or has the same role;
    /// its [`HandshakeError::refusal`] is to be sent.
    pub fn on_hello<'s>(
        self,
        body: &[u8],
        find: impl FnOnce(&DiallerName) -> Option<&'s Secret>,
    ) -> Result<(ListenerUnproven, Vec<u8>), HandshakeError> {
        let dialler = DiallerHello::parse(body)?;
        dialler.role.check(self.role)?;
        let name = DiallerName {
            nonce: dialler.nonce,
            tag: dialler.name_tag,
        };
        let stand_in = unknown_secret()?;
        let secret = find(&name).unwrap_or(&stand_in);
        let channel_identifier = dialler.role.channel_identifier();
        let cpace = Cpace::start(secret, &channel_identifier, &dialler.nonce)?;
        self.answer(&dialler, body, random_bytes()?, cpace)
    }

    pub(super) fn answer(
        self,
        dialler: &DiallerHello,
        body: &[u8],
        nonce: [u8; 32],
        cpace: Cpace,
    ) -> Result<(ListenerUnproven, Vec<u8>), HandshakeError> {
        let hello = ListenerHello {
            role: self.role,
            nonce,
            share: *cpace.share(),
        };
        let hello = hello.to_bytes();
        let shared = cpace.finish(Side::Listener, &dialler.share, body, &hello)?;
        let transcript = TranscriptHash::of(body, &hello);
        let state = ListenerUnproven {
            role: self.role,
            dialler_role: dialler.role,
            keys: UnprovenKeys::derive(Side::Listener, shared, transcript),
        };
        Ok((state, hello))
    }
}

/// The name that a dialler goes by, readable only to who knows it.
pub struct DiallerName {
    nonce: [u8; 32],
    tag: [u8; NAME_TAG_LENGTH],
}

impl DiallerName {
    /// Whether the dialler goes by no name.
    pub fn is_absent(&self) -> bool {
        self.tag == name_tag(&self.nonce, None)
    }

    /// Whether the dialler goes by `name`.
    pub fn is(&self, name: &str) -> bool {
        let expected = name_tag(&self.nonce, Some(name));
        let pairs = expected.iter().zip(&self.tag);
        pairs.fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

/// A listener that has said Hello. Whatever comes now but a Confirm that holds has spent a guess.
pub struct ListenerUnproven {
    role: Role,
    dialler_role: DiallerRole,
    keys: UnprovenKeys,
}

impl ListenerUnproven {
    /// What the dialler says that it is here for; not proven yet.
    pub fn dialler_role(&self) -> DiallerRole {
        self.dialler_role
    }

    /// Takes the body of the dialler's Confirm; beside the session, the body of the Confirm to answer.
    ///
    /// # Errors
    /// [`HandshakeError::Unproven`] when it does not hold; its refusal is to be sent.
    pub fn on_confirm(self, body: &[u8]) -> Result<(Proven, [u8; PROOF_LENGTH]), HandshakeError> {
        let confirmation = self.keys.confirmation();
        let proven = Proven {
            keys: self.keys.prove(body)?,
            side: Side::Listener,
            dialler_role: self.dialler_role,
            listener_role: self.role,
            version: VERSION,
        };
        Ok((proven, confirmation))
    }
}

/// A secret that nobody knows: 128 bits in 32 letters.
fn unknown_secret() -> Result<Secret, RandomError> {
    let random: [u8; 32] = random_bytes()?;
    let letters = random.map(|byte| b'a' + byte % 16);
    Ok(Secret::from_text(letters).expect("letters are a secret"))
}
