//! Serving and sending from another program, through the library alone.

use crate::harness::library::{Port, any_port, dial, listen};
use crate::harness::trees::{assert_same, recorded_bytes};
use crate::harness::{Scene, until};
use peerbridge::Secret;
use peerbridge::{
    Acceptance, Cancel, Connect, Error, Event, Operator, ReceiveOptions, Reception, Secrets,
    SendOptions, ServeOptions, Summary, Unattended,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn secret() -> Secret {
    Secret::from_text("correct horse").unwrap()
}

fn dials(port: u16) -> Connect {
    Connect::new(dial(port), secret())
}

/// An operator that reports the port, with closures for everything else.
struct Host<'a> {
    port: Port,
    on_event: &'a (dyn Fn(&Event<'_>) + Sync),
    on_received: &'a (dyn Fn(&Reception<'_>) + Sync),
    on_compare: &'a (dyn Fn(&str) -> Acceptance + Sync),
}

impl<'a> Host<'a> {
    fn new() -> (Host<'a>, Receiver<u16>) {
        let (told, port) = Port::new();
        let host = Host {
            port: told,
            on_event: &|_| {},
            on_received: &|_| {},
            on_compare: &|_| Acceptance::Decline,
        };
        (host, port)
    }
}

impl Operator for Host<'_> {
    fn event(&self, event: &Event<'_>) {
        self.port.event(event);
        (self.on_event)(event);
    }

    fn received(&self, reception: &Reception<'_>) {
        (self.on_received)(reception);
    }

    fn compare(&self, phrase: &str) -> Acceptance {
        (self.on_compare)(phrase)
    }
}

/// Ends a drop box also where an assertion fails, so that the scope does not wait for it.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[test]
fn a_panic_ends_its_own_session_only_and_a_call_ends_the_service() {
    let scene = Scene::new();
    let inbox = scene.path("inbox");
    let calls = AtomicUsize::new(0);
    let warnings = AtomicUsize::new(0);
    let on_received = |_: &Reception<'_>| {
        if calls.fetch_add(1, Ordering::SeqCst) == 0 {
            // Panics without a message from the panic hook.
            std::panic::resume_unwind(Box::new("the operator's bug"));
        }
    };
    let on_event = |event: &Event<'_>| {
        if let Event::Warning { message } = event {
            assert!(message.contains("bug"), "{message}");
            warnings.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (mut host, port) = Host::new();
    host.on_received = &on_received;
    host.on_event = &on_event;
    let receive = ReceiveOptions::new(inbox.clone());
    let secrets = Secrets::One(Arc::new(secret()));
    let options = ServeOptions::new(any_port(), secrets, receive);
    std::thread::scope(|scope| {
        let served = scope.spawn(|| peerbridge::serve(&options, &host));
        let end = CancelOnDrop(options.cancel.clone());
        let port = port.recv().unwrap();
        for name in ["one", "two"] {
            let source = scene.tree(name, 1);
            let options = SendOptions::new(vec![source.clone()]);
            peerbridge::send(&dials(port), &options, &Unattended).unwrap();
            assert_same(&source, &inbox.join(name));
        }
        until("both", || (calls.load(Ordering::SeqCst) == 2).then_some(()));
        until("a warning", || {
            (warnings.load(Ordering::SeqCst) == 1).then_some(())
        });
        drop(end);
        assert!(served.join().unwrap().is_ok());
    });
}

#[test]
fn a_waiting_side_can_be_cancelled() {
    let scene = Scene::new();
    let (host, port) = Host::new();
    let connect = Connect::new(listen(), secret());
    let options = ReceiveOptions::new(scene.path("in"));
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| peerbridge::receive(&connect, &options, &host));
        port.recv().unwrap();
        connect.cancel.cancel();
        let error = waits.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
    });
    let mut nobody = dials(1);
    nobody.wait = Some(Duration::from_secs(3600));
    let cancel = nobody.cancel.clone();
    std::thread::scope(|scope| {
        let dials = scope.spawn(|| peerbridge::ping(&nobody, &Unattended));
        cancel.cancel();
        let error = dials.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
    });
}

#[test]
fn a_cancelled_transfer_can_be_resumed() {
    let scene = Scene::new();
    let inbox = scene.path("inbox");
    let source = scene.tree("tree", 21);
    let (host, port) = Host::new();
    let options = ServeOptions::new(
        any_port(),
        Secrets::One(Arc::new(secret())),
        ReceiveOptions::new(inbox.clone()),
    );
    std::thread::scope(|scope| {
        let served = scope.spawn(|| peerbridge::serve(&options, &host));
        let end = CancelOnDrop(options.cancel.clone());
        let port = port.recv().unwrap();
        let connect = dials(port);
        let cancel = connect.cancel.clone();
        let on_event = |event: &Event<'_>| {
            if let Event::Progress(progress) = event
                && progress.bytes > 100_000
                && recorded_bytes(&inbox, u64::MAX, 1) > 0
            {
                cancel.cancel();
            }
        };
        let (mut sender, _) = Host::new();
        sender.on_event = &on_event;
        let mut slowly = SendOptions::new(vec![source.clone()]);
        slowly.rate_limit = Some(256 * 1024);
        let error = peerbridge::send(&connect, &slowly, &sender).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        assert!(!inbox.join("tree").exists());
        // The drop box may not have noticed yet that the first session is over.
        let mut again = SendOptions::new(vec![source.clone()]);
        // A rate limit keeps the part from travelling with the offer, so that the sender waits for the answer.
        again.rate_limit = Some(1 << 30);
        let summary = until("the second time", || {
            match peerbridge::send(&dials(port), &again, &Unattended) {
                Ok(summary) => Some(summary),
                Err(Error::Busy) => None,
                Err(error) => panic!("{error}"),
            }
        });
        assert!(summary.resumed_bytes > 0);
        assert_same(&source, &inbox.join("tree"));
        drop(end);
        served.join().unwrap().unwrap();
    });
}

