"""Runs the README's grpcurl lines against a pair of real processes, in order.

The lines name the default ports; here the processes listen on free ones, and the lines are changed to match. A line that
ends in "# refused" must fail with INVALID_ARGUMENT, one that ends in "# ends at its deadline" with DEADLINE_EXCEEDED.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA_PORT, ANALYTICS_PORT = "127.0.0.1:50051", "127.0.0.1:50052"


def binaries():
    out = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return pathlib.Path(json.loads(out.stdout)["target_directory"]) / "release"


def start(*command):
    """Starts a service and waits for the line that says where it listens."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        found = re.search(r"address=(127\.0\.0\.1:\d+)", line)
        if found:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, found.group(1)
    sys.exit(f"{command[0]} ended without listening")


def lines():
    block = re.search(r"```sh grpcurl\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    return [line for line in block.group(1).splitlines() if line.strip()]


def run(line, data, analytics):
    expected = re.search(r" # (.*)$", line)
    command = line.split(" # ")[0].replace(DATA_PORT, data).replace(ANALYTICS_PORT, analytics)
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    problem = None
    if expected is None and (result.returncode != 0 or not result.stdout.strip()):
        problem = "failed"
    elif expected and expected.group(1) == "refused" and "InvalidArgument" not in result.stderr:
        problem = "was not refused"
    elif expected and expected.group(1).startswith("ends") and "DeadlineExceeded" not in result.stderr:
        problem = "did not end at its deadline"
    print(("ok   " if problem is None else "FAIL ") + line[:150])
    if problem:
        sys.exit(f"the line {problem}:\n{result.stdout}{result.stderr}")
    return result.stdout


def main():
    release = binaries()
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            # A machine that builds may have little room left; what is tried here needs less.
            settings = ["--data-dir", folder, "--free-space-min", "64 MiB"]
            process, data = start(release / "reform-data", "--listen", "127.0.0.1:0", *settings)
            processes.append(process)
            process, analytics = start(
                release / "reform-analytics", "--listen", "127.0.0.1:0", "--data", f"http://{data}"
            )
            processes.append(process)
            records = sorted((ROOT / "crates/dataset/data").glob("*.jsonl"))
            environment = {**os.environ, "REFORM_DATA": f"http://{data}", "REFORM_ANALYTICS": f"http://{analytics}"}
            subprocess.run([release / "reform", "import", *records], check=True, env=environment)
            answers = [run(line, data, analytics) for line in lines()]
            counted = next(answer for answer in answers if '"COUNTED"' in answer and "appeals-per-year" in answer)
            if '"display": "1"' not in counted:
                sys.exit(f"the appeal that was created is not counted:\n{counted}")
            print(f"{len(answers)} lines ran")
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(timeout=20) for process in processes]
    if any(codes):
        sys.exit(f"the services ended with {codes}")


if __name__ == "__main__":
    main()
