//! Whole transfers with the keyboard alone, by Tab and Enter.

use crate::driver::{Browser, ENTER, TAB};
use crate::harness::Scene;
use crate::side::two_sides;

/// Presses Tab until the focus is on an element that matches.
#[track_caller]
fn tabs_to(browser: &Browser, selector: &str) {
    browser.shows(selector, "");
    let is_there = || {
        browser.script(&format!(
            "return document.activeElement.matches({selector:?})"
        ))
    };
    for _ in 0..60 {
        if is_there() == true {
            return;
        }
        browser.presses(TAB);
    }
    panic!("Tab never leads to {selector}: {}", browser.text("body"));
}

#[track_caller]
fn enters(browser: &Browser, selector: &str) {
    tabs_to(browser, selector);
    let is_seen = browser.script("return document.activeElement.matches(':focus-visible')");
    assert_eq!(is_seen, true, "the focus on {selector} is not seen");
    browser.presses(ENTER);
}

#[test]
fn tab_and_enter_are_enough_for_a_whole_transfer() {
    let scene = Scene::new();
    scene.file("out/photos/note", "x");
    let Some((sender, receiver)) = two_sides(&scene) else {
        return;
    };
    let browser = &sender.browser;
    enters(browser, "#send-choose");
    enters(browser, "#chooser-list .folder-name");
    enters(browser, "#chooser-list input[aria-label='Choose note']");
    enters(browser, "#chooser-take");
    browser.shows("#send-list li", "note");
    enters(browser, "#send > .primary");
    browser.shows(".big-code", "");
    let code = browser.text(".big-code");
    let browser = &receiver.browser;
    enters(browser, "#tabs [data-tab=receive]");
    tabs_to(browser, "#receive [name=code]");
    browser.presses(&code);
    browser.presses(ENTER);
    enters(browser, ".question .primary");
    browser.shows(".result.good h2", "Received");
    scene.assert_same("out/photos/note", "in/note");
    for browser in [&sender.browser, &receiver.browser] {
        browser.shows(".result.good", "");
        tabs_to(browser, "#job .actions button:last-child");
        browser.presses(ENTER);
        browser.shows("#tabs", "");
    }
    sender.browser.shows("#send", "");
    enters(&sender.browser, "#end");
    sender.browser.shows("#gone h2", "peerbridge has ended");
}
