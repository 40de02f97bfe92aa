//! The end of a handshake.

use super::role::{DiallerRole, Role};
use crate::crypto::{SessionKeys, Side};

/// A session whose two peers have proven to each other that they know the secret.
pub struct Proven {
    /// Its keys.
    pub keys: SessionKeys,
    /// Which end this is.
    pub side: Side,
    /// What the dialler connects for.
    pub dialler_role: DiallerRole,
    /// The listener's role.
    pub listener_role: Role,
    /// The version that both sides speak.
    pub version: u8,
}
