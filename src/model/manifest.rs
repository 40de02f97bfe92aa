//! The manifest: every file, folder and link of a transfer.

use super::{LinkFault, LinkTarget, Mtime, PathFault, WirePath, in_memory, len16, len32, limits};
use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

/// Every file, folder and link of a transfer, in stream order, checked as a whole: each path is a `WirePath`
/// and occurs once, each parent is a folder that precedes its children, each link says whether
/// it stays inside. About 40 bytes an entry besides its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    names: Vec<u8>,
    records: Vec<EntryRecord>,
    total: u64,
    unknown_size: bool,
}

/// Index of an entry that exists in its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryIndex(u32);

impl EntryIndex {
    /// The index as a number, for indexing vectors that are parallel to the manifest.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// Identity of a transfer: a hash of its manifest. Unchanged sources give the same id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransferId(pub [u8; 16]);

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One entry of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its path below the destination.
    pub path: WirePath<'a>,
    /// Its kind.
    pub kind: EntryKind<'a>,
    /// When its contents were last changed.
    pub mtime: Mtime,
    /// Its permissions.
    pub mode: Mode,
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind<'a> {
    /// A file with contents.
    File(FileSize),
    /// A folder.
    Folder,
    /// A symbolic link, which may lead outside.
    Link(LinkTarget<'a>),
}

/// Length of a file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSize {
    /// In bytes.
    Known(u64),
    /// Unknown until the end of the stream. Such a file must be the only entry of its manifest.
    Unknown,
}

/// Unix permissions: the lower nine bits. Setuid, setgid and sticky are never carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(u16);

impl Mode {
    /// Keeps the nine permission bits of `bits`.
    pub fn from_bits(bits: u32) -> Self {
        let [.., high, low] = bits.to_be_bytes();
        Mode(u16::from_be_bytes([high, low]) & 0o777)
    }

    /// The nine permission bits.
    pub fn bits(self) -> u32 {
        self.0.into()
    }
}

impl Manifest {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of the stream: all files' contents together; `None` while unknown.
    pub fn total(&self) -> Option<u64> {
        (!self.unknown_size).then_some(self.total)
    }

    /// Takes a number as the index of an entry; `None` if there is no such entry.
    pub fn index(&self, number: usize) -> Option<EntryIndex> {
        (number < self.records.len()).then_some(EntryIndex(len32(number)))
    }

    /// The entry at `index`.
    ///
    /// # Panics
    /// If the index comes from another, longer manifest, which is a bug.
    pub fn entry(&self, index: EntryIndex) -> Entry<'_> {
        self.records[index.get()].entry(&self.names)
    }

    /// All entries with their indices, in stream order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (EntryIndex, Entry<'_>)> + Clone {
        self.records
            .iter()
            .enumerate()
            .map(|(index, record)| (EntryIndex(len32(index)), record.entry(&self.names)))
    }

    /// The range of the entry's contents in the stream, in bytes; empty if the entry has no contents. A file of
    /// unknown size ends at [`limits::STREAM_BYTES`].
    pub fn stream_range(&self, index: EntryIndex) -> Range<u64> {
        let record = &self.records[index.get()];
        record.stream_start..record.stream_start + record.stream_length()
    }

    /// The pieces of files that lie in `range` of the stream, in order.
    pub fn segments(&self, range: Range<u64>) -> impl Iterator<Item = Segment> + use<'_> {
        let first = self
            .records
            .partition_point(|record| record.stream_start + record.stream_length() <= range.start);
        self.records[first..]
            .iter()
            .enumerate()
            .take_while({
                let end = range.end;
                move |(_, record)| record.stream_start < end
            })
            .filter(|(_, record)| record.stream_length() > 0)
            .map(move |(offset, record)| {
                let start = record.stream_start.max(range.start);
                let end = (record.stream_start + record.stream_length()).min(range.end);
                Segment {
                    entry: EntryIndex(len32(first + offset)),
                    file_offset: start - record.stream_start,
                    part_offset: in_memory(start - range.start),
                    length: in_memory(end - start),
                }
            })
    }
}

/// A piece of one file within a range of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub entry: EntryIndex,
    /// Offset of the piece in the file, in bytes.
    pub file_offset: u64,
    /// Offset of the piece in the range, in bytes.
    pub part_offset: usize,
    /// Length of the piece, in bytes; at least 1.
    pub length: usize,
}

