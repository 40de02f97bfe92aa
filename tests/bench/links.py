"""The network between the two ends: loopback, a link of a given rate, or one that another program made."""

import contextlib
import ctypes
import os
import shutil
import socket
import statistics
import subprocess
import threading
import time

from processes import LINUX, RECEIVER, SENDER

# Rate, and a burst of at least the bytes of one timer tick.
RATES = {"1gbit": ("1gbit", "512kb"), "100mbit": ("100mbit", "128kb")}
CLONE_NEWNET = 0x40000000


class Unavailable(Exception):
    """This machine or this user cannot make the link; the text says why."""


class Network:
    """The namespace of each end, and the receiver's address. Without namespaces: loopback."""

    def __init__(self, name="loopback", address="127.0.0.1", namespaces=None):
        self.name, self.address, self.namespaces = name, address, namespaces or {}

    @contextlib.contextmanager
    def inside(self, end):
        """Within this context, sockets and processes of this thread belong to the namespace of `end`."""
        namespace = self.namespaces.get(end)
        if namespace is None:
            yield
            return
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)

    def round_trip(self):
        """Seconds that a TCP connect takes: the median of nine."""
        times = []
        with self.inside(RECEIVER):
            server = socket.create_server((self.address, 0), backlog=16)
        with server:
            for _ in range(9):
                with self.inside(SENDER):
                    client = socket.socket()
                with client:
                    began = time.perf_counter()
                    client.connect(server.getsockname())
                    times.append(time.perf_counter() - began)
        return statistics.median(times)

    def setting(self, key):
        """The value of a net.* sysctl at the sender."""
        try:
            with self.inside(SENDER), open("/proc/sys/" + key.replace(".", "/")) as file:
                return " ".join(file.read().split())
        except OSError:
            return None


@contextlib.contextmanager
def network(link):
    """The network called `link`, taken down again at the end."""
    if "WANLINK_NS_A" in os.environ:
        namespaces = {SENDER: os.environ["WANLINK_NS_A"], RECEIVER: os.environ["WANLINK_NS_B"]}
        yield Network(link, os.environ["WANLINK_ADDR_B"], namespaces)
    elif link == "loopback":
        yield Network()
    else:
        _check()
        with _shaped(link) as made:
            yield made


def _check():
    if not LINUX:
        raise Unavailable("network namespaces are Linux's")
    if os.geteuid() != 0:
        raise Unavailable("making network namespaces needs root")
    for tool in ("ip", "tc"):
        if not shutil.which(tool):
            raise Unavailable(f"{tool} (iproute2) is not installed")


@contextlib.contextmanager
def _shaped(link):
    """Two namespaces joined by a veth pair, with a token bucket filter in each direction."""
    rate, burst = RATES[link]
    a, b = (f"pb-bench-{os.getpid()}-{side}" for side in "ab")
    try:
        _run("ip", "netns", "add", a)
        _run("ip", "netns", "add", b)
        _run("ip", "link", "add", "pb0", "netns", a, "type", "veth", "peer", "name", "pb0", "netns", b)
        for namespace, address in ((a, "10.78.0.1"), (b, "10.78.0.2")):
            _run("ip", "-n", namespace, "address", "add", f"{address}/30", "dev", "pb0")
            _run("ip", "-n", namespace, "link", "set", "lo", "up")
            _run("ip", "-n", namespace, "link", "set", "pb0", "up")
            shape = ["root", "tbf", "rate", rate, "burst", burst, "latency", "50ms"]
            _run("tc", "-n", namespace, "qdisc", "add", "dev", "pb0", *shape)
        yield Network(link, "10.78.0.2", {SENDER: a, RECEIVER: b})
    finally:
        for namespace in (a, b):
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL, check=False)


def _run(*command):
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Unavailable(f"{' '.join(command)}: {made.stderr.strip()}")


_entering = threading.Lock()


def _enter(namespace):
    with _entering:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise Unavailable(f"cannot enter a network namespace: {os.strerror(error)}")
