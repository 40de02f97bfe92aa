//! Transfers started by the requests of a page, over raw sockets and without a browser.

use crate::harness::{Scene, is_root};
use crate::page::Page;
use serde_json::{Value, json};

/// Answers the open question, which must be about `about`, and returns it.
fn answers(page: &Page, about: &str, answer: &str) -> Value {
    let question = page.question(about);
    page.posts(
        "answer",
        json!({ "question": question["question"], "answer": answer }),
    );
    question
}

/// Starts sending one path, and returns the code.
fn sends(page: &Page, scene: &Scene, path: &str) -> String {
    page.posts("send", json!({ "paths": [{ "path": scene.path(path) }] }));
    page.waits_for("started")["code"]
        .as_str()
        .expect("a code")
        .to_owned()
}

fn receives(page: &Page, scene: &Scene, code: &str) {
    let folder = scene.path("in");
    page.posts(
        "receive",
        json!({ "code": code, "folder": folder, "existing": "fail" }),
    );
}

#[test]
fn a_code_leads_from_one_page_to_the_other() {
    let scene = Scene::new();
    scene.tree("photos", 7);
    let (sender, receiver) = (Page::start(&scene, "out"), Page::start(&scene, "in"));
    let code = sends(&sender, &scene, "photos");
    let (status, refused) = sender.post("again", &json!({}));
    assert_eq!(status, 409, "{refused}");
    receives(&receiver, &scene, &code.replace('-', " ").to_uppercase());
    let question = answers(&receiver, "accept", "yes");
    assert_eq!(question["about"], "accept");
    assert_eq!(question["names"], "photos");
    let done = receiver.waits_for("done");
    assert_eq!(
        (&done["exit"], &done["files"]),
        (&json!(0), &json!(3)),
        "{done}"
    );
    let events = sender.events_until("done");
    assert_eq!(events.last().unwrap()["exit"], 0);
    let said: Vec<&str> = events
        .iter()
        .filter_map(|event| event["text"].as_str())
        .collect();
    assert!(
        said.iter()
            .any(|text| text.ends_with("verified by the receiver")),
        "{said:?}"
    );
    scene.assert_same("photos", "in/photos");
    // Another transfer, in which the receiver makes the code.
    receives(&receiver, &scene, "");
    let code = receiver.waits_for("started")["code"]
        .as_str()
        .unwrap()
        .to_owned();
    scene.file("note", "x");
    sender.posts(
        "send",
        json!({ "code": code, "paths": [{ "path": scene.path("note") }] }),
    );
    answers(&receiver, "accept", "yes");
    assert_eq!(receiver.waits_for("done")["exit"], 0);
    assert_eq!(sender.waits_for("done")["exit"], 0);
    scene.assert_same("note", "in/note");
    sender.quits();
    receiver.quits();
}

#[test]
fn declining_leaves_nothing_and_both_hear_why() {
    let scene = Scene::new();
    scene.file("file", "1");
    let (sender, receiver) = (Page::start(&scene, "out"), Page::start(&scene, "in"));
    let code = sends(&sender, &scene, "file");
    receives(&receiver, &scene, &code);
    let question = receiver.waits_for("question");
    let wrong = json!({ "question": question["question"], "answer": "maybe" });
    assert_eq!(receiver.post("answer", &wrong).0, 422);
    answers(&receiver, "accept", "no");
    assert_eq!(receiver.waits_for("done")["exit"], 14);
    assert_eq!(sender.waits_for("done")["exit"], 6);
    assert_eq!(scene.names_in("in"), Vec::<String>::new());
    sender.quits();
    receiver.quits();
}

