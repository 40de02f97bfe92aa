use super::*;
use crate::model::{LinkFault, PathFault};
use crate::protocol::test_random::Random;

const MODE: u32 = 0o640;

fn sample() -> Manifest {
    let mut builder = ManifestBuilder::new();
    let mode = Mode::from_bits(MODE);
    let mtime = Mtime {
        seconds: -1,
        nanoseconds: 999_999_999,
    };
    builder.push_folder(b"dir", mtime, mode).unwrap();
    let size = FileSize::Known(limits::STREAM_BYTES);
    builder.push_file(b"dir/a", size, mtime, mode).unwrap();
    builder.push_link(b"dir/b", b"../dir/a", mtime).unwrap();
    let size = FileSize::Known(0);
    builder.push_file(b"\xff\xfe", size, mtime, mode).unwrap();
    builder.finish().unwrap()
}

fn decode(manifest: &Manifest) -> Result<Manifest, ManifestCodeError> {
    let mut decoder = ManifestDecoder::new(manifest.len() as u32)?;
    for chunk in ManifestEncoder::new(manifest) {
        assert!(chunk.as_bytes().len() <= CHUNK_BYTES);
        decoder.push_chunk(&chunk, &mut |_| true)?;
    }
    decoder.finish()
}

fn decode_chunk(announced: u32, bytes: &[u8]) -> Result<Manifest, ManifestCodeError> {
    let mut decoder = ManifestDecoder::new(announced)?;
    decoder.push_chunk(&ManifestChunk::from_peer(bytes), &mut |_| true)?;
    decoder.finish()
}

/// An encoded file with the whole path `path`, which shares nothing with the one before.
fn file(path: &[u8], mode: u16) -> Vec<u8> {
    let mut bytes = vec![FILE, 0, 0];
    bytes.extend_from_slice(&(path.len() as u16).to_be_bytes());
    bytes.extend_from_slice(path);
    bytes.extend_from_slice(&[0; 8 + 8 + 4]);
    bytes.extend_from_slice(&mode.to_be_bytes());
    bytes
}

#[test]
fn manifests_survive_encoding() {
    let manifest = sample();
    assert_eq!(decode(&manifest), Ok(manifest));
    let mut builder = ManifestBuilder::new();
    builder
        .push_file(
            b"-",
            FileSize::Unknown,
            Mtime::default(),
            Mode::from_bits(0),
        )
        .unwrap();
    let unknown = builder.finish().unwrap();
    assert_eq!(decode(&unknown), Ok(unknown));
    assert_eq!(decode(&Manifest::default()), Ok(Manifest::default()));
}

#[test]
fn the_bytes_are_as_documented() {
    let chunk = ManifestEncoder::new(&sample()).next().unwrap();
    let expected = [
        &b"\x03\0\0\0\x03dir\xff\xff\xff\xff\xff\xff\xff\xff\x3b\x9a\xc9\xff\x01\xa0"[..],
        b"\x01\0\x03\0\x02/a\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\x3b\x9a\xc9\xff\x01\xa0",
        b"\x04\0\x04\0\x01b\0\x08../dir/a\xff\xff\xff\xff\xff\xff\xff\xff\x3b\x9a\xc9\xff",
        b"\x01\0\0\0\x02\xff\xfe\0\0\0\0\0\0\0\0",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\x3b\x9a\xc9\xff\x01\xa0",
    ]
    .concat();
    assert_eq!(chunk.as_bytes(), expected);
}

#[test]
fn large_manifests_travel_in_chunks_that_stand_alone() {
    let mut builder = ManifestBuilder::new();
    let mode = Mode::from_bits(MODE);
    let folder = [b'd'; 255];
    builder
        .push_folder(&folder, Mtime::default(), mode)
        .unwrap();
    for number in 0..30_000 {
        let path = [&folder[..], b"/", number.to_string().as_bytes()].concat();
        let size = FileSize::Known(number);
        builder
            .push_file(&path, size, Mtime::default(), mode)
            .unwrap();
    }
    let manifest = builder.finish().unwrap();
    let chunks: Vec<_> = ManifestEncoder::new(&manifest).collect();
    assert!(chunks.len() > 3);
    assert!(chunks.iter().all(|chunk| chunk.as_bytes()[1..3] == [0, 0]));
    assert_eq!(decode(&manifest), Ok(manifest));
}

#[test]
fn the_entries_must_be_as_many_as_announced() {
    let count = Err(ManifestCodeError::Count);
    assert!(decode_chunk(1, &file(b"a", 0)).is_ok());
    assert_eq!(decode_chunk(0, &file(b"a", 0)), count);
    assert_eq!(decode_chunk(2, &file(b"a", 0)), count);
    let mut waiting = ManifestDecoder::new(1).unwrap();
    let nothing = waiting.push_chunk(&ManifestChunk::default(), &mut |_| true);
    assert_eq!(nothing, Err(ManifestCodeError::Count));
    let two = [file(b"a", 0), file(b"b", 0)].concat();
    assert_eq!(decode_chunk(1, &two), count);
    assert!(decode_chunk(2, &two).is_ok());
    assert!(ManifestDecoder::new(limits::ENTRIES as u32).is_ok());
    for announced in [limits::ENTRIES as u32 + 1, i32::MAX as u32, u32::MAX] {
        assert!(ManifestDecoder::new(announced).is_err());
    }
}

