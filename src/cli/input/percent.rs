//! Percent-encoding (RFC 3986, section 2.1), as in links and in requests of the page.

/// The decoded bytes; `None` if two hexadecimal digits do not follow each percent sign.
pub(crate) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.iter();
    while let Some(byte) = left.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [*left.next()?, *left.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            plain => *plain,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded() {
        assert_eq!(decoded(b"a%20b/%c3%bc").unwrap(), "a b/\u{fc}".as_bytes());
        assert_eq!(decoded(b"%2"), None);
        assert_eq!(decoded(b"%zz"), None);
    }
}
