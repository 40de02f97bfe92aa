//! Handmade messages and offers, including those that the library never encodes.

use peerbridge::internals::limits;

/// The smallest part, and the size of parts in most tests.
pub const PART: u32 = limits::PART_BYTES_MIN;

/// Fields appended one after the other, big-endian.
#[derive(Clone, Default)]
pub struct Raw(pub Vec<u8>);

impl Raw {
    pub fn kind(kind: u8) -> Raw {
        Raw(vec![kind])
    }

    pub fn u8(self, value: u8) -> Raw {
        self.bytes(&[value])
    }

    pub fn u16(self, value: u16) -> Raw {
        self.bytes(&value.to_be_bytes())
    }

    pub fn u32(self, value: u32) -> Raw {
        self.bytes(&value.to_be_bytes())
    }

    pub fn u64(self, value: u64) -> Raw {
        self.bytes(&value.to_be_bytes())
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Raw {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// Entries of a manifest, encoded without sharing and without any check.
#[derive(Clone, Default)]
pub struct Entries {
    pub count: u32,
    pub bytes: Raw,
}

impl Entries {
    pub fn file(self, path: &[u8], size: u64) -> Entries {
        self.entry(1, path, |raw| raw.u64(size))
    }

    /// A file of unknown size.
    pub fn stream(self, path: &[u8]) -> Entries {
        self.entry(2, path, |raw| raw)
    }

    pub fn folder(self, path: &[u8]) -> Entries {
        self.entry(3, path, |raw| raw)
    }

    pub fn link(mut self, path: &[u8], target: &[u8]) -> Entries {
        self.count += 1;
        self.bytes = path_of(self.bytes.u8(4), path)
            .u16(target.len() as u16)
            .bytes(target)
            .u64(1_700_000_000)
            .u32(0);
        self
    }

    fn entry(mut self, kind: u8, path: &[u8], size: impl FnOnce(Raw) -> Raw) -> Entries {
        self.count += 1;
        self.bytes = size(path_of(self.bytes.u8(kind), path))
            .u64(1_700_000_000)
            .u32(0)
            .u16(0o644);
        self
    }
}

fn path_of(raw: Raw, path: &[u8]) -> Raw {
    raw.u16(0).u16(path.len() as u16).bytes(path)
}

/// An offer with any fields.
#[derive(Clone)]
pub struct RawOffer {
    pub transfer: u32,
    pub part_size: u32,
    pub streams: u16,
    pub flags: u8,
    pub count: u32,
    pub entries: Vec<u8>,
    /// The bytes behind the entries: of an early round, its CRC-32 and failures.
    pub early: Vec<u8>,
}

impl RawOffer {
    pub fn of(entries: &Entries) -> RawOffer {
        RawOffer {
            transfer: 0,
            part_size: PART,
            streams: 1,
            flags: 0,
            count: entries.count,
            entries: entries.bytes.0.clone(),
            early: Vec::new(),
        }
    }

    /// Makes it an early offer, whose only part has this CRC-32.
    pub fn early(mut self, crc32: u32, failures: &[(u32, u8)]) -> RawOffer {
        self.flags |= 2;
        let early = Raw::default().u32(crc32).u32(failures.len() as u32);
        let early = failures
            .iter()
            .fold(early, |raw, &(entry, reason)| raw.u32(entry).u8(reason));
        self.early = early.0;
        self
    }

    /// One file "x" of `size` bytes.
    pub fn file(size: u64) -> RawOffer {
        RawOffer::of(&Entries::default().file(b"x", size))
    }

    /// One file "x" of unknown size.
    pub fn stream() -> RawOffer {
        RawOffer::of(&Entries::default().stream(b"x"))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        Raw::kind(2)
            .u32(self.transfer)
            .bytes(&[9; 16])
            .u32(self.part_size)
            .u16(self.streams)
            .u8(self.flags)
            .u32(self.count)
            .u32(self.entries.len() as u32)
            .bytes(&self.entries)
            .bytes(&self.early)
            .0
    }
}

/// The bytes of an Accept.
pub fn accept(part_size: u32, streams: u16, have: &[(u64, u64)]) -> Vec<u8> {
    accept_with(part_size, streams, have, &[])
}

/// The bytes of an Accept with claims.
pub fn accept_with(
    part_size: u32,
    streams: u16,
    have: &[(u64, u64)],
    claims: &[(u64, u64)],
) -> Vec<u8> {
    let raw = ranges(Raw::kind(4).u32(part_size).u16(streams), have);
    ranges(raw, claims).0
}

/// The bytes of a Differs.
pub fn differs(parts: &[(u64, u64)]) -> Vec<u8> {
    ranges(Raw::kind(19), parts).0
}

/// The bytes of a Digests.
pub fn digests(digests: &[[u8; 16]]) -> Vec<u8> {
    let raw = Raw::kind(18).u32(digests.len() as u32);
    digests.iter().fold(raw, |raw, digest| raw.bytes(digest)).0
}

/// The bytes of a Missing.
pub fn missing(round: u32, lacking: &[(u64, u64)]) -> Vec<u8> {
    ranges(Raw::kind(10).u32(round), lacking).0
}

fn ranges(raw: Raw, ranges: &[(u64, u64)]) -> Raw {
    let counted = raw.u32(ranges.len() as u32);
    ranges
        .iter()
        .fold(counted, |raw, (start, length)| raw.u64(*start).u64(*length))
}

/// The bytes of a RoundEnd.
pub fn round_end(round: u32, streams: &[u16], checks: &[(u64, u32)]) -> Vec<u8> {
    round_end_at(round, None, streams, checks)
}

/// The bytes of a RoundEnd with the total length.
pub fn round_end_at(
    round: u32,
    total: Option<u64>,
    streams: &[u16],
    checks: &[(u64, u32)],
) -> Vec<u8> {
    let raw = Raw::kind(7).u32(round);
    let raw = match total {
        None => raw.u8(0),
        Some(total) => raw.u8(1).u64(total),
    };
    let raw = raw.u32(streams.len() as u32);
    let raw = streams.iter().fold(raw, |raw, stream| raw.u16(*stream));
    let raw = raw.u32(checks.len() as u32);
    checks
        .iter()
        .fold(raw, |raw, (index, crc)| raw.u64(*index).u32(*crc))
        .0
}

/// The bytes of a Done.
pub fn done(files: u64) -> Vec<u8> {
    let raw = Raw::kind(11).u64(files).bytes(&[0; 40]);
    // No failure, no skipped entry, no new name.
    raw.u32(0).u32(0).u32(0).0
}

/// The bytes of a Ping.
pub fn ping(token: u64, answer_padding: u32) -> Vec<u8> {
    Raw::kind(14).u64(token).u32(answer_padding).u32(0).0
}

/// The bytes of an Abort.
pub fn abort(code: u8, text: &[u8]) -> Vec<u8> {
    Raw::kind(16).u8(code).u16(text.len() as u16).bytes(text).0
}

/// One well-formed message of every kind, each with its number.
pub fn one_of_each() -> Vec<(u8, Vec<u8>)> {
    let entries = Entries::default().file(b"x", 1).bytes.0;
    let entries = Raw::kind(3).u32(entries.len() as u32).bytes(&entries).0;
    vec![
        (1, vec![1]),
        (2, RawOffer::file(3 * u64::from(PART)).to_bytes()),
        (3, entries),
        (4, accept(PART, 1, &[])),
        (5, Raw::kind(5).u8(1).u16(0).0),
        (6, Raw::kind(6).u32(0).0),
        (7, round_end(0, &[], &[])),
        (8, Raw::kind(8).u32(0).0),
        (9, Raw::kind(9).u32(0).0),
        (10, missing(1, &[(0, 1)])),
        (11, done(1)),
        (12, vec![12]),
        (13, vec![13]),
        (14, ping(0, 0)),
        (15, Raw::kind(15).u64(7).u32(0).0),
        (16, abort(1, b"no")),
        (17, vec![17]),
        (18, digests(&[[7; 16]])),
        (19, differs(&[(0, 1)])),
        (20, vec![20]),
        (21, Raw::kind(21).bytes(b"012345").0),
        (22, vec![22]),
        (0, vec![0]),
        (255, vec![255]),
    ]
}

/// The complete frames of a recording.
pub fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<5>() {
        let [a, b, c, d, kind] = *header;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some((body, rest)) = rest.split_at_checked(length) else {
            break;
        };
        frames.push((kind, body));
        bytes = rest;
    }
    frames
}
