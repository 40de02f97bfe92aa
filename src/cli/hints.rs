//! What to do about each error.

use crate::cli::error::{Error, Exposure};
use crate::disk::{ArchiveFault, DiskErrorKind, SourceError};
use crate::model::shell_word;
use crate::protocol::{AbortCode, DeclineReason};
use crate::session::SessionError;
use std::io::ErrorKind;

impl Error {
    /// What to type or to look at next; `None` where nothing helps.
    pub(crate) fn hint(&self) -> Option<String> {
        hint(self)
    }
}

fn hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::Usage { hint, .. } => return hint.clone(),
        Error::NoTerminal { hint, .. } => (*hint).to_owned(),
        Error::Secret { .. } => {
            "`peerbridge secret` makes a secret; 1 to 1024 bytes on one line are one".to_owned()
        }
        Error::SecretExposed { path, exposure } => {
            let path = shell_word(path.as_os_str().as_encoded_bytes());
            match exposure {
                Exposure::Readable => format!(
                    "chmod 600 {path}; or, where it must stay so: cat {path} | peerbridge ... \
                     --secret-file /dev/stdin"
                ),
                Exposure::Writable => format!("chmod 600 {path}, and make sure that it still holds your secret"),
                Exposure::ForeignOwner | Exposure::Folder => format!(
                    "copy it to a folder of your own, or: cat {path} | peerbridge ... --secret-file /dev/stdin"
                ),
            }
        }
        Error::Password { .. } => {
            "an archive's password has 1 to 99 bytes on one line; to open one made elsewhere it may \
             have 1024"
                .to_owned()
        }
        Error::PasswordFile { .. } => {
            "--zip-password-file takes a file whose first line is the password".to_owned()
        }
        Error::SecretFile { .. } => {
            "--secret-file takes a file whose first line is the secret".to_owned()
        }
        Error::Source { source, .. } if source.kind() == ErrorKind::NotFound => {
            "check the spelling; a path is relative to the folder you are in".to_owned()
        }
        Error::Source { .. } => "check the permissions, or leave it out".to_owned(),
        Error::CannotWrite { .. } => "check the permissions and the free space there".to_owned(),
        Error::Bug => "please report it with the line above, the output of `peerbridge --version` \
                       and the command you typed (without the secret)"
            .to_owned(),
        Error::Different { .. } => "did the source change meanwhile? run it again".to_owned(),
        Error::Hook { .. } => "the files are there; the hook's own words stand above".to_owned(),
        Error::Asking(_) | Error::Random(_) => return None,
        Error::Session(error) => return of_session(error).map(str::to_owned),
    })
}

const GO_ON: &str = "run the same command again to go on where it stopped";
const ANEW: &str = "nothing of it is kept, and it cannot go on: begin anew on both sides";

