use super::*;
use crate::disk::fixture::{self, PART, Sample, Transfer, mtime_of, noise, set_mtime};
use crate::disk::{DeliveryResult, Durability, RunLedger};
use crate::model::{Existing, FailureReason, FileSize, ManifestBuilder, Mode, Mtime, RunId};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const P: usize = PART as usize;

/// A large file, and an older version that differs in the parts `changed`.
fn versions(parts: usize, changed: &[usize]) -> (Transfer, Vec<u8>) {
    let new = noise(P * parts + 5, 1);
    let mut old = new.clone();
    changed.iter().for_each(|part| old[part * P] ^= 1);
    (Sample::new().file("x", &new).finish(), old)
}

fn file(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("x")).unwrap()
}

/// Gives the file the time of the sent file.
fn disguise(transfer: &Transfer, path: &Path) {
    let Mtime {
        seconds,
        nanoseconds,
    } = transfer.manifest.entry(transfer.index("x")).mtime;
    set_mtime(path, seconds, nanoseconds);
}

#[test]
fn an_old_file_supplies_parts_of_the_new_one_and_stays_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let (transfer, old) = versions(4, &[2]);
    fs::write(dir.path().join("x"), &old).unwrap();
    let before = mtime_of(&dir.path().join("x"));
    let staging = transfer.open(dir.path(), Existing::Overwrite);
    // The last part is too short to be claimed from an old file.
    assert_eq!(staging.claims().len(), 4);
    assert_eq!(transfer.check_claims(&staging), [0, 1, 3]);
    transfer.write_all(&staging);
    assert!(file(dir.path()) == old && mtime_of(&dir.path().join("x")) == before);
    fixture::deliver(staging, &[]);
    assert!(file(dir.path()) == transfer.stream);
}

/// A file of as many parts as there may be costs no more steps than the old file has parts.
#[test]
fn claims_are_looked_for_only_where_this_disk_has_something() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = ManifestBuilder::new();
    let size = FileSize::Known(limits::PARTS * u64::from(PART));
    let mode = Mode::from_bits(0o644);
    builder
        .push_file(b"x", size, Mtime::default(), mode)
        .unwrap();
    let transfer = Transfer {
        manifest: Arc::new(builder.finish().unwrap()),
        stream: Vec::new(),
        durability: Durability::Normal,
    };
    fs::write(dir.path().join("x"), vec![7; 3 * P + 1]).unwrap();
    let plan = transfer.plan(dir.path(), Existing::Overwrite);
    let layout = PartLayout::known(transfer.manifest.total().unwrap(), PART).unwrap();
    let present = plan.unneeded_parts(&transfer.manifest, &layout);
    assert_eq!(present, PartSet::new());
    let mut recorded = PartSet::new();
    recorded.insert(layout.part(9).unwrap());
    let guesses = Guesses {
        manifest: &transfer.manifest,
        plan: &plan,
        layout,
        present: &present,
        recorded: &recorded,
    };
    let candidates = guesses.candidates();
    let numbers = candidates.parts(layout).map(PartIndex::get);
    assert_eq!(Vec::from_iter(numbers), [0, 1, 2, 3, 9]);
    let claims = guesses.claims(|_| true);
    let numbers = claims.parts(layout).map(PartIndex::get);
    assert_eq!(Vec::from_iter(numbers), [0, 1, 2, 9]);
}

#[test]
fn an_old_file_that_is_not_replaced_supplies_no_parts() {
    for existing in [Existing::Skip, Existing::Rename] {
        let dir = tempfile::tempdir().unwrap();
        let (transfer, old) = versions(2, &[0]);
        fs::write(dir.path().join("x"), &old).unwrap();
        let staging = transfer.open(dir.path(), existing);
        assert_eq!(staging.claims(), PartSet::new(), "{existing:?}");
    }
}

