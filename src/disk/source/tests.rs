use super::*;
use crate::model::PathFault;
use std::fs::{create_dir, create_dir_all, write};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn scan(paths: &[PathBuf]) -> Source {
    Source::scan(paths, &SourceOptions::default()).unwrap()
}

fn scan_contents(folder: &TempDir, options: &SourceOptions) -> Source {
    Source::scan(&[folder.path().join(".")], options).unwrap()
}

fn fails(paths: &[PathBuf]) -> SourceError {
    Source::scan(paths, &SourceOptions::default()).unwrap_err()
}

/// The wire paths, with a slash after folders and an @ after links.
fn names(source: &Source) -> Vec<String> {
    let show = |(_, entry): (EntryIndex, crate::model::Entry<'_>)| {
        let sign = match entry.kind {
            EntryKind::Folder => "/",
            EntryKind::Link(_) => "@",
            EntryKind::File(_) => "",
        };
        format!("{}{sign}", entry.path.as_bytes().escape_ascii())
    };
    source.manifest().entries().map(show).collect()
}

fn excluding(patterns: &[&str]) -> SourceOptions {
    let parse = |pattern: &&str| Glob::parse(pattern.as_bytes()).unwrap();
    SourceOptions {
        exclude: patterns.iter().map(parse).collect(),
        ..SourceOptions::default()
    }
}

#[test]
fn a_tree_is_listed_in_order_and_its_paths_lead_back() {
    let top = folder();
    create_dir_all(top.path().join("d/b/deep")).unwrap();
    create_dir(top.path().join("d/empty")).unwrap();
    for (name, size) in [("d/z", 3), ("d/.hidden", 0), ("d/b/x", 1), ("d/b-c", 2)] {
        write(top.path().join(name), vec![b'x'; size]).unwrap();
    }
    write(top.path().join("single"), b"12345").unwrap();
    let source = scan(&[top.path().join("single"), top.path().join("d/")]);
    assert_eq!(
        names(&source),
        [
            "single",
            "d/",
            "d/.hidden",
            "d/b-c",
            "d/z",
            "d/b/",
            "d/b/x",
            "d/b/deep/",
            "d/empty/"
        ]
    );
    assert_eq!(source.manifest().total(), Some(11));
    for (index, entry) in source.manifest().entries() {
        let metadata = source.disk_path(index).symlink_metadata().unwrap();
        assert_eq!(entry.kind == EntryKind::Folder, metadata.is_dir());
        assert_eq!(entry.mtime, platform::mtime_of(&metadata));
        assert_eq!(entry.mode, platform::mode_of(&metadata));
        assert_eq!(source.verify_unchanged(index), Ok(()));
    }
    assert!(source.left_out().is_empty());
}

#[test]
fn contents_of_a_folder_go_to_the_top() {
    let top = folder();
    create_dir_all(top.path().join("d/sub")).unwrap();
    write(top.path().join("d/f"), b"x").unwrap();
    write(top.path().join("d/sub/g"), b"x").unwrap();
    for ending in ["d/.", "d/./", "d/sub/..", "d/sub/../"] {
        let source = scan(&[top.path().join(ending)]);
        assert_eq!(names(&source), ["f", "sub/", "sub/g"], "{ending}");
        let (last, _) = source.manifest().entries().next_back().unwrap();
        assert_eq!(std::fs::read(source.disk_path(last)).unwrap(), b"x");
    }
    for ending in ["d", "d/", "d//"] {
        let source = scan(&[top.path().join(ending)]);
        assert_eq!(
            names(&source),
            ["d/", "d/f", "d/sub/", "d/sub/g"],
            "{ending}"
        );
    }
    let here = Source::scan(&[".".into()], &excluding(&["target", ".git"])).unwrap();
    assert!(names(&here).contains(&"Cargo.toml".to_string()));
}

#[test]
fn two_arguments_of_one_name_are_an_error_that_names_both() {
    let top = folder();
    create_dir_all(top.path().join("a/same")).unwrap();
    create_dir_all(top.path().join("b/same/inner")).unwrap();
    let at = |name: &str| top.path().join(name);
    let twice = [at("a/same"), at("b/same/")];
    assert_eq!(
        fails(&twice),
        SourceError::SameName(at("a/same"), at("b/same/"))
    );
    assert_eq!(
        fails(&[at("a"), at("a")]),
        SourceError::SameName(at("a"), at("a"))
    );
    assert_eq!(
        fails(&[at("a/."), at("b/.")]),
        SourceError::SameName(at("a/./same"), at("b/./same"))
    );
    assert_eq!(
        fails(&[at("a/same"), at("b/.")]),
        SourceError::SameName(at("a/same"), at("b/./same"))
    );
}

