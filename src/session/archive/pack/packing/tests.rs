//! Sources that change while they are packed, and a system that fails.

use super::*;
use crate::crypto::ArchivePassword;
use crate::disk::TimeZone;
use crate::model::escaped;
use crate::session::archive::zip::{ZipOptions, zip};
use crate::session::cancel::Cancel;
use crate::session::error::Error;
use crate::session::events::{Event, FileResult, Operator, Unattended};
use crate::session::send::feed::{Feed, PartSink};
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Does something at the first matching event, and records the failures.
struct Meddler<F> {
    meddle: Mutex<Option<F>>,
    at_progress: bool,
    failed: Mutex<Vec<String>>,
}

impl<F: FnOnce() + Send> Meddler<F> {
    fn new(at_progress: bool, meddle: F) -> Self {
        Meddler {
            meddle: Mutex::new(Some(meddle)),
            at_progress,
            failed: Mutex::default(),
        }
    }
}

impl<F: FnOnce() + Send> Operator for Meddler<F> {
    fn event(&self, event: &Event<'_>) {
        let is_turn = match event {
            Event::Offer(_) => !self.at_progress,
            Event::Progress(_) => self.at_progress,
            Event::File {
                path,
                result: FileResult::Failed { why },
                ..
            } => {
                let line = format!("{}: {why}", escaped(path));
                self.failed.lock().unwrap().push(line);
                false
            }
            _ => false,
        };
        if is_turn && let Some(meddle) = self.meddle.lock().unwrap().take() {
            meddle();
        }
    }
}

fn options(folder: &Path) -> ZipOptions {
    let password = ArchivePassword::from_text("word").unwrap();
    ZipOptions::new(folder.join("a.zip"), vec![folder.join("tree")], password)
}

/// The names of all files in an archive. Fails if one is damaged.
fn sound_files(archive: &Path) -> Vec<String> {
    let bytes = fs::read(archive).unwrap();
    let mut opened = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut names = Vec::new();
    for index in 0..opened.len() {
        let mut file = opened.by_index_decrypt(index, b"word").unwrap();
        let read = file.read_to_end(&mut Vec::new()).unwrap() as u64;
        assert_eq!(read, file.size());
        if file.is_file() {
            names.push(file.name().unwrap().into_owned());
        }
    }
    names
}

fn tree(folder: &Path) {
    fs::create_dir(folder.join("tree")).unwrap();
    for (name, contents) in [("changes", "before"), ("stays", "x"), ("vanishes", "x")] {
        fs::write(folder.join("tree").join(name), contents).unwrap();
    }
}

#[test]
fn files_that_change_or_vanish_before_they_are_read_are_left_out() {
    for names in [Names::Shown, Names::Hidden] {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path());
        let inside = folder.path().join("tree");
        let meddler = Meddler::new(false, || {
            fs::write(inside.join("changes"), "longer than before").unwrap();
            fs::remove_file(inside.join("vanishes")).unwrap();
        });
        let mut options = options(folder.path());
        options.names = names;
        let summary = zip(&options, &meddler).unwrap();
        assert_eq!((summary.files, summary.lost_sources), (1, 2));
        let failed = meddler.failed.into_inner().unwrap();
        assert_eq!(
            failed,
            [
                "tree/changes: it changed while it was packed",
                "tree/vanishes: it vanished while it was packed"
            ]
        );
        if names == Names::Shown {
            assert_eq!(sound_files(&options.archive), ["tree/stays"]);
        }
    }
}

#[test]
fn a_large_file_that_changes_half_way_is_none_of_the_archives() {
    // Much more than is read ahead.
    const LENGTH: u64 = 64 << 20;
    for level in [Level::Auto, Level::Fixed(0)] {
        for grows in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            tree(folder.path());
            let large = folder.path().join("tree/large");
            File::create(&large).unwrap().set_len(LENGTH).unwrap();
            let meddler = Meddler::new(true, || {
                let file = File::options().write(true).open(&large).unwrap();
                let length = if grows { LENGTH + 1 } else { LENGTH / 2 };
                file.set_len(length).unwrap();
            });
            let mut options = options(folder.path());
            options.level = level;
            let summary = zip(&options, &meddler).unwrap();
            assert_eq!((summary.files, summary.lost_sources), (3, 1));
            let failed = meddler.failed.into_inner().unwrap();
            assert_eq!(failed, ["tree/large: it changed while it was packed"]);
            let expected = ["tree/changes", "tree/stays", "tree/vanishes"];
            assert_eq!(sound_files(&options.archive), expected);
        }
    }
}

