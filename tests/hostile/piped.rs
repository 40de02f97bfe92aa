//! Contents of unknown length, and contents that go to an output: only their authenticated end counts as the
//! end.

use crate::harness::trees::{contents, noise};
use crate::peer::Peer;
use crate::real::{Running, Side, exit_code};
use crate::tree::Ground;
use crate::wire::{PART, Raw, RawOffer, accept, done, missing, round_end, round_end_at};
use peerbridge::internals::{Message, Role, limits};
use peerbridge::{Output, Stream, Summary};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

const FULL: usize = PART as usize;

/// The bytes that an output was given.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<u8>>>);

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Taken {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// A real receiver, into a folder or to an output, and a hostile sender that has proven itself.
struct At {
    ground: Ground,
    taken: Taken,
    receiver: Running<Vec<Summary>>,
    peer: Peer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Into {
    Folder,
    Output,
}

const BOTH: [Into; 2] = [Into::Folder, Into::Output];

impl At {
    fn new(into: Into, most: Option<u64>) -> At {
        let (ground, taken) = (Ground::small(), Taken::default());
        let output = Output::new("the test", taken.clone());
        let side = Side {
            output: (into == Into::Output).then_some(output),
            most,
            ..Side::default()
        };
        let receiver = side.receive_listening(&ground.destination);
        let peer = Peer::dial(receiver.port, Role::Send);
        At {
            ground,
            taken,
            receiver,
            peer,
        }
    }

    /// A receiver that has accepted this offer.
    fn offered(into: Into, most: Option<u64>, offer: &RawOffer) -> At {
        let mut at = At::new(into, most);
        at.peer.say(&offer.to_bytes());
        let heard = at.peer.hear();
        assert!(
            matches!(&heard, Some(Message::Accept(accept)) if accept.streams == 1),
            "{heard:?}"
        );
        at
    }

    /// Fails unless the session ends with this code, nothing is left in the folder, and the output has less
    /// than `whole`. Returns the receiver's last messages.
    fn expect_end(self, code: u8, whole: &[u8], what: &str) -> Vec<Message> {
        let said = self.peer.given_up();
        let result = self.receiver.end();
        let shown = format!("{what}: {result:?}");
        assert_eq!(exit_code(result), code, "{shown}");
        let left = contents(&self.ground.destination).into_keys();
        let left: Vec<_> = left.collect();
        assert!(left.is_empty(), "{shown}: {left:?}");
        let taken = self.taken.bytes();
        assert!(whole.starts_with(&taken), "{shown}: not what was sent");
        assert!(taken.len() < whole.len().max(1), "{shown}: it looks whole");
        said
    }
}

fn check(index: u64, raw: &[u8]) -> (u64, u32) {
    (index, crc32fast::hash(raw))
}

/// Contents of two full parts and a short one.
fn whole() -> Vec<u8> {
    noise(3, 2 * FULL + 100)
}

fn send_whole(peer: &mut Peer) -> Vec<(u64, u32)> {
    let whole = whole();
    (0u64..)
        .zip(whole.chunks(FULL))
        .map(|(index, raw)| {
            peer.part(index, raw);
            check(index, raw)
        })
        .collect()
}

#[test]
fn a_stream_that_ends_where_it_says_is_whole() {
    for into in BOTH {
        let mut at = At::offered(into, None, &RawOffer::stream());
        let checks = send_whole(&mut at.peer);
        let total = whole().len() as u64;
        // Some of the checks come early.
        at.peer.say(&Raw::kind(8).u32(1).u64(0).u32(checks[0].1).0);
        at.peer
            .say(&round_end_at(0, Some(total), &[], &checks[1..]));
        let heard = at.peer.hear();
        let is_done = matches!(&heard, Some(Message::Done(done)) if done.bytes == total);
        assert!(is_done, "{heard:?}");
        at.peer.say(&[13]);
        at.receiver.end().expect("it is whole");
        let came = match into {
            Into::Folder => std::fs::read(at.ground.destination.join("x")).unwrap(),
            Into::Output => at.taken.bytes(),
        };
        assert!(came == whole(), "{into:?}");
    }
}

#[test]
fn a_stream_may_be_empty() {
    for into in BOTH {
        let mut at = At::offered(into, None, &RawOffer::stream());
        at.peer.say(&round_end_at(0, Some(0), &[], &[]));
        assert!(matches!(at.peer.hear(), Some(Message::Done(_))));
        at.peer.say(&[13]);
        at.receiver.end().expect("it is whole");
        let is_there = at.ground.destination.join("x").is_file();
        assert_eq!(is_there, into == Into::Folder);
    }
}

#[test]
fn an_end_that_is_none_is_not_taken_for_one() {
    let length = whole().len() as u64;
    let totals = [
        None,
        Some(0),
        Some(length - 1),
        Some(length + 1),
        Some(2 * FULL as u64),
        Some(3 * FULL as u64),
        Some(limits::STREAM_BYTES),
    ];
    for into in BOTH {
        for total in totals {
            let mut at = At::offered(into, None, &RawOffer::stream());
            let checks = send_whole(&mut at.peer);
            at.peer.say(&round_end_at(0, total, &[], &checks));
            at.expect_end(10, &whole(), &format!("{into:?} {total:?}"));
        }
    }
}

#[test]
fn parts_that_are_not_the_next_of_a_stream_end_the_session() {
    type Bad = fn(&mut Peer, &[u8]);
    let bad: [(&str, Bad); 8] = [
        ("out of order", |peer, full| peer.part(1, full)),
        ("twice", |peer, full| {
            peer.part(0, full);
            peer.part(0, full);
        }),
        ("a gap", |peer, full| {
            peer.part(0, full);
            peer.part(2, full);
        }),
        ("a short one in the middle", |peer, full| {
            peer.part(0, &full[1..]);
            peer.part(1, full);
        }),
        ("a short one behind the end", |peer, full| {
            peer.part(0, &full[1..]);
            peer.part(1, &full[1..]);
        }),
        ("an empty one", |peer, _| peer.part(0, &[])),
        ("one that is too long", |peer, full| {
            peer.part(0, &[full, &[0]].concat());
        }),
        ("the last of all", |peer, full| {
            peer.part(limits::PARTS - 1, full);
        }),
    ];
    let full = noise(9, FULL);
    for into in BOTH {
        for (what, bad) in bad {
            let mut at = At::offered(into, None, &RawOffer::stream());
            bad(&mut at.peer, &full);
            // A receiver that accepted the parts gets an end that fits them.
            at.peer
                .say(&round_end_at(0, Some(FULL as u64), &[], &[check(0, &full)]));
            let sent = [full.as_slice(), &full, &full].concat();
            let sent = if what.contains("short") {
                &full[1..]
            } else {
                &sent
            };
            at.expect_end(10, sent, &format!("{into:?}: {what}"));
        }
    }
}

#[test]
fn a_part_that_the_sender_read_differently_is_no_part_of_a_stream() {
    for into in BOTH {
        for wrong in 0..3 {
            let mut at = At::offered(into, None, &RawOffer::stream());
            let mut checks = send_whole(&mut at.peer);
            checks[wrong].1 ^= 1;
            let total = Some(whole().len() as u64);
            at.peer.say(&round_end_at(0, total, &[], &checks));
            at.expect_end(10, &whole(), &format!("{into:?}: check {wrong}"));
        }
    }
}

#[test]
fn a_cut_is_no_end() {
    for into in BOTH {
        for parts in 0..4 {
            let mut at = At::offered(into, None, &RawOffer::stream());
            let whole = whole();
            for (index, raw) in (0u64..).zip(whole.chunks(FULL)).take(parts) {
                at.peer.part(index, raw);
            }
            let peer = at.peer.line.0.try_clone().unwrap();
            peer.shutdown(std::net::Shutdown::Write).unwrap();
            at.expect_end(12, &whole, &format!("{into:?}: after {parts} parts"));
        }
    }
}

#[test]
fn a_stream_without_an_end_is_stopped_at_what_is_allowed() {
    for into in BOTH {
        let most = 2 * FULL as u64;
        let mut at = At::offered(into, Some(most), &RawOffer::stream());
        let whole = noise(5, 3 * FULL);
        for (index, raw) in (0u64..).zip(whole.chunks(FULL)) {
            at.peer.part(index, raw);
        }
        let said = at.expect_end(14, &whole, &format!("{into:?}"));
        let said_why = said
            .iter()
            .any(|message| matches!(message, Message::Abort { code: 14, .. }));
        assert!(said_why, "{said:?}");
    }
}

#[test]
fn a_known_length_is_not_stated_again() {
    for into in BOTH {
        let mut at = At::offered(into, None, &RawOffer::file(10));
        at.peer.part(0, b"0123456789");
        let checks = [check(0, b"0123456789")];
        at.peer.say(&round_end_at(0, Some(10), &[], &checks));
        let said = at.peer.given_up();
        let result = at.receiver.end();
        assert_eq!(exit_code(result), 10, "{into:?}: {said:?}");
        assert!(at.taken.bytes().is_empty());
        assert!(!at.ground.destination.join("x").exists());
    }
}

#[test]
fn a_stream_of_unknown_size_is_neither_early_nor_one_of_several() {
    let offer = RawOffer::stream().early(0, &[]);
    let mut at = At::new(Into::Folder, None);
    at.peer.say(&offer.to_bytes());
    at.expect_end(10, b"", "early");
    let entries = crate::wire::Entries::default().stream(b"x").file(b"y", 1);
    let mut at = At::new(Into::Folder, None);
    at.peer.say(&RawOffer::of(&entries).to_bytes());
    at.expect_end(14, b"", "beside others");
}

#[test]
fn an_output_never_gets_what_the_sender_could_not_read() {
    let mut at = At::offered(Into::Output, None, &RawOffer::file(2 * FULL as u64));
    at.peer.part(0, &noise(1, FULL));
    at.peer.say(&Raw::kind(9).u32(1).u32(0).u8(3).0);
    at.peer.part(1, &vec![0; FULL]);
    at.peer.say(&round_end(0, &[], &[]));
    let sent = [noise(1, FULL), vec![0; FULL]].concat();
    at.expect_end(8, &sent, "it changed");
}

#[test]
fn an_output_asks_again_for_what_did_not_come() {
    let whole = noise(4, 2 * FULL);
    let mut at = At::offered(Into::Output, None, &RawOffer::file(whole.len() as u64));
    at.peer.part(0, &whole[..FULL]);
    at.peer.say(&round_end(0, &[], &[]));
    let heard = at.peer.hear();
    let is_asked = matches!(&heard, Some(Message::Missing(missing))
        if missing.ranges[..] == [peerbridge::internals::PartRange { start: 1, length: 1 }]);
    assert!(is_asked, "{heard:?}");
    at.peer.part(1, &whole[FULL..]);
    at.peer.say(&round_end(1, &[], &[]));
    assert!(matches!(at.peer.hear(), Some(Message::Done(_))));
    at.peer.say(&[13]);
    at.receiver.end().expect("it is whole");
    assert!(at.taken.bytes() == whole);
}

/// Provides what it is sent, and waits for more without end.
struct Trickle(mpsc::Receiver<Vec<u8>>, Vec<u8>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.recv().unwrap_or_default();
        }
        let count = self.1.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.1[..count]);
        self.1.drain(..count);
        Ok(count)
    }
}

