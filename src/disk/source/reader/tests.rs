use super::*;
use crate::disk::SourceOptions;
use crate::model::{EntryKind, FailureReason::*, FileSize, limits};
use std::fs::{OpenOptions, remove_file, rename, write};
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;

const PART: u32 = limits::PART_BYTES_MIN;

/// A folder with files of these sizes, named in stream order, and its source.
struct Tree {
    folder: TempDir,
    source: Source,
    layout: PartLayout,
}

impl Tree {
    fn new(sizes: &[usize]) -> Tree {
        let folder = tempfile::tempdir().unwrap();
        for (number, &size) in sizes.iter().enumerate() {
            let bytes = contents(number, size);
            write(folder.path().join(format!("{number:03}")), bytes).unwrap();
        }
        Tree::scan(folder)
    }

    fn scan(folder: TempDir) -> Tree {
        let options = SourceOptions::default();
        let source = Source::scan(&[folder.path().join(".")], &options).unwrap();
        let layout = PartLayout::known(source.manifest().total().unwrap(), PART).unwrap();
        Tree {
            folder,
            source,
            layout,
        }
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("{number:03}"))
    }

    /// The stream, and the failures as file number and reason.
    fn read(&self, reader: &mut SourceReader<'_>) -> (Vec<u8>, Vec<(usize, FailureReason)>) {
        let (mut stream, mut buffer, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        for part in self.layout.parts() {
            reader.read_part(&self.layout, part, &mut buffer, &mut failures);
            assert_eq!(buffer.len(), self.layout.length(part));
            stream.extend_from_slice(&buffer);
        }
        let plain = |failure: &EntryFailure| (failure.entry.get(), failure.reason);
        (stream, failures.iter().map(plain).collect())
    }

    fn failures(&self) -> Vec<(usize, FailureReason)> {
        self.read(&mut SourceReader::new(&self.source)).1
    }
}

/// Bytes without zeros that differ for each file and place.
fn contents(number: usize, size: usize) -> Vec<u8> {
    let byte = |place: usize| ((place * 31 + place / 251 + number * 7) % 255 + 1) as u8;
    (0..size).map(byte).collect()
}

#[test]
fn parts_together_are_the_files() {
    let part = PART as usize;
    let mut sizes = vec![
        0,
        1,
        19,
        20,
        part - 1,
        part,
        part + 1,
        0,
        2 * part,
        3 * part + 7,
    ];
    let mut state = 12345u64;
    for _ in 0..60 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        sizes.push((state >> 33) as usize % (part + part / 2));
    }
    let tree = Tree::new(&sizes);
    let (stream, failures) = tree.read(&mut SourceReader::new(&tree.source));
    assert_eq!(failures, []);
    let files = sizes.iter().enumerate();
    let expected: Vec<u8> = files.flat_map(|(n, &size)| contents(n, size)).collect();
    assert!(stream == expected);
}

#[test]
fn parts_may_be_read_in_any_order_into_a_used_buffer() {
    let tree = Tree::new(&[PART as usize * 3 + 5, 100, 100]);
    let mut reader = SourceReader::new(&tree.source);
    let (stream, _) = tree.read(&mut reader);
    let (mut buffer, mut failures) = (vec![9; 7], Vec::new());
    for index in [3, 0, 2, 1, 3] {
        let part = tree.layout.part(index).unwrap();
        reader.read_part(&tree.layout, part, &mut buffer, &mut failures);
        let range = tree.layout.range(part);
        assert!(buffer == stream[range.start as usize..range.end as usize]);
    }
    assert_eq!(failures, []);
}

#[test]
fn slices_together_are_the_part_whatever_their_length() {
    let tree = Tree::new(&[100, PART as usize + 5, 0, 30, 40_000, 70]);
    let (stream, _) = tree.read(&mut SourceReader::new(&tree.source));
    let mut reader = SourceReader::new(&tree.source);
    for length in [1, 7, 1000, 4096, PART as usize, 2 * PART as usize] {
        let (mut slice, mut failures, mut read) = (vec![9; length], Vec::new(), Vec::new());
        for part in tree.layout.parts() {
            let mut lengths = Vec::new();
            reader.read_slices(&tree.layout, part, &mut slice, &mut failures, |piece| {
                lengths.push(piece.len());
                read.extend_from_slice(piece);
            });
            let last = lengths.pop().unwrap();
            assert!((1..=length).contains(&last) && lengths.iter().all(|&full| full == length));
        }
        assert_eq!(failures, []);
        assert!(read == stream, "slices of {length}");
    }
}