#[test]
fn without_anything_left_no_archive_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("only");
    fs::write(&path, "x").unwrap();
    let mut options = options(folder.path());
    options.paths = vec![path.clone()];
    let summary = zip(
        &options,
        &Meddler::new(false, || fs::remove_file(&path).unwrap()),
    );
    let summary = summary.unwrap();
    assert!(summary.delivered.is_empty());
    assert_eq!((summary.files, summary.lost_sources), (0, 1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn called_off_it_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    let options = options(folder.path());
    let cancel = options.cancel.clone();
    let ended = zip(&options, &Meddler::new(false, || cancel.cancel()));
    assert!(matches!(ended, Err(Error::Cancelled)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_sink_that_takes_no_more_ends_it() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = match self.0.checked_sub(bytes.len()) {
                Some(left) => left,
                None => return Err(io::ErrorKind::StorageFull.into()),
            };
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl ArchiveSink for Full {}
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    let scanning = crate::disk::SourceOptions::default();
    let source = Source::scan(&[folder.path().join("tree")], &scanning).unwrap();
    let password = ArchivePassword::from_text("word").unwrap();
    for names in [Names::Shown, Names::Hidden] {
        for room in [0, 10, 100, 300, 500] {
            let options = PackOptions {
                password: &password,
                names,
                level: Level::Auto,
                zone: &TimeZone::utc(),
                cancel: &Cancel::new(),
                operator: &Unattended,
            };
            let packed = pack_into(&source, &options, Full(room));
            let error = packed.err().unwrap();
            assert!(matches!(error, PackError::Sink(_)), "{room}: {error:?}");
        }
    }
}

/// Packs a tree of three small files and a large one. A worker fails as `broken` does, at the piece of that
/// number, counted from 0.
fn pack_broken(
    names: Names,
    broken_at: u64,
    broken: fn() -> io::Result<Piece>,
    sink: impl ArchiveSink,
) -> Result<PackReport, PackError> {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    let large = File::create(folder.path().join("tree/large")).unwrap();
    large.set_len(3 << 20).unwrap();
    let scanning = crate::disk::SourceOptions::default();
    let source = Source::scan(&[folder.path().join("tree")], &scanning).unwrap();
    let password = ArchivePassword::from_text("word").unwrap();
    let taken = AtomicU64::new(0);
    let packers: &Packers<'_> = &|password| {
        let mut packer = Packer::new(&source, DeflateEffort::Auto, password);
        let taken = &taken;
        Box::new(move |piece| match taken.fetch_add(1, Ordering::Relaxed) {
            number if number == broken_at => broken(),
            _ => packer.pack(piece),
        })
    };
    let options = PackOptions {
        password: &password,
        names,
        level: Level::Auto,
        zone: &TimeZone::utc(),
        cancel: &Cancel::new(),
        operator: &Unattended,
    };
    let packing = Packing {
        source: &source,
        packers,
        options: &options,
    };
    packing.pack_into(sink)
}

/// The folder, its files, and the pieces of the large one.
const PIECES: u64 = 1 + 3 + 3;

fn no_random_bytes() -> io::Result<Piece> {
    Err(io::Error::other("no random bytes"))
}

/// All bytes from the feed, and how it ended.
fn through_a_feed(
    names: Names,
    broken_at: u64,
    broken: fn() -> io::Result<Piece>,
) -> (Vec<u8>, Result<(), Error>) {
    let produce = move |sink: &mut PartSink| {
        let packed = pack_broken(names, broken_at, broken, sink);
        packed.map(drop).map_err(Error::from)
    };
    let feed = Feed::start(Box::new(produce), 64 * 1024).unwrap();
    let (mut bytes, mut part) = (Vec::new(), Vec::new());
    loop {
        match feed.next(&mut part) {
            Ok(true) => bytes.extend_from_slice(&part),
            Ok(false) => return (bytes, Ok(())),
            Err(error) => return (bytes, Err(error)),
        }
    }
}

#[test]
fn a_worker_that_the_system_fails_is_no_end_of_an_archive() {
    for names in [Names::Shown, Names::Hidden] {
        for broken_at in 0..PIECES {
            let packed = pack_broken(names, broken_at, no_random_bytes, Nowhere);
            assert!(matches!(packed, Err(PackError::System(_))), "{packed:?}");
            let (bytes, ended) = through_a_feed(names, broken_at, no_random_bytes);
            assert!(matches!(ended, Err(Error::System { .. })), "{ended:?}");
            assert!(zip::ZipArchive::new(Cursor::new(bytes)).is_err());
        }
        let (bytes, ended) = through_a_feed(names, PIECES, no_random_bytes);
        assert!(ended.is_ok(), "{ended:?}");
        assert!(zip::ZipArchive::new(Cursor::new(bytes)).is_ok());
    }
}

#[test]
fn a_worker_that_panics_is_no_end_of_an_archive() {
    let panics = || std::panic::resume_unwind(Box::new("on purpose"));
    for broken_at in [0, PIECES - 1] {
        let (bytes, ended) = through_a_feed(Names::Shown, broken_at, panics);
        assert!(matches!(ended, Err(Error::System { .. })), "{ended:?}");
        assert!(zip::ZipArchive::new(Cursor::new(bytes)).is_err());
    }
}

/// Accepts everything and keeps nothing.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ArchiveSink for Nowhere {}
