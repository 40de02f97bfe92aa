//! A file of named secrets, `NAME SECRET` a line, that is read again when it changes.
//!
//! A line `NAME --totp KEY` below it makes that name need one-time codes, too. A line of options below a name's
//! line applies to that name only. No name begins with a dash, so the kinds of lines cannot be confused.

use crate::cli::error::{CliError, CredentialKind};
use crate::cli::input::private_file;
use crate::cli::options::numbers;
use crate::cli::platform;
use crate::crypto::{CredentialError, Secret, TotpKey};
use crate::session::sync::lock;
use crate::session::{NamedSecret, NamedSecrets};
use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// The longest file that is read, in bytes. Enough for thousands of names.
const LONGEST_FILE: u64 = 1024 * 1024;

/// The longest name, in bytes: names are folders.
const LONGEST_NAME: usize = 64;

/// The file, and its contents at the last reading.
pub(crate) struct SecretsFile {
    path: PathBuf,
    state: Mutex<FileState>,
}

struct FileState {
    stamp: platform::Stamp,
    list: Arc<[NamedSecret]>,
    news: Option<String>,
}

impl SecretsFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot or should not be read, or a line in it is wrong.
    pub(crate) fn open(path: PathBuf) -> Result<SecretsFile, CliError> {
        let (stamp, list) = read(&path)?;
        let state = Mutex::new(FileState {
            stamp,
            list,
            news: None,
        });
        Ok(SecretsFile { path, state })
    }
}

impl NamedSecrets for SecretsFile {
    /// While a changed file has errors, its previous contents count. A typing error must not lock everyone out.
    fn current(&self) -> Arc<[NamedSecret]> {
        let mut state = lock(&self.state);
        let stamp = platform::Stamp::of_path(&self.path);
        if stamp != state.stamp {
            state.stamp = stamp;
            state.news = Some(match read(&self.path) {
                Ok((stamp, list)) => {
                    let count = list.len();
                    (state.stamp, state.list) = (stamp, list);
                    format!("the secrets were read again: {count} names")
                }
                Err(error) => format!("{error}; the previous secrets stay in use"),
            });
        }
        Arc::clone(&state.list)
    }

    fn news(&self) -> Option<String> {
        lock(&self.state).news.take()
    }
}

type ParsedSecrets = (platform::Stamp, Arc<[NamedSecret]>);

fn read(path: &Path) -> Result<ParsedSecrets, CliError> {
    let (file, metadata) = private_file::open(path, CredentialKind::Secret)?;
    // Allocated at full size, because a growing buffer would leave pieces of secrets in memory.
    let capacity = metadata.len().min(LONGEST_FILE) as usize + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(capacity));
    let mut bounded = file.take(capacity as u64);
    let read = bounded.read_to_end(&mut text);
    read.map_err(private_file::unreadable(path, CredentialKind::Secret))?;
    if text.len() == capacity {
        return Err(CliError::usage(
            format!("{} is too long", path.display()),
            "a secrets file has at most 1 MiB",
        ));
    }
    private_file::without_byte_order_mark(&mut text);
    let list = parse(&text).map_err(|fault| {
        CliError::usage(
            format!("{}, {fault}", path.display()),
            "each line is NAME SECRET, NAME --totp KEY below it, or --max-size SIZE and --max-files N \
             for the name above; names consist of letters, digits, - _ and .",
        )
    })?;
    Ok((platform::Stamp::of(&metadata), list.into()))
}

/// The error says where the fault is and what it is, without any secret.
fn parse(text: &[u8]) -> Result<Vec<NamedSecret>, String> {
    let mut list = Vec::new();
    let mut seen = HashSet::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_start();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let at = |fault: String| format!("line {}: {fault}", number + 1);
        if line.starts_with(b"--") {
            let named: &mut NamedSecret = list
                .last_mut()
                .ok_or_else(|| at("there is no name above these options".into()))?;
            read_limits(line, named).map_err(at)?;
            continue;
        }
        let end = line.iter().position(u8::is_ascii_whitespace);
        let (name, secret) = line.split_at(end.unwrap_or(line.len()));
        let name = name_of(name).map_err(at)?;
        if let Some(key) = second_factor(secret) {
            let key = key.map_err(at)?;
            let named = list
                .iter_mut()
                .find(|named: &&mut NamedSecret| named.name == name);
            let named = named.ok_or_else(|| at("the name has no secret above this line".into()))?;
            if named.second_factor.replace(Arc::new(key)).is_some() {
                return Err(at("the name has a --totp already".into()));
            }
            continue;
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(at(
                "the name appears twice, perhaps in different case".into()
            ));
        }
        let secret = Secret::from_text(secret.trim_ascii_start());
        let secret = secret.map_err(|fault| at(fault.to_string()))?;
        list.push(NamedSecret {
            name,
            secret,
            second_factor: None,
            max_bytes: None,
            max_files: None,
        });
    }
    match list.is_empty() {
        true => Err("it has no names".into()),
        false => Ok(list),
    }
}

/// Reads a text as a secrets file and counts its names.
///
/// # Errors
/// Where the fault is and what it is; never with a secret in it.
pub fn count_names(text: &[u8]) -> Result<usize, String> {
    parse(text).map(|list| list.len())
}

/// The key, if `--totp KEY` follows the name instead of a secret.
fn second_factor(rest: &[u8]) -> Option<Result<TotpKey, String>> {
    let rest = rest.trim_ascii_start().strip_prefix(b"--totp")?;
    if !rest.first().is_some_and(u8::is_ascii_whitespace) {
        return None;
    }
    Some(match std::str::from_utf8(rest.trim_ascii()) {
        Ok(key) => TotpKey::from_base32(key).map_err(|fault| fault.to_string()),
        Err(_) => Err(CredentialError::KeyNotBase32.to_string()),
    })
}

