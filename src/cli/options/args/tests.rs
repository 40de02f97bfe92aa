use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ')
        .filter(|word| !word.is_empty())
        .map(OsString::from)
        .collect()
}

fn args(line: &str) -> ParsedArgs {
    ParsedArgs::parse(&words(line)).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn refused(line: &str) -> (String, String) {
    let error = ParsedArgs::parse(&words(line))
        .err()
        .unwrap_or_else(|| panic!("{line} passed"));
    assert_eq!(error.exit_code(), 2);
    (error.to_string(), error.hint().unwrap())
}

#[test]
fn options_and_paths_stand_in_any_order() {
    for line in [
        "send a b --to host -n 4",
        "send --to host a -n4 b",
        "--to=host -n 4 send a b",
        "tx a --streams 4 b -t host",
    ] {
        let args = args(line);
        assert_eq!(args.verb, Some(Verb::Send), "{line}");
        assert_eq!(args.words, ["a", "b"], "{line}");
        assert_eq!(args.value("to").as_deref(), Some("host"));
        assert_eq!(args.value("streams").as_deref(), Some("4"));
    }
}

#[test]
fn two_dashes_end_the_options() {
    let args = args("send -l -- -rf --to");
    assert_eq!(args.words, ["-rf", "--to"]);
    assert!(!args.has("to"));
}

#[test]
fn aliases() {
    for line in ["receive", "recv", "rx"] {
        assert_eq!(args(line).verb, Some(Verb::Receive));
    }
}

#[test]
fn nothing_typed_is_no_verb() {
    assert_eq!(args("").verb, None);
    assert_eq!(args("--json").verb, None);
}

#[test]
fn a_secret_on_the_command_line_is_refused_without_being_repeated() {
    for line in [
        "send a --secret hunter2 -l",
        "send a --secret=hunter2 -l",
        "rx --password hunter2",
    ] {
        let (message, hint) = refused(line);
        assert!(!message.contains("hunter2") && !hint.contains("hunter2"));
        assert!(hint.contains("--secret-file"));
    }
}

#[test]
fn mistyped_words_get_a_suggestion() {
    assert_eq!(refused("recieve").1, "did you mean `peerbridge receive`?");
    assert_eq!(refused("send a --exlude b").1, "did you mean --exclude?");
    assert_eq!(refused("send a --rate 1").1, "did you mean --limit-rate?");
    assert_eq!(refused("version").1, "did you mean `peerbridge --version`?");
    assert_eq!(refused("rx -X").0, "unknown option -X");
}

#[test]
fn options_of_other_verbs_say_where_they_belong() {
    assert_eq!(
        refused("receive --to host").1,
        "receive dials with --from HOST[:PORT]"
    );
    assert_eq!(
        refused("secret --yes").0,
        "--yes (-y) does not go with secret"
    );
}

#[test]
fn options_given_wrongly() {
    assert_eq!(refused("send a -t").1, "--to HOST[:PORT]");
    assert_eq!(
        refused("send -p 1 -p 2").0,
        "--port is given more than once"
    );
    assert_eq!(refused("receive --yes=no").0, "--yes takes no value");
    refused("send -q -v");
}

/// Elsewhere these letters mean other things, or nothing.
#[test]
fn habits_from_info_zip_have_hints_with_its_verbs() {
    let says = |line: String| refused(&line).0.contains("there is no option");
    let of_unzip = ["d", "c", "j", "u", "P", "O"].map(|letter| ("unzip", letter));
    for (verb, letter) in of_unzip.into_iter().chain([("zip", "r"), ("zip", "9")]) {
        assert!(says(format!("{verb} -{letter} a.zip x")), "{letter}");
        assert!(!says(format!("send -{letter} {verb}")), "{letter}");
    }
}

#[test]
fn excludes_may_be_given_many_times() {
    assert_eq!(
        args("send a -x b --exclude c").values("exclude"),
        ["b", "c"]
    );
}

#[test]
fn json_is_noticed_although_the_rest_is_off() {
    assert_eq!(reader(&words("nonsense --bogus --json")), Audience::Program);
    assert_eq!(reader(&words("send -l -- --json")), Audience::Person);
}

#[test]
#[cfg(unix)]
fn words_that_are_no_utf8_come_through() {
    use std::os::unix::ffi::OsStringExt;
    let odd = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let mut arguments = words("send -l --secret-file");
    arguments.extend([
        odd(b"s\xff"),
        odd(b"caf\xe9"),
        "plain".into(),
        "--".into(),
        odd(b"-\xfe"),
    ]);
    let args = ParsedArgs::parse(&arguments).unwrap();
    assert_eq!(
        args.path("secret-file").unwrap().into_os_string(),
        odd(b"s\xff")
    );
    assert_eq!(args.words, [odd(b"caf\xe9"), "plain".into(), odd(b"-\xfe")]);
    let option = [OsString::from("send"), odd(b"--to=\xff")];
    assert_eq!(ParsedArgs::parse(&option).err().unwrap().exit_code(), 2);
    let pattern = ["send".into(), "-x".into(), odd(b"\xff*")];
    assert_eq!(ParsedArgs::parse(&pattern).err().unwrap().exit_code(), 2);
}

#[test]
fn a_word_that_looks_like_our_mark_is_kept() {
    let marked = OsString::from("\u{10ffff}0");
    let args = ParsedArgs::parse(&["send".into(), marked.clone(), "a".into()]).unwrap();
    assert_eq!(args.words, [marked, "a".into()]);
}
