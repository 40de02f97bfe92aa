//! What answers mean. Each function's error says what to type instead.

use super::paths::path;
use crate::cli::error::CliError;
use crate::cli::input::questions;
use crate::cli::options::address::{self, WrittenAddress};
use crate::crypto::MeetingCode;
use crate::session::DEFAULT_PORT;
use std::ffi::OsStr;
use std::net::ToSocketAddrs;
use std::path::PathBuf;

/// Which side of the connection to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerPlace {
    Dialling,
    Listening,
}

/// The direction of the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferDirection {
    Sending,
    Receiving,
}

/// The answer to the first question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The direction of the transfer.
    Direction(TransferDirection),
    /// Which side dials: the first question of the original PeerBridge.
    Place(PeerPlace),
}

pub(super) fn start(answer: &str) -> Result<Start, String> {
    Ok(match answer.to_ascii_lowercase().as_str() {
        "s" | "send" => Start::Direction(TransferDirection::Sending),
        "r" | "receive" => Start::Direction(TransferDirection::Receiving),
        "i" | "initiate" | "d" | "dial" | "c" | "connect" => Start::Place(PeerPlace::Dialling),
        "w" | "wait" | "l" | "listen" => Start::Place(PeerPlace::Listening),
        _ => return Err("Type s to send or r to receive; ? explains more.".to_owned()),
    })
}

pub(super) fn direction(
    answer: &str,
    usual: TransferDirection,
) -> Result<TransferDirection, String> {
    match answer.to_ascii_lowercase().as_str() {
        "" => Ok(usual),
        "s" | "send" => Ok(TransferDirection::Sending),
        "r" | "receive" => Ok(TransferDirection::Receiving),
        _ => Err("Type s or r.".to_owned()),
    }
}

pub(super) fn yes_or_no(answer: &str) -> Result<bool, String> {
    questions::yes_or_no(answer).ok_or_else(|| "Type y or n.".to_owned())
}

pub(super) fn peer(answer: &str) -> Result<WrittenAddress, String> {
    if answer.is_empty() {
        return Err("Type a name or an address.".to_owned());
    }
    address::peer(answer).map_err(|error| reason(&error))
}

/// Whether a host has an address.
pub(super) fn resolve(host: &str) -> Result<(), String> {
    match (host, DEFAULT_PORT).to_socket_addrs() {
        Ok(addresses) if addresses.len() > 0 => Ok(()),
        Ok(_) => Err(format!("No address is known for {host}.")),
        Err(error) => Err(format!("No address is known for {host}: {error}.")),
    }
}

pub(super) fn peer_port(answer: &str) -> Result<u16, String> {
    port(answer, address::dialled_port)
}

pub(super) fn own_port(answer: &str) -> Result<u16, String> {
    port(answer, address::port)
}

fn port(answer: &str, understand: fn(&str) -> Result<u16, CliError>) -> Result<u16, String> {
    match answer {
        "" => Ok(DEFAULT_PORT),
        _ => understand(answer).map_err(|error| reason(&error)),
    }
}

/// A code; `None` for a fresh one.
pub(super) fn code(answer: &str) -> Result<Option<MeetingCode>, String> {
    match answer {
        "" => Ok(None),
        _ => MeetingCode::from_input(answer)
            .map(Some)
            .map_err(|fault| format!("{fault}.")),
    }
}

/// A folder, or a name that is free for a new one.
pub(super) fn folder(answer: &str, home: Option<&OsStr>) -> Result<PathBuf, String> {
    if answer.is_empty() {
        return Ok(PathBuf::from("."));
    }
    let path = path(answer, home);
    match std::fs::metadata(&path) {
        Ok(metadata) if !metadata.is_dir() => Err("That is not a folder.".to_owned()),
        Err(_) if MeetingCode::from_input(answer).is_ok() => {
            Err("That is a code, not a folder. The code is asked for next.".to_owned())
        }
        _ => Ok(path),
    }
}

fn reason(error: &CliError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_first_peerbridge_still_work() {
        assert_eq!(start("i"), Ok(Start::Place(PeerPlace::Dialling)));
        assert_eq!(start("Wait"), Ok(Start::Place(PeerPlace::Listening)));
        assert!(start("").is_err());
    }

    #[test]
    fn enter_takes_what_is_usual() {
        assert_eq!(
            direction("", TransferDirection::Sending),
            Ok(TransferDirection::Sending)
        );
        assert_eq!(
            direction("Receive", TransferDirection::Sending),
            Ok(TransferDirection::Receiving)
        );
        assert_eq!(peer_port(""), Ok(8080));
        assert_eq!(own_port("0"), Ok(0));
        assert_eq!(yes_or_no(""), Ok(false));
        assert_eq!(folder("", None), Ok(".".into()));
    }

    #[test]
    fn errors_say_what_to_type() {
        assert!(peer_port("0").unwrap_err().contains("0"));
        assert!(own_port("65536").unwrap_err().contains("65535"));
        assert!(peer("").is_err() && peer("a b").is_err());
        assert!(code("4271-nosuchword").is_err_and(|why| why.contains("nosuchword")));
        assert!(code("").is_ok_and(|code| code.is_none()));
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(folder(file.path().to_str().unwrap(), None).is_err());
        let typed_too_early = folder("9260 grove cadet satin", None).unwrap_err();
        assert!(typed_too_early.contains("asked for next"));
    }
}
