use super::*;
use crate::disk::Destination;
use crate::disk::fixture::{Sample, Transfer, set_mtime};
use crate::model::Existing::{Fail, Newer, Overwrite, Rename, Skip};
use crate::model::limits;
use std::path::Path;

const POLICIES: [Existing; 5] = [Fail, Skip, Rename, Overwrite, Newer];

/// The decision and the name for one entry under one policy, with an existing entry in its way.
fn outcome(transfer: &Transfer, dir: &Path, existing: Existing) -> Option<(Decision, String)> {
    let destination = Destination::locate(dir).unwrap();
    let before = crate::disk::fixture::names_in(dir);
    let rules = PlanRules {
        existing,
        ..PlanRules::default()
    };
    let decided = Plan::decide(&transfer.manifest, &destination, rules);
    assert_eq!(before, crate::disk::fixture::names_in(dir));
    let index = transfer.index("x");
    match decided {
        Ok(plan) => {
            let path = plan
                .delivered_path(&transfer.manifest, index, DeliveredName::Planned)
                .into_owned();
            Some((plan.decision(index), String::from_utf8(path).unwrap()))
        }
        Err(PlanError::InTheWay { first, count }) => {
            assert_eq!((first.len(), count), (1, 1));
            assert_eq!(first[0], destination.path().join("x"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn table(
    transfer: &Transfer,
    make: impl Fn(&Path),
    expected: [Option<(Decision, &str)>; POLICIES.len()],
) {
    for (existing, expected) in POLICIES.into_iter().zip(expected) {
        let dir = tempfile::tempdir().unwrap();
        make(&dir.path().join("x"));
        let found = outcome(transfer, dir.path(), existing);
        let found = found.as_ref().map(|(d, name)| (*d, name.as_str()));
        assert_eq!(found, expected, "{existing:?}");
    }
}

const SKIPPED: Option<(Decision, &str)> = Some((Decision::Skip, "x"));
const RENAMED: Option<(Decision, &str)> = Some((Decision::Create, "x (1)"));
const REPLACED: Option<(Decision, &str)> = Some((Decision::Replace, "x"));
const SAME: Option<(Decision, &str)> = Some((Decision::Identical, "x"));

fn a_file() -> Transfer {
    Sample::new().file("x", b"new").finish()
}

fn a_folder() -> Transfer {
    Sample::new().folder("x").file("x/below", b"1").finish()
}

#[test]
fn file_meets_older_file() {
    let make = |path: &Path| {
        std::fs::write(path, "old").unwrap();
        set_mtime(path, 1_400_000_000, 0);
    };
    table(
        &a_file(),
        make,
        [None, SKIPPED, RENAMED, REPLACED, REPLACED],
    );
}

#[test]
fn file_meets_newer_file() {
    let make = |path: &Path| std::fs::write(path, "new").unwrap();
    table(&a_file(), make, [None, SKIPPED, RENAMED, REPLACED, SKIPPED]);
}

#[test]
fn file_meets_identical_file() {
    let make = |path: &Path| {
        std::fs::write(path, "any").unwrap();
        set_mtime(path, 1_500_000_000, 123_456_789);
    };
    table(&a_file(), make, [SAME; 5]);
}

#[test]
fn file_meets_file_of_its_time_and_another_size() {
    let make = |path: &Path| {
        std::fs::write(path, "longer").unwrap();
        set_mtime(path, 1_500_000_000, 123_456_789);
    };
    table(&a_file(), make, [None, SKIPPED, RENAMED, REPLACED, SKIPPED]);
}

#[test]
fn file_meets_folder() {
    let make = |path: &Path| std::fs::create_dir(path).unwrap();
    table(&a_file(), make, [None, SKIPPED, RENAMED, None, None]);
}

#[test]
fn folder_meets_folder() {
    let make = |path: &Path| std::fs::create_dir(path).unwrap();
    table(&a_folder(), make, [SAME; 5]);
}

#[test]
fn folder_meets_file() {
    let make = |path: &Path| std::fs::write(path, "").unwrap();
    table(&a_folder(), make, [None, SKIPPED, RENAMED, None, None]);
}

#[cfg(unix)]
mod links {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn file_meets_link() {
        // The link was made just now, so it is newer than the sent link.
        let make = |path: &Path| symlink("/etc/passwd", path).unwrap();
        table(&a_file(), make, [None, SKIPPED, RENAMED, REPLACED, SKIPPED]);
    }

    #[test]
    fn folder_meets_link_to_a_folder() {
        let make = |path: &Path| symlink("/tmp", path).unwrap();
        table(&a_folder(), make, [None, SKIPPED, RENAMED, None, None]);
    }

    #[test]
    fn link_meets_the_same_link_another_link_file_and_folder() {
        let link = Sample::new().link("x", "target").finish();
        table(&link, |path| symlink("target", path).unwrap(), [SAME; 5]);
        let other = |path: &Path| symlink("other", path).unwrap();
        table(&link, other, [None, SKIPPED, RENAMED, REPLACED, SKIPPED]);
        let file = |path: &Path| std::fs::write(path, "").unwrap();
        table(&link, file, [None, SKIPPED, RENAMED, REPLACED, SKIPPED]);
        let folder = |path: &Path| std::fs::create_dir(path).unwrap();
        table(&link, folder, [None, SKIPPED, RENAMED, None, None]);
    }
}

#[test]
fn below_a_skipped_folder_all_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), "").unwrap();
    let transfer = a_folder();
    assert_eq!(
        transfer.decisions(dir.path(), Skip),
        [Decision::Skip, Decision::Skip]
    );
}

#[test]
fn a_renamed_folder_takes_along_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), "").unwrap();
    std::fs::create_dir(dir.path().join("x (1)")).unwrap();
    std::fs::write(dir.path().join("x (1)/below"), "taken").unwrap();
    let transfer = a_folder();
    let plan = transfer.plan(dir.path(), Rename);
    let below = transfer.index("x/below");
    assert_eq!(plan.decision(transfer.index("x")), Decision::Identical);
    assert_eq!(plan.decision(below), Decision::Create);
    let path = plan.delivered_path(&transfer.manifest, below, DeliveredName::Planned);
    assert_eq!(&*path, b"x (1)/below (1)");
}

