//! How the two sides authenticate: phrases that people compare, a secret of their own, names and one-time
//! codes.

use crate::driver;
use crate::harness::{Scene, until};
use crate::page::Page;
use crate::side::{Side, two_sides};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn people_compare_words_and_both_pages_heed_them() {
    let scene = Scene::new();
    scene.file("out/note", "x");
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    sender.chooses("note");
    sender.browser.click("#send summary", "");
    sender.browser.click("#send [name=verify]", "");
    let code = sender.sends();
    receiver.receives(&code);
    let phrases = [&sender, &receiver].map(|side| {
        side.browser
            .shows(".question h3", "Does the other side show the same words?");
        side.browser.text(".question .big-code")
    });
    assert_eq!(phrases[0], phrases[1]);
    assert_eq!(phrases[0].split("-").count(), 4, "{phrases:?}");
    receiver.looks_good("compare");
    sender.browser.click(".question button", "The same");
    receiver.browser.click(".question button", "Different");
    for side in [&sender, &receiver] {
        side.browser.shows(".result.bad h2", "It did not work");
    }
    receiver.looks_good("different");
    assert_eq!(scene.names_in("in"), Vec::<String>::new());
    for side in [&sender, &receiver] {
        side.browser.click("#job button", "Try again");
    }
    for side in [&sender, &receiver] {
        side.browser.click(".question button", "The same");
    }
    receiver.browser.click(".question .primary", "Accept");
    receiver.browser.shows(".result.good h2", "Received");
    sender.browser.shows(".result.good h2", "Sent");
    scene.assert_same("out/note", "in/note");
}

#[test]
fn a_secret_of_ones_own_and_an_address_need_no_discovery() {
    if !driver::is_here() {
        return;
    }
    let scene = Scene::new();
    scene.file("out/note", "x");
    let receiver = scene
        .run("receive in --yes")
        .secret("a secret of our own")
        .listens();
    let page = Page::start_as(&scene, "out", |run| {
        run.arg("--no-open").env("PEERBRIDGE_DISCOVERY", "off")
    });
    let sender = Side::of(&scene, "out", page);
    sender.chooses("note");
    sender.dials("a secret of our own", receiver.port());
    sender.browser.shows(".result.good h2", "Sent");
    receiver.ends().exits(0);
    scene.assert_same("out/note", "in/note");
    let shown = sender.browser.script("return document.body.innerHTML");
    let events = sender.page.events_until("done");
    let told = format!("{shown} {events:?} {}", sender.page.running.error());
    assert!(!told.contains("a secret of our own"), "{told}");
}

#[test]
fn a_drop_box_that_wants_one_time_codes_gets_one() {
    if !driver::is_here() {
        return;
    }
    let scene = Scene::new();
    scene.file("out/note", "x");
    scene.private_file(
        "names",
        "alice right words\nalice --totp GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n",
    );
    let served = scene.listens("serve inbox --secrets-file names");
    let sender = Side::start(&scene, "out");
    sender.chooses("note");
    sender.browser.click("#send summary", "");
    sender.browser.types("#send [name=as]", "alice");
    sender.browser.click("#send summary", "");
    sender.dials("right words", served.port());
    sender
        .browser
        .shows(".question h3", "The other side asks for a one-time code");
    sender.looks_good("one-time-code");
    sender.browser.types(".question input", "12");
    sender.browser.click(".question .primary", "");
    sender
        .browser
        .shows("#problem", "\"12\" is not an answer to this question.");
    sender
        .browser
        .script("document.querySelector('.question input').value = ''");
    sender.browser.types(".question input", &next_code());
    sender.browser.click(".question .primary", "");
    sender.browser.shows(".result.good h2", "Sent");
    until("the file", || {
        scene.path("inbox/alice/note").exists().then_some(())
    });
}

/// The code of RFC 6238 for the key above in the next half minute, because the one at the start is refused.
fn next_code() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let step = now.expect("a clock").as_secs() / 30 + 1;
    let mut mac = Hmac::<Sha1>::new_from_slice(b"12345678901234567890").expect("a key");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}
