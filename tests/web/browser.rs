//! The page in a real browser: both sides of transfers, as a person sees and uses them.

use crate::driver::{self, Browser};
use crate::harness::proxy::{PASS, Proxy, Way, to_listener};
use crate::harness::trees::noise;
use crate::harness::{Scene, free_port, until};
use crate::page::Page;
use crate::side::{Side, two_sides};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    sender.browser.click("#send summary", "");
    sender.looks_good("send-options");
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
    // Once more with the same code, by one click on each side.
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

/// Two sides in the middle of a file that is sent at this rate.
fn in_the_middle_of_a_film(scene: &Scene, rate: &str) -> Option<(Side, Side)> {
    scene.file("out/film", noise(3, 12_000_000));
    let (sender, receiver) = two_sides(scene)?;
    sender.chooses("film");
    sender.browser.click("#send summary", "");
    sender.browser.types("#send [name=rate_limit]", rate);
    let code = sender.sends();
    receiver.receives(&code);
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".moving .figures", "");
    Some((sender, receiver))
}

#[test]
fn progress_and_interruption_have_their_looks() {
    let scene = Scene::new();
    let Some((sender, receiver)) = in_the_middle_of_a_film(&scene, "100K") else {
        return;
    };
    let shifts = "window.shifts = 0;
        new PerformanceObserver((list) => { for (const { value } of list.getEntries()) window.shifts += value; })
            .observe({ type: 'layout-shift' });";
    receiver.browser.script(shifts);
    until("more progress", || {
        let percent = receiver.browser.text(".figures strong");
        let percent: u32 = percent.trim_end_matches('%').parse().ok()?;
        (percent >= 4).then_some(())
    });
    let shifts = receiver.browser.script("return window.shifts");
    assert_eq!(shifts, json!(0), "what stays must stay where it is");
    receiver.looks_good("receiving");
    receiver.browser.click("#job button", "Stop");
    receiver.browser.shows(".result.bad h2", "Stopped");
    receiver.looks_good("stopped");
    sender.browser.shows(
        "#job h2",
        "The connection was lost. Waiting for the other side",
    );
    sender.looks_good("lost");
}

#[test]
fn an_interrupted_transfer_resumes_with_a_click() {
    let scene = Scene::new();
    let Some((sender, receiver)) = in_the_middle_of_a_film(&scene, "2M") else {
        return;
    };
    receiver.browser.click("#job button", "Stop");
    receiver.browser.shows(".result.bad h2", "Stopped");
    sender.browser.shows(
        "#job h2",
        "The connection was lost. Waiting for the other side",
    );
    receiver.browser.click("#job button", "Resume");
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    let told = receiver.browser.text(".result");
    assert!(told.contains("resumed"), "{told}");
    scene.assert_same("out/film", "in/film");
}

#[test]
fn a_line_that_is_cut_resumes_with_a_click() {
    let scene = Scene::new();
    scene.file("out/film", noise(4, 3_000_000));
    if !driver::is_here() {
        return;
    }
    let port = free_port();
    let page = Page::start_as(&scene, "in", |run| {
        run.arg("--no-open")
            .env("PEERBRIDGE_PORT", port.to_string())
    });
    let receiver = Side::of(&scene, "in", page);
    receiver.browser.click("#tabs [data-tab=receive]", "");
    receiver.browser.click("#receive > .primary", "");
    receiver.browser.shows(".big-code", "");
    let code = receiver.browser.text(".big-code");
    // The proxy cuts the connection in the middle of the file, and further ones until `is_mended`.
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let line = Proxy::by_connection(port, move |number| match number {
        0 => to_listener(Way::Cut(1_500_000)),
        _ if mended.load(Ordering::SeqCst) => PASS,
        _ => to_listener(Way::Cut(0)),
    });
    let sender = Side::start(&scene, "out");
    sender.chooses("film");
    sender.browser.click("#send summary", "");
    sender.browser.types("#send [name=rate_limit]", "4M");
    sender.browser.click("#send summary", "");
    sender.dials(&code, line.port());
    receiver.browser.click(".question .primary", "Accept");
    sender.browser.shows(".result.bad h2", "Interrupted");
    sender.looks_good("interrupted");
    is_mended.store(true, Ordering::SeqCst);
    sender.browser.click("#job button", "Resume");
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    let told = receiver.browser.text(".result");
    assert!(told.contains("resumed"), "{told}");
    sender.browser.shows(".result.good h2", "Sent");
    scene.assert_same("out/film", "in/film");
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