fn of_session(error: &SessionError) -> Option<&'static str> {
    Some(match error {
        SessionError::NameNotFound { .. } => {
            "check the name, or give the address itself, like 192.0.2.7 or [2001:db8::7]:8080"
        }
        SessionError::NoConnection { .. } => {
            "is the other side waiting, on this port, and does a firewall let it through? \
             --wait SECS keeps trying longer"
        }
        SessionError::CannotListen { source, .. } => match source.kind() {
            ErrorKind::AddrInUse => {
                "another program has this port: take another with --port N, \
                 or --port 0 to let the system choose"
            }
            ErrorKind::PermissionDenied => "take a port above 1023 with --port N",
            _ => "--bind takes an address of this machine; without it all of them are used",
        },
        SessionError::NobodyCame { .. } => "start the other side, or wait longer with --wait SECS",
        SessionError::Silent { .. } => {
            "run the same command again to go on where it stopped; \
             --idle-timeout SECS allows longer silences"
        }
        SessionError::WrongSecret { .. } => {
            "give both sides the same secret, case and blanks included; \
             `peerbridge secret` makes one that is easy to say"
        }
        SessionError::Unconfirmed { .. } => {
            "somebody may sit in between and have tried a guess at the secret: make sure that the other \
             side runs and that the address is its own before you run this again; a secret of \
             `peerbridge secret` is safe from guesses"
        }
        SessionError::PhraseDiffers => {
            "somebody who knows the secret may sit in between: make a new secret and tell it in \
             another way"
        }
        SessionError::NotPeerbridge => {
            "check the address and the port: some other program answers there"
        }
        SessionError::Version { .. } => {
            "install the same version on both sides; `peerbridge --version` shows it"
        }
        SessionError::SameRole { role: "send" } => "the other side must run `peerbridge receive`",
        SessionError::SameRole { .. } => "the other side must run `peerbridge send`",
        SessionError::Busy => "try again in a moment",
        SessionError::InTheWay { .. } => {
            "say what to do with --existing skip, rename, overwrite or newer, \
             or name another folder"
        }
        SessionError::Taken { is_folder, .. } => match is_folder {
            true => "name the archive itself: FOLDER/NAME.zip",
            false => {
                "say what to do with --existing skip, rename, overwrite or newer, \
                 or give another name"
            }
        },
        SessionError::NotVerified { .. } => {
            "run the same command again: only what verified is kept"
        }
        SessionError::Lost { .. } | SessionError::Stalled { .. } | SessionError::Cancelled => GO_ON,
        SessionError::PeerAborted { code, .. } => match *code {
            AbortCode::CANNOT_WRITE => {
                "once the other side can write again, run the same command again to go on"
            }
            AbortCode::UNEXPECTED | AbortCode::LOST | AbortCode::HOOK_FAILED => GO_ON,
            _ => return None,
        },
        SessionError::CutShort { cause } => return of_cut(cause),
        SessionError::CannotRead { .. } => "check what writes to it, and begin anew on both sides",
        SessionError::ReadBefore { .. } => "open it again: it is read once, from where it stands",
        SessionError::SourceFailed { .. } => "send it again when it is at rest",
        SessionError::Output { .. } => {
            "what reads it ended or cannot write: begin anew on both sides once it can"
        }
        SessionError::BadPattern { .. } => "* ? [abc] and ** are special in --exclude",
        SessionError::Source(error) => match error {
            SourceError::Missing(_) | SourceError::Unreadable(..) => {
                "check the spelling and the permissions, or leave it out"
            }
            SourceError::Special(..) => "only files, folders and links are taken: leave it out",
            SourceError::Name(..) | SourceError::NotUnicode(_) => "rename it, or leave it out",
            SourceError::SameName(..) => {
                "give each once; of two that have one name, give the folder above them"
            }
            SourceError::Manifest(_) => "leave some of it out with --exclude",
        },
        SessionError::NoRoom { .. } => "make room there, or name a folder on another disk",
        SessionError::Disk(error) => match error.kind() {
            DiskErrorKind::Full => "make room, then run the same command again to go on",
            DiskErrorKind::ReadOnly | DiskErrorKind::Permission => {
                "name a folder that you may write to"
            }
            DiskErrorKind::Locked => "wait for the other receiver, or receive into another folder",
            DiskErrorKind::NameCollision | DiskErrorKind::Name => {
                "ask the sender to rename it, or to leave it out with --exclude"
            }
            DiskErrorKind::NotAFolder => "a file has that name: name a folder, or a new one",
            DiskErrorKind::Absent | DiskErrorKind::Other => {
                "what arrived is kept: run the same command again to go on"
            }
        },
        SessionError::CannotMake(error) => match error.kind() {
            DiskErrorKind::Full => "make room there, or make the archive on another disk",
            DiskErrorKind::Locked => "wait for the other one, or give another name",
            DiskErrorKind::Absent | DiskErrorKind::NotAFolder => {
                "there is no such folder: check the spelling, or make it"
            }
            DiskErrorKind::ReadOnly | DiskErrorKind::Permission => {
                "make the archive in a folder that you may write to"
            }
            DiskErrorKind::NameCollision | DiskErrorKind::Name | DiskErrorKind::Other => {
                "give another name, or make the archive in another folder"
            }
        },
        SessionError::CannotUnpack(error) => match error.kind() {
            DiskErrorKind::Full => "make room there, or name a folder on another disk",
            DiskErrorKind::Locked => "wait for the other one, or name another folder",
            DiskErrorKind::NameCollision | DiskErrorKind::Name => {
                "name a folder on another disk, or open it with another program"
            }
            DiskErrorKind::NotAFolder => "a file has that name: name a folder, or a new one",
            DiskErrorKind::ReadOnly | DiskErrorKind::Permission => {
                "name a folder that you may write to"
            }
            DiskErrorKind::Absent | DiskErrorKind::Other => {
                "nothing of it is kept: run the same command again once that is mended"
            }
        },
        SessionError::Archive(error) => of_archive(error.fault()),
        SessionError::Expansion(_) => {
            "if you trust whoever made it and have the room, --yes opens it all the same"
        }
        SessionError::PeerDeclined { because, .. } => return of_decline(*because),
        SessionError::DeclinedHere { .. }
        | SessionError::UnsafeOffer { .. }
        | SessionError::System { .. } => return None,
    })
}

