//! The extra fields of an entry's headers that matter here.

use super::encryption::{Aes, AesStrength, AesVersion};
use super::error::ArchiveFault;
use crate::model::Mtime;

const ZIP64: u16 = 0x0001;
const NTFS: u16 = 0x000a;
const PKWARE_UNIX: u16 = 0x000d;
const TIMESTAMP: u16 = 0x5455;
const INFO_ZIP_UNIX: u16 = 0x5855;
const UNICODE_PATH: u16 = 0x7075;
const AES: u16 = 0x9901;

/// Seconds from 1601, the epoch of NTFS, to 1970.
const NTFS_TO_UNIX_SECONDS: i64 = 11_644_473_600;
/// NTFS counts in units of 100 ns.
const NTFS_TICKS: u64 = 10_000_000;

/// The extra fields of a header. Unknown ones are skipped.
#[derive(Debug, Default)]
pub(super) struct Extra<'a> {
    /// The numbers that did not fit into the header, in order.
    pub(super) zip64: Option<&'a [u8]>,
    /// How the entry is encrypted.
    pub(super) aes: Option<Aes>,
    /// The time of the NTFS field, to 100 ns.
    pub(super) ntfs_time: Option<Mtime>,
    /// The time in seconds since 1970, as 32 bits. Programs disagree about their sign.
    pub(super) unix_time: Option<u32>,
    /// The CRC-32 of the header's name that it replaces, and the name in UTF-8.
    pub(super) unicode_path: Option<(u32, &'a [u8])>,
    /// Whether the last field is longer than the room for it. That field is ignored.
    pub(super) is_cut: bool,
}

impl<'a> Extra<'a> {
    /// # Errors
    /// Damage: a field is malformed, or one that must be unique is not.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Self, ArchiveFault> {
        let mut extra = Extra::default();
        while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
            let id = u16::from_le_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
            let Some((field, rest)) = rest.split_at_checked(length) else {
                break;
            };
            bytes = rest;
            match id {
                ZIP64 => unique(extra.zip64.replace(field))?,
                AES => unique(extra.aes.replace(aes(field)?))?,
                UNICODE_PATH => {
                    if let Some(path) = unicode_path(field) {
                        unique(extra.unicode_path.replace(path))?;
                    }
                }
                NTFS => extra.ntfs_time = ntfs(field).or(extra.ntfs_time),
                TIMESTAMP | INFO_ZIP_UNIX | PKWARE_UNIX => {
                    extra.unix_time = unix_seconds(id, field).or(extra.unix_time);
                }
                _ => {}
            }
        }
        // Some programs align contents with zeros here.
        extra.is_cut = bytes.iter().any(|&byte| byte != 0);
        Ok(extra)
    }

    /// When the entry's contents were last changed: the NTFS time, else the Unix time, else the given DOS time.
    /// A Unix time after 2038 looks like one before 1970; the DOS time tells them apart.
    pub(super) fn mtime(&self, dos_seconds: i64) -> Mtime {
        if let Some(mtime) = self.ntfs_time {
            return mtime;
        }
        let seconds = match self.unix_time {
            None => dos_seconds,
            Some(bits) if bits > UNIX_SECONDS_MAX && dos_seconds < AFTER_2037 => {
                i64::from(bits) - (1 << 32)
            }
            Some(bits) => bits.into(),
        };
        Mtime {
            seconds,
            nanoseconds: 0,
        }
    }
}

/// The largest signed number of 32 bits, which is in January 2038.
const UNIX_SECONDS_MAX: u32 = i32::MAX as u32;
/// Some days earlier, because DOS times may be off by their zone.
const AFTER_2037: i64 = UNIX_SECONDS_MAX as i64 - 18 * 86_400;

/// With two fields of one kind, two readers could see two archives.
fn unique<T>(earlier: Option<T>) -> Result<(), ArchiveFault> {
    match earlier {
        None => Ok(()),
        Some(_) => Err(ArchiveFault::Trap("an extra field occurs twice")),
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
                seconds: i64::try_from(ticks / NTFS_TICKS).ok()? - NTFS_TO_UNIX_SECONDS,
                nanoseconds: u32::try_from(ticks % NTFS_TICKS).ok()? * 100,
            });
        }
        rest = after;
    }
    None
}

