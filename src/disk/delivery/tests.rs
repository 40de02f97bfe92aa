use super::*;
use crate::disk::fixture::{self, PART, Sample, Transfer, mtime_of, names_in, noise};
use crate::disk::platform;
use crate::disk::staging::Durability;
use crate::model::Existing;
use std::fs;
use std::path::Path;

const P: usize = PART as usize;
const DELIVERED: DeliveryResult = DeliveryResult::Delivered;

/// A folder with every kind of entry, and a file next to it.
fn tree() -> Transfer {
    Sample::new()
        .folder("t")
        .file("t/small", &noise(10, 1))
        .folder("t/empty folder")
        .folder("t/sub")
        .file("t/sub/large", &noise(P * 2, 2))
        .file("t/sub/empty", b"")
        .link("t/link", "sub/large")
        .file("beside", &noise(100, 3))
        .finish()
}

/// Everything of [`tree`] was delivered as it was sent.
fn assert_whole(transfer: &Transfer, dir: &Path) {
    for (index, entry) in transfer.manifest.entries() {
        let path = dir.join(String::from_utf8_lossy(entry.path.as_bytes()).as_ref());
        let found = fs::symlink_metadata(&path).unwrap_or_else(|_| panic!("{path:?} is missing"));
        match entry.kind {
            EntryKind::File(_) => {
                let range = transfer.manifest.stream_range(index);
                let expected = &transfer.stream[range.start as usize..range.end as usize];
                assert!(fs::read(&path).unwrap() == expected, "{path:?}");
            }
            EntryKind::Folder => assert!(found.is_dir()),
            EntryKind::Link(_) => {
                assert!(found.is_symlink());
                #[cfg(unix)]
                assert_eq!(platform::mtime_of(&found), entry.mtime, "{path:?}");
                continue;
            }
        }
        assert_eq!(mtime_of(&path), entry.mtime, "{path:?}");
    }
    let left = names_in(dir);
    assert!(!left.iter().any(|name| name.starts_with(".peerbridge-")));
}

#[test]
fn a_new_tree_is_whole_and_counted() {
    for durability in [Durability::Normal, Durability::Fsync] {
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("made/for it");
        let mut transfer = tree();
        transfer.durability = durability;
        let (delivery, results) = transfer.receive(&into, Existing::Fail);
        assert_whole(&transfer, &into);
        assert_eq!(results, vec![DELIVERED; 8]);
        let counts = (delivery.files, delivery.folders, delivery.links);
        let links = u64::from(cfg!(unix));
        assert_eq!(counts, (5 - links, 3, links));
        assert_eq!(delivery.bytes, transfer.stream.len() as u64);
        let into = platform::canonicalize(&into).unwrap();
        assert_eq!(delivery.tops, [into.join("t"), into.join("beside")]);
        assert_eq!((delivery.failures.len(), delivery.kept), (0, None));
    }
}

#[test]
fn a_repeated_delivery_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = tree();
    transfer.receive(dir.path(), Existing::Fail);
    for existing in [Existing::Fail, Existing::Rename, Existing::Overwrite] {
        let (delivery, results) = transfer.receive(dir.path(), existing);
        assert_eq!(results, vec![DeliveryResult::Identical; 8]);
        assert_eq!((delivery.files, delivery.tops.len()), (0, 2));
        assert_whole(&transfer, dir.path());
        assert_eq!(names_in(dir.path()), ["beside", "t"]);
    }
}

#[test]
fn existing_folders_are_merged_into() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("t/sub")).unwrap();
    fs::write(dir.path().join("t/mine"), "mine").unwrap();
    fs::write(dir.path().join("t/sub/large"), "old").unwrap();
    let transfer = tree();
    let (_, results) = transfer.receive(dir.path(), Existing::Overwrite);
    assert_whole(&transfer, dir.path());
    assert_eq!(fs::read(dir.path().join("t/mine")).unwrap(), b"mine");
    let there = |path: &str| results[transfer.index(path).get()];
    assert_eq!(there("t"), DeliveryResult::Identical);
    assert_eq!(there("t/sub"), DeliveryResult::Identical);
    assert_eq!(there("t/sub/large"), DELIVERED);
}

