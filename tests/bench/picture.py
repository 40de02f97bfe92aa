#!/usr/bin/env python3
"""Draws README's picture of both terminals from a real transfer on this machine.

    cargo build --release
    python3 tests/bench/picture.py > docs/images/terminals.svg

The two sides meet by a code over loopback; nothing is sent on a network. The picture shows folders
and an address as on two machines, and "this network" where the program says "this machine"; everything else is
its real output.
"""

import fcntl
import html
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

PROGRAM = Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/peerbridge").resolve()
LIMIT = 30  # seconds for each wait
COLUMNS, ROWS = 76, 30
SIZE, LINE = 13, 19  # of the letters and the lines, in pixels


class Terminal:
    """One side, on its own terminal."""

    def __init__(self, folder, words):
        self.shown = b""
        self.master, slave = pty.openpty()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TERM": "xterm",
            "NO_COLOR": "1",
            "PEERBRIDGE_DISCOVERY": "loopback",
        }
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [PROGRAM, *words], cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, pattern):
        end = time.monotonic() + LIMIT
        while not (found := re.search(pattern, self.text())):
            if time.monotonic() > end or not self.read():
                sys.exit(f"{pattern} did not come:\n{self.text()}")
        return found

    def read(self):
        if not select.select([self.master], [], [], LIMIT)[0]:
            return False
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return False
        self.shown += piece
        return bool(piece)

    def read_to_end(self):
        while self.read():
            pass
        self.process.wait(LIMIT)

    def type(self, line):
        os.write(self.master, line.encode() + b"\n")

    def text(self):
        text = self.shown.decode("utf-8", "replace").replace("\r\n", "\n")
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        # A line that is drawn repeatedly appears once, as it was drawn last.
        return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))


def transfer(folder):
    """What both terminals showed."""
    alice, bob = folder / "alice", folder / "bob"
    (alice / "photos").mkdir(parents=True)
    bob.mkdir()
    for number in range(128):
        (alice / "photos" / f"{number:04}.jpg").write_bytes(os.urandom(3_300_000))
    sender = Terminal(alice, ["send", "photos"])
    code = sender.read_until(r"Code:\s+(\S+)").group(1)
    sender.read_until("Looking")
    receiver = Terminal(bob, ["receive"])
    receiver.read_until("Code")
    receiver.type(code)
    receiver.read_until(r"\[y/N\]")
    receiver.type("y")
    for side in (sender, receiver):
        side.read_to_end()
    return [
        ("alice", "peerbridge send photos", sender.text()),
        ("bob", "peerbridge receive", receiver.text()),
    ]


def picture(sides, folder):
    width, gap = COLUMNS * SIZE * 0.61 + 32, 16
    blocks, top = [], 0
    for name, command, text in sides:
        text = text.replace(str(folder / name), f"/home/{name}").replace("127.0.0.1", "192.0.2.7")
        text = text.replace("on this machine ...", "on this network ...")
        lines = [f"{name}$ {command}", *text.strip("\n").split("\n"), f"{name}$ "]
        height = 40 + LINE * len(lines)
        blocks.append(
            f'<rect y="{top}" width="{width:.0f}" height="{height}" rx="8" fill="#1b1f27"/>'
            + "".join(
                f'<circle cx="{18 + 16 * n}" cy="{top + 15}" r="5" fill="{colour}"/>'
                for n, colour in enumerate(["#ff5f57", "#febc2e", "#28c840"])
            )
        )
        for number, line in enumerate(lines):
            prompt = number in (0, len(lines) - 1)
            fill = "#8fd18f" if prompt else "#e6e6e6"
            y = top + 44 + LINE * number
            blocks.append(
                f'<text x="16" y="{y}" fill="{fill}" xml:space="preserve">{html.escape(line)}</text>'
            )
        top += height + gap
    body = "\n".join(blocks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {top - gap}" '
        f'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="{SIZE}">\n'
        f"<title>A transfer: alice sends, bob types her code and accepts</title>\n{body}\n</svg>"
    )


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print(picture(transfer(folder), folder))


if __name__ == "__main__":
    main()
