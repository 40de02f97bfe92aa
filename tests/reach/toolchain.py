"""Builds the program for other systems, on Debian 12, with packages from apt, cargo and PyPI only."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = Path(os.environ.get("PEERBRIDGE_REACH_DIR") or ROOT / "target/reach").resolve()

PACKAGES = [
    "rustc-web", "cargo-web", "rust-web-src",  # a compiler with the source of its standard library
    "gcc-mingw-w64-x86-64", "wine", "wine64",
    "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross",
    "gcc-s390x-linux-gnu", "libc6-dev-s390x-cross",
    "qemu-user", "python3-venv",
]
ZIG = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"]
CARGO = "/usr/bin/cargo"

# The only function that the standard library calls and wine 8 lacks.
SHIM = """
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {
    return SystemFunction036(bytes, (ULONG)length);
}
BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved) { return TRUE; }
"""

# The console of Windows before 10: it refuses the mode in which a console understands control sequences.
OLD_CONSOLE = """
#include <windows.h>
__declspec(dllexport) BOOL WINAPI OldSetConsoleMode(HANDLE console, DWORD mode) {
    CONSOLE_SCREEN_BUFFER_INFO screen;
    if (mode & 4 && GetConsoleScreenBufferInfo(console, &screen)) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    return SetConsoleMode(console, mode);
}
"""


@dataclass(frozen=True)
class Target:
    """A system: its name here and for rustc, and the command that runs its programs (None: they cannot run here)."""

    name: str
    triple: str
    runner: tuple = ()
    suffix: str = ""

    def program(self, built=WORK / "target"):
        return built / self.triple / "release" / f"peerbridge{self.suffix}"


WINDOWS = Target("windows", "x86_64-pc-windows-gnu", ("wine",), ".exe")
ARM64 = Target("arm64", "aarch64-unknown-linux-gnu", ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"))
S390X = Target("s390x", "s390x-unknown-linux-gnu", ("qemu-s390x", "-L", "/usr/s390x-linux-gnu"))
STATIC = Target("static", "x86_64-unknown-linux-gnu")
MACOS = Target("macos", "aarch64-apple-darwin", None)

# Without the second flag the program needs /dev/urandom.
STATIC_FLAGS = '-Ctarget-feature=+crt-static --cfg getrandom_backend="linux_getrandom"'

# Debian has no tool that strips programs for macOS, so rustc must not look for one. The linker leaves out data for
# debuggers, because it names files of this machine.
MACOS_FLAGS = "-Cstrip=none -Clink-arg=-Wl,-S"

# A release is compiled as Cargo.toml says, and with it the standard library.
RELEASE = ["-Zbuild-std=std,panic_unwind"]

# Tested programs compile quickly. Programs and tests share packages only if both are built with the library of tests.
QUICK = [
    "-Zbuild-std=std,panic_unwind,test",
    "--config", 'profile.release.lto="off"', "--config", "profile.release.codegen-units=16",
    "--config", "profile.release.opt-level=1", "--config", "profile.release.package.peerbridge.opt-level=0",
]


def environment():
    wine = {"WINEPREFIX": str(WORK / "wine"), "WINEDEBUG": "-all", "DISPLAY": ""}
    mingw = "x86_64-w64-mingw32"
    return {
        **os.environ,
        **wine,
        "RUSTC": "/usr/bin/rustc",
        "RUSTC_BOOTSTRAP": "1",
        "CARGO_TARGET_DIR": str(WORK / "target"),
        "CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER": f"{mingw}-gcc",
        "CC_x86_64_pc_windows_gnu": f"{mingw}-gcc",
        "AR_x86_64_pc_windows_gnu": f"{mingw}-ar",
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "aarch64-linux-gnu-gcc",
        "CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER": "s390x-linux-gnu-gcc",
        "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS": STATIC_FLAGS,
        "CARGO_TARGET_AARCH64_APPLE_DARWIN_RUSTFLAGS": MACOS_FLAGS,
    }


def command(words, log, root=ROOT, **more):
    """Runs a command with its messages in a log, and shows their end if it fails. Returns its output."""
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"{log}.log"
    with open(path, "w") as stderr:
        ended = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, stderr=stderr, text=True, **more)
    if ended.returncode:
        print("\n".join(path.read_text().splitlines()[-60:]), file=sys.stderr)
        raise SystemExit(f"{words[0]} failed: {path}")
    return ended.stdout


def install():
    """Installs what is missing."""
    missing = [name for name in PACKAGES if subprocess.run(["dpkg", "-s", name], capture_output=True).returncode]
    if missing:
        root = [] if os.geteuid() == 0 else ["sudo"]
        more = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        command([*root, "apt-get", "update", "-q"], "apt-update", **more)
        command([*root, "apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], "apt", **more)
    if not (WORK / "venv/bin/cargo-zigbuild").exists():
        command([sys.executable, "-m", "venv", str(WORK / "venv")], "venv")
        command([str(WORK / "venv/bin/pip"), "install", "-q", *ZIG], "pip")


def options(profile):
    return ["--release", "--locked", *profile]


def build(targets, profile=QUICK, env=None, root=ROOT):
    """Builds the program for targets other than macOS."""
    triples = [word for target in targets for word in ("--target", target.triple)]
    words = [CARGO, "build", *options(profile), "--bin", "peerbridge", *triples]
    command(words, "build", root, env=env or environment())


def build_macos(profile=QUICK, env=None, root=ROOT):
    """Builds the program for macOS, with zig as the linker."""
    env = dict(env or environment())
    env["PATH"] = f"{WORK / 'venv/bin'}:{env['PATH']}"
    words = [str(WORK / "venv/bin/cargo-zigbuild"), "zigbuild", *options(profile), "--bin", "peerbridge"]
    words += ["--target", MACOS.triple]
    command(words, "macos", root, env={**env, "CARGO": CARGO})


def build_unit_tests(targets):
    """Builds the unit tests of the library. Returns the program for each target."""
    if not targets:
        return {}
    triples = [word for target in targets for word in ("--target", target.triple)]
    words = [CARGO, "test", *options(QUICK), "--lib", "--no-run", "--message-format=json", *triples]
    messages = map(json.loads, command(words, "unit-tests", env=environment()).splitlines())
    built = [Path(message["executable"]) for message in messages if message.get("executable")]
    return {target: next(path for path in built if target.triple in path.parts) for target in targets}


def build_all_tests(target):
    words = [CARGO, "test", *options(QUICK), "--tests", "--no-run", "--target", target.triple]
    command(words, f"tests-{target.name}", env=environment())


def prepare_wine(programs):
    """Puts the function that wine lacks beside each program."""
    source, library = WORK / "shim.c", WORK / "bcryptprimitives.dll"
    source.write_text(SHIM)
    command(["x86_64-w64-mingw32-gcc", "-shared", "-o", str(library), str(source), "-ladvapi32"], "shim")
    for program in programs:
        shutil.copy(library, program.parent)


def with_old_console(program):
    """A copy of a program for Windows that sees the console of Windows before 10: instead of kernel32 it loads a
    library that passes on every function that the program uses, except one."""
    folder = WORK / "old console"
    folder.mkdir(exist_ok=True)
    read = ["x86_64-w64-mingw32-objdump", "-p", str(program)]
    _, _, imports = command(read, "imports").partition("DLL Name: kernel32.dll")
    names = re.findall(r"^\t\S+\s+\d+ +(\w+)$", imports.partition("DLL Name:")[0], re.MULTILINE)
    own = {"SetConsoleMode": "OldSetConsoleMode"}
    exports = [f"{name} = {own.get(name, f'kernel32.{name}')}\n" for name in names]
    source, definitions = folder / "console.c", folder / "console.def"
    source.write_text(OLD_CONSOLE)
    definitions.write_text("".join(["EXPORTS\n", *exports]))
    words = ["x86_64-w64-mingw32-gcc", "-shared", "-o", str(folder / "konsol32.dll"), str(source), str(definitions)]
    command(words, "console")
    copy = folder / program.name
    copy.write_bytes(program.read_bytes().replace(b"kernel32.dll\0", b"konsol32.dll\0"))
    prepare_wine([copy])
    return copy


def stop_wine():
    subprocess.run(["wineserver", "-k"], env=environment(), capture_output=True)
