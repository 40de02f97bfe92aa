//! Encoded entries of a manifest, as a message carries them.

use std::fmt;

/// Whole encoded entries, few enough for one message.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ManifestChunk(Vec<u8>);

impl ManifestChunk {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        ManifestChunk(bytes)
    }

    pub(super) fn from_peer(bytes: &[u8]) -> Self {
        ManifestChunk(bytes.to_vec())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ManifestChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManifestChunk({} bytes)", self.0.len())
    }
}
