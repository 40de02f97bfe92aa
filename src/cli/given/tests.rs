use super::*;
use crate::cli::error::{CliError, CredentialKind, Exposure};
use crate::cli::hints::KeptData;
use crate::cli::options::args::ParsedArgs;
use crate::crypto::CredentialError;
use crate::disk::{DiskError, SourceError};
use crate::protocol::{AbortCode, DeclineReason};
use crate::session::{Error, Expansion};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

fn text() -> String {
    "x".to_owned()
}

fn system(kind: ErrorKind) -> io::Error {
    kind.into()
}

/// Errors of the command line, one of each.
fn of_the_command_line() -> Vec<CliError> {
    let path = || PathBuf::from("x");
    let origin = text;
    let mut errors = vec![
        CliError::ClosedInput,
        CliError::ClosedOutput,
        CliError::Bug,
        CliError::Credential {
            kind: CredentialKind::Secret,
            origin: origin(),
            fault: CredentialError::SecretEmpty,
        },
        CliError::Credential {
            kind: CredentialKind::Password,
            origin: origin(),
            fault: CredentialError::PasswordEmpty,
        },
        CliError::Different {
            path: path(),
            count: 1,
        },
        CliError::Hook {
            program: path(),
            why: text(),
        },
        CliError::Via { why: text() },
    ];
    for kind in [
        ErrorKind::NotFound,
        ErrorKind::PermissionDenied,
        ErrorKind::IsADirectory,
    ] {
        errors.extend([
            CliError::CredentialFile {
                kind: CredentialKind::Secret,
                path: path(),
                source: system(kind),
            },
            CliError::CredentialFile {
                kind: CredentialKind::Password,
                path: path(),
                source: system(kind),
            },
            CliError::Source {
                path: path(),
                source: system(kind),
            },
            CliError::CannotWrite {
                what: text(),
                source: system(kind),
            },
        ]);
    }
    let exposures = [
        Exposure::Readable,
        Exposure::Writable,
        Exposure::ForeignOwner,
        Exposure::Folder,
    ];
    errors.extend(exposures.map(|exposure| CliError::SecretExposed {
        path: path(),
        exposure,
    }));
    errors
}

/// Errors of a session, one of each.
fn of_a_session() -> Vec<Error> {
    let refused = || system(ErrorKind::ConnectionRefused);
    let path = || PathBuf::from("x");
    let address = "127.0.0.1:1".parse().unwrap();
    let mut errors = vec![
        Error::NameNotFound {
            host: text(),
            source: refused(),
        },
        Error::NoConnection {
            address: text(),
            source: refused(),
        },
        Error::NobodyCame { seconds: 1 },
        Error::Silent { seconds: 1 },
        Error::Stalled { seconds: 1 },
        Error::WrongSecret { attempts: 1 },
        Error::Unconfirmed {
            cause: Box::new(Error::Busy),
        },
        Error::NotPeerbridge {
            address: None,
            cause: None,
        },
        Error::Version { theirs: vec![1] },
        Error::CodeNeeded,
        Error::WrongCode,
        Error::SameRole { role: "send" },
        Error::SameRole { role: "receive" },
        Error::Busy,
        Error::BadPattern { fault: text() },
        Error::CannotRead {
            name: text(),
            source: refused(),
        },
        Error::ReadBefore { name: text() },
        Error::SourceFailed { reason: text() },
        Error::Output {
            name: text(),
            source: refused(),
        },
        Error::NoRoom { needed: 2, free: 1 },
        Error::DeclinedHere { reason: text() },
        Error::UnsafeOffer { reason: text() },
        Error::NotVerified { what: text() },
        Error::Lost { source: refused() },
        Error::PhraseDiffers,
        Error::Cancelled,
        Error::Expansion(Expansion {
            archive_bytes: 1,
            bytes: 2,
            entries: 3,
        }),
        Error::System { source: refused() },
        Error::Source(SourceError::Missing(path())),
        Error::Source(SourceError::Unreadable(path(), ErrorKind::PermissionDenied)),
        Error::Source(SourceError::WrongSize(path(), 1)),
        Error::Source(SourceError::NotUnicode(path())),
        Error::Source(SourceError::SameName(path(), path())),
        Error::Source(SourceError::NothingLeft),
    ];
    for kind in [
        ErrorKind::AddrInUse,
        ErrorKind::PermissionDenied,
        ErrorKind::Other,
    ] {
        let source = system(kind);
        errors.push(Error::CannotListen { address, source });
    }
    for flag in [false, true] {
        errors.push(Error::InTheWay {
            names: Vec::new(),
            count: 1,
            never_replaced: flag,
        });
        errors.push(Error::Taken {
            path: path(),
            is_folder: flag,
        });
    }
    let disk = [
        ErrorKind::StorageFull,
        ErrorKind::NotFound,
        ErrorKind::PermissionDenied,
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::NotADirectory,
        ErrorKind::InvalidFilename,
        ErrorKind::Other,
    ];
    for kind in disk {
        let error = || DiskError::at("open", Path::new("x"))(system(kind));
        errors.extend([
            Error::Disk(error()),
            Error::CannotMake(error()),
            Error::CannotUnpack(error()),
        ]);
    }
    let reasons = [
        DeclineReason::Person,
        DeclineReason::InTheWay,
        DeclineReason::UnsafeName,
        DeclineReason::Limit,
        DeclineReason::NoSpace,
        DeclineReason::CannotWrite,
        DeclineReason::Busy,
    ];
    for because in reasons {
        let reason = text();
        errors.push(Error::PeerDeclined { because, reason });
    }
    for code in [
        AbortCode::CANNOT_WRITE,
        AbortCode::LOST,
        AbortCode::UNEXPECTED,
    ] {
        errors.push(Error::PeerAborted { code, text: text() });
    }
    let cut = of_cut();
    errors.extend(cut.into_iter().map(Error::cut_short));
    errors
}

