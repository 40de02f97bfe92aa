//! What the answers mean. Each function says in its error what to type instead.

use crate::cli::error::Error;
use crate::cli::input::questions;
use crate::cli::options::address::{self, WrittenAddress};
use crate::session::DEFAULT_PORT;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Which side of the connection to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerPlace {
    Dialling,
    Listening,
}

/// Which way the files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferDirection {
    Sending,
    Receiving,
}

pub(super) fn place(answer: &str) -> Result<PeerPlace, String> {
    match answer.to_ascii_lowercase().as_str() {
        "i" | "initiate" | "d" | "dial" | "c" | "connect" => Ok(PeerPlace::Dialling),
        // "(i)nitiate or (r)eceive" was the first PeerBridge's question.
        "w" | "wait" | "l" | "listen" | "r" | "receive" => Ok(PeerPlace::Listening),
        _ => Err("Type i or w.".to_owned()),
    }
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
        return Err("Without an address there is nobody to reach.".to_owned());
    }
    address::peer(answer).map_err(|error| reason(&error))
}

pub(super) fn peer_port(answer: &str) -> Result<u16, String> {
    match answer {
        "" => Ok(DEFAULT_PORT),
        _ => address::dialled_port(answer).map_err(|error| reason(&error)),
    }
}

pub(super) fn own_port(answer: &str) -> Result<u16, String> {
    match answer {
        "" => Ok(DEFAULT_PORT),
        _ => address::port(answer).map_err(|error| reason(&error)),
    }
}

/// Something that is there.
pub(super) fn source(answer: &str, home: Option<&OsStr>) -> Result<PathBuf, String> {
    if answer.is_empty() {
        return Err("Type the path of a file or a folder.".to_owned());
    }
    let path = path(answer, home);
    match std::fs::symlink_metadata(&path) {
        Ok(_) => Ok(path),
        Err(source) => Err(Error::Source { path, source }.to_string()),
    }
}

/// A folder, or a name that is free for one.
pub(super) fn folder(answer: &str, home: Option<&OsStr>) -> Result<PathBuf, String> {
    if answer.is_empty() {
        return Ok(PathBuf::from("."));
    }
    let path = path(answer, home);
    match std::fs::metadata(&path) {
        Ok(metadata) if !metadata.is_dir() => Err("That is no folder.".to_owned()),
        _ => Ok(path),
    }
}

/// People paste paths with quotes around them, and write `~` where a shell would have read it.
fn path(answer: &str, home: Option<&OsStr>) -> PathBuf {
    if Path::new(answer).symlink_metadata().is_ok() {
        return PathBuf::from(answer);
    }
    let bare = ['"', '\''].into_iter().find_map(|quote| {
        let rest = answer.strip_prefix(quote)?;
        rest.strip_suffix(quote)
    });
    if let Some(bare) = bare {
        return PathBuf::from(bare);
    }
    match (answer.strip_prefix('~'), home) {
        (Some(""), Some(home)) => PathBuf::from(home),
        (Some(rest), Some(home)) if rest.starts_with('/') => {
            Path::new(home).join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(answer),
    }
}

fn reason(error: &Error) -> String {
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
        assert_eq!(place("i"), Ok(PeerPlace::Dialling));
        assert_eq!(place("R"), Ok(PeerPlace::Listening));
        assert!(place("").is_err());
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
        assert!(source("", None).is_err());
        let missing = source("/no/such\x1bfile", None).unwrap_err();
        assert!(!missing.contains('\x1b'), "{missing}");
    }

    #[test]
    fn paths_as_people_paste_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("it's mine");
        std::fs::write(&file, b"").unwrap();
        let shown = file.to_str().unwrap();
        assert_eq!(source(shown, None).unwrap(), file);
        assert_eq!(source(&format!("'{shown}'"), None).unwrap(), file);
        assert_eq!(source(&format!("\"{shown}\""), None).unwrap(), file);
        let home = folder.path().as_os_str();
        assert_eq!(source("~/it's mine", Some(home)).unwrap(), file);
        assert_eq!(source("~", Some(home)).unwrap(), folder.path());
        assert!(super::folder(shown, None).is_err());
    }
}
