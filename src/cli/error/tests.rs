use super::*;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::model::FailureReason;
use crate::protocol::DeclineReason;
use crate::session::Summary;

fn code(error: SessionError) -> u8 {
    Error::from(error).exit_code()
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
            SessionError::NameNotFound {
                host: host(),
                source: refused(),
            },
            4,
        ),
        (
            SessionError::NoConnection {
                address: host(),
                source: refused(),
            },
            4,
        ),
        (
            SessionError::CannotListen {
                address,
                source: refused(),
            },
            4,
        ),
        (SessionError::NobodyCame { seconds: 1 }, 5),
        (SessionError::Silent { seconds: 1 }, 5),
        (SessionError::WrongSecret { attempts: 5 }, 3),
        (SessionError::NotPeerbridge, 11),
        (SessionError::Version { theirs: vec![2] }, 11),
        (SessionError::SameRole { role: "send" }, 2),
        (SessionError::CodeNeeded, 2),
        (SessionError::WrongCode, 3),
        (
            SessionError::PeerDeclined {
                because: DeclineReason::Person,
                reason: host(),
            },
            6,
        ),
        (SessionError::DeclinedHere { reason: host() }, 14),
        (SessionError::UnsafeOffer { reason: host() }, 14),
        (
            SessionError::InTheWay {
                names: vec![],
                count: 1,
            },
            7,
        ),
        (
            SessionError::Taken {
                path: host().into(),
                is_folder: false,
            },
            7,
        ),
        (SessionError::NotVerified { what: host() }, 10),
        (SessionError::Lost { source: refused() }, 12),
        (
            SessionError::PeerAborted {
                code: 9,
                text: host(),
            },
            6,
        ),
        (
            SessionError::PeerAborted {
                code: 14,
                text: host(),
            },
            6,
        ),
        (
            SessionError::PeerAborted {
                code: 130,
                text: host(),
            },
            12,
        ),
        (SessionError::System { source: refused() }, 1),
    ];
    for (error, expected) in cases {
        let said = format!("{error}");
        assert_eq!(code(error), expected, "{said}");
    }
    assert_eq!(Error::usage("x", "y").exit_code(), 2);
    assert_eq!(Error::Bug.exit_code(), 1);
}

#[test]
fn what_cannot_go_on_keeps_its_code_and_promises_nothing() {
    let name = || "x".to_owned();
    let source = refused;
    let full = |code| SessionError::PeerAborted { code, text: name() };
    let cases = [
        (SessionError::Lost { source: refused() }, 12),
        (SessionError::Silent { seconds: 1 }, 5),
        (SessionError::NotVerified { what: name() }, 10),
        (SessionError::DeclinedHere { reason: name() }, 14),
        (full(9), 6),
        (full(8), 8),
        (full(12), 12),
        (
            SessionError::CannotRead {
                name: name(),
                source: source(),
            },
            8,
        ),
        (
            SessionError::Output {
                name: name(),
                source: source(),
            },
            9,
        ),
        (
            SessionError::SourceFailed {
                reason: FailureReason::SourceChanged.to_string(),
            },
            8,
        ),
        (SessionError::ReadBefore { name: name() }, 8),
    ];
    for (cause, expected) in cases {
        let said = cause.to_string();
        let cause = Box::new(cause);
        let error = Error::from(SessionError::CutShort { cause });
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
    let shown = Error::from(SessionError::PeerDeclined {
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
    let shown = Error::from(SessionError::InTheWay { names, count: 5 }).to_string();
    assert_eq!(shown, "5 files are in the way: a, b\\x1b\\xff and 3 more");
}

#[test]
fn hints_name_the_next_thing_to_type() {
    let exposed = Error::SecretExposed {
        exposure: super::Exposure::Readable,
        path: "s.txt".into(),
    };
    assert!(exposed.hint().unwrap().starts_with("chmod 600 s.txt; "));
    let taken = SessionError::CannotListen {
        address: "[::]:8080".parse().unwrap(),
        source: io::ErrorKind::AddrInUse.into(),
    };
    assert!(Error::from(taken).hint().unwrap().contains("--port 0"));
    let declined = SessionError::PeerDeclined {
        because: DeclineReason::Person,
        reason: String::new(),
    };
    assert_eq!(Error::from(declined).hint(), None);
}
