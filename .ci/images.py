"""What must hold of the images and the binaries in them: small, the same whenever and wherever they are built, and telling
what they are made of."""

import json
import os
import pathlib
import subprocess
import zlib

from engine import ROOT, check, run, say

BUILD = ROOT / "deploy/build-images"
SERVICES = ("data", "analytics")
BINARIES = {"data": "reform-data", "analytics": "reform-analytics", "cli": "reform"}
# Bytes, of a service. The command line holds both, for its demo, and has no limit.
SIZE_MAX = 15_000_000
BUILD_SECONDS_MAX = 2400


def names(tag):
    return [f"reform-{image}:{tag}" for image in BINARIES]


def remove(tag):
    run("docker", "image", "rm", "--force", *names(tag), stderr=subprocess.DEVNULL, check=False)


def inspected(tag, field):
    return {image: run("docker", "image", "inspect", "-f", f"{{{{.{field}}}}}", f"reform-{image}:{tag}") for image in BINARIES}


def build(tag):
    """Builds all images twice: what the builder remembers must make no difference, nor the time."""
    run(BUILD, tag, timeout=BUILD_SECONDS_MAX)
    sizes = {image: int(size) for image, size in inspected(tag, "Size").items()}
    say("images built: " + ", ".join(f"reform-{image} {size / 1e6:.2f} MB" for image, size in sizes.items()))
    for image in SERVICES:
        check(sizes[image] < SIZE_MAX, f"reform-{image} has {sizes[image]} bytes, {SIZE_MAX} are too many")
    again = f"{tag}-again"
    try:
        run(BUILD, again, "--no-cache", timeout=BUILD_SECONDS_MAX)
        first, second = inspected(tag, "Id"), inspected(again, "Id")
        check(first == second, f"built again the images differ: {first}, {second}")
    finally:
        remove(again)
    say("built again without a cache: the same ids")


def check_binaries():
    """Of the binaries that were built last."""
    metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1"))
    folder = pathlib.Path(metadata["target_directory"])
    cargo = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    sled = next(package["version"] for package in metadata["packages"] if package["name"] == "sled")
    for image, binary in BINARIES.items():
        path = folder / "images" / image / binary
        for place in (ROOT, folder, cargo):
            check(f"{place}/".encode() not in path.read_bytes(), f"{binary} holds the path {place}")
        stored = "sled" in listed(path)
        check(stored == (binary != "reform-analytics"), f"{binary}: its list says {stored} for the store")
    bill = json.loads((folder / "images/reform-data_bin.cdx.json").read_text())
    check(bill["bomFormat"] == "CycloneDX", "the bill of materials is of another format")
    stores = [part["version"] for part in bill["components"] if part["name"] == "sled"]
    check(stores == [sled], f"the bill of materials has sled {stores}, Cargo.lock {sled}")
    say(f"the binaries tell what they are made of, in {len(bill['components'])} parts for reform-data, and no path")


def listed(path):
    """What a binary says that it is made of."""
    dump = ["objcopy", "--dump-section", ".dep-v0=/dev/stdout", path, "/dev/null"]
    ended = subprocess.run(dump, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    check(ended.returncode == 0, f"{path.name} has no list of what it is made of; cargo-auditable writes it")
    return {package["name"] for package in json.loads(zlib.decompress(ended.stdout))["packages"]}
