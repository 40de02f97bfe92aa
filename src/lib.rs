//! peerbridge moves files and folders straight from one machine to another.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod crypto;
pub mod disk;
pub mod model;
pub mod protocol;
pub mod session;
