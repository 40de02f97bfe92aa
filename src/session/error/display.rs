//! The line that says what went wrong.

use super::Error;
use crate::model::escaped;
use std::fmt;
use std::net::SocketAddr;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(Unescaped(self).to_string().as_bytes()))
    }
}

/// The line as it is before the peer's words and names in it are made safe to show.
struct Unescaped<'a>(&'a Error);

impl fmt::Display for Unescaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Error::NameNotFound { host, source } => {
                write!(f, "no address is known for {host}: {source}")
            }
            Error::NoConnection { address, source } => {
                write!(f, "no connection to {address}: {source}")
            }
            Error::CannotListen { address, source } => {
                write!(f, "cannot listen on {address}: {source}")
            }
            Error::NobodyCame { seconds } => write!(f, "nobody came within {seconds} s"),
            Error::Silent { seconds } => write!(f, "the peer has been silent for {seconds} s"),
            Error::Stalled { seconds } => {
                write!(
                    f,
                    "the peer has neither sent nor received anything for {seconds} s, and others are waiting"
                )
            }
            Error::WrongSecret { attempts: 1 } => f.write_str("the secrets differ"),
            Error::WrongSecret { attempts } => write!(f, "{attempts} attempts with a wrong secret"),
            Error::Unconfirmed { cause } => {
                write!(
                    f,
                    "the peer did not prove that it knows the secret: {cause}"
                )
            }
            Error::NotPeerbridge { address, cause } => {
                match address {
                    Some(address) => {
                        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                        write!(f, "something answers at {address}, but not peerbridge")?;
                    }
                    None => f.write_str("the peer does not speak peerbridge")?,
                }
                match cause.as_deref() {
                    None => Ok(()),
                    Some(Error::Silent { seconds }) => {
                        write!(f, ": it said nothing for {seconds} s")
                    }
                    Some(_) => f.write_str(": it hung up"),
                }
            }
            Error::Version { theirs } => {
                write!(
                    f,
                    "the peer speaks other versions of the protocol: {theirs:?}"
                )
            }
            Error::CodeNeeded => {
                f.write_str("the other side wants a one-time code, and none was given")
            }
            Error::WrongCode => f.write_str("the one-time code is wrong"),
            Error::SameRole { role } => write!(f, "both sides want to {role}"),
            Error::Busy => f.write_str("the other side is busy with another peer"),
            Error::PeerDeclined { reason, .. } => write!(f, "the peer declined: {reason}"),
            Error::BadPattern { fault } => write!(f, "a pattern is malformed: {fault}"),
            Error::Source(error) => error.fmt(f),
            Error::CannotRead { name, source } => {
                write!(f, "cannot read the input for {name}: {source}")
            }
            Error::ReadBefore { name } => {
                write!(f, "the input for {name} has already been read")
            }
            Error::SourceFailed { reason } => {
                write!(f, "the sender could not read the file: {reason}")
            }
            Error::Disk(error) | Error::CannotMake(error) | Error::CannotUnpack(error) => {
                error.fmt(f)
            }
            Error::Taken { path, is_folder } => match is_folder {
                false => write!(f, "{} is there already", path.display()),
                true => write!(f, "{} is a folder", path.display()),
            },
            Error::Output { name, source } => write!(f, "cannot write to {name}: {source}"),
            Error::NoRoom { needed, free } => {
                write!(f, "{needed} bytes are needed and {free} are free")
            }
            Error::DeclinedHere { reason } => write!(f, "declined: {reason}"),
            Error::UnsafeOffer { reason } => {
                write!(f, "the peer offers something unsafe: {reason}")
            }
            Error::InTheWay {
                names,
                count,
                never_replaced,
            } => {
                match (never_replaced, count) {
                    (true, _) => {
                        f.write_str("a folder is never replaced by a file, nor a file by a folder")?
                    }
                    (false, 1) => f.write_str("a file is in the way")?,
                    (false, _) => write!(f, "{count} files are in the way")?,
                }
                write_names(f, names, *count)
            }
            Error::NotVerified { what } => write!(f, "the data does not verify: {what}"),
            Error::Lost { source } => write!(f, "the connection was lost: {source}"),
            Error::PeerAborted { text, .. } => write!(f, "the peer gave up: {text}"),
            Error::CutShort { cause } => Unescaped(cause).fmt(f),
            Error::PhraseDiffers => f.write_str("the phrase was not confirmed on both sides"),
            Error::Archive(error) => error.fmt(f),
            Error::Expansion(growth) => write!(
                f,
                "not opened: {} bytes would become {} in {} files and folders",
                growth.archive_bytes, growth.bytes, growth.entries
            ),
            Error::Cancelled => f.write_str("cancelled"),
            Error::System { source } => write!(f, "the system refuses: {source}"),
        }
    }
}

/// Appends the names that are known of `count`.
fn write_names(f: &mut fmt::Formatter<'_>, names: &[Vec<u8>], count: usize) -> fmt::Result {
    for (position, name) in names.iter().enumerate() {
        let before = if position == 0 { ": " } else { ", " };
        write!(f, "{before}{}", escaped(name))?;
    }
    match count.saturating_sub(names.len()) {
        more if more > 0 && !names.is_empty() => write!(f, " and {more} more"),
        _ => Ok(()),
    }
}
