//! Differences between Unix and Windows in the command line.

use crate::cli::error::Exposure;
use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Why a regular file in `folder` is not a safe place for a secret; `None` if it is safe. A file that the system
/// `handed_over` to this process may be readable by others, but never writable.
#[cfg(unix)]
pub(crate) fn exposure(
    file: &Metadata,
    folder: Option<&Metadata>,
    handed_over: bool,
) -> Option<Exposure> {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    let user = rustix::process::geteuid().as_raw();
    let is_foreign = |found: &Metadata| found.uid() != 0 && found.uid() != user;
    let can_replace = |folder: &Metadata| {
        is_foreign(folder) || folder.mode() & 0o002 != 0 && folder.mode() & STICKY == 0
    };
    if file.mode() & 0o022 != 0 {
        Some(Exposure::Writable)
    } else if file.mode() & 0o044 != 0 && !handed_over {
        Some(Exposure::Readable)
    } else if is_foreign(file) {
        Some(Exposure::ForeignOwner)
    } else if folder.is_some_and(can_replace) {
        Some(Exposure::Folder)
    } else {
        None
    }
}

/// Whether a group may replace files in the folder. By convention, a group with the owner's number has only the
/// owner in it.
#[cfg(unix)]
pub(crate) fn is_open_to_a_group(folder: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    let mode = folder.mode();
    mode & 0o020 != 0 && mode & STICKY == 0 && folder.gid() != folder.uid()
}

/// Unknown here: Windows uses access control lists, which std cannot read.
#[cfg(not(unix))]
pub(crate) fn is_open_to_a_group(_folder: &Metadata) -> bool {
    false
}

/// Unknown here: Windows uses access control lists, which std cannot read. The user's own folders are private by
/// default.
#[cfg(not(unix))]
pub(crate) fn exposure(
    _file: &Metadata,
    _folder: Option<&Metadata>,
    _handed_over: bool,
) -> Option<Exposure> {
    None
}

/// Whether a standard stream was closed when the program started. Rust then opens /dev/null in its place for
/// reading and writing, which other programs rarely do.
#[cfg(unix)]
pub(crate) fn was_closed(stream: impl std::os::fd::AsFd) -> bool {
    use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, stat};
    let (Ok(flags), Ok(found), Ok(null)) =
        (fcntl_getfl(&stream), fstat(&stream), stat("/dev/null"))
    else {
        return false;
    };
    flags & OFlags::RWMODE == OFlags::RDWR
        && FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice
        && found.st_rdev == null.st_rdev
}

/// Whether a standard stream was closed when the program started: unknown here.
#[cfg(not(unix))]
pub(crate) fn was_closed<S>(_stream: S) -> bool {
    false
}

/// The width of the terminal on standard error, in columns.
#[cfg(unix)]
pub(crate) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    // Terminals without a size report 0.
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The width of the console on standard error, in columns.
#[cfg(not(unix))]
pub(crate) fn columns() -> Option<usize> {
    let screen = winapi_util::console::screen_buffer_info(winapi_util::HandleRef::stderr());
    let window = screen.ok()?.window_rect();
    usize::try_from(i32::from(window.right) - i32::from(window.left) + 1).ok()
}

/// Whether a terminal on standard error understands control sequences.
#[cfg(unix)]
pub(crate) fn takes_sequences() -> bool {
    true
}

/// Whether the console on standard error understands control sequences. Consoles do so only when a mode is set,
/// and never before Windows 10.
#[cfg(not(unix))]
pub(crate) fn takes_sequences() -> bool {
    let console = winapi_util::console::Console::stderr();
    console
        .and_then(|mut console| console.set_virtual_terminal_processing(true))
        .is_ok()
}

/// Reads a line from the terminal without showing it.
///
/// # Errors
/// There is no terminal, or it fails; [`io::ErrorKind::UnexpectedEof`] at the end of input.
#[cfg(unix)]
pub(crate) fn read_hidden() -> io::Result<String> {
    let settings = stty("-g");
    let guard = settings.as_deref().and_then(restoring);
    let output = LineEnd { settings };
    let config = rpassword::ConfigBuilder::new().output_writer(output);
    let read = rpassword::read_password_with_config(config.build());
    drop(guard);
    read
}

/// Reads a line from the console without showing it.
///
/// # Errors
/// There is no console, or it fails; [`io::ErrorKind::UnexpectedEof`] at the end of input.
#[cfg(not(unix))]
pub(crate) fn read_hidden() -> io::Result<String> {
    rpassword::read_password()
}

/// A shell that cleans up when this process is gone, however it ended. A signal, which std cannot catch, would
/// leave the terminal without echo, or leave temporary files behind. The shell waits for the end of its input, and
/// ignores the signals that the terminal sends to all its processes.
#[cfg(unix)]
pub(crate) struct ExitGuard(std::process::Child);

/// When this process is gone, restores the terminal to its current settings. `None` if that is impossible.
#[cfg(unix)]
pub(crate) fn guard_terminal() -> Option<ExitGuard> {
    restoring(&stty("-g")?)
}

/// The shell ignores TTOU, so that it can set the terminal even after the parent shell has taken it back.
#[cfg(unix)]
fn restoring(settings: &str) -> Option<ExitGuard> {
    // Opened now, because it can no longer be opened once its session leader is gone.
    let terminal = std::fs::File::open("/dev/tty").ok()?;
    ExitGuard::start("stty \"$0\" <&1", settings.as_ref(), terminal.into())
}

/// A guard that does something when it is dropped.
#[cfg(feature = "web")]
pub(crate) type DropGuard = Box<dyn std::any::Any + Send + Sync>;

