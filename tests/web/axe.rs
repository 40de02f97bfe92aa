//! axe-core, which finds barriers for people with screen readers, keyboards only, or weak eyes. It comes from a
//! Python package and is not part of this repository.

use crate::driver::Browser;
use crate::harness::has_tool;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::OnceLock;

/// The package with `axe.min.js`.
const PACKAGE: &str = "axe_playwright_python";

/// Prints the folder of a package without loading it, because its dependencies may be missing.
const LOCATE: &str = "import importlib.util, sys; \
    print(importlib.util.find_spec(sys.argv[1]).submodule_search_locations[0])";

/// The rules of WCAG 2.2 A and AA, and axe-core's best practices. No rule is disabled.
const RUN: &str = "
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    return axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then(({ violations }) => violations
        .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`)));
";

/// The faults that axe-core finds on the page now; none if it is not installed.
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
