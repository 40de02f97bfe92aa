//! Small transfers for tests.

use crate::disk::plan::Decision;
use crate::disk::{
    Checked, Delivery, DeliveryResult, Destination, Durability, Plan, PlanRules, SameFiles,
    Staging, platform,
};
use crate::model::{
    EntryFailure, EntryIndex, Existing, FileSize, Manifest, ManifestBuilder, Mode, Mtime,
    PartIndex, PartSet, TransferId, limits,
};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

pub(super) const PART: u32 = limits::PART_BYTES_MIN;
pub(super) const ID: TransferId = TransferId([0xab; 16]);
pub(super) const FILE_MODE: u32 = 0o640;
pub(super) const FOLDER_MODE: u32 = 0o750;

/// A transfer to send: a manifest and its stream.
#[derive(Default)]
pub(super) struct Sample {
    builder: ManifestBuilder,
    pub(super) stream: Vec<u8>,
}

impl Sample {
    pub(super) fn new() -> Self {
        Sample::default()
    }

    pub(super) fn file(self, path: &str, contents: &[u8]) -> Self {
        self.file_with_mode(path.as_bytes(), contents, FILE_MODE)
    }

    pub(super) fn file_with_mode(mut self, path: &[u8], contents: &[u8], mode: u32) -> Self {
        let size = FileSize::Known(contents.len() as u64);
        let mtime = self.next_mtime();
        self.builder
            .push_file(path, size, mtime, Mode::from_bits(mode))
            .unwrap();
        self.stream.extend_from_slice(contents);
        self
    }

    pub(super) fn folder(self, path: &str) -> Self {
        self.folder_with_mode(path, FOLDER_MODE)
    }

    pub(super) fn folder_with_mode(mut self, path: &str, mode: u32) -> Self {
        let mtime = self.next_mtime();
        self.builder
            .push_folder(path.as_bytes(), mtime, Mode::from_bits(mode))
            .unwrap();
        self
    }

    /// A link. On Windows a file replaces it, because few users may make links there.
    pub(super) fn link(mut self, path: &str, target: &str) -> Self {
        if cfg!(windows) {
            return self.file(path, target.as_bytes());
        }
        let mtime = self.next_mtime();
        self.builder
            .push_link(path.as_bytes(), target.as_bytes(), mtime)
            .unwrap();
        self
    }

    pub(super) fn finish(self) -> Transfer {
        Transfer {
            manifest: Arc::new(self.builder.finish().unwrap()),
            stream: self.stream,
            durability: Durability::Normal,
        }
    }

    fn next_mtime(&self) -> Mtime {
        Mtime {
            seconds: 1_500_000_000 + self.builder.len() as i64,
            nanoseconds: if cfg!(windows) {
                123_456_700
            } else {
                123_456_789
            },
        }
    }
}

/// A transfer that tests receive, whole or in pieces.
pub(super) struct Transfer {
    pub(super) manifest: Arc<Manifest>,
    pub(super) stream: Vec<u8>,
    pub(super) durability: Durability,
}

impl Transfer {
    pub(super) fn index(&self, path: &str) -> EntryIndex {
        let found = self.manifest.entries();
        let mut found = found.filter(|(_, entry)| entry.path.as_bytes() == path.as_bytes());
        found.next().unwrap().0
    }

    pub(super) fn plan(&self, into: &Path, existing: Existing) -> Plan {
        let destination = Destination::locate(into).unwrap();
        let rules = PlanRules {
            existing,
            ..PlanRules::default()
        };
        Plan::decide(&self.manifest, &destination, rules).unwrap()
    }

    /// Opens staging, and has files of the same size and mtime compared.
    pub(super) fn open_to_compare(&self, into: &Path, existing: Existing) -> Staging {
        let destination = Destination::locate(into).unwrap();
        let rules = PlanRules {
            existing,
            same_files: SameFiles::Compared,
            ..PlanRules::default()
        };
        let plan = Plan::decide(&self.manifest, &destination, rules).unwrap();
        let manifest = Arc::clone(&self.manifest);
        Staging::open(&destination, ID, manifest, plan, PART, self.durability).unwrap()
    }

