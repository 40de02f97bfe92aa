//! A small, typical tree: some of it compresses well, some does not, and most files are small.

use crate::cli::error::CliError;
use crate::cli::platform;
use crate::crypto::random_bytes;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const MIB: usize = 1024 * 1024;

/// Makes the sample at `root`, about 20 MiB.
///
/// # Errors
/// It cannot be written, or the system has no random bytes.
pub(super) fn make(root: &Path) -> Result<(), CliError> {
    let mut noise = SampleNoise::new()?;
    folder(root)?;
    folder(&root.join("photos"))?;
    folder(&root.join("notes"))?;
    file(
        &root.join("README.txt"),
        b"Made by `peerbridge demo`; it may be deleted.\n",
    )?;
    file(&root.join("empty"), b"")?;
    file(
        &root.join("measurements.csv"),
        table(&mut noise, 8 * MIB).as_bytes(),
    )?;
    file(&root.join("recording.bin"), &noise.bytes(8 * MIB))?;
    for number in 1..=12 {
        let name = format!("photos/photo-{number:02}.jpg");
        file(&root.join(name), &noise.bytes(MIB / 4 + number * 1000))?;
    }
    for number in 1..=40 {
        let name = format!("notes/note-{number:02}.txt");
        file(&root.join(name), table(&mut noise, number * 50).as_bytes())?;
    }
    let link = root.join("latest.txt");
    platform::make_link("notes/note-40.txt", &link).map_err(CliError::cannot_write(&link))
}

fn folder(path: &Path) -> Result<(), CliError> {
    fs::create_dir(path).map_err(CliError::cannot_write(path))
}

fn file(path: &Path, contents: &[u8]) -> Result<(), CliError> {
    fs::write(path, contents).map_err(CliError::cannot_write(path))
}

/// Lines of numbers: text that compresses well, as logs and tables do.
fn table(noise: &mut SampleNoise, length: usize) -> String {
    let mut text = String::with_capacity(length + 64);
    let mut line = 0;
    while text.len() < length {
        line += 1;
        let value = noise.next() % 1000;
        let _ = writeln!(
            text,
            "{line},2024-01-01T00:00:00Z,sensor-{},{value}",
            line % 7
        );
    }
    text.truncate(length);
    text
}

/// Bytes that do not compress (Marsaglia's xorshift64). Not for keys.
struct SampleNoise(u64);

impl SampleNoise {
    fn new() -> Result<SampleNoise, CliError> {
        Ok(SampleNoise(u64::from_be_bytes(random_bytes()?) | 1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_what_transfers_differ_in() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("sample");
        make(&root).unwrap();
        assert_eq!(fs::metadata(root.join("empty")).unwrap().len(), 0);
        let sizes = ["measurements.csv", "recording.bin"]
            .map(|name| fs::metadata(root.join(name)).unwrap().len());
        assert_eq!(sizes, [8 << 20; 2]);
        assert!(cfg!(not(unix)) || fs::read(root.join("latest.txt")).unwrap().len() == 2000);
        assert!(make(&root).is_err(), "nothing is overwritten");
    }
}
