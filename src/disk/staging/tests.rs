use super::*;
use crate::disk::fixture::{self, PART, Sample, Transfer, noise};
use crate::model::{Existing, FailureReason, FileSize, ManifestBuilder, Mode, Mtime};
use std::sync::atomic::{AtomicU64, Ordering};

const P: usize = PART as usize;

/// Small files, files of several parts, and one that begins and ends in the middle of parts.
fn mixed() -> Transfer {
    Sample::new()
        .folder("d")
        .file("d/small", &noise(10, 1))
        .file("d/large", &noise(P * 3 + 7, 2))
        .file("empty", b"")
        .file("tail", &noise(P / 2, 3))
        .finish()
}

fn recorded(staging: &Staging) -> u64 {
    staging.present().len()
}

#[test]
fn parts_may_come_in_any_order_from_several_threads() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = Sample::new()
        .file("a", &noise(P * 20 + 5, 1))
        .file("b", &noise(100, 2))
        .file("c", &noise(P * 20, 3))
        .finish();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let count = staging.layout().count();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut writer = staging.writer();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count * 2 {
                        break;
                    }
                    // Scattered, and each part twice.
                    let part = staging.layout().part(number * 17 % count).unwrap();
                    let raw = transfer.raw(&staging, part);
                    let crc = writer.write_part(part, raw).unwrap();
                    assert!(crc.is_none_or(|crc| crc == crc32fast::hash(raw)));
                }
            });
        }
    });
    assert!(staging.is_complete());
    fixture::deliver(staging, &[]);
    let got = ["a", "b", "c"].map(|name| fs::read(dir.path().join(name)).unwrap());
    assert_eq!(got.concat(), transfer.stream);
}

#[test]
fn parts_of_a_file_that_failed_are_not_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = mixed();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let mut writer = staging.writer();
    let zeros = vec![0; P];
    transfer.write(&staging, [0]);
    staging.note_failed(transfer.index("d/large"));
    let part = staging.layout().part(1).unwrap();
    writer.write_part(part, &zeros).unwrap();
    assert!(staging.present().contains(part), "this run has it");
    drop(staging);
    // After a kill the source can be read again: parts with zeros for this file are requested again.
    let staging = transfer.open(dir.path(), Existing::Fail);
    assert_eq!(transfer.check_claims(&staging), [0]);
    transfer.write_all(&staging);
    fixture::deliver(staging, &[]);
    let large = fs::read(dir.path().join("d/large")).unwrap();
    assert_eq!(large, noise(P * 3 + 7, 2));
}

#[test]
fn an_earlier_run_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = mixed();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write(&staging, [0, 2]);
    drop(staging);
    // The part size of the earlier run still applies.
    let staging = transfer
        .try_open(dir.path(), Existing::Fail, PART * 2)
        .unwrap();
    assert_eq!(staging.layout().part_size(), PART);
    assert_eq!(recorded(&staging), 0, "nothing is believed");
    assert_eq!(transfer.check_claims(&staging), [0, 2]);
    let missing: Vec<_> = staging.missing(u64::MAX);
    assert_eq!(missing.iter().map(|r| r.start).collect::<Vec<_>>(), [1, 3]);
    transfer.write_all(&staging);
    fixture::deliver(staging, &[]);
    assert_eq!(fs::read(dir.path().join("tail")).unwrap(), noise(P / 2, 3));
    let large = fs::read(dir.path().join("d/large")).unwrap();
    assert!(large == noise(P * 3 + 7, 2));
    assert_eq!(fixture::names_in(dir.path()), ["d", "empty", "tail"]);
}

#[test]
fn changed_data_in_staging_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = mixed();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write_all(&staging);
    let tree = staging.path().join("tree");
    drop(staging);
    let large = tree.join("d/large");
    let mut bytes = fs::read(&large).unwrap();
    bytes[P * 2] ^= 1;
    fs::write(&large, &bytes).unwrap();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.check_claims(&staging);
    let missing = staging.missing(u64::MAX);
    assert_eq!(
        (missing.len(), missing[0].start, missing[0].length),
        (1, 2, 1)
    );
    drop(staging);
    fs::remove_file(tree.join("d/small")).unwrap();
    fs::write(tree.join("tail"), "short").unwrap();
    let staging = transfer.open(dir.path(), Existing::Fail);
    assert_eq!(transfer.check_claims(&staging), [1]);
    transfer.write_all(&staging);
    fixture::deliver(staging, &[]);
    assert!(fs::read(dir.path().join("d/large")).unwrap() == noise(P * 3 + 7, 2));
    assert_eq!(fs::read(dir.path().join("tail")).unwrap(), noise(P / 2, 3));
}

