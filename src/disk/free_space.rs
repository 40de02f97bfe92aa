//! Free space on a disk. std has no call for it, so this runs `df`.

use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes that this user may still write to the file system of `path`, from POSIX `df -Pk`; `None` without `df`
/// or a clear answer. An estimate, because other programs write as well.
pub fn free_bytes(path: &Path) -> Option<u64> {
    // `df` gets only the search path, so that it sees no secret in the environment.
    let output = Command::new("df")
        .arg("-Pk")
        .arg("--")
        .arg(path)
        .env_clear()
        .env("PATH", std::env::var_os("PATH")?)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    available(&String::from_utf8_lossy(&output.stdout))
}

/// The last of the three numbers `blocks used available`. The device's name before them may contain blanks, so
/// this looks for the first three numbers in a row.
fn available(listing: &str) -> Option<u64> {
    let fields: Vec<&str> = listing.lines().nth(1)?.split_whitespace().collect();
    let numbers = fields
        .windows(4)
        .find(|run| run[3].ends_with('%') && run[..3].iter().all(|f| is_number(f)))?;
    // Negative if root has filled the space that is reserved for it: nothing is free for this user.
    let kibibytes: i64 = numbers[2].parse().ok()?;
    u64::try_from(kibibytes).unwrap_or(0).checked_mul(1024)
}

fn is_number(field: &str) -> bool {
    field.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";

    #[test]
    fn listings_are_read() {
        let cases = [
            (
                "/dev/vda 263174212 14000000 81788928 15% /\n",
                Some(81788928 * 1024),
            ),
            ("map auto home 0 0 0 100% /home\n", Some(0)),
            ("//srv/my share 100 90 10 90% /mnt/a b\n", Some(10240)),
            ("/dev/vda 100 105 -5 105% /\n", Some(0)),
            ("/dev/vda - - - - /\n", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(available(&format!("{HEADER}{line}")), expected, "{line}");
        }
    }

    #[test]
    fn missing_folders_have_no_answer() {
        assert_eq!(free_bytes(Path::new("/nonexistent/peerbridge")), None);
    }
}
