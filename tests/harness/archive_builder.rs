//! Archives built byte by byte, so that each can be wrong in its own way.

/// One entry, with the fields of its header and of the directory.
#[derive(Clone)]
pub struct Entry {
    /// Its path in both headers.
    pub name: Vec<u8>,
    /// Its packed contents: the bytes after its header.
    pub contents: Vec<u8>,
    /// How they are compressed (APPNOTE 4.4.5).
    pub method: u16,
    /// General purpose bits (APPNOTE 4.4.4).
    pub flags: u16,
    /// The system that made it (APPNOTE 4.4.2).
    pub host: u8,
    /// The Unix mode in the upper half, the DOS attributes in the lower half.
    pub attributes: u32,
    /// CRC-32 of the unpacked contents.
    pub crc: u32,
    /// Bytes of the unpacked contents.
    pub size: u64,
    /// Bytes of the packed contents.
    pub compressed: u64,
    /// The date in DOS form.
    pub date: u16,
    /// The time in DOS form.
    pub time: u16,
    /// The extra fields in the directory.
    pub extra: Vec<u8>,
    /// The extra fields before the contents.
    pub local_extra: Vec<u8>,
    /// Bytes behind the contents, such as a descriptor.
    pub behind: Vec<u8>,
    /// Changes the header before the contents: 30 bytes, the name and the extra fields.
    pub twist: fn(&mut Vec<u8>),
    /// If set, the directory gives the offset of that entry instead of its own.
    pub offset_of: Option<usize>,
}

const UNIX: u8 = 3;

impl Entry {
    /// A stored file made on Unix, with mode 0644 and a time in 1980.
    pub fn file(name: &str, contents: &[u8]) -> Entry {
        Entry {
            name: name.into(),
            contents: contents.to_vec(),
            method: 0,
            flags: 0,
            host: UNIX,
            attributes: 0o100_644 << 16,
            crc: crc32fast::hash(contents),
            size: contents.len() as u64,
            compressed: contents.len() as u64,
            date: 0x21,
            time: 0,
            extra: Vec::new(),
            local_extra: Vec::new(),
            behind: Vec::new(),
            twist: |_| {},
            offset_of: None,
        }
    }

    /// States this size of the unpacked contents.
    pub fn sized(mut self, size: usize) -> Entry {
        self.size = size as u64;
        self
    }

    /// A symbolic link.
    pub fn link(name: &str, target: &str) -> Entry {
        Entry {
            attributes: 0o120_777 << 16,
            ..Entry::file(name, target.as_bytes())
        }
    }

    /// A named pipe.
    pub fn special(name: &str) -> Entry {
        Entry {
            attributes: 0o010_644 << 16,
            ..Entry::file(name, b"")
        }
    }
}

/// The archive of these entries.
pub fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, offsets) = front(entries);
    let start = bytes.len();
    for (entry, offset) in entries.iter().zip(&offsets) {
        let offset = entry.offset_of.map_or(*offset, |other| offsets[other]);
        bytes.extend(record(entry, offset));
    }
    let length = bytes.len() - start;
    bytes.extend(end(entries.len(), length, start));
    bytes
}

/// Everything before the directory, and the offset of each entry.
fn front(entries: &[Entry]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let mut offsets = Vec::new();
    for entry in entries {
        offsets.push(bytes.len());
        bytes.extend(header(entry));
        bytes.extend(&entry.contents);
        bytes.extend(&entry.behind);
    }
    (bytes, offsets)
}

/// The header before the contents of an entry.
pub fn header(entry: &Entry) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend(20_u16.to_le_bytes());
    bytes.extend(common(entry));
    bytes.extend((entry.name.len() as u16).to_le_bytes());
    bytes.extend((entry.local_extra.len() as u16).to_le_bytes());
    bytes.extend(&entry.name);
    bytes.extend(&entry.local_extra);
    (entry.twist)(&mut bytes);
    bytes
}

/// The directory's header of an entry whose own header is at `offset`.
pub fn record(entry: &Entry, offset: usize) -> Vec<u8> {
    let mut bytes = b"PK\x01\x02".to_vec();
    bytes.extend([20, entry.host, 20, 0]);
    bytes.extend(common(entry));
    bytes.extend((entry.name.len() as u16).to_le_bytes());
    bytes.extend((entry.extra.len() as u16).to_le_bytes());
    bytes.extend([0; 6]);
    bytes.extend(entry.attributes.to_le_bytes());
    bytes.extend((offset as u32).to_le_bytes());
    bytes.extend(&entry.name);
    bytes.extend(&entry.extra);
    bytes
}

