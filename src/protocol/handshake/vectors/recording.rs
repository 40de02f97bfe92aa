//! The session of the vectors as it travels, frame by frame.
//!
//! Sealed frames have a random salt, so they are opened and compared with their expected contents.

use super::{CONTENTS, FRAME_HEADER_LENGTH, PART_SIZE, RUN, RecordedSession, hex, session, unhex};
use crate::crypto::{
    Compression, Opener, PieceDigest, PieceHasher, PiecePosition, Position, Sealer, Side,
};
use crate::model::{FileSize, Manifest, ManifestBuilder, Mode, Mtime, PartRange};
use crate::protocol::{
    Accept, Bounded, Done, EarlyRound, FrameBounds, FrameHeader, FrameKind, ManifestEncoder,
    Message, Missing, Offer, PartCheck, PartId, PartRanges, Ping, RoundEnd, Stage, StreamNumber,
    frame, message_head, part_head, split_message, split_part,
};
use std::collections::HashMap;
use std::fmt::Write;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/vectors/recording.txt");
const RECORDING: &str = include_str!("../../../../docs/vectors/recording.txt");

const HEADING: &str = "\
# peerbridge protocol, version 2: the session of session.txt, as recorded from the line.
# A line is who speaks, the number of the stream, and one whole frame in hexadecimal.
# docs/PROTOCOL.md says how each is made and what was sent.
";

/// One frame: which side sends it, on which stream, and its contents.
struct RecordedLine {
    side: Side,
    stream: u16,
    says: Says,
}

enum Says {
    Plain(FrameKind, Vec<u8>),
    Message(Message),
    Part {
        transfer: u32,
        id: PartId,
        raw: Vec<u8>,
    },
}

#[test]
fn the_recording_is_the_session() {
    let session = session();
    let mut sequences = Sequences::default();
    let mut opener = Opener::new();
    let mut recorded = RECORDING.lines().filter(|line| !line.starts_with('#'));
    for line in script(&session) {
        let found = recorded.next().expect("as many lines as the session has");
        let (who, bytes) = found.rsplit_once(' ').expect("three words a line");
        assert_eq!(who, format!("{} {}", name(line.side), line.stream));
        let bytes = unhex(bytes);
        let keys = match line.side {
            Side::Dialler => session.listener.opening_keys(),
            Side::Listener => session.dialler.opening_keys(),
        };
        let body = &bytes[FRAME_HEADER_LENGTH..];
        match &line.says {
            Says::Plain(kind, expected) => assert_eq!(bytes, frame(*kind, expected)),
            Says::Message(message) => {
                check_header(&bytes, FrameKind::Message);
                let (envelope, archive) = split_message(body).unwrap();
                let position = sequences.next(&line);
                let raw = opener.open(&keys, position, &envelope, archive).unwrap();
                assert_eq!(Message::decode(raw).as_ref(), Ok(message));
            }
            Says::Part { transfer, id, raw } => {
                check_header(&bytes, FrameKind::Part);
                let (found, envelope, archive) = split_part(body).unwrap();
                let position = part(*transfer, *id);
                let opened = opener.open(&keys, position, &envelope, archive);
                assert_eq!((found, opened.unwrap()), (*id, &raw[..]));
            }
        }
    }
    assert_eq!(recorded.next(), None);
}

fn check_header(bytes: &[u8], kind: FrameKind) {
    let header = bytes.first_chunk().expect("a header");
    let header = FrameHeader::parse(*header, Stage::Proven(FrameBounds::FIRST_STREAM)).unwrap();
    let length = bytes.len() - FRAME_HEADER_LENGTH;
    assert_eq!((header.kind, header.length), (kind, length));
}

/// Seals the session again and writes it to the file.
pub(super) fn write(session: &RecordedSession) {
    let mut text = String::from(HEADING);
    let mut sequences = Sequences::default();
    let mut sealer = Sealer::new();
    for line in script(session) {
        let keys = match line.side {
            Side::Dialler => session.dialler.sealing_keys(),
            Side::Listener => session.listener.sealing_keys(),
        };
        let compression = Compression::Zstd(3);
        let bytes = match &line.says {
            Says::Plain(kind, body) => frame(*kind, body),
            Says::Message(message) => {
                let mut raw = Vec::new();
                message.encode(&mut raw);
                let position = sequences.next(&line);
                let sealed = sealer.seal(&keys, position, &raw, compression).unwrap();
                [&message_head(&sealed.envelope)[..], sealed.archive].concat()
            }
            Says::Part { transfer, id, raw } => {
                let position = part(*transfer, *id);
                let sealed = sealer.seal(&keys, position, raw, compression).unwrap();
                [&part_head(*id, &sealed.envelope)[..], sealed.archive].concat()
            }
        };
        let who = name(line.side);
        writeln!(text, "{who} {} {}", line.stream, hex(&bytes)).unwrap();
    }
    std::fs::write(FILE, text).unwrap();
}

