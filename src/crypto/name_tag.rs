//! A tag that tells a listener which named secret a dialler uses. Only someone who knows the name can read it.

use super::mac::hmac_sha256;
use hmac::Mac;

/// Length of a name's tag, in bytes.
pub const NAME_TAG_LENGTH: usize = 16;

/// The first 16 bytes of HMAC-SHA256 over the name, under the dialler's nonce. Zeros without a name.
/// Someone who guesses the name can check the guess: a name is hidden, but not secret.
#[must_use]
pub fn name_tag(nonce: &[u8; 32], name: Option<&[u8]>) -> [u8; NAME_TAG_LENGTH] {
    let mut tag = [0; NAME_TAG_LENGTH];
    if let Some(name) = name {
        let mut mac = hmac_sha256(nonce);
        mac.update(name);
        tag.copy_from_slice(&mac.finalize().into_bytes()[..NAME_TAG_LENGTH]);
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_there_are_zeros() {
        assert_eq!(name_tag(&[7; 32], None), [0; NAME_TAG_LENGTH]);
        assert_ne!(name_tag(&[7; 32], Some(b"")), [0; NAME_TAG_LENGTH]);
    }

    #[test]
    fn the_tag_depends_on_name_and_nonce() {
        let tag = name_tag(&[7; 32], Some(b"alice"));
        assert_eq!(tag, name_tag(&[7; 32], Some(b"alice")));
        assert_ne!(tag, name_tag(&[7; 32], Some(b"Alice")));
        assert_ne!(tag, name_tag(&[8; 32], Some(b"alice")));
    }
}
