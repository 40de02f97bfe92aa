//! The recipes of `docs/SCRIPTING.md`, run unchanged.

use crate::harness::trees::contents;
use crate::harness::{Run, Scene, free_port};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One `##` section: the commands of each machine.
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

/// A shell on one of the machines, with the environment that the page assumes.
fn shell(script: &str, scene: &Scene, port: u16) -> Run {
    let program = Path::new(env!("CARGO_BIN_EXE_peerbridge"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let shell = scene.command("sh").args(["-e", "-c", script]);
    let shell = shell.env("PATH", path).env("there", "127.0.0.1");
    let shell = shell.env("PEERBRIDGE_PORT", port.to_string());
    let secret = scene.path("home/.peerbridge-secret");
    let shell = shell.without("PEERBRIDGE_SECRET");
    shell.env("PEERBRIDGE_SECRET_FILE", secret)
}

#[test]
fn every_recipe_works_as_it_stands() {
    let (setup, recipes) = recipes();
    assert!(recipes.len() >= 5, "{}", recipes.len());
    for recipe in &recipes {
        let scene = Scene::new();
        scene.tree("home/backup", 41);
        let port = free_port();
        let begin = |script: &str| shell(script, &scene, port);
        begin(&setup).exits(0);
        let server = recipe
            .blocks
            .get("receiver")
            .or(recipe.blocks.get("server"));
        let receive = "peerbridge receive \"$HOME/inbox\" --yes --wait 60";
        let server = begin(server.map_or(receive, String::as_str)).start();
        println!("{}", recipe.title);
        begin(&recipe.blocks["sender"]).exits(0);
        server.ends().exits(0);
        let whole = match scene.path("home/inbox/backup").exists() {
            true => "home/inbox/backup",
            false => "home/inbox",
        };
        // Some recipes use tools that keep no times, so only contents are compared.
        let sent = contents(&scene.path("home/backup"));
        let arrived = |top| assert!(contents(&scene.path(top)) == sent, "{top}");
        arrived(whole);
        if scene.path("home/archive").exists() {
            arrived("home/archive/backup");
            let ledger = fs::read_to_string(scene.path("home/ledger")).unwrap();
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
    let ended = Scene::new().run("").args(words).exits(2);
    ended.says("cannot read the secret");
}
