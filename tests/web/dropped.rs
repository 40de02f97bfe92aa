//! Files and folders that are dropped on the page.

use crate::driver::Browser;
use crate::harness::Scene;
use crate::page::{Page, until_gone};
use crate::side::two_sides;
use rustix::process::Signal;
use serde_json::json;

/// The prefix of the program's temporary folders.
const FOLDERS: &str = "peerbridge-web-";

#[test]
fn files_that_are_dropped_on_the_page_are_sent() {
    let scene = Scene::new();
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    drops_text(&sender.browser, "a b ü.txt");
    sender.browser.shows("#send-list li", "a b ü.txt");
    sender.looks_good("send-dropped");
    let code = sender.sends();
    receiver.receives(&code);
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    let file = scene.path("in/a b ü.txt");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "contents");
    sender.browser.shows(".result.good h2", "Sent");
    until_gone(&scene, "tmp", FOLDERS);
}

#[test]
fn a_folder_that_is_dropped_on_the_page_is_sent_whole() {
    let scene = Scene::new();
    scene.tree("photos", 5);
    std::fs::remove_file(scene.path("photos/deep/er/none")).unwrap();
    std::fs::remove_dir(scene.path("photos/deep/er")).unwrap();
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.browser.drops(&[scene.path("photos")]);
    sender.browser.shows("#send-list li", "photos");
    let code = sender.sends();
    receiver.receives(&code);
    receiver.is_offered("photos");
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    for file in ["one", "deep/two"] {
        let [one, other] = ["photos", "in/photos"].map(|top| scene.path(top).join(file));
        assert_eq!(std::fs::read(one).unwrap(), std::fs::read(other).unwrap());
    }
}

#[test]
fn a_file_that_cannot_be_taken_up_is_told() {
    let scene = Scene::new();
    let Some((sender, _receiver)) = two_sides(&scene) else {
        return;
    };
    // A name that no system here allows; then the answer to a page that is no longer known, which is text.
    drops_text(&sender.browser, &"x".repeat(300));
    sender.browser.shows("#problem", "X");
    sender.browser.shows("#send-choose", "");
    sender.browser.script(
        "const open = XMLHttpRequest.prototype.open;
         XMLHttpRequest.prototype.open = function (method) { open.call(this, method, '/nothing'); };",
    );
    drops_text(&sender.browser, "note");
    sender
        .browser
        .shows("#problem", "Note cannot be taken up. Not Found.");
    let is_hidden = sender
        .browser
        .script("return document.getElementById('taking').hidden");
    assert_eq!(is_hidden, true);
}

#[test]
fn nothing_is_sent_while_files_are_taken_up() {
    let scene = Scene::new();
    let Some((sender, _receiver)) = two_sides(&scene) else {
        return;
    };
    // An upload that never ends.
    sender
        .browser
        .script("XMLHttpRequest.prototype.send = function () {};");
    drops_text(&sender.browser, "film");
    sender.browser.shows("#taking p", "Taking up film");
    sender.looks_good("taking-up");
    sender.browser.click("#send > .primary", "");
    let told = "Wait until the dropped files are taken up.";
    sender.browser.shows("#problem", told);
    assert_eq!(sender.browser.text(".big-code"), "");
}

#[test]
fn a_refused_request_leaves_dropped_files_as_they_were() {
    let scene = Scene::new();
    let (sender, receiver) = (Page::start(&scene, "out"), Page::start(&scene, "in"));
    let dropped = drops(&sender);
    let refused = [
        json!({ "dropped": dropped, "rate_limit": "fast" }),
        json!({ "dropped": dropped, "as": "alice" }),
        json!({ "dropped": dropped, "paths": [{ "path": scene.path("nothing") }] }),
    ];
    for request in refused {
        assert_eq!(sender.post("send", &request).0, 422, "{request}");
    }
    sender.posts("doctor", json!({ "folder": scene.path("out") }));
    sender.waits_for("done");
    sender.posts(
        "receive",
        json!({ "folder": scene.path("out"), "existing": "fail" }),
    );
    let busy = sender.post("send", &json!({ "dropped": dropped }));
    assert_eq!(busy.0, 409, "{busy:?}");
    sender.posts("cancel", json!({}));
    sender.waits_for("done");
    sender.posts("send", json!({ "dropped": dropped }));
    let code = sender.waits_for("started")["code"].clone();
    let folder = scene.path("in");
    receiver.posts(
        "receive",
        json!({ "code": code, "folder": folder, "existing": "fail" }),
    );
    let question = receiver.question("accept");
    receiver.posts(
        "answer",
        json!({ "question": question["question"], "answer": "no" }),
    );
    sender.waits_for("done");
    // The files stay for another try, and are removed when the person leaves.
    assert!(
        scene
            .names_in("tmp")
            .iter()
            .any(|name| name.starts_with(FOLDERS))
    );
    sender.posts("leave", json!({}));
    until_gone(&scene, "tmp", FOLDERS);
    assert_eq!(sender.post("again", &json!({})).0, 409);
    sender.quits();
    receiver.quits();
}

#[test]
fn dropped_files_go_however_the_program_ends() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let scene = Scene::new();
        let page = Page::start(&scene, "out");
        drops(&page);
        page.running.signal(signal);
        page.running.ends().was_killed_by(signal);
        until_gone(&scene, "tmp", FOLDERS);
    }
}

#[test]
fn of_many_pages_that_drop_files_and_are_closed_the_last_can_send() {
    let scene = Scene::new();
    let page = Page::start(&scene, "out");
    let dropped: Vec<_> = (0..6).map(|_| drops(&page)).collect();
    assert_eq!(page.post("send", &json!({ "dropped": dropped[0] })).0, 404);
    page.posts("send", json!({ "dropped": dropped[5] }));
    page.quits();
    until_gone(&scene, "tmp", FOLDERS);
}

/// Drops a file with text, as a browser hands it to the page.
fn drops_text(browser: &Browser, name: &str) {
    browser.script(&format!(
        "const dropped = new DataTransfer();
         dropped.items.add(new File(['contents'], {name:?}));
         dispatchEvent(new DragEvent('drop', {{ dataTransfer: dropped, cancelable: true }}));"
    ));
}

/// Drops a file by the requests that a page makes. Returns the name of the folder with it.
fn drops(page: &Page) -> serde_json::Value {
    let dropped = page.posts("drop", json!({}))["dropped"].clone();
    let request = format!(
        "POST /api/upload HTTP/1.1\r\n{}Folder: {}\r\nName: note\r\nContent-Length: 1\r\n\r\nx",
        page.fields(),
        dropped.as_str().expect("a name"),
    );
    assert!(page.exchange(request).starts_with("HTTP/1.1 200"));
    dropped
}