#[test]
fn what_is_in_the_way_is_asked_with_each_policy() {
    let cases = [
        ("rename", 0, "older", true),
        ("skip", 0, "older", false),
        ("overwrite", 0, "new", false),
        ("fail", 7, "older", false),
    ];
    for (policy, exit, contents, is_beside) in cases {
        let scene = Scene::new();
        scene.file("file", "new");
        scene.file("in/file", "older");
        let (sender, receiver) = (Page::start(&scene, "out"), Page::start(&scene, "in"));
        let code = sends(&sender, &scene, "file");
        receives(&receiver, &scene, &code);
        answers(&receiver, "accept", "yes");
        let asked = receiver.question("existing");
        receiver.posts(
            "answer",
            json!({ "question": asked["question"], "answer": policy }),
        );
        let done = receiver.waits_for("done");
        assert_eq!(done["exit"], exit, "{policy}: {done}");
        sender.waits_for("done");
        assert_eq!(
            std::fs::read_to_string(scene.path("in/file")).unwrap(),
            contents,
            "{policy}"
        );
        assert_eq!(scene.path("in/file (1)").exists(), is_beside, "{policy}");
        sender.quits();
        receiver.quits();
    }
}

#[test]
fn another_code_is_told_and_stopping_ends_the_wait() {
    let scene = Scene::new();
    scene.file("file", "1");
    let (sender, receiver) = (Page::start(&scene, "out"), Page::start(&scene, "in"));
    let code = sends(&sender, &scene, "file");
    let (begin, last) = code.rsplit_once('-').unwrap();
    let other = if last == "acorn" { "almond" } else { "acorn" };
    let (status, refused) = receiver.post(
        "receive",
        &json!({ "code": format!("{begin}-nosuchword"), "folder": scene.path("in"), "existing": "fail" }),
    );
    assert_eq!(status, 422);
    assert!(
        refused["error"].as_str().unwrap().contains("nosuchword"),
        "{refused}"
    );
    receives(&receiver, &scene, &format!("{begin}-{other}"));
    for page in [&sender, &receiver] {
        let warning = page.waits_for("warning");
        let text = warning["message"].as_str().unwrap();
        assert!(text.starts_with("wrong secret from "), "{text}");
    }
    for page in [&sender, &receiver] {
        page.posts("cancel", json!({}));
        let exit = page.waits_for("done")["exit"].as_u64().unwrap();
        assert!([3, 12].contains(&exit), "{exit}");
    }
    assert_eq!(scene.names_in("in"), Vec::<String>::new());
    sender.quits();
    receiver.quits();
}

#[test]
fn dropped_files_are_sent_and_their_copy_goes() {
    let scene = Scene::new();
    let (sender, receiver) = (Page::start(&scene, "out"), Page::start(&scene, "in"));
    let dropped = sender.posts("drop", json!({}))["dropped"].clone();
    for (name, contents) in [
        ("a%20b/one", "1"),
        ("a%20b/deep/two", "22"),
        ("three", "333"),
    ] {
        let request = format!(
            "POST /api/upload HTTP/1.1\r\n{}Folder: {}\r\nName: {name}\r\nContent-Length: {}\r\n\r\n{contents}",
            sender.fields(),
            dropped.as_str().unwrap(),
            contents.len(),
        );
        assert!(sender.exchange(request).starts_with("HTTP/1.1 200"));
    }
    sender.posts("send", json!({ "dropped": dropped }));
    let code = sender.waits_for("started")["code"]
        .as_str()
        .unwrap()
        .to_owned();
    receives(&receiver, &scene, &code);
    answers(&receiver, "accept", "yes");
    assert_eq!(receiver.waits_for("done")["files"], 3);
    assert_eq!(
        std::fs::read_to_string(scene.path("in/a b/deep/two")).unwrap(),
        "22"
    );
    assert_eq!(
        std::fs::read_to_string(scene.path("in/three")).unwrap(),
        "333"
    );
    assert_eq!(sender.waits_for("done")["exit"], 0);
    sender.quits();
    receiver.quits();
    crate::page::until_gone(&scene, "tmp", "peerbridge-web-");
}

