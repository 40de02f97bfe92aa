//! Floor 1, keys: what two peers share, how they prove it to each other, and how a message or a
//! part is sealed. Nothing here touches a file, a socket or the protocol's messages.
//!
//! In the order of a session: a [`Secret`] starts [`Cpace`], whose shares travel in the two Hello
//! bodies. It ends in a [`SharedKey`], and that with the [`TranscriptHash`] in [`UnprovenKeys`],
//! which can seal but not open. The peer's confirmation turns them into [`SessionKeys`].

mod archive_password;
mod code;
mod cpace;
mod credential_error;
mod digest;
#[cfg(test)]
mod hex;
mod hkdf;
mod keys;
mod mac;
mod name_tag;
mod proof;
mod random;
mod return_ticket;
mod seal;
mod secret;
mod side;
mod totp;
mod transcript;
#[cfg(test)]
pub(crate) mod vectors;
mod words;

pub use archive_password::ArchivePassword;
pub use code::{Channel, MeetingCode, complete_code};
pub use cpace::{Cpace, InvalidShare, SHARE_LENGTH};
pub use credential_error::CredentialError;
pub use digest::{DIGEST_LENGTH, DigestKey, PieceDigest, PieceHasher, PiecePosition};
pub use keys::{OpeningKeys, SealingKeys};
pub use name_tag::{NAME_TAG_LENGTH, name_tag};
pub use proof::{PROOF_LENGTH, SessionKeys, UnprovenKeys, WrongSecret};
pub use random::{RandomError, random_bytes};
pub use return_ticket::ReturnTicket;
pub use seal::{
    Compression, ENVELOPE_LENGTH, Envelope, OpenError, Opener, PREPARED_LENGTH, Position, Prepared,
    SEALED_OVERHEAD, SealError, Sealed, Sealer,
};
pub use secret::{MAX_SECRET_LENGTH, Secret};
pub use side::Side;
pub use totp::{CODE_DIGITS, TotpKey, TotpStep};
pub use transcript::TranscriptHash;
