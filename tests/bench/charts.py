#!/usr/bin/env python3
"""Draws the chart of the page on performance from the page's own tables.

    python3 tests/bench/charts.py > docs/images/speed.svg
    python3 tests/bench/charts.py --check     ends with 1 if the picture and the tables differ
"""

import html
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "PERFORMANCE.md"
PICTURE = ROOT / "docs" / "images" / "speed.svg"

# The panels: heading of the link on the page, heading of the workload, title in the chart.
PANELS = [
    ("Loopback", "big", "2 GiB that do not compress, one machine"),
    ("Loopback", "tree", "20,000 small files, one machine"),
    ("Loopback", "one", "one file of 1 KiB, one machine"),
    ("1 Gbit/s, no delay", "text", "1 GiB of text, 1 Gbit/s"),
    ("1 Gbit/s, 80 ms, cubic", "one", "one file of 1 KiB, 80 ms away"),
]
# Rows of the page to skip: variants of a program, and programs that do not move files safely.
NOT_SHOWN = re.compile(r"peerbridge .*|cp|raw-tcp|.*, \d+ runs")
NAMES = {"tar": "tar over ssh", "tar-zstd-1": "tar and zstd over ssh", "rsyncd": "rsync daemon (open)"}

WIDTH, LABEL, VALUE = 760, 170, 150
BAR, GAP, TITLE, MARGIN = 18, 6, 30, 16
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .bar { fill: #8c959f } .own { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .bar { fill: #6e7681 } .own { fill: #3fb950 }
  }
"""


def sections(page):
    """The sections of the page by their headings of third and fourth level."""
    found, link, workload = {}, None, None
    for line in page.splitlines():
        if match := re.match(r"### (.*)", line):
            link, workload = match[1], None
        elif match := re.match(r"#### (\w+):", line):
            workload = match[1]
        found.setdefault((link, workload), []).append(line)
    return found


def first_table(lines):
    """The rows of the first table: a peer and its median in seconds."""
    rows = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip("| \n").split("|")]
        median = re.fullmatch(r"([\d.]+) (s|ms)", cells[1]) if line.startswith("|") and len(cells) > 1 else None
        if median:
            rows.append((cells[0], float(median[1]) / (1 if median[2] == "s" else 1000)))
        elif rows:
            break
    return rows


def panel(lines):
    own = dict(first_table(lines))["peerbridge"]
    others = [row for row in first_table(lines) if row[0] != "peerbridge" and not NOT_SHOWN.fullmatch(row[0])]
    if not others:
        # For small transfers, a row with more runs comes first, and the rows of the other programs follow.
        others = [(name.split(",")[0], time) for name, time in first_table(lines) if name.endswith("runs")]
        others = [row for row in others if row[0] != "peerbridge"]
    return [("peerbridge", own), *sorted(others, key=lambda row: row[1])]


def seconds(time):
    return f"{time * 1000:.1f} ms" if time < 0.1 else f"{time:.2f} s"


def draw(panels):
    parts, y = [], MARGIN
    for title, rows in panels:
        parts.append(f'<text class="title" x="{MARGIN}" y="{y + 15}">{html.escape(title)}</text>')
        y += TITLE
        own, longest = rows[0][1], max(time for _, time in rows)
        for name, time in rows:
            width = max(2, round((WIDTH - LABEL - VALUE - 2 * MARGIN) * time / longest))
            kind = "bar own" if name == "peerbridge" else "bar"
            ratio = "" if name == "peerbridge" else f" · {time / own:.2f} times"
            parts.append(f'<text x="{MARGIN}" y="{y + 14}">{html.escape(NAMES.get(name, name))}</text>')
            parts.append(f'<rect class="{kind}" x="{MARGIN + LABEL}" y="{y}" width="{width}" height="{BAR}" rx="3"/>')
            parts.append(f'<text x="{MARGIN + LABEL + width + 8}" y="{y + 14}">{seconds(time)}{ratio}</text>')
            y += BAR + GAP
        y += MARGIN
    alternative = "Time of peerbridge beside scp, rsync and tar over ssh: shorter is better"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img"'
    return "\n".join([f'{head} aria-label="{alternative}">', f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def main():
    found = sections(PAGE.read_text())
    picture = draw([(title, panel(found[link, workload])) for link, workload, title in PANELS])
    if sys.argv[1:] == ["--check"]:
        if not PICTURE.is_file() or PICTURE.read_text() != picture:
            sys.exit(f"{PICTURE.name} is not what the page's tables say: draw it again")
        return
    sys.stdout.write(picture)


if __name__ == "__main__":
    main()
