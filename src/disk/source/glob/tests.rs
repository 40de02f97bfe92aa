use super::*;

fn matches(pattern: &str, path: &str) -> bool {
    let glob = Glob::parse(pattern.as_bytes()).unwrap();
    glob.matches(path.as_bytes(), GlobShape::Other)
}

#[test]
fn patterns_without_slash_match_any_component_name() {
    for (pattern, path) in [
        ("*.o", "a.o"),
        ("*.o", "deep/er/a.o"),
        ("*", ".hidden"),
        ("a?c", "x/abc"),
        ("[a-c]x", "bx"),
        ("[!a-c]x", "dx"),
        ("[^a-c]x", "dx"),
        ("[]x]", "]"),
        ("[a-]", "-"),
        ("\\*", "*"),
        ("a\\", "a\\"),
        ("**", "a/b"),
        ("a**b", "d/axxb"),
        ("\u{fc}*", "\u{fc}ber"),
    ] {
        assert!(matches(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [
        ("*.o", "a.o/b"),
        ("a", "ab"),
        ("a", "ba"),
        ("a?c", "ac"),
        ("[a-c]x", "dx"),
        ("[!a-c]x", "ax"),
        ("\\*", "a"),
        ("A", "a"),
    ] {
        assert!(!matches(pattern, path), "{pattern} {path}");
    }
}

#[test]
fn patterns_with_slash_match_the_path_from_the_top() {
    for (pattern, path) in [
        ("a/b", "a/b"),
        ("/a", "a"),
        ("./a", "a"),
        ("a/*", "a/b"),
        ("a/**", "a/b/c"),
        ("a/**/b", "a/b"),
        ("a/**/b", "a/x/y/b"),
        ("**/b", "b"),
        ("**/b", "x/y/b"),
        ("**/a/**/b", "a/x/b"),
    ] {
        assert!(matches(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [
        ("a/b", "x/a/b"),
        ("/a", "x/a"),
        ("a/*", "a/b/c"),
        ("a/?b", "a//b"),
        ("a[!x]b/c", "a/b/c"),
        ("a/**", "a"),
        ("a/**/b", "a/xb"),
        ("**/b", "x/ab"),
    ] {
        assert!(!matches(pattern, path), "{pattern} {path}");
    }
}

#[test]
fn a_trailing_slash_matches_folders_only() {
    let glob = Glob::parse(b"target/").unwrap();
    assert!(glob.matches(b"x/target", GlobShape::Folder));
    assert!(!glob.matches(b"x/target", GlobShape::Other));
}

#[test]
fn bytes_that_are_no_text_match() {
    let glob = Glob::parse(b"\xff?[\xf0-\xfe]").unwrap();
    assert!(glob.matches(b"\xff\x80\xf1", GlobShape::Other));
    assert!(!glob.matches(b"\xff\x80\xff", GlobShape::Other));
}

#[test]
fn malformed_patterns_are_refused() {
    for pattern in ["", "/", "./", "//"] {
        let fault = Glob::parse(pattern.as_bytes()).err();
        assert_eq!(fault, Some(GlobFault::Empty), "{pattern}");
    }
    for pattern in ["[", "[a", "[]", "[!]", "a[a-"] {
        let fault = Glob::parse(pattern.as_bytes()).err();
        assert_eq!(fault, Some(GlobFault::OpenClass), "{pattern}");
    }
    for pattern in ["*.{a,b}", "{a,b}/c", "x{,y}"] {
        let fault = Glob::parse(pattern.as_bytes()).err();
        assert_eq!(fault, Some(GlobFault::Alternatives), "{pattern}");
    }
    let negation = Glob::parse(b"!a").err();
    assert_eq!(negation, Some(GlobFault::Negation));
    for (pattern, text) in [
        (r"\!a", "!a"),
        (r"\{a,b}", "{a,b}"),
        ("{a}", "{a}"),
        ("a{", "a{"),
    ] {
        assert!(matches(pattern, text), "{pattern}");
    }
}

#[test]
fn patterns_that_matched_nothing_are_known() {
    let parse = |pattern: &&str| Glob::parse(pattern.as_bytes()).unwrap();
    let globs: Vec<Glob> = ["*.o", "a.o", "*.c", "b"].iter().map(parse).collect();
    // Another thread works with its own clones.
    let clones = globs.clone();
    for path in [&b"x.o"[..], b"d/a.o", b"b.x"] {
        Glob::any_matches(&clones, path, GlobShape::Other);
    }
    let unmatched: Vec<&[u8]> = Glob::unmatched(&globs).collect();
    assert_eq!(unmatched, [&b"*.c"[..], b"b"]);
}

/// Backtracking would take longer than the age of the universe.
#[test]
fn many_stars_do_not_explode() {
    let text = "a".repeat(4000);
    for pattern in ["a**", "a*", "**/a*", "*?"] {
        assert!(!matches(&(pattern.repeat(50) + "b"), &text), "{pattern}");
    }
    assert!(matches(&"a**".repeat(50), &text));
}
