//! CPace, a password-authenticated key exchange: draft-irtf-cfrg-cpace-21 over ristretto255 with
//! SHA-512, in its initiator-responder setting.
//!
//! The dialler is the initiator. An eavesdropper learns nothing on which guesses could be tested, and an
//! attacker that takes the place of a peer can test one guess. The key alone does not show that the peer has
//! the same one: the confirmations do.

use super::random::{RandomError, random_bytes};
use super::secret::Secret;
use super::side::Side;
use crate::model::len8;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::{Digest, Sha512};
use std::fmt;
use zeroize::Zeroizing;

/// The domain separation identifier of this cipher suite.
const DOMAIN: &[u8] = b"CPaceRistretto255";

/// The domain separation identifier of the key that an exchange ends in.
const KEY_DOMAIN: &[u8] = b"CPaceRistretto255_ISK";

/// SHA-512's block, in bytes: the secret and its padding fill one.
const HASH_BLOCK_LENGTH: usize = 128;

/// A public share is a ristretto255 point, encoded in this many bytes.
pub const SHARE_LENGTH: usize = 32;

/// An exchange that has begun: it keeps its private scalar until it is finished, once.
pub struct Cpace {
    scalar: Zeroizing<Scalar>,
    share: [u8; SHARE_LENGTH],
    session_id: Vec<u8>,
}

impl Cpace {
    /// Begins an exchange. The channel identifier names what the peers connect for, the session id
    /// is fresh for each connection; both must be the same on both sides.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the operating system has no random bytes.
    pub fn start(
        secret: &Secret,
        channel_identifier: &[u8],
        session_id: &[u8],
    ) -> Result<Cpace, RandomError> {
        let wide = Zeroizing::new(random_bytes()?);
        let scalar = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide));
        Ok(Cpace::with_scalar(
            scalar,
            secret,
            channel_identifier,
            session_id,
        ))
    }

    pub(super) fn with_scalar(
        scalar: Zeroizing<Scalar>,
        secret: &Secret,
        channel_identifier: &[u8],
        session_id: &[u8],
    ) -> Cpace {
        let generator = generator(secret.as_bytes(), channel_identifier, session_id);
        Cpace {
            share: (*generator * *scalar).compress().to_bytes(),
            scalar,
            session_id: session_id.to_vec(),
        }
    }

    /// The public share, to be sent to the peer.
    #[must_use]
    pub fn share(&self) -> &[u8; SHARE_LENGTH] {
        &self.share
    }

    /// Ends the exchange. The associated data are the two whole Hello bodies.
    ///
    /// # Errors
    ///
    /// [`InvalidShare`] if the peer's share is not the canonical encoding of a point, or is the identity.
    pub fn finish(
        self,
        side: Side,
        peer_share: &[u8; SHARE_LENGTH],
        dialler_data: &[u8],
        listener_data: &[u8],
    ) -> Result<SharedKey, InvalidShare> {
        let point = multiply_verified(&self.scalar, peer_share)?;
        let (dialler_share, listener_share) = match side {
            Side::Dialler => (&self.share, peer_share),
            Side::Listener => (peer_share, &self.share),
        };
        let mut hasher = Sha512::new();
        update_prefixed(&mut hasher, KEY_DOMAIN);
        update_prefixed(&mut hasher, &self.session_id);
        update_prefixed(&mut hasher, &*point);
        for piece in [dialler_share, dialler_data, listener_share, listener_data] {
            update_prefixed(&mut hasher, piece);
        }
        Ok(SharedKey(Zeroizing::new(hasher.finalize().into())))
    }
}

/// The intermediate session key: 64 bytes that both sides have if their secrets, identifiers and
/// Hellos were the same. It can only start a key schedule, and is wiped when dropped.
pub struct SharedKey(Zeroizing<[u8; 64]>);

impl SharedKey {
    #[cfg(test)]
    pub(super) fn from_bytes(bytes: [u8; 64]) -> SharedKey {
        SharedKey(Zeroizing::new(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

/// The peer sent a share that no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidShare;

impl fmt::Display for InvalidShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer's public share is not valid")
    }
}

impl std::error::Error for InvalidShare {}

/// The generator, which only someone with the secret can compute (the draft's calculate_generator).
fn generator(
    secret: &[u8],
    channel_identifier: &[u8],
    session_id: &[u8],
) -> Zeroizing<RistrettoPoint> {
    let text = generator_string(secret, channel_identifier, session_id);
    let hash: Zeroizing<[u8; 64]> = Zeroizing::new(Sha512::digest(&*text).into());
    Zeroizing::new(RistrettoPoint::from_uniform_bytes(&hash))
}

/// The input of the generator's hash. The zeros fill the first block, so that it holds only the secret.
fn generator_string(
    secret: &[u8],
    channel_identifier: &[u8],
    session_id: &[u8],
) -> Zeroizing<Vec<u8>> {
    let before =
        length_prefix(DOMAIN).len() + DOMAIN.len() + length_prefix(secret).len() + secret.len();
    let zeros = vec![0; HASH_BLOCK_LENGTH.saturating_sub(1 + before)];
    prefixed(&[DOMAIN, secret, &zeros, channel_identifier, session_id])
}

/// The encoded product, or an error for a share that must be refused (the draft's scalar_mult_vfy). The
/// identity decodes as a point, so the product is checked.
fn multiply_verified(
    scalar: &Scalar,
    share: &[u8; SHARE_LENGTH],
) -> Result<Zeroizing<[u8; 32]>, InvalidShare> {
    let point = CompressedRistretto(*share)
        .decompress()
        .ok_or(InvalidShare)?;
    let product = Zeroizing::new(point * scalar);
    if product.is_identity() {
        return Err(InvalidShare);
    }
    Ok(Zeroizing::new(product.compress().to_bytes()))
}

/// The pieces, each with its length in front, joined (the draft's lv_cat). The buffer never grows, so no
/// copy of a secret is left behind.
fn prefixed(pieces: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = pieces
        .iter()
        .map(|piece| length_prefix(piece).len() + piece.len())
        .sum();
    let mut joined = Zeroizing::new(Vec::with_capacity(length));
    for piece in pieces {
        joined.extend_from_slice(&length_prefix(piece));
        joined.extend_from_slice(piece);
    }
    joined
}

/// Hashes a piece with its length in front.
fn update_prefixed(hasher: &mut Sha512, piece: &[u8]) {
    hasher.update(length_prefix(piece));
    hasher.update(piece);
}

/// A length as unsigned LEB128: seven bits a byte, the lowest first (the draft's prepend_len).
fn length_prefix(piece: &[u8]) -> Vec<u8> {
    let mut rest = piece.len();
    let mut prefix = Vec::with_capacity(2);
    while rest >= 0x80 {
        prefix.push(len8(rest & 0x7f) | 0x80);
        rest >>= 7;
    }
    prefix.push(len8(rest));
    prefix
}

#[cfg(test)]
mod tests;
