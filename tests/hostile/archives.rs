//! Malicious and damaged archives: refused, with nothing put in place.

mod oddities;
mod traps;

use crate::harness::archive_builder::{
    Entry, archive, deflated_zeros, end, header, record, zip_crypto,
};
use crate::harness::trees::contents;
use peerbridge::{
    Acceptance, ArchivePassword, Error, Expansion, Operator, Strictness, Summary, UnzipOptions,
    unzip,
};
use std::fs;
use std::io::Write;
use std::path::PathBuf;

const DEFLATED: u16 = 8;
const DECLINED: u8 = 14;
const NOT_VERIFIED: u8 = 10;
const WRONG_PASSWORD: u8 = 3;
/// The exit code if the disk has too little room.
const CANNOT_WRITE: u8 = 9;

/// An operator that declines growth out of proportion.
struct Careful;

impl Operator for Careful {
    fn accept_expansion(&self, _: Expansion) -> Acceptance {
        Acceptance::Decline
    }
}

/// A folder with an archive in it, a destination, and files around it that must stay unchanged.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("victim"), "untouched").unwrap();
        Bench { folder }
    }

    fn options(&self, bytes: &[u8]) -> UnzipOptions {
        let archive = self.path("a.zip");
        fs::write(&archive, bytes).unwrap();
        UnzipOptions::new(archive, self.path("out"))
    }

    fn open(&self, bytes: &[u8]) -> Result<Summary, Error> {
        unzip(&self.options(bytes), &Careful)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Fails if anything was created, in the destination or elsewhere.
    fn expect_untouched(&self) {
        let names: Vec<_> = contents(self.folder.path()).into_keys().collect();
        let expected = ["a.zip", "victim"].map(PathBuf::from);
        assert!(
            names
                .iter()
                .all(|name| expected.iter().any(|wanted| name.ends_with(wanted))),
            "{names:?}"
        );
        assert_eq!(fs::read(self.path("victim")).unwrap(), b"untouched");
    }

    /// Fails unless the archive is refused with this code and an error that contains `text`, and nothing was
    /// created.
    fn refuses(&self, bytes: &[u8], code: u8, text: &str) {
        let error = self.open(bytes).expect_err(text);
        assert_eq!(error.exit_code(), code, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        self.expect_untouched();
    }
}

/// Like [`refuses`], for a strict reader.
fn refuses_strictly(entries: &[Entry], code: u8, text: &str) {
    let bench = Bench::new();
    let mut options = bench.options(&archive(entries));
    options.strictness = Strictness::Strict;
    let error = unzip(&options, &Careful).expect_err(text);
    assert_eq!(error.exit_code(), code, "{error}");
    assert!(error.to_string().contains(text), "{error}");
    bench.expect_untouched();
}

fn refuses(entries: &[Entry], code: u8, text: &str) {
    Bench::new().refuses(&archive(entries), code, text);
}

#[test]
fn an_archive_made_here_is_opened() {
    let bench = Bench::new();
    let entries = [Entry::file("a/b", b"contents"), Entry::link("l", "a/b")];
    assert_eq!(bench.open(&archive(&entries)).unwrap().files, 1);
    assert_eq!(fs::read(bench.path("out/a/b")).unwrap(), b"contents");
    assert_eq!(fs::read(bench.path("out/l")).unwrap(), b"contents");
}

#[test]
fn names_that_lead_outside_are_refused() {
    let long = format!("{}/x", "n".repeat(256));
    let names = [
        "../victim",
        "/etc/victim",
        "a/../../victim",
        ".peerbridge-x",
        "",
        "a\0b",
        "..",
        long.as_str(),
    ];
    for name in names {
        refuses(
            &[Entry::file("ok", b"x"), Entry::file(name, b"x")],
            DECLINED,
            "is refused",
        );
    }
    // An error is a line, also about a name that fills many screens.
    let endless = archive(&[Entry::file(&"ü".repeat(30_000), b"x")]);
    let error = Bench::new().open(&endless).unwrap_err().to_string();
    assert!(error.contains("... in ") && error.len() < 1000, "{error}");
    let dos = Entry {
        host: 0,
        attributes: 0,
        ..Entry::file("..\\victim", b"x")
    };
    refuses(&[dos], DECLINED, "is refused");
}

#[test]
fn nothing_goes_through_a_link_or_a_file() {
    for target in ["..", "/tmp", "../victim", "a/../../victim", ""] {
        refuses_strictly(&[Entry::link("l", target)], DECLINED, "a link is unsafe");
    }
    let through_link = [Entry::link("l", "d"), Entry::file("l/x", b"x")];
    refuses(&through_link, DECLINED, "is not a folder");
    let through_file = [Entry::file("f", b"x"), Entry::file("f/x", b"x")];
    refuses(&through_file, DECLINED, "is not a folder");
    for left_out in [Entry::link("l", "/tmp"), Entry::special("l")] {
        for below in [
            Entry::file("l/x", b"x"),
            Entry::link("l/x", "/tmp"),
            Entry::special("l/x"),
        ] {
            refuses(&[left_out.clone(), below], DECLINED, "is not a folder");
        }
    }
    refuses_strictly(
        &[Entry::special("pipe")],
        DECLINED,
        "a device, a pipe or a socket",
    );
}

#[test]
fn a_name_stands_once() {
    let twice = [Entry::file("a", b"one"), Entry::file("a", b"two")];
    refuses_strictly(&twice, DECLINED, "occurs twice");
    let same_path = [Entry::file("a", b"one"), Entry::file("./a", b"two")];
    refuses_strictly(&same_path, DECLINED, "occurs twice");
    let both_kinds = [Entry::file("a", b"one"), Entry::file("a/", b"")];
    refuses(&both_kinds, DECLINED, "occurs twice");
    let link_and_file = [Entry::link("a", "b"), Entry::file("a", b"two")];
    refuses(&link_and_file, DECLINED, "occurs twice");
}

#[test]
fn names_that_differ_in_case_never_replace_each_other() {
    let bench = Bench::new();
    let opened = bench.open(&archive(&[
        Entry::file("name", b"one"),
        Entry::file("NAME", b"two"),
    ]));
    match opened {
        Ok(_) => assert_eq!(fs::read(bench.path("out/name")).unwrap(), b"one"),
        Err(error) => {
            assert_eq!(error.exit_code(), DECLINED);
            bench.expect_untouched();
        }
    }
}

#[test]
fn two_headers_of_an_entry_say_the_same() {
    let twists: [fn(&mut Vec<u8>); 6] = [
        |header| header[30] = b'b', // name
        |header| header[8] = 8,     // method
        |header| header[6] = 1,     // encrypted
        |header| header[7] = 0x20,  // masked
        |header| header[18] ^= 1,   // size in the archive
        |header| header[22] ^= 1,   // size
    ];
    for twist in twists {
        let entry = Entry {
            twist,
            ..Entry::file("a", b"contents")
        };
        refuses(&[entry], DECLINED, "headers disagree");
    }
    let damaged = Entry {
        twist: |header| header[14] ^= 1, // CRC-32
        ..Entry::file("a", b"contents")
    };
    refuses(&[damaged], NOT_VERIFIED, "headers disagree");
    let elsewhere = Entry {
        twist: |header| header[0] = b'X',
        ..Entry::file("a", b"contents")
    };
    refuses(&[elsewhere], NOT_VERIFIED, "not where the directory says");
}

#[test]
fn a_byte_belongs_to_one_entry() {
    // The same entry twice, under two names.
    let shared = [
        Entry::file("a", b"contents"),
        Entry {
            offset_of: Some(0),
            ..Entry::file("a", b"contents")
        },
    ];
    refuses(&shared, DECLINED, "shares bytes");
    // The form of the densest bombs: each entry's contents are all entries behind it, quoted.
    let kernel = deflated_zeros(1 + 258 * 4000);
    let mut entries = Vec::new();
    let mut bytes = kernel.clone();
    for number in 0..200 {
        let mut entry = Entry::file(&format!("{number:03}"), &bytes);
        entry.contents = Vec::new();
        bytes = [header(&entry), bytes].concat();
        entries.insert(0, entry);
    }
    let total = bytes.len();
    let start = total;
    let mut offset = 0;
    let mut directory = Vec::new();
    for entry in &entries {
        directory.extend(record(entry, offset));
        offset += header(entry).len();
    }
    let bomb = [
        bytes,
        directory.clone(),
        end(entries.len(), directory.len(), start),
    ]
    .concat();
    Bench::new().refuses(&bomb, DECLINED, "shares bytes");
}

/// An archive of 42 kB that states 5 GB of contents.
#[test]
fn bombs_are_refused_before_they_are_opened() {
    let zeros = deflated_zeros(1 + 258 * 16);
    let lie = Entry {
        method: DEFLATED,
        compressed: 42_000,
        contents: [zeros, vec![0; 42_000]].concat()[..42_000].to_vec(),
        size: 4_200_000_000,
        ..Entry::file("bomb", b"")
    };
    refuses(&[lie], DECLINED, "so much cannot be in so few bytes");
    let stored = Entry {
        size: 4_200_000_000,
        ..Entry::file("bomb", b"x")
    };
    refuses(&[stored], DECLINED, "so much cannot be in so few bytes");
}

#[test]
fn a_bomb_that_there_can_be_needs_a_word() {
    let contents = vec![0; 4 << 20];
    let bomb = Entry {
        method: DEFLATED,
        size: 3 << 30,
        ..Entry::file("bomb", &contents)
    };
    let bytes = archive(&[bomb]);
    Bench::new().refuses(&bytes, DECLINED, "would become 3221225472");
    // With consent it is opened, until the disk is full.
    let bench = Bench::new();
    let mut options = bench.options(&bytes);
    options.any_expansion = true;
    let error = unzip(&options, &Careful).unwrap_err();
    assert!(
        [NOT_VERIFIED, CANNOT_WRITE].contains(&error.exit_code()),
        "{error}"
    );
    bench.expect_untouched();
}

#[test]
fn contents_end_where_they_say() {
    let zeros = deflated_zeros(1 + 258 * 10);
    let entry = |size: u64| Entry {
        method: DEFLATED,
        compressed: zeros.len() as u64,
        contents: zeros.clone(),
        size,
        crc: crc32fast::hash(&vec![0; size as usize]),
        ..Entry::file("a", b"")
    };
    let bench = Bench::new();
    assert_eq!(bench.open(&archive(&[entry(2581)])).unwrap().bytes, 2581);
    refuses(&[entry(2580)], NOT_VERIFIED, "");
    refuses(&[entry(2582)], NOT_VERIFIED, "shorter than it says");
    let wrong_crc = Entry {
        crc: 1,
        ..Entry::file("a", b"contents")
    };
    refuses(&[wrong_crc], NOT_VERIFIED, "checksum");
}

/// Some programs write a file without contents as deflated, and then no byte of it.
#[test]
fn nothing_packed_is_an_empty_file() {
    for method in [DEFLATED, 14] {
        let empty = Entry {
            method,
            ..Entry::file("a", b"")
        };
        let bench = Bench::new();
        let entries = [empty.clone(), Entry::file("b", b"contents")];
        assert_eq!(bench.open(&archive(&entries)).unwrap().files, 2);
        assert_eq!(fs::read(bench.path("out/a")).unwrap(), b"");
        let encrypted = zip_crypto(empty.clone(), "word", 0);
        let bench = Bench::new();
        let bytes = archive(&[encrypted]);
        assert_eq!(open_encrypted(&bench, &bytes, "word").unwrap().files, 1);
        let with_crc = Entry {
            crc: 1,
            ..empty.clone()
        };
        refuses(&[with_crc], NOT_VERIFIED, "checksum");
        refuses(&[empty.sized(1)], DECLINED, "");
    }
}

#[test]
fn zipcrypto_is_refused_where_nothing_is_passed_over() {
    let entry = Entry {
        flags: 1,
        ..Entry::file("a", b"twelve bytes and more")
    };
    refuses_strictly(
        &[entry],
        DECLINED,
        "ZipCrypto, which has been broken since 1994",
    );
}

#[test]
fn unknown_methods_are_named() {
    for (method, name) in [
        (7, "Tokenize"),
        (12, "bzip2"),
        (14, "LZMA"),
        (98, "PPMd"),
        (77, "method 77"),
    ] {
        let entry = Entry {
            method,
            ..Entry::file("a", b"contents")
        };
        refuses(&[entry], DECLINED, name);
    }
}

#[test]
fn the_end_is_the_end_and_there_is_one() {
    let bytes = archive(&[Entry::file("a", b"contents")]);
    let refuses = |bytes: &[u8], code, text| Bench::new().refuses(bytes, code, text);
    refuses(b"no archive at all", NOT_VERIFIED, "is not a zip archive");
    refuses(b"", NOT_VERIFIED, "is not a zip archive");
    // A second end record in the comment of the first.
    let mut two = bytes.clone();
    let length = two.len();
    two[length - 2] = 22;
    two.extend(end(0, 0, 0));
    refuses(&two, DECLINED, "two ends");
    // One entry more, one less, and a directory that begins elsewhere.
    let directory = length - 22 - 47;
    for (place, change) in [(length - 12, 2), (length - 12, 0), (length - 6, 0xff)] {
        let mut changed = bytes.clone();
        changed[place] = change;
        changed[length - 14] = changed[length - 12];
        let error = Bench::new().open(&changed).unwrap_err();
        assert_eq!(error.exit_code(), NOT_VERIFIED, "{place}: {error}");
    }
    assert_eq!(&bytes[directory..directory + 4], b"PK\x01\x02");
}

/// Bytes before an archive, as in a self-extracting one, change nothing.
#[test]
fn bytes_before_an_archive_are_passed_over() {
    let bytes = archive(&[Entry::file("a", b"contents")]);
    let bench = Bench::new();
    let summary = bench
        .open(&[&b"#!/bin/sh\nexit\n"[..], &bytes].concat())
        .unwrap();
    assert_eq!(summary.files, 1);
}

/// An archive with four encrypted entries, made by the zip crate.
fn encrypted() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = zip::ZipWriter::new(&mut bytes);
    let methods = [
        zip::CompressionMethod::Stored,
        zip::CompressionMethod::Deflated,
    ];
    for (number, method) in methods.into_iter().chain(methods).enumerate() {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(method)
            .with_aes_encryption(zip::AesMode::Aes256, "word");
        writer
            .start_file(format!("file {number}"), options)
            .unwrap();
        writer
            .write_all(&vec![b'a' + number as u8; 100 * number])
            .unwrap();
    }
    writer.finish().unwrap();
    bytes.into_inner()
}