#[test]
fn skipped_and_renamed_entries_leave_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("t")).unwrap();
    fs::write(dir.path().join("t/small"), "mine").unwrap();
    fs::write(dir.path().join("t/sub"), "a file in a folder's place").unwrap();
    let transfer = tree();
    let (_, results) = transfer.receive(dir.path(), Existing::Skip);
    assert_eq!(
        results[transfer.index("t/small").get()],
        DeliveryResult::Skipped
    );
    assert_eq!(
        results[transfer.index("t/sub/large").get()],
        DeliveryResult::Skipped
    );
    assert_eq!(fs::read(dir.path().join("t/small")).unwrap(), b"mine");
    let (delivery, results) = transfer.receive(dir.path(), Existing::Rename);
    assert_eq!(results[transfer.index("t/small").get()], DELIVERED);
    let renamed = dir.path().join("t/small (1)");
    assert_eq!(fs::read(renamed).unwrap(), noise(10, 1));
    assert!(fs::read(dir.path().join("t/sub (1)/large")).unwrap() == noise(P * 2, 2));
    assert_eq!(fs::read(dir.path().join("t/small")).unwrap(), b"mine");
    assert_eq!(delivery.files, 3);
    let names = names_in(&dir.path().join("t"));
    // A second delivery makes no further copies.
    transfer.receive(dir.path(), Existing::Rename);
    assert_eq!(names_in(&dir.path().join("t")), names);
}

#[test]
fn failed_entries_are_left_out_and_the_rest_is_delivered() {
    let transfer = tree();
    for made_before in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        if made_before {
            fs::create_dir_all(dir.path().join("t/sub")).unwrap();
        }
        let staging = transfer.open(dir.path(), Existing::Fail);
        transfer.write_all(&staging);
        let failed = ["t/small", "t/sub/large", "t/empty folder"].map(|path| EntryFailure {
            entry: transfer.index(path),
            reason: FailureReason::SourceChanged,
        });
        let (delivery, results) = fixture::deliver(staging, &failed);
        let mut in_order = failed;
        in_order.sort_by_key(|failure| failure.entry);
        assert_eq!(delivery.failures, in_order);
        assert_eq!(delivery.kept, None);
        let reason = DeliveryResult::Failed(FailureReason::SourceChanged.into());
        assert_eq!(results.iter().filter(|&&r| r == reason).count(), 3);
        assert_eq!(names_in(&dir.path().join("t")), ["link", "sub"]);
        assert_eq!(names_in(&dir.path().join("t/sub")), ["empty"]);
        assert!(dir.path().join("beside").exists());
    }
}

#[test]
fn read_only_files_arrive_are_known_again_and_can_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let is_read_only = |path: &str| {
        let found = fs::metadata(dir.path().join(path)).unwrap();
        found.permissions().readonly()
    };
    for contents in ["one", "other"] {
        let transfer = Sample::new()
            .folder("t")
            .file_with_mode(b"t/inside", contents.as_bytes(), 0o444)
            .file_with_mode(b"single", contents.as_bytes(), 0o444)
            .finish();
        let (delivery, results) = transfer.receive(dir.path(), Existing::Overwrite);
        assert_eq!((delivery.failures.len(), delivery.kept), (0, None));
        assert_eq!(results[1..], [DELIVERED; 2]);
        let (_, results) = transfer.receive(dir.path(), Existing::Fail);
        assert_eq!(results, [DeliveryResult::Identical; 3]);
        for path in ["t/inside", "single"] {
            assert!(is_read_only(path), "{path}");
            assert_eq!(fs::read_to_string(dir.path().join(path)).unwrap(), contents);
        }
        assert_eq!(names_in(dir.path()), ["single", "t"]);
    }
}

