"""The files that are sent. The same seed and scale give the same bytes on every machine."""

import array
import itertools
import os
import random
import shutil
import struct
import traceback
from pathlib import Path

MIB = 1 << 20
NAMES = ("big", "text", "mixed", "tree", "one", "again")
TREE_FILES, TREE_FOLDERS, TREE_FILE_BYTES = 20_000, 200, 16 * 1024


def bytes_of(name, scale):
    """The approximate size of one copy of a workload, to check beforehand that there is room."""
    full = {"big": 2048, "text": 1024, "mixed": 768, "tree": 200, "again": 200, "one": 1 / scale}
    return int(full[name] * MIB * scale)


def make(name, folder, scale):
    """Writes the workload under `folder`, and returns the path to send."""
    # In a process of its own, so that measured processes do not inherit its memory peak.
    child = os.fork()
    if child == 0:
        status = 1
        try:
            MAKERS[name](Path(folder), scale)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1] != 0:
        raise OSError(f"the workload {name} could not be written to {folder}")
    (path,) = Path(folder).iterdir()
    return path


def _big(folder, scale):
    _write(folder / "big.bin", _random(1), int(2048 * MIB * scale))


def _text(folder, scale):
    _write(folder / "text.txt", _prose(2), int(1024 * MIB * scale))


def _mixed(folder, scale):
    """Typical files: photos, logs, archives with both, a sparse image, documents."""
    root = folder / "mixed"
    root.mkdir()
    photos, prose = _random(3), _prose(4)
    _write(root / "film.bin", photos, int(256 * MIB * scale))
    _write(root / "log.txt", prose, int(256 * MIB * scale))
    turns = itertools.cycle((photos, prose))
    _write(root / "image.bin", (next(turn) for turn in turns), int(192 * MIB * scale))
    _write(root / "zeros.bin", itertools.repeat(bytes(MIB)), int(32 * MIB * scale))
    (root / "documents").mkdir()
    sizes = random.Random(5)
    for index in range(int(400 * scale)):
        kind = prose if index % 2 else photos
        _write(root / "documents" / f"{index:04}.dat", kind, sizes.randrange(128 * 1024))


def _tree(folder, scale):
    """Small files as in a source tree: three of four are text."""
    root = folder / "tree"
    sizes, photos, prose = random.Random(6), next(_random(7)), next(_prose(8))
    files, folders = max(1, int(TREE_FILES * scale)), max(1, int(TREE_FOLDERS * scale))
    for index in range(folders):
        (root / f"folder-{index:03}").mkdir(parents=True)
    for index in range(files):
        size = sizes.randrange(TREE_FILE_BYTES + 1)
        start = sizes.randrange(MIB - size)
        content = (photos if index % 4 == 0 else prose)[start : start + size]
        (root / f"folder-{index % folders:03}" / f"file-{index:05}.txt").write_bytes(content)


def _one(folder, _scale):
    _write(folder / "one.txt", _random(9), 1024)


MAKERS = {"big": _big, "text": _text, "mixed": _mixed, "tree": _tree, "again": _tree, "one": _one}


def _write(path, chunks, size):
    with open(path, "wb", buffering=0) as file:
        while size > 0:
            size -= file.write(next(chunks)[:size])


def _random(seed):
    """Endless chunks of 1 MiB that do not compress."""
    source = random.Random(seed)
    while True:
        yield source.randbytes(MIB)


def _prose(seed):
    """Endless chunks of 1 MiB that compress like text.

    Words are drawn from a vocabulary by Zipf's law, with a phrase, a number or a line of a log now and
    then. 65,536 slots hold each word in proportion to its weight, so a word costs one table look-up.
    """
    source = random.Random(seed)
    slots = _slots(source)
    clock = 1_700_000_000_000
    left = b""
    while True:
        pieces, size = [left], len(left)
        while size < MIB:
            picks = array.array("H", source.randbytes(2 * WORDS_A_RUN))
            run = b"".join(map(slots.__getitem__, picks))
            lines = []
            for step, worker, item, request in struct.iter_unpack("<HBBQ", source.randbytes(12 * LINES_A_RUN)):
                clock += step
                path = PATHS[item & 15]
                lines.append(LOG_LINE % (clock, LEVELS[worker & 7], worker >> 4, request, path, item, step))
            run += b"".join(lines)
            pieces.append(run)
            size += len(run)
        whole = b"".join(pieces)
        left = whole[MIB:]
        yield whole[:MIB]


WORDS_A_RUN, LINES_A_RUN, PHRASES = 8192, 640, 1_500
PATHS = "items items items items items items items users users users users orders orders login login health".split()
LEVELS = "INFO INFO INFO INFO INFO DEBUG WARN ERROR".split()
LEVELS = [level.encode() for level in LEVELS]
PATHS = [path.encode() for path in PATHS]
LOG_LINE = (
    b'{"time":%d,"level":"%b","worker":%d,"request":"%016x","method":"GET",'
    b'"path":"/v1/%b/%d","status":200,"micros":%d}\n'
)


def _slots(source):
    syllables = [a + b for a in "b c d f g h l m n p r s t v st tr ch".split() for b in "aeiou"]
    words = ["".join(source.choices(syllables, k=source.choice((1, 2, 2, 3, 3, 4)))) for _ in range(30_000)]
    slots = []
    for rank, word in enumerate(words, 2):
        slots += [word + (" " if rank % 9 else ", ")] * max(1, int(3400 / rank))
    slots += [f"{source.randrange(10 ** source.randrange(1, 9))} " for _ in range(3_000)]
    slots += [" ".join(source.choices(words, k=source.randrange(3, 9))) + ".\n" for _ in range(PHRASES)]
    spare = 65_536 - len(slots)
    return [slot.encode() for slot in slots + [", and "] * (spare // 3) + [".\n"] * (spare - spare // 3)]


def compare(source, copy):
    """The first difference between two files or trees in names, kinds and contents, or `None`."""
    if source.is_dir():
        if not copy.is_dir():
            return f"{copy.name} is no folder"
        names, copied = sorted(os.listdir(source)), sorted(os.listdir(copy))
        if names != copied:
            return f"{source.name} holds {len(names)} entries, the copy {len(copied)}, or others"
        return next(filter(None, (compare(source / name, copy / name) for name in names)), None)
    if not copy.is_file() or source.stat().st_size != copy.stat().st_size:
        return f"{copy.name} is missing or of another size"
    with open(source, "rb", buffering=0) as left, open(copy, "rb", buffering=0) as right:
        while block := left.read(MIB):
            if block != right.read(MIB):
                return f"{copy.name} has other contents"
    return None


def empty(folder):
    """Removes everything in `folder`."""
    for entry in Path(folder).iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
