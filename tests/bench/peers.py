"""The measured programs: what each needs, which workloads it can do, and how to run it."""

import json
import os
import shutil
import sys
from pathlib import Path

import servers
from processes import RECEIVER, SENDER

HERE = Path(__file__).parent
FILES = ("big", "text", "one")


class Bench:
    """Paths and settings that all peers share."""

    def __init__(self, folder, ssh, secret):
        self.folder, self.ssh, self.secret = Path(folder), ssh, secret


class Peer:
    """A program, or a way to call it. `run` starts its processes and returns; the caller waits."""

    needs = ()
    # Whether it takes part by default.
    by_default = True

    def __init__(self, name):
        self.name = name

    def missing(self):
        """The tools for it that this machine lacks, or `None`."""
        lacking = [tool for tool in self.needs if not shutil.which(tool)]
        if "ssh" in self.needs and not servers.sshd_path():
            lacking.append("sshd")
        return f"{', '.join(lacking)} not installed" if lacking else None

    def fits(self, workload, network):
        """Whether it can do this workload over this network in a way that is worth a row.

        A program that cannot detect existing files has no second run, because it would copy everything again.
        """
        return workload != "again"

    def run(self, bench, run, source, destination):
        raise NotImplementedError

    def after(self, run):
        """Further measurements for the JSON after a successful run."""


class Peerbridge(Peer):
    def __init__(self, name, program, arguments=()):
        super().__init__(name)
        self.program, self.arguments = str(program), list(arguments)

    def missing(self):
        return None if os.access(self.program, os.X_OK) else f"{self.program} is not there: cargo build --release"

    def fits(self, workload, network):
        return True

    def run(self, bench, run, source, destination):
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(bench.folder), "PEERBRIDGE_SECRET": bench.secret}
        # The receiver runs without --json, because no other peer prints a line for each file.
        command = [self.program, "receive", destination, "--yes", "--port", "0"]
        if run.network.name == "loopback":
            command += ["--bind", run.network.address]
        receiver = run.spawn(RECEIVER, command, env=environment)
        address = f"{run.network.address}:{run.port_of(receiver, run.said(receiver))}"
        with open(run.folder / "sender.json", "wb") as out:
            command = [self.program, "send", source, "--to", address, "--json", *self.arguments]
            run.spawn(SENDER, command, stdout=out, env=environment)

    def after(self, run):
        events = [json.loads(line) for line in (run.folder / "sender.json").read_text().splitlines()]
        for event in events:
            if event["event"] == "authenticated":
                run.notes["streams"] = event.get("streams")
            if event["event"] == "done":
                run.notes["wire_bytes"] = event.get("wire_bytes")


class Copy(Peer):
    needs = ("cp",)

    def fits(self, workload, network):
        return workload != "again" and network.name == "loopback"

    def run(self, bench, run, source, destination):
        run.spawn(SENDER, ["cp", "-a", source, destination])


class RawTcp(Peer):
    def fits(self, workload, network):
        return workload in FILES

    def run(self, bench, run, source, destination):
        program = [sys.executable, "-I", "-S", HERE / "raw_tcp.py"]
        port_file = run.folder / "port"
        with open(port_file, "wb") as out:
            command = [*program, "receive", run.network.address, destination / source.name]
            receiver = run.spawn(RECEIVER, command, stdout=out)
        port = run.port_of(receiver, port_file)
        run.spawn(SENDER, [*program, "send", run.network.address, port, source])


class Scp(Peer):
    needs = ("ssh", "scp", "ssh-keygen")

    def __init__(self, name, *arguments, by_default=True):
        super().__init__(name)
        self.arguments, self.by_default = arguments, by_default

    def run(self, bench, run, source, destination):
        config = _ssh(bench, run)
        run.spawn(SENDER, ["scp", "-F", config, "-q", "-r", "-p", *self.arguments, source, f"bench:{destination}/"])


class Rsync(Peer):
    needs = ("ssh", "rsync", "ssh-keygen")

    def __init__(self, name, *arguments):
        super().__init__(name)
        self.arguments = arguments

    def fits(self, workload, network):
        """rsync can do `again`; -z only makes sense for compressible data."""
        return not self.arguments or workload in ("text", "mixed", "tree")

    def run(self, bench, run, source, destination):
        shell = f"ssh -F {_ssh(bench, run)}"
        run.spawn(SENDER, ["rsync", "-a", *self.arguments, "-e", shell, source, f"bench:{destination}/"])


class RsyncDaemon(Peer):
    needs = ("rsync",)

    def fits(self, workload, network):
        return True

    def run(self, bench, run, source, destination):
        port = run.accept_with(servers.rsync_daemon(run.folder, destination))
        run.spawn(SENDER, ["rsync", "-a", source, f"rsync://{run.network.address}:{port}/bench/"])


class Tar(Peer):
    """`tar | ssh`, or `tar | zstd | ssh` with a level."""

    def __init__(self, name, level=None):
        super().__init__(name)
        self.level = level
        self.needs = ("ssh", "tar", "ssh-keygen") + (("zstd",) if level else ())

    def fits(self, workload, network):
        if self.level is None:
            return workload != "again"
        slow_line = network.name != "loopback"
        return workload in ("text", "mixed", "tree") and (self.level == 1 or slow_line)

    def run(self, bench, run, source, destination):
        config = _ssh(bench, run)
        tar = ["tar", "-C", source.parent, "-cf", "-", source.name]
        untar = f"tar -C {destination} -xf -"
        if self.level is None:
            run.pipeline(SENDER, tar, ["ssh", "-F", config, "bench", untar])
        else:
            zstd = ["zstd", "-q", "-T0", f"-{self.level}", "-c"]
            run.pipeline(SENDER, tar, zstd, ["ssh", "-F", config, "bench", f"zstd -q -d -c | {untar}"])


class NotDriven(Peer):
    """Named but not run: it needs a relay server, which this script does not have."""

    def missing(self):
        found = "installed, but" if shutil.which(self.name) else "not installed, and"
        return f"{found} not driven by this script: it needs a relay of its own"


def every(program, baseline, variants):
    """All peers by name, in the order of the table."""
    peers = [Peerbridge("peerbridge", program)]
    if baseline:
        peers.append(Peerbridge("baseline", baseline))
    for variant in variants:
        peers.append(Peerbridge(f"peerbridge {variant}", program, variant.split()))
    peers += [
        Scp("scp"),
        Scp("scp-O", "-O", by_default=False),
        Rsync("rsync"),
        Rsync("rsync-z", "-z"),
        RsyncDaemon("rsyncd"),
        Tar("tar"),
        *(Tar(f"tar-zstd-{level}", level) for level in (1, 3, 9, 15)),
        Copy("cp"),
        RawTcp("raw-tcp"),
        NotDriven("croc"),
        NotDriven("wormhole"),
    ]
    return peers


def _ssh(bench, run):
    """A server for one connection; the configuration of its client."""
    port = run.accept_with(bench.ssh.server())
    return bench.ssh.client(run.network.address, port)
