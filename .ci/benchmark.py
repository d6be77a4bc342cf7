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
# By benchmark: the keys that need nothing else, and how small it is made.
BENCHMARKS = {
    "data": (
        {"get_vs_echo", "feed_vs_stream", "list_10m_vs_10k", "disk_vs_encoded", "rss_mib", "reopen_s"}
        | {"tls_vs_plain_cpu", "token_vs_plain_cpu", "jwt_vs_plain_cpu"},
        ["--records", "2000", "--large", "20000", "--seconds", "0.2", "--rounds", "1"],
    ),
    "analytics": (
        {"query_vs_echo_p50", "cube_vs_echo_p50", "percentiles_vs_echo_p50", "bytes_per_appeal", "fold_per_s"}
        | {"follow_per_s", "restart_s", "growth_10k_10m"},
        ["--records", "20000", "--seconds", "0.2", "--rounds", "1"],
    ),
}
# By program: the benchmark, how it is found, how it is installed, and the keys that need it.
PROGRAMS = {
    "etcd": (
        "data",
        lambda: os.path.exists("/usr/bin/etcd"),
        ["apt-get", "etcd-server"],
        {"get_vs_etcd", "create_vs_etcd_800", "create_vs_etcd_1"},
    ),
    "postgresql": (
        "data",
        lambda: os.path.exists("/usr/lib/postgresql"),
        ["apt-get", "postgresql"],
        {"create_vs_pg_16", "import_vs_copy"},
    ),
    "duckdb": (
        "analytics",
        lambda: subprocess.run(["python3", "-c", "import duckdb"], stderr=subprocess.DEVNULL).returncode == 0,
        ["pip", "duckdb"],
        {"duckdb_vs_query", "duckdb_vs_cube", "duckdb_vs_percentiles"},
    ),
}


def install(source, package):
    options = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "timeout": 180, "check": True}
    try:
        if source == "pip":
            subprocess.run(["pip", "install", "--quiet", package], **options)
        elif os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-qq"], stdout=subprocess.DEVNULL, **options)
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
            subprocess.run(command, stdout=subprocess.DEVNULL, **options)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{package} cannot be installed: {error}")


def measure(benchmark, there):
    keys, sizes = BENCHMARKS[benchmark]
    belongs = {program: extra for program, (of, _, _, extra) in PROGRAMS.items() if of == benchmark}
    without = sorted(belongs.keys() - there)
    expected = keys.union(*(belongs[program] for program in belongs.keys() & there))
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "benchmark.json"
        command = ["cargo", "run", "--release", "--quiet", "-p", "reform-bench", "--", benchmark, "--json", file, *sizes]
        command += ["--without", ",".join(without)] if without else []
        subprocess.run(command, cwd=ROOT, check=True, timeout=900)
        measured = json.loads(file.read_text())
    found = {key for part in ("ratios", "figures") for key, value in measured[part].items() if value is not None}
    if expected - found:
        raise SystemExit(f"not measured: {', '.join(sorted(expected - found))}")
    print(f"measured: {', '.join(sorted(expected))}" + (f"; without {', '.join(without)}" if without else ""))


def main():
    for _, is_there, package, _ in PROGRAMS.values():
        if not is_there():
            install(*package)
    there = {program for program, (_, is_there, _, _) in PROGRAMS.items() if is_there()}
    for benchmark in BENCHMARKS:
        measure(benchmark, there)


if __name__ == "__main__":
    main()
