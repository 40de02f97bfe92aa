//! The end of a handshake.

use super::role::{DiallerRole, Role};
use crate::crypto::{SessionKeys, Side};

/// A session whose two peers have proven to each other that they know the secret.
pub struct Proven {
    /// Its keys.
    pub keys: SessionKeys,
    /// Which end this is.
    pub side: Side,
    /// What the dialler is here for.
    pub dialler_role: DiallerRole,
    /// What the listener waits for.
    pub listener_role: Role,
    /// The version that holds.
    pub version: u8,
}
