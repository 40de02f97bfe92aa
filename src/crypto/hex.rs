//! Test vectors as hexadecimal text.

/// The bytes that `text` spells, blanks and line ends left out.
pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|symbol| !symbol.is_whitespace())
        .map(|digit| digit.to_digit(16).expect("a hexadecimal digit"))
        .map(|value| value.to_le_bytes()[0])
        .collect();
    assert!(digits.len().is_multiple_of(2), "half a byte");
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// The bytes that `text` spells, as many as the target has.
pub(super) fn unhex_array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text).try_into().expect("as many bytes as asked for")
}
