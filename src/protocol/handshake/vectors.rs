//! The test vectors that `docs/PROTOCOL.md` names: one session, with everything random in it fixed.
//!
//! Everything that is not sealed is computed again and compared byte by byte. Sealing uses a random salt, so
//! sealed frames are opened, and everything in them that is not random is compared.

use super::super::{
    Message, MessageError, Offer, PartId, StreamNumber, frame, message_head, part_head,
    split_message, split_part, transfer_id,
};
use super::{DiallerJoins, DiallerRole, DiallerWaitsForHello, JoinRequest, ListenerStart, Role};
use crate::crypto::{
    Compression, Opener, PieceHasher, PiecePosition, Position, Sealer, SealingKeys, Secret,
    SessionKeys, Side, TranscriptHash, name_tag, vectors,
};
use crate::model::{FileSize, Manifest, ManifestBuilder, Mode, Mtime, RunId, limits};
use crate::protocol::{FRAME_HEADER_LENGTH, FrameKind, ManifestEncoder};
use std::fmt::Write;

mod recording;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/vectors/session.txt");
const VECTORS: &str = include_str!("../../../docs/vectors/session.txt");

const SECRET: &str = "correct horse";
const NAME: &str = "alice";
const PART_SIZE: u32 = limits::PART_BYTES_MIN;
const CONTENTS: &[u8] = b"hello, peer\n";
const RUN: RunId = RunId([0x2d; 16]);
const FIRST_MESSAGE: Position = Position::Message {
    stream: 0,
    sequence: 0,
};
const FIRST_PART: Position = Position::Part {
    transfer: 0,
    round: 0,
    index: 0,
};

const FIRST_PIECE: PiecePosition = PiecePosition {
    transfer: 0,
    entry: 1,
    offset: 0,
    length: 1200,
};
const FIRST_ID: PartId = PartId { round: 0, index: 0 };

#[test]
fn the_vectors_hold() {
    let session = session();
    for (name, value) in &session.fixed {
        assert_eq!(vector(name), *value, "{name}");
    }
    let mut opener = Opener::new();
    let keys = session.listener.opening_keys();

    let message = unhex(vector("message_frame"));
    let (envelope, archive) = split_message(&message[FRAME_HEADER_LENGTH..]).unwrap();
    let raw = opener.open(&keys, FIRST_MESSAGE, &envelope, archive);
    assert_eq!(raw.unwrap(), unhex(vector("message_raw")));
    assert_eq!(message[..46], message_head(&envelope));

    let part = unhex(vector("part_frame"));
    let (id, envelope, archive) = split_part(&part[FRAME_HEADER_LENGTH..]).unwrap();
    let raw = opener.open(&keys, FIRST_PART, &envelope, archive);
    assert_eq!((id, raw.unwrap()), (FIRST_ID, &part_raw()[..]));
    assert_eq!(part[..58], part_head(id, &envelope));
}

/// If this variable is set, the vectors are written again. The tests that read them see the change after the
/// next build.
const WRITE: &str = "PEERBRIDGE_WRITE_VECTORS";

#[test]
fn the_vectors_are_written_when_that_is_asked_for() {
    if std::env::var_os(WRITE).is_none() {
        return;
    }
    let session = session();
    recording::write(&session);
    let mut text = String::from(HEADING);
    for (name, value) in &session.fixed {
        writeln!(text, "{name} = {value}").unwrap();
    }
    let keys = session.dialler.sealing_keys();
    let mut sealer = Sealer::new();
    let mut seal = |position, raw: &[u8], compression, head: fn(&_) -> Vec<u8>| {
        let sealed = sealer.seal(&keys, position, raw, compression).unwrap();
        hex(&[&head(&sealed.envelope), sealed.archive].concat())
    };
    let message = seal(
        FIRST_MESSAGE,
        &session.bytes("message_raw"),
        Compression::Stored,
        |envelope| message_head(envelope).to_vec(),
    );
    let part = seal(FIRST_PART, &part_raw(), Compression::Zstd(3), |envelope| {
        part_head(FIRST_ID, envelope).to_vec()
    });
    writeln!(text, "message_frame = {message}\npart_frame = {part}").unwrap();
    std::fs::write(FILE, text).unwrap();
}

const HEADING: &str = "\
# peerbridge protocol, version 2: one session with everything random in it fixed.
# A value is bytes in hexadecimal; one whose name ends in _text is plain text.
# docs/PROTOCOL.md says how each is made. The frames at the end hold a random salt.
";

