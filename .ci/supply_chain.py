#!/usr/bin/env python3
"""What this program is made of.

check   fails where a package has a licence that is not on the list, comes from elsewhere than the others, has no
        checksum, or is there in two versions
sbom    prints a CycloneDX 1.5 bill of materials of the program, without what only tests use
"""

import json
import re
import subprocess
import sys
import tomllib

ROOT = "peerbridge"
LICENCES = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
}


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def packages():
    return json.loads(run("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]


def checksums():
    with open("Cargo.lock", "rb") as lock:
        locked = tomllib.load(lock)["package"]
    return {(package["name"], package["version"]): package.get("checksum") for package in locked}


def shipped():
    """Name and version of each package that is in the program on some target, or builds it."""
    tree = run(
        "cargo", "tree", "--locked", "--target", "all", "--edges", "normal,build,no-proc-macro", "--prefix", "none",
        "--format", "{p}",
    )
    words = (line.split() for line in tree.splitlines() if line.strip())
    return {(name, version.removeprefix("v")) for name, version, *_ in words}


def is_allowed(expression):
    """Whether an SPDX expression can be met: of an OR one side is, of an AND both."""
    tokens = re.findall(r"\(|\)|[^\s()/]+|/", expression.replace(" WITH ", "-WITH-"))

    def either():
        met = both()
        while tokens and tokens[0] in ("OR", "/"):
            tokens.pop(0)
            met = both() or met
        return met

    def both():
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one():
        token = tokens.pop(0)
        if token != "(":
            return token in LICENCES
        met = either()
        tokens.pop(0)
        return met

    return either()


def faults():
    known, used = checksums(), shipped()
    versions, registry = {}, None
    for package in packages():
        name, version = package["name"], package["version"]
        if name == ROOT:
            continue
        source = package["source"] or "this machine"
        registry = registry or source
        if not source.startswith("registry+") or source != registry:
            yield f"{name} {version} comes from {source}"
        if not known.get((name, version)):
            yield f"{name} {version} has no checksum in Cargo.lock"
        if not is_allowed(package["license"] or "none"):
            yield f"{name} {version} has the licence {package['license']}"
        if (name, version) in used:
            versions.setdefault(name, []).append(version)
    for name, found in versions.items():
        if len(found) > 1:
            yield f"{name} is there in the versions {', '.join(found)}"


def bill():
    known, used = checksums(), shipped()
    components = []
    for package in sorted(packages(), key=lambda package: (package["name"], package["version"])):
        name, version = package["name"], package["version"]
        if name == ROOT:
            root = {"type": "application", "name": name, "version": version}
        elif (name, version) in used:
            purl = f"pkg:cargo/{name}@{version}"
            components.append({
                "type": "library",
                "name": name,
                "version": version,
                "bom-ref": purl,
                "purl": purl,
                "licenses": [{"expression": package["license"].replace("/", " OR ")}],
                "hashes": [{"alg": "SHA-256", "content": known[name, version]}],
            })
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
    }


def main():
    match sys.argv[1:]:
        case ["check"]:
            found = list(faults())
            print("\n".join(found) or f"{len(shipped()) - 1} packages, each with a known licence and checksum")
            sys.exit(bool(found))
        case ["sbom"]:
            print(json.dumps(bill(), indent=2))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
