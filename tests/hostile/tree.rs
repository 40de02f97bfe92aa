//! Trees to send, and checks that they arrived complete.

use crate::harness::trees::{contents, noise, paths};
use crate::harness::{Run, Scene};
use crate::real::SECRET;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A folder to send from and one to receive into.
pub struct Ground {
    scene: Scene,
    pub source: PathBuf,
    pub destination: PathBuf,
}

impl Ground {
    /// A tree with one small file.
    pub fn small() -> Ground {
        Ground::with(|tree| std::fs::write(tree.join("small"), b"small contents"))
    }

    /// A tree with one file that a sender cuts into two parts.
    pub fn two_parts() -> Ground {
        Ground::with(|tree| std::fs::write(tree.join("file"), vec![7; (1 << 20) + 1000]))
    }

    /// A tree with a few incompressible MiB: five parts, and two streams if wanted.
    pub fn large() -> Ground {
        static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| noise(1, (4 << 20) + 5000));
        Ground::with(|tree| {
            std::fs::create_dir_all(tree.join("a/empty"))?;
            std::fs::write(tree.join("a/none"), b"")?;
            std::fs::write(tree.join("small"), b"small contents")?;
            std::fs::write(tree.join("large"), &*LARGE)
        })
    }

    fn with(fill: impl FnOnce(&Path) -> std::io::Result<()>) -> Ground {
        let scene = Scene::new();
        let source = scene.folder("tree");
        fill(&source).expect("it is writable");
        Ground {
            destination: scene.path("destination"),
            source,
            scene,
        }
    }

    /// The program itself, with the secret of these tests.
    pub fn run(&self, line: &str) -> Run {
        self.scene.run(line).secret(SECRET)
    }

    pub fn expect_untouched(&self) {
        assert!(
            !self.destination.exists(),
            "something was created: {:?}",
            contents(&self.destination)
        );
    }

    pub fn is_whole(&self) -> bool {
        contents(&self.destination.join("tree")) == contents(&self.source)
    }

    pub fn expect_whole(&self) {
        assert!(self.is_whole(), "not whole: {:?}", paths(&self.destination));
        assert_eq!(
            paths(&self.destination).len(),
            paths(&self.source).len() + 1
        );
    }

    /// Fails unless every entry under a final name is complete.
    pub fn expect_nothing_partial(&self) {
        let whole = contents(&self.source);
        for (path, contents) in contents(&self.destination) {
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