fn open_encrypted(bench: &Bench, bytes: &[u8], word: &str) -> Result<Summary, Error> {
    let mut options = bench.options(bytes);
    options.password = Some(ArchivePassword::from_text(word).unwrap());
    unzip(&options, &Careful)
}

#[test]
fn a_wrong_password_is_exit_3_and_nothing_is_written() {
    let bytes = encrypted();
    for word in ["Word", "word ", "wor", "x"] {
        let bench = Bench::new();
        let error = open_encrypted(&bench, &bytes, word).unwrap_err();
        assert_eq!(error.exit_code(), WRONG_PASSWORD, "{error}");
        bench.expect_untouched();
    }
    let bench = Bench::new();
    assert_eq!(bench.open(&bytes).unwrap_err().exit_code(), WRONG_PASSWORD);
    assert_eq!(open_encrypted(&bench, &bytes, "word").unwrap().files, 4);
}

/// An archive that is cut anywhere, or has any byte changed, is opened to the same files or refused.
#[test]
fn damage_anywhere_is_noticed_or_does_not_matter() {
    let bytes = encrypted();
    let whole = Bench::new();
    open_encrypted(&whole, &bytes, "word").unwrap();
    let expected = contents(&whole.path("out"));
    let damaged = (0..bytes.len()).step_by(7).flat_map(|place| {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        [bytes[..place].to_vec(), flipped]
    });
    for (number, damaged) in damaged.enumerate() {
        let bench = Bench::new();
        match open_encrypted(&bench, &damaged, "word") {
            Ok(_) => {
                let found = contents(&bench.path("out"));
                let names: Vec<_> = found.keys().filter_map(|path| path.file_name()).collect();
                assert_eq!(found.len(), expected.len(), "{number}: {names:?}");
                let contents = |tree: &std::collections::BTreeMap<PathBuf, Option<Vec<u8>>>| {
                    tree.values().cloned().collect::<Vec<_>>()
                };
                assert_eq!(contents(&found), contents(&expected), "{number}");
            }
            Err(error) => {
                let clean = [WRONG_PASSWORD, NOT_VERIFIED, DECLINED];
                assert!(clean.contains(&error.exit_code()), "{number}: {error}");
                bench.expect_untouched();
            }
        }
    }
}

