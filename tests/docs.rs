//! The documentation agrees with the program and with itself: files and tests that it names exist, and its
//! codes, limits and options are those of the code.

use peerbridge::internals::{
    ENVELOPE_LENGTH, Exit, MAX_SECRET_LENGTH, PADDING_BYTES, SEALED_OVERHEAD, limits,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder whose names end in `ending`, relative to the root.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// README.md and the pages, by name.
fn pages() -> Vec<(PathBuf, String)> {
    let pages = files("docs", ".md").into_iter();
    let pages = pages.chain([PathBuf::from("README.md")]);
    pages.map(|path| (path.clone(), read(path))).collect()
}

/// The texts between backticks, within single lines.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    let lines = page.lines().filter(|line| !line.starts_with("```"));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The rows of the tables of a page, cell by cell.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = page.lines().filter_map(|line| line.strip_prefix('|'));
    rows.map(|row| {
        row.trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect()
    })
}

/// The part of a page below a heading, up to the next one of its kind.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(heading).unwrap_or_else(|| panic!("{heading}"));
    let body = &page[start + heading.len()..];
    body.split("\n## ").next().unwrap_or(body)
}

#[test]
fn files_that_pages_name_exist() {
    for (name, page) in pages() {
        let folder = name.parent().expect("a folder");
        let links = page
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let path = Path::new(ROOT).join(folder).join(link);
            assert!(path.exists(), "{}: {link}", name.display());
        }
        for path in quoted(&page).filter(|text| is_path(text)) {
            let places = [
                Path::new(ROOT).join(path),
                Path::new(ROOT).join("docs").join(path),
            ];
            let inside = Path::new(ROOT).join("src").join(path);
            let exists = places.iter().chain([&inside]).any(|place| place.exists());
            assert!(exists, "{}: {path}", name.display());
        }
    }
}

/// Whether text looks like a file of this project.
fn is_path(text: &str) -> bool {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let endings = [".rs", ".py", ".md", ".toml", ".lock"];
    let starts = ["src/", "tests/", "docs/", "vectors/"];
    plain && (starts.iter().any(|start| text.starts_with(start)))
        || plain && text.contains('/') && endings.iter().any(|ending| text.ends_with(ending))
}

/// Every test function, with the files, folders and modules that its path may name.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files("src", ".rs").into_iter().chain(files("tests", ".rs")) {
        let source = read(&path);
        for part in source.split("#[test]").skip(1) {
            let function = part
                .split("fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next());
            let places = path.with_extension("");
            let places = places
                .iter()
                .map(|place| place.to_string_lossy().into_owned());
            let known = tests.entry(function.expect("a function").to_owned());
            known
                .or_default()
                .extend(places.chain(["tests".to_owned()]));
        }
    }
    tests
}

/// Whether text looks like a test of this project: `module::function`, with a sentence as the function's name.
fn is_test_name(text: &str) -> bool {
    let function = text.rsplit("::").next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
    text.contains("::") && function.contains('_') && text.chars().all(is_plain)
}

#[test]
fn tests_that_pages_name_exist() {
    let tests = tests();
    let mut named = 0;
    for (name, page) in pages() {
        for text in quoted(&page).filter(|text| is_test_name(text)) {
            let (modules, function) = text.rsplit_once("::").expect("a name");
            let known = tests.get(function);
            let known = known.unwrap_or_else(|| panic!("{}: {text} is no test", name.display()));
            for module in modules.split("::") {
                assert!(
                    known.contains(module),
                    "{}: {text} in {known:?}",
                    name.display()
                );
            }
            named += 1;
        }
    }
    assert!(named > 200, "only {named} tests were found on the pages");
}

#[test]
fn each_promise_names_a_test() {
    let tables = [("how", "shown by"), ("promise", "test")];
    let mut promises = 0;
    for name in ["docs/THREAT_MODEL.md", "docs/RELIABILITY.md"] {
        let page = read(name);
        let mut is_promises = false;
        for line in page.lines() {
            let row: Vec<_> = rows(line).flatten().collect();
            match row[..] {
                [] => is_promises = false,
                [first, last] if tables.contains(&(first, last)) => is_promises = true,
                [promise, tests] if is_promises && !promise.starts_with("---") => {
                    assert!(quoted(tests).any(is_test_name), "{name}: {promise}");
                    promises += 1;
                }
                _ => {}
            }
        }
    }
    assert!(promises > 80, "only {promises} promises were found");
}

