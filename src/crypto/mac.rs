//! HMAC-SHA256 (RFC 2104) under a key of any length.

use hmac::{Hmac, KeyInit};
use sha2::Sha256;

/// HMAC-SHA256 ready to take the message. Tags are compared with its `verify_slice`, which takes
/// the same time wherever they differ.
pub(super) type HmacSha256 = Hmac<Sha256>;

/// Starts HMAC-SHA256 with `key`.
pub(super) fn hmac_sha256(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes a key of any length")
}