/// When this process is gone, removes a folder. `None` if that is impossible.
#[cfg(all(unix, feature = "web"))]
pub(crate) fn guard_folder(folder: &Path) -> Option<DropGuard> {
    let quiet = std::process::Stdio::null();
    let guard = ExitGuard::start("rm -rf -- \"$0\"", folder.as_os_str(), quiet)?;
    Some(Box::new(guard))
}

/// There is no such guard here.
#[cfg(all(not(unix), feature = "web"))]
pub(crate) fn guard_folder(_folder: &Path) -> Option<DropGuard> {
    None
}

#[cfg(unix)]
impl ExitGuard {
    /// Starts a shell for a command in which `$0` is `word`. `None` if there is no shell.
    fn start(
        command: &str,
        word: &std::ffi::OsStr,
        output: std::process::Stdio,
    ) -> Option<ExitGuard> {
        use std::process::{Command, Stdio};
        let script =
            format!("trap '' HUP INT QUIT TERM TSTP TTOU; echo ready >&2; read -r end; {command}");
        let shell = Command::new("sh")
            .args(["-c".as_ref(), script.as_ref(), word])
            .env_clear()
            .env("PATH", std::env::var_os("PATH")?)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn();
        shell.ok().map(ExitGuard::when_ready)
    }

    /// Waits until the shell ignores the signals. Before that, a signal could end it together with this process.
    fn when_ready(mut shell: std::process::Child) -> ExitGuard {
        if let Some(mut ready) = shell.stderr.take() {
            // If the shell ended early, it wrote nothing, and there is no guard.
            let _ = io::Read::read(&mut ready, &mut [0]);
        }
        ExitGuard(shell)
    }
}

#[cfg(unix)]
impl Drop for ExitGuard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // A failure of the shell does not matter, because this process has done the same already.
        let _ = self.0.wait();
    }
}

/// Restores the terminal, then ends the line. On Ctrl-C rpassword ends the line and then the process,
/// before it would restore the terminal itself.
#[cfg(unix)]
struct LineEnd {
    settings: Option<String>,
}

#[cfg(unix)]
impl io::Write for LineEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(settings) = &self.settings {
            stty(settings);
        }
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Runs stty (POSIX) on the terminal and returns its output; `None` if that fails.
#[cfg(unix)]
fn stty(argument: &str) -> Option<String> {
    use std::process::{Command, Stdio};
    let terminal = std::fs::File::open("/dev/tty").ok()?;
    // Only the search path is passed on, so that stty never sees a secret.
    let output = Command::new("stty")
        .arg(argument)
        .env_clear()
        .env("PATH", std::env::var_os("PATH")?)
        .stdin(terminal)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Creates a folder that only its owner can open; fails if the name is taken. On Windows the user's own temporary
/// folder is private.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut options = std::fs::DirBuilder::new();
    options.recursive(false);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut options, 0o700);
    options.create(path)
}

/// Creates a file that only its owner can read and write; fails if the name is taken. On Windows the user's own
/// temporary folder is private.
pub(crate) fn create_private_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

/// A shell that runs the command.
#[cfg(unix)]
pub(crate) fn shell(command: &str) -> std::process::Command {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", command]);
    shell
}

/// A shell that runs the command exactly as it was typed. std would put a backslash before each quote, which cmd
/// takes for a part of the word. With `/S`, cmd removes only the outer quotes; with `/D`, it runs no other command
/// first.
#[cfg(not(unix))]
pub(crate) fn shell(command: &str) -> std::process::Command {
    use std::os::windows::process::CommandExt;
    let mut shell = std::process::Command::new("cmd");
    shell.raw_arg(format!("/D /S /C \"{command}\""));
    shell
}

/// Makes the command start a process group, so that [`kill_group`] reaches all processes that it starts.
#[cfg(unix)]
pub(crate) fn in_group_of_its_own(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

/// Does nothing: std has no such groups here.
#[cfg(not(unix))]
pub(crate) fn in_group_of_its_own(_command: &mut std::process::Command) {}

/// Kills a process that started a group, and the group. std can only kill the process, so the shell's `kill`
/// (POSIX) does the rest. On Windows, processes that it started keep running.
pub(crate) fn kill_group(child: &mut std::process::Child) {
    #[cfg(unix)]
    {
        use std::process::{Command, Stdio};
        let script = "kill -s KILL -- \"-$1\"";
        // Without a shell only the process itself is killed, below.
        let _ = Command::new("sh")
            .args(["-c", script, "sh", &child.id().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
    // It may have ended meanwhile.
    let _ = child.kill();
}

/// Makes a symbolic link for the demonstration.
#[cfg(unix)]
pub(crate) fn make_link(target: &str, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Does nothing: on Windows, links need a privilege that most people lack.
#[cfg(not(unix))]
pub(crate) fn make_link(_target: &str, _link: &Path) -> io::Result<()> {
    Ok(())
}

/// Identifies a version of a file, to detect that it was replaced or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    length: Option<u64>,
    modified: Option<std::time::SystemTime>,
    identity: (u64, i64, i64),
}

impl Stamp {
    /// The stamp of an open file.
    pub(crate) fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            length: Some(metadata.len()),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }

    /// The stamp of the file with this name; the default if there is none.
    pub(crate) fn of_path(path: &Path) -> Stamp {
        std::fs::metadata(path).map_or_else(|_| Stamp::default(), |found| Stamp::of(&found))
    }
}

/// The file's inode number, and when anything about it changed, including its mode.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

/// Unknown here.
#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> (u64, i64, i64) {
    Default::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gets_the_command_as_it_was_typed() {
        let said = |command: &str| {
            let output = shell(command).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let spoken = "echo \"a  b\" c && echo d";
        match cfg!(windows) {
            true => assert_eq!(said(spoken), "\"a  b\" c \r\nd"),
            false => assert_eq!(said(spoken), "a  b c\nd"),
        }
    }
}
