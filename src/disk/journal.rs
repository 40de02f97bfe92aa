//! The journal of a staging folder: which parts are in it.
//!
//! An append-only file that is correct at any instant: a record is appended only after its data is written.
//! Each record is one write, so a crash leaves at most a torn tail. Numbers are big-endian.
//!
//! ```text
//! header, 34 bytes
//!   0   8  magic "pbjrnl\r\n"
//!   8   2  version, 2
//!  10  16  transfer id
//!  26   4  part size in bytes
//!  30   4  CRC-32 of bytes 0 to 29
//! record, 13 bytes, any number of them
//!   0   1  kind: 1 part present, 2 part revoked, 3 folder created at the destination
//!   1   8  index of the part, or of the folder's entry in the manifest
//!   9   4  CRC-32 of the header's last 4 bytes and bytes 0 to 8
//! ```
//!
//! The last record of a part is the valid one. A tail that is shorter than a record, or all zeros (as a power
//! cut leaves it in a growing file), is cut off. Any other fault may hide a lost revocation, so the whole
//! journal is rejected.

use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::model::{EntryIndex, PartIndex, TransferId};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MAGIC: &[u8; 8] = b"pbjrnl\r\n";
const VERSION: u16 = 2;
const HEADER: usize = 34;
const RECORD: usize = 13;
const PART_PRESENT: u8 = 1;
const PART_REVOKED: u8 = 2;
const FOLDER_CREATED: u8 = 3;

/// An open journal, for use by several threads.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    seed: [u8; 4],
    end: Mutex<JournalEnd>,
}

/// Identity and length of a journal. A journal only grows, so together they show whether it was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JournalMark {
    identity: (u64, u64),
    length: u64,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JournalRecord {
    /// The needed bytes of the part are in the staging folder.
    Present(PartIndex),
    /// An earlier record of the part is void.
    Revoked(PartIndex),
    /// The folder is about to be created at the destination by this transfer.
    FolderCreated(EntryIndex),
}

/// Contents of a journal from an earlier run: plain numbers, not yet checked against a layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    /// The part size of that run.
    pub(super) part_size: u32,
    /// Recorded parts, ascending.
    pub(super) parts: Vec<u64>,
    /// Entries of folders that this transfer created.
    pub(super) folders: Vec<u64>,
}

/// The result of opening a journal file.
#[derive(Debug)]
pub(super) enum FoundJournal {
    /// Empty, or shorter than a header: nothing was recorded.
    Nothing,
    /// A journal that must not be used.
    Faulty(JournalFault),
    /// A journal of this transfer.
    Good(Journal, Recorded),
}

/// Why a journal of an earlier run is rejected. It is put aside, and the transfer starts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalFault {
    /// It is not a journal, or it is damaged.
    Damaged,
    /// Another version of peerbridge wrote it.
    OtherVersion,
    /// It belongs to another transfer.
    OtherTransfer,
}

impl fmt::Display for JournalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JournalFault::Damaged => "it is damaged",
            JournalFault::OtherVersion => "another version wrote it",
            JournalFault::OtherTransfer => "it belongs to another transfer",
        })
    }
}

