//! How every body of the handshake begins.

/// The version of the protocol that this crate speaks.
pub const VERSION: u8 = 2;

/// How every Hello, Join and Refuse of a dialler or a listener begins.
pub(super) const MAGIC: &[u8; 8] = b"PEERBRDG";
