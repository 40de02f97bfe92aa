"""The bill of materials of the program, as CycloneDX 1.5: its packages, without those that only tests use."""

import json
import subprocess
import tomllib

from toolchain import ROOT


def run(*words):
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def checksums():
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(package["name"], package["version"]): package.get("checksum") for package in locked}


def shipped():
    """Name and version of each package that is part of the program on any target, or is needed to build it."""
    tree = run(
        "cargo", "tree", "--locked", "--target", "all", "--edges", "normal,build,no-proc-macro", "--prefix", "none",
        "--format", "{p}",
    )
    words = (line.split() for line in tree.splitlines() if line.strip())
    return {(name, version.removeprefix("v")) for name, version, *_ in words}


def bill_of_materials():
    packages = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]
    known, used = checksums(), shipped()
    components = []
    for package in sorted(packages, key=lambda package: (package["name"], package["version"])):
        name, version = package["name"], package["version"]
        if package["source"] is None:
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
