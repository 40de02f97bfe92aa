"""Programs of several systems that send to each other, and trees that are compared byte by byte."""

import fcntl
import hashlib
import json
import os
import pty
import random
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

from toolchain import WINDOWS, WORK, environment

LIMIT = 300
SECRETS = {"PEERBRIDGE_SECRET": "a secret of these tests", "PEERBRIDGE_ZIP_PASSWORD": "another one of theirs"}


class Failed(Exception):
    """A case did not end as it should."""


def check(holds, what):
    if not holds:
        raise Failed(what)


class Ended:
    """How a program ended."""

    def __init__(self, code, output, errors):
        self.code, self.output, self.errors = code, output, errors

    def events(self, name):
        events = map(json.loads, self.output.splitlines())
        return [event for event in events if event["event"] == name]

    def event(self, name):
        found = self.events(name)
        check(found, f"no event {name}: {self.output}{self.errors}")
        return found[0]

    def expect(self, code, who):
        check(self.code == code, f"{who}: exit code {self.code} instead of {code}\n{self.errors}")
        return self


class Running:
    """A running program. Threads read its output, so that it never waits for a reader."""

    def __init__(self, words, folder, env):
        self.process = subprocess.Popen(
            words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.output, self.errors = bytearray(), bytearray()
        pairs = [(self.process.stdout, self.output), (self.process.stderr, self.errors)]
        self.readers = [threading.Thread(target=self.read, args=pair) for pair in pairs]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def read(stream, into):
        while chunk := stream.read1():
            into += chunk

    def port(self):
        """Waits for a listener, and returns its port."""
        until(lambda: b"\n" in self.output or self.process.poll() is not None, "no listener")
        first = self.output.split(b"\n")[0]
        check(first.startswith(b"{"), f"no listener: {self.errors.decode()}")
        return json.loads(first)["port"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.end()

    def end(self):
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed(f"it hangs: {self.errors.decode()}") from None
        for reader in self.readers:
            reader.join()
        return Ended(code, self.output.decode(), self.errors.decode())


class Console:
    """A program with its own terminal."""

    def __init__(self, words, folder):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, environment())
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def gives_each_key(self):
        """Whether wine has turned off the line mode of the terminal, which it does when it starts to read."""
        return not termios.tcgetattr(self.terminal)[3] & termios.ICANON

    def types(self, keys, answer):
        """Waits until the answer is shown, or for None until the program has ended. Returns what was shown."""
        if keys:
            until(self.gives_each_key, "the console waits for whole lines")
            os.write(self.terminal, keys.encode())
        shown, deadline = b"", time.monotonic() + LIMIT
        while answer is None or answer.encode() not in shown:
            check(time.monotonic() < deadline, f"behind {keys!r} no {answer!r}: {shown}")
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    shown += os.read(self.terminal, 65536)
                except OSError:  # the other end is closed
                    check(answer is None, f"it ended behind {keys!r}: {shown}")
                    break
        return shown

    def close(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        os.close(self.terminal)


def until(holds, what):
    deadline = time.monotonic() + LIMIT
    while not holds():
        check(time.monotonic() < deadline, what)
        time.sleep(0.02)


class Peer:
    """The program of one system."""

    def __init__(self, target, program=None):
        self.name = target.name
        self.is_windows = target is WINDOWS
        self.words = [*target.runner, str(program or target.program())]

    def start(self, words, folder, **env):
        return Running([*self.words, *words], folder, {**environment(), **SECRETS, **env})

    def run(self, words, folder, code=0, **env):
        return self.start(words, folder, **env).end().expect(code, f"{self.name} {words[0]}")


def fresh(name):
    """An empty folder for this thread alone."""
    path = WORK / "files" / threading.current_thread().name / name
    subprocess.run(["rm", "-rf", "--", path], check=True)
    path.mkdir(parents=True)
    return path


def meet(sender, what, receiver, into, source, options=(), sending=(), codes=(0, 0)):
    """One transfer from the folder `source` into the folder `into`. Returns how sender and receiver ended."""
    words = ["receive", ".", "--yes", "--json", "--bind", "127.0.0.1", "--port", "0", "--wait", "60"]
    receiving = receiver.start([*words, *options], into)
    to = f"127.0.0.1:{receiving.port()}"
    sent = sender.start(["send", *what, "--json", "--to", to, "--wait", "60", *sending], source).end()
    received = receiving.end()
    sent.expect(codes[0], f"sender {sender.name}")
    received.expect(codes[1], f"receiver {receiver.name}")
    return sent, received


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compare(source, result, links=True, modes=True, step=100):
    """Fails unless both folders hold the same names, contents, times (in steps of nanoseconds) and modes."""
    def listed(top):
        found = {}
        for folder, folders, files in os.walk(top):
            for name in folders + files:
                path = Path(folder, name)
                if links or not path.is_symlink():
                    found[str(path.relative_to(top))] = path
        return found

    wanted, there = listed(source), listed(result)
    check(wanted.keys() == there.keys(), f"names differ: {sorted(wanted.keys() ^ there.keys())}")
    for name, path in wanted.items():
        other = there[name]
        check(path.is_symlink() == other.is_symlink(), f"{name}: one is a link")
        if path.is_symlink():
            check(os.readlink(path) == os.readlink(other), f"{name}: another target")
            continue
        check(path.is_dir() == other.is_dir(), f"{name}: one is a folder")
        if path.is_file():
            check(path.stat().st_size == other.stat().st_size, f"{name}: another length")
            check(digest(path) == digest(other), f"{name}: other contents")
        check(path.stat().st_mtime_ns // step == other.stat().st_mtime_ns // step, f"{name}: another time")
        if modes and path.is_file():
            check(path.stat().st_mode == other.stat().st_mode, f"{name}: another mode")


def sample(links):
    """Makes a tree with entries of many kinds. Returns its folder."""
    seed = int.from_bytes(os.urandom(4), "big")
    noise = random.Random(seed)
    folder = fresh("sample with links" if links else "sample")
    tree = folder / "tree"
    (tree / "folder/empty").mkdir(parents=True)
    (tree / "deep" / "/".join("abcdefgh")).mkdir(parents=True)
    (tree / "numbers").write_text("".join(f"{number}\n" for number in range(200_000)))
    (tree / "folder/noise").write_bytes(noise.randbytes(9_000_000))
    with open(tree / "large", "wb") as large:  # mostly holes
        large.seek(48 << 20)
        large.write(noise.randbytes(100_000))
    (tree / "zero").write_bytes(b"")
    for name in ("Grüße €.txt", "日本 語", "🦀", ".hidden", "n" * 200, "two  spaces", "quote's", "100%", "#hash;&"):
        (tree / name).write_text(name)
    # An archive derives a key for each one, which takes long in qemu.
    for number in range(40):
        (tree / "folder" / f"small {number}").write_bytes(noise.randbytes(number * 49))
    (tree / "read only").write_text("read only")
    (tree / "read only").chmod(0o444)
    if links:
        (tree / "folder/link").symlink_to("../numbers")
        (tree / "link to folder").symlink_to("folder")
    for path, seconds in (("numbers", -86_400 * 3000), ("zero", 4_000_000_000), ("folder/noise", 1_500_000_000)):
        os.utime(tree / path, ns=(0, seconds * 10**9 + 123_456_700))
    print(f"   seed of the sample: {seed}")
    return folder