fn unix_seconds(id: u16, field: &[u8]) -> Option<u32> {
    let bytes = match id {
        TIMESTAMP if field.first()? & 1 == 0 => return None,
        TIMESTAMP => field.get(1..5)?,
        _ => field.get(4..8)?,
    };
    Some(u32::from_le_bytes(*bytes.first_chunk()?))
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

    fn mtime(extra: &[u8], dos_seconds: i64) -> (i64, u32) {
        let mtime = Extra::parse(extra).unwrap().mtime(dos_seconds);
        (mtime.seconds, mtime.nanoseconds)
    }

    const IN_1980: i64 = 315_532_800;
    const IN_2040: i64 = 2_208_988_800;

    fn timestamp(seconds: i64) -> Vec<u8> {
        let bits = (seconds as u32).to_le_bytes();
        field(TIMESTAMP, &[&[1], &bits[..]].concat())
    }

    #[test]
    fn the_finest_time_counts() {
        let second = timestamp(86_400);
        assert_eq!(mtime(&second, IN_1980), (86_400, 0));
        let ticks = (NTFS_TO_UNIX_SECONDS as u64 + 5) * NTFS_TICKS + 7;
        let mut attribute = vec![0, 0, 0, 0, 1, 0, 24, 0];
        attribute.extend([ticks, 0, 0].iter().flat_map(|time| time.to_le_bytes()));
        for both in [
            [field(NTFS, &attribute), second.clone()].concat(),
            [second, field(NTFS, &attribute)].concat(),
        ] {
            assert_eq!(mtime(&both, IN_1980), (5, 700));
        }
        assert_eq!(mtime(&[], IN_2040), (IN_2040, 0));
    }

    #[test]
    fn unix_fields_of_two_makers_have_the_time_at_one_place() {
        let bytes = [1, 0, 0, 0, 5, 0, 0, 0, 0xe9, 3, 0xea, 3];
        for id in [INFO_ZIP_UNIX, PKWARE_UNIX] {
            assert_eq!(mtime(&field(id, &bytes), IN_1980), (5, 0));
            assert_eq!(mtime(&field(id, &bytes[..7]), IN_1980), (IN_1980, 0));
        }
    }

    #[test]
    fn times_before_1970_and_after_2038() {
        let before = field(INFO_ZIP_UNIX, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(mtime(&before, IN_1980), (-1, 0));
        assert_eq!(mtime(&timestamp(-2_000_000_000), IN_1980).0, -2_000_000_000);
        assert_eq!(mtime(&timestamp(IN_2040 + 1), IN_2040).0, IN_2040 + 1);
        let last = i64::from(UNIX_SECONDS_MAX);
        for seconds in [last, last + 1] {
            for zone in [-50_000, 0, 50_000] {
                assert_eq!(mtime(&timestamp(seconds), seconds + zone).0, seconds);
            }
        }
    }

    #[test]
    fn fields_that_are_cut_are_no_fields_and_none_stands_twice() {
        assert!(Extra::parse(&[1, 0, 9, 0, 1]).unwrap().is_cut);
        assert!(Extra::parse(&[1, 0, 9]).unwrap().is_cut);
        assert!(!Extra::parse(&[0, 0, 0]).unwrap().is_cut);
        let aes = field(AES, &[2, 0, b'A', b'E', 3, 8, 0]);
        assert_eq!(Extra::parse(&aes).unwrap().aes.unwrap().method, 8);
        let path = field(UNICODE_PATH, b"\x01\0\0\0\0name");
        let zip64 = field(ZIP64, &[0; 8]);
        for unique in [aes, path, zip64] {
            assert!(Extra::parse(&[unique.clone(), unique].concat()).is_err());
        }
        for malformed in [
            [2, 0, b'A', b'E', 4, 8, 0],
            [2, 0, b'X', b'E', 3, 8, 0],
            [3, 0, b'A', b'E', 3, 8, 0],
        ] {
            assert!(Extra::parse(&field(AES, &malformed)).is_err());
        }
    }
}
