//! Reads values from bytes and writes them to bytes: big-endian, like all of the protocol.

use std::fmt;

/// Takes values off the front of borrowed bytes. It never indexes, so no input makes it panic.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub(super) fn u8(&mut self) -> Result<u8, CodecError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, CodecError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, CodecError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, CodecError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(CodecError::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(CodecError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// How many bytes are left. An allocation is bounded by this as well as by its limit.
    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading. Bytes left over are an error, because they could hide something.
    pub(super) fn finish(self) -> Result<(), CodecError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(CodecError::Leftover)
        }
    }
}

/// Appends values to a buffer.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    buffer: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(buffer: &'a mut Vec<u8>) -> Self {
        Writer { buffer }
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.buffer.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }
}

/// Why bytes do not hold the expected values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// They end before the last value does.
    Short,
    /// There are bytes behind the last value.
    Leftover,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CodecError::Short => "it ends early",
            CodecError::Leftover => "it has bytes behind its end",
        })
    }
}

impl std::error::Error for CodecError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_big_endian() {
        let mut buffer = Vec::new();
        let mut writer = Writer::new(&mut buffer);
        writer.u8(1);
        writer.u16(0x0203);
        writer.u32(0x0405_0607);
        writer.u64(0x0809_0a0b_0c0d_0e0f);
        writer.i64(-2);
        writer.bytes(b"xyz");
        assert_eq!(buffer[..15], (1..=15).collect::<Vec<u8>>()[..]);
        let mut reader = Reader::new(&buffer);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(0x0203));
        assert_eq!(reader.u32(), Ok(0x0405_0607));
        assert_eq!(reader.u64(), Ok(0x0809_0a0b_0c0d_0e0f));
        assert_eq!(reader.i64(), Ok(-2));
        assert_eq!(reader.bytes(3), Ok(&b"xyz"[..]));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn too_few_and_too_many_bytes_are_errors() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u32(), Err(CodecError::Short));
        assert_eq!(reader.bytes(4), Err(CodecError::Short));
        assert_eq!(reader.bytes(usize::MAX), Err(CodecError::Short));
        assert_eq!(reader.array::<4>(), Err(CodecError::Short));
        assert_eq!(reader.remaining(), 3);
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.finish(), Err(CodecError::Leftover));
    }
}
