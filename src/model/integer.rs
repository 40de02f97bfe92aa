//! Conversions between widths of integers that never lose bits silently.
//!
//! A value that does not fit becomes the largest one that does. Callers check a bound first, so this never
//! happens. If a bound were wrong, the reader would refuse the large number instead of accepting a truncated
//! one.

/// A length in memory as 64 bits, the width of file sizes and of the protocol.
pub fn len64(length: usize) -> u64 {
    length as u64
}

/// A length in memory that fits 32 bits.
pub fn len32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A length in memory that fits 16 bits.
pub fn len16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A length in memory that fits 8 bits.
pub fn len8(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

/// A number that fits 16 bits.
pub fn number16(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// A number that may have more than 64 bits, such as a product.
pub fn number64(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A length or offset of something that is in memory.
pub fn in_memory(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_fit_become_the_largest() {
        assert_eq!((len8(255), len8(256)), (255, 255));
        assert_eq!((len16(65_535), len16(65_536)), (65_535, 65_535));
        assert_eq!(len32(usize::MAX), u32::MAX);
        assert_eq!((len64(7), in_memory(7)), (7, 7));
    }
}
