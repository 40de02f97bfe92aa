//! The recipes of `docs/SCRIPTING.md`, run as they stand.

use crate::program::{assert_same, tree, until};
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// One `##` section: what each machine runs.
#[derive(Default)]
struct Recipe {
    title: String,
    blocks: BTreeMap<String, String>,
}

fn recipes() -> (String, Vec<Recipe>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SCRIPTING.md");
    let page = fs::read_to_string(path).unwrap();
    let mut setup = String::new();
    let mut recipes: Vec<Recipe> = Vec::new();
    let mut block: Option<(String, String)> = None;
    for line in page.lines() {
        match &mut block {
            Some((role, script)) if line == "```" => {
                match (role.as_str(), recipes.last_mut()) {
                    ("setup", _) => setup = std::mem::take(script),
                    (_, Some(recipe)) => {
                        let before = recipe.blocks.insert(role.clone(), std::mem::take(script));
                        assert!(before.is_none(), "two blocks of one machine");
                    }
                    (_, None) => panic!("a block outside a recipe"),
                }
                block = None;
            }
            Some((_, script)) => {
                script.push_str(line);
                script.push('\n');
            }
            None => {
                if let Some(title) = line.strip_prefix("## ") {
                    let title = title.to_owned();
                    recipes.push(Recipe {
                        title,
                        ..Recipe::default()
                    });
                } else if let Some(role) = line.strip_prefix("```sh ") {
                    block = Some((role.to_owned(), String::new()));
                }
            }
        }
    }
    (setup, recipes)
}

fn start(script: &str, home: &Path, there: &str, port: u16) -> Child {
    let program = Path::new(env!("CARGO_BIN_EXE_peerbridge"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    Command::new("sh")
        .args(["-e", "-c", script])
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("there", there)
        .env("PEERBRIDGE_PORT", port.to_string())
        .env("PEERBRIDGE_SECRET_FILE", home.join(".peerbridge-secret"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A port that was free a moment ago: the recipes name it in a variable of the environment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("[::]:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn every_recipe_works_as_it_stands() {
    let (setup, recipes) = recipes();
    assert!(recipes.len() >= 5, "{}", recipes.len());
    for recipe in &recipes {
        let home = tempfile::tempdir().unwrap();
        let source = tree(home.path(), "backup", 41);
        let port = free_port();
        let begin = |script: &str| start(script, home.path(), "127.0.0.1", port);
        assert!(begin(&setup).wait().unwrap().success(), "the setup");
        let server = recipe
            .blocks
            .get("receiver")
            .or(recipe.blocks.get("server"));
        let receive = "peerbridge receive \"$HOME/inbox\" --yes --wait 60";
        let mut server = begin(server.map_or(receive, String::as_str));
        let sender = begin(&recipe.blocks["sender"]).wait().unwrap();
        assert!(sender.success(), "the sender of: {}", recipe.title);
        let server = until(&recipe.title, || server.try_wait().unwrap());
        assert!(server.success(), "the receiver of: {}", recipe.title);
        let inbox = home.path().join("inbox");
        let whole = match inbox.join("backup").exists() {
            true => inbox.join("backup"),
            false => inbox,
        };
        assert_same(&source, &whole);
        let archive = home.path().join("archive");
        if archive.exists() {
            assert_same(&source, &archive.join("backup"));
            let ledger = fs::read_to_string(home.path().join("ledger")).unwrap();
            assert_eq!(ledger, "3 files of 310000 bytes from 127.0.0.1\n");
        }
    }
}

#[test]
fn the_service_file_starts_a_command_line_that_is_understood() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/peerbridge.service");
    let unit = fs::read_to_string(unit).unwrap();
    let line = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let words = line.unwrap().replace("/etc/", "/no/such/");
    let words: Vec<_> = words.split(' ').skip(1).collect();
    let ran = crate::program::run(&words).expect(2);
    assert!(ran.err.contains("cannot read the secret"), "{}", ran.err);
}
