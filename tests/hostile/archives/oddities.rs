//! Archives that violate the format but leave no doubt about their contents: opened as intended, with a
//! warning, and refused by a strict reader.

use super::{Bench, DECLINED, DEFLATED, NOT_VERIFIED, WRONG_PASSWORD, refuses};
use crate::harness::archive_builder::{
    Entry, archive, deflate64_zeros, deflated_zeros, descriptor, end, field, unicode_path,
    zip_crypto,
};
use peerbridge::{
    Acceptance, ArchivePassword, Error, Event, Expansion, FileResult, NameEncoding, Operator,
    Strictness, Summary, TimeZone, UnzipOptions, unzip,
};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

const DEFLATE64: u16 = 9;
const DESCRIPTOR: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
const DOS: u8 = 0;

/// An operator that records warnings, and declines growth out of proportion.
#[derive(Default)]
struct Listener {
    warnings: Mutex<Vec<String>>,
    left_out: Mutex<Vec<String>>,
}

impl Operator for Listener {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Warning { message } => self.warnings.lock().unwrap().push((*message).into()),
            Event::File {
                path,
                result: FileResult::Failed { why },
                ..
            } => {
                let line = format!("{}: {why}", String::from_utf8_lossy(path));
                self.left_out.lock().unwrap().push(line);
            }
            _ => {}
        }
    }

    fn accept_expansion(&self, _: Expansion) -> Acceptance {
        Acceptance::Decline
    }
}

/// The result of opening an archive.
struct Opened {
    bench: Bench,
    result: Result<Summary, Error>,
    warnings: Vec<String>,
    left_out: Vec<String>,
}

fn open_with(bytes: &[u8], change: impl FnOnce(&mut UnzipOptions)) -> Opened {
    let bench = Bench::new();
    let mut options = bench.options(bytes);
    change(&mut options);
    let listener = Listener::default();
    let result = unzip(&options, &listener);
    Opened {
        bench,
        result,
        warnings: listener.warnings.into_inner().unwrap(),
        left_out: listener.left_out.into_inner().unwrap(),
    }
}

fn open(entries: &[Entry]) -> Opened {
    open_with(&archive(entries), |_| {})
}

impl Opened {
    /// Fails unless it was opened with exactly this warning, or without any if `warning` is empty.
    #[track_caller]
    fn warns(self, warning: &str) -> Self {
        if let Err(error) = &self.result {
            panic!("{error}");
        }
        match warning {
            "" => assert!(self.warnings.is_empty(), "{:?}", self.warnings),
            _ => assert!(
                self.warnings.len() == 1 && self.warnings[0].contains(warning),
                "{:?}",
                self.warnings
            ),
        }
        self
    }

    #[track_caller]
    fn has(self, path: &str, contents: &str) -> Self {
        let found = fs::read(self.bench.path("out").join(path)).unwrap();
        assert_eq!(String::from_utf8_lossy(&found), contents, "{path}");
        self
    }

    #[track_caller]
    fn has_time(self, path: &str, seconds: i64, nanoseconds: i64) {
        let found = fs::symlink_metadata(self.bench.path("out").join(path)).unwrap();
        assert_eq!((found.mtime(), found.mtime_nsec()), (seconds, nanoseconds));
    }
}

/// Fails unless it is opened with a warning, and refused by a strict reader.
#[track_caller]
fn tolerates(entries: &[Entry], warning: &str) -> Opened {
    let strict = open_with(&archive(entries), |options| {
        options.strictness = Strictness::Strict;
    });
    let error = strict.result.expect_err(warning);
    assert!(
        [DECLINED, NOT_VERIFIED].contains(&error.exit_code()),
        "{error}"
    );
    strict.bench.expect_untouched();
    open(entries).warns(warning)
}

