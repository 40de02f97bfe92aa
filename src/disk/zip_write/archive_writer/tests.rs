use super::*;
use crate::disk::zip_write::cipher::{Cipher, SEALING_BYTES};
use crate::disk::zip_write::deflater::{DEFLATE_END, DeflateEffort, Deflater};
use crate::disk::zip_write::packer::{Packer, Piece, PieceIndex, Whole};
use crate::disk::{Source, SourceOptions, TimeZone};
use crate::model::EntryIndex;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use zip::ZipArchive;

const PASSWORD: &[u8] = b"pass word";

/// An archive of everything in `folder`, made by one packer.
fn packed(
    folder: &Path,
    effort: DeflateEffort,
    password: Option<&[u8]>,
    zip64_from: u64,
) -> (Source, Vec<u8>) {
    let options = SourceOptions::default();
    let source = Source::scan(&[folder.join(".")], &options).unwrap();
    let mut archive = ArchiveWriter::zip64_from(Vec::new(), zip64_from);
    let mut packer = Packer::new(&source, effort, password);
    for (entry, _) in source.manifest().entries() {
        write_entry(&source, &mut packer, &mut archive, entry, password);
    }
    let (bytes, length) = archive.finish(|number| member(&source, number)).unwrap();
    assert_eq!(length, bytes.len() as u64);
    (source, bytes)
}

fn member(source: &Source, number: u32) -> Member<'_> {
    let manifest = source.manifest();
    let entry = manifest.entry(manifest.index(number as usize).unwrap());
    Member::of_entry(&entry, &TimeZone::utc())
}

fn write_entry(
    source: &Source,
    packer: &mut Packer<'_>,
    archive: &mut ArchiveWriter<Vec<u8>>,
    entry: EntryIndex,
    password: Option<&[u8]>,
) {
    let number = entry.get() as u32;
    let described = member(source, number);
    let (mut begun, mut cipher, mut raw) = (None, None, 0);
    let mut crc32 = crc32fast::Hasher::new();
    let mut next = Some(PieceIndex::first(entry));
    while let Some(piece) = next {
        next = piece.next(source);
        match packer.pack(piece).unwrap() {
            Piece::Whole(whole) => {
                let Whole {
                    method,
                    encryption,
                    contents,
                    packed,
                } = whole;
                let added = archive.add(number, &described, method, encryption, contents, &packed);
                added.unwrap();
            }
            Piece::Part {
                method,
                raw: length,
                crc32: crc,
                mut packed,
                is_last,
            } => {
                assert_eq!(is_last, next.is_none());
                if begun.is_none() {
                    let encryption = match password {
                        Some(_) => Encryption::Aes256,
                        None => Encryption::None,
                    };
                    cipher = password.map(|password| Cipher::new(password).unwrap());
                    let start = archive.begin(number, &described, method, encryption, None);
                    begun = Some(start.unwrap());
                }
                if is_last && method == Method::Deflated {
                    packed.extend_from_slice(&DEFLATE_END);
                }
                raw += length;
                crc32.combine(&crc32fast::Hasher::new_with_initial_len(crc, length));
                let mut sealed = packed.clone();
                if let Some(cipher) = &mut cipher {
                    sealed.clear();
                    cipher.seal(&packed, &mut sealed).unwrap();
                }
                archive.write(&sealed).unwrap();
            }
            Piece::Failed(reason) => panic!("{reason}"),
        }
    }
    if let Some(begun) = begun {
        let crc32 = match cipher {
            None => crc32.finalize(),
            Some(cipher) => {
                let mut tag = Vec::new();
                cipher.finish(&mut tag).unwrap();
                archive.write(&tag).unwrap();
                0
            }
        };
        archive.end(begun, raw, crc32).unwrap();
    }
}

/// A folder with files of each kind: empty, small, one that shrinks, one that does not, one of several pieces.
fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let text = b"the same words again and again, ".repeat(90_000);
    let mixed = [&noise[..1_500_000], &text[..2_000_000]].concat();
    let files: [(&str, &[u8]); 7] = [
        ("empty", b""),
        ("little", b"x"),
        ("noise", &noise),
        ("small noise", &noise[..5000]),
        ("text", &text),
        ("\u{fc}n\u{ef}", b"a name"),
        ("folder/mixed", &mixed),
    ];
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::create_dir(folder.path().join("hollow")).unwrap();
    for (name, contents) in files {
        fs::write(folder.path().join(name), contents).unwrap();
    }
    folder
}

/// Opens with the zip crate's reader, which checks every tag and CRC-32, and compares with the disk.
fn check(folder: &Path, source: &Source, archive: &[u8], password: Option<&[u8]>) {
    let mut opened = ZipArchive::new(Cursor::new(archive)).unwrap();
    assert_eq!(opened.len(), source.manifest().len());
    for index in 0..opened.len() {
        let mut file = match password {
            Some(password) => opened.by_index_decrypt(index, password).unwrap(),
            None => opened.by_index(index).unwrap(),
        };
        let name = file.name().unwrap().into_owned();
        assert_eq!(file.encrypted(), password.is_some() && file.is_file());
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).unwrap();
        let path = folder.join(&name);
        match name.ends_with('/') {
            true => assert!(path.is_dir() && contents.is_empty(), "{name}"),
            false => assert!(fs::read(path).unwrap() == contents, "{name}"),
        }
        assert_eq!(file.size(), contents.len() as u64);
    }
}

