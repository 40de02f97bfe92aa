//! Archives that two programs would read differently, or that claim more than they contain.

use super::{Bench, DECLINED, NOT_VERIFIED, refuses};
use crate::harness::archive_builder::{
    Entry, archive, descriptor, end, field, header, record, unicode_path,
};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

const AES: u16 = 99;
const ENCRYPTED: u16 = 1;
const PATCH: u16 = 1 << 5;
const UTF8: u16 = 1 << 11;
const MASKED: u16 = 1 << 13;
const ZSTD: u16 = 93;

/// The zip64 end record, and the locator with its offset.
fn end64(entries: u64, length: u64, start: u64) -> Vec<u8> {
    let mut bytes = b"PK\x06\x06".to_vec();
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([45, 0, 45, 0]);
    bytes.extend([0; 8]);
    for number in [entries, entries, length, start] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend((start + length).to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes
}

#[test]
fn a_folder_in_one_header_is_no_file_in_the_other() {
    let entry = Entry {
        twist: |header| {
            header[26] += 1;
            header.push(b'/');
        },
        ..Entry::file("a", b"")
    };
    refuses(&[entry], DECLINED, "headers disagree about its name");
}

#[test]
fn both_headers_say_the_same_of_the_encryption() {
    let aes =
        |version, strength, method| field(0x9901, &[version, 0, b'A', b'E', strength, method, 0]);
    for local_extra in [aes(1, 3, 0), aes(2, 1, 0), aes(2, 3, 8), vec![]] {
        let entry = Entry {
            method: AES,
            flags: ENCRYPTED,
            extra: aes(2, 3, 0),
            local_extra,
            ..Entry::file("a", &[0; 28])
        }
        .sized(0);
        refuses(&[entry], DECLINED, "headers disagree about its encryption");
    }
}

/// Programs differ in which name they believe, also where it only ends in a slash.
#[test]
fn a_folder_in_one_unicode_field_is_no_file_elsewhere() {
    let entry = Entry::file("a", b"");
    let folder = || unicode_path("a", "a/");
    for (extra, local_extra) in [(vec![], folder()), (folder(), vec![])] {
        let entry = Entry {
            extra,
            local_extra,
            ..entry.clone()
        };
        refuses(&[entry], DECLINED, "headers disagree about its name");
    }
}

/// Sizes may be missing in the header before the contents only if they follow the contents.
#[test]
fn sizes_are_missing_only_where_they_follow() {
    for twist in [
        |header: &mut Vec<u8>| header[18..22].fill(0),
        |header: &mut Vec<u8>| header[22..26].fill(0),
    ] {
        let entry = Entry {
            twist,
            ..Entry::file("a", b"contents")
        };
        refuses(&[entry], DECLINED, "headers disagree about its size");
    }
    let entry = Entry {
        twist: |header| header[14..18].fill(0),
        ..Entry::file("a", b"contents")
    };
    refuses(&[entry], NOT_VERIFIED, "disagree about its checksum");
}

#[test]
fn contents_end_before_the_directory() {
    let entry = Entry {
        size: 12,
        compressed: 12,
        ..Entry::file("a", b"contents")
    };
    refuses(&[entry], NOT_VERIFIED, "reaches beyond the archive's end");
}

/// The comment of one archive is another archive, whose offsets count from the start of the file.
#[test]
fn an_archive_in_the_comment_of_another_is_a_second_one() {
    let first = archive(&[Entry::file("a", b"one")]);
    let inner = Entry::file("b", b"two");
    let contents = [header(&inner), b"two".to_vec()].concat();
    let listed = record(&inner, first.len());
    let end = end(1, listed.len(), first.len() + contents.len());
    let comment = [contents, listed, end].concat();
    let mut bytes = first;
    let length = bytes.len();
    bytes[length - 2..].copy_from_slice(&(comment.len() as u16).to_le_bytes());
    bytes.extend(comment);
    Bench::new().refuses(&bytes, DECLINED, "two ends");
}

/// The first archive has a zip64 end, so its usual one says nothing of its size.
#[test]
fn a_zip64_archive_before_another_is_a_second_one() {
    let usual = archive(&[Entry::file("a", b"one")]);
    let at = usual.len() - 22;
    let length = record(&Entry::file("a", b"one"), 0).len();
    let end64 = end64(1, length as u64, (at - length) as u64);
    for saturated in [8..12, 12..16, 16..20] {
        let mut end = usual[at..].to_vec();
        end[saturated].fill(0xff);
        let first = [&usual[..at], &end64, &end].concat();
        assert_eq!(Bench::new().open(&first).unwrap().files, 1);
        for second in [self::end(0, 0, 0), usual.clone()] {
            for tail in [&b""[..], b"more"] {
                let both = [&first, &second[..], tail].concat();
                Bench::new().refuses(&both, DECLINED, "two ends");
            }
        }
    }
}

#[test]
fn the_two_forms_of_an_end_agree() {
    let entries = [Entry::file("a", b"one"), Entry::file("b", b"two")];
    let usual = archive(&entries);
    let second = record(&entries[1], header(&entries[0]).len() + 3).len();
    let (length, at) = (2 * second, usual.len() - 22);
    let with = |end64: Vec<u8>| [&usual[..at], &end64, &usual[at..]].concat();
    let (length, start) = (length as u64, (at - length) as u64);
    let bench = Bench::new();
    let both = bench.open(&with(end64(2, length, start))).unwrap();
    assert_eq!(both.files, 2);
    // This one leaves the first entry out.
    let less = with(end64(1, length / 2, start + length / 2));
    Bench::new().refuses(&less, DECLINED, "its two ends disagree");
    let mut elsewhere = usual.clone();
    elsewhere[at - second + 34] = 1;
    Bench::new().refuses(&elsewhere, DECLINED, "one part of several");
    let refuses = |mut bytes: Vec<u8>, place: usize, number, code, text| {
        bytes[place] = number;
        Bench::new().refuses(&bytes, code, text);
    };
    let both = with(end64(2, length, start));
    for (bytes, disks, counts) in [(&usual, [4, 6], [8, 10]), (&both, [16, 20], [24, 32])] {
        for disk in disks {
            refuses(bytes.clone(), at + disk, 1, DECLINED, "one part of several");
        }
        for count in counts {
            let text = "its two counts of entries differ";
            refuses(bytes.clone(), at + count, 7, NOT_VERIFIED, text);
        }
    }
}

#[test]
fn an_encrypted_directory_is_not_taken_for_damage() {
    let bytes = archive(&[Entry::file("a", b"one")]);
    let at = bytes.len() - 22;
    let directory = at
        - bytes
            .windows(4)
            .position(|four| four == b"PK\x01\x02")
            .unwrap();
    let mut end64 = end64(0, directory as u64, (at - directory) as u64);
    end64[4] += 28;
    end64[14] = 62;
    end64[24] = 0;
    end64[32] = 1;
    end64.splice(56..56, [0; 28]);
    let mut bytes = [&bytes[..at], &end64, &bytes[at..]].concat();
    let length = bytes.len();
    bytes[length - 14..length - 10].copy_from_slice(&[0, 0, 0xff, 0xff]);
    Bench::new().refuses(&bytes, DECLINED, "PKWARE's strong encryption");
}

/// The name of the last entry is where a zip64 locator would be, and looks like one.
#[test]
fn a_name_is_no_zip64_record() {
    let name = format!("PK\x06\x07{}", "x".repeat(16));
    let mut bytes = archive(&[Entry::file(&name, b"contents")]);
    assert_eq!(Bench::new().open(&bytes).unwrap().files, 1);
    // If the end refers to the record, it is missing.
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].fill(0xff);
    Bench::new().refuses(&bytes, NOT_VERIFIED, "its zip64 end is not where it says");
}

