//! Shells accept the completion scripts, and `man` accepts the manual page.

use crate::harness::{Scene, has_tool};
use std::fs::File;

/// Command lines, and the completions of their last word.
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
    let scene = Scene::new();
    let completions = scene.run("completions").arg(shell);
    completions.exits(0).output()
}

/// Runs a tool in its home on this input. Fails if it reports an error; returns the lines of its output,
/// sorted.
#[track_caller]
fn says(tool: &str, words: &[&str], scene: &Scene, input: &str) -> Vec<String> {
    let home = scene.path("home");
    let input = File::open(scene.file("input", input)).unwrap();
    let run = scene.command(tool).args(words).input(input);
    let run = run.env("XDG_CONFIG_HOME", &home).env("TERM", "dumb");
    let ended = run.in_folder(home).exits(0);
    assert_eq!(ended.error(), "", "{ended:?}");
    let mut lines: Vec<_> = ended.output().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn bash_completes() {
    if !has_tool("bash") {
        return;
    }
    let scene = Scene::new();
    says("bash", &["-n"], &scene, &script("bash"));
    for (line, expected) in LINES {
        let script = format!(
            "{}COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _peerbridge\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            script("bash")
        );
        assert_eq!(says("bash", &["--norc"], &scene, &script), *expected);
    }
}

#[test]
fn fish_completes() {
    if !has_tool("fish") {
        return;
    }
    let scene = Scene::new();
    scene.file("home/script", script("fish"));
    says("fish", &["--no-execute", "script"], &scene, "");
    for (line, expected) in LINES {
        let words = ["-c", "source script; complete -C $argv[1]", line];
        let found = says("fish", &words, &scene, "");
        // A description follows behind a tab.
        let found: Vec<_> = found
            .iter()
            .map(|f| f.split('\t').next().unwrap())
            .collect();
        assert_eq!(found, *expected, "{line}");
    }
}

/// An interactive zsh on its own terminal, in which Tab is pressed after the line. It prints the offered
/// completions, instead of only showing them.
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

/// Lets zsh find the script in a folder of `fpath`.
const ZSH_FPATH: &str = "fpath=($PWD $fpath)\nautoload -Uz compinit\ncompinit -D -u\n";

#[test]
fn zsh_completes() {
    if !has_tool("zsh") {
        return;
    }
    let scene = Scene::new();
    scene.file("home/_peerbridge", script("zsh"));
    scene.file("home/outer", ZSH);
    says("zsh", &["-n", "_peerbridge"], &scene, "");
    let sourced = ZSH_INNER.replace(ZSH_FPATH, "source ./_peerbridge\n");
    assert_ne!(sourced, ZSH_INNER);
    let runs = LINES
        .iter()
        .flat_map(|case| [(case, ZSH_INNER), (case, &sourced)]);
    for ((line, expected), inner) in runs {
        scene.file("home/inner", inner);
        let found = says("zsh", &["-f", "outer", line], &scene, "");
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
    let scene = Scene::new();
    let page = script("man");
    let said = says("mandoc", &["-T", "lint"], &scene, &page);
    assert!(said.is_empty(), "{said:?}");
    let shown = says("mandoc", &["-T", "utf8"], &scene, &page).join("\n");
    assert!(shown.contains("PEERBRIDGE_SECRET_FILE"), "{shown}");
}
