//! Makes zip archives, entry by entry, for any sink.
//!
//! A [`Packer`] for each thread reads, compresses and encrypts; [`ArchiveWriter`] writes the results. The zip
//! crate only compresses (`deflater.rs`) and encrypts (`cipher.rs`): its own writer cannot take entries from
//! several threads, nor drop an entry that failed halfway, without a seek.

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