/// One session of two peers, to its first part.
struct RecordedSession {
    fixed: Vec<(&'static str, String)>,
    dialler: SessionKeys,
    listener: SessionKeys,
}

fn session() -> RecordedSession {
    let mut fixed: Vec<(&str, String)> = Vec::new();
    let mut add = |name, bytes: &[u8]| fixed.push((name, hex(bytes)));
    let role = DiallerRole::Transfer(Role::Send);
    let secret = Secret::from_text(SECRET).unwrap();
    let (dialler_nonce, listener_nonce): ([u8; 32], [u8; 32]) = ([0xd1; 32], [0x11; 32]);
    let (dialler_scalar, listener_scalar) = (scalar(0x0d), scalar(0x01));
    add("secret", SECRET.as_bytes());
    add("name", NAME.as_bytes());
    add("dialler_nonce", &dialler_nonce);
    add("dialler_scalar", &dialler_scalar);
    add("listener_nonce", &listener_nonce);
    add("listener_scalar", &listener_scalar);

    let tag = name_tag(&dialler_nonce, Some(NAME.as_bytes()));
    let channel = role.channel_identifier();
    let cpace = |scalar| vectors::cpace(scalar, &secret, &channel, &dialler_nonce);
    let (dialler, dialler_hello) =
        DiallerWaitsForHello::start_with(dialler_nonce, cpace(dialler_scalar), role, tag);
    let heard = ListenerStart::new(Role::Receive)
        .on_hello(&dialler_hello)
        .unwrap();
    let (listener, listener_hello) = heard
        .answer_with(listener_nonce, cpace(listener_scalar))
        .unwrap();
    add("channel_identifier", &channel);
    add("dialler_hello", &dialler_hello);
    add("listener_hello", &listener_hello);

    let share = *cpace(listener_scalar).share();
    let shared = cpace(dialler_scalar)
        .finish(Side::Dialler, &share, &dialler_hello, &listener_hello)
        .unwrap();
    let transcript = TranscriptHash::of(&dialler_hello, &listener_hello);
    for (name, key) in vectors::keys(&shared, &transcript) {
        add(name, &key);
    }

    let (dialler, dialler_confirm) = dialler.on_hello(&listener_hello).unwrap();
    let (listener, listener_confirm) = listener.on_confirm(&dialler_confirm).unwrap();
    let dialler = dialler.on_confirm(&listener_confirm).unwrap();
    add("dialler_confirm", &dialler_confirm);
    add("listener_confirm", &listener_confirm);
    add(
        "dialler_hello_frame",
        &frame(FrameKind::Hello, &dialler_hello),
    );
    add("session_id", &dialler.session_id());
    let stream = StreamNumber::joined(1).unwrap();
    let (joining, dialler_join) = DiallerJoins::start_with([0xd2; 32], &dialler, stream);
    let request = JoinRequest::parse(&dialler_join).unwrap();
    let (_, listener_join) = request.accept_with([0x12; 32], &listener).unwrap();
    joining.on_join(&dialler, &listener_join).unwrap();
    add("dialler_join", &dialler_join);
    add("listener_join", &listener_join);

    let manifest = manifest();
    add("transfer_id", &transfer_id(&manifest).0);
    add("message_raw", &offer(&manifest));
    add("part_raw", &part_raw());
    let mut hasher = PieceHasher::default();
    hasher.update(&part_raw());
    let digest = dialler.digest_key().digest(FIRST_PIECE, hasher);
    add("digest", &digest.0);
    fixed.push(("phrase_text", dialler.phrase()));
    add_position_keys(&mut fixed, &dialler.sealing_keys());
    RecordedSession {
        fixed,
        dialler,
        listener,
    }
}

impl RecordedSession {
    fn bytes(&self, name: &str) -> Vec<u8> {
        unhex(vector_in(&self.fixed, name))
    }
}

fn add_position_keys(fixed: &mut Vec<(&'static str, String)>, keys: &SealingKeys) {
    let (password, mac_key) = vectors::position_keys(keys, FIRST_MESSAGE);
    fixed.push(("message_password_text", password));
    fixed.push(("message_mac_key", hex(&mac_key)));
    let (password, mac_key) = vectors::position_keys(keys, FIRST_PART);
    fixed.push(("part_password_text", password));
    fixed.push(("part_mac_key", hex(&mac_key)));
}

/// Well below the group's order, so that it is a scalar as it stands.
fn scalar(byte: u8) -> [u8; 32] {
    let mut scalar = [byte; 32];
    scalar[31] = 0;
    scalar
}

/// A folder, a file in it that is 100 times the contents, and a link to that.
fn manifest() -> Manifest {
    let mut builder = ManifestBuilder::new();
    let mtime = Mtime {
        seconds: 1_700_000_000,
        nanoseconds: 5,
    };
    let folder = Mode::from_bits(0o755);
    let file = Mode::from_bits(0o640);
    let size = FileSize::Known(part_raw().len() as u64);
    builder.push_folder(b"docs", mtime, folder).unwrap();
    builder.push_file(b"docs/a.txt", size, mtime, file).unwrap();
    builder.push_link(b"docs/b", b"a.txt", mtime).unwrap();
    builder.finish().unwrap()
}

fn part_raw() -> Vec<u8> {
    CONTENTS.repeat(100)
}

fn offer(manifest: &Manifest) -> Vec<u8> {
    let offer = Message::Offer(Offer {
        transfer: 0,
        run: RUN,
        part_size: PART_SIZE,
        streams: 4,
        verify: false,
        checksum: false,
        dry_run: false,
        entry_count: manifest.len() as u32,
        entries: ManifestEncoder::new(manifest).next().unwrap(),
        early: None,
    });
    let mut bytes = Vec::new();
    offer.encode(&mut bytes);
    let decoded: Result<Message, MessageError> = Message::decode(&bytes);
    assert_eq!(decoded, Ok(offer));
    bytes
}

fn vector(name: &str) -> &'static str {
    let mut lines = VECTORS.lines().filter_map(|line| line.split_once(" = "));
    let (_, value) = lines.find(|(found, _)| *found == name).expect("a vector");
    value
}

fn vector_in<'a>(vectors: &'a [(&str, String)], name: &str) -> &'a str {
    let mut found = vectors.iter().filter(|(found, _)| *found == name);
    &found.next().expect("a vector").1
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