#[test]
fn longer_and_shorter_old_files_supply_parts() {
    for length in [P * 2 + 9, P * 9] {
        let dir = tempfile::tempdir().unwrap();
        let (transfer, mut old) = versions(4, &[]);
        old.resize(length, 7);
        fs::write(dir.path().join("x"), &old).unwrap();
        let staging = transfer.open(dir.path(), Existing::Overwrite);
        let held = transfer.check_claims(&staging);
        assert_eq!(held, Vec::from_iter(0..(length / P).min(4) as u64));
        transfer.write_all(&staging);
        fixture::deliver(staging, &[]);
        assert!(file(dir.path()) == transfer.stream);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn holes_of_an_old_file_stay_holes() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let mut new = vec![0; P * 40];
    new[P * 20] = 1;
    let transfer = Sample::new().file("x", &new).finish();
    let old = fs::File::create(dir.path().join("x")).unwrap();
    old.set_len(new.len() as u64).unwrap();
    drop(old);
    let staging = transfer.open(dir.path(), Existing::Overwrite);
    assert_eq!(transfer.check_claims(&staging).len(), 39);
    transfer.write_all(&staging);
    fixture::deliver(staging, &[]);
    let blocks = fs::metadata(dir.path().join("x")).unwrap().blocks();
    assert!(blocks * 512 <= 2 * P as u64, "{blocks}");
    assert!(file(dir.path()) == new);
}

#[test]
fn an_old_file_that_was_exchanged_supplies_no_parts() {
    let dir = tempfile::tempdir().unwrap();
    let (transfer, old) = versions(2, &[]);
    fs::write(dir.path().join("x"), &old).unwrap();
    let staging = transfer.open(dir.path(), Existing::Overwrite);
    fs::write(dir.path().join("other"), &old).unwrap();
    fs::rename(dir.path().join("other"), dir.path().join("x")).unwrap();
    let held = transfer.check_claims(&staging);
    assert!(cfg!(windows) || held.is_empty(), "{held:?}");
}

#[test]
fn parts_copied_from_an_old_file_are_kept_for_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let (transfer, old) = versions(4, &[1]);
    fs::write(dir.path().join("x"), &old).unwrap();
    let staging = transfer.open(dir.path(), Existing::Overwrite);
    transfer.check_claims(&staging);
    drop(staging);
    fs::remove_file(dir.path().join("x")).unwrap();
    let staging = transfer.open(dir.path(), Existing::Overwrite);
    assert_eq!(transfer.check_claims(&staging), [0, 2, 3]);
}

#[test]
fn parts_are_small_only_if_old_files_may_have_most_bytes() {
    let large = 8 * 1024 * 1024;
    let size = |old: usize| {
        let dir = tempfile::tempdir().unwrap();
        let (transfer, bytes) = versions(8, &[]);
        fs::write(dir.path().join("x"), &bytes[..old]).unwrap();
        let staging = transfer.try_open(dir.path(), Existing::Overwrite, large);
        staging.unwrap().layout().part_size()
    };
    assert_eq!(size(P * 7), 128 * 1024);
    assert_eq!(size(P), large);
}

/// A file of the same size and time that differs in one part, under a policy.
fn compared(existing: Existing, dir: &Path) -> (Vec<u8>, Vec<u8>, Vec<DeliveryResult>) {
    let (transfer, old) = versions(4, &[2]);
    fs::write(dir.join("x"), &old).unwrap();
    disguise(&transfer, &dir.join("x"));
    let staging = transfer.open_to_compare(dir, existing);
    assert_eq!(staging.claims().len(), 5);
    transfer.check_claims(&staging);
    settle(&transfer, &staging);
    transfer.write_all(&staging);
    let (_, results) = fixture::deliver(staging, &[]);
    (old, transfer.stream, results)
}

/// Does what a session does at the end of a round.
fn settle(transfer: &Transfer, staging: &Staging) {
    loop {
        let unsettled = staging.take_unsettled();
        if unsettled.len() == 0 {
            break;
        }
        transfer.check(staging, &unsettled);
    }
}

#[test]
fn a_compared_file_that_differs_is_treated_by_the_policy() {
    for existing in Existing::ALL {
        let dir = tempfile::tempdir().unwrap();
        let (old, new, results) = compared(existing, dir.path());
        let (is_old, result) = match existing {
            Existing::Overwrite | Existing::Newer => (false, DeliveryResult::Delivered),
            Existing::Rename => (true, DeliveryResult::Delivered),
            Existing::Skip => (true, DeliveryResult::Skipped),
            Existing::Fail => (true, DeliveryResult::Failed(FailureReason::Differs.into())),
        };
        assert_eq!(results, [result], "{existing:?}");
        let expected = if is_old { old } else { new.clone() };
        assert!(file(dir.path()) == expected, "{existing:?}");
        if existing == Existing::Rename {
            assert!(fs::read(dir.path().join("x (1)")).unwrap() == new);
        }
    }
}

/// Places files of the same size and time beside each other, which differ from the sent file in the parts
/// `changed`. Returns the result of a comparison under [`Existing::Rename`], and the names afterwards.
fn beside(dir: &Path, changed: [&[usize]; 3]) -> (DeliveryResult, Vec<String>) {
    let mut transfer = versions(4, &[]).0;
    for (name, changed) in ["x", "x (1)", "x (2)"].iter().zip(changed) {
        let (sent, old) = versions(4, changed);
        fs::write(dir.join(name), old).unwrap();
        disguise(&sent, &dir.join(name));
        transfer = sent;
    }
    let staging = transfer.open_to_compare(dir, Existing::Rename);
    transfer.check_claims(&staging);
    settle(&transfer, &staging);
    transfer.write_all(&staging);
    let (_, results) = fixture::deliver(staging, &[]);
    let names = fixture::names_in(dir);
    for name in names.iter().skip(3) {
        assert!(fs::read(dir.join(name)).unwrap() == transfer.stream);
    }
    (results[0], names)
}