#[test]
fn a_journal_cut_or_flipped_anywhere_never_makes_a_wrong_file() {
    let transfer = Sample::new()
        .file("a", &noise(P + 5, 1))
        .file("b", &noise(30, 2))
        .finish();
    let pristine = tempfile::tempdir().unwrap();
    let staging = transfer.open(pristine.path(), Existing::Fail);
    transfer.write_all(&staging);
    // Part 1 turns out to be wrong on the disk, and is revoked.
    let part = staging.layout().part(1).unwrap();
    staging.forget_part(part).unwrap();
    let name = staging.path().file_name().unwrap().to_owned();
    let journal = fs::read(staging.path().join("journal")).unwrap();
    drop(staging);
    let variants =
        (0..journal.len())
            .map(|cut| journal[..cut].to_vec())
            .chain((0..journal.len()).map(|at| {
                let mut flipped = journal.clone();
                flipped[at] ^= 0x10;
                flipped
            }));
    for (number, variant) in variants.enumerate() {
        let dir = tempfile::tempdir().unwrap();
        copy_tree(&pristine.path().join(&name), &dir.path().join(&name));
        fs::write(dir.path().join(&name).join("journal"), &variant).unwrap();
        let staging = transfer.open(dir.path(), Existing::Fail);
        if number >= journal.len() {
            assert_eq!(staging.journal_fault(), Some(JournalFault::Damaged));
            assert_eq!(staging.claims(), PartSet::new());
        } else {
            assert_eq!(staging.journal_fault(), None);
        }
        transfer.check_claims(&staging);
        transfer.write_all(&staging);
        fixture::deliver(staging, &[]);
        let a = fs::read(dir.path().join("a")).unwrap();
        let b = fs::read(dir.path().join("b")).unwrap();
        assert!([a, b].concat() == transfer.stream, "variant {number}");
        assert_eq!(fixture::names_in(dir.path()), ["a", "b"]);
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_tree(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

#[test]
fn a_journal_that_is_not_believed_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = mixed();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write(&staging, [0]);
    let path = staging.path().to_owned();
    drop(staging);
    fs::write(path.join("journal"), [b'x'; 100]).unwrap();
    let staging = transfer.open(dir.path(), Existing::Fail);
    assert_eq!(staging.journal_fault(), Some(JournalFault::Damaged));
    assert_eq!(
        fs::read(path.join("journal.unreadable")).unwrap(),
        [b'x'; 100]
    );
    assert_eq!(recorded(&staging), 0);
}

#[test]
fn the_second_receiver_of_a_transfer_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = mixed();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let error = transfer
        .try_open(dir.path(), Existing::Fail, PART)
        .unwrap_err();
    assert_eq!(error.kind(), DiskErrorKind::Locked);
    assert!(error.to_string().contains("another peerbridge"), "{error}");
    drop(staging);
    transfer.try_open(dir.path(), Existing::Fail, PART).unwrap();
}

#[cfg(unix)]
#[test]
fn staging_is_private_and_never_a_link() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let transfer = mixed();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let path = staging.path().to_owned();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o700);
    assert!(
        !path.join("tree/d").exists(),
        "no folder before the first byte"
    );
    staging.make_folders().unwrap();
    assert_eq!(mode(&path.join("tree/d")), 0o700);
    drop(staging);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::remove_dir_all(&path).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &path).unwrap();
    assert!(transfer.try_open(dir.path(), Existing::Fail, PART).is_err());
    assert!(fixture::names_in(elsewhere.path()).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn runs_of_zeros_become_holes_only_where_nothing_was_written() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let mut contents = vec![0; P * 40];
    contents[P * 20] = 1;
    let transfer = Sample::new()
        .file("large", &contents)
        .file("zeros", &vec![0; P])
        .finish();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let staged = staging.path().join("tree/large");
    let part = staging.layout().part(5).unwrap();
    transfer.write(&staging, (0..5).chain(6..30));
    assert!(fs::metadata(&staged).unwrap().blocks() * 512 < (P * 4) as u64);
    // The part was first wrong and then right: now its zeros must be written.
    let mut writer = staging.writer();
    writer.write_part(part, &noise(P, 9)).unwrap();
    staging.forget_part(part).unwrap();
    writer.write_part(part, &vec![0; P]).unwrap();
    assert!(fs::read(&staged).unwrap()[P * 5..P * 6] == vec![0; P]);
    drop(writer);
    drop(staging);
    // A file of an earlier run may hold anything.
    let mut bytes = fs::read(&staged).unwrap();
    bytes[P * 35] = 7;
    fs::write(&staged, bytes).unwrap();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write_all(&staging);
    fixture::deliver(staging, &[]);
    assert!(fs::read(dir.path().join("large")).unwrap() == contents);
    let zeros = fs::metadata(dir.path().join("zeros")).unwrap();
    assert_eq!((zeros.len(), zeros.blocks()), (P as u64, 0));
}

