//! What to do about each error.

use crate::cli::error::{CliError, CredentialKind, Exposure};
use crate::cli::given::Given;
use crate::disk::{ArchiveFault, DiskErrorKind, SourceError};
use crate::model::shell_word;
use crate::protocol::{AbortCode, DeclineReason};
use crate::session::Error;
use std::io::ErrorKind;

/// Whether data of an interrupted transfer is kept, here or at the receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeptData {
    #[default]
    Nothing,
    Something,
}

impl CliError {
    /// What to type or to check next; `None` if nothing helps.
    pub(crate) fn hint(&self) -> Option<String> {
        self.hint_with(KeptData::Nothing, &Given::default())
    }

    /// The same after a transfer of which data may be kept, without suggestions that `given` already follows. The
    /// hint of a usage error is about the given options, so it stays whole.
    pub(crate) fn hint_with(&self, kept: KeptData, given: &Given) -> Option<String> {
        let hint = hint(self, kept)?;
        match self {
            CliError::Usage { .. } => Some(hint),
            _ => given.without_done(&hint),
        }
    }
}

fn hint(error: &CliError, kept: KeptData) -> Option<String> {
    Some(match error {
        CliError::Usage { hint, .. } => return hint.clone(),
        CliError::NoTerminal { hint, .. } => (*hint).to_owned(),
        CliError::Credential { kind, .. } => match kind {
            CredentialKind::Secret => {
                "a secret is one line of 1 to 1024 bytes; `peerbridge secret` makes one"
            }
            CredentialKind::Password => {
                "an archive's password is one line of 1 to 99 bytes; for archives made elsewhere, up to 1024"
            }
        }
        .to_owned(),
        CliError::CredentialFile { kind, .. } => format!(
            "check its path and its permissions; the {} is its first line",
            match kind {
                CredentialKind::Secret => "secret",
                CredentialKind::Password => "password",
            }
        ),
        CliError::SecretExposed { path, exposure } => {
            let path = shell_word(path.as_os_str().as_encoded_bytes());
            match exposure {
                Exposure::Readable => format!(
                    "chmod 600 {path}; or, if its mode must stay: cat {path} | peerbridge ... \
                     --secret-file /dev/stdin"
                ),
                Exposure::Writable => format!("chmod 600 {path}, and make sure that it still holds your secret"),
                Exposure::ForeignOwner | Exposure::Folder => format!(
                    "copy it to a folder of your own, or: cat {path} | peerbridge ... --secret-file /dev/stdin"
                ),
            }
        }
        CliError::Source { source, .. } if source.kind() == ErrorKind::NotFound => {
            "check the spelling; paths are relative to the current folder".to_owned()
        }
        CliError::Source { .. } => "check the permissions, or leave it out".to_owned(),
        CliError::ClosedInput => {
            "connect it to a program, or to a file with < FILE; for no input, < /dev/null".to_owned()
        }
        CliError::ClosedOutput => {
            "connect it to a program, or to a file with > FILE; to keep nothing, > /dev/null".to_owned()
        }
        CliError::CannotWrite { source, .. } if source.kind() == ErrorKind::NotFound => {
            "its folder is not there; `demo` makes its files in the folder that TMPDIR names (on \
             Windows: TMP)"
                .to_owned()
        }
        CliError::CannotWrite { .. } => "check the permissions and the free space there".to_owned(),
        CliError::Bug => "please report it with the line above, the output of `peerbridge --version` \
                       and the command you typed (without the secret)"
            .to_owned(),
        CliError::Different { .. } => "if the source changed meanwhile, run it again".to_owned(),
        CliError::Hook { .. } => "the files were delivered; the hook's own messages are above".to_owned(),
        CliError::Via { .. } => {
            "its messages are above; the command must reach `peerbridge receive` or `peerbridge send` with --stdio"
                .to_owned()
        }
        CliError::Asking(_) | CliError::Random(_) => return None,
        CliError::Session(error) => {
            return after_a_break(error, kept).or_else(|| of_session(error).map(str::to_owned));
        }
    })
}

/// The hint for errors after which the same command may resume the transfer.
fn after_a_break(error: &Error, kept: KeptData) -> Option<String> {
    let again = match kept {
        KeptData::Something => "run the same command again to resume",
        KeptData::Nothing => "run the same command again",
    };
    Some(match error {
        Error::Silent { .. } => format!("{again}; --idle-timeout SECS allows longer silences"),
        Error::Lost { .. } | Error::Stalled { .. } | Error::Cancelled => again.to_owned(),
        Error::PeerAborted { code, .. } => match *code {
            AbortCode::CANNOT_WRITE => format!("once the other side can write again, {again}"),
            AbortCode::UNEXPECTED | AbortCode::LOST | AbortCode::HOOK_FAILED => again.to_owned(),
            _ => return None,
        },
        Error::Disk(error) => match error.kind() {
            DiskErrorKind::Full => format!("make room, then {again}"),
            DiskErrorKind::Absent => format!("check the path or create the folder, then {again}"),
            DiskErrorKind::Other => format!("fix that, then {again}"),
            _ => return None,
        },
        _ => return None,
    })
}

