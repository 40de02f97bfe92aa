//! Makes zip archives, entry after entry, for anything that takes bytes.
//!
//! [`Packer`] reads, compresses and encrypts, one for each thread; [`ArchiveWriter`] writes what they made.
//! The zip crate only compresses (`deflater.rs`) and encrypts (`cipher.rs`): its own writer cannot take what
//! several threads prepared, nor drop an entry that failed half way, without a seek.

mod archive_writer;
mod cipher;
mod deflater;
mod entry;
mod member;
pub(crate) mod new_file;
mod packer;
mod records;
mod sink;

pub use archive_writer::{ArchiveWriter, Begun};
pub use cipher::Cipher;
pub use deflater::{DEFLATE_END, DeflateEffort};
pub use entry::{Encryption, Method};
pub use member::Member;
pub use packer::{Packer, Piece, PieceIndex, Whole};
pub use sink::ArchiveSink;
