#!/usr/bin/env python3
"""Compares the speed of peerbridge with other ways to move files. docs/PERFORMANCE.md says how to read it."""

import argparse
import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import statistics
import sys
import tempfile
from pathlib import Path

import links
import peers
import report
import workloads
from processes import RECEIVER, SENDER, Failed, Run, adopt_orphans, end_orphans
from servers import Ssh

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DEFAULT_WORKLOADS = {"loopback": workloads.NAMES, "1gbit": ("text", "big"), "100mbit": ("text", "big"), "wan": ("big", "one")}


def main():
    options = arguments()
    if options.wanlink and "WANLINK_NS_A" not in os.environ:
        inner = [sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
        os.execvp(options.wanlink, [options.wanlink, *shlex.split(options.wan), "--", *inner])
    for number in SIGNALS:
        signal.signal(number, stop)
    adopt_orphans()
    folder = Path(tempfile.mkdtemp(prefix="peerbridge-bench-", dir=options.dir))
    try:
        with links.network(options.link) as network:
            return measure(options, folder, network)
    except links.Unavailable as reason:
        sys.exit(f"left out: the link {options.link}: {reason}")
    finally:
        end_orphans()
        shutil.rmtree(folder, ignore_errors=True)


def stop(caught, _frame):
    """Ends the script through its clean-up, which a second signal does not interrupt."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + caught)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()
    parser.add_argument("--peerbridge", metavar="PATH", default="./target/release/peerbridge", help="the binary (%(default)s)")
    parser.add_argument("--baseline", metavar="PATH", help="another build of it, as a peer of its own")
    parser.add_argument("--variant", metavar="ARGS", action="append", default=[], help="also run `send` with these options, as in --variant='-z 3'; may be given many times")
    parser.add_argument("--workloads", type=names, metavar="A,B", help=f"of {', '.join(workloads.NAMES)}")
    parser.add_argument("--peers", type=names, metavar="A,B", help="only these; peerbridge always takes part")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each peer, interleaved (%(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="size of the workloads, 1.0 being the full one")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECS", help="for one run (%(default)s)")
    parser.add_argument("--link", choices=["loopback", *links.RATES, "wan"], default="loopback")
    parser.add_argument("--wanlink", metavar="PROGRAM", help="runs this script inside a long link; see docs/PERFORMANCE.md")
    parser.add_argument("--wan", metavar="ARGS", default="", help="what to give that program, as one word")
    parser.add_argument("--json", metavar="FILE", help="every run, with all that was noted")
    parser.add_argument("--dir", metavar="DIR", default=memory, help="where the files are; best a memory file system (%(default)s)")
    options = parser.parse_args()
    if options.wanlink:
        options.link = "wan"
    elif options.link == "wan":
        parser.error("--link wan comes with --wanlink PROGRAM")
    options.peerbridge = os.path.abspath(options.peerbridge)
    options.workloads = options.workloads or list(DEFAULT_WORKLOADS[options.link])
    unknown = set(options.workloads) - set(workloads.NAMES)
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    if options.runs < 1 or options.scale <= 0:
        parser.error("--runs and --scale must be more than 0")
    return options


def names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def measure(options, folder, network):
    chosen, left_out = choose(options)
    result = {
        "link": network.name,
        "wan": options.wan or None,
        "congestion": network.setting("net.ipv4.tcp_congestion_control"),
        "machine": report.machine(),
        "versions": report.versions(options.peerbridge),
        "scale": options.scale,
        "left_out": left_out,
        "load_before": os.getloadavg(),
        "round_trip_ms": network.round_trip() * 1000,
        "workloads": {},
    }
    print(preface(result), flush=True)
    failures = 0
    with contextlib.ExitStack() as stack:
        ssh = None
        if any("ssh" in peer.needs for peer in chosen):
            ssh = Ssh(folder / "ssh")
            stack.callback(ssh.close)
        bench = peers.Bench(folder, ssh, secrets.token_hex(16))
        for name in options.workloads:
            rows = workload(options, bench, network, name, [p for p in chosen if p.fits(name, network)])
            result["workloads"][name] = rows
            failures += sum(row["failed"] for row in rows["rows"])
            print(f"\n{rows['table']}", flush=True)
    result["load_after"] = os.getloadavg()
    print(f"\nLoad average {loads(result['load_before'])} before, {loads(result['load_after'])} after.")
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    return 1 if failures else 0


def choose(options):
    """The peers that take part, and the reason for each of the others."""
    every = peers.every(options.peerbridge, options.baseline, options.variant)
    unknown = set(options.peers or ()) - {peer.name for peer in every}
    if unknown:
        sys.exit(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in every)}")
    asked = [
        peer
        for peer in every
        if isinstance(peer, peers.Peerbridge) or (peer.name in options.peers if options.peers else peer.by_default)
    ]
    lacking = {peer.name: peer.missing() for peer in asked}
    if lacking["peerbridge"]:
        sys.exit(lacking["peerbridge"])
    return [peer for peer in asked if not lacking[peer.name]], {name: why for name, why in lacking.items() if why}


def preface(result):
    machine = result["machine"]
    memory = f"{machine['memory_mib'] / 1024:.0f} GiB" if machine["memory_mib"] else "memory unknown"
    lines = [
        f"## Link: {result['link']}" + (f" ({result['wan']})" if result["wan"] else ""),
        "",
        f"- {machine['cores']} cores, {machine['cpu']} ({' '.join(machine['cpu_flags'])}), {memory}, {machine['kernel']}",
        f"- TCP connect {result['round_trip_ms']:.2f} ms, congestion control {result['congestion']}, scale {result['scale']:g}",
        "- " + "; ".join(text if name in text else f"{name} {text}" for name, text in result["versions"].items()),
    ]
    lines += [f"- left out: {name}: {why}" for name, why in result["left_out"].items()]
    return "\n".join(lines)


def workload(options, bench, network, name, taking_part):
    """Runs one workload with every peer in turn, the requested number of times."""
    size = workloads.bytes_of(name, options.scale)
    copies = 1 + (len(taking_part) if name == "again" else 1)
    room(options.dir, size * copies)
    source_folder = bench.folder / "source"
    source_folder.mkdir()
    say(f"{name}: making the files")
    source = workloads.make(name, source_folder, options.scale)
    payload = sum(file.stat().st_size for file in [source, *source.rglob("*")] if file.is_file())
    runs = {peer.name: [] for peer in taking_part}
    try:
        if name == "again":
            for peer in taking_part:
                first = once(options, bench, network, peer, source, destination_of(bench, name, peer))
                say(f"{name}: {peer.name}, first run, not counted: {first['why'] or 'ok'}")
        for turn in range(options.runs):
            for peer in taking_part:
                if any(run["why"] == "timed out" for run in runs[peer.name]):
                    continue
                destination = destination_of(bench, name, peer)
                if name != "again":
                    workloads.empty(destination)
                measured = once(options, bench, network, peer, source, destination)
                runs[peer.name].append(measured)
                told = measured["why"] or report.seconds(measured["seconds"])
                say(f"{name}: run {turn + 1} of {options.runs}, {peer.name}: {told}")
    finally:
        shutil.rmtree(source_folder)
        shutil.rmtree(bench.folder / "destination", ignore_errors=True)
    good = [run["seconds"] for run in runs["peerbridge"] if run["seconds"] is not None]
    reference = statistics.median(good) if good else None
    rows = [report.summary(peer, measured, reference) for peer, measured in runs.items()]
    others = [run["others_cores"] for measured in runs.values() for run in measured if run.get("others_cores") is not None]
    title = f"{name}: {payload / (1 << 20):.1f} MiB, {options.runs} run{'' if options.runs == 1 else 's'}"
    if others:
        title += f"; the rest of the machine used {sum(others) / len(others):.1f} cores meanwhile"
    round_trip = network.round_trip() if name == "one" and network.name == "wan" else None
    table = report.table(title, rows, payload, round_trip)
    return {"bytes": payload, "rows": rows, "runs": runs, "table": table}


def destination_of(bench, name, peer):
    """For `again`, the folder that the same peer has filled; all other workloads share one folder."""
    folder = bench.folder / "destination" / (peer.name if name == "again" else "shared").replace(" ", "")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def once(options, bench, network, peer, source, destination):
    """One timed run, checked afterwards."""
    folder = Path(tempfile.mkdtemp(dir=bench.folder))
    measured = {"seconds": None, "why": None}
    try:
        busy = report.busy_seconds()
        with Run(folder, network, options.timeout) as run:
            peer.run(bench, run, source, destination)
            seconds = run.finish()
            machine_busy = None if busy is None else report.busy_seconds() - busy
            peer.after(run)
        for end in (SENDER, RECEIVER):
            measured[f"cpu_{end}"], measured[f"peak_{end}"] = run.cpu(end), run.peak(end)
        if machine_busy is not None and seconds > 0.2:
            own = measured["cpu_sender"] + measured["cpu_receiver"]
            measured["others_cores"] = max(0.0, machine_busy - own) / seconds
        measured.update(run.notes)
        measured["why"] = workloads.compare(source, destination / source.name)
        measured["seconds"] = None if measured["why"] else seconds
    except Failed as failed:
        measured["why"] = str(failed)
    finally:
        shutil.rmtree(folder)
    return measured


def room(folder, size):
    """Ends with an error if the files don't fit, because exhausted memory would affect other programs."""
    free = shutil.disk_usage(folder).free
    memory = report.available_memory()
    if folder.startswith("/dev/shm") and memory is not None:
        free = min(free, (memory - 1024) << 20)
    if free < size:
        sys.exit(f"{size >> 20} MiB are needed in {folder}, {max(0, free) >> 20} are free: try --scale or --dir")


def loads(three):
    return " ".join(f"{load:.2f}" for load in three)


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
