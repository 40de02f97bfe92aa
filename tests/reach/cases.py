"""The cases that must hold between two systems."""

import json
import os
import shutil
import subprocess

from peers import SECRETS, Console, Running, check, compare, digest, fresh, meet, until
from toolchain import ROOT, STATIC, WINDOWS, with_old_console

SERVER_PAGE = ROOT / "docs/SERVER.md"

DECLINED, IN_THE_WAY, NO_SOURCE, CANNOT_WRITE, LOST, LEFT_OUT = 6, 7, 8, 9, 12, 13


def demo(peer):
    peer.run(["demo", "--quiet"], fresh("demo"))


def transfer(sender, receiver, source):
    into = fresh("received")
    meet(sender, ["tree"], receiver, into, source)
    unix = not (sender.is_windows or receiver.is_windows)
    compare(source / "tree", into / "tree", modes=unix)
    check(os.listdir(into) == ["tree"], f"left behind: {os.listdir(into)}")
    # Send again: everything is there already, including the read-only file.
    sent, received = meet(sender, ["tree"], receiver, into, source)
    check(received.event("done")["files"] == 0, "the same was received again")


def archive(maker, opener, source):
    folder = fresh("archive")
    maker.run(["zip", "-q", f"{os.path.relpath(folder, source)}/a.zip", "tree"], source)
    opener.run(["unzip", "-q", "a.zip", "out"], folder)
    unix = not (maker.is_windows or opener.is_windows)
    compare(source / "tree", folder / "out/tree", modes=unix, step=10**9)


def existing(sender, receiver):
    source, into = fresh("sample-2"), fresh("received")
    (source / "note").write_text("new")
    os.utime(source / "note", (0, 1_600_000_000))

    def received(policy, codes=(0, 0), time=1_500_000_000):
        for path in into.iterdir():
            path.unlink()
        (into / "note").write_text("old one")
        os.utime(into / "note", (0, time))
        meet(sender, ["note"], receiver, into, source, ["--existing", policy], codes=codes)
        return {path.name: path.read_text() for path in into.iterdir()}

    old, new = {"note": "old one"}, {"note": "new"}
    check(received("fail", (DECLINED, IN_THE_WAY)) == old, "fail")
    check(received("skip") == old, "skip")
    check(received("overwrite") == new, "overwrite")
    check(received("rename") == {**old, "note (1)": "new"}, "rename")
    check(received("newer") == new, "newer: the old one is older")
    check(received("newer", time=1_700_000_000) == old, "newer: the old one is newer")


def interrupted(sender, receiver):
    """The native side is killed halfway, and the same commands resume."""
    source, into = fresh("sample-2"), fresh("received")
    (source / "noise").write_bytes(os.urandom(24_000_000))
    words = ["receive", ".", "--yes", "--json", "--bind", "127.0.0.1", "--port", "0", "--retry", "0", "--wait", "60"]
    receiving = receiver.start(words, into)
    to = f"127.0.0.1:{receiving.port()}"
    slow = ["send", "noise", "--json", "--to", to, "--retry", "0", "--limit-rate", "4M", "--wait", "60"]
    sending = sender.start(slow, source)
    # The header and two records.
    until(lambda: any(path.stat().st_size > 100 for path in into.glob(".peerbridge-*/journal")), "no part arrives")
    dies, stays = (sending, receiving) if sender.name == STATIC.name else (receiving, sending)
    dies.kill()
    stays.end().expect(LOST, "the side that stayed")
    _, received = meet(sender, ["noise"], receiver, into, source)
    check(received.event("done")["resumed_bytes"] > 0, "it began anew")
    check(digest(source / "noise") == digest(into / "noise"), "it differs")
    check(os.listdir(into) == ["noise"], f"left behind: {os.listdir(into)}")


