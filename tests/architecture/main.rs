//! The house rules on which a reader of the file list relies: imports only go down the floors, only the command
//! line prints, and files stay short.

mod imports;

use imports::{Crate, circles};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each floor with the floors that it may import: itself and those below. Exception: the page uses the wording
/// of the command line, and the command line starts the page. See
/// `the_page_and_the_command_line_meet_in_few_places`.
const FLOORS: [(&str, &[&str]); 7] = [
    ("model", &[]),
    ("crypto", &["model"]),
    ("disk", &["model"]),
    ("protocol", &["model", "crypto"]),
    ("session", &["model", "crypto", "disk", "protocol"]),
    (
        "cli",
        &["model", "crypto", "disk", "protocol", "session", "web"],
    ),
    ("web", &["model", "crypto", "disk", "session", "cli"]),
];

/// The modules of the command line that the page may use: wording, and the parsing of what people write.
const SHARED_WITH_THE_PAGE: [&str; 10] = [
    "bug",
    "context",
    "ending",
    "environment",
    "error",
    "exit",
    "input",
    "options",
    "output",
    "platform",
];

/// The rooms of `session`, each importing only from those before it.
const ROOMS: [&str; 20] = [
    "sync",
    "error",
    "threads",
    "events",
    "cancel",
    "line",
    "options",
    "stats",
    "scan",
    "connection",
    "second_factor",
    "discovery",
    "tuning",
    "listen",
    "meet",
    "nearby",
    "receive",
    "archive",
    "send",
    "ping",
];

/// Files that still use each other in a circle, each group with the reason why. A group may only shrink.
const KNOWN_CIRCLES: [(&[&str], &str); 1] = [(
    &[
        "disk/staging.rs",
        "disk/staging/checker.rs",
        "disk/staging/claims.rs",
        "disk/staging/kept.rs",
        "disk/staging/writer.rs",
    ],
    "a staging folder makes its writers and checkers of claims, and each works in that folder",
)];

/// Most lines of a file. A longer file has more than one idea.
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

/// The floors that a file names with `crate::`, anywhere in its code.
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
                // `use crate::{a, b}` hides the floors on this line or the following ones.
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

/// The files that are compiled into the program. Files for tests only are named `tests`, or declared behind
/// `#[cfg(test)]`.
fn without_tests(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut names = BTreeSet::from(["tests".to_owned()]);
    for file in files {
        let code = fs::read_to_string(file).expect("a source file");
        for declared in code.split("#[cfg(test)]\n").skip(1) {
            let declared = declared.trim_start_matches("pub ").strip_prefix("mod ");
            names.extend(declared.and_then(|rest| Some(rest.split_once(';')?.0.to_owned())));
        }
    }
    let is_test = |path: &Path| {
        path.file_stem()
            .is_some_and(|s| names.contains(&*s.to_string_lossy()))
    };
    let program = files.iter().filter(|file| !file.ancestors().any(is_test));
    program.cloned().collect()
}

/// A file's code without its tests.
fn production(file: &Path) -> String {
    let code = fs::read_to_string(file).expect("a source file");
    let is_inline = |(at, attribute): &(usize, &str)| {
        let declared = code[at + attribute.len()..].lines().nth(1);
        declared.is_some_and(|line| line.ends_with("mod tests {"))
    };
    let tests = code.match_indices("#[cfg(test)]").find(is_inline);
    code[..tests.map_or(code.len(), |(at, _)| at)].to_owned()
}

/// Each file of the crate with the files that it uses, without tests.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let all = sources(&src());
    let mut files = without_tests(&all);
    files.retain(|file| !file.ends_with("main.rs"));
    Crate::read(&src(), &files, production).uses()
}

#[test]
fn the_rooms_of_session_import_one_way() {
    let room = |file: &str| {
        let name = file.strip_prefix("session/")?.split(['/', '.']).next()?;
        (name != "mod").then(|| ROOMS.iter().position(|room| *room == name).expect(name))
    };
    for (file, used) in uses() {
        let Some(own) = room(&file) else {
            continue;
        };
        for other in used {
            let is_before = room(&other).is_none_or(|room| room <= own);
            assert!(is_before, "{file} uses {other}, a later room");
        }
    }
}