const START_OVER: &str = "nothing is kept, so it cannot be resumed: start over on both sides";

fn of_session(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::NameNotFound { .. } => {
            "check the name, or give an address such as 192.0.2.7 or [2001:db8::7]:8080"
        }
        Error::NoConnection { .. } => {
            "check that the other side is waiting on this port and that no firewall blocks it; \
             --wait SECS keeps trying longer"
        }
        Error::CannotListen { source, .. } => match source.kind() {
            ErrorKind::AddrInUse => {
                "another program uses this port: choose another with --port N, \
                 or --port 0 for a free one"
            }
            ErrorKind::PermissionDenied => "choose a port above 1023 with --port N",
            _ => "--bind takes an address of this machine; without it, all are used",
        },
        Error::NobodyCame { .. } => "start the other side, or wait longer with --wait SECS",
        Error::WrongSecret { .. } => {
            "use the same secret on both sides, with the same case and spaces; a drop box with named \
             secrets also needs the right --as NAME"
        }
        Error::Unconfirmed { .. } => {
            "someone in between may have tried to guess the secret: before you run this again, make sure \
             that the other side runs and that the address is right; a secret made by \
             `peerbridge secret` cannot be guessed"
        }
        Error::PhraseDiffers => {
            "someone who knows the secret may be in between: make a new secret and share it in \
             another way"
        }
        Error::NotPeerbridge { .. } => {
            "check the address and the port; behind a tunnel or a proxy, check that the other side listens; \
             the command of --via must print nothing of its own on standard output"
        }
        Error::Version { .. } => {
            "install the same version on both sides; `peerbridge --version` shows it"
        }
        Error::CodeNeeded => {
            "run it on a terminal, or give the code of your authenticator app in PEERBRIDGE_OTP"
        }
        Error::WrongCode => "each code works once, for half a minute: wait for the next one",
        Error::SameRole { role: "send" } => "the other side must run `peerbridge receive`",
        Error::SameRole { .. } => "the other side must run `peerbridge send`",
        Error::Busy => "try again in a moment",
        Error::InTheWay { never_replaced, .. } => match never_replaced {
            true => "move it away, or choose --existing skip or rename, or another folder",
            false => "choose --existing skip, rename, overwrite or newer, or another folder",
        },
        Error::Taken { is_folder, .. } => match is_folder {
            true => "give the name of the archive itself: FOLDER/NAME.zip",
            false => "choose --existing skip, rename, overwrite or newer, or another name",
        },
        Error::NotVerified { .. } => "run the same command again; only verified data is kept",
        Error::CutShort { cause } => return of_cut(cause),
        Error::CannotRead { .. } => {
            "check the program that writes to it, then start over on both sides"
        }
        Error::ReadBefore { .. } => {
            "open it again: a stream is read once, from its current position"
        }
        Error::SourceFailed { .. } => "send it again when nothing changes it",
        Error::Output { .. } => {
            "the program that reads it ended or cannot write; fix that, then start over on both sides"
        }
        Error::BadPattern { .. } => "* ? [abc] and ** are special in patterns",
        Error::Source(error) => match error {
            SourceError::Missing(_) | SourceError::Unreadable(..) => {
                "check the spelling and the permissions, or leave it out"
            }
            SourceError::WrongSize(..) => {
                "copy its present contents to an ordinary file first: cat FILE > COPY"
            }
            SourceError::Special(..) => "only files, folders and links are supported: leave it out",
            SourceError::Name(..) | SourceError::NotUnicode(_) => "rename it, or leave it out",
            SourceError::SameName(..) => {
                "give each path once; for two with the same name, give the folder above them"
            }
            SourceError::NothingLeft => "check the patterns of --exclude",
            SourceError::Manifest(_) => "leave some of it out with --exclude",
        },
        Error::NoRoom { .. } => "make room there, or choose a folder on another disk",
        Error::Disk(error) => match error.kind() {
            DiskErrorKind::ReadOnly | DiskErrorKind::Permission => {
                "choose a folder that you can write to"
            }
            DiskErrorKind::Locked => "wait for the other receiver, or choose another folder",
            DiskErrorKind::NameCollision | DiskErrorKind::Name => {
                "ask the sender to rename it or to leave it out with --exclude"
            }
            DiskErrorKind::NotAFolder => "a file has that name: choose another folder",
            DiskErrorKind::Full | DiskErrorKind::Absent | DiskErrorKind::Other => return None,
        },
        Error::CannotMake(error) => match error.kind() {
            DiskErrorKind::Full => "make room there, or make the archive on another disk",
            DiskErrorKind::Locked => "wait for the other one, or choose another name",
            DiskErrorKind::Absent | DiskErrorKind::NotAFolder => {
                "there is no such folder: check the spelling, or create it"
            }
            DiskErrorKind::ReadOnly | DiskErrorKind::Permission => {
                "make the archive in a folder that you can write to"
            }
            DiskErrorKind::NameCollision | DiskErrorKind::Name | DiskErrorKind::Other => {
                "choose another name, or make the archive in another folder"
            }
        },
        Error::CannotUnpack(error) => match error.kind() {
            DiskErrorKind::Full => "make room there, or choose a folder on another disk",
            DiskErrorKind::Locked => "wait for the other one, or choose another folder",
            DiskErrorKind::NameCollision | DiskErrorKind::Name => {
                "choose a folder on another disk, or open it with another program"
            }
            DiskErrorKind::NotAFolder => "a file has that name: choose another folder",
            DiskErrorKind::ReadOnly | DiskErrorKind::Permission => {
                "choose a folder that you can write to"
            }
            DiskErrorKind::Absent | DiskErrorKind::Other => {
                "nothing is kept: fix that, then run the same command again"
            }
        },
        Error::Archive(error) => of_archive(error.fault()),
        Error::Expansion(_) => "--yes opens it anyway, if you trust its maker and have the space",
        Error::PeerDeclined { because, .. } => return of_decline(*because),
        Error::DeclinedHere { .. }
        | Error::Silent { .. }
        | Error::Lost { .. }
        | Error::Stalled { .. }
        | Error::Cancelled
        | Error::PeerAborted { .. }
        | Error::UnsafeOffer { .. }
        | Error::System { .. } => {
            return None;
        }
    })
}

