//! Trees to send, and whether they came whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;

/// A folder to send from and one to receive into.
pub struct Ground {
    _folder: TempDir,
    pub source: PathBuf,
    pub destination: PathBuf,
}

impl Ground {
    /// With one small file.
    pub fn small() -> Ground {
        Ground::with(|tree| std::fs::write(tree.join("small"), b"small contents"))
    }

    /// With one file of two parts, as a sender cuts it.
    pub fn two_parts() -> Ground {
        Ground::with(|tree| std::fs::write(tree.join("file"), vec![7; (1 << 20) + 1000]))
    }

    /// With a few MiB that don't shrink: five parts, and two streams if wished.
    pub fn large() -> Ground {
        static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| noise((4 << 20) + 5000, 1));
        Ground::with(|tree| {
            std::fs::create_dir_all(tree.join("a/empty"))?;
            std::fs::write(tree.join("a/none"), b"")?;
            std::fs::write(tree.join("small"), b"small contents")?;
            std::fs::write(tree.join("large"), &*LARGE)
        })
    }

    fn with(fill: impl FnOnce(&Path) -> std::io::Result<()>) -> Ground {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source = folder.path().join("tree");
        std::fs::create_dir(&source).expect("it is new");
        fill(&source).expect("it is writable");
        Ground {
            destination: folder.path().join("destination"),
            source,
            _folder: folder,
        }
    }

    pub fn expect_untouched(&self) {
        assert!(
            !self.destination.exists(),
            "something was created: {:?}",
            listing(&self.destination)
        );
    }

    pub fn is_whole(&self) -> bool {
        listing(&self.destination.join("tree")) == listing(&self.source)
    }

    pub fn expect_whole(&self) {
        assert!(self.is_whole(), "not whole: {:?}", names(&self.destination));
        assert_eq!(
            names(&self.destination).len(),
            names(&self.source).len() + 1
        );
    }

    /// Whatever stands under a final name is complete.
    pub fn expect_nothing_partial(&self) {
        let whole = listing(&self.source);
        for (path, contents) in listing(&self.destination) {
            let Ok(path) = path.strip_prefix("tree") else {
                let top = path.to_string_lossy();
                assert!(top.starts_with(".peerbridge-"), "a stranger: {top}");
                continue;
            };
            if contents.is_some() {
                assert_eq!(whole.get(path), Some(&contents), "partial: {path:?}");
            }
        }
    }
}

/// Every path below `root`, with the contents of files.
pub fn listing(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(items) = std::fs::read_dir(&folder) else {
            continue;
        };
        for item in items.map(|item| item.expect("it can be listed")) {
            let path = item.path();
            let is_folder = item.file_type().expect("it has a type").is_dir();
            let contents = (!is_folder).then(|| std::fs::read(&path).unwrap_or_default());
            if is_folder {
                folders.push(path.clone());
            }
            let path = path.strip_prefix(root).expect("it is below");
            found.insert(path.to_owned(), contents);
        }
    }
    found
}

fn names(root: &Path) -> Vec<PathBuf> {
    listing(root).into_keys().collect()
}

/// Bytes without a pattern, the same for the same seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let words = std::iter::repeat_with(|| random.next().to_le_bytes());
    words.flatten().take(length).collect()
}

/// Numbers without a pattern (splitmix64), the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
