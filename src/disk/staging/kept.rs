//! Notices that a disk keeps no times or permissions. The contents are delivered all the same.

use super::{Staging, set_mtime};
use crate::disk::error::DiskError;
use crate::disk::platform;
use crate::model::Mtime;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Seconds by which a kept time may be off: FAT counts in steps of two.
const COARSEST_CLOCK: u64 = 2;

/// What is known about the disk.
#[derive(Debug, Default)]
pub(super) struct Kept {
    times: AtomicU8,
    refuses_modes: AtomicBool,
}

const UNKNOWN: u8 = 0;
const TIMES_STAY: u8 = 1;
const TIMES_ARE_LOST: u8 = 2;

impl Staging {
    /// Sets the time of an open file or folder. The first time is read back, because some disks accept a time
    /// without keeping it.
    pub(crate) fn set_time(&self, file: &File, mtime: Mtime, path: &Path) -> Result<(), DiskError> {
        let state = match set_mtime(file, mtime) {
            Ok(()) if self.kept.times.load(Ordering::Relaxed) != UNKNOWN => return Ok(()),
            Ok(()) => match file.metadata().map(|found| platform::mtime_of(&found)) {
                Ok(found) if found.seconds.abs_diff(mtime.seconds) <= COARSEST_CLOCK => TIMES_STAY,
                Ok(_) if platform::system_time(mtime).is_some() => TIMES_ARE_LOST,
                _ => return Ok(()),
            },
            Err(error) if platform::is_not_supported(&error) => TIMES_ARE_LOST,
            Err(error) => return Err(DiskError::at("set time of", path)(error)),
        };
        self.kept.times.store(state, Ordering::Relaxed);
        Ok(())
    }

    /// Notes whether permissions could be set, or are not supported by the disk.
    pub(crate) fn unless_modes_are_refused(
        &self,
        set: std::io::Result<()>,
        path: &Path,
    ) -> Result<(), DiskError> {
        match set {
            Err(error) if platform::is_not_supported(&error) => {
                self.kept.refuses_modes.store(true, Ordering::Relaxed);
                Ok(())
            }
            other => other.map_err(DiskError::at("set mode of", path)),
        }
    }

    pub(crate) fn loses_times(&self) -> bool {
        self.kept.times.load(Ordering::Relaxed) == TIMES_ARE_LOST
    }

    pub(crate) fn loses_modes(&self) -> bool {
        self.kept.refuses_modes.load(Ordering::Relaxed)
    }
}