#[test]
fn each_file_says_in_its_first_line_what_it_holds() {
    for path in files("src", ".rs") {
        let text = path.to_string_lossy().replace('\\', "/");
        let is_tests = text.contains("/tests/") || text.ends_with("/tests.rs");
        let source = read(&path);
        let first = source.lines().next().unwrap_or_default();
        let says = first
            .strip_prefix("//! ")
            .is_some_and(|says| says.len() > 10);
        assert!(is_tests || says, "{text}: {first}");
    }
}

#[test]
fn the_map_shows_every_folder() {
    let page = read("docs/ARCHITECTURE.md");
    for path in files("src", "mod.rs") {
        let folder = path.parent().expect("a folder");
        // The map shows the floors and their rooms, but not the folders within rooms.
        let room: PathBuf = folder.components().take(3).collect();
        let shown = room.to_string_lossy().replace('\\', "/");
        let floor = shown.strip_prefix("src/").unwrap_or(&shown);
        let is_shown = [shown.as_str(), floor]
            .iter()
            .any(|name| page.contains(&format!("`{name}`")));
        assert!(is_shown, "docs/ARCHITECTURE.md lacks {shown}");
    }
}

#[test]
fn commands_of_the_readme_run_on_the_build_machine() {
    let script = read(".ci/run")
        .replace("--locked ", "")
        .replace(" --locked", "");
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(
            read("README.md").lines().any(|line| line == command),
            "README: {command}"
        );
        assert!(
            script
                .lines()
                .any(|line| line.trim_start().starts_with(command)),
            ".ci/run: {command}"
        );
    }
}

const EXITS: [Exit; 16] = [
    Exit::Done,
    Exit::Unexpected,
    Exit::Usage,
    Exit::WrongSecret,
    Exit::NoWay,
    Exit::TimedOut,
    Exit::PeerDeclined,
    Exit::InTheWay,
    Exit::Source,
    Exit::CannotWrite,
    Exit::NotVerified,
    Exit::Version,
    Exit::Lost,
    Exit::LeftOut,
    Exit::DeclinedHere,
    Exit::HookFailed,
];

#[test]
fn exit_codes_are_those_of_the_program() {
    let expected: Vec<u8> = EXITS.iter().map(|exit| exit.code()).collect();
    let page = read("docs/CLI.md");
    let rows = rows(&page).filter(|row| row.len() == 3);
    let codes: Vec<u8> = rows.filter_map(|row| row[0].parse().ok()).collect();
    assert_eq!(codes, expected);
}

/// The environment variables that a text mentions.
fn variables(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_'));
    words
        .filter(|word| word.starts_with("PEERBRIDGE_") || *word == "NO_COLOR")
        .collect()
}

#[test]
fn environment_variables_of_the_pages_are_those_of_the_program() {
    let code = ["src/cli/environment.rs", "src/cli/hook.rs"].map(read);
    let expected: BTreeSet<&str> = code.iter().flat_map(|code| variables(code)).collect();
    assert!(expected.len() > 8, "{expected:?}");
    for page in ["docs/CLI.md", "docs/peerbridge.1"] {
        assert_eq!(variables(&read(page)), expected, "{page}");
    }
}