fn of_archive(fault: &ArchiveFault) -> &'static str {
    match fault {
        ArchiveFault::Unreadable(_) => "check the spelling and the permissions",
        ArchiveFault::NotZip => "peerbridge opens zip archives only",
        ArchiveFault::Damaged(_) | ArchiveFault::NotVerified(_) => {
            "nothing was written; get the archive again from its source"
        }
        ArchiveFault::Trap(_) | ArchiveFault::Unsafe(_) | ArchiveFault::TooLarge(_) => {
            "nothing was written; `peerbridge unzip --list` shows what is in it"
        }
        ArchiveFault::ZipCrypto => {
            "without --strict it is opened, with a warning; ask for one made with AES"
        }
        ArchiveFault::NothingSelected => {
            "`peerbridge unzip --list` shows its entries; * ? [abc] and ** are special in --only \
             and --exclude"
        }
        ArchiveFault::Unsupported(_) => {
            "7-Zip (`7zz x`) may open it; or ask for one made without that"
        }
        // Shrink, Implode, bzip2, LZMA, xz, PPMd.
        ArchiveFault::Method(1 | 6 | 12 | 14 | 95 | 98) => {
            "open it with 7-Zip (`7zz x`), or ask for one made with deflate"
        }
        ArchiveFault::Method(_) => "ask for one made with deflate",
        ArchiveFault::PasswordNeeded => {
            "give its password with --zip-password-file FILE or in PEERBRIDGE_ZIP_PASSWORD"
        }
        ArchiveFault::WrongPassword => {
            "nothing was written; check the password, with its case and spaces"
        }
    }
}

/// The hint for a transfer that was interrupted and cannot be resumed.
fn of_cut(cause: &Error) -> Option<&'static str> {
    match cause {
        Error::Disk(error) if error.kind() == DiskErrorKind::Full => {
            Some("make room, then start over on both sides: nothing is kept")
        }
        Error::Lost { .. }
        | Error::Silent { .. }
        | Error::Cancelled
        | Error::NotVerified { .. }
        | Error::Disk(_) => Some(START_OVER),
        Error::PeerAborted { code, .. } => match *code {
            AbortCode::WRONG_SECRET | AbortCode::VERSION => None,
            _ => Some(START_OVER),
        },
        other => of_session(other),
    }
}

/// What the person on the other side can do, so that the person here can ask for it.
fn of_decline(because: DeclineReason) -> Option<&'static str> {
    Some(match because {
        DeclineReason::Person => return None,
        DeclineReason::InTheWay => {
            "the other side shows its name and what to do, such as --existing skip or rename"
        }
        DeclineReason::UnsafeName => {
            "the other side shows its name: rename it, or leave it out with --exclude"
        }
        DeclineReason::Limit => "the other side sets the limit with --max-size and --max-files",
        DeclineReason::NoSpace => "make room there, or send less",
        DeclineReason::CannotWrite => "the other side must choose a folder that it can write to",
        DeclineReason::Busy => "wait until the other transfer has ended",
    })
}