fn of_archive(fault: &ArchiveFault) -> &'static str {
    match fault {
        ArchiveFault::Unreadable(_) => "check the spelling and the permissions",
        ArchiveFault::NotZip => "peerbridge opens zip archives only",
        ArchiveFault::Damaged(_) | ArchiveFault::NotVerified(_) => {
            "nothing of it was put in place; get the archive once more from where it came from"
        }
        ArchiveFault::Trap(_) | ArchiveFault::Unsafe(_) | ArchiveFault::TooLarge(_) => {
            "nothing of it was put in place; `peerbridge unzip --list` shows what it holds"
        }
        ArchiveFault::ZipCrypto => {
            "without --strict it is opened, with a warning; have it made again with AES"
        }
        ArchiveFault::NothingSelected => {
            "`peerbridge unzip --list` shows its entries; * ? [abc] and ** are special in --only \
             and --exclude"
        }
        ArchiveFault::Unsupported(_) => {
            "open it with another program, or have it made again without that"
        }
        ArchiveFault::Method(_) => {
            "open it with 7-Zip (`7zz x`), or have it made again with deflate"
        }
        ArchiveFault::PasswordNeeded => {
            "give its password with --zip-password-file FILE or in PEERBRIDGE_ZIP_PASSWORD"
        }
        ArchiveFault::WrongPassword => {
            "nothing was written; check the password, case and blanks included"
        }
    }
}

/// What to do about a transfer that cannot go on where it stopped.
fn of_cut(cause: &SessionError) -> Option<&'static str> {
    match cause {
        SessionError::Disk(error) if error.kind() == DiskErrorKind::Full => {
            Some("make room, then begin anew on both sides: nothing of it is kept")
        }
        SessionError::Lost { .. }
        | SessionError::Silent { .. }
        | SessionError::Cancelled
        | SessionError::NotVerified { .. }
        | SessionError::Disk(_) => Some(ANEW),
        SessionError::PeerAborted { code, .. } => match *code {
            AbortCode::WRONG_SECRET | AbortCode::VERSION => None,
            _ => Some(ANEW),
        },
        other => of_session(other),
    }
}

/// What the person at the other side may do, so that the one here can ask for it.
fn of_decline(because: DeclineReason) -> Option<&'static str> {
    Some(match because {
        DeclineReason::Person => return None,
        DeclineReason::InTheWay => {
            "the other side names it, and may say --existing skip, rename, overwrite or newer"
        }
        DeclineReason::UnsafeName => "the other side names it: rename it, or --exclude it",
        DeclineReason::Limit => "the other side sets it with --max-size and --max-files",
        DeclineReason::NoSpace => "make room there, or send less",
        DeclineReason::CannotWrite => {
            "the other side must receive into a folder that it may write to"
        }
        DeclineReason::Busy => "wait until the other transfer has ended",
    })
}
