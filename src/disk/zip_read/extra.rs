//! The extra fields of an entry's headers: those that count here.

use super::error::ArchiveFault;
use super::record::{Aes, AesStrength, AesVersion};
use crate::model::Mtime;

const ZIP64: u16 = 0x0001;
const NTFS: u16 = 0x000a;
const TIMESTAMP: u16 = 0x5455;
const INFO_ZIP_UNIX: u16 = 0x5855;
const UNICODE_PATH: u16 = 0x7075;
const AES: u16 = 0x9901;

/// Seconds from 1601, where NTFS begins to count, to 1970.
const NTFS_TO_UNIX_SECONDS: i64 = 11_644_473_600;
/// NTFS counts in units of 100 ns.
const NTFS_TICKS: u64 = 10_000_000;

/// What the extra fields of a header say. What is not known is passed over.
#[derive(Debug, Default)]
pub(super) struct Extra<'a> {
    /// The numbers that did not fit into the header, in their order.
    pub(super) zip64: Option<&'a [u8]>,
    /// How the entry is encrypted.
    pub(super) aes: Option<Aes>,
    /// A time that is more exact than the header's.
    pub(super) mtime: Option<Mtime>,
    /// The CRC-32 of the header's name that it stands for, and the name in UTF-8.
    pub(super) unicode_path: Option<(u32, &'a [u8])>,
}

impl<'a> Extra<'a> {
    /// # Errors
    /// Damage: a field reaches beyond the end, is malformed, or one that must be unique is not.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Self, ArchiveFault> {
        let mut extra = Extra::default();
        let mut has_ntfs = false;
        while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
            let id = u16::from_le_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
            let Some((field, rest)) = rest.split_at_checked(length) else {
                return Err(ArchiveFault::Damaged("an extra field is cut short"));
            };
            bytes = rest;
            match id {
                ZIP64 => unique(extra.zip64.replace(field))?,
                AES => unique(extra.aes.replace(aes(field)?))?,
                UNICODE_PATH => extra.unicode_path = unicode_path(field),
                NTFS => {
                    if let Some(mtime) = ntfs(field) {
                        extra.mtime = Some(mtime);
                        has_ntfs = true;
                    }
                }
                // To the second only.
                TIMESTAMP | INFO_ZIP_UNIX if !has_ntfs => {
                    extra.mtime = unix_seconds(id, field).or(extra.mtime);
                }
                _ => {}
            }
        }
        // Some programs align contents with zeros here.
        match bytes.iter().all(|&byte| byte == 0) {
            true => Ok(extra),
            false => Err(ArchiveFault::Damaged("an extra field is cut short")),
        }
    }
}

/// Two fields of one kind would let two readers see two archives.
fn unique<T>(earlier: Option<T>) -> Result<(), ArchiveFault> {
    match earlier {
        None => Ok(()),
        Some(_) => Err(ArchiveFault::Trap("an extra field stands twice")),
    }
}

fn aes(field: &[u8]) -> Result<Aes, ArchiveFault> {
    let &[version, 0, b'A', b'E', strength, low, high] = field else {
        return Err(ArchiveFault::Damaged("the encryption field is malformed"));
    };
    let version = match version {
        1 => AesVersion::Ae1,
        2 => AesVersion::Ae2,
        _ => {
            return Err(ArchiveFault::Unsupported(
                "needs a later version of AES encryption",
            ));
        }
    };
    let strength = match strength {
        1 => AesStrength::Aes128,
        2 => AesStrength::Aes192,
        3 => AesStrength::Aes256,
        _ => return Err(ArchiveFault::Damaged("the encryption field is malformed")),
    };
    Ok(Aes {
        version,
        strength,
        method: u16::from_le_bytes([low, high]),
    })
}

fn unicode_path(field: &[u8]) -> Option<(u32, &[u8])> {
    let (&[1, a, b, c, d], name) = field.split_first_chunk::<5>()? else {
        return None;
    };
    Some((u32::from_le_bytes([a, b, c, d]), name))
}

fn ntfs(field: &[u8]) -> Option<Mtime> {
    let mut rest = field.get(4..)?;
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let (attribute, after) = after.split_at_checked(length)?;
        if head[..2] == [1, 0] {
            let ticks = u64::from_le_bytes(*attribute.first_chunk()?);
            return Some(Mtime {
                seconds: (ticks / NTFS_TICKS) as i64 - NTFS_TO_UNIX_SECONDS,
                nanoseconds: (ticks % NTFS_TICKS) as u32 * 100,
            });
        }
        rest = after;
    }
    None
}

fn unix_seconds(id: u16, field: &[u8]) -> Option<Mtime> {
    let bytes = match id {
        TIMESTAMP if field.first()? & 1 == 0 => return None,
        TIMESTAMP => field.get(1..5)?,
        _ => field.get(4..8)?,
    };
    Some(Mtime {
        seconds: i32::from_le_bytes(*bytes.first_chunk()?).into(),
        nanoseconds: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: u16, bytes: &[u8]) -> Vec<u8> {
        let mut field = id.to_le_bytes().to_vec();
        field.extend((bytes.len() as u16).to_le_bytes());
        field.extend(bytes);
        field
    }

    #[test]
    fn times_to_the_second_and_finer() {
        let second = field(TIMESTAMP, &[1, 0x80, 0x51, 0x01, 0]);
        let mtime = Extra::parse(&second).unwrap().mtime.unwrap();
        assert_eq!((mtime.seconds, mtime.nanoseconds), (86_400, 0));
        let ticks = (NTFS_TO_UNIX_SECONDS as u64 + 5) * NTFS_TICKS + 7;
        let mut attribute = vec![0, 0, 0, 0, 1, 0, 24, 0];
        attribute.extend([ticks, 0, 0].iter().flat_map(|time| time.to_le_bytes()));
        for both in [
            [field(NTFS, &attribute), second.clone()].concat(),
            [second.clone(), field(NTFS, &attribute)].concat(),
        ] {
            let mtime = Extra::parse(&both).unwrap().mtime.unwrap();
            assert_eq!((mtime.seconds, mtime.nanoseconds), (5, 700));
        }
        let before_1970 = field(INFO_ZIP_UNIX, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(
            Extra::parse(&before_1970).unwrap().mtime.unwrap().seconds,
            -1
        );
    }

    #[test]
    fn what_is_cut_or_stands_twice_is_refused() {
        assert!(Extra::parse(&[1, 0, 9, 0, 1]).is_err());
        assert!(Extra::parse(&[1, 0, 9]).is_err());
        assert!(Extra::parse(&[0, 0, 0]).is_ok());
        let aes = field(AES, &[2, 0, b'A', b'E', 3, 8, 0]);
        assert_eq!(Extra::parse(&aes).unwrap().aes.unwrap().method, 8);
        assert!(Extra::parse(&[aes.clone(), aes].concat()).is_err());
        for malformed in [
            [2, 0, b'A', b'E', 4, 8, 0],
            [2, 0, b'X', b'E', 3, 8, 0],
            [3, 0, b'A', b'E', 3, 8, 0],
        ] {
            assert!(Extra::parse(&field(AES, &malformed)).is_err());
        }
    }
}
