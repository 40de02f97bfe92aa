use super::*;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::model::FailureReason;
use crate::protocol::DeclineReason;
use crate::session::Summary;

fn code(error: Error) -> u8 {
    CliError::from(error).exit_code()
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

#[test]
fn codes_follow_the_contract() {
    let address = "127.0.0.1:1".parse().unwrap();
    let host = || "h".to_owned();
    let cases = [
        (
            Error::NameNotFound {
                host: host(),
                source: refused(),
            },
            4,
        ),
        (
            Error::NoConnection {
                address: host(),
                source: refused(),
            },
            4,
        ),
        (
            Error::CannotListen {
                address,
                source: refused(),
            },
            4,
        ),
        (Error::NobodyCame { seconds: 1 }, 5),
        (Error::Silent { seconds: 1 }, 5),
        (Error::WrongSecret { attempts: 5 }, 3),
        (
            Error::NotPeerbridge {
                address: None,
                cause: None,
            },
            11,
        ),
        (Error::Version { theirs: vec![2] }, 11),
        (Error::SameRole { role: "send" }, 2),
        (Error::CodeNeeded, 2),
        (Error::WrongCode, 3),
        (
            Error::PeerDeclined {
                because: DeclineReason::Person,
                reason: host(),
            },
            6,
        ),
        (Error::DeclinedHere { reason: host() }, 14),
        (Error::UnsafeOffer { reason: host() }, 14),
        (
            Error::InTheWay {
                names: vec![],
                count: 1,
                never_replaced: false,
            },
            7,
        ),
        (
            Error::Taken {
                path: host().into(),
                is_folder: false,
            },
            7,
        ),
        (Error::NotVerified { what: host() }, 10),
        (Error::Lost { source: refused() }, 12),
        (
            Error::PeerAborted {
                code: 9,
                text: host(),
            },
            6,
        ),
        (
            Error::PeerAborted {
                code: 14,
                text: host(),
            },
            6,
        ),
        (
            Error::PeerAborted {
                code: 130,
                text: host(),
            },
            12,
        ),
        (Error::System { source: refused() }, 1),
    ];
    for (error, expected) in cases {
        let said = format!("{error}");
        assert_eq!(code(error), expected, "{said}");
    }
    assert_eq!(CliError::usage("x", "y").exit_code(), 2);
    assert_eq!(CliError::Bug.exit_code(), 1);
}

#[test]
fn what_cannot_go_on_keeps_its_code_and_promises_nothing() {
    let name = || "x".to_owned();
    let source = refused;
    let full = |code| Error::PeerAborted { code, text: name() };
    let cases = [
        (Error::Lost { source: refused() }, 12),
        (Error::Silent { seconds: 1 }, 5),
        (Error::NotVerified { what: name() }, 10),
        (Error::DeclinedHere { reason: name() }, 14),
        (full(9), 6),
        (full(8), 8),
        (full(12), 12),
        (
            Error::CannotRead {
                name: name(),
                source: source(),
            },
            8,
        ),
        (
            Error::Output {
                name: name(),
                source: source(),
            },
            9,
        ),
        (
            Error::SourceFailed {
                reason: FailureReason::SourceChanged.to_string(),
            },
            8,
        ),
        (Error::ReadBefore { name: name() }, 8),
    ];
    for (cause, expected) in cases {
        let said = cause.to_string();
        let cause = Box::new(cause);
        let error = CliError::from(Error::CutShort { cause });
        assert_eq!(error.to_string(), said);
        assert_eq!(error.exit_code(), expected, "{said}");
        let hint = error.hint().unwrap_or_default();
        assert!(!hint.contains("go on where"), "{said}: {hint}");
        assert!(!hint.contains("the same command"), "{said}: {hint}");
    }
}

#[test]
fn a_transfer_with_entries_left_out_is_done_but_not_whole() {
    let mut summary = Summary::default();
    assert_eq!(Exit::of_summary(&summary), Exit::Done);
    summary.skipped = 3;
    assert_eq!(Exit::of_summary(&summary), Exit::Done);
    summary.left_out = 1;
    assert_eq!(Exit::of_summary(&summary), Exit::LeftOut);
}

#[test]
fn a_peers_words_cannot_move_the_cursor_or_add_a_line() {
    let reason = "no\r\npeerbridge: done\x1b[2J\u{202e}".to_owned();
    let shown = CliError::from(Error::PeerDeclined {
        because: DeclineReason::Person,
        reason,
    })
    .to_string();
    assert_eq!(
        shown,
        "the peer declined: no\\r\\npeerbridge: done\\x1b[2J\\u{202e}"
    );
}

#[test]
fn names_in_the_way_are_listed_and_escaped() {
    let names = vec![b"a".to_vec(), b"b\x1b\xff".to_vec()];
    let in_the_way = Error::InTheWay {
        names,
        count: 5,
        never_replaced: false,
    };
    let shown = CliError::from(in_the_way).to_string();
    assert_eq!(shown, "5 files are in the way: a, b\\x1b\\xff and 3 more");
}

#[test]
fn hints_name_the_next_thing_to_type() {
    let exposed = CliError::SecretExposed {
        exposure: super::Exposure::Readable,
        path: "s.txt".into(),
    };
    assert!(exposed.hint().unwrap().starts_with("chmod 600 s.txt; "));
    let taken = Error::CannotListen {
        address: "[::]:8080".parse().unwrap(),
        source: io::ErrorKind::AddrInUse.into(),
    };
    assert!(CliError::from(taken).hint().unwrap().contains("--port 0"));
    let declined = Error::PeerDeclined {
        because: DeclineReason::Person,
        reason: String::new(),
    };
    assert_eq!(CliError::from(declined).hint(), None);
}
