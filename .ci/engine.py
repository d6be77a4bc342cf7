"""A Docker engine for the checks, and what they need to run programs.

An engine that runs already is used as it is. Where none runs, Debian's packages are installed (as root) and one is
started over a folder of its own, away from any other; only that one is stopped, by its process id. It gets no bridge
and leaves the firewall of this machine alone: compose makes its own network, and published ports go through
docker-proxy.
"""

import os
import pathlib
import queue
import shutil
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
STARTED = time.monotonic()
PACKAGES = ["docker.io", "docker-compose", "iptables"]
# The second works where the folder is itself on an overlay, as in a container: slow, but the images are few files.
ENGINES = (["--storage-driver=overlay2"], ["--storage-driver=vfs"])


class NoEngine(Exception):
    """Why no engine can run here."""


def run(*command, timeout=60, **options):
    options = {"check": True, "text": True, "stdout": subprocess.PIPE, **options}
    return subprocess.run([str(part) for part in command], cwd=ROOT, timeout=timeout, **options).stdout.strip()


def answers(*command):
    try:
        run(*command, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def check(right, otherwise):
    if not right:
        raise SystemExit(f"FAIL {otherwise}")


def say(text):
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


def install():
    if shutil.which("dockerd") and compose_command():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoEngine("dockerd or compose is missing, and installing Debian's packages takes root and apt-get")
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "timeout": 180}
    try:
        run("apt-get", "update", "-qq", **quiet)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES, **quiet)
    except subprocess.SubprocessError as error:
        raise NoEngine(f"the packages {', '.join(PACKAGES)} cannot be installed: {error}") from error


def compose_command():
    """The second or the first compose; the file is for both."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if answers(*command, "version"):
            return command
    return None


class Engine:
    """A Docker engine: the one that runs, or one of our own."""

    def __init__(self):
        self.process = None
        self.folder = None

    def start(self):
        if answers("docker", "info") and compose_command():
            return say("using the engine that runs")
        install()
        if answers("docker", "info"):
            return say("using the engine that runs")
        if os.geteuid() != 0:
            raise NoEngine("starting one takes root")
        problems = []
        for options in ENGINES:
            problem = self.launch(options)
            if problem is None:
                return say(f"started an engine with {' '.join(options)}")
            problems.append(f"with {' '.join(options)}: {problem}")
            self.stop()
        raise NoEngine("; ".join(problems))

    def launch(self, options):
        """Starts an engine and waits until it listens; tells the problem when it ends before."""
        # A short path: a socket's may have 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="reform-engine-", dir="/var/tmp"))
        socket = f"unix://{self.folder}/socket"
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid", "config-file": "no-config.json"}
        command = ["dockerd", "--host", socket, "--bridge=none", "--iptables=false", "--ip6tables=false", *options]
        command += [f"--{option}={self.folder / name}" for option, name in places.items()]
        (self.folder / "no-config.json").write_text("{}")
        # In a session of its own, so that Ctrl-C reaches the project first and the engine after it.
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        lines = queue.Queue()
        threading.Thread(target=read_lines, args=(self.process.stderr, lines), daemon=True).start()
        last, until = "it said nothing", time.monotonic() + 60
        while (line := next_line(lines, until)) is not None:
            if "API listen on" in line:
                os.environ["DOCKER_HOST"] = socket
                return None
            last = line.strip()
        return last

    def stop(self):
        if self.process:
            os.environ.pop("DOCKER_HOST", None)
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if self.folder:
            for line in reversed(pathlib.Path("/proc/self/mounts").read_text().splitlines()):
                if line.split()[1].startswith(f"{self.folder}/"):
                    subprocess.run(["umount", line.split()[1]], check=False)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


def read_lines(stream, lines):
    for line in stream:
        lines.put(line)
    lines.put(None)


def next_line(lines, until):
    """The next line; None at the end of the stream or of the time."""
    try:
        return lines.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        return None
