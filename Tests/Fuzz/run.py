#!/usr/bin/env python3
"""Fuzzes everything that Assay reads, under the sanitizers of addresses and undefined behaviour.

Usage: run.py [--seconds N] [--executions N] [--seed N] [--jobs N] [--build DIR] [TARGET ...]

Builds the harness, and runs every target until it has taken as many seconds, or made as many
executions. What was found to reach new code is kept in DIR/corpus, so that the next run goes on
from there. Fails where an input crashed a reader, took longer than 10 seconds or more memory than
64 MiB beside it; such inputs are in DIR/crashes.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import seeds

# What the process takes before it reads anything, shadow memory and kept inputs included.
BASE_MB = 160
LIMIT_MB = 64
# Foundation loses 2 KB with every pattern that it refuses: no process makes more executions.
PROCESS_EXECUTIONS = 20_000


def build(folder):
    command = [
        os.environ.get("SWIFT", "swift"), "build", "--configuration", "release",
        "--scratch-path", folder, "--product", "AssayFuzz",
        # The child's answers are no part of a module's surface.
        "-Xswiftc", "-enable-testing",
        # Not by --sanitize, of which the compiler takes one only.
        "-Xswiftc", "-sanitize=fuzzer,address",
        "-Xcc", "-fsanitize=fuzzer-no-link,address,undefined",
        "-Xcc", "-fno-sanitize-recover=undefined",
    ] + os.environ.get("SWIFT_BUILD_FLAGS", "").split()
    subprocess.run(command, check=True, cwd=seeds.ROOT, env=os.environ | {"ASSAY_FUZZ": "1"})
    return os.path.join(folder, "release", "AssayFuzz")


def fuzz(binary, folder, target, options):
    corpus = os.path.join(folder, "corpus", target)
    crashes = os.path.join(folder, "crashes", target)
    for place in (corpus, crashes):
        os.makedirs(place, exist_ok=True)
    known = set(os.listdir(crashes))
    start = os.path.join(folder, "seeds", target)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as scratch:
        command = [
            binary, corpus, start, f"-artifact_prefix={crashes}/", f"-dict={start}.dict",
            f"-max_len={seeds.LIMIT}", "-timeout=10", f"-malloc_limit_mb={LIMIT_MB}",
            f"-rss_limit_mb={BASE_MB + LIMIT_MB}", "-print_final_stats=1", "-verbosity=1",
            "-reload=0", "-len_control=0"]
        environment = seeds.ENVIRONMENT | {
            "ASSAY_FUZZ_TARGET": target, "ASSAY_FUZZ_SCRATCH": scratch,
            "ASSAY_FUZZ_RUN": os.path.join(folder, "made", "run")}
        log = os.path.join(folder, "logs", target + ".txt")
        os.makedirs(os.path.dirname(log), exist_ok=True)
        started, executed, peak, status, last = time.monotonic(), 0, 0, 0, ("0", "0", "0")
        while status == 0:
            left = min(PROCESS_EXECUTIONS, (options.executions or sys.maxsize) - executed)
            limits = [f"-runs={left}"]
            if options.seconds:
                seconds = options.seconds - int(time.monotonic() - started)
                limits.append(f"-max_total_time={max(seconds, 1)}")
            if options.seed:
                limits.append(f"-seed={options.seed + executed}")
            with open(log, "wb") as output:
                status = subprocess.run(
                    command + limits, stdout=output, stderr=output, env=environment).returncode
            with open(log, errors="replace") as output:
                text = output.read()
            statistics = dict(re.findall(r"stat::(\w+):\s+(\d+)", text))
            progress = re.findall(r"^#(\d+).*? cov: (\d+) ft: (\d+) corp: (\d+)/", text, re.M)
            last = progress[-1][1:] if progress else last
            done = int(statistics.get(
                "number_of_executed_units", progress[-1][0] if progress else 0))
            executed += done
            peak = max(peak, int(statistics.get("peak_rss_mb", 0)))
            if (done == 0 or executed >= (options.executions or sys.maxsize)
                    or options.seconds and time.monotonic() - started >= options.seconds):
                break
    found = sorted(set(os.listdir(crashes)) - known)
    rate = executed / (time.monotonic() - started)
    line = (
        f"{target:18} {executed:9} runs {rate:6.0f}/s cov {last[0]:>6} features {last[1]:>6} "
        f"corpus {last[2]:>5} peak {peak:>4} MB")
    if status != 0:
        line += f"  FAILED: {', '.join(found) or f'status {status}'}; see {log}"
    print(line, flush=True)
    return status == 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--executions", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="of the mutations, to repeat a run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--build", default=os.path.join(seeds.ROOT, ".build-fuzz"))
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args()
    if not options.seconds and not options.executions:
        options.seconds = 60
    folder = os.path.abspath(options.build)
    binary = os.path.join(folder, "release", "AssayFuzz")
    if not options.no_build:
        binary = build(folder)
    for made in ("seeds", "made"):
        shutil.rmtree(os.path.join(folder, made), ignore_errors=True)
    seeds.write(binary, folder)
    names = [os.path.basename(path) for path in sorted(glob.glob(folder + "/seeds/*"))
             if os.path.isdir(path)]
    unknown = set(options.targets) - set(names)
    if unknown:
        sys.exit(f"run.py: no target {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        passed = list(pool.map(
            lambda name: fuzz(binary, folder, name, options), options.targets or names))
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