def alone(sender):
    """The static program in a root folder with nothing else: `demo`, and `serve` as in the image of docs/SERVER.md."""
    root = fresh("root")
    (root / "peerbridge").write_bytes(STATIC.program().read_bytes())
    (root / "peerbridge").chmod(0o755)
    (root / "data").mkdir()
    inside = [shutil.which("chroot"), root, "/peerbridge"]
    demo = [*inside, "demo", "--quiet"]
    without = subprocess.run(demo, env={}, capture_output=True, text=True)
    check(without.returncode == CANNOT_WRITE and "TMPDIR" in without.stderr, f"without /tmp: {without}")
    subprocess.run(demo, env={"TMPDIR": "/data"}, check=True)
    check(not os.listdir(root / "data"), "something is left")

    (root / "run/secrets").mkdir(parents=True)
    secret = root / "run/secrets/peerbridge"
    secret.write_text(SECRETS["PEERBRIDGE_SECRET"])
    secret.chmod(0o400)
    source = fresh("sample-2")
    (source / "note").write_text("x")
    image = next(line for line in SERVER_PAGE.read_text().splitlines() if line.startswith("ENTRYPOINT "))
    words = json.loads(image.removeprefix("ENTRYPOINT "))
    check(words[0] == "/peerbridge", f"the image starts {words}")
    serving = Running([*inside, *words[1:], "--json", "--bind", "127.0.0.1", "--port", "0"], root, {})
    try:
        sender.run(["send", "note", "--to", f"127.0.0.1:{serving.port()}"], source)
    finally:
        serving.kill()
    compare(source, root / "data")


def linked_for_macos(program):
    head = program.read_bytes()[:8]
    check(head == bytes.fromhex("cffaedfe0c000001"), f"no Mach-O file for ARM64: {head.hex()}")


def links_left_out(native, windows):
    """wine cannot make symbolic links, and most Windows users may not: links are named, and the rest arrives."""
    source, into = fresh("sample-2"), fresh("received")
    (source / "tree/folder").mkdir(parents=True)
    (source / "tree/file").write_text("x")
    (source / "tree/folder/link").symlink_to("../file")
    sent, received = meet(native, ["tree"], windows, into, source, codes=(LEFT_OUT, LEFT_OUT))
    check("link" in received.errors, f"the link is not named: {received.errors}")
    compare(source / "tree", into / "tree", links=False, modes=False)
    check(os.listdir(into) == ["tree"], f"left behind: {os.listdir(into)}")


def names_left_out(native, windows):
    """Names that Windows refuses are listed, and so is the second of two that are the same there; the rest arrives."""
    source, into = fresh("sample-2"), fresh("received")
    refused = ["aux.txt", "a:b", "trail.", "COM¹", "what?", "PEERBR~1"]
    twice = ["file", "FILE", "folder/one", "FOLDER/two"]
    for name in [*refused, *twice, "fine"]:
        path = source / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    with open(os.path.join(os.fsencode(source / "tree"), b"\xff"), "wb"):
        refused.append("xff")
    sent, received = meet(native, ["tree"], windows, into, source, codes=(LEFT_OUT, LEFT_OUT))
    there = sorted(name.lower() for name in os.listdir(into / "tree"))
    check(there == ["file", "fine", "folder"], f"there is: {there}")
    for side in (sent, received):
        check(all(name in side.errors for name in refused), f"not all are named: {side.errors}")
        left_out = [event for event in side.events("file") if event["result"] == "failed"]
        # In addition: one of two files, one of two folders, and the file in that folder.
        check(len(left_out) == len(refused) + 3, f"left out: {left_out}")
    check(os.listdir(into) == ["tree"], f"left behind: {os.listdir(into)}")


def many_names_left_out(native, windows):
    """Ten refused names are listed before anything is sent, and the others are counted."""
    source, into = fresh("sample-2"), fresh("received")
    (source / "tree").mkdir()
    for number in range(13):
        (source / f"tree/{number}:").write_text("x")
    (source / "tree/fine").write_text("x")
    _, received = meet(native, ["tree"], windows, into, source, codes=(LEFT_OUT, LEFT_OUT))
    lines = received.output.splitlines()
    warned = next(at for at, line in enumerate(lines) if "refuses these names" in line)
    check("and 3 more" in lines[warned], f"not counted: {lines[warned]}")
    first = next(at for at, line in enumerate(lines) if json.loads(line)["event"] == "file")
    check(warned < first, f"told too late: {lines}")
    check(os.listdir(into / "tree") == ["fine"], f"there is: {os.listdir(into / 'tree')}")


