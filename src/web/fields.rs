//! Reads what the page posts, field by field. Refuses fields that are missing, of another type, or unknown.

use crate::web::http::response::Status;
use crate::web::json::Json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The longest path of any system here, in bytes.
const PATH_BYTES: usize = 32 * 1024;

/// The fields of an object; each is taken once.
pub(super) struct Fields(BTreeMap<String, Json>);

impl Fields {
    /// The fields of a body.
    ///
    /// # Errors
    /// It is not an object.
    pub(super) fn parse(body: &str) -> Result<Fields, Status> {
        match Json::parse(body) {
            Some(Json::Object(fields)) => Ok(Fields(fields)),
            _ => Err(Status::BadRequest),
        }
    }

    /// Checks that every field was taken.
    ///
    /// # Errors
    /// A field is unknown.
    pub(super) fn end(self) -> Result<(), Status> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Status::BadRequest),
        }
    }

    /// Text; empty if it is missing.
    pub(super) fn text(&mut self, key: &str) -> Result<String, Status> {
        match self.0.remove(key) {
            None | Some(Json::Null) => Ok(String::new()),
            Some(Json::Text(text)) => Ok(text),
            Some(_) => Err(Status::BadRequest),
        }
    }

    /// Text; `None` if it is missing or empty.
    pub(super) fn some_text(&mut self, key: &str) -> Result<Option<String>, Status> {
        Ok(Some(self.text(key)?).filter(|text| !text.is_empty()))
    }

    /// Yes or no; no if it is missing.
    pub(super) fn flag(&mut self, key: &str) -> Result<bool, Status> {
        match self.0.remove(key) {
            None => Ok(false),
            Some(Json::Bool(flag)) => Ok(flag),
            Some(_) => Err(Status::BadRequest),
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, key: &str) -> Result<u64, Status> {
        match self.0.remove(key) {
            Some(Json::Number(number)) if (0.0..=1e15).contains(&number) => {
                // A whole number is formatted without a fraction, so this refuses fractions.
                number.to_string().parse().map_err(|_| Status::BadRequest)
            }
            _ => Err(Status::BadRequest),
        }
    }

    /// A path in the form that [`files`](super::files) sent it.
    pub(super) fn path(&mut self, key: &str) -> Result<Option<PathBuf>, Status> {
        let text = self.some_text(key)?;
        let bytes = self.some_text(&format!("{key}_bytes"))?;
        match (text, bytes) {
            (_, Some(digits)) => path_of_bytes(unhex(&digits)?).map(Some),
            (Some(text), None) => checked(PathBuf::from(text)).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Paths, each in an object with the fields `path` and `path_bytes`.
    pub(super) fn paths(&mut self, key: &str) -> Result<Vec<PathBuf>, Status> {
        let items = match self.0.remove(key) {
            None => return Ok(Vec::new()),
            Some(Json::List(items)) => items,
            Some(_) => return Err(Status::BadRequest),
        };
        let path = |item| match item {
            Json::Object(fields) => {
                let mut fields = Fields(fields);
                let path = fields.path("path")?.ok_or(Status::BadRequest)?;
                fields.end().map(|()| path)
            }
            _ => Err(Status::BadRequest),
        };
        items.into_iter().map(path).collect()
    }
}

/// The only way from a page's text to a path of this machine. The path must be absolute, and nothing that a system
/// refuses.
fn checked(path: PathBuf) -> Result<PathBuf, Status> {
    let bytes = path.as_os_str().as_encoded_bytes();
    match path.is_absolute() && bytes.len() <= PATH_BYTES && !bytes.contains(&0) {
        true => Ok(path),
        false => Err(Status::BadRequest),
    }
}

#[cfg(unix)]
fn path_of_bytes(bytes: Vec<u8>) -> Result<PathBuf, Status> {
    use std::os::unix::ffi::OsStringExt;
    checked(std::ffi::OsString::from_vec(bytes).into())
}

/// On Windows, paths are Unicode.
#[cfg(not(unix))]
fn path_of_bytes(_bytes: Vec<u8>) -> Result<PathBuf, Status> {
    Err(Status::BadRequest)
}

fn unhex(digits: &str) -> Result<Vec<u8>, Status> {
    let digits = digits.as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16);
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(value(*high)? * 16 + value(*low)?).ok(),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>().ok_or(Status::BadRequest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_taken_once_and_none_is_left() {
        let mut fields = Fields::parse(r#"{"a":"x","n":7,"yes":true,"more":1}"#).unwrap();
        assert_eq!(fields.text("a").unwrap(), "x");
        assert_eq!(fields.text("a").unwrap(), "");
        assert_eq!(fields.number("n"), Ok(7));
        assert_eq!(fields.flag("yes"), Ok(true));
        assert_eq!(fields.end(), Err(Status::BadRequest));
        for number in ["-1", "1.5", "1e300", "\"7\""] {
            let mut fields = Fields::parse(&format!("{{\"n\":{number}}}")).unwrap();
            assert!(fields.number("n").is_err(), "{number}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_are_absolute_and_may_be_no_utf8() {
        let paths = |body: &str| Fields::parse(body).unwrap().paths("paths");
        let good = r#"{"paths":[{"path":"/a b"},{"path":"/\ufffd","path_bytes":"2fff"}]}"#;
        let good = paths(good).unwrap();
        assert_eq!(good[0], PathBuf::from("/a b"));
        assert_eq!(good[1].as_os_str().as_encoded_bytes(), b"/\xff");
        for bad in [
            "\"/a\"",
            "{}",
            r#"{"path":"a"}"#,
            r#"{"path":"/a\u0000"}"#,
            r#"{"path_bytes":"2"}"#,
            r#"{"path_bytes":"61"}"#,
            r#"{"path_bytes":"2f+f"}"#,
            r#"{"path":"/a","x":1}"#,
        ] {
            assert!(paths(&format!("{{\"paths\":[{bad}]}}")).is_err(), "{bad}");
        }
    }
}
