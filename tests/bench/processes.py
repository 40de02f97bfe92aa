"""Starts processes, times them, adds up what they used, and ends every one of them."""

import ctypes
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

LINUX = sys.platform.startswith("linux")
# ru_maxrss is in KiB on Linux, in bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
# The kernel counts resident pages in batches for each core.
MARGIN = 1 << 20
SENDER, RECEIVER = "sender", "receiver"


class Failed(Exception):
    """A run whose result is invalid; the text says why."""


class Child:
    """A process of one end. A thread waits for it, so that its end is timed exactly."""

    def __init__(self, name, end, popen, check):
        self.name, self.end, self.popen, self.check = name, end, popen, check
        self.inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT + MARGIN
        self.code = self.ended = self.usage = None
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self):
        _, status, self.usage = os.wait4(self.popen.pid, 0)
        self.ended = time.perf_counter()
        self.code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        self.popen.returncode = self.code


    def peak(self):
        """The kernel's peak of resident memory, or 0 if it may have been inherited from this script."""
        mark = self.usage.ru_maxrss * RSS_UNIT
        return mark if mark > self.inherited else 0


class Run:
    """The processes of one timed run, at both ends.

    CPU time is that of wait4: the process and every descendant that was waited for. Peak memory is
    the larger of two figures: the kernel's ru_maxrss, used only if it is more than this script's own
    (a child inherits that peak), and the sampled sum of VmHWM over the living processes of an end.
    """

    def __init__(self, folder, network, timeout):
        self.folder, self.network = Path(folder), network
        self.deadline = time.perf_counter() + timeout
        self.children, self.acceptors, self.peaks = [], [], {SENDER: 0, RECEIVER: 0}
        self.started = None
        self.failure = None
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.notes = {}

    def __enter__(self):
        self._sampler.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._sampler.join()
        for acceptor in self.acceptors:
            acceptor.close()
        self._end_all()

    def spawn(self, end, argv, stdin=None, stdout=None, check=True, env=None):
        """Starts `argv` at an end, in that end's network namespace."""
        name = f"{len(self.children)}-{Path(argv[0]).name}"
        with open(self.folder / f"{name}.err", "wb") as err, self.network.inside(end):
            if self.started is None:
                self.started = time.perf_counter()
            popen = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.DEVNULL if stdout is None else stdout,
                stderr=err,
                env=env,
                start_new_session=True,
            )
        child = Child(name, end, popen, check)
        self.children.append(child)
        return child

    def pipeline(self, end, *commands, env=None):
        """Starts commands joined by pipes."""
        upstream = None
        for index, argv in enumerate(commands):
            last = index == len(commands) - 1
            reader, writer = (None, None) if last else os.pipe()
            self.spawn(end, argv, stdin=upstream, stdout=writer, env=env)
            for descriptor in (upstream, writer):
                if descriptor is not None:
                    os.close(descriptor)
            upstream = reader

    def accept_with(self, argv):
        """Listens at the receiver, and gives the connection to `argv` as its standard input and output.

        So a server is a direct child of this script, and wait4 accounts for it and everything that it starts.
        """
        acceptor = Acceptor(self, argv)
        self.acceptors.append(acceptor)
        return acceptor.port

    def port_of(self, child, path):
        """Waits until `child` has written a line to `path` that ends in the port on which it listens."""
        while True:
            with open(path, "rb") as file:
                line = re.search(rb"(?:listening on .*:|^)(\d+)\n", file.read())
            if line:
                return int(line.group(1))
            if child.code is not None or time.perf_counter() > self.deadline:
                raise Failed(self._explain() or f"{child.name} did not say where it listens")
            time.sleep(0.0003)

    def finish(self):
        """Waits for all processes: wall seconds, from the start of the first to the exit of the last."""
        while True:
            if any(child.check and child.code for child in self.children):
                raise Failed(self._explain())
            pending = [child for child in self.children if child.code is None]
            if not pending and not any(acceptor.open for acceptor in self.acceptors):
                break
            left = self.deadline - time.perf_counter()
            if left <= 0:
                raise Failed("timed out")
            if pending:
                pending[0].thread.join(min(0.05, left))
            else:
                time.sleep(0.001)
        if self.failure:
            raise Failed(self.failure)
        return max(child.ended for child in self.children) - self.started

    def said(self, child):
        """The file with the standard error of `child`."""
        return self.folder / f"{child.name}.err"

    def cpu(self, end):
        return sum(c.usage.ru_utime + c.usage.ru_stime for c in self.children if c.end == end and c.usage)

    def peak(self, end):
        ended = [child for child in self.children if child.end == end and child.usage]
        return max([self.peaks[end]] + [child.peak() for child in ended])

    def _explain(self):
        """The output of each end, after all processes had a moment to end."""
        for child in self.children:
            child.thread.join(1)
        return "; ".join(
            f"{child.name} at the {child.end} {'still runs' if child.code is None else f'exit {child.code}'}: "
            + self.said(child).read_text(errors="replace").strip()[-300:]
            for child in self.children
            if child.code != 0
        )

    def _sample(self):
        pause = 0.002
        while not self._done.wait(pause):
            pause = min(0.05, pause * 2)
            for end in (SENDER, RECEIVER):
                roots = [c.popen.pid for c in list(self.children) if c.end == end and c.code is None]
                total = sum(_peak_of(pid) for root in roots for pid in tree(root))
                self.peaks[end] = max(self.peaks[end], total)

    def _end_all(self):
        """Kills the remaining children and their descendants, even those that changed their session."""
        for child in self.children:
            if child.code is None:
                for pid in reversed(list(tree(child.popen.pid))):
                    _kill(pid)
        for child in self.children:
            child.thread.join()
        end_orphans()


class Acceptor:
    """A listening socket of the receiver and the thread that hands over its one connection."""

    def __init__(self, run, argv):
        self.run, self.argv, self.open = run, argv, True
        with run.network.inside(RECEIVER):
            self.server = socket.create_server((run.network.address, 0))
        self.port = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        try:
            with self.server:
                connection = self.server.accept()[0]
            with connection:
                self.run.spawn(RECEIVER, self.argv, stdin=connection, stdout=connection, check=False)
        except OSError as error:
            self.run.failure = f"no connection: {error}"
        finally:
            self.open = False

    def close(self):
        try:
            self.server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the thread has closed it already
        self.thread.join()


def tree(pid):
    """A process and its living descendants (Linux; elsewhere the process alone)."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from tree(int(child))


def adopt_orphans():
    """Makes this script the parent of orphaned descendants, so that none escapes (Linux)."""
    if LINUX:
        set_child_subreaper = 36
        ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0)


def end_orphans():
    """Kills and reaps every child. Called when none is needed any more."""
    if not LINUX:
        return
    for pid in list(tree(os.getpid()))[:0:-1]:
        _kill(pid)
    try:
        while True:
            os.wait4(-1, 0)
    except ChildProcessError:
        pass


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it ended by itself meanwhile


def _peak_of(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass  # it ended, or there is no /proc
    return 0