/// Flags, method, time, CRC-32 and sizes: the same in both headers.
fn common(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [entry.flags, entry.method, entry.time, entry.date] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [entry.crc, entry.compressed as u32, entry.size as u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// The end record behind a directory of `length` bytes at `start`.
pub fn end(entries: usize, length: usize, start: usize) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
    bytes.extend((entries as u16).to_le_bytes());
    bytes.extend((entries as u16).to_le_bytes());
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend((start as u32).to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

/// An extra field.
pub fn field(id: u16, bytes: &[u8]) -> Vec<u8> {
    let mut field = id.to_le_bytes().to_vec();
    field.extend((bytes.len() as u16).to_le_bytes());
    field.extend(bytes);
    field
}

/// The Unicode path field, which gives a name in UTF-8.
pub fn unicode_path(of: &str, name: &str) -> Vec<u8> {
    let crc = crc32fast::hash(of.as_bytes()).to_le_bytes();
    field(0x7075, &[&[1], &crc[..], name.as_bytes()].concat())
}

/// A data descriptor with its signature.
pub fn descriptor(entry: &Entry) -> Vec<u8> {
    let mut bytes = b"PK\x07\x08".to_vec();
    for number in [entry.crc, entry.compressed as u32, entry.size as u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// An entry encrypted with ZipCrypto (APPNOTE 6.1).
pub fn zip_crypto(mut entry: Entry, password: &str, check_byte: u8) -> Entry {
    let mut keys = ZipCryptoKeys([0x1234_5678, 0x2345_6789, 0x3456_7890]);
    password.bytes().for_each(|byte| keys.update(byte));
    let header = [[7; 11].as_slice(), &[check_byte]].concat();
    let plain = header.into_iter().chain(entry.contents);
    entry.contents = plain.map(|byte| keys.encrypt(byte)).collect();
    entry.compressed = entry.contents.len() as u64;
    entry.flags |= 1;
    entry
}

struct ZipCryptoKeys([u32; 3]);

impl ZipCryptoKeys {
    fn encrypt(&mut self, byte: u8) -> u8 {
        let base = self.0[2] as u16 | 2;
        let mask = ((u32::from(base) * u32::from(base ^ 1)) >> 8) as u8;
        self.update(byte);
        byte ^ mask
    }

    fn update(&mut self, byte: u8) {
        let [a, b, c] = &mut self.0;
        *a = crc_step(*a, byte);
        *b = b
            .wrapping_add(*a & 0xff)
            .wrapping_mul(134_775_813)
            .wrapping_add(1);
        *c = crc_step(*c, (*b >> 24) as u8);
    }
}

/// Updates a CRC-32 that is not inverted by one byte.
fn crc_step(crc: u32, byte: u8) -> u32 {
    let mut crc = crc ^ u32::from(byte);
    for _ in 0..8 {
        crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    }
    crc
}

/// `length` zeros packed with Deflate64: a run of 65,538 bytes takes 29 bits.
pub fn deflate64_zeros(length: u64) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b1, 1);
    bits.push(0b01, 2);
    bits.push(0b0000_1100, 8);
    let mut left = length - 1;
    while left > 0 {
        let run = left.min(65_538);
        assert!(run >= 3, "no run is shorter");
        // Code 285 has 16 bits more here, for the length less 3.
        bits.push(0b1010_0011, 8);
        bits.push((run - 3) as u32, 16);
        bits.push(0, 5);
        left -= run;
    }
    bits.push(0, 7);
    bits.finish()
}

/// `length` zeros packed with deflate: one block of fixed codes, 258 bytes from 13 bits.
pub fn deflated_zeros(length: u64) -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, of fixed codes.
    bits.push(0b1, 1);
    bits.push(0b01, 2);
    assert_eq!(length % 258, 1, "a literal and runs of 258");
    // The literal 0 is 0011_0000, from the highest bit on.
    bits.push(0b0000_1100, 8);
    for _ in 0..length / 258 {
        // Length 258 is 1100_0101, distance 1 is 0_0000.
        bits.push(0b1010_0011, 8);
        bits.push(0, 5);
    }
    // The end is 000_0000.
    bits.push(0, 7);
    bits.finish()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, bits: u32, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.pending as u8);
        }
        self.bytes
    }
}
