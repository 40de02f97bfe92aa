//! A complete transfer from this machine to itself.

use crate::cli::error::CliError;
use crate::cli::verbs::loopback;
use crate::session::{ReceiveOptions, SendOptions, Unattended};
use std::fs;
use std::path::Path;

/// Large enough for several parts.
const BYTES: usize = 3 << 20;

/// Sends a file to itself and compares it.
///
/// # Errors
/// Why it failed.
pub(super) fn to_itself() -> Result<(), CliError> {
    let folder = loopback::fresh_folder("doctor")?;
    let compared = to_itself_in(&folder);
    fs::remove_dir_all(&folder).map_err(CliError::cannot_write(&folder))?;
    compared
}

fn to_itself_in(folder: &Path) -> Result<(), CliError> {
    let (source, received) = (folder.join("file"), folder.join("received"));
    let contents: Vec<u8> = (0_u32..)
        .map(|n| (n ^ (n >> 8)).to_le_bytes()[0])
        .take(BYTES)
        .collect();
    fs::write(&source, &contents).map_err(CliError::cannot_write(&source))?;
    let copy = received.join("file");
    let (send, receive) = (
        SendOptions::new(vec![source]),
        ReceiveOptions::new(received),
    );
    loopback::transfer(&send, &Unattended, &receive, &Unattended)?;
    match fs::read(&copy) {
        Ok(copied) if copied == contents => Ok(()),
        _ => Err(CliError::Different {
            path: copy,
            count: 1,
        }),
    }
}
