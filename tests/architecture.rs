//! The house rules that a reader of the file list relies on: imports only go down the floors, only the
//! command line prints, files stay short.

use std::fs;
use std::path::{Path, PathBuf};

/// Each floor with those that it may import: the ones below, and of one height only itself.
const FLOORS: [(&str, &[&str]); 6] = [
    ("model", &[]),
    ("crypto", &["model"]),
    ("disk", &["model"]),
    ("protocol", &["model", "crypto"]),
    ("session", &["model", "crypto", "disk", "protocol"]),
    ("cli", &["model", "crypto", "disk", "protocol", "session"]),
];

/// Longer than this, a file holds more than one idea.
const LINES: usize = 520;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The floors that a file names with `crate::`, wherever in the code.
fn floors_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for line in code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
    {
        for after in line.split("crate::").skip(1) {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_');
            let name = &after[..end.unwrap_or(after.len())];
            if name.is_empty() {
                // `use crate::{a, b}`: rustfmt keeps what follows on this line or the next ones.
                panic!("import each floor by itself: {line}");
            }
            named.push(name.to_owned());
        }
    }
    named
}

#[test]
fn imports_only_go_down() {
    for (floor, below) in FLOORS {
        let files = sources(&src().join(floor));
        assert!(!files.is_empty(), "no files on floor {floor}");
        for file in files {
            let code = fs::read_to_string(&file).expect("a source file");
            for name in floors_named(&code) {
                let is_floor = FLOORS.iter().any(|(other, _)| *other == name);
                assert!(
                    !is_floor || name == floor || below.contains(&name.as_str()),
                    "{} imports {name}, which is not below {floor}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_check_sees_an_import_that_goes_up() {
    assert_eq!(floors_named("use crate::session::send;"), ["session"]);
    assert_eq!(floors_named("    let x = crate::cli::run();"), ["cli"]);
    assert!(floors_named("// crate::cli is above").is_empty());
}

/// Whether a file is compiled for tests only: named so, or declared so by the floor.
fn is_test_file(file: &Path, floor: &[PathBuf]) -> bool {
    let stem = |path: &Path| {
        path.file_stem()
            .and_then(|stem| stem.to_str().map(str::to_owned))
    };
    let declared = |name: String| {
        floor.iter().any(|other| {
            let code = fs::read_to_string(other).expect("a source file");
            code.contains(&format!("#[cfg(test)]\nmod {name};"))
                || code.contains(&format!("#[cfg(test)]\npub mod {name};"))
        })
    };
    let mut names = file.ancestors().filter_map(stem);
    names.any(|name| name == "tests" || declared(name))
}

#[test]
fn only_the_command_line_prints_or_ends_the_process() {
    for floor in ["model", "crypto", "disk", "protocol", "session"] {
        let files = sources(&src().join(floor));
        for file in files.iter().filter(|file| !is_test_file(file, &files)) {
            let code = fs::read_to_string(file).expect("a source file");
            let code = code
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or(&code);
            for word in ["println!", "print!(", "dbg!", "process::exit", "env::var("] {
                assert!(!code.contains(word), "{} has {word}", file.display());
            }
        }
    }
}

#[test]
fn files_hold_one_idea() {
    for file in sources(&src()) {
        let lines = fs::read_to_string(&file)
            .expect("a source file")
            .lines()
            .count();
        assert!(lines <= LINES, "{} has {lines} lines", file.display());
    }
}