def arguments_of_windows(native, windows):
    source, into = fresh("sample-2"), fresh("received")
    for name in ("a.txt", "b.TXT", "c.bin"):
        (source / name).write_text(name)
    sent, received = meet(windows, ["*.txt"], native, into, source)
    check(sorted(os.listdir(into)) == ["a.txt", "b.TXT"], f"wildcards: {os.listdir(into)}")
    windows.run(["zip", "-q", "all.zip", "*.txt"], source)
    windows.run(["send", "a.txt\\.", "--to", "127.0.0.1:9", "--wait", "0"], source, code=NO_SOURCE)
    windows.run(["receive", "a.txt\\below", "--yes", "--port", "0", "--wait", "1"], source, code=CANNOT_WRITE)
    (source / "secret.txt").write_bytes(b"a secret of these tests\r\n")
    meet(windows, ["c.bin"], native, into, source, sending=["--secret-file", "secret.txt"])
    doctor = windows.start(["doctor", ".", "--port", "0", "--secret-file", "secret.txt"], source).end()
    check("not checked on Windows" in doctor.output, f"who may read the secret: {doctor.output}{doctor.errors}")
    check("\r" not in doctor.output, f"lines do not reach a pipe as they are: {doctor.output!r}")


def command_of_windows(windows):
    """`--via` starts a command that contains quotes, as cmd reads them."""
    source, into = fresh("sample-2"), fresh("received here")
    (source / "two words").write_text("x")
    (source / "secret.txt").write_text(SECRETS["PEERBRIDGE_SECRET"])
    program, folder, secret = (path_of_windows(path) for path in (windows.words[-1], into, source / "secret.txt"))
    command = f'"{program}" receive "{folder}" --yes --stdio --secret-file "{secret}" && echo "done" >&2'
    windows.run(["send", "two words", "--via", command], source)
    check((into / "two words").read_text() == "x", "it did not arrive")


def dialogue_of_windows(windows):
    """At a console, Tab completes a path and Ctrl-C ends the program."""
    folder = fresh("sample-2")
    (folder / "abcdef").mkdir()
    console = Console(windows.words, folder)
    try:
        console.types("", "[s/r]")
        console.types("s\r", "a file or a folder")
        console.types("abc\t", "def\\")
        console.types("\x03", None)
    finally:
        console.close()


def sequences_of_windows(windows):
    """Control sequences are only used if the console understands them: Windows before 10 prints them."""
    folder = fresh("sample-2")
    old_console = with_old_console(WINDOWS.program())
    for program, takes_them in ((WINDOWS.program(), True), (old_console, False)):
        console = Console([*windows.words[:-1], str(program), "demo"], folder)
        try:
            shown = console.types("", None)
        finally:
            console.close()
        check(b"verified: 56 files" in shown, f"the demo failed: {shown}")
        # wine shows other things, too, but only the program's own bar has a colour.
        check((b"\x1b[32m" in shown) == takes_them, f"{program} at its console: {shown}")


def checkout_of_windows():
    """Git for Windows would change the line ends of text files, and tests that compare bytes would fail there."""
    clone = fresh("clone")
    subprocess.run(["git", "clone", "--quiet", "--config", "core.autocrlf=true", ROOT, clone], check=True)
    listed = subprocess.run(["git", "ls-files", "--eol"], cwd=clone, check=True, capture_output=True, text=True)
    ends = [line.split(maxsplit=3) for line in listed.stdout.splitlines()]
    changed = [path for stored, checked_out, _, path in ends if stored[2:] != checked_out[2:]]
    check(ends and not changed, f"{len(changed)} files have other line ends: {changed[:3]}")


def path_of_windows(path):
    """A path of this machine in the form that wine uses."""
    return "Z:" + str(path).replace("/", "\\")


def paths_of_windows(native, windows):
    """Messages and hooks show paths in the usual form, without `\\\\?\\`."""
    source, into = fresh("sample-2"), fresh("received")
    (source / "note").write_text("x")
    (into / "hook.bat").write_text("@echo off\r\necho %PEERBRIDGE_PATH%>said.txt\r\n")
    _, received = meet(native, ["note"], windows, into, source, ["--on-receive", ".\\hook.bat", "--verbose"])
    said = (into / "said.txt").read_text()
    check(said.strip().endswith("note"), f"the hook got {said!r}")
    for text in (said, received.output, received.errors):
        check("\\\\?\\" not in text and "\\\\\\\\?" not in text, f"a path in the form of the system: {text}")
