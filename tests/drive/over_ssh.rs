//! `--via` through a real ssh client and server, with keys and configuration of their own. The server is
//! started for one connection only, so no port is opened and no user's files are touched.

use crate::harness::{SECRET, Scene, has_tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A name that no shell and no argument list may split.
const ODD: &str = "it's a \"file\" of $HOME";

/// A word quoted for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The folder that sshd needs when root runs it, and that normally its service creates. Removed if this test
/// created it.
struct PrivilegeSeparation(Option<PathBuf>);

impl PrivilegeSeparation {
    fn new() -> PrivilegeSeparation {
        let folder = PathBuf::from("/run/sshd");
        let is_made = rustix::process::geteuid().is_root() && fs::create_dir(&folder).is_ok();
        PrivilegeSeparation(is_made.then_some(folder))
    }
}

impl Drop for PrivilegeSeparation {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // Another server may be using it by now.
            let _ = fs::remove_dir(folder);
        }
    }
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().into()
}

fn make_key(path: &Path) {
    let path = path.to_str().unwrap();
    output_of("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path]);
}

/// Builds shell commands that run another command at the far end of an ssh connection.
struct Ssh<'s> {
    scene: &'s Scene,
    _folder: PrivilegeSeparation,
}

impl Ssh<'_> {
    fn new(scene: &Scene) -> Ssh<'_> {
        let keys = scene.folder("keys");
        let at = keys.to_str().unwrap();
        make_key(&keys.join("host"));
        make_key(&keys.join("user"));
        let host_key = fs::read_to_string(keys.join("host.pub")).unwrap();
        scene.private_file("keys/known_hosts", &format!("far {host_key}"));
        // sshd must be started by its absolute path.
        let sshd = output_of("sh", &["-c", "command -v sshd"]);
        scene.private_file(
            "keys/sshd_config",
            &format!(
                "HostKey {at}/host\nAuthorizedKeysFile {at}/user.pub\nAuthenticationMethods publickey\n\
                 PermitRootLogin prohibit-password\nStrictModes no\nPidFile none\nSetEnv HOME={at}\n"
            ),
        );
        scene.private_file(
            "keys/ssh_config",
            &format!(
                "Host far\nProxyCommand {sshd} -i -f {at}/sshd_config -E {at}/log\nUser {}\n\
                 UserKnownHostsFile {at}/known_hosts\nGlobalKnownHostsFile /dev/null\n\
                 StrictHostKeyChecking yes\nIdentityFile {at}/user\nIdentitiesOnly yes\n\
                 IdentityAgent none\nBatchMode yes\nLogLevel ERROR\n",
                output_of("id", &["-un"])
            ),
        );
        scene.private_file("secret", SECRET);
        Ssh {
            scene,
            _folder: PrivilegeSeparation::new(),
        }
    }

    /// The command that runs `peerbridge` there, with these arguments and the path.
    fn runs(&self, words: &str, path: &str) -> String {
        let at = |name: &str| quoted(self.scene.path(name).to_str().unwrap());
        let far = format!(
            "{} {words} {} --stdio --secret-file {}",
            quoted(env!("CARGO_BIN_EXE_peerbridge")),
            at(path),
            at("secret")
        );
        format!("ssh -F {} far {}", at("keys/ssh_config"), quoted(&far))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scene.path("keys/log")).unwrap_or_default()
    }
}

#[test]
fn files_with_blanks_and_quotes_go_both_ways() {
    if !["ssh", "sshd", "ssh-keygen"].into_iter().all(has_tool) {
        return;
    }
    let scene = Scene::new();
    let ssh = Ssh::new(&scene);
    scene.tree(ODD, 41);
    let receives = ssh.runs("receive --yes", &format!("in {ODD}"));
    let sent = scene.run("send").arg(ODD).arg("--via").arg(&receives);
    let sent = sent.ends();
    assert_eq!(sent.code(), Some(0), "{sent:?} {}", ssh.log());
    scene.assert_same(ODD, &format!("in {ODD}/{ODD}"));
    let sends = ssh.runs("send", ODD);
    let received = scene.run("receive --yes").arg(format!("back {ODD}"));
    received.arg("--via").arg(&sends).ends().exits(0);
    scene.assert_same(ODD, &format!("back {ODD}/{ODD}"));
}
