//! HKDF-SHA256 (RFC 5869).

use super::mac::hmac_sha256;
use hmac::Mac;
use zeroize::Zeroizing;

/// The output of SHA-256, in bytes.
const HASH_LENGTH: usize = 32;

/// A pseudorandom key with uniform bits: [`extract`] makes it, and [`expand`] starts from it. Wiped when
/// dropped.
pub(super) struct PseudorandomKey(Zeroizing<[u8; HASH_LENGTH]>);

/// Concentrates the secret in `input` (RFC 5869, section 2.2).
pub(super) fn extract(salt: &[u8], input: &[u8]) -> PseudorandomKey {
    let mut mac = hmac_sha256(salt);
    mac.update(input);
    PseudorandomKey(Zeroizing::new(mac.finalize().into_bytes().into()))
}

impl From<Zeroizing<[u8; HASH_LENGTH]>> for PseudorandomKey {
    /// A key from [`expand`] has uniform bits as well, so a further expansion can start from it.
    fn from(key: Zeroizing<[u8; HASH_LENGTH]>) -> PseudorandomKey {
        PseudorandomKey(key)
    }
}

/// `N` bytes of key for the purpose that the joined pieces of `info` name (RFC 5869, section 2.3). `N` is at
/// most 255 times the hash's length; a larger `N` does not compile.
pub(super) fn expand<const N: usize>(key: &PseudorandomKey, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * HASH_LENGTH) };
    let mut output = Zeroizing::new([0; N]);
    let mut previous: Option<Zeroizing<[u8; HASH_LENGTH]>> = None;
    for (counter, chunk) in (1u8..).zip(output.chunks_mut(HASH_LENGTH)) {
        let mut mac = hmac_sha256(&*key.0);
        if let Some(previous) = &previous {
            mac.update(&**previous);
        }
        for piece in info {
            mac.update(piece);
        }
        mac.update(&[counter]);
        let block: Zeroizing<[u8; HASH_LENGTH]> =
            Zeroizing::new(mac.finalize().into_bytes().into());
        chunk.copy_from_slice(&block[..chunk.len()]);
        previous = Some(block);
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex::unhex;

    /// RFC 5869, appendix A.1.
    #[test]
    fn basic_case() {
        let key = extract(&unhex("000102030405060708090a0b0c"), &[0x0b; 22]);
        assert_eq!(
            key.0.to_vec(),
            unhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
        );
        assert_eq!(
            expand::<42>(&key, &[&unhex("f0f1f2f3f4f5f6f7f8f9")]).to_vec(),
            unhex(
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf
                 34007208d5b887185865"
            )
        );
    }

    /// RFC 5869, appendix A.2. The pieces of the information are joined in order.
    #[test]
    fn longer_inputs_and_outputs() {
        let input: Vec<u8> = (0x00..=0x4f).collect();
        let salt: Vec<u8> = (0x60..=0xaf).collect();
        let info: Vec<u8> = (0xb0..=0xff).collect();
        let key = extract(&salt, &input);
        assert_eq!(
            key.0.to_vec(),
            unhex("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244")
        );
        let expected = unhex(
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c
             59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71
             cc30c58179ec3e87c14c01d5c1f3434f1d87",
        );
        assert_eq!(expand::<82>(&key, &[&info]).to_vec(), expected);
        assert_eq!(
            expand::<82>(&key, &[&info[..7], &info[7..]]).to_vec(),
            expected
        );
    }

    /// RFC 5869, appendix A.3.
    #[test]
    fn empty_salt_and_info() {
        let key = extract(&[], &[0x0b; 22]);
        assert_eq!(
            key.0.to_vec(),
            unhex("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04")
        );
        assert_eq!(
            expand::<42>(&key, &[]).to_vec(),
            unhex(
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d
                 9d201395faa4b61a96c8"
            )
        );
    }
}
