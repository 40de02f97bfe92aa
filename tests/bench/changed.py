#!/usr/bin/env python3
"""Measures a file of which the receiver has a part: an older version, or the data of an interrupted transfer.

Usage: changed.py [--workloads changed,append,insert,resume,full] [--link loopback|1gbit|100mbit] ...

Compares with rsync over ssh, if both are installed, and with another build (--baseline). They take turns within one
run. A line has the median of the seconds, the seconds of each run, the median of the processor seconds of both ends
together, and the megabytes on the wire.
"""

import argparse
import filecmp
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from links import network
from processes import RECEIVER, SENDER
from servers import Ssh, sshd_path

MIB = 1 << 20
SSH_PORT = 2222


def noise(path, size):
    with open("/dev/urandom", "rb") as source, open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(source.read(MIB))


def lines(count):
    for _ in range(count):
        number = random.getrandbits(32)
        yield b"2026-11-29T21:00:00.%06dZ app[%d]: request %08x took %d us\n" % (
            number % 1000000,
            number % 9999,
            number,
            random.randrange(100000),
        )


def log(path, size, mode):
    with open(path, mode) as file:
        end = file.tell() + size
        while file.tell() < end:
            file.write(b"".join(lines(10000)))


def versions(workload, scale, old, new):
    """Writes an older version of a file, and the version to send."""
    if workload == "append":
        log(old, int(1024 * scale) * MIB, "wb")
        shutil.copyfile(old, new)
        log(new, int(10 * scale) * MIB, "ab")
        return
    size = int(2048 * scale) * MIB
    noise(old, size)
    if workload == "insert":
        with open(old, "rb") as source, open(new, "wb") as file:
            file.write(source.read(size // 2) + b"x")
            shutil.copyfileobj(source, file, MIB)
        return
    shutil.copyfile(old, new)
    with open(new, "r+b") as file:
        for _ in range(100):
            file.seek(random.randrange(size - 4096))
            file.write(os.urandom(4096))


def processor_time():
    """Processor seconds of ended processes and their children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Bench:
    def __init__(self, net, folder):
        self.net, self.folder = net, folder
        self.source, self.old, self.into = folder / "file", folder / "old", folder / "into"

    def inside(self, end, words):
        namespace = self.net.namespaces.get(end)
        return ["ip", "netns", "exec", namespace, *words] if namespace else words

    def before(self, old=None):
        shutil.rmtree(self.into, ignore_errors=True)
        self.into.mkdir()
        if old:
            shutil.copyfile(old, self.into / "file")
            os.utime(self.into / "file", (1e9, 1e9))

    def peerbridge(self, program, *receive, cut=None):
        """Seconds, processor time and bytes on the wire of a transfer; nothing if it is cut after `cut` bytes."""
        environment = dict(os.environ, PEERBRIDGE_SECRET="bench")
        pipes = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        retry = ["--retry", "0"]
        words = [program, "receive", str(self.into), "--yes", "--json", "--port", "0", *retry, *receive]
        receiver = subprocess.Popen(self.inside(RECEIVER, words + ["--bind", self.net.address]), **pipes)
        port = json.loads(receiver.stdout.readline())["port"]
        to = f"{self.net.address}:{port}"
        began, busy = time.perf_counter(), processor_time()
        words = [program, "send", str(self.source), "--to", to, "--json", *retry]
        sender = subprocess.Popen(self.inside(SENDER, words), **pipes)
        while cut is not None:
            event = json.loads(sender.stdout.readline())
            if event["event"] == "done" or event.get("bytes", 0) >= cut and event["event"] == "progress":
                sender.kill()
                break
        said, complained = sender.communicate()
        receiver.communicate()
        took = time.perf_counter() - began
        if cut is not None:
            return None
        if sender.returncode or receiver.returncode:
            raise SystemExit(complained)
        wire = json.loads(said.splitlines()[-1])["wire_bytes"]
        return took, processor_time() - busy, wire

    def rsync(self, ssh):
        listen = ["-D", "-f", ssh.folder / "sshd_config", "-o", f"ListenAddress={self.net.address}"]
        words = [sshd_path(), *map(str, listen), "-p", str(SSH_PORT)]
        server = subprocess.Popen(self.inside(RECEIVER, words))
        shell = f"ssh -F {ssh.client(self.net.address, SSH_PORT)}"
        time.sleep(0.5)
        began, busy = time.perf_counter(), processor_time()
        words = ["rsync", "-t", "--stats", "-e", shell, str(self.source), f"bench:{self.into}/"]
        run = subprocess.run(self.inside(SENDER, words), capture_output=True, text=True, check=False)
        took = time.perf_counter() - began
        server.terminate()
        server.wait()
        if run.returncode:
            raise SystemExit(run.stderr)
        told = dict(line.split(":", 1) for line in run.stdout.splitlines() if ":" in line)
        totals = (told[f"Total bytes {way}"].replace(",", "") for way in ("sent", "received"))
        return took, processor_time() - busy, sum(map(int, totals))

    def same(self):
        if not filecmp.cmp(self.source, self.into / "file", shallow=False):
            raise SystemExit("it did not arrive as it was sent")


def measure(bench, workload, options, builds, ssh):
    rows = {}
    is_new = workload in ("resume", "full")
    for number in range(options.runs):
        for name, program in builds if number % 2 else reversed(builds):
            bench.before(None if is_new else bench.old)
            if workload == "resume":
                bench.peerbridge(program, cut=bench.source.stat().st_size // 2)
            more = [] if is_new else ["--existing", "overwrite"]
            rows.setdefault(name, []).append(bench.peerbridge(program, *more))
            bench.same()
        if ssh and not is_new:
            bench.before(bench.old)
            rows.setdefault("rsync", []).append(bench.rsync(ssh))
            bench.same()
    for name, runs in rows.items():
        times = ", ".join(f"{run[0]:.2f}" for run in runs)
        took, busy, wire = (statistics.median(run[at] for run in runs) for at in range(3))
        what = f"{workload}, {options.link}"
        print(f"| {what} | {name} | {took:.2f} | {times} | {busy:.2f} | {wire / 1e6:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peerbridge", default="./target/release/peerbridge")
    parser.add_argument("--baseline")
    parser.add_argument("--workloads", default="changed,append,insert,resume,full")
    parser.add_argument("--link", default="loopback", choices=["loopback", "1gbit", "100mbit"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--dir", default="/dev/shm")
    options = parser.parse_args()
    builds = [("peerbridge", options.peerbridge)]
    if options.baseline:
        builds.append(("baseline", options.baseline))
    folder = Path(tempfile.mkdtemp(dir=options.dir, prefix="pb-changed-"))
    ssh = Ssh(folder / "ssh") if sshd_path() and shutil.which("rsync") else None
    try:
        with network(options.link) as net:
            bench = Bench(net, folder)
            for workload in options.workloads.split(","):
                if workload in ("resume", "full"):
                    noise(bench.source, int(2048 * options.scale) * MIB)
                else:
                    versions(workload, options.scale, bench.old, bench.source)
                measure(bench, workload, options, builds, ssh)
    finally:
        if ssh:
            ssh.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