#[test]
fn a_file_is_compared_with_all_copies_so_that_no_further_one_is_made_of_the_same() {
    let all: [&[usize]; 4] = [&[], &[0], &[2], &[1, 3]];
    for same in 0..3 {
        for others in [[1, 2], [2, 3], [3, 1]] {
            let mut changed = [all[others[0]], all[others[1]], &[]];
            changed.swap(same, 2);
            let dir = tempfile::tempdir().unwrap();
            let (result, names) = beside(dir.path(), changed);
            assert_eq!(result, DeliveryResult::Identical, "{changed:?}");
            assert_eq!(names, ["x", "x (1)", "x (2)"], "{changed:?}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (result, names) = beside(dir.path(), [all[1], all[2], all[3]]);
    assert_eq!(result, DeliveryResult::Delivered);
    assert_eq!(names, ["x", "x (1)", "x (2)", "x (3)"]);
}

#[test]
fn a_compared_file_that_is_the_same_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (transfer, old) = versions(3, &[]);
    fs::write(dir.path().join("x"), old).unwrap();
    disguise(&transfer, &dir.path().join("x"));
    let staging = transfer.open_to_compare(dir.path(), Existing::Fail);
    assert_eq!(transfer.check_claims(&staging), [0, 1, 2, 3]);
    assert!(staging.is_complete() && staging.take_unsettled().len() == 0);
    let (delivery, results) = fixture::deliver(staging, &[]);
    assert_eq!((delivery.same, delivery.files), (1, 0));
    assert_eq!(results, [DeliveryResult::Identical]);
}

#[test]
fn parts_that_arrive_also_show_that_a_compared_file_differs() {
    let dir = tempfile::tempdir().unwrap();
    let (transfer, old) = versions(4, &[2]);
    fs::write(dir.path().join("x"), old).unwrap();
    disguise(&transfer, &dir.path().join("x"));
    let staging = transfer.open_to_compare(dir.path(), Existing::Overwrite);
    transfer.write(&staging, [0, 1, 2]);
    let unsettled = staging.take_unsettled();
    assert_eq!(unsettled.len(), 3, "of the first two nothing was written");
    transfer.check(&staging, &unsettled);
    transfer.write_all(&staging);
    fixture::deliver(staging, &[]);
    assert!(file(dir.path()) == transfer.stream);
}

#[test]
fn the_same_run_has_its_parts_and_another_run_only_claims_them() {
    let dir = tempfile::tempdir().unwrap();
    let (transfer, _) = versions(4, &[]);
    let (one, other) = (RunId([1; 16]), RunId([2; 16]));
    let ledger = RunLedger::default();
    let cut = |run, parts: &[u64]| {
        let staging = transfer.open(dir.path(), Existing::Fail);
        staging.recall(run, &ledger);
        let there = staging.present().len();
        transfer.write(&staging, parts.iter().copied());
        staging.remember(run, &ledger);
        there
    };
    assert_eq!(cut(one, &[0, 1]), 0);
    assert_eq!(cut(one, &[2]), 2);
    assert_eq!(cut(other, &[]), 0);
    assert_eq!(cut(one, &[]), 0, "another run was at work in it");
}

#[test]
fn parts_are_not_recalled_after_another_process_has_written() {
    let dir = tempfile::tempdir().unwrap();
    let (transfer, _) = versions(4, &[]);
    let (run, ledger) = (RunId([1; 16]), RunLedger::default());
    let staging = transfer.open(dir.path(), Existing::Fail);
    transfer.write(&staging, [0, 1]);
    staging.remember(run, &ledger);
    drop(staging);
    let elsewhere = transfer.open(dir.path(), Existing::Fail);
    transfer.write(&elsewhere, [3]);
    drop(elsewhere);
    let staging = transfer.open(dir.path(), Existing::Fail);
    staging.recall(run, &ledger);
    assert_eq!(staging.present().len(), 0);
}

#[test]
fn a_preview_finds_what_an_opened_folder_finds_and_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (transfer, old) = versions(4, &[2]);
    fs::write(dir.path().join("x"), &old).unwrap();
    let destination = Destination::locate(dir.path()).unwrap();
    let plan = transfer.plan(dir.path(), Existing::Overwrite);
    let preview = Preview::of(&destination, fixture::ID, &transfer.manifest, &plan, PART);
    let preview = preview.unwrap();
    assert_eq!(fixture::names_in(dir.path()), ["x"]);
    let staging = transfer.open(dir.path(), Existing::Overwrite);
    assert_eq!(preview.claims, staging.claims());
    assert_eq!(preview.layout, staging.layout());
}