#[test]
fn a_transfer_goes_on_without_a_page_and_pages_that_come_back_agree() {
    let scene = Scene::new();
    scene.file("film", crate::harness::trees::noise(5, 3_000_000));
    let (sender, receiver) = (Page::start(&scene, "out"), Page::start(&scene, "in"));
    let film = scene.path("film");
    sender.posts(
        "send",
        json!({ "paths": [{ "path": film }], "rate_limit": "1M" }),
    );
    let code = sender.waits_for("started")["code"].clone();
    receives(&receiver, &scene, code.as_str().unwrap());
    let question = receiver.question("accept");
    let answer = |word: &str| {
        let answer = json!({ "question": question["question"], "answer": word });
        receiver.post("answer", &answer).0
    };
    assert_eq!(answer("yes"), 200);
    assert_eq!(answer("no"), 409, "another page was faster");
    // Each call opens a page, reads the events so far, and closes it.
    receiver.waits_for("progress");
    let (status, refused) = receiver.post("leave", &json!({}));
    assert_eq!(status, 409, "{refused}");
    let mut seen = [&receiver, &receiver].map(|page| page.events_until("done"));
    // A page that came later gets only the latest progress event.
    for events in &mut seen {
        events.retain(|event| event["event"] != "progress");
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].last().unwrap()["exit"], 0);
    let names: Vec<_> = seen[0]
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(names[..2], ["page", "started"], "{names:?}");
    scene.assert_same("film", "in/film");
    receiver.posts("leave", json!({}));
    receiver.waits_for("left");
    sender.quits();
    receiver.quits();
}

#[test]
fn archives_are_made_listed_and_opened() {
    let scene = Scene::new();
    scene.tree("photos", 3);
    let page = Page::start(&scene, "in");
    let folder = scene.path("in");
    page.posts(
        "zip",
        json!({ "name": "p.zip", "folder": folder, "paths": [{ "path": scene.path("photos") }], "password": "one two" }),
    );
    assert_eq!(page.waits_for("done")["exit"], 0);
    let archive = scene.path("in/p.zip");
    page.posts("unzip", json!({ "archive": archive, "list": true }));
    let events = page.events_until("done");
    let entries: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "entry")
        .collect();
    assert_eq!(entries.len(), 6, "{events:?}");
    let open = |password: &str| {
        page.posts(
            "unzip",
            json!({ "archive": archive, "folder": folder, "password": password }),
        );
        page.waits_for("done")
    };
    assert_eq!(open("wrong")["exit"], 3);
    assert_eq!(open("one two")["exit"], 0);
    for file in ["one", "deep/two", "deep/er/none"] {
        let [one, other] = ["photos", "in/photos"].map(|top| scene.path(top).join(file));
        assert_eq!(
            std::fs::read(one).unwrap(),
            std::fs::read(other).unwrap(),
            "{file}"
        );
    }
    let (status, _) = page.post("zip", &json!({ "name": "../p", "folder": folder, "paths": [{ "path": archive }], "password": "x" }));
    assert_eq!(status, 422);
    page.quits();
}

#[test]
fn the_checks_of_doctor_are_events() {
    let scene = Scene::new();
    let page = Page::start(&scene, "in");
    page.posts("doctor", json!({ "folder": scene.path("in") }));
    let events = page.events_until("done");
    let checks = events.iter().filter(|event| event["event"] == "check");
    let transfer = checks.clone().find(|check| check["what"] == "transfer");
    assert_eq!(transfer.unwrap()["result"], "pass");
    assert!(checks.count() > 5);
    page.quits();
}

#[test]
fn folders_are_listed_and_made() {
    let scene = Scene::new();
    scene.file("in/<img src=x onerror=alert(1)>", "1");
    scene.folder("in/sub");
    let page = Page::start(&scene, "in");
    let listed = page.posts("list", json!({}));
    let names: Vec<_> = listed["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["name"])
        .collect();
    assert_eq!(names, ["sub", "<img src=x onerror=alert(1)>"]);
    assert_eq!(listed["entries"][1]["bytes"], 1);
    let made = page.posts("folder", json!({ "path": scene.path("in"), "name": "new" }));
    assert_eq!(made["path"], scene.path("in/new").to_str().unwrap());
    for bad in ["", "..", "a/b", ".peerbridge-x", "new"] {
        let (status, _) = page.post("folder", &json!({ "path": scene.path("in"), "name": bad }));
        assert_eq!(status, 422, "{bad}");
    }
    if !is_root() {
        assert_eq!(page.post("list", &json!({ "path": "/root" })).0, 422);
    }
    page.quits();
}