    /// Compares `parts` with the stream, as a sender's digests do, and returns the numbers of equal ones.
    pub(super) fn check(&self, staging: &Staging, parts: &PartSet) -> Vec<u64> {
        let mut checker = staging.checker();
        let parts = staging
            .layout()
            .parts()
            .filter(|part| parts.contains(*part));
        let held = parts.filter(|&part| {
            let raw = self.raw(staging, part);
            let checked = checker.check(part, |_, segment, bytes| {
                bytes == &raw[segment.part_offset..segment.part_offset + segment.length]
            });
            matches!(checked.unwrap(), Checked::Held(_))
        });
        held.map(PartIndex::get).collect()
    }

    /// Compares all claims, and returns the numbers of equal ones.
    pub(super) fn check_claims(&self, staging: &Staging) -> Vec<u64> {
        self.check(staging, &staging.claims())
    }

    pub(super) fn open(&self, into: &Path, existing: Existing) -> Staging {
        self.try_open(into, existing, PART).unwrap()
    }

    pub(super) fn try_open(
        &self,
        into: &Path,
        existing: Existing,
        part_size: u32,
    ) -> Result<Staging, crate::disk::DiskError> {
        Staging::open(
            &Destination::locate(into).unwrap(),
            ID,
            Arc::clone(&self.manifest),
            self.plan(into, existing),
            part_size,
            self.durability,
        )
    }

    /// The raw bytes of a part.
    pub(super) fn raw(&self, staging: &Staging, part: PartIndex) -> &[u8] {
        let range = staging.layout().range(part);
        &self.stream[range.start as usize..range.end as usize]
    }

    /// Writes the missing parts among `numbers`.
    pub(super) fn write(&self, staging: &Staging, numbers: impl IntoIterator<Item = u64>) {
        let mut writer = staging.writer();
        for number in numbers {
            let part = staging.layout().part(number).unwrap();
            if !staging.present().contains(part) {
                writer.write_part(part, self.raw(staging, part)).unwrap();
            }
        }
    }

    pub(super) fn write_all(&self, staging: &Staging) {
        self.write(staging, 0..staging.layout().count());
    }

    /// Plans, stages and delivers. Returns the delivery, and the report for each entry.
    pub(super) fn receive(
        &self,
        into: &Path,
        existing: Existing,
    ) -> (Delivery, Vec<DeliveryResult>) {
        let staging = self.open(into, existing);
        self.write_all(&staging);
        assert!(staging.is_complete());
        deliver(staging, &[])
    }

    pub(super) fn decisions(&self, into: &Path, existing: Existing) -> Vec<Decision> {
        let plan = self.plan(into, existing);
        let entries = self.manifest.entries();
        entries.map(|(index, _)| plan.decision(index)).collect()
    }
}

pub(super) fn deliver(
    staging: Staging,
    failed: &[EntryFailure],
) -> (Delivery, Vec<DeliveryResult>) {
    let mut results = Vec::new();
    let delivery = staging
        .deliver(failed, &mut |index, result, _| {
            assert_eq!(index.get(), results.len());
            results.push(result);
        })
        .unwrap();
    (delivery, results)
}

/// Bytes without repetition and zeros.
pub(super) fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8 | 1
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub(super) fn set_mtime(path: &Path, seconds: i64, nanoseconds: u32) {
    let mtime = Mtime {
        seconds,
        nanoseconds,
    };
    let time = platform::system_time(mtime).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

pub(super) fn mtime_of(path: &Path) -> Mtime {
    platform::mtime_of(&fs::symlink_metadata(path).unwrap())
}

/// The names in a folder, sorted.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let items = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = items
        .map(|item| item.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