#[test]
fn nothing_is_delivered_while_parts_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = tree();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write(&staging, [0, 2]);
    let path = staging.path().to_owned();
    let error = staging.deliver(&[], &mut |_, _, _| {}).unwrap_err();
    assert!(error.to_string().contains("parts are missing"));
    assert!(path.exists());
    assert_eq!(names_in(dir.path()).len(), 1);
    // If the missing part belongs only to a failed file, the rest is delivered.
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write(&staging, [0, 2]);
    let failure = EntryFailure {
        entry: transfer.index("t/sub/large"),
        reason: FailureReason::SourceVanished,
    };
    let (delivery, _) = fixture::deliver(staging, &[failure]);
    assert_eq!(delivery.files, if cfg!(windows) { 4 } else { 3 });
    assert!(!dir.path().join("t/sub/large").exists());
}

#[test]
fn what_appeared_meanwhile_is_left_alone_and_the_rest_kept() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = tree();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write_all(&staging);
    fs::create_dir(dir.path().join("t")).unwrap();
    fs::write(dir.path().join("beside"), "mine").unwrap();
    let (delivery, results) = fixture::deliver(staging, &[]);
    let reason = DeliveryResult::Failed(FailureReason::InTheWay.into());
    assert_eq!(results, vec![reason; 8]);
    assert_eq!(fs::read(dir.path().join("beside")).unwrap(), b"mine");
    assert!(names_in(&dir.path().join("t")).is_empty());
    assert!(delivery.kept.is_some_and(|path| path.exists()));
    // The same transfer needs no bytes the second time.
    let staging = transfer.open(dir.path(), Existing::Overwrite);
    transfer.check_claims(&staging);
    assert!(staging.is_complete());
    fixture::deliver(staging, &[]);
    assert_whole(&transfer, dir.path());
}

#[test]
fn a_delivery_interrupted_after_any_move_ends_whole() {
    let transfer = tree();
    let moves: [(&str, &[&str]); 3] = [
        ("nothing there", &[]),
        ("into folders that are there", &["t", "t/sub"]),
        ("into one folder that is there", &["t"]),
    ];
    for (what, folders) in moves {
        for moved in 0..transfer.manifest.len() {
            let dir = tempfile::tempdir().unwrap();
            for folder in folders {
                fs::create_dir(dir.path().join(folder)).unwrap();
            }
            let staging = transfer.open(dir.path(), Existing::Fail);
            transfer.write_all(&staging);
            let mut run = Run::begin(&staging, &[]).unwrap();
            run.prepare().unwrap();
            for (index, _) in transfer.manifest.entries().take(moved) {
                if run.is_root(index) && run.is_pending(index) {
                    let from = staging.staged_path(index).unwrap();
                    fs::rename(from, run.target(index).unwrap()).unwrap();
                }
            }
            drop(staging);
            let staging = transfer.open(dir.path(), Existing::Fail);
            transfer.check_claims(&staging);
            assert!(staging.is_complete(), "{what}, {moved} moved");
            fixture::deliver(staging, &[]);
            assert_whole(&transfer, dir.path());
        }
    }
}

#[test]
fn a_delivered_file_is_not_written_to_through_its_second_name() {
    let dir = tempfile::tempdir().unwrap();
    let transfer = Sample::new().file("a", &noise(P * 2, 1)).finish();
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write_all(&staging);
    let delivered = dir.path().join("a");
    fs::hard_link(staging.path().join("tree/a"), &delivered).unwrap();
    drop(staging);
    // Killed between the new name and the removal of the old one; then the user changed the file.
    let mut mine = noise(P * 2, 1);
    mine[P + 1] ^= 1;
    fs::write(&delivered, &mine).unwrap();
    let staging = transfer.open(dir.path(), Existing::Overwrite);
    transfer.write_all(&staging);
    assert!(fs::read(&delivered).unwrap() == mine);
    fixture::deliver(staging, &[]);
    assert!(fs::read(&delivered).unwrap() == transfer.stream);
}