fn trickle() -> (mpsc::Sender<Vec<u8>>, Stream) {
    let (give, taken) = mpsc::channel();
    (give, Stream::new("x", Trickle(taken, Vec::new())).unwrap())
}

/// A real sender of a stream, and a hostile receiver to which it was offered.
fn offering(stream: Stream) -> (Running<Summary>, Peer) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let sender = Side::default().send_stream_dialling(stream, port);
    let mut peer = Peer::accept(&listener, Role::Receive);
    let heard = peer.hear();
    let is_offer = matches!(&heard, Some(Message::Offer(offer)) if offer.early.is_none() && offer.streams == 1);
    assert!(is_offer, "{heard:?}");
    (sender, peer)
}

#[test]
fn a_receiver_that_claims_to_have_impossible_parts_is_refused() {
    let accepts = [
        accept(PART, 1, &[(0, 1)]),
        accept(PART, 1, &[(0, 1), (2, 1)]),
        accept(PART, 1, &[(0, limits::PARTS - 1)]),
        accept(PART, 2, &[]),
    ];
    for answer in accepts {
        let (_open, stream) = trickle();
        let (sender, mut peer) = offering(stream);
        peer.say(&answer);
        peer.given_up();
        assert_eq!(exit_code(sender.end()), 10);
    }
}