/// The contents hold a zip64 end record, and the name of the last entry leads a hasty reader to it.
#[test]
fn a_zip64_record_elsewhere_is_a_second_end() {
    for before in [0, 5] {
        let inner = end64(1, 46, 3);
        let first = Entry::file("a", &inner[..56]);
        let place = header(&first).len() as u64;
        let locator = [
            &b"PK\x06\x07\0\0\0\0"[..],
            &place.to_le_bytes(),
            &[1, 0, 0, 0],
        ]
        .concat();
        // An extra field may hold any bytes.
        let last = Entry {
            extra: field(0x7777, &locator),
            ..Entry::file("b", b"")
        };
        let mut bytes = archive(&[first, last]);
        bytes.splice(0..0, vec![b'#'; before]);
        let text = "its zip64 end is not where it says";
        Bench::new().refuses(&bytes, NOT_VERIFIED, text);
    }
    // One record within the other: both reach the locator.
    let entries = [Entry::file("a", b"one"), Entry::file("b", b"two")];
    let usual = archive(&entries);
    let at = usual.len() - 22;
    let length = 2 * record(&entries[0], 0).len();
    let start = at - length;
    let inner = &end64(1, length as u64 / 2, (start + length / 2) as u64)[..56];
    let mut outer = end64(2, length as u64, start as u64);
    outer[4] += 56;
    outer.splice(56..56, inner.iter().copied());
    let bytes = [&usual[..at], &outer, &usual[at..]].concat();
    Bench::new().refuses(&bytes, DECLINED, "it has two ends");
}

