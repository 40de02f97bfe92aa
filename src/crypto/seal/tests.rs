//! Sealed contents open again, have the pinned layout, and are plain zip to other programs.

mod from_a_peer;
mod from_the_line;

use super::layout::{LOCAL_HEADER_LENGTH, Layout};
use super::*;
use crate::crypto::cpace::SharedKey;
use crate::crypto::keys::{KeySchedule, OpeningKeys};
use crate::crypto::mac::hmac_sha256;
use crate::crypto::{Side, TranscriptHash, random_bytes};
use hmac::Mac;
use std::io::{Cursor, Write};
use std::process::Command;
use zip::ZipWriter;

const HERE: Position = Position::Part {
    transfer: 1,
    round: 0,
    index: 2,
};
const LIMIT: u32 = 4 << 20;

/// What the dialler of a session sends, at both ends.
pub(super) fn keys_of(session: u8) -> (SealingKeys, OpeningKeys) {
    let schedule = schedule_of(session);
    (
        schedule.sealing_keys(Side::Dialler),
        schedule.opening_keys(Side::Dialler),
    )
}

fn schedule_of(session: u8) -> KeySchedule {
    let shared = SharedKey::from_bytes([session; 64]);
    KeySchedule::new(&shared, &TranscriptHash::of(b"", b""))
}

/// Bytes that do not compress.
fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut state = u64::from_be_bytes(random_bytes().unwrap()) | 1;
    for byte in &mut bytes {
        // xorshift64 (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = (state >> 32) as u8;
    }
    bytes
}

/// Bytes that compress well, but are not all the same.
fn text(length: usize) -> Vec<u8> {
    (0u32..)
        .flat_map(|line| format!("this is line {line}\n").into_bytes())
        .take(length)
        .collect()
}

/// Opens as a peer does: the envelope is parsed from its bytes.
fn open_at(
    opener: &mut Opener,
    position: Position,
    sealed: &Sealed<'_>,
) -> Result<Vec<u8>, OpenError> {
    let envelope = Envelope::from_bytes(&sealed.envelope.to_bytes(), LIMIT)?;
    open_both_ways(opener, position, &envelope, sealed.archive)
}

/// Opens into other memory and in place. Both have the same result, and a failure leaves no contents behind.
fn open_both_ways(
    opener: &mut Opener,
    position: Position,
    envelope: &Envelope,
    archive: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let keys = keys_of(0).1;
    let opened = opener.open(&keys, position, envelope, archive);
    let opened = opened.map(<[u8]>::to_vec);
    assert!(opened.is_ok() || opener.buffer().is_empty());
    let mut memory = archive.to_vec();
    let in_place = opener.open_in_place(&keys, position, envelope, &mut memory);
    assert_eq!(in_place.map(<[u8]>::to_vec), opened);
    if opened.is_err() {
        assert!(opener.buffer().is_empty());
        assert!(memory == archive || memory.iter().all(|&byte| byte == 0));
    }
    opened
}

/// Opens received bytes with the keys of session 0: an envelope, then the archive.
fn open_bytes(position: Position, arrived: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (envelope, archive) = arrived.split_first_chunk().ok_or(OpenError::NotAsAgreed)?;
    let envelope = Envelope::from_bytes(envelope, LIMIT)?;
    open_both_ways(&mut Opener::new(), position, &envelope, archive)
}

/// The sealed bytes of these contents at [`HERE`] in session 0.
fn sealed_bytes(raw: &[u8], compression: Compression) -> Vec<u8> {
    let mut sealer = Sealer::new();
    let sealed = sealer.seal(&keys_of(0).0, HERE, raw, compression).unwrap();
    [&sealed.envelope.to_bytes()[..], sealed.archive].concat()
}

