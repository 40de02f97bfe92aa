//! What an opener must not take in place of a part: first from who sits on the line and has no
//! keys, then from a peer that has them all and makes a valid envelope around something else.

use super::*;
use zip::write::{FileOptions, SimpleFileOptions};

/// Opens with the keys of session 0 what arrived: an envelope's bytes, then the archive.
fn open_bytes(position: Position, arrived: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (envelope, archive) = arrived.split_first_chunk().ok_or(OpenError::NotAsAgreed)?;
    let envelope = Envelope::from_bytes(envelope, LIMIT)?;
    let mut opener = Opener::new();
    let opened = opener
        .open(&keys_of(0).1, position, &envelope, archive)
        .map(<[u8]>::to_vec);
    assert!(opened.is_ok() || opener.buffer().is_empty());
    opened
}

/// What travels for these contents at [`HERE`] in session 0.
fn sealed_bytes(raw: &[u8], compression: Compression) -> Vec<u8> {
    let mut sealer = Sealer::new();
    let sealed = sealer.seal(&keys_of(0).0, HERE, raw, compression).unwrap();
    [&sealed.envelope.to_bytes()[..], sealed.archive].concat()
}

mod from_the_line {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        for compression in [Compression::Stored, Compression::Zstd(3)] {
            let genuine = sealed_bytes(&text(150), compression);
            assert!(open_bytes(HERE, &genuine).is_ok());
            for place in 0..genuine.len() {
                let mut flipped = genuine.clone();
                flipped[place] ^= 1 << (place % 8);
                let result = open_bytes(HERE, &flipped);
                assert!(result.is_err(), "byte {place}, {compression:?}");
                // Behind the lengths and the method there is one answer to all of them.
                if place >= 9 {
                    assert_eq!(
                        result,
                        Err(OpenError::NotAuthentic),
                        "byte {place}, {compression:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_other_length_is_noticed() {
        for compression in [Compression::Stored, Compression::Zstd(3)] {
            let genuine = sealed_bytes(&text(150), compression);
            for length in 0..genuine.len() {
                assert!(
                    open_bytes(HERE, &genuine[..length]).is_err(),
                    "{length} bytes"
                );
            }
            assert!(open_bytes(HERE, &[&genuine[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn a_true_part_opens_at_its_own_place_only() {
        let genuine = sealed_bytes(b"contents", Compression::Stored);
        for elsewhere in [
            Position::Part {
                transfer: 1,
                index: 3,
            },
            Position::Part {
                transfer: 2,
                index: 2,
            },
            Position::Part {
                transfer: 2,
                index: 1,
            },
            Position::Message {
                stream: 1,
                sequence: 2,
            },
        ] {
            assert_eq!(
                open_bytes(elsewhere, &genuine),
                Err(OpenError::NotAuthentic)
            );
        }
    }

    #[test]
    fn a_true_part_opens_in_its_own_session_and_direction_only() {
        let mut sealer = Sealer::new();
        let sealed = sealer
            .seal(&keys_of(0).0, HERE, b"contents", Compression::Stored)
            .unwrap();
        let open = |keys: &OpeningKeys| {
            Opener::new()
                .open(keys, HERE, &sealed.envelope, sealed.archive)
                .map(<[u8]>::to_vec)
        };
        assert!(open(&keys_of(0).1).is_ok());
        assert_eq!(open(&keys_of(1).1), Err(OpenError::NotAuthentic));
        let sent_back = schedule_of(0).opening_keys(Side::Listener);
        assert_eq!(open(&sent_back), Err(OpenError::NotAuthentic));
    }

    #[test]
    fn lengths_out_of_bounds_are_refused_before_anything_else() {
        let envelope = |raw_length: u32, method: u8, sealed_length: u32| {
            let mut bytes = [0; ENVELOPE_LENGTH];
            bytes[..4].copy_from_slice(&raw_length.to_be_bytes());
            bytes[4] = method;
            bytes[5..9].copy_from_slice(&sealed_length.to_be_bytes());
            Envelope::from_bytes(&bytes, 1000).map(|envelope| envelope.sealed_length())
        };
        assert_eq!(envelope(1000, 0, 1172), Ok(1172));
        assert_eq!(envelope(1000, 93, 1171), Ok(1171));
        assert_eq!(envelope(1001, 0, 1173), Err(OpenError::TooLong));
        assert_eq!(envelope(u32::MAX, 0, 171), Err(OpenError::TooLong));
        assert_eq!(envelope(u32::MAX, 93, u32::MAX), Err(OpenError::TooLong));
        for (raw_length, method, sealed_length) in [
            (1000, 0, 1171),
            (1000, 0, 1173),
            (1000, 0, u32::MAX),
            (1000, 93, 1172),
            (1000, 93, 171),
            (1000, 93, 0),
            (0, 93, 172),
            (1000, 8, 1172),
            (1000, 99, 1171),
        ] {
            let result = envelope(raw_length, method, sealed_length);
            assert_eq!(
                result,
                Err(OpenError::NotAsAgreed),
                "{raw_length} {method} {sealed_length}"
            );
        }
        let limitless = Envelope::from_bytes(&[0xff; ENVELOPE_LENGTH], u32::MAX);
        assert_eq!(limitless.unwrap_err(), OpenError::TooLong);
    }
}

mod from_a_peer {
    use super::*;

    /// Opens an archive of the peer's making in a valid envelope of the peer's making.
    fn open_forged(
        raw_length: usize,
        method: Method,
        archive: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let keys = keys_of(0).0.at(HERE);
        let envelope = Envelope::over(&keys, HERE, raw_length as u32, method, archive);
        open_bytes(HERE, &[&envelope.to_bytes()[..], archive].concat())
    }

    /// The same, whatever method the envelope names and whatever length it promises.
    fn assert_refused(what: &str, archive: &[u8]) {
        for method in [Method::Stored, Method::Zstd] {
            for raw_length in [RAW_LENGTH, archive.len(), archive.len().saturating_sub(172)] {
                assert!(open_forged(raw_length, method, archive).is_err(), "{what}");
            }
        }
    }

    const RAW_LENGTH: usize = 5000;

    /// A true archive of [`RAW_LENGTH`] bytes, edited, in an envelope that is valid again.
    fn open_edited(
        compression: Compression,
        edit: impl Fn(&mut [u8], usize),
    ) -> Result<Vec<u8>, OpenError> {
        let mut sealer = Sealer::new();
        sealer
            .seal(&keys_of(0).0, HERE, &text(RAW_LENGTH), compression)
            .unwrap();
        let mut archive = sealer.archive;
        let directory = Layout::of(archive.len()).unwrap().descriptor.end;
        edit(&mut archive, directory);
        let method = match compression {
            Compression::Stored => Method::Stored,
            Compression::Zstd(_) => Method::Zstd,
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

    /// An archive of these entries, with the right password where there is one.
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
    fn the_helpers_forge_what_opens_when_it_is_true() {
        for compression in [Compression::Stored, Compression::Zstd(3)] {
            assert!(open_edited(compression, |_, _| ()).unwrap() == text(RAW_LENGTH));
        }
        let password = password();
        let raw = text(RAW_LENGTH);
        for (number, method) in [
            (CompressionMethod::Stored, Method::Stored),
            (CompressionMethod::Zstd, Method::Zstd),
        ] {
            let options = plain(number).with_aes_encryption_bytes(AesMode::Aes256, &password);
            let archive = archive_of(&[("part", options, &raw)]);
            assert!(open_forged(RAW_LENGTH, method, &archive).unwrap() == raw);
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
        let options = plain(CompressionMethod::Deflated)
            .with_aes_encryption_bytes(AesMode::Aes256, &password);
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
        // The envelope says another method than the archive.
        let options =
            plain(CompressionMethod::Stored).with_aes_encryption_bytes(AesMode::Aes256, &password);
        let stored = archive_of(&[("part", options, &raw)]);
        assert!(open_forged(RAW_LENGTH + 1, Method::Zstd, &stored).is_err());
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
            let directory = Layout::of(archive.len()).unwrap().descriptor.end;
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
        let directory = Layout::of(archive.len()).unwrap().descriptor.end;
        for place in [directory - 4, directory + 24] {
            set(&mut archive, place, &(promised as u32).to_le_bytes());
        }
        archive
    }

    #[test]
    fn contents_of_another_length_than_promised() {
        let raw = text(RAW_LENGTH);
        let open = |promised| open_forged(promised, Method::Zstd, &mislabelled(&raw, promised));
        assert!(open(RAW_LENGTH).unwrap() == raw);
        assert!(open(RAW_LENGTH - 1).is_err());
        assert!(open(RAW_LENGTH + 1).is_err());
    }

    #[test]
    fn a_bomb_ends_at_the_length_it_promised() {
        let bomb = mislabelled(&vec![0; 64 << 20], 10_000);
        assert!(bomb.len() < 10_000);
        let keys = keys_of(0).0.at(HERE);
        let envelope = Envelope::over(&keys, HERE, 10_000, Method::Zstd, &bomb);
        let mut opener = Opener::new();
        assert!(opener.open(&keys_of(0).1, HERE, &envelope, &bomb).is_err());
        assert!(opener.buffer().capacity() <= 10_000);
    }

    #[test]
    fn an_archive_whose_own_tag_does_not_hold() {
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
}
