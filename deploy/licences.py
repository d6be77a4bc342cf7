#!/usr/bin/env python3
"""Prints the licences of all that is linked into the images, for whoever passes them on. Usage: licences.py TARGET

Only what ends up in the binaries counts: no build script, macro or test. The texts are those that the crates carry.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = re.compile(r"(LICEN[CS]E|UNLICENSE|COPYING|COPYRIGHT|NOTICE)([._-].*)?$", re.IGNORECASE)
HEAD = """Licences of what is linked into reform-data, reform-analytics and reform

Reform Registry itself is under Apache-2.0. Beside the crates below, the binaries hold Rust's standard library (MIT OR
Apache-2.0) and, linked statically, the GNU C library (LGPL-2.1-or-later): https://sourceware.org/glibc. The sources of
Reform Registry and deploy/build-images link the binaries again with another.
"""


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked(target):
    """Name and version of each crate that is linked."""
    packages = ["-p", "reform-data", "-p", "reform-analytics", "-p", "reform-cli"]
    edges = ["--edges", "normal,no-proc-macro", "--target", target, "--prefix", "none"]
    lines = cargo("tree", "--locked", *packages, *edges, "--format", "{p}").splitlines()
    crates = (line.split(" ") for line in lines if line)
    return {(name, version.removeprefix("v")) for name, version, *_ in crates}


def texts(folder):
    """The texts in a crate's folder, those of code that it bundles among them."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and FILES.match(path.name) and path.suffix not in (".rs", ".c", ".h"):
            yield path.read_text(errors="replace").strip()


def main():
    packages = json.loads(cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    foreign = {(package["name"], package["version"]): package for package in packages if package["source"]}
    owners, wording, bare = {}, {}, []
    print(HEAD)
    for crate in sorted(linked(sys.argv[1]) & foreign.keys()):
        package, name = foreign[crate], " ".join(crate)
        print(f"{name}: {package['license'] or 'see its text'}")
        found = set(texts(pathlib.Path(package["manifest_path"]).parent))
        for text in sorted(found):
            # One that says the same in other lines, with other quotes, is not printed again.
            letters = re.sub(r"[^a-z0-9]", "", text.lower().replace("https:", "http:"))
            owners.setdefault(wording.setdefault(letters, text), []).append(name)
        if not found:
            bare.append(name)
            if not package["license"]:
                sys.exit(f"{name} has no licence")
    if bare:
        print(f"\nWithout a text of their own: {', '.join(bare)}")
    for text, names in sorted(owners.items(), key=lambda item: (item[1], item[0])):
        print(f"\n{'-' * 80}\n{', '.join(names)}\n\n{text}")


if __name__ == "__main__":
    main()
