//! Archives with oddities that real programs produce: opened here and by other programs, and compared.

use super::archives::unzip;
use super::openers;
use crate::harness::program::Scene;
use crate::harness::tools::has_tool;
use crate::harness::trees::{Entry, look};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A zone with the same offset all year, because 7-Zip applies today's offset to every day.
pub const ZONE: &str = "EST5";

/// Writes archives byte by byte.
const MAKER: &str = r#"
import struct, zlib
def field(number, data): return struct.pack('<HH', number, len(data)) + data
def unix(seconds): return field(0x5455, struct.pack('<BI', 1, seconds & 0xffffffff))
def pkware(seconds): return field(0x000d, struct.pack('<IIHH', 1, seconds, 0, 0))
def ntfs(seconds):
    ticks = (seconds + 11644473600) * 10**7
    return field(0x000a, struct.pack('<IHHQQQ', 0, 1, 24, ticks, ticks, ticks))
def dos(year, month=1): return ((year - 1980) << 9 | month << 5 | 1, 12 << 11)
UNIX, DOS = 3, 0
def entry(name, data=b'x', mode=0o100644, host=UNIX, extra=b'', when=dos(2024), flags=0):
    attributes = mode << 16 if host == UNIX else mode
    return name.encode(), data, attributes, host, extra, when, flags
def folder(name, mode=0o040755): return entry(name, b'', mode)
def build(path, entries, tail=b''):
    out, directory = b'', b''
    for name, data, attributes, host, extra, when, flags in entries:
        common = struct.pack('<HHHHIII', flags, 0, when[1], when[0], zlib.crc32(data), len(data), len(data))
        lengths = struct.pack('<HH', len(name), len(extra))
        directory += b'PK\1\2' + bytes([20, host, 20, 0]) + common + lengths
        directory += struct.pack('<HHHII', 0, 0, 0, attributes, len(out)) + name + extra
        out += b'PK\3\4\24\0' + common + lengths + name + extra + data
    end = struct.pack('<HHHHIIH', 0, 0, len(entries), len(entries), len(directory), len(out), 0)
    with open(path, 'wb') as file: file.write(out + directory + b'PK\5\6' + end + tail)
build('dos-times', [entry('summer', when=dos(2024, 7)), entry('winter'), entry('late', when=dos(2090))])
build('fields', [entry('unix', extra=unix(1700000001)), entry('2040', extra=unix(2208988801), when=dos(2040))])
build('pkware', [entry('pkware', extra=pkware(1700000001))])
build('ntfs', [entry('ntfs', extra=ntfs(1700000003)), entry('both', extra=unix(5) + ntfs(1700000005)),
               entry('1965', extra=ntfs(-157766400), when=dos(1980))])
build('modes', [entry('script', mode=0o100755), entry('private', mode=0o100600), folder('open/', 0o040700)])
build('dos-modes', [entry('usual', host=DOS, mode=0), entry('read-only', host=DOS, mode=1)])
build('piped', [entry('-', b'piped', 0o010600)])
build('odd-folder', [folder('d/', 0o170755), entry('d/f')])
build('padded', [entry('a')], bytes(10240))
build('tail', [entry('a')], b'signature')
build('folder-twice', [folder('d/'), folder('d/'), entry('d/f')])
build('file-twice', [entry('a', b'one'), entry('a', b'two')])
build('untidy', [entry('d//f'), entry('e/./f')])
build('backslash', [entry('d\\f', host=DOS, mode=0)])
build('extra-cut', [entry('a', extra=b'\1\2\9\0\1')])
build('utf8', [entry('\u65e5\u672c.txt', flags=0x800), entry('\u00fc.txt')])
build('utf8-from-dos', [entry('\u65e5\u672c.txt', host=DOS, mode=0)])
build('flag-without-need', [entry('a', flags=0x800)])
build('decomposed', [entry('o\u0308.txt', flags=0x800)])
build('not-utf8', [(b'\x81.txt', b'x', 0, DOS, b'', dos(2024), 0)])
build('backslash-from-unix', [entry('a\\b')])
build('hour-27', [entry('a', when=(dos(2024)[0], 27 << 11 | 30))])
build('no-date', [entry('zero', when=(0, 0)), entry('month-13', when=dos(2024, 13))])
build('no-type', [entry('a', mode=0o600)])
build('read-only-folder', [folder('d/', 0o040500)])
build('link-from-dos', [entry('target'), entry('link', b'target', 0o120777 << 16, DOS)])
build('folder-by-mode', [entry('d', b'', 0o040755)])
build('far-end', [entry('script', mode=0o100755)], bytes(20000))
"#;