/// Programs differ in which of the two names they believe.
#[test]
fn a_name_in_utf8_has_no_other_one_in_its_unicode_field() {
    let named = |field: Vec<u8>| Entry {
        flags: UTF8,
        extra: field.clone(),
        local_extra: field,
        ..Entry::file("safe.txt", b"x")
    };
    let other = named(unicode_path("safe.txt", "other.exe"));
    refuses(&[other], DECLINED, "it has two names");
    for field in [
        unicode_path("safe.txt", "safe.txt"),
        // It is about another name, and counts for nothing.
        unicode_path("old.txt", "other.exe"),
    ] {
        assert_eq!(
            Bench::new().open(&archive(&[named(field)])).unwrap().files,
            1
        );
    }
}

#[test]
fn stored_contents_have_the_length_that_is_stored() {
    let entry = Entry::file("a", b"contents").sized(7);
    refuses(&[entry], DECLINED, "more bytes are stored than it has");
    let entry = Entry::file("a", b"contents").sized(9);
    refuses(&[entry], DECLINED, "so much cannot be in so few bytes");
}

/// Memory for entries is allocated only if the directory is long enough for them.
#[test]
fn entries_are_counted_before_they_are_read() {
    let entry = Entry::file("a", b"one");
    let mut bytes = archive(std::slice::from_ref(&entry));
    let length = bytes.len();
    for place in [8, 10] {
        bytes[length - 22 + place..][..2].copy_from_slice(&60_000_u16.to_le_bytes());
    }
    Bench::new().refuses(&bytes, NOT_VERIFIED, "shorter than it says");
    // A sparse directory, large enough for one entry more than allowed.
    let entries = 4_194_305;
    let length = entries * 46;
    let bench = Bench::new();
    let options = bench.options(b"");
    let mut file = File::create(&options.archive).unwrap();
    file.seek(SeekFrom::Start(length)).unwrap();
    file.write_all(&end64(entries, length, 0)).unwrap();
    let mut saturated = end(0, 0, 0);
    saturated[8..20].fill(0xff);
    file.write_all(&saturated).unwrap();
    let error = peerbridge::unzip(&options, &super::Careful).unwrap_err();
    assert!(error.to_string().contains("more entries"), "{error}");
    bench.expect_untouched();
}

#[test]
fn no_method_claims_more_than_it_can_hold() {
    let entry = Entry {
        method: ZSTD,
        ..Entry::file("a", &[0; 10])
    };
    refuses(
        &[entry.sized(327_681)],
        DECLINED,
        "so much cannot be in so few bytes",
    );
}

#[test]
fn patches_and_strong_encryption_are_refused() {
    for (flags, text) in [
        (PATCH, "is a patch"),
        (MASKED, "PKWARE's strong encryption"),
        (ENCRYPTED | 1 << 6, "PKWARE's strong encryption"),
    ] {
        let entry = Entry {
            flags,
            ..Entry::file("a", b"contents")
        };
        refuses(&[entry], DECLINED, text);
    }
}

/// A descriptor belongs to its entry, so another entry cannot begin in it.
#[test]
fn an_entry_does_not_begin_in_the_sizes_of_another() {
    let mut first = Entry {
        flags: 1 << 3,
        ..Entry::file("a", b"contents")
    };
    first.behind = descriptor(&first);
    let second = Entry {
        offset_of: Some(0),
        ..first.clone()
    };
    refuses(&[first, second], DECLINED, "shares bytes");
}