/// The next message's number, for each stream and direction.
#[derive(Default)]
struct Sequences(HashMap<(&'static str, u16), u64>);

impl Sequences {
    fn next(&mut self, line: &RecordedLine) -> Position {
        let next = self.0.entry((name(line.side), line.stream)).or_default();
        *next += 1;
        Position::Message {
            stream: line.stream,
            sequence: *next - 1,
        }
    }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Dialler => "dialler",
        Side::Listener => "listener",
    }
}

fn part(transfer: u32, id: PartId) -> Position {
    Position::Part {
        transfer,
        round: id.round,
        index: id.index,
    }
}

fn script(session: &RecordedSession) -> Vec<RecordedLine> {
    let mut lines = Vec::new();
    handshake(session, &mut lines);
    first_transfer(session, &mut lines);
    second_transfer(&mut lines);
    third_transfer(session, &mut lines);
    lines.push(dialler(0, Says::Message(Message::Bye)));
    lines
}

fn dialler(stream: u16, says: Says) -> RecordedLine {
    let side = Side::Dialler;
    RecordedLine { side, stream, says }
}

fn listener(says: Message) -> RecordedLine {
    RecordedLine {
        side: Side::Listener,
        stream: 0,
        says: Says::Message(says),
    }
}

fn handshake(session: &RecordedSession, lines: &mut Vec<RecordedLine>) {
    use Side::{Dialler, Listener};
    for (side, kind, body) in [
        (Dialler, FrameKind::Hello, "dialler_hello"),
        (Listener, FrameKind::Hello, "listener_hello"),
        (Dialler, FrameKind::Confirm, "dialler_confirm"),
        (Listener, FrameKind::Confirm, "listener_confirm"),
    ] {
        let says = Says::Plain(kind, session.bytes(body));
        let stream = 0;
        lines.push(RecordedLine { side, stream, says });
    }
    // The first sealed message travels with the dialler's Confirm.
    let offer = dialler(0, Says::Message(offer(0, 2, &large(), None)));
    lines.insert(3, offer);
}

/// Two parts over two streams; the receiver asks for the first one again.
fn first_transfer(session: &RecordedSession, lines: &mut Vec<RecordedLine>) {
    lines.push(listener(accept(2)));
    for (side, body) in [
        (Side::Dialler, "dialler_join"),
        (Side::Listener, "listener_join"),
    ] {
        let says = Says::Plain(FrameKind::Join, session.bytes(body));
        let stream = 1;
        lines.push(RecordedLine { side, stream, says });
    }
    let raw = CONTENTS.repeat(10_000);
    let (first, second) = raw.split_at(PART_SIZE as usize);
    let joined = StreamNumber::joined(1).unwrap();
    lines.push(dialler(1, says_part(0, 0, 1, second)));
    lines.push(dialler(0, says_part(0, 0, 0, first)));
    lines.push(dialler(1, Says::Message(Message::StreamEnd { round: 0 })));
    let checks = [check(0, first), check(1, second)];
    lines.push(dialler(0, round_end(0, &[joined], &checks)));
    lines.push(listener(Message::Missing(Missing {
        round: 1,
        ranges: one_range(0, 1),
    })));
    lines.push(dialler(0, says_part(0, 1, 0, first)));
    lines.push(dialler(0, round_end(1, &[], &checks[..1])));
    lines.push(listener(Message::Ping(Ping::default())));
    lines.push(listener(done(raw.len() as u64, 0)));
}

/// One part, sent before the answer.
fn second_transfer(lines: &mut Vec<RecordedLine>) {
    let raw = b"one more".to_vec();
    lines.push(dialler(0, Says::Message(Message::Next)));
    let early = EarlyRound {
        crc32: crc32fast::hash(&raw),
        failures: Bounded::default(),
    };
    let offer = offer(1, 1, &small(), Some(early));
    lines.push(dialler(0, Says::Message(offer)));
    let bytes = raw.len() as u64;
    lines.push(dialler(0, says_part(1, 0, 0, &raw)));
    lines.push(listener(accept(1)));
    lines.push(listener(done(bytes, 0)));
}

/// The first transfer again: the receiver claims both parts, and one of them differs.
fn third_transfer(session: &RecordedSession, lines: &mut Vec<RecordedLine>) {
    let raw = CONTENTS.repeat(10_000);
    let (first, second) = raw.split_at(PART_SIZE as usize);
    lines.push(dialler(0, Says::Message(Message::Next)));
    lines.push(dialler(0, Says::Message(offer(2, 1, &large(), None))));
    lines.push(listener(Message::Accept(Accept {
        part_size: PART_SIZE,
        streams: 1,
        have: PartRanges::default(),
        claims: one_range(0, 2),
    })));
    let digest = |offset: u32, piece: &[u8]| {
        let mut hasher = PieceHasher::default();
        hasher.update(piece);
        let position = PiecePosition {
            transfer: 2,
            entry: 1,
            offset: offset.into(),
            length: piece.len() as u32,
        };
        session.dialler.digest_key().digest(position, hasher)
    };
    let digests: [PieceDigest; 2] = [digest(0, first), digest(PART_SIZE, second)];
    let digests = Bounded::take_from(&mut digests.into_iter());
    lines.push(dialler(0, Says::Message(Message::Digests(digests))));
    lines.push(listener(Message::Differs(one_range(1, 1))));
    lines.push(dialler(0, says_part(2, 0, 1, second)));
    lines.push(listener(Message::Differs(PartRanges::default())));
    lines.push(dialler(0, round_end(0, &[], &[check(1, second)])));
    lines.push(listener(done(raw.len() as u64, PART_SIZE.into())));
}

fn says_part(transfer: u32, round: u32, index: u64, raw: &[u8]) -> Says {
    Says::Part {
        transfer,
        id: PartId { round, index },
        raw: raw.to_vec(),
    }
}

fn one_range(start: u64, length: u64) -> PartRanges {
    Bounded::take_from(&mut [PartRange { start, length }].into_iter())
}

fn offer(transfer: u32, streams: u16, manifest: &Manifest, early: Option<EarlyRound>) -> Message {
    Message::Offer(Offer {
        transfer,
        run: RUN,
        part_size: PART_SIZE,
        streams,
        verify: false,
        checksum: false,
        dry_run: false,
        entry_count: manifest.len() as u32,
        entries: ManifestEncoder::new(manifest).next().unwrap(),
        early,
    })
}

fn accept(streams: u16) -> Message {
    Message::Accept(Accept {
        part_size: PART_SIZE,
        streams,
        have: PartRanges::default(),
        claims: PartRanges::default(),
    })
}

fn round_end(round: u32, streams: &[StreamNumber], checks: &[PartCheck]) -> Says {
    Says::Message(Message::RoundEnd(RoundEnd {
        round,
        total: None,
        streams: Bounded::take_from(&mut streams.iter().copied()),
        checks: Bounded::take_from(&mut checks.iter().copied()),
    }))
}

fn check(index: u64, raw: &[u8]) -> PartCheck {
    let crc32 = crc32fast::hash(raw);
    PartCheck { index, crc32 }
}

fn done(bytes: u64, held: u64) -> Message {
    Message::Done(Done {
        files: 1,
        bytes,
        same: 0,
        skipped: 0,
        held,
        failed: 0,
        failures: Bounded::default(),
        skips: Bounded::default(),
        new_names: Bounded::default(),
    })
}

const MTIME: Mtime = Mtime {
    seconds: 1_700_000_000,
    nanoseconds: 5,
};

/// A folder, a file of two parts in it, and a link to that.
fn large() -> Manifest {
    let mut builder = ManifestBuilder::new();
    let (folder, file) = (Mode::from_bits(0o755), Mode::from_bits(0o640));
    let size = FileSize::Known(CONTENTS.len() as u64 * 10_000);
    builder.push_folder(b"docs", MTIME, folder).unwrap();
    builder.push_file(b"docs/a.txt", size, MTIME, file).unwrap();
    builder.push_link(b"docs/b", b"a.txt", MTIME).unwrap();
    builder.finish().unwrap()
}

/// One short file.
fn small() -> Manifest {
    let mut builder = ManifestBuilder::new();
    let mode = Mode::from_bits(0o600);
    let size = FileSize::Known(8);
    builder.push_file(b"more.txt", size, MTIME, mode).unwrap();
    builder.finish().unwrap()
}
