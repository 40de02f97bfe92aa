//! The library's public API: both peers in one process.

#![cfg(unix)]

#[path = "harness/mod.rs"]
pub mod harness;

use harness::library::{Port, dial, listen};
use peerbridge::Existing;
use peerbridge::Secret;
use peerbridge::SendSession;
use peerbridge::{
    Acceptance, Conflicts, Connect, Error, Event, OfferSummary, Operator, Output, Payload,
    ReceiveOptions, SendOptions, Stream, Summary, Unattended,
};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

fn secret(text: &str) -> Secret {
    Secret::from_text(text).expect("a test's secret")
}

type Results = (Result<Summary, Error>, Result<Vec<Summary>, Error>);

fn transfer(source: &Path, destination: &Path, streams: u16, receiver_dials: bool) -> Results {
    let (listening, port) = Port::new();
    let mut options = SendOptions::new(vec![source.to_owned()]);
    options.streams = Some(streams);
    let into = ReceiveOptions::new(destination.to_owned());
    let patient = |rendezvous| {
        let mut connect = Connect::new(rendezvous, secret("correct horse"));
        connect.idle_timeout = Duration::from_secs(20);
        connect
    };
    std::thread::scope(|scope| {
        if receiver_dials {
            let sending =
                scope.spawn(|| peerbridge::send(&patient(listen()), &options, &listening));
            let port = port.recv().expect("the sender listens");
            let received = peerbridge::receive(&patient(dial(port)), &into, &Unattended);
            (sending.join().expect("no panic"), received)
        } else {
            let receiving =
                scope.spawn(|| peerbridge::receive(&patient(listen()), &into, &listening));
            let port = port.recv().expect("the receiver listens");
            let sent = peerbridge::send(&patient(dial(port)), &options, &Unattended);
            (sent, receiving.join().expect("no panic"))
        }
    })
}

#[test]
fn a_folder_goes_across_either_way_with_one_and_four_streams() {
    for (streams, receiver_dials) in [(1, false), (1, true), (4, false), (4, true)] {
        let source = tempfile::tempdir().unwrap();
        let tree = source.path().join("tree");
        std::fs::create_dir_all(tree.join("a/b/empty")).unwrap();
        std::fs::write(tree.join("small"), b"small").unwrap();
        std::fs::write(tree.join("a/none"), b"").unwrap();
        let large: Vec<u8> = (0..30_000_000u32).map(|n| (n ^ (n >> 9)) as u8).collect();
        std::fs::write(tree.join("a/large"), &large).unwrap();
        let destination = tempfile::tempdir().unwrap();
        let (sent, received) = transfer(&tree, destination.path(), streams, receiver_dials);
        let sent = sent.unwrap();
        let received = received.unwrap();
        assert_eq!(received.len(), 1);
        assert_eq!((sent.files, sent.left_out), (3, 0));
        let tree = destination.path().join("tree");
        assert_eq!(std::fs::read(tree.join("a/large")).unwrap(), large);
        assert_eq!(std::fs::read(tree.join("small")).unwrap(), b"small");
        assert!(tree.join("a/b/empty").is_dir());
        assert_eq!(std::fs::read_dir(destination.path()).unwrap().count(), 1);
    }
}

/// An operator that accepts one name, declines all others, overwrites existing files, and records events.
struct Particular {
    port: Port,
    wanted: &'static str,
    told: std::sync::Mutex<Vec<&'static str>>,
}

impl Operator for Particular {
    fn event(&self, event: &Event<'_>) {
        self.port.event(event);
        let what = match event {
            Event::Listening { .. } => "listening",
            Event::Connected { .. } => "connected",
            Event::Authenticated { .. } => "authenticated",
            Event::Offer(_) => "offer",
            Event::Accepted { .. } => "accepted",
            Event::File { .. } => "file",
            Event::Finished(_) => "finished",
            _ => return,
        };
        self.told.lock().expect("not poisoned").push(what);
    }

    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        match offer.names == [self.wanted.as_bytes()] {
            true => Acceptance::Accept,
            false => Acceptance::Decline,
        }
    }

    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        assert_eq!(conflicts.count, 1);
        Some(Existing::Overwrite)
    }
}

#[test]
fn one_session_carries_several_transfers_and_survives_a_declined_one() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["wanted", "unwanted"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let destination = folder.path().join("in");
    std::fs::create_dir(&destination).unwrap();
    std::fs::write(destination.join("wanted"), "old").unwrap();
    let (port_told, port) = Port::new();
    let operator = Particular {
        port: port_told,
        wanted: "wanted",
        told: std::sync::Mutex::default(),
    };
    let source = |name: &str| SendOptions::new(vec![folder.path().join(name)]);
    let summaries = std::thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            let options = ReceiveOptions::new(destination.clone());
            peerbridge::receive(&Connect::new(listen(), secret("word")), &options, &operator)
        });
        let connect = Connect::new(dial(port.recv().unwrap()), secret("word"));
        let mut session = SendSession::open(&connect, &Unattended).unwrap();
        let declined = session.send(&source("unwanted")).err().unwrap();
        assert_eq!(declined.exit_code(), 6);
        assert_eq!(session.send(&source("wanted")).unwrap().files, 1);
        assert_eq!(session.send(&source("wanted")).unwrap().files, 0);
        session.finish().unwrap();
        receiving.join().unwrap().unwrap()
    });
    assert_eq!(summaries.len(), 2);
    assert_eq!(summaries[0].delivered, [destination.join("wanted")]);
    assert_eq!(
        std::fs::read(destination.join("wanted")).unwrap(),
        b"wanted"
    );
    assert!(!destination.join("unwanted").exists());
    let told = operator.told.into_inner().unwrap();
    let one = ["offer", "accepted", "file", "finished"];
    let expected = [
        &["listening", "connected", "authenticated", "offer"][..],
        &one,
        &one,
    ];
    assert_eq!(told, expected.concat());
}

