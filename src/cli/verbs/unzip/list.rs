//! `peerbridge unzip --list`: the entries that an archive's directory lists.

use crate::cli::output::console::Console;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::disk::{AesStrength, Archive, ListedEncryption, ListedEntry, ListedKind, TimeZone};
use crate::model::{Mtime, escaped};
use crate::session::hides_names;

/// Lines to write at once.
const LINES: usize = 1024;

/// Writes a line or an event for each entry, and their sum at the end.
pub(super) fn show(archive: &Archive, zone: &TimeZone, console: &Console) {
    let largest = archive.entries().map(|entry| entry.size).max();
    let width = largest.unwrap_or(0).to_string().len();
    let mut lines = String::new();
    for (number, entry) in archive.entries().enumerate() {
        console.event(|| event(&entry));
        lines.push_str(&line(&entry, width, zone));
        if number % LINES == LINES - 1 {
            write(&mut lines, console);
        }
    }
    write(&mut lines, console);
    console.say(&sum(archive));
    if hides_names(archive.entries()) {
        console.say("its names are hidden: only opening it shows them");
    }
}

fn write(lines: &mut String, console: &Console) {
    console.lines(lines);
    lines.clear();
}

/// Mode, size in bytes with `width` digits, encryption, local date and time, name: in columns, for persons and
/// for `awk`.
fn line(entry: &ListedEntry<'_>, width: usize, zone: &TimeZone) -> String {
    let mark = match entry.kind {
        ListedKind::Folder => "/",
        ListedKind::Link => "@",
        ListedKind::File | ListedKind::Special => "",
    };
    format!(
        "{}  {:>width$}  {:<9}  {}  {}{mark}\n",
        mode(entry),
        entry.size,
        encryption(entry.encryption),
        date(entry.mtime, zone),
        escaped(entry.path)
    )
}

/// As `ls -l` writes it.
fn mode(entry: &ListedEntry<'_>) -> String {
    let kind = match entry.kind {
        ListedKind::File => '-',
        ListedKind::Folder => 'd',
        ListedKind::Link => 'l',
        ListedKind::Special => '?',
    };
    let bits = entry.mode.bits();
    let letters = "rwxrwxrwx".chars().zip((0..9).rev());
    let letters = letters.map(|(letter, bit)| match bits >> bit & 1 {
        1 => letter,
        _ => '-',
    });
    std::iter::once(kind).chain(letters).collect()
}

fn date(mtime: Mtime, zone: &TimeZone) -> String {
    let at = zone.civil(mtime.seconds);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        at.year, at.month, at.day, at.hour, at.minute, at.second
    )
}

fn event(entry: &ListedEntry<'_>) -> Object {
    let kind = match entry.kind {
        ListedKind::File => "file",
        ListedKind::Folder => "dir",
        ListedKind::Link => "link",
        ListedKind::Special => "special",
    };
    Object::event("entry")
        .name("path", entry.path)
        .text("kind", kind)
        .number("bytes", entry.size)
        .number("compressed", entry.compressed)
        .text("encryption", encryption(entry.encryption))
        .text("mode", &format!("{:04o}", entry.mode.bits()))
        .decimal("mtime", entry.mtime.seconds as f64)
}

fn encryption(encryption: ListedEncryption) -> &'static str {
    match encryption {
        ListedEncryption::None => "none",
        ListedEncryption::Aes(AesStrength::Aes128) => "AES-128",
        ListedEncryption::Aes(AesStrength::Aes192) => "AES-192",
        ListedEncryption::Aes(AesStrength::Aes256) => "AES-256",
        ListedEncryption::ZipCrypto => "ZipCrypto",
        ListedEncryption::Other => "other",
    }
}

fn sum(archive: &Archive) -> String {
    let (mut entries, mut encrypted, mut bytes) = (0, 0, 0_u64);
    for entry in archive.entries() {
        entries += 1;
        encrypted += u64::from(entry.encryption != ListedEncryption::None);
        bytes = bytes.saturating_add(entry.size);
    }
    let entries = match entries {
        1 => "1 entry".to_owned(),
        many => format!("{many} entries"),
    };
    format!("{entries}, {}, {encrypted} encrypted", format::size(bytes))
}
