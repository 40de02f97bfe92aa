//! The shells and the reader of manual pages take what the program writes for them.

use crate::program::{has_tool, run};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Command lines, and what completes their last word.
const LINES: &[(&str, &[&str])] = &[
    ("peerbridge re", &["receive", "recv"]),
    ("peerbridge --json se", &["secret", "send", "serve"]),
    ("peerbridge --v", &["--version"]),
    (
        "peerbridge send --ve",
        &["--verbose", "--verify", "--version"],
    ),
    ("peerbridge receive --existing o", &["overwrite"]),
    ("peerbridge completions f", &["fish"]),
    ("peerbridge help pin", &["ping"]),
];

fn script(shell: &str) -> String {
    run(&["completions", shell]).expect(0).out
}

/// Runs a tool on this input; what it says, sorted, when it has no complaint.
#[track_caller]
fn says(tool: &str, words: &[&str], home: &Path, input: &str) -> Vec<String> {
    let mut child = Command::new(tool)
        .args(words)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("TERM", "dumb")
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaint.is_empty(),
        "{tool} {words:?}: {complaint}"
    );
    let told = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<_> = told.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn bash_completes() {
    if !has_tool("bash") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    says("bash", &["-n"], home.path(), &script("bash"));
    for (line, expected) in LINES {
        let script = format!(
            "{}COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _peerbridge\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            script("bash")
        );
        assert_eq!(says("bash", &["--norc"], home.path(), &script), *expected);
    }
}

#[test]
fn fish_completes() {
    if !has_tool("fish") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("script"), script("fish")).unwrap();
    says("fish", &["--no-execute", "script"], home.path(), "");
    for (line, expected) in LINES {
        let words = ["-c", "source script; complete -C $argv[1]", line];
        let found = says("fish", &words, home.path(), "");
        // What it is for stands behind a tab.
        let found: Vec<_> = found
            .iter()
            .map(|f| f.split('\t').next().unwrap())
            .collect();
        assert_eq!(found, *expected, "{line}");
    }
}

/// An interactive zsh on a terminal of its own, in which Tab is pressed behind the line; what would be
/// offered is told, and not only shown.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner 'source ./inner'
until [[ $line == *READY* ]]; do zpty -r inner line; done
zpty -w inner "$1"$'\t'
zpty -r inner found '*ENDED*'
print -r -- "$found"
"#;

const ZSH_INNER: &str = r#"
PROMPT=
fpath=($PWD $fpath)
autoload -Uz compinit
compinit -D -u
bindkey '^I' complete-word
zstyle ':completion:*' list-grouped false
compadd() {
  # Asked only for what would fit: nothing is offered yet.
  if [[ ${@[1,(i)(-|--)]} == *-[OAD]\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a hits
  builtin compadd -A hits "$@"
  print -rl -- "HIT "$^hits
}
over() { print ENDED; exit }
comppostfuncs=(over)
print READY
"#;

#[test]
fn zsh_completes() {
    if !has_tool("zsh") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("_peerbridge"), script("zsh")).unwrap();
    fs::write(home.path().join("outer"), ZSH).unwrap();
    fs::write(home.path().join("inner"), ZSH_INNER).unwrap();
    says("zsh", &["-n", "_peerbridge"], home.path(), "");
    for (line, expected) in LINES {
        let found = says("zsh", &["-f", "outer", line], home.path(), "");
        let mut found: Vec<_> = found
            .iter()
            .filter_map(|found| Some(found.trim_end().split_once("HIT ")?.1))
            .collect();
        found.sort_unstable();
        assert_eq!(found, *expected, "{line}");
    }
}

#[test]
fn the_manual_page_is_well_formed() {
    if !has_tool("mandoc") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let page = script("man");
    let said = says("mandoc", &["-T", "lint"], home.path(), &page);
    assert!(said.is_empty(), "{said:?}");
    let shown = says("mandoc", &["-T", "utf8"], home.path(), &page).join("\n");
    assert!(shown.contains("PEERBRIDGE_SECRET_FILE"), "{shown}");
}
