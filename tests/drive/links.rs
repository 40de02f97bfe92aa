//! Links that lead outside: carried as they are if both sides want that, else left out, and never followed.

use crate::harness::{Run, Scene, meet};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

const PASSWORD: (&str, &str) = ("PEERBRIDGE_ZIP_PASSWORD", "Zq7-candle-orbit");

/// The links of [`tree`] that lead outside, and their targets.
fn outside(scene: &Scene) -> Vec<(&'static str, PathBuf)> {
    vec![
        ("absolute", scene.path("secret/file")),
        ("to a folder", scene.path("secret")),
        ("up", "../../../up".into()),
        ("deep/far up", "../../../../../etc/passwd".into()),
        ("dangling", "/nowhere/at/all".into()),
        ("round", "to d/../file".into()),
        ("root", "/".into()),
    ]
}

/// A tree with links that lead outside, one of each kind, and others.
fn tree(scene: &Scene) {
    scene.file("secret/file", "untouched");
    scene.file("tree/file", "f");
    scene.folder("tree/deep/d");
    for (name, target) in outside(scene) {
        symlink(target, scene.path("tree").join(name)).unwrap();
    }
    symlink("deep/d", scene.path("tree/to d")).unwrap();
}

fn assert_all_links(scene: &Scene, top: &str) {
    for (name, target) in outside(scene) {
        let link = scene.path(top).join(name);
        assert_eq!(fs::read_link(&link).unwrap(), target, "{name}");
        let source = scene.path("tree").join(name);
        let time = |path: &Path| path.symlink_metadata().unwrap().mtime();
        assert_eq!(time(&link), time(&source), "{name}");
    }
    assert_eq!(
        fs::read_link(scene.path(top).join("to d")).unwrap(),
        Path::new("deep/d")
    );
    assert_eq!(scene.names_in("secret"), ["file"]);
    assert_eq!(fs::read(scene.path("secret/file")).unwrap(), b"untouched");
}

fn with_password(run: Run) -> Run {
    run.env(PASSWORD.0, PASSWORD.1)
}

#[test]
fn they_arrive_as_they_are_where_both_sides_keep_them() {
    let scene = Scene::new();
    tree(&scene);
    let line = "receive in --yes --port 0 --links keep --json";
    let (received, sent) = scene.both(line, "send tree --to @ --links keep --json");
    assert!(received.exits(0).failures().is_empty());
    assert!(sent.exits(0).failures().is_empty());
    assert_all_links(&scene, "in/tree");
    // Once more with the other side dialling: the links exist already.
    let identity = || scene.path("in/tree/up").symlink_metadata().unwrap().ino();
    let before = identity();
    let sender = scene.run("send tree --listen --port 0 --bind 127.0.0.1 --links keep");
    let receiver = scene.run("receive in --yes --from @ --links keep");
    let (sent, received) = meet(sender, receiver);
    sent.exits(0);
    received.exits(0);
    assert_all_links(&scene, "in/tree");
    assert_eq!(identity(), before);
}

#[test]
fn a_drop_box_makes_them_with_links_keep() {
    let scene = Scene::new();
    tree(&scene);
    for (more, code) in [("--links keep", 0), ("", 13)] {
        let box_folder = format!("in{code}");
        let served = scene.listens(&format!("serve {box_folder} {more}"));
        let sent = scene
            .sends("tree --links keep --json", served.port())
            .exits(code);
        match code {
            0 => assert_all_links(&scene, "in0/tree"),
            _ => assert_eq!(sent.failures().len(), outside(&scene).len()),
        }
    }
    assert_eq!(scene.names_in("in13/tree"), ["deep", "file", "to d"]);
}

#[test]
fn one_side_alone_leaves_them_out_and_says_which_side_it_takes() {
    let scene = Scene::new();
    tree(&scene);
    let count = outside(&scene).len();
    // The receiver does not keep them.
    let (received, sent) = scene.both(
        "receive in --yes --port 0 --json",
        "send tree --to @ --links keep --json",
    );
    let (received, sent) = (received.exits(13), sent.exits(13));
    for side in [&received, &sent] {
        let told = side.failures();
        assert_eq!(told.len(), count);
        let hint = "the receiver makes such links only with --links keep";
        assert!(told.iter().all(|(_, why)| why.contains(hint)), "{told:?}");
    }
    // No disk refuses a name here.
    assert!(!received.error().contains("portable-names"));
    assert_eq!(scene.names_in("in/tree"), ["deep", "file", "to d"]);
    // The sender does not keep them.
    let (received, sent) = scene.both(
        "receive in2 --yes --port 0 --json --links keep",
        "send tree --to @ --json",
    );
    assert!(received.exits(0).failures().is_empty());
    let told = sent.exits(13).failures();
    assert_eq!(told.len(), count);
    let hint = "--links keep carries it; both sides must choose keep";
    assert!(told.iter().all(|(_, why)| why.contains(hint)), "{told:?}");
    assert_eq!(scene.names_in("in2/tree"), ["deep", "file", "to d"]);
}

