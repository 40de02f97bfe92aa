//! Starts the person's browser and file manager.

use crate::cli::environment;
use crate::web::private_folder::PrivateFolder;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Opens the page. The address has the token, and other users can see the arguments of a command, so it goes
/// through a private file. The file exists as long as the returned folder.
///
/// # Errors
/// No such program, or no temporary folder.
pub(super) fn open_page(url: &str) -> io::Result<PrivateFolder> {
    let folder = PrivateFolder::create()?;
    let file = folder.path().join("open.html");
    let page = format!(
        "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer>\
         <meta http-equiv=refresh content=\"0; url={url}\"><a href=\"{url}\">peerbridge</a>\n"
    );
    std::fs::write(&file, page)?;
    open(&file)?;
    Ok(folder)
}

/// Shows a folder in the file manager.
///
/// # Errors
/// No such program.
pub(super) fn open(path: &Path) -> io::Result<()> {
    let mut command = Command::new(match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    });
    command
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    environment::hide_secrets(&mut command);
    let mut child = command.spawn()?;
    // The exit status does not matter, but waiting for it frees the entry in the process table.
    let waiter = std::thread::Builder::new().name("browser".to_owned());
    waiter.spawn(move || child.wait())?;
    Ok(())
}