/// Both sides over one connection; `send` makes the session's transfers.
fn session_into<T: Send>(
    options: ReceiveOptions,
    send: impl FnOnce(&mut SendSession<'_>) -> T + Send,
) -> (T, Result<Vec<Summary>, Error>) {
    let (listening, port) = Port::new();
    std::thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            let mut connect = Connect::new(listen(), secret("word"));
            connect.retries = 0;
            peerbridge::receive(&connect, &options, &listening)
        });
        let connect = Connect::new(dial(port.recv().unwrap()), secret("word"));
        let mut session = SendSession::open(&connect, &Unattended).unwrap();
        let sent = send(&mut session);
        // A session that has ended with an error has nothing more to do.
        let _ = session.finish();
        (sent, receiving.join().unwrap())
    })
}

fn stream(name: &str, reader: impl Read + Send + 'static) -> SendOptions {
    SendOptions::of(Payload::Stream(Stream::new(name, reader).unwrap()))
}

fn code<T>(result: Result<T, Error>) -> u8 {
    result.map_or_else(|error| error.exit_code(), |_| 0)
}

#[test]
fn streams_and_files_follow_each_other_in_one_session() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "a file").unwrap();
    let into = folder.path().join("in");
    let (_, received) = session_into(ReceiveOptions::new(into.clone()), |session| {
        let long = std::io::repeat(7).take(5_000_000);
        let first = stream("first", long);
        assert_eq!(session.send(&first).unwrap().bytes, 5_000_000);
        let again = session.send(&first).unwrap_err();
        assert!(matches!(again, Error::ReadBefore { .. }), "{again}");
        let second = stream("second", std::io::empty());
        assert_eq!(session.send(&second).unwrap().files, 1);
        session.send(&SendOptions::new(vec![file])).unwrap();
    });
    assert_eq!(received.unwrap().len(), 3);
    assert_eq!(std::fs::read(into.join("first")).unwrap(), [7; 5_000_000]);
    assert_eq!(std::fs::read(into.join("second")).unwrap(), b"");
    assert_eq!(std::fs::read(into.join("file")).unwrap(), b"a file");
}

/// A reader that fails at its end.
struct Failing(u64);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::Error::other("the tape tore"));
        }
        let count = buffer.len().min(self.0 as usize);
        self.0 -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_reader_that_fails_is_an_error_on_both_sides_and_no_end() {
    for bytes in [0, 100, 4 << 20, (9 << 20) + 1] {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("in");
        let (sent, received) = session_into(ReceiveOptions::new(into.clone()), |session| {
            session.send(&stream("x", Failing(bytes)))
        });
        let error = sent.unwrap_err();
        assert!(error.to_string().contains("the tape tore"), "{error}");
        assert_eq!(code::<()>(Err(error)), 8);
        assert_eq!(received.unwrap_err().exit_code(), 8);
        assert_eq!(std::fs::read_dir(into).unwrap().count(), 0);
    }
}

#[test]
fn an_output_takes_the_first_file_of_a_session() {
    struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let taken = std::sync::Arc::default();
    let output = Output::new("the test", Shared(std::sync::Arc::clone(&taken)));
    let (_, received) = session_into(ReceiveOptions::to_output(output), |session| {
        let folder = tempfile::tempdir().unwrap();
        let nothing = SendOptions::new(vec![folder.path().to_owned()]);
        assert_eq!(code(session.send(&nothing)), 6);
        assert_eq!(code(session.send(&stream("x", &b"first"[..]))), 0);
        assert_eq!(code(session.send(&stream("x", &b"second"[..]))), 6);
    });
    assert_eq!(received.unwrap_err().exit_code(), 14);
    assert_eq!(*taken.lock().unwrap(), b"first");
}

#[test]
fn names_of_streams_are_plain() {
    for name in ["", ".", "..", "a/b", "/a", "a/", ".peerbridge-x", "a\0"] {
        assert!(Stream::new(name, std::io::empty()).is_err(), "{name:?}");
    }
    assert_eq!(
        Stream::new("-rf $(id)", std::io::empty()).unwrap().name(),
        "-rf $(id)"
    );
}

#[test]
fn errors_say_what_the_command_line_ends_with() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let mut connect = Connect::new(dial(1), secret("word"));
    connect.wait = Some(Duration::ZERO);
    let options = SendOptions::new(vec![file]);
    let error = peerbridge::send(&connect, &options, &Unattended).unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");

    let missing = SendOptions::new(vec![folder.path().join("missing")]);
    let error = peerbridge::send(&connect, &missing, &Unattended).unwrap_err();
    assert_eq!(error.exit_code(), 8, "{error}");

    let mut connect = Connect::new(listen(), secret("word"));
    connect.wait = Some(Duration::ZERO);
    let options = ReceiveOptions::new(folder.path().join("in"));
    let error = peerbridge::receive(&connect, &options, &Unattended).unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
    assert!(!folder.path().join("in").exists());
}