#[test]
fn limits_of_the_protocol_page_are_those_of_the_program() {
    let expected: BTreeMap<&str, u64> = [
        (
            "body of an unproven frame, bytes",
            limits::UNPROVEN_FRAME_BYTES as u64,
        ),
        ("whole handshake, seconds", limits::HANDSHAKE_SECONDS),
        (
            "from the listener's Hello to the dialler's Confirm, seconds",
            limits::PROOF_SECONDS,
        ),
        (
            "guesses that a listener for one transfer answers",
            limits::FAILED_PROOFS.into(),
        ),
        (
            "return after the end of a session, seconds",
            limits::RETURN_SECONDS,
        ),
        ("versions in a Hello", limits::VERSIONS as u64),
        ("secret, bytes", MAX_SECRET_LENGTH as u64),
        ("raw message, bytes", limits::MESSAGE_BYTES as u64),
        ("padding of a Ping or Pong, bytes", PADDING_BYTES as u64),
        ("part size, bytes, at least", limits::PART_BYTES_MIN.into()),
        ("part size, bytes, at most", limits::PART_BYTES_MAX.into()),
        (
            "body of a proven frame beside what it holds, bytes",
            limits::SEAL_OVERHEAD_BYTES as u64,
        ),
        (
            "part that goes along with its offer, bytes",
            limits::EARLY_PART_BYTES.into(),
        ),
        (
            "raw message on a joined stream, bytes",
            limits::JOINED_MESSAGE_BYTES as u64,
        ),
        ("parts in a transfer", limits::PARTS),
        ("bytes in a stream", limits::STREAM_BYTES),
        ("entries in a manifest", limits::ENTRIES as u64),
        (
            "paths and link targets of a manifest together, bytes",
            limits::NAMES_BYTES as u64,
        ),
        ("path or link target, bytes", limits::PATH_BYTES as u64),
        ("component of a path, bytes", limits::COMPONENT_BYTES as u64),
        ("components of a path", limits::PATH_LEVELS as u64),
        ("streams of a session", limits::STREAMS.into()),
        (
            "parts of all streams of a transfer together, bytes",
            limits::PARTS_IN_FLIGHT_BYTES.into(),
        ),
        ("ranges in a message", limits::RANGES as u64),
        ("digests in a message", limits::DIGESTS as u64),
        ("claimed pieces in a transfer", limits::CLAIMED_PIECES),
        ("checks in a message", limits::CHECKS as u64),
        (
            "parts in order without their checks",
            limits::CHECKS_OWED as u64,
        ),
        ("failures in a message", limits::FAILURES as u64),
        ("skipped entries in a message", limits::SKIPS as u64),
        ("new names in a message", limits::NEW_NAMES as u64),
        ("text, bytes", limits::TEXT_BYTES as u64),
        ("rounds of a transfer", limits::ROUNDS.into()),
        ("transfers of a session", limits::TRANSFERS.into()),
    ]
    .into();
    let page = read("docs/PROTOCOL.md");
    let rows = rows(section(&page, "## 11. Limits")).skip(2);
    let published: BTreeMap<&str, u64> = rows
        .map(|row| (row[0], row[1].parse().expect("a number")))
        .collect();
    assert_eq!(published, expected);
    assert_eq!(ENVELOPE_LENGTH, 4 + 1 + 4 + 32, "section 5.1");
    assert_eq!(SEALED_OVERHEAD, 63 + 109, "section 5.2");
}