/// Flips bits that a decompressor never reads, and bits of the tag itself.
#[test]
fn a_tag_is_checked_also_where_the_compressor_stops_early() {
    let bytes = encrypted();
    let tags: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, window)| *window == b"PK\x03\x04" || *window == b"PK\x01\x02")
        .map(|(place, _)| place - usize::min(place, 1))
        .skip(1)
        .take(4)
        .collect();
    assert_eq!(tags.len(), 4);
    for place in tags {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        let bench = Bench::new();
        let error = open_encrypted(&bench, &damaged, "word").unwrap_err();
        assert_eq!(error.exit_code(), NOT_VERIFIED, "{error}");
        bench.expect_untouched();
    }
}

#[test]
fn what_is_there_stays_when_the_archive_is_bad() {
    let bench = Bench::new();
    fs::create_dir(bench.path("out")).unwrap();
    fs::write(bench.path("out/a"), "old").unwrap();
    let bad = Entry {
        crc: 1,
        ..Entry::file("a", b"contents")
    };
    let mut options = bench.options(&archive(&[bad, Entry::file("b", b"x")]));
    options.existing = peerbridge::Existing::Overwrite;
    options.any_expansion = true;
    assert_eq!(
        unzip(&options, &Careful).unwrap_err().exit_code(),
        NOT_VERIFIED
    );
    let names: Vec<_> = fs::read_dir(bench.path("out"))
        .unwrap()
        .map(|item| item.unwrap().file_name())
        .collect();
    assert_eq!(names, ["a"]);
    assert_eq!(fs::read(bench.path("out/a")).unwrap(), b"old");
}
