use super::*;
use crate::model::Mtime;
use std::fs::File;
use std::path::Path;

#[cfg(windows)]
#[test]
fn links_of_windows_travel_with_slashes() {
    let sent = |text: &str| String::from_utf8(bytes_from_link_text(text.as_ref())?.into()).ok();
    for (text, expected) in [
        (r"..\a b\c", "../a b/c"),
        (r".\a\", "a"),
        ("a/b", "a/b"),
        (".", "."),
        (r"C:\a", r"C:\a"),
        ("C:a", "C:a"),
        (r"\a", r"\a"),
    ] {
        assert_eq!(sent(text).as_deref(), Some(expected));
    }
}

#[cfg(windows)]
#[test]
fn paths_have_the_form_that_people_know() {
    let folder = tempfile::tempdir().unwrap();
    let path = canonicalize(folder.path()).unwrap();
    let text = path.to_str().unwrap();
    assert!(text[1..].starts_with(r":\") && path.is_dir(), "{text}");
    let real = std::fs::canonicalize(folder.path()).unwrap();
    assert_eq!(std::fs::canonicalize(&path).unwrap(), real);
    let root = canonicalize(Path::new(r"C:\")).unwrap();
    assert_eq!(root, Path::new(r"C:\"));
}

/// The system's own short name of a staging folder gives access to that folder.
#[cfg(windows)]
#[test]
fn no_name_from_a_peer_is_the_short_one_of_a_staging_folder() {
    use std::os::windows::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let long = format!(".peerbridge-{}", "a".repeat(32));
    std::fs::create_dir(folder.path().join(&long)).unwrap();
    let mut shell = std::process::Command::new("cmd");
    shell.current_dir(folder.path()).raw_arg("/D /C dir /x /a");
    let listed = String::from_utf8_lossy(&shell.output().unwrap().stdout).into_owned();
    let line = listed.lines().find(|line| line.ends_with(&long)).unwrap();
    let short = line
        .rsplit(' ')
        .find(|word| !word.is_empty() && *word != long);
    // On a disk without short names there is only the long one.
    let short = short.filter(|word| *word != "<DIR>").unwrap_or(&long);
    assert!(folder.path().join(short).is_dir(), "{listed}");
    let given_away = name_from_bytes(short.as_bytes());
    assert!(given_away.is_none() || short == long, "{short:?}");
}

#[test]
fn files_are_told_apart_and_their_names_counted() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other, second] = ["one", "other", "second"].map(|name| folder.path().join(name));
    std::fs::write(&one, "x").unwrap();
    std::fs::write(&other, "x").unwrap();
    std::fs::hard_link(&one, &second).unwrap();
    let found = |path: &Path| std::fs::symlink_metadata(path).unwrap();
    let identity = |path: &Path| identity_at(path, &found(path)).unwrap();
    assert_eq!(identity(&one), identity(&second));
    assert_ne!(identity(&one), identity(&other));
    let opened = File::open(&second).unwrap();
    assert_eq!(identity_of_open(&opened).unwrap(), identity(&one));
    assert_eq!(names_of(&one, &found(&one)).unwrap(), 2);
    assert_eq!(names_of(&other, &found(&other)).unwrap(), 1);
    assert!(identity_at(folder.path(), &found(folder.path())).is_ok());
}

#[test]
fn a_read_only_file_can_be_replaced_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
    for path in [&old, &new] {
        std::fs::write(path, path.to_str().unwrap()).unwrap();
    }
    set_mode(&old, 0o444).unwrap();
    rename_over(&new, &old).unwrap();
    assert_eq!(
        std::fs::read_to_string(&old).unwrap(),
        new.to_str().unwrap()
    );
    set_mode(&old, 0o444).unwrap();
    remove_file(&old).unwrap();
    assert!(!old.exists());
}

#[test]
fn times_of_files_survive_as_far_as_the_system_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("file")).unwrap();
    for seconds in [-2_000_000_000, -1, 0, 1, 4_000_000_000] {
        let mtime = Mtime {
            seconds,
            nanoseconds: 123_456_700,
        };
        file.set_modified(system_time(mtime).unwrap()).unwrap();
        assert_eq!(mtime_of(&file.metadata().unwrap()), mtime);
    }
}
