use super::*;

const CODE: &str = "4271-anvil-tundra-lemon";

fn read(input: &str) -> Result<String, CredentialError> {
    MeetingCode::from_input(input).map(|code| code.text().to_owned())
}

#[test]
fn a_fresh_code_is_canonical_and_is_the_secret() {
    let code = MeetingCode::generate().unwrap();
    let again = MeetingCode::from_canonical(code.text()).unwrap();
    assert_eq!(again.channel(), code.channel());
    assert_eq!(code.to_secret().as_bytes(), code.text().as_bytes());
    assert!(code.text().len() <= LONGEST_CODE);
    let other = MeetingCode::generate().unwrap();
    assert_ne!(code.text(), other.text());
}

#[test]
fn channels_have_four_digits() {
    for (number, is_channel) in [
        (0, false),
        (999, false),
        (1000, true),
        (9999, true),
        (10_000, false),
    ] {
        assert_eq!(Channel::new(number).is_some(), is_channel, "{number}");
    }
    for _ in 0..1000 {
        assert!(CHANNELS.contains(&Channel::random().unwrap().number()));
    }
}

#[test]
fn input_is_forgiven_its_case_blanks_dashes_and_short_words() {
    for input in [
        CODE,
        "4271-Anvil-TUNDRA-lemon",
        "  4271 anvil\ttundra   lemon\r\n",
        "4271\u{2013}anvil\u{2014}tundra\u{2212}lemon",
        "4271_anvil--tundra-lemon-",
        "4271 anv tund lemo",
    ] {
        assert_eq!(read(input).as_deref(), Ok(CODE), "{input}");
    }
}

#[test]
fn only_the_canonical_form_is_taken_from_scripts() {
    assert!(MeetingCode::from_canonical(CODE).is_some());
    for text in [
        "4271-Anvil-tundra-lemon",
        "4271 anvil tundra lemon",
        "4271-anv-tundra-lemon",
        " ",
        "hunter2",
    ] {
        assert!(MeetingCode::from_canonical(text).is_none(), "{text}");
    }
}

#[test]
fn errors_name_what_is_wrong() {
    for (input, message) in [
        ("", "the code is empty"),
        (" - ", "the code is empty"),
        (
            "anvil-tundra-lemon",
            "a code begins with a number of four digits",
        ),
        (
            "427-anvil-tundra-lemon",
            "a code begins with a number of four digits",
        ),
        (
            "42710-anvil-tundra-lemon",
            "a code begins with a number of four digits",
        ),
        (
            "+4271-anvil-tundra-lemon",
            "a code begins with a number of four digits",
        ),
        (
            "4271-anvil-tundra",
            "a code has three words after its number, and here are 2",
        ),
        (
            "4271-anvil-tundra-lemon-lemon",
            "a code ends after its third word",
        ),
        (
            "4271-anvil-tundra-lemmon",
            "no code has the word lemmon; did you mean lemon?",
        ),
        ("4271-anvil-xqxqxq-lemon", "no code has the word xqxqxq"),
        (
            "4271-anvil-can-lemon",
            "can may be candle or candy: type more of it",
        ),
        (
            "4271-anvil-\u{1b}[2J-lemon",
            "no code has the word \\x1b[2j",
        ),
    ] {
        assert_eq!(read(input).unwrap_err().to_string(), message, "{input}");
    }
}

#[test]
fn an_error_repeats_little_of_a_long_word() {
    let error = read(&format!("4271-{}", "\u{e9}".repeat(100_000))).unwrap_err();
    assert!(error.to_string().len() < 100, "{error}");
}

#[test]
fn five_letters_name_any_word() {
    for word in words::all() {
        let short = &word[..word.len().min(5)];
        assert_eq!(expand(short), Ok(word));
    }
}

#[test]
fn completion_offers_the_words_with_that_prefix() {
    assert_eq!(complete_code("4271-anvil-zi"), ["zigzag", "zipper"]);
    assert_eq!(complete_code("4271 ANVIL Zo"), ["zodiac"]);
    assert_eq!(complete_code("4271-anvil-").len(), 512);
    assert!(complete_code("4271-anvil-x").is_empty());
    assert!(complete_code("42").is_empty());
    assert!(complete_code("4271-anvil-tundra-lemon-a").is_empty());
}