const ARCHIVES: [&str; 28] = [
    "dos-times",
    "fields",
    "pkware",
    "ntfs",
    "modes",
    "dos-modes",
    "piped",
    "odd-folder",
    "padded",
    "tail",
    "folder-twice",
    "file-twice",
    "untidy",
    "backslash",
    "extra-cut",
    "utf8",
    "utf8-from-dos",
    "flag-without-need",
    "decomposed",
    "not-utf8",
    "backslash-from-unix",
    "hour-27",
    "no-date",
    "no-type",
    "read-only-folder",
    "link-from-dos",
    "folder-by-mode",
    "far-end",
];

/// Cases in which a program reads an archive differently, and why. `docs/ARCHIVES.md` has the same list.
const DIFFERENCES: [(&str, &str, &str); 25] = [
    ("7zz", "backslash", "takes it for part of a name"),
    ("7zz", "piped", "gives it the usual mode"),
    ("bsdtar", "backslash", "gives DOS files mode 0664"),
    ("bsdtar", "dos-modes", "gives DOS files mode 0664"),
    ("bsdtar", "utf8-from-dos", "gives DOS files mode 0664"),
    ("bsdtar", "extra-cut", "refuses it"),
    ("bsdtar", "ntfs", "knows no such field (3.6.2)"),
    ("unzip", "ntfs", "knows no such field"),
    ("bsdtar", "pkware", "knows no such field (3.6.2)"),
    ("bsdtar", "decomposed", "composes its characters"),
    ("7zz", "not-utf8", "keeps its bytes"),
    ("bsdtar", "not-utf8", "keeps its bytes"),
    ("unzip", "not-utf8", "writes it in Latin-1"),
    ("bsdtar", "backslash-from-unix", "takes it for a separator"),
    ("7zz", "hour-27", "takes the present time"),
    ("7zz", "no-date", "takes the present time"),
    ("bsdtar", "no-date", "counts months and days on"),
    ("unzip", "no-date", "counts months and days on"),
    ("7zz", "no-type", "gives it the usual mode"),
    ("7zz", "read-only-folder", "lets the owner write"),
    ("7zz", "link-from-dos", "makes a link"),
    ("bsdtar", "link-from-dos", "gives DOS files mode 0664"),
    ("unzip", "folder-by-mode", "makes a file"),
    ("bsdtar", "far-end", "reads no directory, and so no modes"),
    ("unzip", "utf8-from-dos", "takes it for code page 437"),
];

fn open_with(tool: &str, archive: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap();
    let mut command = Command::new(tool);
    match tool {
        "7zz" => command
            .args(["x", "-y", "-bd"])
            .arg(format!("-o{}", into.display())),
        "bsdtar" => command.arg("-C").arg(into).arg("-xf"),
        _ => command.args(["-o", "-q", "-d"]).arg(into),
    };
    // Info-ZIP adds .zip to a name, and its warnings are exit codes, so the files are compared.
    let ran = command
        .arg(archive)
        .env("TZ", ZONE)
        .env("LC_ALL", "C.UTF-8");
    ran.output().unwrap();
}

/// Names, contents, modes and times; for folders only the modes.
pub fn found(top: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = look(top);
    found.remove(Path::new(""));
    for entry in found.values_mut() {
        if let Entry::Folder { modified, .. } = entry {
            *modified = (0, 0);
        }
    }
    found
}

#[test]
fn other_programs_make_the_same_of_odd_archives() {
    if !has_tool("python3") {
        return;
    }
    let scene = Scene::new();
    let made = Command::new("python3")
        .args(["-c", MAKER])
        .current_dir(scene.path(""))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let tools = ["7zz", "bsdtar", "unzip"].into_iter();
    let tools: Vec<&str> = tools.filter(|tool| has_tool(tool)).collect();
    for archive in ARCHIVES {
        let ours = scene.path(format!("ours-{archive}"));
        unzip(&scene, &format!("{archive} ours-{archive}"))
            .env("TZ", ZONE)
            .ends()
            .exits(0);
        for tool in &tools {
            let theirs = scene.path(format!("{tool}-{archive}"));
            open_with(tool, &scene.path(archive), &theirs);
            let is_known = DIFFERENCES
                .iter()
                .any(|(known, of, _)| known == tool && *of == archive);
            let is_same = found(&ours) == found(&theirs);
            assert!(
                is_same != is_known,
                "{tool} {archive}: {:?} {:?}",
                found(&ours),
                found(&theirs)
            );
        }
    }
}

