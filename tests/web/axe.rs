//! axe-core, which looks for what keeps people with screen readers, keyboards or weak eyes out. A package of Python
//! carries it; nothing of it is here.

use crate::driver::Browser;
use crate::harness::has_tool;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::OnceLock;

/// The package with `axe.min.js`.
const PACKAGE: &str = "axe_playwright_python";

/// Says the folder of a package without loading it, because what it needs is not here.
const LOCATE: &str = "import importlib.util, sys; \
    print(importlib.util.find_spec(sys.argv[1]).submodule_search_locations[0])";

/// WCAG 2.2 A and AA, and what axe-core counts as good practice. No rule is left out.
const RUN: &str = "
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    return axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then(({ violations }) => violations
        .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`)));
";

/// What it finds on the page now; nothing where it is not installed.
pub fn faults(browser: &Browser) -> Value {
    let Some(axe) = source() else {
        return json!([]);
    };
    if browser.script("return typeof axe") == "undefined" {
        browser.script(&format!("{axe}; window.axe = axe;"));
    }
    browser.script(RUN)
}

fn source() -> Option<&'static str> {
    static SOURCE: OnceLock<Option<String>> = OnceLock::new();
    let source = SOURCE.get_or_init(|| {
        if !has_tool(PACKAGE) {
            return None;
        }
        let located = Command::new("python3")
            .args(["-c", LOCATE, PACKAGE])
            .output();
        let folder = String::from_utf8(located.expect("python3").stdout).expect("a path");
        let file = format!("{}/axe.min.js", folder.trim_end());
        Some(std::fs::read_to_string(file).expect("axe-core"))
    });
    source.as_deref()
}