#[test]
fn new_names_avoid_those_of_the_manifest_and_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let long = "y".repeat(255);
    let long_twin = format!("{}z", "y".repeat(254));
    for name in ["a.txt", &long, &long_twin] {
        std::fs::write(dir.path().join(name), "in the way").unwrap();
    }
    let transfer = Sample::new()
        .file("a.txt", b"1")
        .file("a (1).txt", b"2")
        .file(&long, b"3")
        .file(&long_twin, b"4")
        .finish();
    let plan = transfer.plan(dir.path(), Rename);
    let entries = transfer.manifest.entries();
    let names: Vec<String> = entries
        .map(|(index, _)| {
            plan.delivered_path(&transfer.manifest, index, DeliveredName::Planned)
                .into_owned()
        })
        .map(|path| String::from_utf8(path).unwrap())
        .collect();
    assert_eq!(names[..2], ["a (2).txt", "a (1).txt"]);
    assert_eq!(names[2], format!("{} (1)", "y".repeat(251)));
    assert_eq!(names[3], format!("{} (2)", "y".repeat(251)));
}

#[test]
fn an_identical_copy_under_the_new_name_counts_as_there() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), "in the way").unwrap();
    let copy = dir.path().join("x (1)");
    std::fs::write(&copy, "new").unwrap();
    set_mtime(&copy, 1_500_000_000, 123_456_789);
    let found = outcome(&a_file(), dir.path(), Rename);
    assert_eq!(found, Some((Decision::Identical, "x (1)".into())));
}

#[test]
fn all_conflicts_are_counted_and_the_first_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut sample = Sample::new();
    for number in 0..20 {
        let name = format!("file{number:02}");
        std::fs::write(dir.path().join(&name), "in the way").unwrap();
        sample = sample.file(&name, b"new");
    }
    let transfer = sample.finish();
    let destination = Destination::locate(dir.path()).unwrap();
    let rules = PlanRules::default();
    let error = Plan::decide(&transfer.manifest, &destination, rules).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("file00") && text.ends_with("and 12 more are in the way"),
        "{text}"
    );
}

#[test]
fn a_missing_destination_has_nothing_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("new/folder");
    assert_eq!(
        a_folder().decisions(&into, Fail),
        [Decision::Create, Decision::Create]
    );
    assert!(!dir.path().join("new").exists());
}

#[test]
fn parts_without_a_needed_byte_are_not_needed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("b"), "in the way").unwrap();
    let part = limits::PART_BYTES_MIN as usize;
    let transfer = Sample::new()
        .file("a", &vec![1; part / 2])
        .file("b", &vec![2; part * 3])
        .file("empty", b"")
        .file("c", &vec![3; part])
        .finish();
    let plan = transfer.plan(dir.path(), Skip);
    let total = transfer.manifest.total().unwrap();
    let layout = PartLayout::known(total, limits::PART_BYTES_MIN).unwrap();
    let unneeded = plan.unneeded_parts(&transfer.manifest, &layout);
    let numbers: Vec<u64> = layout
        .parts()
        .filter(|part| unneeded.contains(*part))
        .map(|part| part.get())
        .collect();
    assert_eq!((layout.count(), numbers), (5, vec![1, 2]));
}
