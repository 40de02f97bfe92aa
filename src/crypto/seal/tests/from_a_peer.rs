//! Attacks by a peer that has the keys, and makes a valid envelope around something other than a part.

use super::*;
use zip::write::{FileOptions, SimpleFileOptions};

/// Opens an archive of the peer's making in a valid envelope of the peer's making.
fn open_forged(
    raw_length: usize,
    method: PartMethod,
    archive: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let keys = keys_of(0).0.at(HERE);
    let envelope = Envelope::over(&keys, HERE, raw_length as u32, method, archive);
    open_bytes(HERE, &[&envelope.to_bytes()[..], archive].concat())
}

/// The archive is refused, whatever method and length the envelope states.
fn assert_refused(what: &str, archive: &[u8]) {
    for method in [PartMethod::Stored, PartMethod::Zstd] {
        for raw_length in [RAW_LENGTH, archive.len(), archive.len().saturating_sub(172)] {
            assert!(open_forged(raw_length, method, archive).is_err(), "{what}");
        }
    }
}

const RAW_LENGTH: usize = 5000;

/// A genuine archive of [`RAW_LENGTH`] bytes, edited, in a valid new envelope.
fn open_edited(
    compression: Compression,
    edit: impl Fn(&mut [u8], usize),
) -> Result<Vec<u8>, OpenError> {
    let mut sealer = Sealer::new();
    sealer
        .seal(&keys_of(0).0, HERE, &text(RAW_LENGTH), compression)
        .unwrap();
    let mut archive = sealer.archive;
    let directory = Layout::of(archive.len()).unwrap().directory();
    edit(&mut archive, directory);
    let method = match compression {
        Compression::Stored => PartMethod::Stored,
        Compression::Zstd(_) => PartMethod::Zstd,
    };
    open_forged(RAW_LENGTH, method, &archive)
}

fn assert_edit_refused(what: &str, edit: impl Fn(&mut [u8], usize)) {
    for compression in [Compression::Stored, Compression::Zstd(3)] {
        assert!(
            open_edited(compression, &edit).is_err(),
            "{what}, {compression:?}"
        );
    }
}

fn set(archive: &mut [u8], place: usize, bytes: &[u8]) {
    archive[place..place + bytes.len()].copy_from_slice(bytes);
}

fn password() -> Vec<u8> {
    keys_of(0).0.at(HERE).password.to_vec()
}

