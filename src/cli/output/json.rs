//! One JSON object a line, for programs.
//!
//! Names are written as text. In a name that is not UTF-8, U+FFFD replaces what is invalid, and its bytes follow
//! in hexadecimal, under the same key with `_bytes` appended.

use crate::model::is_deceptive;

/// The version of the events, which each of them has as `v`.
const VERSION: u64 = 1;

/// An event that is being written.
pub(crate) struct Object(String);

impl Object {
    /// Begins the event `name`.
    pub(crate) fn event(name: &str) -> Object {
        Object::new().text("event", name).number("v", VERSION)
    }

    /// Begins an object that is not an event.
    pub(crate) fn new() -> Object {
        Object(String::from("{"))
    }

    /// Adds a list of objects.
    #[cfg(feature = "web")]
    #[must_use]
    pub(crate) fn objects(self, key: &str, items: impl IntoIterator<Item = Object>) -> Object {
        self.list(key, items.into_iter().map(Object::finish))
    }

    /// Adds text.
    #[must_use]
    pub(crate) fn text(self, key: &str, value: &str) -> Object {
        self.value(key, &quoted(value))
    }

    /// Adds text, if there is some.
    #[must_use]
    pub(crate) fn some_text(self, key: &str, value: Option<&str>) -> Object {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds a name from a peer or the disk.
    #[must_use]
    pub(crate) fn name(self, key: &str, bytes: &[u8]) -> Object {
        let text = String::from_utf8_lossy(bytes);
        let object = self.text(key, &text);
        match std::str::from_utf8(bytes) {
            Ok(_) => object,
            Err(_) => object.text(&format!("{key}_bytes"), &hexadecimal(bytes)),
        }
    }

    /// Adds a list of names. If one of them is not UTF-8, a second list has the bytes of all.
    #[must_use]
    pub(crate) fn names(self, key: &str, names: &[&[u8]]) -> Object {
        let text = names.iter().map(|name| String::from_utf8_lossy(name));
        let object = self.list(key, text.map(|text| quoted(&text)));
        if names.iter().all(|name| std::str::from_utf8(name).is_ok()) {
            return object;
        }
        let bytes = names.iter().map(|name| quoted(&hexadecimal(name)));
        object.list(&format!("{key}_bytes"), bytes)
    }

    /// Adds a whole number.
    #[must_use]
    pub(crate) fn number(self, key: &str, value: u64) -> Object {
        self.value(key, &value.to_string())
    }

    /// Adds a whole number, or `null` if it is unknown.
    #[must_use]
    pub(crate) fn number_or_null(self, key: &str, value: Option<u64>) -> Object {
        match value {
            Some(value) => self.number(key, value),
            None => self.value(key, "null"),
        }
    }

    /// Adds a number with three decimals.
    #[must_use]
    pub(crate) fn decimal(self, key: &str, value: f64) -> Object {
        self.value(key, &format!("{value:.3}"))
    }

    /// Adds seconds with three decimals.
    #[must_use]
    pub(crate) fn seconds(self, key: &str, value: std::time::Duration) -> Object {
        self.decimal(key, value.as_secs_f64())
    }

    /// The finished line, without a line end.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn list(self, key: &str, items: impl Iterator<Item = String>) -> Object {
        let items: Vec<String> = items.collect();
        self.value(key, &format!("[{}]", items.join(",")))
    }

    /// Adds a value that is JSON already.
    fn value(mut self, key: &str, json: &str) -> Object {
        let comma = if self.0.len() > 1 { "," } else { "" };
        self.0.push_str(&format!("{comma}{}:{json}", quoted(key)));
        self
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Control characters must be escaped (RFC 8259, section 7). Characters that deceive on a terminal are escaped,
/// too: for a program the text is the same, and for a person it is harmless.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            character if is_deceptive(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_event_is_one_line() {
        let line = Object::event("done")
            .number("exit", 0)
            .number_or_null("total", None)
            .seconds("seconds", Duration::from_millis(1500))
            .text("error", "a\nb")
            .finish();
        assert_eq!(
            line,
            r#"{"event":"done","v":1,"exit":0,"total":null,"seconds":1.500,"error":"a\nb"}"#
        );
    }

    #[test]
    fn quotes_and_backslashes_cannot_end_the_text() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            quoted("\0\x1b\x7f\u{9b}\t\r"),
            "\"\\u0000\\u001b\\u007f\\u009b\\t\\r\""
        );
    }

    #[test]
    fn bidirectional_and_tag_characters_are_escaped() {
        assert_eq!(quoted("\u{202e}"), "\"\\u202e\"");
        assert_eq!(quoted("\u{e0041}"), "\"\\udb40\\udc41\"");
    }

    #[test]
    fn other_text_stays() {
        assert_eq!(quoted("ünï 日本 👍 /"), "\"ünï 日本 👍 /\"");
    }

    #[test]
    fn a_name_that_is_no_utf8_keeps_its_bytes() {
        let line = Object::event("file").name("path", b"a\xff").finish();
        assert_eq!(
            line,
            "{\"event\":\"file\",\"v\":1,\"path\":\"a\u{fffd}\",\"path_bytes\":\"61ff\"}"
        );
        let plain = Object::event("file").name("path", b"a").finish();
        assert!(!plain.contains("path_bytes"));
    }

    #[test]
    fn a_list_of_names_keeps_the_bytes_of_all() {
        let list = |names: &[&[u8]]| Object::event("x").names("paths", names).finish();
        assert_eq!(list(&[]), r#"{"event":"x","v":1,"paths":[]}"#);
        assert_eq!(
            list(&[b"/a", b"b\"\n"]),
            r#"{"event":"x","v":1,"paths":["/a","b\"\n"]}"#
        );
        assert_eq!(
            list(&[b"a", b"b\xff"]),
            "{\"event\":\"x\",\"v\":1,\"paths\":[\"a\",\"b\u{fffd}\"],\"paths_bytes\":[\"61\",\"62ff\"]}"
        );
    }
}
