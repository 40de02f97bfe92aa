//! Going on from what an earlier run left: nothing is believed that was not read back.

use super::{Mark, Staging, tree};
use crate::disk::error::DiskError;
use crate::disk::journal::Recorded;
use crate::disk::plan::Decision;
use crate::disk::platform;
use crate::model::{EntryIndex, EntryKind, PartIndex, Segment, WirePath};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

/// Bytes read at once.
const BUFFER: usize = 256 * 1024;

/// Takes over what is recorded and true. For a transfer that begins, nothing is recorded.
pub(super) fn take_over(staging: &mut Staging, recorded: Recorded) -> Result<(), DiskError> {
    if recorded == Recorded::default() {
        return Ok(());
    }
    tree::complete(&staging.path, &staging.manifest, &staging.plan)?;
    staging.has_folders = Mutex::new(true);
    let folders = recorded.folders.iter();
    staging.created_folders = folders
        .filter_map(|&number| staging.manifest.index(usize::try_from(number).ok()?))
        .collect();
    let claimed = claimed_parts(staging, &recorded);
    mark_files_of(staging, claimed.iter().map(|&(part, _)| part));
    // Before anything is read: where two names are one file, it goes now, and what the other one claims
    // is not believed below.
    remove_unmarked(staging)?;
    prepare_marked(staging)?;
    let verified = read_back(staging, &claimed);
    forget_marks(staging);
    mark_files_of(staging, verified.iter().copied());
    remove_unmarked(staging)?;
    let layout = staging.layout();
    staging.resumed_bytes = verified.iter().map(|&p| layout.length(p) as u64).sum();
    let mut progress = staging.progress();
    for part in verified {
        progress.present.insert(part);
    }
    drop(progress);
    Ok(())
}

/// The recorded parts that exist and hold needed bytes, with the CRC-32 of what is there of them.
fn claimed_parts(staging: &Staging, recorded: &Recorded) -> Vec<(PartIndex, u32)> {
    let layout = staging.layout();
    let unneeded = staging.present();
    let parts = recorded.parts.iter();
    parts
        .filter_map(|&(number, crc)| Some((layout.part(number).ok()?, crc)))
        .filter(|(part, _)| !unneeded.contains(*part))
        .collect()
}

fn mark_files_of(staging: &Staging, parts: impl Iterator<Item = PartIndex>) {
    let layout = staging.layout();
    for part in parts {
        for segment in layout.segments(&staging.manifest, part) {
            if staging.plan.is_needed(segment.entry) {
                staging.marks.set(segment.entry, Mark::There);
            }
        }
    }
}

fn forget_marks(staging: &Staging) {
    for (index, _) in staging.manifest.entries() {
        staging.marks.unset(index, Mark::There);
    }
}

/// Removes needed files and links that no part vouches for.
fn remove_unmarked(staging: &Staging) -> Result<(), DiskError> {
    for (index, entry) in staging.manifest.entries() {
        let is_wanted = entry.kind != EntryKind::Folder && staging.plan.is_needed(index);
        if is_wanted && !staging.marks.has(index, Mark::There) {
            tree::remove_if_there(&staging.staged_path(index)?)?;
        }
    }
    Ok(())
}

/// Makes files readable and writable again that an interrupted delivery gave their final modes. One that
/// has a second name was delivered already and must not be written to; one of the wrong length or kind
/// holds nothing to believe.
fn prepare_marked(staging: &Staging) -> Result<(), DiskError> {
    for (index, _) in staging.manifest.entries() {
        if !staging.marks.has(index, Mark::There) {
            continue;
        }
        let path = staging.staged_path(index)?;
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(DiskError::at("look up", &path)(error)),
        };
        let is_ours = found.is_file()
            && platform::names_of(&found) == 1
            && found.len() == staging.size_of(index);
        let bits = platform::mode_of(&found).bits();
        if !is_ours {
            tree::remove_if_there(&path)?;
        } else if bits & 0o600 != 0o600 {
            platform::set_mode(&path, bits | 0o600)
                .map_err(DiskError::at("make writable", &path))?;
        }
    }
    Ok(())
}

fn read_back(staging: &Staging, claimed: &[(PartIndex, u32)]) -> Vec<PartIndex> {
    let mut reader = PartReader {
        staging,
        open: None,
        buffer: vec![0; BUFFER],
    };
    let verified = claimed.iter().filter(|&&(part, crc)| {
        // What cannot be read is not there: it is sent again.
        reader.crc(part).is_ok_and(|found| found == crc)
    });
    verified.map(|&(part, _)| part).collect()
}

/// Reads parts back from where their bytes are: needed files from staging, identical ones (which an
/// interrupted delivery may have put there) from the destination. Skipped files are left out, as they
/// were when the part was recorded.
struct PartReader<'a> {
    staging: &'a Staging,
    open: Option<(EntryIndex, File)>,
    buffer: Vec<u8>,
}

impl PartReader<'_> {
    fn crc(&mut self, part: PartIndex) -> io::Result<u32> {
        let staging = self.staging;
        let mut hasher = crc32fast::Hasher::new();
        for segment in staging.layout().segments(&staging.manifest, part) {
            if staging.plan.decision(segment.entry) != Decision::Skip {
                self.read(&segment, &mut hasher)?;
            }
        }
        Ok(hasher.finalize())
    }

    fn read(&mut self, segment: &Segment, hasher: &mut crc32fast::Hasher) -> io::Result<()> {
        let file = match self.open.take() {
            Some((entry, file)) if entry == segment.entry => file,
            _ => platform::open_source(&self.path_of(segment.entry)?)?,
        };
        let mut done = 0;
        while done < segment.length {
            let wanted = (segment.length - done).min(self.buffer.len());
            let buffer = &mut self.buffer[..wanted];
            match platform::read_at(&file, buffer, segment.file_offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    hasher.update(&buffer[..count]);
                    done += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.open = Some((segment.entry, file));
        Ok(())
    }

    fn path_of(&self, entry: EntryIndex) -> io::Result<PathBuf> {
        let staging = self.staging;
        let path = if staging.plan.is_needed(entry) {
            staging.staged_path(entry)
        } else {
            let delivered = staging.plan.delivered_path(&staging.manifest, entry);
            let path = WirePath::parse(&delivered).map_err(io::Error::other)?;
            staging.destination.disk_path(path)
        };
        path.map_err(io::Error::other)
    }
}