/// An archive of these entries, with the right password if they are encrypted.
fn archive_of(entries: &[(&str, FileOptions<'_, 'static, ()>, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, options, raw) in entries {
        writer.start_file(*name, *options).unwrap();
        writer.write_all(raw).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn plain(method: CompressionMethod) -> SimpleFileOptions {
    entry_options(method, None)
}

#[test]
fn the_helpers_forge_archives_that_open_if_nothing_is_wrong() {
    for compression in [Compression::Stored, Compression::Zstd(3)] {
        assert!(open_edited(compression, |_, _| ()).unwrap() == text(RAW_LENGTH));
    }
    let password = password();
    let raw = text(RAW_LENGTH);
    for (number, method) in [
        (CompressionMethod::Stored, PartMethod::Stored),
        (CompressionMethod::Zstd, PartMethod::Zstd),
    ] {
        let options = plain(number).with_aes_encryption_bytes(AesMode::Aes256, &password);
        let archive = archive_of(&[("part", options, &raw)]);
        assert!(open_forged(RAW_LENGTH, method, &archive).unwrap() == raw);
    }
}

/// Outside the coverage of the archive's own tag, only versions, times and attributes may change.
#[test]
fn every_other_byte_around_the_ciphertext() {
    let free_in_header = [4, 5, 10, 11, 12, 13];
    let free_in_directory = [4, 5, 6, 7, 12, 13, 14, 15, 36, 37, 38, 39, 40, 41];
    for compression in [Compression::Stored, Compression::Zstd(3)] {
        let mut sealer = Sealer::new();
        let sealed = sealer
            .seal(&keys_of(0).0, HERE, &text(RAW_LENGTH), compression)
            .unwrap();
        let layout = Layout::of(sealed.archive.len()).unwrap();
        for place in (0..LOCAL_HEADER_LENGTH).chain(layout.descriptor()..sealed.archive.len()) {
            let free = free_in_header.contains(&place)
                || (place.checked_sub(layout.directory()))
                    .is_some_and(|place| free_in_directory.contains(&place));
            let result = open_edited(compression, |archive, _| archive[place] ^= 1);
            assert_eq!(result.is_ok(), free, "byte {place}, {compression:?}");
        }
    }
}

#[test]
fn archives_that_are_not_encrypted() {
    for method in [
        CompressionMethod::Stored,
        CompressionMethod::Zstd,
        CompressionMethod::Deflated,
    ] {
        assert_refused(
            "plain",
            &archive_of(&[("part", plain(method), &text(RAW_LENGTH))]),
        );
    }
    assert_edit_refused("the encryption flag taken off", |archive, directory| {
        set(archive, 6, &[8, 0]);
        set(archive, directory + 8, &[8, 0]);
    });
    assert_edit_refused(
        "the encryption flag taken off in the directory",
        |archive, directory| {
            set(archive, directory + 8, &[8, 0]);
        },
    );
}

#[test]
fn archives_encrypted_in_another_way() {
    use zip::unstable::write::FileOptionsExt;
    let (raw, password) = (text(RAW_LENGTH), password());
    for method in [CompressionMethod::Stored, CompressionMethod::Zstd] {
        for mode in [AesMode::Aes128, AesMode::Aes192] {
            let options = plain(method).with_aes_encryption_bytes(mode, &password);
            assert_refused("another strength", &archive_of(&[("part", options, &raw)]));
        }
        let options = plain(method).with_deprecated_encryption(&password).unwrap();
        assert_refused("ZipCrypto", &archive_of(&[("part", options, &raw)]));

        let options = plain(method).with_aes_encryption_bytes(AesMode::Aes256, &password);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("part", options).unwrap();
        writer.write_all(&raw).unwrap();
        assert_refused("AE-1", &writer.finish().unwrap().into_inner());

        let options = plain(method).with_aes_encryption_bytes(AesMode::Aes256, b"word");
        assert_refused("another password", &archive_of(&[("part", options, &raw)]));
    }
    assert_edit_refused("flags that mean something else", |archive, directory| {
        set(archive, 6, &[0x49]);
        set(archive, directory + 8, &[0x49]);
    });
    assert_edit_refused("the flag for UTF-8 names", |archive, directory| {
        set(archive, 7, &[8]);
        set(archive, directory + 9, &[8]);
    });
    assert_edit_refused("called AE-1", |archive, directory| {
        set(archive, 38, &[1, 0]);
        set(archive, directory + 54, &[1, 0]);
    });
    assert_edit_refused("called AE-1, with its checksum", |archive, directory| {
        let checksum = crc32fast::hash(&text(RAW_LENGTH)).to_le_bytes();
        for (place, bytes) in [
            (38, &[1, 0][..]),
            (directory + 54, &[1, 0]),
            (directory + 16, &checksum),
        ] {
            set(archive, place, bytes);
        }
    });
    assert_edit_refused("called AES-128", |archive, directory| {
        set(archive, 42, &[1]);
        set(archive, directory + 58, &[1]);
    });
    assert_edit_refused("the AES field called another", |archive, directory| {
        set(archive, 34, &[0x02, 0x99]);
        set(archive, directory + 50, &[0x02, 0x99]);
    });
}

#[test]
fn archives_of_another_method() {
    let (raw, password) = (text(RAW_LENGTH), password());
    let options =
        plain(CompressionMethod::Deflated).with_aes_encryption_bytes(AesMode::Aes256, &password);
    assert_refused("deflated", &archive_of(&[("part", options, &raw)]));
    for number in [0, 8, 93, 99] {
        let edit = |archive: &mut [u8], directory: usize| {
            set(archive, 43, &[number, 0]);
            set(archive, directory + 59, &[number, 0]);
        };
        if number != 0 {
            assert!(
                open_edited(Compression::Stored, edit).is_err(),
                "stored called {number}"
            );
        }
        if number != 93 {
            assert!(
                open_edited(Compression::Zstd(3), edit).is_err(),
                "zstd called {number}"
            );
        }
    }
    for number in [0, 8, 93, 98] {
        assert_edit_refused("the method of AES called another", |archive, directory| {
            set(archive, 8, &[number]);
            set(archive, directory + 10, &[number]);
        });
    }
    // The envelope states another method than the archive.
    let options =
        plain(CompressionMethod::Stored).with_aes_encryption_bytes(AesMode::Aes256, &password);
    let stored = archive_of(&[("part", options, &raw)]);
    assert!(open_forged(RAW_LENGTH + 1, PartMethod::Zstd, &stored).is_err());
}

#[test]
fn archives_of_more_than_the_one_entry() {
    let (raw, password) = (text(RAW_LENGTH), password());
    for method in [CompressionMethod::Stored, CompressionMethod::Zstd] {
        let options = plain(method).with_aes_encryption_bytes(AesMode::Aes256, &password);
        assert_refused("none", &archive_of(&[]));
        assert_refused(
            "two",
            &archive_of(&[("part", options, &raw), ("q", options, &raw)]),
        );
        assert_refused("another name", &archive_of(&[("trap", options, &raw)]));
        assert_refused("a longer name", &archive_of(&[("parts", options, &raw)]));
    }
    assert_edit_refused("another name of the same length", |archive, directory| {
        set(archive, 30, b"trap");
        set(archive, directory + 46, b"trap");
    });
    assert_edit_refused("another name in the local header", |archive, _| {
        set(archive, 30, b"trap")
    });
    assert_edit_refused("two entries promised", |archive, directory| {
        set(archive, directory + 61 + 8, &[2, 0, 2, 0]);
    });
}

#[test]
fn bytes_around_and_inside_the_archive() {
    for compression in [Compression::Stored, Compression::Zstd(3)] {
        let mut sealer = Sealer::new();
        sealer
            .seal(&keys_of(0).0, HERE, &text(RAW_LENGTH), compression)
            .unwrap();
        let archive = sealer.archive;
        let directory = Layout::of(archive.len()).unwrap().directory();
        for place in [
            0,
            30,
            45,
            63,
            directory - 16,
            directory,
            directory + 61,
            archive.len(),
        ] {
            for junk in [&b"\0"[..], b"junk that is longer", b"PK\x05\x06"] {
                let stuffed = [&archive[..place], junk, &archive[place..]].concat();
                assert_refused("junk", &stuffed);
            }
        }
        assert_refused("twice", &[&archive[..], &archive].concat());
        let comment = [&archive[..archive.len() - 2], &[4, 0], b"talk"].concat();
        assert_refused("a comment", &comment);
        for length in (0..archive.len()).step_by(7) {
            assert_refused("cut short", &archive[..length]);
        }
    }
    assert_edit_refused("the directory's place", |archive, directory| {
        set(
            archive,
            directory + 61 + 16,
            &(directory as u32 - 1).to_le_bytes(),
        );
    });
    assert_edit_refused("the local header's place", |archive, directory| {
        set(archive, directory + 42, &[1]);
    });
    assert_edit_refused("the local extra field's length", |archive, _| {
        set(archive, 28, &[10])
    });
}

#[test]
fn sizes_that_are_not_those_of_the_contents() {
    for size in [0, 1, RAW_LENGTH - 1, RAW_LENGTH + 1, u32::MAX as usize] {
        let bytes = (size as u32).to_le_bytes();
        assert_edit_refused("size in the directory", |archive, directory| {
            set(archive, directory + 24, &bytes)
        });
        assert_edit_refused("size in the descriptor", |archive, directory| {
            set(archive, directory - 4, &bytes)
        });
        assert_edit_refused("compressed size in the directory", |archive, directory| {
            set(archive, directory + 20, &bytes);
        });
    }
}

/// A compressed archive whose every field promises another length than its contents have.
fn mislabelled(raw: &[u8], promised: usize) -> Vec<u8> {
    let password = password();
    let options =
        plain(CompressionMethod::Zstd).with_aes_encryption_bytes(AesMode::Aes256, &password);
    let mut archive = archive_of(&[("part", options, raw)]);
    let directory = Layout::of(archive.len()).unwrap().directory();
    for place in [directory - 4, directory + 24] {
        set(&mut archive, place, &(promised as u32).to_le_bytes());
    }
    archive
}

#[test]
fn contents_of_another_length_than_promised() {
    let raw = text(RAW_LENGTH);
    let open = |promised| open_forged(promised, PartMethod::Zstd, &mislabelled(&raw, promised));
    assert!(open(RAW_LENGTH).unwrap() == raw);
    assert!(open(RAW_LENGTH - 1).is_err());
    assert!(open(RAW_LENGTH + 1).is_err());
}

#[test]
fn compressed_data_that_ends_too_early_or_goes_on() {
    let raw = text(RAW_LENGTH);
    let compressed = {
        let archive = archive_of(&[("part", plain(CompressionMethod::Zstd), &raw)]);
        // Between the local header of 34 bytes and the descriptor of 16.
        archive[34..archive.len() - 16 - 50 - 22].to_vec()
    };
    let open = |compressed: &[u8]| {
        let password = password();
        let options =
            plain(CompressionMethod::Stored).with_aes_encryption_bytes(AesMode::Aes256, &password);
        let mut archive = archive_of(&[("part", options, compressed)]);
        let directory = Layout::of(archive.len()).unwrap().directory();
        for place in [43, directory + 59] {
            set(&mut archive, place, &[93]);
        }
        for place in [directory - 4, directory + 24] {
            set(&mut archive, place, &(RAW_LENGTH as u32).to_le_bytes());
        }
        open_forged(RAW_LENGTH, PartMethod::Zstd, &archive)
    };
    assert!(open(&compressed).unwrap() == raw);
    assert!(open(&compressed[..compressed.len() - 1]).is_err());
    assert!(open(&[]).is_err());
    assert!(open(&[&compressed[..], b"more"].concat()).is_err());
    assert!(open(&[&compressed[..], &compressed].concat()).is_err());
}

#[test]
fn a_bomb_ends_at_the_length_it_promised() {
    let bomb = mislabelled(&vec![0; 64 << 20], 10_000);
    assert!(bomb.len() < 10_000);
    let keys = keys_of(0).0.at(HERE);
    let envelope = Envelope::over(&keys, HERE, 10_000, PartMethod::Zstd, &bomb);
    let mut opener = Opener::new();
    assert!(opener.open(&keys_of(0).1, HERE, &envelope, &bomb).is_err());
    assert!(opener.buffer().capacity() <= 10_000);
}

#[test]
fn an_archive_whose_own_tag_is_wrong() {
    for compression in [Compression::Stored, Compression::Zstd(3)] {
        for place in [45, 61, 63, 64] {
            let result = open_edited(compression, |archive, _| archive[place] ^= 1);
            assert!(
                result.is_err(),
                "salt, verifier or ciphertext, byte {place}"
            );
        }
        let result = open_edited(compression, |archive, directory| {
            archive[directory - 17] ^= 1
        });
        assert_eq!(result, Err(OpenError::NotAuthentic), "tag");
    }
}
