use super::*;
use crate::model::{PartLayout, len64};

const MODE: Mode = Mode(0o644);

fn builder(entries: &[(&str, Option<u64>)]) -> Result<Manifest, ManifestError> {
    let mut builder = ManifestBuilder::new();
    for (path, size) in entries {
        match size {
            Some(size) => builder.push_file(
                path.as_bytes(),
                FileSize::Known(*size),
                Mtime::default(),
                MODE,
            )?,
            None => builder.push_folder(path.as_bytes(), Mtime::default(), MODE)?,
        }
    }
    builder.finish()
}

#[test]
fn entries_come_back_as_pushed() {
    let mut builder = ManifestBuilder::new();
    let mtime = Mtime {
        seconds: -5,
        nanoseconds: 7,
    };
    builder
        .push_folder(b"d", mtime, Mode::from_bits(0o6755))
        .unwrap();
    builder
        .push_file(b"d/f", FileSize::Known(9), mtime, MODE)
        .unwrap();
    builder.push_link(b"d/l", b"../d/f", mtime).unwrap();
    let manifest = builder.finish().unwrap();
    let entries: Vec<_> = manifest.entries().map(|(_, entry)| entry).collect();
    assert_eq!(entries[0].mode.bits(), 0o755);
    assert_eq!(entries[1].kind, EntryKind::File(FileSize::Known(9)));
    assert_eq!(entries[1].mtime, mtime);
    let EntryKind::Link(target) = entries[2].kind else {
        panic!("a link was pushed");
    };
    assert_eq!(target.as_bytes(), b"../d/f");
    assert_eq!(entries[2].path.as_bytes(), b"d/l");
}

#[test]
fn names_that_cannot_be_a_tree_are_refused() {
    assert!(matches!(
        builder(&[("a", Some(1)), ("a", Some(1))]),
        Err(ManifestError::Twice(_))
    ));
    assert!(matches!(
        builder(&[("a", Some(1)), ("a", None)]),
        Err(ManifestError::Twice(_))
    ));
    assert!(matches!(
        builder(&[("a", Some(1)), ("a/b", Some(1))]),
        Err(ManifestError::NoParent(_))
    ));
    assert!(matches!(
        builder(&[("a/b", Some(1)), ("a", None)]),
        Err(ManifestError::NoParent(_))
    ));
    assert!(matches!(
        builder(&[("a/b", Some(1))]),
        Err(ManifestError::NoParent(_))
    ));
    assert!(builder(&[("a", None), ("a-b", Some(1)), ("a/b", Some(1))]).is_ok());
}

#[test]
fn a_name_through_a_link_is_refused() {
    let mut builder = ManifestBuilder::new();
    builder.push_link(b"a", b"b", Mtime::default()).unwrap();
    builder
        .push_file(b"a/x", FileSize::Known(1), Mtime::default(), MODE)
        .unwrap();
    assert!(matches!(builder.finish(), Err(ManifestError::NoParent(_))));
}

#[test]
fn sizes_that_overflow_are_refused() {
    let too_large = builder(&[("a", Some(limits::STREAM_BYTES)), ("b", Some(1))]);
    assert_eq!(too_large, Err(ManifestError::TooLarge));
    assert_eq!(
        builder(&[("a", Some(u64::MAX))]),
        Err(ManifestError::TooLarge)
    );
}

#[test]
fn an_unknown_size_stands_alone() {
    let mut builder = ManifestBuilder::new();
    builder
        .push_file(b"a", FileSize::Unknown, Mtime::default(), MODE)
        .unwrap();
    builder
        .push_file(b"b", FileSize::Known(1), Mtime::default(), MODE)
        .unwrap();
    assert_eq!(builder.finish(), Err(ManifestError::UnknownSize));
}

#[test]
fn segments_cover_the_stream_once() {
    let manifest = builder(&[
        ("a", Some(10)),
        ("empty", Some(0)),
        ("d", None),
        ("d/b", Some(200_000)),
        ("c", Some(5)),
        ("end", Some(0)),
    ])
    .unwrap();
    let total = manifest.total().unwrap();
    let layout = PartLayout::known(total, limits::PART_BYTES_MIN).unwrap();
    let mut covered = vec![0u64; manifest.len()];
    let mut sum = 0;
    for part in layout.parts() {
        let mut at = 0;
        for segment in layout.segments(&manifest, part) {
            assert_eq!(segment.part_offset, at);
            assert_eq!(segment.file_offset, covered[segment.entry.get()]);
            covered[segment.entry.get()] += len64(segment.length);
            at += segment.length;
        }
        assert_eq!(at, layout.length(part));
        sum += len64(at);
    }
    assert_eq!(sum, total);
    assert_eq!(covered, [10, 0, 0, 200_000, 5, 0]);
}
