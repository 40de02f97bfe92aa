//! Other programs that tests need.

use std::process::Command;

/// Whether a program or a Python module is installed. Fails if it is missing although tools are required, as in
/// CI.
pub fn has_tool(name: &str) -> bool {
    let is_found = match name {
        "pyzipper" => can_import("pyzipper"),
        "python3" => can_import("zipfile"),
        "axe_playwright_python" => has_package("axe_playwright_python"),
        _ => std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
        }),
    };
    let is_required = std::env::var_os("PEERBRIDGE_REQUIRE_TOOLS").is_some();
    assert!(is_found || !is_required, "{name} is not installed");
    if !is_found {
        eprintln!("skipped: {name} is not installed");
    }
    is_found
}

fn can_import(module: &str) -> bool {
    let import = format!("import {module}");
    let python = Command::new("python3").args(["-c", &import]).output();
    python.is_ok_and(|output| output.status.success())
}

/// Whether a package is installed. Its own dependencies may be missing.
fn has_package(name: &str) -> bool {
    let find =
        "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)";
    let python = Command::new("python3").args(["-c", find, name]).output();
    python.is_ok_and(|output| output.status.success())
}