#[test]
fn a_thousand_levels() {
    let dir = tempfile::tempdir().unwrap();
    let mut sample = Sample::new();
    let mut path = String::from("d");
    for _ in 0..999 {
        sample = sample.folder(&path);
        path.push_str("/d");
    }
    let transfer = sample.file(&path, b"deep").finish();
    transfer.receive(dir.path(), Existing::Fail);
    assert_eq!(fs::read(dir.path().join(&path)).unwrap(), b"deep");
    let (_, results) = transfer.receive(dir.path(), Existing::Fail);
    assert!(results.iter().all(|r| *r == DeliveryResult::Identical));
}

#[cfg(unix)]
mod unix {
    use super::*;
    use crate::disk::fixture::{FILE_MODE, FOLDER_MODE};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// The umask, determined in another way than in the code under test.
    fn umask(dir: &Path) -> u32 {
        let probe = dir.join("umask");
        fs::create_dir(&probe).unwrap();
        let umask = 0o777 & !mode(&probe);
        fs::remove_dir(probe).unwrap();
        umask
    }

    fn set(path: &Path, bits: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    }

    #[test]
    fn modes_arrive_less_the_umask_and_without_setuid() {
        let dir = tempfile::tempdir().unwrap();
        let umask = umask(dir.path());
        let modes = [0o6755, 0o000, 0o444, 0o1777, 0o200];
        let mut sample = Sample::new();
        for bits in modes {
            sample = sample
                .folder_with_mode(&format!("d{bits:o}"), bits)
                .folder_with_mode(&format!("d{bits:o}/in"), bits)
                .file_with_mode(format!("small{bits:o}").as_bytes(), b"x", bits)
                .file_with_mode(format!("empty{bits:o}").as_bytes(), b"", bits)
                .file_with_mode(format!("large{bits:o}").as_bytes(), &noise(P * 2, 1), bits);
        }
        let transfer = sample.finish();
        // Interrupted after everything got its final mode.
        let staging = transfer.open(dir.path(), Existing::Fail);
        transfer.write_all(&staging);
        Run::begin(&staging, &[]).unwrap().prepare().unwrap();
        drop(staging);
        let staging = transfer.open(dir.path(), Existing::Fail);
        transfer.check_claims(&staging);
        assert!(staging.is_complete());
        fixture::deliver(staging, &[]);
        for bits in modes {
            for kind in ["d", "small", "empty", "large"] {
                let path = dir.path().join(format!("{kind}{bits:o}"));
                assert_eq!(mode(&path), bits & 0o777 & !umask, "{path:?}");
            }
            let outer = dir.path().join(format!("d{bits:o}"));
            set(&outer, 0o700);
            assert_eq!(mode(&outer.join("in")), bits & 0o777 & !umask);
        }
    }

    #[test]
    fn folders_that_were_there_keep_their_mode_and_created_ones_get_theirs_late() {
        let dir = tempfile::tempdir().unwrap();
        let umask = umask(dir.path());
        let transfer = Sample::new()
            .folder_with_mode("mine", 0o555)
            .folder_with_mode("new", 0o555)
            .file("new/file", b"x")
            .finish();
        fs::create_dir(dir.path().join("mine")).unwrap();
        set(&dir.path().join("mine"), 0o711);
        let staging = transfer.open(dir.path(), Existing::Fail);
        transfer.write_all(&staging);
        // Interrupted between the move and the settling.
        let mut run = Run::begin(&staging, &[]).unwrap();
        run.prepare().unwrap();
        run.move_all(&mut |_, _, _| {}).unwrap();
        assert_eq!(mode(&dir.path().join("new")), 0o700);
        drop(run);
        drop(staging);
        transfer.receive(dir.path(), Existing::Fail);
        assert_eq!(mode(&dir.path().join("mine")), 0o711);
        assert_eq!(mode(&dir.path().join("new")), 0o555 & !umask);
        assert_eq!(names_in(dir.path()), ["mine", "new"]);
        set(&dir.path().join("new"), 0o700);
    }

