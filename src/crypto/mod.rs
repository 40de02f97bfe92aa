//! Floor 1, keys: what two peers share, how they prove it to each other, and how a message or a
//! part is sealed. Nothing here touches a file, a socket or the protocol's messages.

mod cpace;
#[cfg(test)]
mod hex;
mod hkdf;
mod mac;
mod random;
mod secret;
mod side;
mod words;

pub use cpace::{Cpace, InvalidShare, SHARE_LENGTH, SharedKey};
pub use random::{RandomError, random_bytes};
pub use secret::{GeneratedSecret, MAX_SECRET_LENGTH, Secret, SecretError};
pub use side::Side;
