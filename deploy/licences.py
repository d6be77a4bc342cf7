#!/usr/bin/env python3
"""Prints the licences of all that is linked into a program, for whoever passes it on. Usage: licences.py TARGET PACKAGE

Only what ends up in the binaries counts: no build script, macro or test. The texts are those that the crates carry.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = re.compile(r"(LICEN[CS]E|UNLICENSE|COPYING|COPYRIGHT|NOTICE)([._-].*)?$", re.IGNORECASE)
HEAD = """Licences of what is linked into the program of {}

Reform Registry itself is under Apache-2.0. Beside the crates below, the program holds Rust's standard library (MIT OR
Apache-2.0) and, linked statically, the GNU C library (LGPL-2.1-or-later): https://sourceware.org/glibc. The sources of
Reform Registry and deploy/build-images link the program again with another.
"""


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked(target, package):
    """Name and version of each crate that is linked."""
    edges = ["--edges", "normal,no-proc-macro", "--target", target, "--prefix", "none"]
    lines = cargo("tree", "--locked", "-p", package, *edges, "--format", "{p}").splitlines()
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
    target, package = sys.argv[1:]
    print(HEAD.format(package))
    for crate in sorted(linked(target, package) & foreign.keys()):
        manifest, name = foreign[crate], " ".join(crate)
        print(f"{name}: {manifest['license'] or 'see its text'}")
        found = set(texts(pathlib.Path(manifest["manifest_path"]).parent))
        for text in sorted(found):
            # One that says the same in other lines, with other quotes, is not printed again.
            letters = re.sub(r"[^a-z0-9]", "", text.lower().replace("https:", "http:"))
            owners.setdefault(wording.setdefault(letters, text), []).append(name)
        if not found:
            bare.append(name)
            if not manifest["license"]:
                sys.exit(f"{name} has no licence")
    if bare:
        print(f"\nWithout a text of their own: {', '.join(bare)}")
    for text, names in sorted(owners.items(), key=lambda item: (item[1], item[0])):
        print(f"\n{'-' * 80}\n{', '.join(dict.fromkeys(names))}\n\n{text}")


if __name__ == "__main__":
    main()
