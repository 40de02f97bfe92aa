//! peerbridge moves files and folders straight from one machine to another, between two peers who share
//! a secret word.
//!
//! The floors, each importing only from those below it:
//!
//! | floor | module | what it alone does |
//! | --- | --- | --- |
//! | 4 | [`cli`] | prints, asks, reads the environment, ends the process |
//! | 3 | [`session`] | has sockets and threads; tells what happens as events |
//! | 2 | [`protocol`] | bytes and states of the protocol, without I/O |
//! | 1 | [`disk`] | touches files |
//! | 1 | [`crypto`] | holds keys |
//! | 0 | [`model`] | plain values, and the limits of everything a peer controls |
//!
//! Programs use [`send`], [`receive`] and [`SendSession`] with a [`Connect`], [`serve`] for a drop box,
//! [`zip()`] and [`unzip()`] for archives, [`session::send_to_many`], [`session::inquire`] and
//! [`session::ping`]; a [`session::Cancel`] calls any of them off. [`main`] is the guided dialogue on a
//! terminal.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cli;
pub mod crypto;
pub mod disk;
mod error;
pub mod model;
pub mod protocol;
pub mod session;

pub use cli::main;
pub use error::{Error, Exit};
pub use session::{Connect, SendSession};

/// Sends once: looks at what is to be sent, meets the peer, offers, sends and ends.
///
/// # Errors
/// An [`Error`] that says what stood in the way, whose doing it was and what to do next.
pub fn send(
    connect: &Connect,
    options: &session::SendOptions,
    operator: &dyn session::Operator,
) -> Result<session::Summary, Error> {
    Ok(session::send(connect, options, operator)?)
}

/// Receives until the sender says that there is nothing more.
///
/// # Errors
/// An [`Error`] that says what stood in the way, whose doing it was and what to do next.
pub fn receive(
    connect: &Connect,
    options: &session::ReceiveOptions,
    operator: &dyn session::Operator,
) -> Result<Vec<session::Summary>, Error> {
    Ok(session::receive(connect, options, operator)?)
}

/// Makes one encrypted archive of files and folders.
///
/// # Errors
/// An [`Error`] that says what stood in the way, whose doing it was and what to do next.
pub fn zip(
    options: &session::ZipOptions,
    operator: &dyn session::Operator,
) -> Result<session::Summary, Error> {
    Ok(session::zip(options, operator)?)
}

/// Opens a zip archive into a folder: everything in it, or nothing.
///
/// # Errors
/// An [`Error`] that says what is wrong with the archive or its password, or what stood in the way.
pub fn unzip(
    options: &session::UnzipOptions,
    operator: &dyn session::Operator,
) -> Result<session::Summary, Error> {
    Ok(session::unzip(options, operator)?)
}

/// Receives from many peers at once, until it is called off.
///
/// # Errors
/// An [`Error`] that says why it could not begin, or that nobody ever came.
pub fn serve(
    options: &session::ServeOptions,
    operator: &dyn session::Operator,
) -> Result<(), Error> {
    Ok(session::serve(options, operator)?)
}
