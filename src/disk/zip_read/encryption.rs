//! How entries are encrypted.

/// How an entry is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    Nothing,
    Aes(Aes),
    ZipCrypto,
    /// A form of PKWARE's strong encryption.
    Strong,
}

/// WinZip's encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aes {
    pub(super) version: AesVersion,
    pub(super) strength: AesStrength,
    /// How the contents are compressed below the encryption.
    pub(super) method: u16,
}

/// Whether the CRC-32 is valid in addition to the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AesVersion {
    Ae1,
    Ae2,
}

/// The length of an AES key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AesStrength {
    /// 128 bits.
    Aes128,
    /// 192 bits.
    Aes192,
    /// 256 bits.
    Aes256,
}

/// Bytes after an AES entry's salt that reveal a wrong password.
const VERIFIER_BYTES: u64 = 2;
/// The tag after an AES entry's contents.
const TAG_BYTES: u64 = 10;
/// The random bytes before contents that are encrypted with ZipCrypto.
const ZIP_CRYPTO_HEADER_BYTES: u64 = 12;

impl Protection {
    /// Bytes before the packed contents.
    pub(super) fn bytes_before(self) -> u64 {
        match self {
            Protection::Aes(aes) => aes.strength.salt_bytes() + VERIFIER_BYTES,
            Protection::ZipCrypto => ZIP_CRYPTO_HEADER_BYTES,
            Protection::Nothing | Protection::Strong => 0,
        }
    }

    /// Bytes after the packed contents.
    pub(super) fn bytes_behind(self) -> u64 {
        match self {
            Protection::Aes(_) => TAG_BYTES,
            Protection::Nothing | Protection::ZipCrypto | Protection::Strong => 0,
        }
    }
}

impl AesStrength {
    fn salt_bytes(self) -> u64 {
        match self {
            AesStrength::Aes128 => 8,
            AesStrength::Aes192 => 12,
            AesStrength::Aes256 => 16,
        }
    }
}