#[test]
fn numbers_in_the_text_of_the_pages_are_those_of_the_program() {
    let facts = [
        (
            "docs/PROTOCOL.md",
            format!("a body is at most {} bytes", limits::UNPROVEN_FRAME_BYTES),
        ),
        (
            "docs/PROTOCOL.md",
            format!("none comes within {} seconds", limits::CODE_SECONDS),
        ),
        (
            "docs/PROTOCOL.md",
            format!("come within {} seconds and", limits::OFFER_SECONDS),
        ),
        (
            "docs/PROTOCOL.md",
            format!(
                "less than {} bytes a second",
                limits::OFFER_BYTES_PER_SECOND
            ),
        ),
        (
            "docs/PROTOCOL.md",
            format!("deadline of {} seconds", limits::HANDSHAKE_SECONDS),
        ),
        (
            "docs/PROTOCOL.md",
            format!(
                "raw length is at most {} for a message",
                limits::MESSAGE_BYTES
            ),
        ),
        (
            "docs/PROTOCOL.md",
            format!("raw length + {} for method 0", SEALED_OVERHEAD),
        ),
        (
            "docs/PROTOCOL.md",
            format!("longer than {} bytes", limits::PATH_BYTES),
        ),
        (
            "docs/PROTOCOL.md",
            format!("more than {} components", limits::PATH_LEVELS),
        ),
        (
            "docs/PROTOCOL.md",
            format!("one\n  longer than {} bytes", limits::COMPONENT_BYTES),
        ),
        (
            "docs/PROTOCOL.md",
            format!("at most {} of them, ascending", limits::STREAMS),
        ),
        (
            "docs/PROTOCOL.md",
            format!("Rounds are at most {}, the first", limits::ROUNDS),
        ),
        (
            "docs/PROTOCOL.md",
            format!("{} unproven connections", limits::UNPROVEN_CONNECTIONS),
        ),
        (
            "docs/THREAT_MODEL.md",
            format!("at most {} bytes, the", limits::UNPROVEN_FRAME_BYTES),
        ),
        (
            "docs/THREAT_MODEL.md",
            format!("at most {} connections", limits::UNPROVEN_CONNECTIONS),
        ),
        (
            "README.md",
            format!("{} connections side by side", limits::STREAMS),
        ),
        (
            "README.md",
            format!("a path at most {} bytes", limits::PATH_BYTES),
        ),
    ];
    for (page, fact) in facts {
        assert!(read(page).contains(&fact), "{page}: {fact}");
    }
    assert_eq!(limits::FAILED_PROOFS, 5, "the pages say five");
    assert_eq!(limits::ENTRIES, 4_194_304, "README.md says so");
}

fn help(words: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_peerbridge");
    let output = Command::new(program).arg("help").args(words).output();
    String::from_utf8(output.expect("the program runs").stdout).expect("text")
}

/// The forms `-s, --long VALUE` of a help page, as `docs/CLI.md` has them in its tables.
fn options(page: &str) -> BTreeSet<(String, String)> {
    let lines = page.lines().filter_map(|line| {
        let form = line.strip_prefix("  ")?;
        let (short, rest) = match form.strip_prefix("    --") {
            Some(rest) => ("", rest),
            None => form
                .split_once(", --")
                .filter(|(short, _)| short.starts_with('-'))?,
        };
        let long = rest.split("  ").next()?;
        Some((short.to_owned(), format!("--{long}")))
    });
    lines.collect()
}

#[test]
fn every_option_is_on_the_page_of_the_command_line_and_no_other() {
    let page = read("docs/CLI.md");
    let overview = help(&[]);
    let forms = overview
        .lines()
        .filter(|line| line.starts_with("  peerbridge"));
    let forms: Vec<&str> = forms.map(str::trim_start).collect();
    assert!(forms.len() >= 8, "{overview}");
    for form in &forms {
        assert!(page.lines().any(|line| line == *form), "{form}");
    }
    let verbs: BTreeSet<&str> = forms
        .iter()
        .filter_map(|form| form.split_whitespace().nth(1))
        .filter(|word| page.contains(&format!("\n## `{word}`\n")))
        .collect();
    assert!(verbs.len() >= 5, "{verbs:?}");
    let mut there = BTreeSet::new();
    for verb in &verbs {
        let found = options(&help(&[verb]));
        assert!(found.len() >= 5, "{verb}: {found:?}");
        there.extend(found);
    }
    let documented: BTreeSet<_> = rows(&page)
        .filter(|row| row.len() == 3 && row[1].starts_with("`--"))
        .map(|row| {
            (
                row[0].trim_matches('`').to_owned(),
                row[1].trim_matches('`').to_owned(),
            )
        })
        .collect();
    let unknown: Vec<_> = there.symmetric_difference(&documented).collect();
    assert!(unknown.is_empty(), "on one side only: {unknown:?}");
}

#[test]
fn every_verb_of_the_help_has_a_section() {
    let page = read("docs/CLI.md");
    let overview = help(&[]);
    let words = overview
        .lines()
        .filter_map(|line| line.strip_prefix("  peerbridge "));
    for verb in words.filter_map(|words| words.split_whitespace().next()) {
        let is_verb = verb.chars().all(|c| c.is_ascii_lowercase()) && verb != "ask";
        assert!(
            !is_verb || page.contains(&format!("\n## `{verb}`\n")),
            "{verb}"
        );
    }
}