#[test]
fn every_truncation_is_an_error() {
    let manifest = sample();
    let chunk = ManifestEncoder::new(&manifest).next().unwrap();
    for end in 0..chunk.as_bytes().len() {
        assert!(decode_chunk(4, &chunk.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[test]
fn unsafe_entries_are_refused() {
    let path = |path: &[u8]| decode_chunk(1, &file(path, 0));
    let fault = |fault| Err(ManifestCodeError::Manifest(ManifestError::Path(fault)));
    assert_eq!(path(b"../x"), fault(PathFault::Dots));
    assert_eq!(path(b""), fault(PathFault::Empty));
    assert_eq!(path(&[b'x'; 65_535]), fault(PathFault::TooLong));
    let link = b"\x04\0\0\0\x01l\0\x04/et\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(
        decode_chunk(1, link),
        Err(ManifestCodeError::Manifest(ManifestError::Link(
            LinkFault::Malformed
        )))
    );
}

#[test]
fn a_path_is_checked_with_what_it_shares() {
    let mut joined = file(b"a", 0);
    joined.extend_from_slice(b"\x03\0\x01\0\x04/../\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert!(matches!(
        decode_chunk(2, &joined),
        Err(ManifestCodeError::Manifest(_))
    ));
    let mut beyond = file(b"a", 0);
    beyond.extend_from_slice(b"\x03\0\x02\0\x01b\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(decode_chunk(2, &beyond), Err(ManifestCodeError::SharedPath));
    let first = b"\x03\xff\xff\0\x01b\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(decode_chunk(1, first), Err(ManifestCodeError::SharedPath));
}

#[test]
fn modes_and_kinds_have_no_spare_values() {
    assert!(decode_chunk(1, &file(b"a", 0o777)).is_ok());
    assert_eq!(
        decode_chunk(1, &file(b"a", 0o1000)),
        Err(ManifestCodeError::Mode)
    );
    for kind in [0, 5, 255] {
        let mut bytes = file(b"a", 0);
        bytes[0] = kind;
        assert_eq!(
            decode_chunk(1, &bytes),
            Err(ManifestCodeError::UnknownKind(kind))
        );
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::from_clock();
    let chunk = ManifestEncoder::new(&sample()).next().unwrap();
    for _ in 0..20_000 {
        let mut bytes = random.bytes(80);
        if let Some(kind) = bytes.first_mut() {
            *kind = *kind % 4 + 1;
        }
        let _ = decode_chunk(1, &bytes);
        let mut edited = chunk.as_bytes().to_vec();
        let place = random.below(edited.len());
        edited[place] ^= 1 << random.below(8);
        let _ = decode_chunk(4, &edited);
    }
}

#[test]
fn the_identity_follows_every_field() {
    let id = transfer_id(&sample());
    assert_eq!(id, transfer_id(&sample()));
    assert_eq!(id.to_string(), "32ab4338e4f995f73ca39271408d45c9");
    let chunk = ManifestEncoder::new(&sample()).next().unwrap();
    let mut others = 0;
    for place in 0..chunk.as_bytes().len() {
        let mut edited = chunk.as_bytes().to_vec();
        edited[place] ^= 1;
        if let Ok(other) = decode_chunk(4, &edited) {
            assert_ne!(transfer_id(&other), id, "byte {place}");
            others += 1;
        }
    }
    assert!(others > 50);
}

/// The cost of an entry is its size in memory, however few bytes it takes on the wire.
#[test]
fn each_entry_is_asked_about_before_it_is_stored() {
    let mut entries = Vec::new();
    let mut writer = Writer::new(&mut entries);
    for (shared, own) in [(0, &[b'a'; 200][..]), (200, b""), (200, b"b")] {
        writer.u8(FILE);
        writer.u16(shared);
        writer.u16(len16(own.len()));
        writer.bytes(own);
        writer.u64(7);
        writer.bytes(&[0; 14]);
    }
    let chunk = ManifestChunk::from_peer(&entries);
    let mut decoder = ManifestDecoder::new(3).unwrap();
    let mut asked = Vec::new();
    let pushed = decoder.push_chunk(&chunk, &mut |cost| {
        asked.push(cost);
        asked.len() < 2
    });
    assert_eq!(
        pushed,
        Ok(()),
        "a name that stands twice is not even looked at"
    );
    let of = |path| EntryCost {
        contents: 7,
        memory: limits::ENTRY_MEMORY_BYTES + path,
    };
    assert_eq!(asked, [of(200), of(200), of(201)]);
    assert!(decoder.is_complete() && decoder.builder.is_none());
    assert_eq!(decoder.finish(), Err(ManifestCodeError::Count));
}
