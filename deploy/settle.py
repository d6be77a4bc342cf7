#!/usr/bin/env python3
"""Makes the same image of the same files: `docker save IMAGE | settle.py NAME:TAG SECONDS | docker load`.

An engine writes the time of the build, how it built, and names of its own into what it builds. Here every time becomes
SECONDS since 1970, and what the engine noted for itself goes. The same files by the same Dockerfile are then one image, with
one id, by whatever builder.
"""

import datetime
import hashlib
import io
import json
import sys
import tarfile

# What the Dockerfile can say of an image; the rest is about the engine and the containers that built it.
PLATFORM = ("architecture", "variant", "os")
SAID = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Healthcheck", "Volumes", "Labels", "StopSignal")


def add(archive, name, content, seconds):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(content), seconds
    archive.addfile(entry, io.BytesIO(content))


def settled_layer(layer, seconds):
    """The same files with the same owners and modes, in the order of their names, all of one time."""
    settled = io.BytesIO()
    with tarfile.open(fileobj=layer) as old, tarfile.open(fileobj=settled, mode="w") as new:
        for entry in sorted(old.getmembers(), key=lambda entry: entry.name):
            content = old.extractfile(entry) if entry.isreg() else None
            entry.mtime, entry.uname, entry.gname, entry.pax_headers = seconds, "", "", {}
            new.addfile(entry, content)
    return settled.getvalue()


def settled_configuration(old, layers, created):
    platform = {name: old[name] for name in PLATFORM if name in old}
    said = {name: old["config"][name] for name in SAID if old["config"].get(name)}
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    rootfs = {"type": "layers", "diff_ids": digests}
    return json.dumps({**platform, "created": created, "config": said, "rootfs": rootfs}, sort_keys=True).encode()


def settled_image(image, name, seconds):
    with tarfile.open(fileobj=image) as archive:
        (manifest,) = json.load(archive.extractfile("manifest.json"))
        old = json.load(archive.extractfile(manifest["Config"]))
        layers = [settled_layer(archive.extractfile(layer), seconds) for layer in manifest["Layers"]]
    created = datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace("+00:00", "Z")
    files = {f"{number}/layer.tar": layer for number, layer in enumerate(layers)}
    manifest = {"Config": "image.json", "RepoTags": [name], "Layers": list(files)}
    files |= {"image.json": settled_configuration(old, layers, created), "manifest.json": json.dumps([manifest]).encode()}
    settled = io.BytesIO()
    with tarfile.open(fileobj=settled, mode="w") as archive:
        for path, content in files.items():
            add(archive, path, content, seconds)
    return settled.getvalue()


def main():
    name, seconds = sys.argv[1], int(sys.argv[2])
    sys.stdout.buffer.write(settled_image(io.BytesIO(sys.stdin.buffer.read()), name, seconds))


if __name__ == "__main__":
    main()