#[test]
fn zeros_are_written_where_an_attempt_failed_before() {
    let dir = tempfile::tempdir().unwrap();
    let contents = [noise(P * 2, 1), vec![0; P], noise(5, 2)].concat();
    let transfer = Sample::new()
        .file("large", &contents)
        .folder("d")
        .file("d/small", b"12345")
        .finish();
    let staging = transfer
        .try_open(dir.path(), Existing::Fail, PART * 2)
        .unwrap();
    transfer.write(&staging, [0]);
    let part = staging.layout().part(1).unwrap();
    let folder = staging.path().join("tree/d");
    fs::remove_dir(&folder).unwrap();
    let mut writer = staging.writer();
    assert!(writer.write_part(part, &noise(P + 10, 3)).is_err());
    fs::create_dir(&folder).unwrap();
    writer
        .write_part(part, transfer.raw(&staging, part))
        .unwrap();
    drop(writer);
    assert!(fs::read(staging.path().join("tree/large")).unwrap() == contents);
}

#[test]
fn of_colliding_names_the_second_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = mixed();
    let staging = transfer.open(dir.path(), Existing::Fail);
    staging.make_folders().unwrap();
    // Simulates a file system that ignores case: this is the file "d/SMALL" there.
    fs::write(staging.path().join("tree/d/small"), "the other").unwrap();
    transfer.write(&staging, [0]);
    let small = transfer.index("d/small");
    let refusal = staging.refusal(small).unwrap();
    assert_eq!(refusal.reason(), FailureReason::SameName);
    assert_eq!(staging.missing(1), []);
    let there = fs::read(staging.path().join("tree/d/small")).unwrap();
    assert_eq!(there, b"the other");
}

#[test]
fn parts_of_the_wrong_length_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = mixed();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let part = staging.layout().part(0).unwrap();
    let raw = transfer.raw(&staging, part);
    let mut writer = staging.writer();
    assert!(writer.write_part(part, &raw[1..]).is_err());
    assert!(writer.write_part(part, &[]).is_err());
    assert_eq!(recorded(&staging), 0);
    writer.write_part(part, raw).unwrap();
}

#[test]
fn a_revoked_part_can_be_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = Sample::new()
        .file_with_mode(b"a", &noise(10, 1), 0o400)
        .file("b", &noise(P, 2))
        .finish();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let part = staging.layout().part(0).unwrap();
    let mut writer = staging.writer();
    writer.write_part(part, &noise(P, 3)).unwrap();
    staging.forget_part(part).unwrap();
    assert!(!staging.present().contains(part));
    writer
        .write_part(part, transfer.raw(&staging, part))
        .unwrap();
    drop(writer);
    transfer.write_all(&staging);
    fixture::deliver(staging, &[]);
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), noise(10, 1));
    assert!(fs::read(dir.path().join("b")).unwrap() == noise(P, 2));
}

