//! The page in a real browser: both sides of transfers, what a person sees and does.

use crate::driver::{self, Browser};
use crate::harness::Scene;
use crate::harness::trees::noise;
use crate::page::Page;
use serde_json::json;
use std::path::PathBuf;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// A page's program and a browser that shows it.
struct Side {
    page: Page,
    browser: Browser,
}

impl Side {
    fn start(scene: &Scene, name: &str) -> Side {
        let page = Page::start(scene, name);
        let browser = Browser::start(scene, name);
        browser.looks(800, 900, "light");
        browser.open(&page.url);
        browser.shows("body[data-ready] #tabs", "");
        Side { page, browser }
    }

    /// Chooses a name in the folder that the dialog shows.
    fn chooses(&self, name: &str) {
        self.browser.click("#send-choose", "");
        let label = format!(
            "#chooser-list input[aria-label={:?}]",
            format!("Choose {name}")
        );
        self.browser.click(&label, "");
        self.browser.click("#chooser-take", "");
    }

    /// Sends what is chosen; the code that the page shows.
    fn sends(&self) -> String {
        self.browser.click("#send > .primary", "");
        self.browser.shows(".big-code", "");
        self.browser.text(".big-code")
    }

    #[track_caller]
    fn is_offered(&self, name: &str) {
        self.browser.shows(".question h3", "");
        let question = self.browser.text(".question h3");
        assert!(
            question.ends_with(&format!(" offers you {name}")),
            "{question}"
        );
    }

    fn receives(&self, code: &str) {
        self.browser.click("#tabs [data-tab=receive]", "");
        self.browser.types("#receive [name=code]", code);
        self.browser.click("#receive > .primary", "");
    }

    /// Fails where something on the page is without a name, too pale, too small or too wide, at three widths, dark and
    /// light. Takes pictures for people, if `PEERBRIDGE_TEST_PICTURES` names a folder for them.
    #[track_caller]
    fn looks_good(&self, name: &str) {
        let pictures = std::env::var_os("PEERBRIDGE_TEST_PICTURES").map(PathBuf::from);
        for width in [360, 800, 1400] {
            for scheme in ["light", "dark"] {
                self.browser.looks(width, 900, scheme);
                let faults = self.browser.script(include_str!("checks.js"));
                assert_eq!(faults, json!([]), "{name}, {width}, {scheme}");
                if let Some(folder) = &pictures {
                    let file = folder.join(format!("{name}-{width}-{scheme}.png"));
                    self.browser.picture(&file);
                }
            }
        }
        self.browser.looks(800, 900, "light");
    }
}

/// Two pages, or none where there is no browser.
fn two_sides(scene: &Scene) -> Option<(Side, Side)> {
    driver::is_here().then(|| (Side::start(scene, "out"), Side::start(scene, "in")))
}

#[test]
fn a_folder_goes_from_page_to_page_with_a_few_clicks_and_the_code() {
    let scene = Scene::new();
    scene.tree("out/photos", 7);
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.looks_good("send");
    sender.browser.click("#send-choose", "");
    sender.browser.shows("#chooser-list li", "photos");
    sender.looks_good("choose");
    sender.browser.click("#chooser-cancel", "");
    sender.chooses("photos");
    sender.looks_good("send-chosen");
    let code = sender.sends();
    sender.looks_good("send-code");
    receiver.browser.click("#tabs [data-tab=receive]", "");
    receiver.looks_good("receive");
    receiver.receives(&code);
    receiver.is_offered("photos");
    receiver.looks_good("accept");
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    sender.browser.shows(".result.good h2", "Sent");
    receiver.looks_good("received");
    sender.looks_good("sent");
    scene.assert_same("out/photos", "in/photos");
    for side in [&sender, &receiver] {
        let address = side.browser.address();
        let is_secret = address.contains(&side.page.token) || address.contains(&code);
        assert!(!is_secret, "{address}");
        let entries = side.browser.script("return history.length");
        assert!(entries.as_u64().unwrap() <= 2, "{entries}");
    }
    sender.browser.click("#job button", "Done");
    sender.browser.shows("#send", "");
    sender.browser.click("#end", "");
    sender.browser.shows("#gone h2", "peerbridge has ended");
    sender.looks_good("ended");
}

#[test]
fn the_keyboard_alone_is_enough() {
    let scene = Scene::new();
    scene.file("out/note", "x");
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.chooses("note");
    let code = sender.sends();
    // Quit, then the four tabs.
    receiver.browser.presses(&[TAB, TAB, TAB, ENTER].concat());
    receiver.browser.shows("#receive", "");
    receiver.browser.presses(&[TAB, TAB, TAB].concat());
    receiver.browser.presses(&code);
    receiver.browser.presses(ENTER);
    receiver.browser.shows(".question h3", "");
    receiver.browser.presses(&[TAB, ENTER].concat());
    receiver.browser.shows(".result.good h2", "Received");
    scene.assert_same("out/note", "in/note");
}

