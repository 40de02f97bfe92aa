"""The results and the machine: a Markdown table for people, JSON for programs."""

import os
import platform
import re
import shutil
import statistics
import subprocess

MIB = 1 << 20


def machine():
    """The machine, without its name."""
    facts = {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": platform.processor() or platform.machine(),
        "cpu_flags": [],
        "memory_mib": None,
        "kernel": f"{platform.system()} {platform.release()}",
    }
    try:
        with open("/proc/cpuinfo") as file:
            text = file.read()
        facts["cpu"] = re.search(r"^model name\s*: (.*)$", text, re.M).group(1)
        flags = set(re.search(r"^flags\s*: (.*)$", text, re.M).group(1).split())
        facts["cpu_flags"] = sorted(flags & {"aes", "vaes", "sha_ni", "avx2", "avx512f", "pclmulqdq"})
    except (OSError, AttributeError):
        pass  # another system, or an architecture with other field names
    facts["memory_mib"] = available_memory("MemTotal")
    return facts


def available_memory(field="MemAvailable"):
    """A field of /proc/meminfo in MiB; `None` if it cannot be read."""
    try:
        with open("/proc/meminfo") as file:
            return int(re.search(rf"^{field}:\s*(\d+)", file.read(), re.M).group(1)) // 1024
    except (OSError, AttributeError):
        return None


def versions(program):
    """The version line of each tool."""
    commands = {
        "peerbridge": [program, "--version"],
        "ssh": ["ssh", "-V"],
        "rsync": ["rsync", "--version"],
        "tar": ["tar", "--version"],
        "zstd": ["zstd", "--version"],
    }
    said = {"python": platform.python_version()}
    for name, command in commands.items():
        if shutil.which(command[0]):
            text = subprocess.run(command, capture_output=True, text=True, check=False)
            said[name] = (text.stdout + text.stderr).strip().split("\n")[0].strip("* ")
    return said


def busy_seconds():
    """CPU seconds that this machine has worked since its start; `None` if the system does not report it."""
    try:
        with open("/proc/stat") as file:
            user, nice, system, _idle, _wait, irq, softirq, *_ = map(int, file.readline().split()[1:])
    except OSError:
        return None
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def summary(name, runs, reference):
    """The medians of one peer's runs; `reference` is peerbridge's median time."""
    good = [run for run in runs if run["seconds"] is not None]
    row = {"peer": name, "runs": len(runs), "failed": len(runs) - len(good), "median": None, "ratio": None}
    if good:
        for key in ("seconds", "cpu_sender", "cpu_receiver", "peak_sender", "peak_receiver"):
            row[key] = statistics.median(run[key] for run in good)
        times = [run["seconds"] for run in good]
        row.update(median=row["seconds"], best=min(times), worst=max(times))
        row["ratio"] = row["median"] / reference if reference else None
    else:
        row["why"] = runs[0]["why"] if runs else "not run"
    return row


def table(title, rows, payload, round_trip=None):
    """One workload's rows as a Markdown table."""
    head = ["peer", "median", "best to worst", "MB/s", "time / peerbridge's", "CPU s, sender + receiver", "peak MiB, sender + receiver"]
    if round_trip:
        head.insert(3, "round trips")
    lines = [f"### {title}", "", "| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for row in rows:
        if row["median"] is None:
            lines.append(f"| {row['peer']} | {row['why'][:160]} |" + " |" * (len(head) - 2))
            continue
        failed = f" ({row['failed']} of {row['runs']} failed)" if row["failed"] else ""
        cells = [
            row["peer"] + failed,
            seconds(row["median"]),
            f"{seconds(row['best'])} to {seconds(row['worst'])}",
            f"{payload / row['median'] / 1e6:.0f}" if payload > MIB else "",
            f"{row['ratio']:.2f}" if row["ratio"] else "",
            f"{row['cpu_sender']:.2f} + {row['cpu_receiver']:.2f}",
            f"{row['peak_sender'] / MIB:.0f} + {row['peak_receiver'] / MIB:.0f}",
        ]
        if round_trip:
            cells.insert(3, f"{row['median'] / round_trip:.1f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def seconds(value):
    """The number with three significant digits."""
    if value < 0.1:
        return f"{value * 1000:.1f} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