    #[test]
    fn links_in_the_way_are_replaced_and_their_targets_untouched() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().join("target");
        fs::write(&target, "precious").unwrap();
        symlink(&target, dir.path().join("a")).unwrap();
        let transfer = Sample::new()
            .file("a", &noise(P * 2, 1))
            .link("l", "a")
            .finish();
        symlink(outside.path(), dir.path().join("l")).unwrap();
        transfer.receive(dir.path(), Existing::Overwrite);
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        let a = dir.path().join("a");
        assert!(fs::symlink_metadata(&a).unwrap().is_file());
        assert_eq!(fs::metadata(&a).unwrap().nlink(), 1);
        assert_eq!(fs::read_link(dir.path().join("l")).unwrap(), Path::new("a"));
        assert_eq!(names_in(outside.path()), ["target"]);
    }

    #[test]
    fn a_folder_that_becomes_a_link_meanwhile_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("t/sub")).unwrap();
        let transfer = tree();
        let staging = transfer.open(dir.path(), Existing::Overwrite);
        transfer.write_all(&staging);
        fs::remove_dir(dir.path().join("t/sub")).unwrap();
        symlink(outside.path(), dir.path().join("t/sub")).unwrap();
        let before = mtime_of(outside.path());
        let (delivery, results) = fixture::deliver(staging, &[]);
        let reason = DeliveryResult::Failed(FailureReason::InTheWay.into());
        assert_eq!(results[transfer.index("t/sub/large").get()], reason);
        assert_eq!(results[transfer.index("t/small").get()], DELIVERED);
        assert!(names_in(outside.path()).is_empty());
        assert_eq!(mtime_of(outside.path()), before);
        assert!(delivery.kept.is_some());
    }

    #[test]
    fn the_destination_may_be_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        fs::create_dir(&real).unwrap();
        symlink(&real, dir.path().join("link")).unwrap();
        let transfer = tree();
        transfer.receive(&dir.path().join("link"), Existing::Fail);
        assert_whole(&transfer, &real);
    }

    #[test]
    fn names_that_are_no_text_survive() {
        let dir = tempfile::tempdir().unwrap();
        let name = b"\xff\xfe\x1b[31m \"$(id)\"";
        let transfer = Sample::new().file_with_mode(name, b"x", 0o600).finish();
        transfer.receive(dir.path(), Existing::Fail);
        let path = dir.path().join(OsStr::from_bytes(name));
        assert_eq!(fs::read(&path).unwrap(), b"x");
        fs::write(&path, "changed").unwrap();
        transfer.receive(dir.path(), Existing::Rename);
        let renamed = [&name[..], b" (1)"].concat();
        let path = dir.path().join(OsStr::from_bytes(&renamed));
        assert_eq!(fs::read(path).unwrap(), b"x");
    }

    #[test]
    fn a_read_only_folder_in_the_way_hinders_its_entries_only() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("t")).unwrap();
        set(&dir.path().join("t"), 0o555);
        if fs::write(dir.path().join("t/probe"), "").is_ok() {
            eprintln!("skipped: this user may write everywhere");
            return;
        }
        let transfer = tree();
        let (delivery, results) = transfer.receive(dir.path(), Existing::Fail);
        let reason = DeliveryResult::Failed(FailureReason::NotWritten.into());
        assert_eq!(results[transfer.index("t/small").get()], reason);
        assert_eq!(results[transfer.index("beside").get()], DELIVERED);
        assert!(delivery.kept.is_some());
        set(&dir.path().join("t"), 0o755);
        let staging = transfer.open(dir.path(), Existing::Fail);
        transfer.check_claims(&staging);
        assert!(staging.is_complete());
        fixture::deliver(staging, &[]);
        assert_whole(&transfer, dir.path());
        assert_eq!(mode(&dir.path().join("beside")) & 0o700, FILE_MODE & 0o700);
        let sub = dir.path().join("t/sub");
        assert_eq!(mode(&sub) & 0o700, FOLDER_MODE & 0o700);
    }
}