#[test]
fn the_page_and_the_command_line_meet_in_few_places() {
    for (file, used) in uses() {
        for other in used {
            let is_page = |file: &str| file.starts_with("web/");
            assert!(
                !is_page(&other) || is_page(&file) || file == "cli/verbs/web.rs",
                "{file} uses {other}"
            );
            let Some(shared) = other.strip_prefix("cli/").filter(|_| is_page(&file)) else {
                continue;
            };
            let is_shared = SHARED_WITH_THE_PAGE
                .iter()
                .any(|name| shared.starts_with(name));
            assert!(is_shared, "{file} uses {other}");
        }
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let found = circles(&uses());
    let is_known = |circle: &[String], (known, _): &(&[&str], &str)| {
        circle.iter().all(|file| known.contains(&file.as_str()))
    };
    for circle in &found {
        let is_listed = KNOWN_CIRCLES.iter().any(|known| is_known(circle, known));
        assert!(is_listed, "a new circle: {circle:#?}");
    }
    for known in KNOWN_CIRCLES {
        let is_left = found.iter().any(|circle| is_known(circle, &known));
        assert!(
            is_left,
            "no circle any more, so take it from the list: {:?}",
            known.0
        );
    }
}

#[test]
fn only_the_command_line_prints_or_ends_the_process() {
    for floor in ["model", "crypto", "disk", "protocol", "session", "web"] {
        let files = sources(&src().join(floor));
        for file in &without_tests(&files) {
            let code = production(file);
            // Examples in documentation may print.
            let lines = code.lines().map(str::trim_start);
            let code: String = lines.filter(|line| !line.starts_with("//")).collect();
            for word in ["println!", "print!(", "dbg!", "process::exit", "env::var("] {
                assert!(!code.contains(word), "{} has {word}", file.display());
            }
        }
    }
}

/// The types that a file declares at its top level.
fn types_declared(code: &str) -> Vec<&str> {
    let declared = |line: &'_ str| {
        let mut words = line.split(' ').skip_while(|word| word.starts_with("pub"));
        let keyword = words.next()?;
        let is_type = ["struct", "enum", "trait", "type"].contains(&keyword);
        is_type.then(|| line.len() - words.collect::<Vec<_>>().join(" ").len())
    };
    let name = |line| {
        let rest: &str = &line[declared(line)?..];
        rest.split(|c: char| !c.is_alphanumeric()).next()
    };
    code.lines().filter_map(name).collect()
}

#[test]
fn one_type_name_is_one_type() {
    let mut homes: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in without_tests(&sources(&src())) {
        for name in types_declared(&production(&file)) {
            let other = homes.insert(name.to_owned(), file.clone());
            assert!(
                other.is_none(),
                "{name} is declared in {file:?} and {other:?}"
            );
        }
    }
    assert!(homes.len() > 300, "only {} types were found", homes.len());
}

#[test]
fn the_library_has_sixty_public_names_at_most() {
    let code = fs::read_to_string(src().join("lib.rs")).expect("lib.rs");
    let hidden = "#[doc(hidden)]";
    let (public, _) = code.split_once(hidden).expect("what is hidden stands last");
    let names: usize = public
        .split("pub use ")
        .skip(1)
        .filter_map(|used| used.split(';').next())
        .map(|used| {
            let list = used.split('{').nth(1).unwrap_or(used);
            list.split(',')
                .filter(|name| name.contains(char::is_alphabetic))
                .count()
        })
        .sum();
    assert!((40..=60).contains(&names), "{names} public names");
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

/// The compiler reports no dead code in modules that a test crate includes as `pub`, so this test does.
#[test]
fn what_the_test_harness_offers_is_used() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let words_in = |folder: &Path| {
        let files = sources(folder).into_iter();
        let code = files.map(|file| fs::read_to_string(file).expect("a source file"));
        let code = code.collect::<String>();
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for word in words_in(&tests) {
        *uses.entry(word).or_default() += 1;
    }
    let words = words_in(&tests.join("harness"));
    let items = words.windows(2).filter(|pair| {
        let keywords = ["fn", "const", "struct", "enum"];
        keywords.contains(&pair[0].as_str())
    });
    let mut count = 0;
    for item in items {
        let name = &item[1];
        assert!(uses[name] > 1, "nothing uses {name} of tests/harness");
        count += 1;
    }
    assert!(count > 50, "only {count} items were found");
}