/// Bytes that were passed on cannot be taken back. After the point where the change is noticed there are zeros,
/// and the change is reported.
#[test]
fn a_file_that_changes_between_two_slices_is_reported() {
    let tree = Tree::new(&[PART as usize - 10, 10]);
    let part = tree.layout.part(0).unwrap();
    let (mut slice, mut failures, mut read) = (vec![0; 1000], Vec::new(), Vec::new());
    let mut reader = SourceReader::new(&tree.source);
    reader.read_slices(&tree.layout, part, &mut slice, &mut failures, |piece| {
        if read.is_empty() {
            let file = OpenOptions::new().write(true).open(tree.path(0)).unwrap();
            file.set_len(5000).unwrap();
        }
        read.extend_from_slice(piece);
    });
    let plain: Vec<_> = failures.iter().map(|f| (f.entry.get(), f.reason)).collect();
    assert_eq!(plain, [(0, SourceChanged)]);
    let before = contents(0, 5000);
    let zeros = vec![0; PART as usize - 10 - 5000];
    assert!(read == [before, zeros, contents(1, 10)].concat());
}

/// A file is checked once more after its last byte was read.
#[test]
fn a_file_edited_between_two_slices_is_reported() {
    let tree = Tree::new(&[PART as usize]);
    let part = tree.layout.part(0).unwrap();
    let (mut slice, mut failures, mut slices) = (vec![0; 1000], Vec::new(), 0);
    let mut reader = SourceReader::new(&tree.source);
    reader.read_slices(&tree.layout, part, &mut slice, &mut failures, |_| {
        slices += 1;
        if slices == 3 {
            let file = OpenOptions::new().write(true).open(tree.path(0)).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
    });
    let reasons: Vec<_> = failures.iter().map(|failure| failure.reason).collect();
    assert_eq!(reasons, [SourceChanged]);
}

/// Changes one of three files by `how`: the others are complete, and the changed file's bytes are zeros.
fn changed(how: impl FnOnce(PathBuf), reason: FailureReason) {
    let tree = Tree::new(&[500, 1000, 500]);
    how(tree.path(1));
    let (stream, failures) = tree.read(&mut SourceReader::new(&tree.source));
    assert_eq!(failures, [(1, reason)]);
    let expected = [contents(0, 500), vec![0; 1000], contents(2, 500)].concat();
    assert!(stream == expected);
}

#[test]
fn a_file_that_shrinks_is_reported() {
    let shrink = |path| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(10).unwrap();
    };
    changed(shrink, SourceChanged);
}

#[test]
fn a_file_that_grows_is_reported() {
    let grow = |path| {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    };
    changed(grow, SourceChanged);
}

#[test]
fn a_file_edited_in_place_is_reported() {
    let edit = |path| {
        write(&path, vec![1; 1000]).unwrap();
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1))
            .unwrap();
    };
    changed(edit, SourceChanged);
}

#[test]
fn a_file_that_vanishes_is_reported() {
    changed(|path| remove_file(path).unwrap(), SourceVanished);
}

#[test]
fn a_file_in_place_of_its_folder_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    write(inner.join("f"), b"x").unwrap();
    let tree = Tree::scan(folder);
    remove_file(inner.join("f")).unwrap();
    std::fs::remove_dir(&inner).unwrap();
    write(&inner, b"x").unwrap();
    assert_eq!(tree.failures(), [(1, SourceVanished)]);
}

#[test]
fn a_folder_in_place_of_a_file_is_reported() {
    let replace = |path: PathBuf| {
        remove_file(&path).unwrap();
        std::fs::create_dir(path).unwrap();
    };
    changed(replace, SourceChanged);
}

