//! Archives that other programs made, opened here.

use crate::harness::has_tool;
use crate::harness::trees::{Entry, look, set_mode, set_modified};
use crate::harness::{Run, Scene};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

pub const WORD: &str = "a word with blanks";

#[track_caller]
fn make(folder: &Path, words: &[&str]) {
    let output = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("it runs");
    assert!(
        output.status.success(),
        "{words:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A scene with a tree of odd names, modes, times and links.
fn scene() -> Scene {
    let scene = Scene::new();
    for (name, contents) in [
        ("tree/plain.txt", &b"plain\n"[..]),
        ("tree/none", b""),
        ("tree/a b/-rf", b"dash"),
        ("tree/a b/$(id) 'quoted'", b"quoted"),
        ("tree/ünï/日本.txt", "ünï".as_bytes()),
    ] {
        scene.file(name, contents);
    }
    scene.file(
        "tree/large",
        (0..200_000_u32)
            .flat_map(u32::to_le_bytes)
            .collect::<Vec<_>>(),
    );
    scene.folder("tree/empty");
    symlink("../plain.txt", scene.path("tree/a b/link")).expect("a link");
    set_mode(&scene.path("tree/plain.txt"), 0o600);
    set_mode(&scene.path("tree/none"), 0o755);
    for path in look(&scene.path("tree")).keys().rev() {
        let path = scene.path("tree").join(path);
        if !path.is_symlink() {
            let opened = fs::File::open(&path).expect("it opens");
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
            opened.set_modified(time).expect("a time");
        }
    }
    scene
}

pub fn unzip(scene: &Scene, line: &str) -> Run {
    scene
        .run(&format!("unzip {line}"))
        .env("PEERBRIDGE_ZIP_PASSWORD", WORD)
}

/// Files and links only, because programs differ in which times and modes of folders they carry.
fn files_and_links(top: &Path) -> BTreeMap<PathBuf, Option<Entry>> {
    let found = look(top).into_iter();
    let found = found.filter(|(path, _)| !path.as_os_str().is_empty());
    found
        .map(|(path, entry)| match entry {
            Entry::Folder { .. } => (path, None),
            other => (path, Some(other)),
        })
        .collect()
}

#[track_caller]
fn opens_whole(scene: &Scene, archive: &str) {
    unzip(scene, &format!("{archive} out-{archive}"))
        .ends()
        .exits(0);
    let out = scene.path(format!("out-{archive}"));
    let out = match out.join("tree").is_dir() {
        true => out.join("tree"),
        false => out,
    };
    assert_eq!(
        files_and_links(&scene.path("tree")),
        files_and_links(&out),
        "{archive}"
    );
}

#[test]
fn those_of_7_zip() {
    if !has_tool("7zz") {
        return;
    }
    let scene = scene();
    let password = format!("-p{WORD}");
    for (archive, options) in [
        ("plain.zip", &["-mx=1"][..]),
        ("stored.zip", &["-mx=0"]),
        ("aes128.zip", &["-mem=AES128", &password]),
        ("aes192.zip", &["-mem=AES192", "-mx=0", &password]),
        ("aes256.zip", &["-mem=AES256", &password]),
    ] {
        let words = [
            &["7zz", "a", "-bso0", "-tzip", "-snl", archive],
            options,
            &["tree"],
        ]
        .concat();
        make(&scene.path(""), &words);
        opens_whole(&scene, archive);
    }
    make(
        &scene.path(""),
        &[
            "7zz",
            "a",
            "-bso0",
            "-tzip",
            "-mem=ZipCrypto",
            &password,
            "-snl",
            "old.zip",
            "tree",
        ],
    );
    let refused = unzip(&scene, "old.zip out-strict --strict")
        .ends()
        .exits(14);
    refused.complains(
        "ZipCrypto, which has been broken since 1994",
        "without --strict",
    );
    assert!(!scene.path("out-strict").exists());
    unzip(&scene, "old.zip out-warned")
        .ends()
        .exits(0)
        .says("ZipCrypto, which protects little");
    opens_whole(&scene, "old.zip");
    make(
        &scene.path(""),
        &[
            "7zz",
            "a",
            "-bso0",
            "-tzip",
            "-mm=Deflate64",
            "d64.zip",
            "tree",
            "-snl",
        ],
    );
    opens_whole(&scene, "d64.zip");
    let listed = unzip(&scene, "old.zip --list").ends().exits(0).output();
    assert!(
        listed
            .lines()
            .any(|line| line.contains("ZipCrypto") && line.ends_with("tree/plain.txt")),
        "{listed}"
    );
    make(
        &scene.path(""),
        &["7zz", "a", "-bso0", "-tzip", "-mm=LZMA", "lzma.zip", "tree"],
    );
    unzip(&scene, "lzma.zip out-lzma")
        .ends()
        .exits(14)
        .complains("LZMA", "7-Zip");
}

#[test]
fn those_of_libarchive() {
    if !has_tool("bsdtar") {
        return;
    }
    let scene = scene();
    for (archive, options) in [
        ("plain.zip", ""),
        ("stored.zip", "zip:compression=store"),
        ("aes128.zip", "zip:encryption=aes128"),
        ("aes256.zip", "zip:encryption=aes256"),
    ] {
        let mut words = vec!["bsdtar", "--format", "zip", "-cf", archive];
        if !options.is_empty() {
            words.extend(["--options", options, "--passphrase", WORD]);
        }
        words.extend(["-C", "tree", "."]);
        make(&scene.path(""), &words);
        opens_whole(&scene, archive);
    }
}

#[test]
fn those_of_python() {
    if !has_tool("python3") {
        return;
    }
    let scene = Scene::new();
    let script = r#"
import io, zipfile
class Stream(io.RawIOBase):
    def __init__(self, file): self.file = file
    def writable(self): return True
    def write(self, bytes): return self.file.write(bytes)
def fill(archive):
    archive.writestr("a/b.txt", b"hello" * 1000)
    archive.writestr("none", b"")
    archive.writestr("folder/", b"")
    archive.writestr("\u65e5\u672c", b"x")
    with archive.open("big", "w", force_zip64=True) as file: file.write(b"y" * 100000)
for name, method in [("stored", 0), ("deflated", 8)]:
    with zipfile.ZipFile(name + ".zip", "w", compression=method) as archive: fill(archive)
    with open(name + "-streamed.zip", "wb") as file:
        with zipfile.ZipFile(Stream(file), "w", compression=method) as archive: fill(archive)
with zipfile.ZipFile("bzip2.zip", "w", compression=12) as archive: archive.writestr("a", b"x" * 100)
"#;
    make(&scene.path(""), &["python3", "-c", script]);
    for archive in [
        "stored.zip",
        "deflated.zip",
        "stored-streamed.zip",
        "deflated-streamed.zip",
    ] {
        let out = scene.path(format!("out-{archive}"));
        unzip(&scene, &format!("{archive} out-{archive}"))
            .ends()
            .exits(0);
        assert_eq!(
            fs::read(out.join("a/b.txt")).unwrap(),
            b"hello".repeat(1000),
            "{archive}"
        );
        assert_eq!(
            fs::read(out.join("big")).unwrap(),
            b"y".repeat(100_000),
            "{archive}"
        );
        assert_eq!(fs::read(out.join("日本")).unwrap(), b"x", "{archive}");
        assert_eq!(fs::read(out.join("none")).unwrap(), b"", "{archive}");
        assert!(out.join("folder").is_dir());
    }
    unzip(&scene, "bzip2.zip out-bzip2")
        .ends()
        .exits(14)
        .complains("bzip2", "7-Zip");
}

#[test]
fn those_of_pyzipper() {
    if !has_tool("pyzipper") {
        return;
    }
    let scene = Scene::new();
    let script = format!(
        r#"
import pyzipper
for bits in (128, 192, 256):
    for version in (1, 2):
        for method in (0, 8):
            name = "%d-%d-%d.zip" % (bits, version, method)
            with pyzipper.AESZipFile(name, "w", compression=method) as archive:
                archive.setpassword(b"{WORD}")
                archive.setencryption(pyzipper.WZ_AES, nbits=bits, force_wz_aes_version=version)
                archive.writestr("a/b.txt", b"hello" * 1000)
                archive.writestr("none", b"")
"#
    );
    make(&scene.path(""), &["python3", "-c", &script]);
    for bits in [128, 192, 256] {
        for archive in [1, 2]
            .map(|version| [0, 8].map(|method| format!("{bits}-{version}-{method}.zip")))
            .concat()
        {
            let out = scene.path(format!("out-{archive}"));
            unzip(&scene, &format!("{archive} out-{archive}"))
                .ends()
                .exits(0);
            assert_eq!(
                fs::read(out.join("a/b.txt")).unwrap(),
                b"hello".repeat(1000),
                "{archive}"
            );
            assert_eq!(fs::read(out.join("none")).unwrap(), b"", "{archive}");
            let listed = unzip(&scene, &format!("{archive} --list")).ends().exits(0);
            assert!(
                listed
                    .output()
                    .lines()
                    .any(|line| line.contains(&format!("5000  AES-{bits}"))
                        && line.ends_with("  a/b.txt"))
            );
        }
    }
}

/// An archive of these names and contents made by the zip crate, encrypted or not.
pub fn archive(
    path: &Path,
    method: CompressionMethod,
    password: Option<&str>,
    files: &[(&str, &[u8])],
) {
    let file = fs::File::create(path).expect("a file");
    let mut writer = zip::ZipWriter::new(file);
    for (name, contents) in files {
        let options = SimpleFileOptions::default().compression_method(method);
        let options = match password {
            Some(password) => options.with_aes_encryption(zip::AesMode::Aes256, password),
            None => options,
        };
        writer.start_file(*name, options).expect("an entry");
        writer.write_all(contents).expect("contents");
    }
    writer.finish().expect("an archive");
}

#[test]
fn those_with_zstd() {
    let scene = Scene::new();
    let contents = b"zstandard ".repeat(50_000);
    for (name, password) in [("plain.zip", None), ("sealed.zip", Some(WORD))] {
        archive(
            &scene.path(name),
            CompressionMethod::Zstd,
            password,
            &[("a", &contents)],
        );
        unzip(&scene, &format!("{name} out-{name}")).ends().exits(0);
        assert_eq!(
            fs::read(scene.path(format!("out-{name}/a"))).unwrap(),
            contents
        );
    }
}

/// Archives made here are opened here to the same entries, even with names that are not UTF-8.
#[test]
fn those_made_here() {
    let scene = scene();
    let odd = scene.file(OsStr::from_bytes(b"tree/\xff\x1b"), "odd");
    // To the second, as archives keep it.
    set_modified(&odd, 1_600_000_000, 0);
    for (archive, more) in [("open.zip", ""), ("hidden.zip", "--hide-names")] {
        let made = scene.run(&format!("zip {archive} tree {more}"));
        made.env("PEERBRIDGE_ZIP_PASSWORD", WORD).ends().exits(0);
        opens_whole(&scene, archive);
    }
}