#[test]
fn parts_with_skipped_files_are_believed_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("b"), "mine").unwrap();
    let transfer = Sample::new()
        .file("a", &noise(100, 1))
        .file("b", &noise(100, 2))
        .file("c", &noise(100, 3))
        .finish();
    let staging = transfer.open(dir.path(), Existing::Skip);
    transfer.write_all(&staging);
    drop(staging);
    let staging = transfer.open(dir.path(), Existing::Skip);
    transfer.check_claims(&staging);
    assert!(staging.is_complete());
    drop(staging);
    // Now it is needed after all, but its data was never kept.
    fs::remove_file(dir.path().join("b")).unwrap();
    let staging = transfer.open(dir.path(), Existing::Skip);
    transfer.check_claims(&staging);
    assert!(!staging.is_complete());
}

fn stream() -> Transfer {
    let mut builder = ManifestBuilder::new();
    let mode = Mode::from_bits(0o600);
    let mtime = Mtime {
        seconds: 1_500_000_000,
        nanoseconds: 0,
    };
    builder
        .push_file(b"stdin", FileSize::Unknown, mtime, mode)
        .unwrap();
    Transfer {
        manifest: Arc::new(builder.finish().unwrap()),
        stream: noise(P * 2 + 9, 1),
        durability: Durability::Normal,
    }
}

#[test]
fn a_stream_of_unknown_size_is_closed_by_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = stream();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let mut writer = staging.writer();
    for (number, raw) in transfer.stream.chunks(P).enumerate() {
        let part = staging.layout().part(number as u64).unwrap();
        writer.write_part(part, raw).unwrap();
        assert!(!staging.is_complete());
    }
    drop(writer);
    assert!(staging.close_stream(P as u64).is_err());
    assert!(staging.close_stream(P as u64 * 3).is_err());
    staging.close_stream(P as u64 * 2 + 9).unwrap();
    assert!(staging.close_stream(P as u64 * 2 + 9).is_err());
    assert!(staging.is_complete());
    let (delivery, _) = fixture::deliver(staging, &[]);
    assert_eq!(delivery.bytes, P as u64 * 2 + 9);
    let got = fs::read(dir.path().join("stdin")).unwrap();
    assert!(got == transfer.stream);
}

#[test]
fn an_empty_stream_makes_an_empty_file() {
    let dir = tempfile::tempdir().unwrap();
    let staging = stream().open(dir.path(), Existing::Fail);
    staging.close_stream(0).unwrap();
    assert!(staging.is_complete());
    fixture::deliver(staging, &[]);
    assert_eq!(fs::read(dir.path().join("stdin")).unwrap(), b"");
}

#[test]
fn nothing_of_an_earlier_stream_is_reused() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = stream();
    let staging = transfer.open(dir.path(), Existing::Fail);
    let part = staging.layout().part(0).unwrap();
    staging.writer().write_part(part, &noise(P, 1)).unwrap();
    drop(staging);
    let staging = transfer.open(dir.path(), Existing::Fail);
    assert_eq!(staging.present().len(), 0);
    assert_eq!(staging.claims(), PartSet::new());
    let mut writer = staging.writer();
    writer.write_part(part, &noise(3, 5)).unwrap();
    let second = staging.layout().part(1).unwrap();
    assert!(writer.write_part(second, &noise(3, 5)).is_err());
    drop(writer);
    staging.close_stream(3).unwrap();
    fixture::deliver(staging, &[]);
    assert_eq!(fs::read(dir.path().join("stdin")).unwrap(), noise(3, 5));
}

#[cfg(unix)]
#[test]
fn a_link_that_an_earlier_run_made_and_this_one_leaves_out_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let sample = Sample::new().folder("d").file("d/f", &noise(10, 1));
    let transfer = sample.link("d/outside", "/etc").link("d/inside", "f");
    let transfer = transfer.finish();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write_all(&staging);
    let paths =
        ["d/outside", "d/inside"].map(|path| staging.staged_path(transfer.index(path)).unwrap());
    fs::create_dir_all(paths[0].parent().unwrap()).unwrap();
    for path in &paths {
        std::os::unix::fs::symlink("anywhere", path).unwrap();
    }
    drop(staging);
    let staging = transfer.open(dir.path(), Existing::Fail);
    assert!(fs::symlink_metadata(&paths[0]).is_err());
    transfer.check_claims(&staging);
    fixture::deliver(staging, &[]);
    assert!(fs::symlink_metadata(dir.path().join("d/outside")).is_err());
    assert_eq!(
        fs::read_link(dir.path().join("d/inside")).unwrap(),
        std::path::Path::new("f")
    );
}