/// Python restores names and contents only.
#[test]
fn python_finds_the_same_names_and_contents() {
    if !has_tool("python3") {
        return;
    }
    let scene = Scene::new();
    let opener = format!(
        "{MAKER}
import sys, warnings, zipfile
warnings.simplefilter('ignore')
for name in sys.argv[1:]:
    zipfile.ZipFile(name).extractall('python-' + name)
"
    );
    // It refuses extra fields that are cut short, reads names in code page 437 and backslashes as characters,
    // and knows folders by a slash only.
    const OTHERWISE: [&str; 5] = [
        "backslash",
        "extra-cut",
        "utf8",
        "utf8-from-dos",
        "folder-by-mode",
    ];
    let same = ARCHIVES.into_iter();
    let same = same.filter(|archive| !OTHERWISE.contains(archive));
    let same: Vec<&str> = same.collect();
    let opened = Command::new("python3")
        .args(["-c", &opener])
        .args(&same)
        .current_dir(scene.path(""))
        .output()
        .unwrap();
    assert!(opened.status.success(), "{opened:?}");
    for archive in same {
        unzip(&scene, &format!("{archive} ours-{archive}"))
            .ends()
            .exits(0);
        let contents = |top: String| {
            let files = found(&scene.path(&top)).into_iter();
            let files = files.map(|(path, entry)| match entry {
                Entry::File { .. } => {
                    let contents = fs::read(scene.path(&top).join(&path)).unwrap();
                    (path, Some(contents))
                }
                _ => (path, None),
            });
            files.collect::<BTreeMap<_, _>>()
        };
        assert_eq!(
            contents(format!("ours-{archive}")),
            contents(format!("python-{archive}")),
            "{archive}"
        );
    }
}

/// Other programs show a time that `zip` wrote in local time, and all read the same moment.
#[test]
fn times_of_archives_made_here() {
    let scene = Scene::new();
    const IN_1965: i64 = -157_766_400;
    const IN_2024: i64 = 1_719_835_200;
    const IN_2040: i64 = 2_208_988_800;
    let times = [("a", IN_1965), ("b", IN_2024), ("c", IN_2040)];
    for (name, seconds) in times {
        let path = scene.file(format!("tree/{name}"), "x");
        let stamp = format!("@{seconds}");
        let touched = Command::new("touch")
            .args(["-d", &stamp])
            .arg(&path)
            .status();
        assert!(touched.unwrap().success());
    }
    let zone = "EST5EDT,M3.2.0,M11.1.0";
    let word = super::archives::WORD;
    let run = scene
        .run("zip a.zip tree")
        .env("PEERBRIDGE_ZIP_PASSWORD", word);
    run.env("TZ", zone).ends().exits(0);
    let modified = |top: &str, name: &str| {
        let path = scene.path(format!("{top}/tree/{name}"));
        let found = fs::metadata(path).unwrap();
        std::os::unix::fs::MetadataExt::mtime(&found)
    };
    unzip(&scene, "a.zip ours")
        .env("TZ", "XYZ-3")
        .ends()
        .exits(0);
    for (name, seconds) in times {
        assert_eq!(modified("ours", name), seconds);
    }
    let password = super::archives::WORD;
    if has_tool("7zz") {
        openers::open_with("7zz", &scene.path("a.zip"), password, &scene.path("7zz"));
        for (name, seconds) in times {
            assert_eq!(modified("7zz", name), seconds, "{name}");
        }
    }
    if has_tool("bsdtar") {
        let into = scene.path("bsdtar");
        fs::create_dir(&into).unwrap();
        let ran = Command::new("bsdtar")
            .args(["--passphrase", password, "-xf"])
            .arg(scene.path("a.zip"))
            .arg("-C")
            .arg(&into)
            .env("TZ", zone)
            .status();
        assert!(ran.unwrap().success());
        // libarchive 3.6.2 does not read the NTFS field, and uses the local DOS time, which begins in 1980.
        assert_eq!(modified("bsdtar", "b"), IN_2024);
        assert_eq!(modified("bsdtar", "c"), IN_2040);
    }
}
