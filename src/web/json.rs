//! Reads the JSON (RFC 8259) that the page sends: small objects, with a bound for their depth.

use std::collections::BTreeMap;

/// The deepest nesting; the page needs three levels.
const DEPTH: usize = 8;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Reads one value. Nothing may follow it.
    pub(super) fn parse(text: &str) -> Option<Json> {
        let mut reader = JsonReader { rest: text };
        let value = reader.value(0)?;
        reader.skip_blanks();
        reader.rest.is_empty().then_some(value)
    }
}

struct JsonReader<'a> {
    rest: &'a str,
}

impl<'a> JsonReader<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn takes(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// The next character after white space, without consuming it.
    fn next(&mut self) -> Option<char> {
        self.skip_blanks();
        self.rest.chars().next()
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEPTH {
            return None;
        }
        match self.next()? {
            'n' => self.takes("null").map(|()| Json::Null),
            't' => self.takes("true").map(|()| Json::Bool(true)),
            'f' => self.takes("false").map(|()| Json::Bool(false)),
            '"' => self.text().map(Json::Text),
            '[' => self.list(depth),
            '{' => self.object(depth),
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Option<Json> {
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        let number: f64 = number.parse().ok()?;
        number.is_finite().then_some(Json::Number(number))
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        self.takes("[")?;
        let mut items = Vec::new();
        if self.next()? == ']' {
            return self.takes("]").map(|()| Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            match self.next()? {
                ',' => self.takes(",")?,
                _ => return self.takes("]").map(|()| Json::List(items)),
            }
        }
    }

    /// Refuses a key that occurs twice, because two readers could use different values.
    fn object(&mut self, depth: usize) -> Option<Json> {
        self.takes("{")?;
        let mut fields = BTreeMap::new();
        if self.next()? == '}' {
            return self.takes("}").map(|()| Json::Object(fields));
        }
        loop {
            self.skip_blanks();
            let key = self.text()?;
            self.skip_blanks();
            self.takes(":")?;
            if fields.insert(key, self.value(depth + 1)?).is_some() {
                return None;
            }
            match self.next()? {
                ',' => self.takes(",")?,
                _ => return self.takes("}").map(|()| Json::Object(fields)),
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        self.takes("\"")?;
        let mut text = String::new();
        loop {
            let end = self.rest.find(|c: char| c == '"' || c == '\\' || c < ' ')?;
            text.push_str(&self.rest[..end]);
            self.rest = &self.rest[end..];
            if self.takes("\"").is_some() {
                return Some(text);
            }
            self.takes("\\")?;
            let sign = self.rest.chars().next()?;
            self.rest = &self.rest[sign.len_utf8()..];
            text.push(match sign {
                '"' | '\\' | '/' => sign,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => self.escaped()?,
                _ => return None,
            });
        }
    }

    /// A character as one or two UTF-16 units.
    fn escaped(&mut self) -> Option<char> {
        let first = self.unit()?;
        if let Some(character) = char::from_u32(first.into()) {
            return Some(character);
        }
        self.takes("\\u")?;
        let second = self.unit()?;
        char::decode_utf16([first, second]).next()?.ok()
    }

    fn unit(&mut self) -> Option<u16> {
        let digits = self.rest.get(..4)?;
        self.rest = &self.rest[4..];
        let is_plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|_| is_plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Json {
        Json::Text(text.to_owned())
    }

    #[test]
    fn values() {
        let parsed =
            Json::parse(r#" {"a":[1,-2.5e1,true,null],"b":"x\n\u00fc\ud83d\udc4d\"","c":{}} "#);
        let Some(Json::Object(fields)) = parsed else {
            panic!("{parsed:?}");
        };
        let numbers = [
            Json::Number(1.0),
            Json::Number(-25.0),
            Json::Bool(true),
            Json::Null,
        ];
        assert_eq!(fields["a"], Json::List(numbers.to_vec()));
        assert_eq!(fields["b"], text("x\nü👍\""));
        assert_eq!(fields["c"], Json::Object(BTreeMap::new()));
        assert_eq!(Json::parse("[]"), Some(Json::List(Vec::new())));
    }

    #[test]
    fn everything_else_is_refused() {
        let deep = "[".repeat(100_000);
        let cases = [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\":1,\"a\":2}",
            "{a:1}",
            "\"x",
            "\"\\x\"",
            "\"\n\"",
            "nul",
            "1 2",
            "NaN",
            "1e999",
            "\"\\ud800\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "\"\\ud83dx\"",
            &deep,
        ];
        for case in cases {
            assert_eq!(Json::parse(case), None, "{case:.40}");
        }
    }
}