#[test]
fn missing_and_unsendable_arguments_are_errors() {
    let top = folder();
    let at = |name: &str| top.path().join(name);
    write(at("f"), b"").unwrap();
    assert_eq!(fails(&[at("f"), at("no")]), SourceError::Missing(at("no")));
    assert_eq!(fails(&["".into()]), SourceError::Missing("".into()));
    assert!(matches!(fails(&[at("f/.")]), SourceError::Unreadable(..)));
    create_dir(at(".peerbridge-1")).unwrap();
    assert_eq!(
        fails(&[at(".peerbridge-1")]),
        SourceError::Name(at(".peerbridge-1"), PathFault::Staging)
    );
}

#[test]
fn nothing_to_send_is_an_empty_manifest() {
    let top = folder();
    let source = scan_contents(&top, &SourceOptions::default());
    assert!(source.manifest().is_empty());
    assert!(scan(&[]).manifest().is_empty());
}

#[test]
fn excluded_entries_are_neither_sent_nor_walked() {
    let top = folder();
    create_dir_all(top.path().join("p/build/x")).unwrap();
    create_dir_all(top.path().join("p/src/build")).unwrap();
    for name in ["p/a.o", "p/a.c", "p/src/b.o", "p/src/build/keep", "top.o"] {
        write(top.path().join(name), b"").unwrap();
    }
    let options = excluding(&["*.o", "p/build"]);
    let paths = [top.path().join("p"), top.path().join("top.o")];
    let source = Source::scan(&paths, &options).unwrap();
    let kept = ["p/", "p/a.c", "p/src/", "p/src/build/", "p/src/build/keep"];
    assert_eq!(names(&source), kept);
    assert!(source.left_out().is_empty());
}

#[test]
fn a_thousand_levels_are_walked_and_more_are_left_out() {
    let top = folder();
    let mut path = top.path().to_path_buf();
    for _ in 0..limits_levels() + 1 {
        path.push("d");
        create_dir(&path).unwrap();
    }
    let source = scan_contents(&top, &SourceOptions::default());
    assert_eq!(source.manifest().len(), limits_levels());
    let left: Vec<_> = source.left_out().iter().map(|left| left.why).collect();
    assert_eq!(left, [LeftOutReason::Name(PathFault::TooDeep)]);
}

fn limits_levels() -> usize {
    crate::model::limits::PATH_LEVELS
}