type Results = (Result<Summary, Error>, Result<Vec<Summary>, Error>);

/// One transfer in which both people answer whether the phrases match. Returns the results, and the order of
/// events.
fn compared(
    sender_says: Acceptance,
    receiver_says: Acceptance,
    sender_wants: bool,
    receiver_wants: bool,
) -> (Results, Vec<String>) {
    let scene = Scene::new();
    let source = scene.tree("tree", 23);
    let happened = Mutex::new(Vec::new());
    let note = |what: String| happened.lock().unwrap().push(what);
    let on_sender = |phrase: &str| {
        note(format!("sender {phrase}"));
        sender_says
    };
    let on_receiver = |phrase: &str| {
        note(format!("receiver {phrase}"));
        receiver_says
    };
    let on_event = |event: &Event<'_>| {
        if let Event::Progress(_) = event {
            note("progress".into());
        }
    };
    let (mut receiver, port) = Host::new();
    receiver.on_compare = &on_receiver;
    receiver.on_event = &on_event;
    let (mut sender, _) = Host::new();
    sender.on_compare = &on_sender;
    sender.on_event = &on_event;
    let listen = Connect::new(listen(), secret());
    let mut into = ReceiveOptions::new(scene.path("inbox"));
    into.verify = receiver_wants;
    let mut options = SendOptions::new(vec![source]);
    options.verify = sender_wants;
    let results = std::thread::scope(|scope| {
        let receives = scope.spawn(|| peerbridge::receive(&listen, &into, &receiver));
        let port = port.recv().unwrap();
        let sent = peerbridge::send(&dials(port), &options, &sender);
        (sent, receives.join().unwrap())
    });
    let arrived = scene.path("inbox/tree").exists();
    assert_eq!(arrived, results.0.is_ok());
    (results, happened.into_inner().unwrap())
}

#[test]
fn both_persons_see_the_same_phrase_and_nothing_moves_before_they_agree() {
    use Acceptance::Accept as Same;
    for receiver_wants in [true, false] {
        let ((sent, received), happened) = compared(Same, Same, true, receiver_wants);
        sent.unwrap();
        received.unwrap();
        let phrases: Vec<_> = happened.iter().filter(|what| *what != "progress").collect();
        assert_eq!(phrases.len(), 2);
        let words: Vec<_> = phrases.iter().map(|what| what.split(' ').nth(1)).collect();
        assert_eq!(words[0], words[1]);
        assert_eq!(words[0].unwrap().split('-').count(), 4);
        let first_move = happened.iter().position(|what| what == "progress");
        assert!(first_move.is_some_and(|at| at >= 2), "{happened:?}");
    }
}

#[test]
fn a_phrase_that_differs_for_one_ends_it_for_both() {
    use Acceptance::{Accept as Same, Decline as Different};
    let ((sent, received), happened) = compared(Different, Same, true, true);
    assert!(matches!(sent, Err(Error::PhraseDiffers)));
    assert!(matches!(received, Err(Error::PeerAborted { code: 3, .. })));
    assert!(!happened.contains(&"progress".to_owned()));
    let ((sent, received), happened) = compared(Same, Different, true, true);
    assert!(
        matches!(sent, Err(Error::PeerAborted { code: 3, .. })),
        "{sent:?}"
    );
    assert!(matches!(received, Err(Error::PhraseDiffers)));
    assert!(!happened.contains(&"progress".to_owned()));
}

#[test]
fn a_receiver_that_wants_it_compared_takes_nothing_else() {
    use Acceptance::Accept as Same;
    let ((sent, received), happened) = compared(Same, Same, false, true);
    match sent {
        Err(Error::PeerDeclined { reason, .. }) => assert!(reason.contains("--verify")),
        other => panic!("{other:?}"),
    }
    assert!(matches!(received, Err(Error::DeclinedHere { .. })));
    assert!(happened.iter().all(|what| what == "progress"));
}

#[test]
fn a_long_question_is_not_the_peers_silence() {
    let scene = Scene::new();
    let source = scene.tree("tree", 25);
    struct Slow(Port);
    impl Operator for Slow {
        fn event(&self, event: &Event<'_>) {
            self.0.event(event);
        }
        fn accept(&self, _: &peerbridge::OfferSummary) -> peerbridge::Acceptance {
            std::thread::sleep(Duration::from_millis(2500));
            peerbridge::Acceptance::Accept
        }
    }
    let (told, port) = Port::new();
    let mut listen = Connect::new(listen(), secret());
    listen.idle_timeout = Duration::from_secs(2);
    listen.retries = 0;
    let into = ReceiveOptions::new(scene.path("inbox"));
    std::thread::scope(|scope| {
        let operator = Slow(told);
        let (listen, into) = (&listen, &into);
        let receives = scope.spawn(move || peerbridge::receive(listen, into, &operator));
        let connect = dials(port.recv().unwrap());
        let options = SendOptions::new(vec![source]);
        peerbridge::send(&connect, &options, &Unattended).unwrap();
        receives.join().unwrap().unwrap();
    });
}

#[test]
fn a_cancel_also_ends_what_begins_later() {
    let cancel = Cancel::new();
    cancel.cancel();
    let mut connect = dials(1);
    connect.cancel = cancel;
    let error = peerbridge::ping(&connect, &Unattended).unwrap_err();
    assert!(matches!(error, Error::Cancelled));
}
