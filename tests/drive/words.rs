//! Errors about archives on this machine never use the words of a transfer.

use crate::harness::has_tool;
use crate::harness::trees::set_mode;
use crate::harness::{Ended, Run, Scene};
use std::fs;
use std::process::Command;

fn with_password(scene: &Scene, line: &str) -> Run {
    scene
        .run(line)
        .env("PEERBRIDGE_ZIP_PASSWORD", "orchard Lantern-58")
}

#[track_caller]
fn speaks_of_archives(ended: &Ended) {
    let said = ended.error().to_lowercase().replace("peerbridge", "");
    for word in [
        "send",
        "sent",
        "receive",
        "peer",
        "transfer",
        "the other side",
    ] {
        assert!(!said.contains(word), "{word:?} in {}", ended.told());
    }
}

/// A file, and a folder with one entry of each kind that is left out.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.file("file", "x");
    scene.file("tree/file", "x");
    scene.file("other/file", "y");
    scene.pipe("tree/pipe");
    std::os::unix::fs::symlink("/etc/passwd", scene.path("tree/link")).unwrap();
    std::os::unix::net::UnixListener::bind(scene.path("tree/socket")).unwrap();
    scene
}

#[test]
fn errors_about_entries_that_cannot_be_packed() {
    let scene = scene();
    with_password(&scene, "zip there.zip file").ends().exits(0);
    let long = "n".repeat(252);
    for (line, code) in [
        ("zip a.zip missing", 8),
        ("zip a.zip tree/pipe", 8),
        ("zip a.zip tree/file other/file", 2),
        ("zip a.zip tree", 13),
        ("zip a.zip tree -L", 13),
        ("zip b.zip file -x [", 2),
        ("zip b.zip file -x *", 8),
        ("zip there.zip file", 7),
        ("zip there.zip file -e skip", 0),
        ("zip tree file", 7),
        ("zip . file", 7),
        ("zip no/such.zip file", 9),
        ("zip file/a.zip file", 9),
        (&format!("zip {long}.zip file"), 9),
    ] {
        let _ = fs::remove_file(scene.path("a.zip"));
        let ended = with_password(&scene, line).ends().exits(code);
        speaks_of_archives(&ended);
    }
    // This fails before the password is asked for.
    let taken = scene.run("zip there.zip file").ends().exits(7);
    taken.complains("there.zip is there already", "--existing");
    // A name that is too long is noticed before anything is packed.
    let early = with_password(&scene, &format!("zip {long}.zip file")).ends();
    early
        .never_says("packing")
        .complains("file name too long", "another name");
}

#[test]
fn errors_about_missing_permissions() {
    let scene = scene();
    for folder in ["", "home", "tmp"] {
        set_mode(&scene.folder(folder), 0o777);
    }
    with_password(&scene, "zip a.zip tree/file other -e overwrite").ends();
    set_mode(&scene.path("a.zip"), 0o644);
    set_mode(&scene.file("hidden", "x"), 0o000);
    set_mode(&scene.folder("closed"), 0o555);
    for (line, code) in [
        ("zip b.zip hidden", 8),
        ("zip closed/b.zip file", 9),
        ("unzip a.zip closed", 9),
        ("unzip a.zip closed/in", 9),
        ("unzip hidden", 8),
    ] {
        let ended = with_password(&scene, line).without_rights().ends();
        speaks_of_archives(&ended.exits(code));
    }
}

const ARCHIVES: &str = r#"
import zipfile
def make(name, *entries):
    with zipfile.ZipFile(name, "w") as archive:
        for path, mode, contents in entries:
            info = zipfile.ZipInfo(path)
            info.external_attr, info.create_system = mode << 16, 3
            archive.writestr(info, contents)
make("up.zip", ("../x", 0o100644, "x"))
make("absolute.zip", ("/etc/x", 0o100644, "x"))
make("below-a-file.zip", ("a", 0o100644, "x"), ("a/b", 0o100644, "x"))
make("link.zip", ("link", 0o120777, "../../etc"))
make("pipe.zip", ("pipe", 0o010644, ""))
make("large.zip", ("large", 0o100644, ""))
make("good.zip", ("tree/file", 0o100644, "other"))
make("long.zip", ("n" * 300, 0o100644, "x"))
"#;

#[test]
fn errors_about_archives_that_cannot_be_opened() {
    if !has_tool("python3") {
        return;
    }
    let scene = scene();
    let mut made = Command::new("python3");
    made.args(["-c", ARCHIVES]).current_dir(scene.path(""));
    let made = made.status();
    assert!(made.unwrap().success());
    with_password(&scene, "zip sealed.zip file").ends().exits(0);
    let sealed = fs::read(scene.path("sealed.zip")).unwrap();
    scene.file("cut.zip", &sealed[..sealed.len() - 9]);
    for (line, code) in [
        ("unzip missing.zip", 8),
        ("unzip tree", 8),
        ("unzip file", 10),
        ("unzip cut.zip in", 10),
        ("unzip up.zip in", 14),
        ("unzip absolute.zip in", 14),
        ("unzip below-a-file.zip in", 14),
        ("unzip link.zip in", 13),
        ("unzip pipe.zip in", 13),
        ("unzip long.zip in", 14),
        ("unzip good.zip file", 9),
        ("unzip good.zip file/in", 9),
        ("unzip good.zip", 7),
        ("unzip good.zip -e skip", 0),
        ("unzip good.zip in in", 2),
    ] {
        let ended = with_password(&scene, line).ends().exits(code);
        speaks_of_archives(&ended);
    }
    let other = with_password(&scene, "unzip sealed.zip in");
    let other = other.env("PEERBRIDGE_ZIP_PASSWORD", "another").ends();
    speaks_of_archives(&other.exits(3));
    let asked = scene.run("unzip sealed.zip in").ends().exits(2);
    speaks_of_archives(&asked);
}