fn of_cut() -> Vec<Error> {
    let source = system(ErrorKind::ConnectionReset);
    vec![
        Error::Lost { source },
        Error::Cancelled,
        Error::Silent { seconds: 1 },
    ]
}

/// Each option alone, with each word that it takes or with some value.
fn each_option() -> Vec<(&'static Flag, Given)> {
    let with = |flag, value: Option<&str>| {
        let value = value.map(str::to_owned);
        (flag, Given(vec![GivenOption { flag, value }]))
    };
    let all = FLAGS.iter().flat_map(|flag| match flag.takes {
        Takes::Nothing => vec![with(flag, None)],
        Takes::OneOf(_, words) => words.iter().map(|word| with(flag, Some(word))).collect(),
        _ => vec![with(flag, Some("7"))],
    });
    all.collect()
}

#[test]
fn no_hint_says_what_was_done() {
    let sessions = of_a_session().into_iter().map(CliError::Session);
    let errors: Vec<CliError> = of_the_command_line().into_iter().chain(sessions).collect();
    for error in &errors {
        for kept in [KeptData::Nothing, KeptData::Something] {
            let usual = error.hint_with(kept, &Given::default());
            for (flag, given) in each_option() {
                let value = given.0[0].value.as_deref();
                let hint = error.hint_with(kept, &given).unwrap_or_default();
                let named = format!("--{}", flag.long);
                let is_named = hint
                    .split([' ', ',', ';', ':', '`', ')'])
                    .any(|word| word == named);
                if !is_named {
                    continue;
                }
                // The hint may still name it: as an option to change, to give again, or with another word.
                let changes = [
                    "longer",
                    "another",
                    "right",
                    "leave out",
                    "without",
                    "check",
                ];
                let is_number = matches!(flag.takes, Takes::Value("SECS" | "N"));
                let is_told_about = match flag.takes {
                    Takes::Value(value) | Takes::Path(value) => {
                        !hint.contains(&format!("{named} {value}"))
                    }
                    _ => false,
                };
                let is_repeated = matches!(flag.takes, Takes::Values(_));
                let is_other_word = match flag.takes {
                    Takes::OneOf(..) => !hint.contains(&format!("{named} {}", value.unwrap_or(""))),
                    _ => false,
                };
                let is_change = changes.iter().any(|word| hint.contains(word));
                assert!(
                    is_change || is_number || is_told_about || is_repeated || is_other_word,
                    "{error}: {named} was given, and the hint is: {hint} (usually: {usual:?})"
                );
            }
        }
    }
}

#[test]
fn what_was_done_is_left_away_and_the_rest_stays() {
    let given = |line: &[&str]| {
        let words: Vec<_> = line.iter().map(|word| (*word).into()).collect();
        ParsedArgs::parse(&words).unwrap().given()
    };
    let receive = given(&["receive", "--yes", "--existing", "skip", "--wait", "5"]);
    let left = |hint| receive.without_done(hint);
    assert_eq!(left("--yes accepts it"), None);
    assert_eq!(
        left("--yes accepts it; or ask them").as_deref(),
        Some("or ask them")
    );
    assert_eq!(left("choose --existing skip"), None);
    for stays in [
        "choose --existing rename",
        "--wait SECS allows more",
        "leave out --yes",
        "--yess",
    ] {
        assert_eq!(left(stays).as_deref(), Some(stays));
    }
}