const EFFORTS: [DeflateEffort; 5] = [
    DeflateEffort::Store,
    DeflateEffort::Auto,
    DeflateEffort::Level(1),
    DeflateEffort::Level(6),
    DeflateEffort::Level(9),
];

#[test]
fn what_is_packed_at_each_level_is_read_back() {
    let folder = sample();
    for effort in EFFORTS {
        for password in [None, Some(PASSWORD)] {
            let (source, archive) = packed(folder.path(), effort, password, ZIP64_FROM);
            check(folder.path(), &source, &archive, password);
        }
    }
}

#[test]
fn zip64_archives_are_read_back() {
    let folder = sample();
    // Every number, some of them, and only the offsets of the last entries.
    for zip64_from in [0, 6000, 4_000_000] {
        for password in [None, Some(PASSWORD)] {
            let (source, archive) =
                packed(folder.path(), DeflateEffort::Auto, password, zip64_from);
            check(folder.path(), &source, &archive, password);
        }
    }
}

#[test]
fn more_members_than_sixteen_bits_count() {
    const MEMBERS: u32 = 70_000;
    let mut archive = ArchiveWriter::new(Vec::new());
    let names: Vec<String> = (0..MEMBERS).map(|number| format!("{number}")).collect();
    let member = |number: u32| Member::nameless(names[number as usize].as_bytes());
    let nothing = EntryContents::default();
    for number in 0..MEMBERS {
        let (stored, plain) = (Method::Stored, Encryption::None);
        let added = archive.add(number, &member(number), stored, plain, nothing, b"");
        added.unwrap();
    }
    let (bytes, _) = archive.finish(member).unwrap();
    let opened = ZipArchive::new(Cursor::new(bytes)).unwrap();
    assert_eq!(opened.len(), MEMBERS as usize);
    assert!(opened.index_for_name("69999").is_some());
}

/// A sink that cannot take bytes back.
struct PipedBytes(Vec<u8>);

impl ArchiveSink for PipedBytes {}

impl Write for PipedBytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ArchiveSink for Vec<u8> {
    fn cut_back(&mut self, length: u64) -> std::io::Result<bool> {
        self.truncate(length as usize);
        Ok(true)
    }
}

/// An archive with a member that was given up before a complete one, and whether it was taken back.
fn with_one_given_up<W: ArchiveSink>(sink: W) -> (W, bool) {
    let mut archive = ArchiveWriter::new(sink);
    let member = |number| match number {
        0 => Member::nameless(b"broken"),
        _ => Member::nameless(b"whole"),
    };
    let (stored, plain) = (Method::Stored, Encryption::None);
    let begun = archive.begin(0, &member(0), stored, plain, Some(1 << 20));
    let begun = begun.unwrap();
    archive.write(b"half of it").unwrap();
    let is_gone = archive.take_back(&begun).unwrap();
    if !is_gone {
        archive.give_up(begun, 10, 7).unwrap();
    }
    let contents = EntryContents {
        raw: 3,
        packed: 3,
        crc32: crc32fast::hash(b"abc"),
    };
    let added = archive.add(1, &member(1), stored, plain, contents, b"abc");
    added.unwrap();
    (archive.finish(member).unwrap().0, is_gone)
}

#[test]
fn what_was_begun_and_not_ended_is_no_member() {
    let (taken_back, is_gone) = with_one_given_up(Vec::new());
    assert!(is_gone && taken_back.starts_with(b"PK\x03\x04"));
    let (PipedBytes(kept), is_gone) = with_one_given_up(PipedBytes(Vec::new()));
    assert!(!is_gone);
    let half = b"half of it";
    assert!(kept.windows(half.len()).any(|at| at == half));
    assert!(!taken_back.windows(half.len()).any(|at| at == half));
    for bytes in [taken_back, kept] {
        let mut opened = ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(opened.len(), 1);
        let mut text = String::new();
        let mut file = opened.by_name("whole").unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }
}

#[test]
fn no_two_members_have_the_same_salt() {
    let seal = || {
        let mut sealed = Vec::new();
        let mut cipher = Cipher::new(PASSWORD).unwrap();
        cipher.seal(b"the same contents", &mut sealed).unwrap();
        cipher.finish(&mut sealed).unwrap();
        assert_eq!(sealed.len(), 17 + SEALING_BYTES);
        sealed
    };
    let (one, other) = (seal(), seal());
    assert_ne!(one[..16], other[..16]);
    assert_ne!(one[18..35], other[18..35]);
}

#[test]
fn what_does_not_shrink_costs_next_to_nothing() {
    let noise: Vec<u8> = (0..1_000_000_u64)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8 ^ (n >> 7) as u8)
        .collect();
    for effort in EFFORTS {
        let blocks = Deflater::new(effort).blocks(&noise).unwrap();
        assert!(blocks.len() <= noise.len() + 100, "{effort:?}");
    }
}
