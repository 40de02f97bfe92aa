//! `peerbridge unzip --list`: what an archive says that it holds.

use crate::cli::output::console::Console;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::disk::{AesStrength, Archive, ListedEncryption, ListedEntry, ListedKind};
use crate::model::escaped;
use crate::session::hides_names;

/// Lines that are written at once.
const LINES: usize = 1024;

/// Writes a line, or an event, for each entry, and in the end what they come to.
pub(super) fn show(archive: &Archive, console: &Console) {
    let mut lines = String::new();
    for (number, entry) in archive.entries().enumerate() {
        console.event(|| event(&entry));
        lines.push_str(&line(&entry));
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

/// Size in bytes, encryption, name: in columns, for persons and for `awk`.
fn line(entry: &ListedEntry<'_>) -> String {
    let mark = match entry.kind {
        ListedKind::Folder => "/",
        ListedKind::Link => "@",
        ListedKind::File | ListedKind::Special => "",
    };
    format!(
        "{:>14}  {:<9}  {}{mark}\n",
        entry.size,
        encryption(entry.encryption),
        escaped(entry.path)
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