#[test]
fn a_receiver_that_wants_nothing_gets_nothing_and_nothing_is_read() {
    let (_open, stream) = trickle();
    let (sender, mut peer) = offering(stream);
    peer.say(&accept(PART, 1, &[(0, limits::PARTS)]));
    let heard = peer.hear();
    let is_empty = matches!(&heard, Some(Message::RoundEnd(end)) if end.total == Some(0));
    assert!(is_empty, "{heard:?}");
    peer.say(&done(0));
    assert_eq!(exit_code(sender.end()), 0);
}

#[test]
fn a_stream_is_not_sent_twice() {
    let (_, stream) = trickle();
    let (sender, mut peer) = offering(stream);
    peer.say(&accept(PART, 1, &[]));
    assert!(matches!(peer.hear(), Some(Message::RoundEnd(_))));
    peer.say(&missing(1, &[(0, 1)]));
    peer.given_up();
    assert_eq!(exit_code(sender.end()), 10);
}

#[test]
fn a_receiver_that_gives_up_or_leaves_ends_a_sender_that_waits_for_its_reader() {
    for (leaves, code) in [(true, 12), (false, 6)] {
        let (open, stream) = trickle();
        let (sender, mut peer) = offering(stream);
        peer.say(&accept(PART, 1, &[]));
        open.send(noise(1, FULL)).unwrap();
        match leaves {
            true => drop(peer),
            false => {
                peer.say(&crate::wire::abort(9, b"no space is left"));
                peer.given_up();
            }
        }
        assert_eq!(exit_code(sender.end()), code);
    }
}
