//! The page and the desktop: starting the browser, showing a folder, ending.

use crate::harness::{Run, Scene, until};
use crate::page::Page;
use crate::side::Side;
use rustix::process::Signal;
use serde_json::json;
use std::io::{Read, Write};
use std::path::PathBuf;

/// Replaces the browser and the file manager by a program that records its argument and the contents of that
/// file.
fn with_desktop(scene: &Scene) -> impl FnOnce(Run) -> Run {
    let script = "#!/bin/sh\ncat \"$1\" > \"$HOME/page\" 2>/dev/null\nprintf '%s\\n' \"$@\" > \"$HOME/opening\"\n\
                  mv \"$HOME/opening\" \"$HOME/opened\"\n";
    let program = scene.file("bin/xdg-open", script);
    crate::harness::trees::set_mode(&program, 0o755);
    let mut folders = vec![scene.path("bin")];
    folders.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let path = std::env::join_paths(folders).expect("a search path");
    move |run| run.env("PATH", path)
}

/// The record of what the desktop was asked to open.
fn opened(scene: &Scene) -> String {
    until("a call of the desktop", || {
        std::fs::read_to_string(scene.path("home/opened")).ok()
    })
}

#[test]
fn the_browser_opens_at_the_start_and_other_users_see_no_token() {
    let scene = Scene::new();
    let page = Page::start_as(&scene, "in", with_desktop(&scene));
    let called = opened(&scene);
    assert!(!called.contains(&page.token), "{called}");
    let shown = std::fs::read_to_string(scene.path("home/page")).unwrap();
    assert!(shown.contains(&page.url), "{shown}");
    let file = PathBuf::from(called.trim_end());
    assert!(file.starts_with(scene.path("tmp")), "{called}");
    use std::os::unix::fs::PermissionsExt;
    let folder = file.parent().unwrap().metadata().unwrap();
    assert_eq!(folder.permissions().mode() & 0o077, 0);
    page.quits();
    assert!(!file.exists());
}

#[test]
fn no_open_opens_nothing() {
    let scene = Scene::new();
    let desktop = with_desktop(&scene);
    let page = Page::start_as(&scene, "in", |run| desktop(run).arg("--no-open"));
    page.quits();
    assert!(!scene.path("home/opened").exists());
}

#[test]
fn show_in_folder_opens_the_folder_of_what_came() {
    if !crate::driver::is_here() {
        return;
    }
    let scene = Scene::new();
    scene.file("note", "x");
    let desktop = with_desktop(&scene);
    let page = Page::start_as(&scene, "in", |run| desktop(run).arg("--no-open"));
    let receiver = Side::of(&scene, "in", page);
    receiver.browser.click("#tabs [data-tab=receive]", "");
    receiver.browser.click("#receive > .primary", "");
    receiver.browser.shows(".big-code", "");
    let code = receiver.browser.text(".big-code");
    let sender = Page::start(&scene, "out");
    sender.posts(
        "send",
        json!({ "code": code, "paths": [{ "path": scene.path("note") }] }),
    );
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.click("#job button", "Show in folder");
    assert_eq!(
        opened(&scene).trim_end(),
        scene.path("in").to_str().unwrap()
    );
    sender.quits();
}

#[test]
fn it_ends_by_itself_when_no_page_is_open_and_nothing_runs() {
    let scene = Scene::new();
    let page = Page::start_as(&scene, "in", |run| run.args(["--no-open", "--idle", "1"]));
    // An open page and a running job both keep the program from ending.
    let mut open = page.connect();
    write!(
        open,
        "GET /api/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        page.host, page.token
    )
    .unwrap();
    open.read_exact(&mut [0; 12]).unwrap();
    page.posts(
        "receive",
        json!({ "folder": scene.path("in"), "existing": "fail" }),
    );
    page.posts("cancel", json!({}));
    page.waits_for("done");
    drop(open);
    page.running.ends().exits(0);
}

#[test]
fn ctrl_c_ends_it_and_leaves_nothing() {
    let scene = Scene::new();
    let page = Page::start_as(&scene, "in", with_desktop(&scene));
    opened(&scene);
    page.running.signal(Signal::INT);
    page.running.ends().was_killed_by(Signal::INT);
    crate::page::until_gone(&scene, "tmp", "peerbridge-web-");
}