#[test]
fn what_info_zip_read_from_standard_input_is_a_file() {
    let piped = Entry {
        attributes: 0o010_600 << 16,
        ..Entry::file("-", b"piped")
    };
    let opened = open(&[piped]).warns("").has("-", "piped");
    let mode = fs::metadata(opened.bench.path("out/-")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    let folder = Entry {
        attributes: 0o177_777 << 16,
        ..Entry::file("d/", b"")
    };
    let opened = open(&[folder]).warns("");
    assert!(opened.bench.path("out/d").is_dir());
}

#[test]
fn bytes_behind_the_end() {
    let inner = archive(&[Entry::file("in", b"inner")]);
    // The last entry is an archive itself, whose end is close to the outer end.
    let bytes = archive(&[
        Entry::file("a", b"contents"),
        Entry::file("nested.zip", &inner),
    ]);
    let behind = |more: &[u8]| [&bytes[..], more].concat();
    for padding in [&[0; 10_240][..], &[b' '; 512], b"\0 \0", &[0; 1_000_000]] {
        open_with(&behind(padding), |_| {})
            .warns("")
            .has("a", "contents");
    }
    let more = behind(b"a signature, say\n");
    open_with(&more, |_| {})
        .warns("bytes follow the end")
        .has("a", "contents");
    let strict = open_with(&more, |options| options.strictness = Strictness::Strict);
    let error = strict.result.unwrap_err();
    assert_eq!(error.exit_code(), NOT_VERIFIED);
    assert!(error.to_string().contains("something follows its end"));
    open_with(&behind(&[7; 1_000_000]), |_| {})
        .warns("bytes follow the end")
        .has("a", "contents");
    // Two end records mean two archives.
    let far = [&[0; 100_000], &inner[..], b"more"].concat();
    for more in [
        end(0, 0, 0),
        inner.clone(),
        [&inner[..], b"more"].concat(),
        far,
    ] {
        let refused = open_with(&behind(&more), |_| {});
        let error = refused.result.unwrap_err();
        assert_eq!(error.exit_code(), DECLINED, "{error}");
        assert!(error.to_string().contains("two ends"), "{error}");
        refused.bench.expect_untouched();
    }
    let cut = open_with(&behind(b"PK\x05\x06"), |_| {});
    assert_eq!(cut.result.unwrap_err().exit_code(), NOT_VERIFIED);
}

#[test]
fn headers_that_differ_without_effect() {
    let entry = || Entry::file("d/a", b"contents");
    let utf8_here = Entry {
        flags: UTF8,
        twist: |header| header[7] = 0,
        ..entry()
    };
    tolerates(&[utf8_here], "differ in flags").has("d/a", "contents");
    let utf8_there = Entry {
        twist: |header| header[7] = 8,
        ..entry()
    };
    tolerates(&[utf8_there], "differ in flags").has("d/a", "contents");
    let with_descriptor = |twist| {
        let entry = Entry {
            flags: DESCRIPTOR,
            twist,
            ..entry()
        };
        let behind = descriptor(&entry);
        Entry { behind, ..entry }
    };
    let usual = with_descriptor(|header| header[14..26].fill(0));
    open(&[usual, Entry::file("b", b"")]).warns("");
    let here_only = with_descriptor(|header| header[6] = 0);
    tolerates(&[here_only, Entry::file("b", b"")], "differ in flags").has("d/a", "contents");
    let there_only = Entry {
        flags: 0,
        ..with_descriptor(|header| {
            header[6] = 8;
            header[14..26].fill(0);
        })
    };
    tolerates(&[there_only, Entry::file("b", b"")], "differ in flags").has("d/a", "contents");
    for next in [vec![], vec![Entry::file("b", b"")]] {
        let no_descriptor = Entry {
            behind: Vec::new(),
            ..with_descriptor(|_| {})
        };
        let entries = [vec![no_descriptor], next].concat();
        tolerates(&entries, "sizes behind its contents are missing").has("d/a", "contents");
    }
    for host in [DOS, 3] {
        let backslash = Entry {
            host,
            attributes: 0,
            twist: |header| header[31] = b'\\',
            ..entry()
        };
        tolerates(&[backslash], "spell its name differently").has("d/a", "contents");
    }
}

#[test]
fn headers_that_differ_with_effect() {
    let wrong_descriptor = Entry {
        flags: DESCRIPTOR,
        behind: b"PK\x07\x08 other numbers".to_vec(),
        ..Entry::file("a", b"contents")
    };
    refuses(
        &[wrong_descriptor],
        NOT_VERIFIED,
        "disagree with the directory",
    );
    // The name is not ASCII, so the flag decides its meaning.
    let flag_decides = Entry {
        name: vec![0xc3, 0xbc, 0xff],
        host: DOS,
        twist: |header| header[7] = 8,
        ..Entry::file("", b"contents")
    };
    refuses(&[flag_decides], NOT_VERIFIED, "marked as UTF-8");
    let folder_there = Entry {
        twist: |header| header[30] = b'/',
        ..Entry::file("a", b"")
    };
    refuses(&[folder_there], DECLINED, "headers disagree");
}

/// One entry has three names: the plain one, and one in a field of each header.
#[test]
fn a_unicode_path_is_the_same_in_both_headers() {
    let with_fields = |central: Vec<u8>, local: Vec<u8>| Entry {
        extra: central,
        local_extra: local,
        ..Entry::file("readme.txt", b"contents")
    };
    let path = |name| unicode_path("readme.txt", name);
    let run_me = path("run-me.sh");
    open(&[with_fields(run_me.clone(), run_me.clone())])
        .warns("")
        .has("run-me.sh", "contents");
    for (central, local) in [
        (path("run-me.sh"), path("readme.md")),
        (path("run-me.sh"), vec![]),
        (vec![], path("run-me.sh")),
    ] {
        refuses(
            &[with_fields(central, local)],
            DECLINED,
            "headers disagree about its name",
        );
    }
    let twice = [path("readme.md"), path("run-me.sh")].concat();
    for (central, local) in [(twice.clone(), run_me.clone()), (run_me, twice)] {
        refuses(
            &[with_fields(central, local)],
            DECLINED,
            "an extra field occurs twice",
        );
    }
    // A field for another name is ignored, in either header.
    let stale = unicode_path("other", "run-me.sh");
    open(&[with_fields(stale, vec![])])
        .warns("")
        .has("readme.txt", "contents");
}

const fn dos_date(year: u16, month: u16, day: u16) -> u16 {
    (year - 1980) << 9 | month << 5 | day
}

fn timestamp(seconds: i64) -> Vec<u8> {
    field(
        0x5455,
        &[&[1], &(seconds as u32).to_le_bytes()[..]].concat(),
    )
}

fn ntfs(seconds: i64) -> Vec<u8> {
    let ticks = ((seconds + 11_644_473_600) as u64 * 10_000_000 + 7).to_le_bytes();
    field(
        0x000a,
        &[&[0, 0, 0, 0, 1, 0, 24, 0], &ticks[..], &ticks, &ticks].concat(),
    )
}

#[test]
fn times_before_1970_and_after_2038() {
    const IN_2040: i64 = 2_208_988_800;
    const IN_1960: i64 = -315_619_200;
    let entry = |extra: Vec<u8>, date| Entry {
        date,
        extra: extra.clone(),
        local_extra: extra,
        ..Entry::file("a", b"x")
    };
    let at = |entry: Entry, seconds, nanoseconds| {
        open(&[entry]).warns("").has_time("a", seconds, nanoseconds);
    };
    at(
        entry(timestamp(IN_2040 + 1), dos_date(2040, 1, 1)),
        IN_2040 + 1,
        0,
    );
    at(entry(timestamp(IN_1960), dos_date(1980, 1, 1)), IN_1960, 0);
    let both = [timestamp(5), ntfs(IN_2040)].concat();
    at(entry(both, dos_date(1980, 1, 1)), IN_2040, 700);
    at(entry(ntfs(IN_1960), dos_date(1980, 1, 1)), IN_1960, 700);
}

#[test]
fn dos_times_are_local() {
    let entry = |date, hour: u16| Entry {
        date,
        time: hour << 11,
        ..Entry::file("a", b"x")
    };
    let new_york = TimeZone::local(Some(OsStr::new("EST5EDT,M3.2.0,M11.1.0")));
    for (date, zone, seconds) in [
        (dos_date(2024, 7, 1), &new_york, 1_719_835_200 + 4 * 3600),
        (dos_date(2024, 1, 1), &new_york, 1_704_110_400 + 5 * 3600),
        (dos_date(2024, 1, 1), &TimeZone::utc(), 1_704_110_400),
    ] {
        open_with(&archive(&[entry(date, 12)]), |options| {
            options.zone = zone.clone();
        })
        .warns("")
        .has_time("a", seconds, 0);
    }
}

#[test]
fn odd_entries_do_not_prevent_the_others() {
    let other = || Entry::file("other", b"whole");
    let folder = || Entry {
        attributes: 0o040_755 << 16,
        ..Entry::file("d/", b"")
    };
    tolerates(&[folder(), folder(), other()], "it occurs twice").has("other", "whole");
    let twice = [Entry::file("a", b"one"), other(), Entry::file("a", b"two")];
    tolerates(&twice, "the last one is opened")
        .has("a", "two")
        .has("other", "whole");
    let full_folder = Entry {
        attributes: 0o040_755 << 16,
        ..Entry::file("d/", b"contents")
    };
    let opened = tolerates(&[full_folder, other()], "a folder with contents");
    assert!(opened.has("other", "whole").bench.path("out/d").is_dir());
    for name in ["d//f", "d/./f", "d/.//f", "d/f//", "d/f/."] {
        let is_folder = name.ends_with('/');
        let untidy = Entry::file(name, if is_folder { b"" } else { b"x" });
        let opened = tolerates(&[untidy, other()], "empty components or dots");
        match is_folder {
            true => assert!(opened.bench.path("out/d/f").is_dir()),
            false => drop(opened.has("d/f", "x").has("other", "whole")),
        }
    }
    let (cut, none) = (vec![1, 2, 9, 0, 1], Vec::new());
    for (extra, local_extra) in [(&cut, &none), (&none, &cut), (&cut, &cut)] {
        let cut = Entry {
            extra: extra.clone(),
            local_extra: local_extra.clone(),
            ..Entry::file("a", b"x")
        };
        tolerates(&[cut, other()], "a: an extra field is cut short")
            .has("a", "x")
            .has("other", "whole");
    }
    let many = vec![Entry::file("d//f", b"x"), Entry::file("e//f", b"x")];
    open(&many).warns("d//f and 1 more: ");
    let endless = format!("d{}f", "/".repeat(60_000));
    let opened = open(&[Entry::file(&endless, b"x")]).warns("/...: its name has empty components");
    assert!(opened.warnings[0].len() < 400);
}

/// They are left out and named one by one, and nothing is created outside.
#[test]
fn links_that_lead_outside_and_special_files_are_left_out() {
    for odd in [
        Entry::link("d/l", "/etc/passwd"),
        Entry::link("d/l", "../../victim"),
        Entry::link("d/l", ""),
        Entry::special("d/l"),
    ] {
        let opened = open(&[odd, Entry::file("other", b"whole")]).warns("");
        assert_eq!(opened.result.as_ref().unwrap().left_out, 1);
        assert_eq!(opened.left_out.len(), 1);
        assert!(
            opened.left_out[0].starts_with("d/l: "),
            "{:?}",
            opened.left_out
        );
        assert!(fs::symlink_metadata(opened.bench.path("out/d/l")).is_err());
        opened.has("other", "whole");
    }
    let alone = open(&[Entry::link("l", "/")]).warns("");
    assert_eq!(alone.result.as_ref().unwrap().left_out, 1);
    alone.bench.expect_untouched();
}

#[test]
fn zip_crypto_is_read_with_a_warning() {
    let contents = b"an old secret";
    let crc = crc32fast::hash(contents);
    let entry = zip_crypto(Entry::file("a", contents), "word", (crc >> 24) as u8);
    let later = |name| {
        let entry = Entry {
            flags: DESCRIPTOR,
            time: 0x6b21,
            ..Entry::file(name, contents)
        };
        let entry = zip_crypto(entry, "word", 0x6b);
        let behind = descriptor(&entry);
        Entry { behind, ..entry }
    };
    let zeros = deflated_zeros(1 + 258 * 10);
    let deflated = Entry {
        method: DEFLATED,
        contents: zeros,
        ..Entry::file("c", &[0; 2581])
    };
    let check = (deflated.crc >> 24) as u8;
    let deflated = zip_crypto(deflated, "word", check);
    let bytes = archive(&[entry, later("b"), deflated]);
    let with = |word: &str| {
        let password = ArchivePassword::from_text(word).unwrap();
        open_with(&bytes, |options| options.password = Some(password))
    };
    let opened = with("word").warns("a and 2 more: it is encrypted with ZipCrypto");
    let opened = opened.has("a", "an old secret").has("b", "an old secret");
    assert_eq!(fs::read(opened.bench.path("out/c")).unwrap(), [0; 2581]);
    let wrong = with("Word");
    assert_eq!(wrong.result.unwrap_err().exit_code(), WRONG_PASSWORD);
    wrong.bench.expect_untouched();
}

#[test]
fn deflate64_is_read_and_bounded() {
    let entry = |size: u64, packed: Vec<u8>| Entry {
        method: DEFLATE64,
        compressed: packed.len() as u64,
        contents: packed,
        size,
        crc: crc32fast::hash(&vec![0; size as usize]),
        ..Entry::file("a", b"")
    };
    for size in [1, 4, 65_539, 3_000_000] {
        let opened = open(&[entry(size, deflate64_zeros(size))]).warns("");
        let read = fs::read(opened.bench.path("out/a")).unwrap();
        assert!(read.len() as u64 == size && read.iter().all(|&byte| byte == 0));
    }
    let packed = deflate64_zeros(1000);
    refuses(&[entry(999, packed.clone())], NOT_VERIFIED, "");
    refuses(&[entry(1001, packed.clone())], NOT_VERIFIED, "");
    let lie = Entry {
        size: packed.len() as u64 * 29_128 + 1,
        ..entry(1000, packed.clone())
    };
    refuses(&[lie], DECLINED, "so much cannot be in so few bytes");
    // The last bits only mark the end.
    for length in 0..packed.len() - 2 {
        let cut = entry(1000, packed[..length].to_vec());
        refuses(
            &[cut],
            if length == 0 { DECLINED } else { NOT_VERIFIED },
            "",
        );
    }
}

/// Bytes that no decompressor reads could carry hidden data.
#[test]
fn nothing_follows_compressed_contents() {
    let garbage = |method, packed: Vec<u8>, more: &[u8], size: usize| {
        let packed = [packed, more.to_vec()].concat();
        Entry {
            method,
            compressed: packed.len() as u64,
            contents: packed,
            ..Entry::file("a", &vec![0; size])
        }
        .sized(size)
    };
    let deflated = || deflated_zeros(1 + 258 * 10);
    open(&[garbage(DEFLATED, deflated(), b"", 2581)]).warns("");
    for more in [&b"x"[..], &[0; 3], &[7; 70_000]] {
        let entry = garbage(DEFLATED, deflated(), more, 2581);
        refuses(&[entry], NOT_VERIFIED, "something follows");
    }
    // The Deflate64 decompressor reads up to four bytes ahead.
    let deflated64 = || deflate64_zeros(1 + 258 * 10);
    for more in [&[7; 5][..], &[7; 70_000]] {
        let entry = garbage(DEFLATE64, deflated64(), more, 2581);
        refuses(&[entry], NOT_VERIFIED, "something follows");
    }
    // ZipCrypto authenticates nothing, so the same holds below it.
    let entry = garbage(DEFLATED, deflated_zeros(1 + 258 * 10), b"x", 2581);
    let check = (entry.crc >> 24) as u8;
    let opened = open_with(&archive(&[zip_crypto(entry, "word", check)]), |options| {
        options.password = Some(ArchivePassword::from_text("word").unwrap());
    });
    assert_eq!(opened.result.unwrap_err().exit_code(), NOT_VERIFIED);
    opened.bench.expect_untouched();
}

#[test]
fn only_selected_entries_are_opened() {
    let closed = |name: &str| Entry {
        method: 12,
        ..Entry::file(name, b"bzip2")
    };
    let mut private = Entry::file("d/", b"");
    private.attributes = 0o040_700 << 16;
    let bytes = archive(&[
        private,
        Entry::file("d/a.txt", b"one"),
        Entry::file("d/b.tmp", b"two"),
        Entry::file("e/c.txt", b"three"),
        closed("f"),
    ]);
    let selected = |only: &[&str], exclude: &[&str]| {
        open_with(&bytes, |options| {
            options.only = only.iter().map(|glob| (*glob).into()).collect();
            options.exclude = exclude.iter().map(|glob| (*glob).into()).collect();
        })
    };
    let names = |opened: &Opened| {
        let listing = super::contents(&opened.bench.path("out"));
        let files = listing
            .into_iter()
            .filter(|(_, contents)| contents.is_some());
        let names = files.map(|(path, _)| path.file_name().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    // Selecting everything fails, because one entry cannot be read.
    assert_eq!(selected(&[], &[]).result.unwrap_err().exit_code(), DECLINED);
    let one = selected(&["a.txt"], &[]).warns("");
    assert_eq!(names(&one), ["a.txt"]);
    // The folder above keeps its mode.
    let mode = fs::metadata(one.bench.path("out/d")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(names(&selected(&[], &["f", "*.tmp"])), ["a.txt", "c.txt"]);
    assert_eq!(names(&selected(&["d"], &["b.*"])), ["a.txt"]);
    let nothing = selected(&["nowhere"], &[]);
    let error = nothing.result.unwrap_err();
    assert_eq!(error.exit_code(), 8, "{error}");
    nothing.bench.expect_untouched();
}

#[test]
fn names_in_code_pages() {
    let name = |bytes: &[u8], host, flags| Entry {
        name: bytes.to_vec(),
        host,
        flags,
        attributes: 0,
        ..Entry::file("", b"x")
    };
    let cyrillic = b"\x8f\xe0\xa8\xa2\xa5\xe2".as_slice();
    let encoded = |entry: Entry, encoding: Option<&str>| {
        open_with(&archive(&[entry]), |options| {
            options.name_encoding = encoding.map(|name| NameEncoding::parse(name).unwrap());
        })
    };
    encoded(name(cyrillic, DOS, 0), Some("cp866"))
        .warns("")
        .has("Привет", "x");
    encoded(name(cyrillic, DOS, 0), None)
        .warns("")
        .has("Åα¿óÑΓ", "x");
    // Valid UTF-8 is read as UTF-8, whether or not it is marked.
    let utf8 = "日本".as_bytes();
    for host in [DOS, 3, 7] {
        for flags in [0, UTF8] {
            encoded(name(utf8, host, flags), None)
                .warns("")
                .has("日本", "x");
        }
    }
    encoded(name(utf8, DOS, UTF8), Some("cp866"))
        .warns("")
        .has("日本", "x");
}

/// A small archive whose names imply very many folders that it does not list.
#[test]
fn folders_that_nothing_lists_count() {
    let deep = |number: usize| {
        let path = format!("{number}/{}x", "a/".repeat(1000));
        Entry::file(&path, b"")
    };
    let entries: Vec<Entry> = (0..250).map(deep).collect();
    let bytes = archive(&entries);
    assert!(bytes.len() < 2 << 20);
    let refused = open_with(&bytes, |_| {});
    let error = refused.result.unwrap_err();
    assert_eq!(error.exit_code(), DECLINED, "{error}");
    assert!(
        error.to_string().contains("in 250500 files and folders"),
        "{error}"
    );
    refused.bench.expect_untouched();
}