/// Builds a [`Manifest`], entry by entry.
#[derive(Debug, Default)]
pub struct ManifestBuilder {
    manifest: Manifest,
}

impl ManifestBuilder {
    /// Begins an empty manifest.
    pub fn new() -> Self {
        ManifestBuilder::default()
    }

    /// Number of entries so far.
    pub fn len(&self) -> usize {
        self.manifest.len()
    }

    /// The entry that was added last.
    pub fn last(&self) -> Option<EntryIndex> {
        self.manifest.index(self.len().checked_sub(1)?)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`ManifestError`] if the path is invalid or a limit is exceeded.
    pub fn push_file(
        &mut self,
        path: &[u8],
        size: FileSize,
        mtime: Mtime,
        mode: Mode,
    ) -> Result<(), ManifestError> {
        let (kind, bytes) = match size {
            FileSize::Known(bytes) => (RecordKind::File, bytes),
            FileSize::Unknown => (RecordKind::UnknownFile, 0),
        };
        self.push(path, kind, bytes, mtime, mode)
    }

    /// Adds a folder. It must precede its contents.
    ///
    /// # Errors
    /// [`ManifestError`] if the path is invalid or a limit is exceeded.
    pub fn push_folder(
        &mut self,
        path: &[u8],
        mtime: Mtime,
        mode: Mode,
    ) -> Result<(), ManifestError> {
        self.push(path, RecordKind::Folder, 0, mtime, mode)
    }

    /// Adds a link with the text `target`.
    ///
    /// # Errors
    /// [`ManifestError`] if the path or the target is malformed or a limit is exceeded.
    pub fn push_link(
        &mut self,
        path: &[u8],
        target: &[u8],
        mtime: Mtime,
    ) -> Result<(), ManifestError> {
        let checked = LinkTarget::parse(WirePath::parse(path)?, target)?;
        let kind = match checked.leads_outside() {
            false => RecordKind::Link,
            true => RecordKind::OutsideLink,
        };
        self.push(path, kind, 0, mtime, Mode(0o777))?;
        if self.manifest.names.len() + target.len() > limits::NAMES_BYTES {
            return Err(ManifestError::TooLarge);
        }
        if let Some(record) = self.manifest.records.last_mut() {
            record.target_length = len16(target.len());
        }
        self.manifest.names.extend_from_slice(target);
        Ok(())
    }

    /// Checks the manifest as a whole.
    ///
    /// # Errors
    /// [`ManifestError`] if a name occurs twice, if a parent is missing, comes after its child or is not a
    /// folder, or if an entry of unknown size is not the only one.
    pub fn finish(self) -> Result<Manifest, ManifestError> {
        let manifest = self.manifest;
        if manifest.unknown_size && manifest.len() != 1 {
            return Err(ManifestError::UnknownSize);
        }
        check_tree(&manifest)?;
        Ok(manifest)
    }

    fn push(
        &mut self,
        path: &[u8],
        kind: RecordKind,
        size: u64,
        mtime: Mtime,
        mode: Mode,
    ) -> Result<(), ManifestError> {
        let path = WirePath::parse(path)?;
        if mtime.nanoseconds >= 1_000_000_000 {
            return Err(ManifestError::Mtime);
        }
        let manifest = &mut self.manifest;
        let total = manifest.total.checked_add(size);
        let total = total.filter(|&total| total <= limits::STREAM_BYTES);
        let names = manifest.names.len() + path.as_bytes().len();
        let Some(total) = total else {
            return Err(ManifestError::TooLarge);
        };
        if names > limits::NAMES_BYTES || manifest.len() >= limits::ENTRIES {
            return Err(ManifestError::TooLarge);
        }
        manifest.records.push(EntryRecord {
            name_start: len32(manifest.names.len()),
            name_length: len16(path.as_bytes().len()),
            target_length: 0,
            kind,
            mode: mode.0,
            stream_start: manifest.total,
            size,
            mtime_seconds: mtime.seconds,
            mtime_nanoseconds: mtime.nanoseconds,
        });
        manifest.names.extend_from_slice(path.as_bytes());
        manifest.total = total;
        manifest.unknown_size |= kind == RecordKind::UnknownFile;
        Ok(())
    }
}

