//! The program under test, trees to send, a proxy that misbehaves, and seeded chance.

pub mod chance;
pub mod program;
pub mod proxy;
pub mod trees;

/// Whether tests that take minutes are wanted.
pub fn is_long() -> bool {
    std::env::var_os("PEERBRIDGE_TEST_LONG").is_some()
}

/// Whether a tool is there; fails where the tools are promised, as in CI.
pub fn has_tool(name: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    let required = std::env::var_os("PEERBRIDGE_REQUIRE_TOOLS").is_some();
    assert!(found || !required, "{name} is not installed");
    if !found {
        eprintln!("skipped: {name} is not installed");
    }
    found
}
