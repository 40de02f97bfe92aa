//! One side of a transfer: a page and a browser, and a person's actions there.

use crate::axe;
use crate::driver::{self, Browser};
use crate::harness::Scene;
use crate::page::Page;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A page and a browser that shows it.
pub struct Side {
    pub page: Page,
    pub browser: Browser,
}

impl Side {
    /// Starts both, with the folder `name` of the scene.
    pub fn start(scene: &Scene, name: &str) -> Side {
        Side::of(scene, name, Page::start(scene, name))
    }

    /// A browser for a page.
    pub fn of(scene: &Scene, name: &str, page: Page) -> Side {
        let browser = Browser::start(scene, name);
        browser.looks(800, 900, "light");
        browser.open(&page.url);
        browser.shows("body[data-ready] #tabs", "");
        Side { page, browser }
    }

    /// Chooses a name in the folder that the dialog shows.
    pub fn chooses(&self, name: &str) {
        self.browser.click("#send-choose", "");
        let label = format!(
            "#chooser-list input[aria-label={:?}]",
            format!("Choose {name}")
        );
        self.browser.click(&label, "");
        self.browser.click("#chooser-take", "");
    }

    /// Sends the chosen files, and returns the code that the page shows.
    pub fn sends(&self) -> String {
        self.browser.click("#send > .primary", "");
        self.browser.shows(".big-code", "");
        self.browser.text(".big-code")
    }

    /// Waits for the offer of `name`.
    #[track_caller]
    pub fn is_offered(&self, name: &str) {
        self.browser.shows(".question h3", "");
        let question = self.browser.text(".question h3");
        assert!(
            question.ends_with(&format!(" offers you {name}")),
            "{question}"
        );
    }

    /// Sends the chosen files to an address of this machine.
    pub fn dials(&self, secret: &str, port: u16) {
        self.browser.click("#send summary", "");
        self.browser.types("#send [name=code]", secret);
        let address = format!("127.0.0.1:{port}");
        self.browser.types("#send [name=address]", &address);
        self.browser.click("#send > .primary", "");
    }

    /// Types a code and receives.
    pub fn receives(&self, code: &str) {
        self.browser.click("#tabs [data-tab=receive]", "");
        self.browser.types("#receive [name=code]", code);
        self.browser.click("#receive > .primary", "");
    }

    /// Fails if something on the page has no name, or is too pale, too small or too wide. Checks at three
    /// widths, dark and light, with our own rules and axe-core. Leaves pictures in `target/web-pictures`.
    #[track_caller]
    pub fn looks_good(&self, name: &str) {
        for width in [360, 800, 1400] {
            for scheme in ["light", "dark"] {
                self.browser.looks(width, 900, scheme);
                let faults = self.browser.script(include_str!("checks.js"));
                assert_eq!(faults, json!([]), "{name}, {width}, {scheme}");
                // axe-core's rules depend on the colours, and on the width only for narrow pages.
                if width == 360 {
                    let faults = axe::faults(&self.browser);
                    assert_eq!(faults, json!([]), "{name}, {scheme}");
                }
                let file = format!("{name}-{width}-{scheme}.png");
                self.browser.picture(&pictures().join(file));
            }
        }
        self.browser.looks(800, 900, "light");
    }
}

/// The folder for pictures.
fn pictures() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let folder = target.expect("a target folder").join("web-pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Two pages, or none where there is no browser.
pub fn two_sides(scene: &Scene) -> Option<(Side, Side)> {
    driver::is_here().then(|| (Side::start(scene, "out"), Side::start(scene, "in")))
}
