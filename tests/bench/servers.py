"""A private ssh server and rsync daemon, with temporary keys and configuration. No user's files are touched."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path

CIPHER = "aes128-gcm@openssh.com"
SSHD_PLACES = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/libexec")
PRIVILEGE_SEPARATION = Path("/run/sshd")


def sshd_path():
    return shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), *SSHD_PLACES]))


class Ssh:
    """Keys and configuration for `ssh` and `sshd -i`, which takes its one connection as standard input.

    Starting a server for each connection costs what a listening server spends on it: fork and exec.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700)
        for key in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.folder / key)]
            subprocess.run(command, check=True)
        host_key = (self.folder / "host.pub").read_text()
        self._write("known_hosts", f"bench {host_key}")
        self._write("authorized_keys", (self.folder / "user.pub").read_text())
        self._write(
            "sshd_config",
            f"HostKey {self.folder}/host",
            f"AuthorizedKeysFile {self.folder}/authorized_keys",
            "AuthenticationMethods publickey",
            "PermitRootLogin prohibit-password",
            "StrictModes no",
            "PidFile none",
            f"Ciphers {CIPHER}",
            "Compression no",
            "Subsystem sftp internal-sftp",
            # The start-up files of the user's shell (~/.bashrc and the like) must not be measured.
            f"SetEnv HOME={self.folder}",
        )
        # Debian's sshd, run by root, needs this folder, which only its service creates.
        self.made = os.geteuid() == 0 and not PRIVILEGE_SEPARATION.exists()
        if self.made:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755)

    def close(self):
        if self.made:
            PRIVILEGE_SEPARATION.rmdir()

    def server(self):
        return [sshd_path(), "-i", "-f", self.folder / "sshd_config", "-E", self.folder / "sshd.log"]

    def client(self, address, port):
        """The configuration file of a client for one run."""
        self._write(
            "ssh_config",
            "Host bench",
            f"  HostName {address}",
            f"  Port {port}",
            f"  User {getpass.getuser()}",
            "  HostKeyAlias bench",
            f"  UserKnownHostsFile {self.folder}/known_hosts",
            "  GlobalKnownHostsFile /dev/null",
            "  StrictHostKeyChecking yes",
            f"  IdentityFile {self.folder}/user",
            "  IdentitiesOnly yes",
            "  IdentityAgent none",
            "  BatchMode yes",
            f"  Ciphers {CIPHER}",
            "  Compression no",
            "  ControlMaster no",
            "  LogLevel ERROR",
        )
        return self.folder / "ssh_config"

    def _write(self, name, *lines):
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)


def rsync_daemon(folder, destination):
    """The command of an rsync daemon that takes one connection as standard input."""
    lines = ["use chroot = no", f"log file = {folder}/rsyncd.log", f"lock file = {folder}/rsyncd.lock"]
    if os.geteuid() == 0:
        lines += ["uid = 0", "gid = 0"]
    lines += ["[bench]", f"path = {destination}", "read only = no"]
    config = Path(folder) / "rsyncd.conf"
    config.write_text("\n".join(lines) + "\n")
    return ["rsync", "--daemon", f"--config={config}"]
