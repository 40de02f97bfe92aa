//! Faults that need not prevent opening an archive.

use super::error::{ArchiveFault, EntryFault};
use super::options::Strictness;

/// A violation of the format, or a fact that the user should know, that leaves no doubt about an entry's
/// meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Bytes follow the end of the archive.
    BytesBehindEnd,
    /// The two headers differ in flags without effect on this entry.
    FlagsDiffer,
    /// The two headers spell one name in two ways.
    SpellingsDiffer,
    /// The sizes that should follow the contents are missing; the directory has them.
    NoDescriptor,
    /// An extra field is longer than the room for it. It is ignored.
    ExtraCut,
    /// A name has meaningless components, as in `a//b` and `a/./b`.
    NameUntidy,
    /// An entry occurs twice. The last one is used.
    Twice,
    /// A folder has contents. They are ignored.
    FolderWithContents,
    /// An entry is encrypted with ZipCrypto.
    ZipCrypto,
}

impl Oddity {
    /// The text for a person, after the name of an entry or of the archive.
    pub fn message(self) -> &'static str {
        match self {
            Oddity::BytesBehindEnd => "bytes follow the end of the archive; they are ignored",
            Oddity::FlagsDiffer => "its two headers differ in flags that change nothing",
            Oddity::SpellingsDiffer => "its two headers spell its name differently",
            Oddity::NoDescriptor => {
                "the sizes behind its contents are missing; the directory has them"
            }
            Oddity::ExtraCut => "an extra field is cut short; it is ignored",
            Oddity::NameUntidy => "its name has empty components or dots; they are left out",
            Oddity::Twice => "it occurs twice; the last one is opened",
            Oddity::FolderWithContents => "it is a folder with contents; they are ignored",
            Oddity::ZipCrypto => {
                "it is encrypted with ZipCrypto, which protects little: whoever has the archive can \
                 read it without the password"
            }
        }
    }

    /// The corresponding fault, for a strict reader.
    fn fault(self) -> ArchiveFault {
        match self {
            Oddity::BytesBehindEnd => ArchiveFault::Damaged("something follows its end"),
            Oddity::FlagsDiffer => ArchiveFault::Trap("its two headers disagree about its flags"),
            Oddity::SpellingsDiffer => {
                ArchiveFault::Trap("its two headers disagree about how its name is spelled")
            }
            Oddity::NoDescriptor => {
                ArchiveFault::Damaged("the sizes behind its contents are missing")
            }
            Oddity::ExtraCut => ArchiveFault::Damaged("an extra field is cut short"),
            Oddity::NameUntidy => {
                ArchiveFault::Damaged("its name has empty components or dots in it")
            }
            Oddity::Twice => ArchiveFault::Trap("it occurs twice"),
            Oddity::FolderWithContents => ArchiveFault::Damaged("it is a folder with contents"),
            Oddity::ZipCrypto => ArchiveFault::ZipCrypto,
        }
    }
}

/// An oddity of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOddity {
    /// Its kind.
    pub oddity: Oddity,
    /// The first entry that has it, to be escaped; empty for the archive itself.
    pub entry: Box<[u8]>,
    /// Number of entries that have it.
    pub count: u64,
}

/// The oddities found so far, one of each kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Oddities {
    strictness: Strictness,
    found: Vec<FoundOddity>,
}

impl Oddities {
    pub(super) fn new(strictness: Strictness) -> Self {
        Oddities {
            strictness,
            found: Vec::new(),
        }
    }

    pub(super) fn found(&self) -> &[FoundOddity] {
        &self.found
    }

    /// Tolerates an oddity of `entry`, which is empty for the archive itself.
    ///
    /// # Errors
    /// The corresponding fault, if the reader is strict.
    pub(super) fn pass(&mut self, oddity: Oddity, entry: &[u8]) -> Result<(), EntryFault> {
        if self.strictness == Strictness::Strict {
            return Err(match entry {
                [] => oddity.fault().into(),
                _ => EntryFault::of_entry(entry, oddity.fault()),
            });
        }
        match self.found.iter_mut().find(|found| found.oddity == oddity) {
            Some(found) => found.count += 1,
            None => self.found.push(FoundOddity {
                oddity,
                entry: entry.into(),
                count: 1,
            }),
        }
        Ok(())
    }

    /// Whether an entry that cannot be made here is left out.
    pub(super) fn is_strict(&self) -> bool {
        self.strictness == Strictness::Strict
    }
}