#[test]
fn an_empty_file_that_is_written_to_is_noticed() {
    let top = folder();
    write(top.path().join("f"), b"").unwrap();
    let source = scan_contents(&top, &SourceOptions::default());
    let (index, _) = source.manifest().entries().next().unwrap();
    write(top.path().join("f"), b"x").unwrap();
    let changed = Err(FailureReason::SourceChanged);
    assert_eq!(source.verify_unchanged(index), changed);
    std::fs::remove_file(top.path().join("f")).unwrap();
    let vanished = Err(FailureReason::SourceVanished);
    assert_eq!(source.verify_unchanged(index), vanished);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use crate::disk::special_file::SpecialFile;
    use crate::model::LinkFault;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::process::Command;
    use std::slice::from_ref;

    const FOLLOW: SourceOptions = SourceOptions {
        links: Links::Follow,
        exclude: Vec::new(),
        omit: Vec::new(),
    };

    fn left_out<'a>(source: &'a Source, below: &Path) -> Vec<(&'a str, LeftOutReason)> {
        let show = |left: &'a LeftOut| {
            let path = left.path.strip_prefix(below).unwrap();
            (path.to_str().unwrap(), left.why)
        };
        source.left_out().iter().map(show).collect()
    }

    #[test]
    fn special_files_are_named_and_never_opened() {
        let top = folder();
        let pipe = top.path().join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let _socket = UnixListener::bind(top.path().join("socket")).unwrap();
        write(top.path().join("f"), b"").unwrap();
        let source = scan_contents(&top, &SourceOptions::default());
        assert_eq!(names(&source), ["f"]);
        let expected = [
            ("pipe", LeftOutReason::Special(SpecialFile::Pipe)),
            ("socket", LeftOutReason::Special(SpecialFile::Socket)),
        ];
        assert_eq!(left_out(&source, top.path()), expected);
        assert_eq!(
            fails(from_ref(&pipe)),
            SourceError::Special(pipe, SpecialFile::Pipe)
        );
        let null = PathBuf::from("/dev/null");
        assert_eq!(
            fails(from_ref(&null)),
            SourceError::Special(null, SpecialFile::Device)
        );
        let silent = scan_contents(&top, &excluding(&["pipe", "socket"]));
        assert!(silent.left_out().is_empty());
    }

    #[test]
    fn odd_names_survive_and_unsafe_ones_are_left_out() {
        let top = folder();
        let odd: [&[u8]; 6] = [b"\xff\xfe", b"\x1b[31m", b"a\nb", b"-rf", b"a\\b", b"$(id)"];
        for name in odd {
            write(top.path().join(OsStr::from_bytes(name)), b"x").unwrap();
        }
        create_dir_all(top.path().join(".peerbridge-ab/tree")).unwrap();
        let source = scan_contents(&top, &SourceOptions::default());
        assert_eq!(source.manifest().len(), odd.len());
        for (index, _) in source.manifest().entries() {
            assert_eq!(std::fs::read(source.disk_path(index)).unwrap(), b"x");
        }
        let expected = [(".peerbridge-ab", LeftOutReason::Name(PathFault::Staging))];
        assert_eq!(left_out(&source, top.path()), expected);
    }

    #[test]
    fn paths_past_the_limits_are_left_out() {
        let top = folder();
        // The system's limit includes the folder, the limit of the protocol does not.
        let root = top.path().join("r".repeat(250));
        let long: PathBuf = vec!["n".repeat(250); 10].iter().collect();
        for half in ["upper", "lower"] {
            create_dir_all(root.join(half).join(&long)).unwrap();
            for folder in long.ancestors() {
                for name in ["f", &"g".repeat(250)] {
                    write(root.join(half).join(folder).join(name), b"").unwrap();
                }
            }
        }
        // A path beyond the system's limit can only be made in two steps.
        let deepest = root.join("upper").join(&long).join("lower");
        std::fs::rename(root.join("lower"), deepest).unwrap();
        let source = scan(&[root.join(".")]);
        assert!(source.manifest().len() >= 45, "{}", source.manifest().len());
        assert!(!source.left_out().is_empty());
        for (index, _) in source.manifest().entries() {
            assert_eq!(source.verify_unchanged(index), Ok(()));
        }
    }

    #[test]
    fn links_inside_are_kept_and_others_left_out() {
        let top = folder();
        create_dir_all(top.path().join("d/e")).unwrap();
        write(top.path().join("d/f"), b"x").unwrap();
        symlink("../f", top.path().join("d/e/inside")).unwrap();
        symlink("../../../x", top.path().join("d/e/outside")).unwrap();
        symlink("/etc", top.path().join("d/absolute")).unwrap();
        symlink("nothing", top.path().join("d/dangling")).unwrap();
        let source = scan(&[top.path().join("d")]);
        assert_eq!(
            names(&source),
            ["d/", "d/dangling@", "d/f", "d/e/", "d/e/inside@"]
        );
        let outside = LeftOutReason::Link(LinkFault::Outside);
        let expected = [("d/absolute", outside), ("d/e/outside", outside)];
        assert_eq!(left_out(&source, top.path()), expected);
    }

    #[test]
    fn a_link_as_an_argument_is_followed() {
        let top = folder();
        create_dir(top.path().join("real")).unwrap();
        write(top.path().join("real/f"), b"x").unwrap();
        symlink("real", top.path().join("folder")).unwrap();
        symlink("real/f", top.path().join("file")).unwrap();
        symlink("no", top.path().join("dangling")).unwrap();
        let source = scan(&[top.path().join("folder"), top.path().join("file")]);
        assert_eq!(names(&source), ["folder/", "folder/f", "file"]);
        for (index, _) in source.manifest().entries() {
            assert_eq!(source.verify_unchanged(index), Ok(()));
        }
        let dangling = top.path().join("dangling");
        assert_eq!(fails(from_ref(&dangling)), SourceError::Missing(dangling));
    }

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let top = folder();
        let elsewhere = folder();
        let at = |name: &str| top.path().join(name);
        create_dir_all(at("d/e")).unwrap();
        write(elsewhere.path().join("f"), b"xyz").unwrap();
        symlink(at("d"), elsewhere.path().join("back")).unwrap();
        symlink(elsewhere.path(), at("d/out")).unwrap();
        symlink(elsewhere.path().join("f"), at("d/file")).unwrap();
        symlink("..", at("d/e/up")).unwrap();
        symlink(".", at("d/here")).unwrap();
        symlink("self", at("d/self")).unwrap();
        symlink("no", at("d/dangling")).unwrap();
        symlink("/dev/null", at("d/null")).unwrap();
        let source = Source::scan(&[at("d")], &FOLLOW).unwrap();
        assert_eq!(
            names(&source),
            ["d/", "d/file", "d/e/", "d/out/", "d/out/f"]
        );
        assert_eq!(source.manifest().total(), Some(6));
        let left = left_out(&source, top.path());
        let reason = |name| {
            left.iter()
                .find(|(path, _)| *path == name)
                .map(|(_, why)| *why)
        };
        assert_eq!(left.len(), 6);
        assert_eq!(reason("d/dangling"), Some(LeftOutReason::Dangling));
        assert!(matches!(
            reason("d/self"),
            Some(LeftOutReason::Unreadable(_))
        ));
        let device = LeftOutReason::Special(SpecialFile::Device);
        assert_eq!(reason("d/null"), Some(device));
        for name in ["d/e/up", "d/here", "d/out/back"] {
            assert_eq!(reason(name), Some(LeftOutReason::Loop), "{name}");
        }
    }

    /// The second thread lists half of them.
    #[test]
    fn many_folders_come_in_order_each_with_what_it_leaves_out() {
        let top = folder();
        let (mut expected, mut gone) = (Vec::new(), Vec::new());
        for outer in ["a", "b", "c", "d", "e"] {
            expected.push(format!("{outer}/"));
            for inner in ["v", "w", "x", "y", "z"] {
                let path = format!("{outer}/{inner}");
                create_dir_all(top.path().join(&path)).unwrap();
                for name in ["one", "two", "not.this"] {
                    write(top.path().join(&path).join(name), name).unwrap();
                }
                symlink("nowhere", top.path().join(&path).join("gone")).unwrap();
                gone.push(format!("{path}/gone"));
                expected.extend(["/", "/one", "/two"].map(|end| format!("{path}{end}")));
            }
        }
        let options = SourceOptions {
            exclude: excluding(&["*.this"]).exclude,
            ..FOLLOW
        };
        let source = scan_contents(&top, &options);
        assert_eq!(names(&source), expected);
        let told = left_out(&source, top.path());
        assert!(told.iter().all(|(_, why)| *why == LeftOutReason::Dangling));
        assert_eq!(told.iter().map(|(path, _)| *path).collect::<Vec<_>>(), gone);
    }

    /// Passes trivially for root, which may read everything.
    #[test]
    fn folders_that_cannot_be_read_are_left_out() {
        let top = folder();
        create_dir_all(top.path().join("closed/in")).unwrap();
        write(top.path().join("f"), b"").unwrap();
        let closed = top.path().join("closed");
        let mode = |bits| std::fs::Permissions::from_mode(bits);
        std::fs::set_permissions(&closed, mode(0)).unwrap();
        let reads_anything = std::fs::read_dir(&closed).is_ok();
        let source = scan_contents(&top, &SourceOptions::default());
        let argument = Source::scan(from_ref(&closed), &SourceOptions::default());
        std::fs::set_permissions(&closed, mode(0o700)).unwrap();
        if reads_anything {
            return;
        }
        assert_eq!(names(&source), ["f"]);
        let denied = io::ErrorKind::PermissionDenied;
        let expected = [("closed", LeftOutReason::Unreadable(denied))];
        assert_eq!(left_out(&source, top.path()), expected);
        assert_eq!(
            argument.unwrap_err(),
            SourceError::Unreadable(closed, denied)
        );
    }
}
