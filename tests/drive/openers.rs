//! Other programs that open archives.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The programs that open archives made here.
pub const OPENERS: [&str; 3] = ["7zz", "bsdtar", "pyzipper"];

const PYZIPPER: &str = "
import os, pyzipper, stat, sys
archive, password, into = sys.argv[1:]
with pyzipper.AESZipFile(archive) as opened:
    opened.setpassword(password.encode())
    for info in opened.infolist():
        contents, path = opened.read(info), os.path.join(into, info.filename)
        mode = info.external_attr >> 16
        if info.is_dir():
            os.makedirs(path, exist_ok=True)
        elif stat.S_ISLNK(mode):
            os.symlink(contents, path)
        else:
            with open(path, 'wb') as file:
                file.write(contents)
            os.chmod(path, stat.S_IMODE(mode))
";

/// Makes a program open an archive into the folder `into`.
pub fn open_with(tool: &str, archive: &Path, password: &str, into: &Path) -> Output {
    fs::create_dir_all(into).unwrap();
    let mut command = match tool {
        "7zz" => {
            let mut command = Command::new("7zz");
            command.args(["x", "-y", "-bd"]);
            command.arg(format!("-p{password}"));
            command.arg(format!("-o{}", into.display()));
            command
        }
        "bsdtar" => {
            let mut command = Command::new("bsdtar");
            command.arg("-C").arg(into);
            command.args(["--passphrase", password, "-xpf"]);
            command
        }
        _ => {
            let mut command = Command::new("python3");
            command.args(["-c", PYZIPPER]);
            command
        }
    };
    command.arg(archive).env("LC_ALL", "C.UTF-8");
    if tool == "pyzipper" {
        command.arg(password).arg(into);
    }
    command.output().unwrap()
}

/// Makes libarchive open an archive from a pipe, where it reads the members and not the directory.
pub fn open_streamed(archive: &Path, password: &str, into: &Path) -> Output {
    fs::create_dir_all(into).unwrap();
    // A file as standard input would be seekable.
    let mut cat = Command::new("cat");
    let mut cat = cat.arg(archive).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = Command::new("bsdtar");
    command.arg("-C").arg(into);
    command.args(["--passphrase", password, "-xpf", "-"]);
    command.stdin(cat.stdout.take().unwrap());
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    cat.wait().unwrap();
    output
}