/// Why entries are not a valid manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// A path breaks a rule.
    Path(PathFault),
    /// A link breaks a rule.
    Link(LinkFault),
    /// A name occurs twice.
    Twice(Box<[u8]>),
    /// An entry's parent is not a folder of the manifest, or comes after the entry.
    NoParent(Box<[u8]>),
    /// There are more entries, names or bytes than [`limits`] allow.
    TooLarge,
    /// The nanoseconds are a second or more.
    Mtime,
    /// An entry of unknown size is not the only one.
    UnknownSize,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ManifestError::Path(fault) => write!(f, "a name is unsafe: {fault}"),
            ManifestError::Link(fault) => write!(f, "a link is unsafe: {fault}"),
            ManifestError::Twice(path) => {
                write!(f, "a name occurs twice: {}", path.escape_ascii())
            }
            ManifestError::NoParent(path) => {
                write!(
                    f,
                    "an entry lies below something that is not a folder: {}",
                    path.escape_ascii()
                )
            }
            ManifestError::TooLarge => f.write_str("there are more entries or bytes than allowed"),
            ManifestError::Mtime => f.write_str("a time is malformed"),
            ManifestError::UnknownSize => {
                f.write_str("an entry of unknown size is not the only one")
            }
        }
    }
}

impl std::error::Error for ManifestError {}

impl From<PathFault> for ManifestError {
    fn from(fault: PathFault) -> Self {
        ManifestError::Path(fault)
    }
}

impl From<LinkFault> for ManifestError {
    fn from(fault: LinkFault) -> Self {
        ManifestError::Link(fault)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordKind {
    File,
    UnknownFile,
    Folder,
    Link,
    OutsideLink,
}

/// An entry without pointers of its own. Its name and its link target are in the shared `names`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct EntryRecord {
    stream_start: u64,
    size: u64,
    mtime_seconds: i64,
    mtime_nanoseconds: u32,
    name_start: u32,
    name_length: u16,
    target_length: u16,
    mode: u16,
    kind: RecordKind,
}

impl EntryRecord {
    fn entry<'a>(&self, names: &'a [u8]) -> Entry<'a> {
        let path = self.path(names);
        let kind = match self.kind {
            RecordKind::File => EntryKind::File(FileSize::Known(self.size)),
            RecordKind::UnknownFile => EntryKind::File(FileSize::Unknown),
            RecordKind::Folder => EntryKind::Folder,
            RecordKind::Link | RecordKind::OutsideLink => EntryKind::Link(self.target(names)),
        };
        Entry {
            path,
            kind,
            mtime: Mtime {
                seconds: self.mtime_seconds,
                nanoseconds: self.mtime_nanoseconds,
            },
            mode: Mode(self.mode),
        }
    }

    fn name_end(&self) -> usize {
        self.name_start as usize + usize::from(self.name_length)
    }

    fn path<'a>(&self, names: &'a [u8]) -> WirePath<'a> {
        WirePath::checked_before(&names[self.name_start as usize..self.name_end()])
    }

    fn target<'a>(&self, names: &'a [u8]) -> LinkTarget<'a> {
        let start = self.name_end();
        let text = &names[start..start + usize::from(self.target_length)];
        LinkTarget::checked_before(text, self.kind == RecordKind::OutsideLink)
    }

    fn stream_length(&self) -> u64 {
        match self.kind {
            RecordKind::UnknownFile => limits::STREAM_BYTES,
            _ => self.size,
        }
    }
}

/// Sorts the entries by path and looks up each parent by binary search. This takes four bytes an entry, while a
/// set of paths would cost as much as the manifest itself.
fn check_tree(manifest: &Manifest) -> Result<(), ManifestError> {
    let names = &manifest.names;
    let path = |number: &u32| manifest.records[*number as usize].path(names);
    let mut sorted: Vec<u32> = (0..len32(manifest.len())).collect();
    sorted.sort_unstable_by(|a, b| path(a).cmp(&path(b)));
    for pair in sorted.windows(2) {
        if path(&pair[0]) == path(&pair[1]) {
            return Err(ManifestError::Twice(path(&pair[0]).as_bytes().into()));
        }
    }
    for (number, record) in manifest.records.iter().enumerate() {
        let Some(parent) = record.path(names).parent() else {
            continue;
        };
        let is_earlier_folder = sorted
            .binary_search_by(|candidate| path(candidate).cmp(&parent))
            .is_ok_and(|place| {
                let found = sorted[place] as usize;
                found.cmp(&number) == Ordering::Less
                    && manifest.records[found].kind == RecordKind::Folder
            });
        if !is_earlier_folder {
            return Err(ManifestError::NoParent(
                record.path(names).as_bytes().into(),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