impl Journal {
    /// Creates a new journal.
    pub(super) fn create(
        path: &Path,
        id: TransferId,
        part_size: u32,
    ) -> Result<Journal, DiskError> {
        let header = header(id, part_size);
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)
            .map_err(DiskError::at("create journal", path))?;
        file.write_all(&header)
            .map_err(DiskError::at("write journal", path))?;
        Ok(Journal::new(path, file, &header, HEADER as u64))
    }

    /// Reads the journal of an earlier run and cuts off a torn tail.
    pub(super) fn open(path: &Path, id: TransferId) -> Result<FoundJournal, DiskError> {
        let opened = OpenOptions::new().read(true).append(true).open(path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(FoundJournal::Nothing);
            }
            Err(error) => return Err(DiskError::at("open journal", path)(error)),
        };
        let failed = |error| DiskError::at("read journal", path)(error);
        let mut reader = BufReader::new(&file);
        let mut first = [0; HEADER];
        if read_up_to(&mut reader, &mut first).map_err(failed)? < HEADER {
            return Ok(FoundJournal::Nothing);
        }
        let part_size = match check_header(&first, id) {
            Ok(part_size) => part_size,
            Err(fault) => return Ok(FoundJournal::Faulty(fault)),
        };
        let seed = seed_of(&first);
        let Some((recorded, count)) = read_records(&mut reader, seed, part_size).map_err(failed)?
        else {
            return Ok(FoundJournal::Faulty(JournalFault::Damaged));
        };
        let length = (HEADER + count * RECORD) as u64;
        file.set_len(length)
            .map_err(DiskError::at("cut journal", path))?;
        Ok(FoundJournal::Good(
            Journal::new(path, file, &first, length),
            recorded,
        ))
    }

    /// The file's identity and length; `None` if the system does not provide them.
    pub(super) fn mark(&self) -> Option<JournalMark> {
        let end = self.lock();
        let length = end.file.metadata().ok()?.len();
        Some(JournalMark {
            identity: platform::identity_of_open(&end.file).ok()?,
            length,
        })
    }

    /// Appends a record, in one write. After an error the file ends where it ended before.
    pub(super) fn append(&self, record: JournalRecord) -> Result<(), DiskError> {
        let bytes = encode(record, self.seed);
        let mut end = self.lock();
        end.append(&bytes)
            .map_err(DiskError::at("write journal", &self.path))
    }

    /// Whether nothing is recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().length == HEADER as u64
    }

    /// Forces everything appended to the disk.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        let end = self.lock();
        platform::sync_data(&end.file).map_err(DiskError::at("sync journal", &self.path))
    }

    fn new(path: &Path, file: File, header: &[u8; HEADER], length: u64) -> Journal {
        Journal {
            path: path.to_owned(),
            seed: seed_of(header),
            end: Mutex::new(JournalEnd {
                file,
                length,
                broken: false,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, JournalEnd> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Number of parts in the journal at `path`; `None` if it is rejected. For tests that damage a journal.
pub fn recorded_parts(path: &Path, id: TransferId) -> Result<Option<usize>, DiskError> {
    Ok(match Journal::open(path, id)? {
        FoundJournal::Good(_, recorded) => Some(recorded.parts.len()),
        FoundJournal::Nothing | FoundJournal::Faulty(_) => None,
    })
}

/// Where the next record goes.
#[derive(Debug)]
struct JournalEnd {
    file: File,
    length: u64,
    broken: bool,
}

impl JournalEnd {
    /// Half a record in the middle would make the rest unreadable. It is cut off; if that fails, nothing more
    /// is appended.
    fn append(&mut self, record: &[u8; RECORD]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write failed"));
        }
        if let Err(error) = self.file.write_all(record) {
            self.broken = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += RECORD as u64;
        Ok(())
    }
}

/// Reads the journal of an earlier run without changing it; `None` if there is none, or if it is rejected.
pub(super) fn peek(path: &Path, id: TransferId) -> Option<Recorded> {
    let mut reader = BufReader::new(File::open(path).ok()?);
    let mut first = [0; HEADER];
    reader.read_exact(&mut first).ok()?;
    let part_size = check_header(&first, id).ok()?;
    let records = read_records(&mut reader, seed_of(&first), part_size);
    Some(records.ok()??.0)
}

fn header(id: TransferId, part_size: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&VERSION.to_be_bytes());
    header[10..26].copy_from_slice(&id.0);
    header[26..30].copy_from_slice(&part_size.to_be_bytes());
    let check = crc32fast::hash(&header[..30]);
    header[30..].copy_from_slice(&check.to_be_bytes());
    header
}

/// Compares the checksum before id and version, because a flipped bit is damage and not another transfer.
fn check_header(header: &[u8; HEADER], id: TransferId) -> Result<u32, JournalFault> {
    let (body, check) = header.split_at(30);
    if !body.starts_with(MAGIC) {
        return Err(JournalFault::Damaged);
    }
    if crc32fast::hash(body).to_be_bytes() != check {
        return Err(JournalFault::Damaged);
    }
    if body[8..10] != VERSION.to_be_bytes() {
        return Err(JournalFault::OtherVersion);
    }
    if body[10..26] != id.0 {
        return Err(JournalFault::OtherTransfer);
    }
    Ok(u32::from_be_bytes([body[26], body[27], body[28], body[29]]))
}

fn seed_of(header: &[u8; HEADER]) -> [u8; 4] {
    [header[30], header[31], header[32], header[33]]
}

fn encode(record: JournalRecord, seed: [u8; 4]) -> [u8; RECORD] {
    let (kind, index) = match record {
        JournalRecord::Present(part) => (PART_PRESENT, part.get()),
        JournalRecord::Revoked(part) => (PART_REVOKED, part.get()),
        JournalRecord::FolderCreated(entry) => (FOLDER_CREATED, entry.get() as u64),
    };
    let mut bytes = [0; RECORD];
    bytes[0] = kind;
    bytes[1..9].copy_from_slice(&index.to_be_bytes());
    let check = record_check(&bytes, seed);
    bytes[9..].copy_from_slice(&check.to_be_bytes());
    bytes
}

/// Includes the header's checksum, so that a record of another journal is not valid here.
fn record_check(record: &[u8; RECORD], seed: [u8; 4]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&seed);
    hasher.update(&record[..9]);
    hasher.finalize()
}

/// True if a record adds its part, false if it revokes it.
#[derive(Clone, Copy)]
struct IsPresent(bool);

/// Reads records up to the end or a torn tail, and counts them; `None` if they are damaged.
fn read_records(
    reader: &mut impl Read,
    seed: [u8; 4],
    part_size: u32,
) -> io::Result<Option<(Recorded, usize)>> {
    let mut parts: Vec<(u64, IsPresent)> = Vec::new();
    let mut folders = Vec::new();
    let mut count = 0;
    loop {
        let mut record = [0; RECORD];
        if read_up_to(reader, &mut record)? < RECORD {
            break;
        }
        if record == [0; RECORD] {
            if only_zeros(reader)? {
                break;
            }
            return Ok(None);
        }
        if record_check(&record, seed).to_be_bytes() != record[9..] {
            return Ok(None);
        }
        let [kind, i0, i1, i2, i3, i4, i5, i6, i7, ..] = record;
        let index = u64::from_be_bytes([i0, i1, i2, i3, i4, i5, i6, i7]);
        match kind {
            PART_PRESENT => parts.push((index, IsPresent(true))),
            PART_REVOKED => parts.push((index, IsPresent(false))),
            FOLDER_CREATED => folders.push(index),
            _ => return Ok(None),
        }
        count += 1;
    }
    let recorded = Recorded {
        part_size,
        parts: last_word(parts),
        folders,
    };
    Ok(Some((recorded, count)))
}

/// The parts whose last record adds them. The sort is stable, so the last record stays the last.
fn last_word(mut parts: Vec<(u64, IsPresent)>) -> Vec<u64> {
    parts.sort_by_key(|&(index, _)| index);
    parts
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|same| same.last())
        .filter_map(|&(index, is_present)| is_present.0.then_some(index))
        .collect()
}

/// Fills the buffer, or as much of it as the file has.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn only_zeros(reader: &mut impl Read) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    loop {
        match read_up_to(reader, &mut buffer)? {
            0 => return Ok(true),
            count if buffer[..count].iter().any(|&byte| byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