#[test]
fn what_is_sealed_opens_again() {
    let (mut sealer, mut opener) = (Sealer::new(), Opener::new());
    let mib = 1 << 20;
    for length in [
        2 * mib + 1,
        0,
        1,
        19,
        20,
        63,
        64,
        65_536,
        49_151,
        49_152,
        2 * mib - 1,
        2 * mib,
    ] {
        for raw in [random(length), text(length)] {
            for compression in [
                Compression::Stored,
                Compression::Zstd(1),
                Compression::Zstd(3),
            ] {
                let sealed = sealer.seal(&keys_of(0).0, HERE, &raw, compression).unwrap();
                assert_eq!(sealed.envelope.raw_length() as usize, length);
                assert_eq!(
                    sealed.envelope.sealed_length() as usize,
                    sealed.archive.len()
                );
                assert!(sealed.archive.len() <= length + SEALED_OVERHEAD as usize);
                let opened = open_at(&mut opener, HERE, &sealed);
                assert!(
                    opened.as_ref() == Ok(&raw),
                    "{length} bytes, {compression:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_sealed_slice_by_slice_opens_again() {
    let (mut sealer, mut opener) = (Sealer::new(), Opener::new());
    let keys = keys_of(0).0;
    for length in [0, 1, 65_535, 65_536, 200_000] {
        let raw = random(length);
        let mut sealing = sealer.begin_stored(&keys, HERE, length).unwrap();
        for slice in raw.chunks(65_536) {
            sealing.add(slice).unwrap();
        }
        let sealed = sealing.finish().unwrap();
        assert_eq!(sealed.envelope.method(), PartMethod::Stored);
        assert!(open_at(&mut opener, HERE, &sealed) == Ok(raw));
    }
}

#[test]
fn other_contents_than_announced_are_not_sealed() {
    let mut sealer = Sealer::new();
    let keys = keys_of(0).0;
    let mut sealing = sealer.begin_stored(&keys, HERE, 10).unwrap();
    sealing.add(&[7; 9]).unwrap();
    assert!(matches!(sealing.finish(), Err(SealError::OtherLength)));
    let mut sealing = sealer.begin_stored(&keys, HERE, 10).unwrap();
    let added = sealing.add(&[7; 1000]);
    assert!(matches!(added, Err(SealError::OtherLength)));
    assert!(matches!(sealing.finish(), Err(SealError::OtherLength)));
    let longest = MAX_RAW_LENGTH as usize;
    let beyond = sealer.begin_stored(&keys, HERE, longest + 1);
    assert!(matches!(beyond, Err(SealError::TooLong)));
}

#[test]
fn messages_open_again() {
    let position = Position::Message {
        stream: 3,
        sequence: 4,
    };
    let mut sealer = Sealer::new();
    let sealed = sealer
        .seal(&keys_of(0).0, position, b"a message", Compression::Zstd(3))
        .unwrap();
    assert_eq!(
        open_at(&mut Opener::new(), position, &sealed).unwrap(),
        b"a message"
    );
}

#[test]
fn the_layout_is_as_pinned() {
    let mut sealer = Sealer::new();
    for (length, compression, method) in [
        (0, Compression::Stored, PartMethod::Stored),
        (20, Compression::Stored, PartMethod::Stored),
        (65_536, Compression::Stored, PartMethod::Stored),
        (65_536, Compression::Zstd(3), PartMethod::Zstd),
    ] {
        let sealed = sealer
            .seal(&keys_of(0).0, HERE, &text(length), compression)
            .unwrap();
        let layout = Layout::of(sealed.archive.len()).unwrap();
        assert_eq!(SEALED_OVERHEAD, 172);
        assert_eq!(sealed.envelope.method(), method);
        assert_eq!(layout.ciphertext.start, LOCAL_HEADER_LENGTH + 18);
        assert_eq!(layout.ciphertext.len() + 172, sealed.archive.len());
        assert_eq!(
            layout.ciphertext.len() == length,
            method == PartMethod::Stored
        );
        // Each structure begins with its signature at the stated place.
        let directory = layout.directory();
        let end = sealed.archive.len() - 22;
        for (place, signature) in [
            (0, b"PK\x03\x04"),
            (layout.descriptor(), b"PK\x07\x08"),
            (directory, b"PK\x01\x02"),
            (end, b"PK\x05\x06"),
        ] {
            assert_eq!(&sealed.archive[place..place + 4], signature);
        }
        // Version AE-2, and zeros where the checksums of the contents could be.
        for (version, checksum) in [
            (38, 14),
            (directory + 54, directory + 16),
            (38, layout.descriptor() + 4),
        ] {
            assert_eq!(sealed.archive[version..version + 5], [2, 0, b'A', b'E', 3]);
            assert_eq!(sealed.archive[checksum..checksum + 4], [0; 4]);
        }
    }
}

#[test]
fn the_envelope_is_over_what_is_documented() {
    let mut sealer = Sealer::new();
    for (position, at, compression, method) in [
        (
            HERE,
            &b"\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x02"[..],
            Compression::Stored,
            0,
        ),
        (
            HERE,
            b"\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x02",
            Compression::Zstd(3),
            93,
        ),
        (
            Position::Message {
                stream: 3,
                sequence: 4,
            },
            b"\0\x03\0\0\0\0\0\0\0\x04",
            Compression::Stored,
            0,
        ),
    ] {
        let sealed = sealer
            .seal(&keys_of(0).0, position, &text(1000), compression)
            .unwrap();
        let (head, rest) = sealed.archive.split_at(63);
        let (ciphertext, tail) = rest.split_at(rest.len() - 109);
        let sealed_length = (sealed.archive.len() as u32).to_be_bytes();
        let fields = [&1000u32.to_be_bytes()[..], &[method], &sealed_length].concat();
        let covered = if method == 93 { ciphertext } else { b"" };
        let mut mac = hmac_sha256(&*keys_of(0).0.at(position).mac);
        mac.update(&[at, &fields, head, covered, tail].concat());
        let expected = [&fields[..], &mac.finalize().into_bytes()].concat();
        assert_eq!(sealed.envelope.to_bytes().to_vec(), expected);
    }
}

/// This is why archives are written as a stream: otherwise they would contain the checksum of the contents.
#[test]
fn a_writer_that_can_seek_would_write_ae_1() {
    let raw = text(20);
    let options = entry_options(CompressionMethod::Stored, None)
        .with_aes_encryption_bytes(AesMode::Aes256, b"password");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("part", options).unwrap();
    writer.write_all(&raw).unwrap();
    let archive = writer.finish().unwrap().into_inner();
    assert_eq!(archive[38..40], [1, 0]);
    assert_eq!(archive[14..18], crc32fast::hash(&raw).to_le_bytes());
}

#[test]
fn what_does_not_shrink_is_stored() {
    let mut sealer = Sealer::new();
    let mut method_of = |raw: &[u8]| {
        sealer
            .seal(&keys_of(0).0, HERE, raw, Compression::Zstd(3))
            .unwrap()
            .envelope
            .method()
    };
    for length in [0, 1, 64, 100, 65_536, 49_152, 1 << 20] {
        assert_eq!(
            method_of(&random(length)),
            PartMethod::Stored,
            "{length} bytes"
        );
    }
    for length in [200, 65_536, 49_152, 1 << 20] {
        assert_eq!(method_of(&text(length)), PartMethod::Zstd, "{length} bytes");
    }
    // One part in a hundred shrinks: the samples miss it, or it is not worth it.
    assert_eq!(
        method_of(&[random(990_000), text(10_000)].concat()),
        PartMethod::Stored
    );
    // The samples miss contents between them as well.
    let sample = || random(SAMPLE_LENGTH);
    let between = text(500_000);
    assert_eq!(
        method_of(&[sample(), between.clone(), sample(), between, sample()].concat()),
        PartMethod::Stored
    );
    // A sample finds contents that shrink only at the start.
    assert_eq!(
        method_of(&[text(500_000), random(500_000)].concat()),
        PartMethod::Zstd
    );
}

#[test]
fn the_buffers_stay_as_small_as_what_is_sealed() {
    let (mut sealer, mut opener) = (Sealer::new(), Opener::new());
    for raw in [random(100_000), text(100_000)] {
        for compression in [Compression::Zstd(3), Compression::Stored] {
            let sealed = sealer.seal(&keys_of(0).0, HERE, &raw, compression).unwrap();
            open_at(&mut opener, HERE, &sealed).unwrap();
            assert!(sealer.archive.capacity() <= raw.len() + SEALED_OVERHEAD as usize);
            assert!(opener.buffer().capacity() <= raw.len());
        }
    }
}

#[test]
fn the_same_contents_never_look_the_same() {
    let seal = || {
        let mut sealer = Sealer::new();
        sealer
            .seal(&keys_of(0).0, HERE, &[7; 100], Compression::Stored)
            .unwrap()
            .archive
            .to_vec()
    };
    let (one, other) = (seal(), seal());
    let layout = Layout::of(one.len()).unwrap();
    assert_ne!(
        one[LOCAL_HEADER_LENGTH..][..16],
        other[LOCAL_HEADER_LENGTH..][..16]
    );
    assert_ne!(one[layout.ciphertext.clone()], other[layout.ciphertext]);
}

#[test]
fn a_level_that_does_not_exist_is_an_error() {
    let mut sealer = Sealer::new();
    let result = sealer.seal(&keys_of(0).0, HERE, &text(100), Compression::Zstd(99));
    assert!(matches!(result, Err(SealError::Archive(_))));
}

/// Another program opens a sealed archive with its password.
#[test]
fn seven_zip_opens_a_sealed_part() {
    if !has_seven_zip() {
        assert!(
            std::env::var_os("PEERBRIDGE_REQUIRE_TOOLS").is_none(),
            "7zz is missing"
        );
        eprintln!("skipped: 7zz is not installed");
        return;
    }
    let keys = keys_of(0).0;
    let password = keys.at(HERE).password;
    let password = std::str::from_utf8(&*password).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("sealed.zip");
    let raw = text(300_000);
    for compression in [Compression::Stored, Compression::Zstd(3)] {
        let mut sealer = Sealer::new();
        let sealed = sealer.seal(&keys, HERE, &raw, compression).unwrap();
        std::fs::write(&archive, sealed.archive).unwrap();
        let output = Command::new("7zz")
            .args(["x", "-so", &format!("-p{password}")])
            .arg(&archive)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stdout == raw, "{compression:?}");
    }
}

fn has_seven_zip() -> bool {
    Command::new("7zz").arg("i").output().is_ok()
}