/// Reads `--max-size SIZE` and `--max-files N`, as on the command line. They add to those of an earlier line.
fn read_limits(line: &[u8], named: &mut NamedSecret) -> Result<(), String> {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace().flat_map(|word| {
        let (option, value) = word.split_once('=').unzip();
        [option.or(Some(word)), value].into_iter().flatten()
    });
    while let Some(option) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{option} takes a value"))?;
        let read = match option {
            "--max-size" => numbers::size(option, value).map(|size| named.max_bytes = Some(size)),
            "--max-files" => numbers::whole(0..=u64::MAX)(option, value)
                .map(|count| named.max_files = Some(count)),
            _ => return Err("--max-size and --max-files are the options of a name".into()),
        };
        read.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A name that every system allows for a folder.
///
/// # Errors
/// Why it is not one.
pub(crate) fn name_of(bytes: &[u8]) -> Result<String, String> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    match std::str::from_utf8(bytes) {
        Ok(name)
            if name.len() <= LONGEST_NAME
                && bytes.iter().all(fits)
                && !name.starts_with(['.', '-'])
                && !name.ends_with('.') =>
        {
            Ok(name.to_owned())
        }
        _ => Err("that is not a valid name".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use std::fs;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let list = parse(text.as_bytes())?;
        Ok(list.into_iter().map(|named| named.name).collect())
    }

    #[test]
    fn comments_and_blanks_count_for_nothing() {
        let text = "# people\n\n  alice  correct horse \r\nbob\tx\n#eve y\n";
        assert_eq!(names(text).unwrap(), ["alice", "bob"]);
    }

    #[test]
    fn options_belong_to_the_name_above() {
        let text = "alice x --max-size 1K\n  --max-size=2K --max-files 7\nbob y\n\n# few\n--max-files 0\n\
                    carol z\n";
        let list = parse(text.as_bytes()).unwrap();
        let found: Vec<_> = list
            .iter()
            .map(|named| (named.max_bytes, named.max_files))
            .collect();
        let expected = [(Some(2048), Some(7)), (None, Some(0)), (None, None)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_name_may_owe_one_time_codes() {
        const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let text = format!("alice a b\nbob --totp-like words\nalice --totp {KEY}\n");
        let list = parse(text.as_bytes()).unwrap();
        let owes: Vec<_> = list.iter().map(|n| n.second_factor.is_some()).collect();
        assert_eq!(owes, [true, false]);
        for wrong in [
            format!("# x\nalice --totp {KEY}"),
            "alice a b\nalice --totp hunter2".to_owned(),
            format!("alice a b\nbob --totp {KEY}"),
        ] {
            let fault = names(&wrong).unwrap_err();
            assert!(fault.starts_with("line 2: "), "{fault}");
            assert!(!fault.contains("hunter2") && !fault.contains(KEY));
        }
        let twice = format!("alice a b\nalice --totp {KEY}\nalice --totp {KEY}");
        assert!(names(&twice).unwrap_err().starts_with("line 3: "));
    }

    #[test]
    fn what_is_no_line_is_named_by_its_number_and_nothing_else() {
        for text in [
            "alice hunter2\nalice hunter2",
            "alice hunter2\nALICE hunter2",
            "# x\n../up hunter2",
            "a hunter2\n.hidden hunter2",
            "a hunter2\n-rf hunter2",
            "a hunter2\na/b hunter2",
            "a hunter2\nlonely",
            "a hunter2\nb  ",
            "a hunter2\n--max-size hunter3",
            "a hunter2\n--max-size",
            "a hunter2\n--fsync 1",
            "a hunter2\n--secret hunter2",
            "# x\n--max-files 1\na hunter2",
        ] {
            let fault = names(text).unwrap_err();
            assert!(fault.starts_with("line 2: "), "{text}: {fault}");
            assert!(!fault.contains("hunter2"));
        }
        assert!(names("").is_err());
        assert!(names(&format!("{} x", "n".repeat(65))).is_err());
    }

    #[cfg(unix)]
    fn write(path: &Path, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_changed_file_counts_at_once_and_a_spoilt_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        write(&path, "alice x\n", 0o600);
        let file = SecretsFile::open(path.clone()).unwrap();
        let is_now = |expected: &[&str]| {
            let current = file.current();
            let names: Vec<_> = current.iter().map(|n| n.name.clone()).collect();
            assert_eq!(names, expected);
            file.news()
        };
        assert_eq!(is_now(&["alice"]), None);
        write(&path, "alice x\nbob y\n", 0o600);
        assert!(is_now(&["alice", "bob"]).unwrap().contains("2 names"));
        assert_eq!(is_now(&["alice", "bob"]), None);
        write(&path, "carol\n", 0o600);
        assert!(is_now(&["alice", "bob"]).unwrap().contains("stay in use"));
        assert_eq!(is_now(&["alice", "bob"]), None, "told once");
        write(&path, "carol z\n", 0o644);
        assert!(is_now(&["alice", "bob"]).is_some(), "others can read it");
        fs::remove_file(&path).unwrap();
        assert!(is_now(&["alice", "bob"]).is_some());
        write(&path, "carol z\n", 0o600);
        assert!(is_now(&["carol"]).is_some());
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        write(&path, "alice x\n", 0o640);
        let error = SecretsFile::open(path).err().unwrap();
        assert!(error.hint().unwrap().starts_with("chmod 600 "));
    }
}