#[test]
fn hostile_names_are_text() {
    const NAMES: [&str; 3] = [
        "<img src=x onerror=document.title='owned'>",
        "<script>document.title='owned'<\u{2215}script>",
        "\u{202e}gpj.exe",
    ];
    let scene = Scene::new();
    for name in NAMES {
        scene.file(format!("out/{name}"), "x");
    }
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.browser.click("#send-choose", "");
    for number in 1..=NAMES.len() {
        let box_of_one = format!("#chooser-list li:nth-child({number}) input");
        sender.browser.click(&box_of_one, "");
    }
    sender.looks_good("hostile-names");
    sender.browser.click("#chooser-take", "");
    let code = sender.sends();
    receiver.receives(&code);
    receiver.browser.shows(".question h3", "");
    let offered = receiver.browser.text(".question");
    assert!(offered.contains("<img src=x"), "{offered}");
    assert!(offered.contains("\\u{202e}gpj.exe"), "{offered}");
    assert!(!offered.contains('\u{202e}'), "{offered}");
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    for side in [&sender, &receiver] {
        assert_eq!(side.browser.script("return document.title"), "peerbridge");
        let planted = side
            .browser
            .script("return document.querySelectorAll('main img, main script').length");
        assert_eq!(planted, 0);
    }
}

#[test]
fn a_page_that_was_closed_finds_its_transfer_again_and_two_pages_agree() {
    let scene = Scene::new();
    scene.file("out/note", "x");
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.chooses("note");
    let code = sender.sends();
    receiver.receives(&code);
    receiver.browser.shows(".question h3", "");
    receiver.browser.open("about:blank");
    receiver.browser.open(&receiver.page.url);
    receiver.is_offered("note");
    let second = Browser::start(&scene, "second");
    second.open(&receiver.page.url);
    second.click(".question .primary", "Accept");
    second.shows(".result.good h2", "Received");
    receiver.browser.shows(".result.good h2", "Received");
    scene.assert_same("out/note", "in/note");
}

#[test]
fn what_is_declined_in_the_way_or_wrong_is_said() {
    let scene = Scene::new();
    scene.file("out/note", "the new one");
    scene.file("in/note", "the old");
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.chooses("note");
    let code = sender.sends();
    receiver.receives("4271-nosuchword");
    receiver.browser.shows("#problem", "No code has the word");
    receiver.looks_good("wrong-word");
    receiver
        .browser
        .script("document.querySelector('#receive [name=code]').value = ''");
    receiver.receives(&code);
    receiver.browser.click(".question button", "Decline");
    receiver.browser.shows(".result.bad h2", "It did not work");
    sender.browser.shows(".result.bad h2", "It did not work");
    sender.looks_good("declined");
    // Once more with the same code: a click on each side.
    sender.browser.click("#job button", "Try again");
    receiver.browser.click("#job button", "Try again");
    receiver.browser.click(".question .primary", "Accept");
    receiver
        .browser
        .shows(".question h3", "Some names are there already");
    receiver.looks_good("in-the-way");
    receiver.browser.click(".question button", "Keep both");
    receiver.browser.shows(".result.good h2", "Received");
    assert_eq!(scene.names_in("in"), ["note", "note (1)"]);
}

#[test]
fn an_interrupted_transfer_resumes_with_a_click() {
    let scene = Scene::new();
    scene.file("out/film", noise(3, 12_000_000));
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.chooses("film");
    sender.browser.click("#send summary", "");
    sender.looks_good("send-options");
    sender.browser.types("#send [name=rate_limit]", "2M");
    let code = sender.sends();
    receiver.receives(&code);
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".moving .figures", "");
    receiver.looks_good("receiving");
    receiver.browser.click("#job button", "Stop");
    receiver.browser.shows(".result.bad h2", "Stopped");
    receiver.looks_good("stopped");
    sender.browser.shows(
        "#job h2",
        "The connection was lost. Waiting for the other side",
    );
    sender.looks_good("lost");
    receiver.browser.click("#job button", "Resume");
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    let told = receiver.browser.text(".result");
    assert!(told.contains("resumed"), "{told}");
    scene.assert_same("out/film", "in/film");
}

#[test]
fn files_that_are_dropped_on_the_page_are_sent() {
    let scene = Scene::new();
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.browser.script(
        "const dropped = new DataTransfer();
         dropped.items.add(new File(['contents'], 'a b ü.txt'));
         dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, cancelable: true }));",
    );
    sender.browser.shows("#send-list li", "a b ü.txt");
    let code = sender.sends();
    receiver.receives(&code);
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    let file = scene.path("in/a b ü.txt");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "contents");
}

#[test]
fn archives_and_checks_have_their_pages() {
    if !driver::is_here() {
        return;
    }
    let scene = Scene::new();
    scene.tree("in/photos", 3);
    let side = Side::start(&scene, "in");
    side.browser.click("#tabs [data-tab=archives]", "");
    side.looks_good("archives");
    side.browser.click("#zip-choose", "");
    side.browser.click("#chooser-list input", "");
    side.browser.click("#chooser-take", "");
    side.browser.types("#zip [name=password]", "one two");
    side.browser.click("#zip .primary", "");
    side.browser.shows(".result.good h2", "The archive is made");
    side.browser.click("#job button", "Done");
    side.browser.click("[data-choose=archive]", "");
    side.browser.click("#chooser-list button", "archive.zip");
    side.browser.click("#unzip button", "Show contents");
    side.browser.shows("#job td", "photos/");
    side.looks_good("contents");
    side.browser.click("#job button", "Done");
    side.browser.click("#tabs [data-tab=check]", "");
    side.browser.click("#check .primary", "");
    side.browser.shows(".result.good h2", "Checked");
    side.looks_good("checked");
}