#[test]
fn archives_hold_them_where_that_is_wanted() {
    let scene = Scene::new();
    tree(&scene);
    with_password(scene.run("zip all.zip tree --links keep")).exits(0);
    with_password(scene.run("unzip all.zip out --links keep")).exits(0);
    assert_all_links(&scene, "out/tree");
    let opened = with_password(scene.run("unzip all.zip safe --json")).exits(13);
    let told = opened.failures();
    assert_eq!(told.len(), outside(&scene).len());
    assert!(
        told.iter()
            .all(|(_, why)| why.contains("--links keep makes it"))
    );
    assert_eq!(scene.names_in("safe/tree"), ["deep", "file", "to d"]);
    let packed = with_password(scene.run("zip other.zip tree --json")).exits(13);
    assert_eq!(packed.failures().len(), outside(&scene).len());
    with_password(scene.run("unzip other.zip other --links keep")).exits(0);
    assert_eq!(scene.names_in("other/tree"), ["deep", "file", "to d"]);
    // The same with an archive that is sent.
    let sender = with_password(scene.run("send tree --zip --links keep --to @"));
    let (received, sent) = meet(scene.run("receive in --yes --port 0"), sender);
    received.exits(0);
    sent.exits(0);
    with_password(scene.run("unzip in/tree.zip unzipped --links keep")).exits(0);
    assert_all_links(&scene, "unzipped/tree");
}

#[test]
fn nothing_is_ever_written_through_one() {
    let scene = Scene::new();
    tree(&scene);
    let receive = "receive in --yes --port 0 --links keep";
    let (received, sent) = scene.both(receive, "send tree --to @ --links keep");
    received.exits(0);
    sent.exits(0);
    // What was a link to a folder is a folder now.
    fs::remove_file(scene.path("tree/to a folder")).unwrap();
    scene.file("tree/to a folder/file", "evil");
    scene.file("tree/to a folder/new", "evil");
    fs::remove_file(scene.path("tree/absolute")).unwrap();
    scene.file("tree/absolute", "evil");
    for (policy, code) in [
        ("fail", 7),
        ("overwrite", 7),
        ("newer", 7),
        ("skip", 0),
        ("rename", 0),
    ] {
        let receive = format!("{receive} --existing {policy}");
        let (received, sent) = scene.both(&receive, "send tree --to @ --links keep");
        received.exits(code);
        // If one side declines, the other side reports that.
        sent.exits(if code == 7 { 6 } else { 0 });
        assert_eq!(scene.names_in("secret"), ["file"], "{policy}");
        let kept = fs::read(scene.path("secret/file")).unwrap();
        assert_eq!(kept, b"untouched", "{policy}");
    }
    assert_eq!(scene.names_in("in/tree/to a folder (1)"), ["file", "new"]);
    // A link is replaced itself, not its target.
    fs::remove_dir_all(scene.path("tree/to a folder")).unwrap();
    let receive = format!("{receive} --existing overwrite");
    let (received, sent) = scene.both(&receive, "send tree --to @ --links keep");
    received.exits(0);
    sent.exits(0);
    assert_eq!(fs::read(scene.path("in/tree/absolute")).unwrap(), b"evil");
    assert!(!scene.path("in/tree/absolute").is_symlink());
    assert_eq!(fs::read(scene.path("secret/file")).unwrap(), b"untouched");
}

#[test]
fn they_are_not_followed_and_kept_at_once() {
    let scene = Scene::new();
    tree(&scene);
    let send = scene
        .run("send tree --to localhost --links keep -L")
        .exits(2);
    send.complains(
        "--links and --follow-links contradict each other",
        "--links keep sends",
    );
    let zip = with_password(scene.run("zip all.zip tree --links keep -L")).exits(2);
    zip.complains(
        "--links and --follow-links contradict each other",
        "--links keep sends",
    );
}
