"""Runs the benchmark in miniature and checks that it measures everything; the figures of so small a run say nothing.

What is compared with comes from Debian's packages. Where they are not installed and cannot be, it is left out.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEYS = {"get_vs_echo", "feed_vs_stream", "list_10m_vs_10k", "disk_vs_encoded", "rss_mib", "reopen_s"}
# By program: its package, the file that says that it is there, and the keys that need it.
PROGRAMS = {
    "etcd": ("etcd-server", "/usr/bin/etcd", {"get_vs_etcd", "create_vs_etcd_800", "create_vs_etcd_1"}),
    "postgresql": ("postgresql", "/usr/lib/postgresql", {"create_vs_pg_16", "import_vs_copy"}),
}
SIZES = ["--records", "2000", "--large", "20000", "--seconds", "0.2", "--rounds", "1"]


def install(packages):
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "timeout": 180, "check": True}
    try:
        subprocess.run(["apt-get", "update", "-qq"], stdout=subprocess.DEVNULL, **quiet)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        subprocess.run(command, stdout=subprocess.DEVNULL, **quiet)
    except subprocess.SubprocessError as error:
        print(f"{', '.join(packages)} cannot be installed: {error}")


def main():
    missing = [package for package, file, _ in PROGRAMS.values() if not os.path.exists(file)]
    if missing:
        install(missing)
    there = {program for program, (_, file, _) in PROGRAMS.items() if os.path.exists(file)}
    without = sorted(PROGRAMS.keys() - there)
    expected = KEYS.union(*(PROGRAMS[program][2] for program in there))
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "benchmark.json"
        command = ["cargo", "run", "--release", "--quiet", "-p", "reform-bench", "--", "data", "--json", file, *SIZES]
        command += ["--without", ",".join(without)] if without else []
        subprocess.run(command, cwd=ROOT, check=True, timeout=900)
        measured = json.loads(file.read_text())
    found = {key for part in ("ratios", "figures") for key, value in measured[part].items() if value is not None}
    if expected - found:
        raise SystemExit(f"not measured: {', '.join(sorted(expected - found))}")
    print(f"measured: {', '.join(sorted(expected))}" + (f"; without {', '.join(without)}" if without else ""))


if __name__ == "__main__":
    main()