#[cfg(unix)]
#[test]
fn a_twin_renamed_over_a_file_is_reported() {
    let replace = |path: PathBuf| {
        let twin = path.with_extension("twin");
        write(&twin, vec![1; 1000]).unwrap();
        let modified = path.metadata().unwrap().modified().unwrap();
        let file = OpenOptions::new().write(true).open(&twin).unwrap();
        file.set_modified(modified).unwrap();
        rename(twin, path).unwrap();
    };
    changed(replace, SourceChanged);
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_file_is_reported() {
    let replace = |path: PathBuf| {
        remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
    };
    changed(replace, SourceChanged);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_blocks_nothing() {
    let replace = |path: PathBuf| {
        remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    changed(replace, SourceChanged);
}

/// Passes trivially for root, which may read everything.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new(&[10]);
    std::fs::set_permissions(tree.path(0), PermissionsExt::from_mode(0o000)).unwrap();
    if std::fs::File::open(tree.path(0)).is_err() {
        assert_eq!(tree.failures(), [(0, SourceUnreadable)]);
    }
}

/// A file is never mixed from two states: a change between its parts shows in the later ones.
#[test]
fn a_change_between_two_parts_is_reported() {
    let tree = Tree::new(&[PART as usize * 3]);
    let mut reader = SourceReader::new(&tree.source);
    let (mut buffer, mut failures) = (Vec::new(), Vec::new());
    let mut parts = tree.layout.parts();
    reader.read_part(
        &tree.layout,
        parts.next().unwrap(),
        &mut buffer,
        &mut failures,
    );
    assert_eq!(failures, []);
    let file = OpenOptions::new().write(true).open(tree.path(0)).unwrap();
    platform::write_all_at(&file, b"changed", u64::from(PART)).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1))
        .unwrap();
    for part in parts {
        reader.read_part(&tree.layout, part, &mut buffer, &mut failures);
        assert!(buffer.iter().all(|&byte| byte == 0));
    }
    let reasons: Vec<_> = failures.iter().map(|failure| failure.reason).collect();
    assert_eq!(reasons, [SourceChanged, SourceChanged]);
}

/// An open file remains the scanned file, whatever happens to its name.
#[cfg(unix)]
#[test]
fn a_file_removed_while_it_is_read_comes_whole() {
    let tree = Tree::new(&[PART as usize * 2]);
    let mut reader = SourceReader::new(&tree.source);
    let (mut buffer, mut failures) = (Vec::new(), Vec::new());
    for part in tree.layout.parts() {
        reader.read_part(&tree.layout, part, &mut buffer, &mut failures);
        let half = part.get() as usize * PART as usize;
        assert!(buffer == contents(0, PART as usize * 2)[half..half + PART as usize]);
        std::fs::remove_file(tree.path(0)).ok();
    }
    assert_eq!(failures, []);
}

#[test]
fn threads_read_side_by_side() {
    let tree = Tree::new(&[PART as usize * 5 + 3, 77, PART as usize]);
    let (whole, _) = tree.read(&mut SourceReader::new(&tree.source));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (stream, failures) = tree.read(&mut SourceReader::new(&tree.source));
                assert!(stream == whole && failures.is_empty());
            });
        }
    });
}

#[test]
fn sizes_are_those_of_the_scan() {
    let tree = Tree::new(&[5]);
    let (_, entry) = tree.source.manifest().entries().next().unwrap();
    assert_eq!(entry.kind, EntryKind::File(FileSize::Known(5)));
}

#[test]
fn empty_files_that_changed_are_found() {
    let tree = Tree::new(&[0, 5, 0, 0, 0]);
    assert_eq!(tree.source.changed_empty_files(), []);
    write(tree.path(0), "grown").unwrap();
    remove_file(tree.path(2)).unwrap();
    let other = tree.folder.path().join("other");
    write(&other, "").unwrap();
    rename(&other, tree.path(3)).unwrap();
    let found = tree.source.changed_empty_files();
    let plain: Vec<_> = found.iter().map(|f| (f.entry.get(), f.reason)).collect();
    assert_eq!(
        plain,
        [(0, SourceChanged), (2, SourceVanished), (3, SourceChanged)]
    );
}
