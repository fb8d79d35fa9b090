"""Figures of whole processes, and how the benchmarks say what they found.

As a program: measuring.py FIGURES COMMAND...   runs a command, and writes its seconds, CPU seconds, peak
of resident bytes and status into a file. A process begins with the peak of the one that started it, so
only a small one may.
"""
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, ".build", "release")


def timed(command):
    """Seconds, CPU seconds and peak MiB of a process, and what it printed."""
    import subprocess
    import tempfile

    with tempfile.NamedTemporaryFile("r") as figures:
        done = subprocess.run(
            [sys.executable, "-S", "-E", os.path.abspath(__file__), figures.name, *command],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wall, processor, peak, status = map(float, figures.read().split() or [0, 0, 0, 127])
    # Of 1, a comparison says that something differs.
    if status not in (0, 1):
        sys.exit(f"{' '.join(command)}: status {status:.0f}\n{done.stderr}")
    return wall, processor, peak / (1 << 20), done.stdout


def say(goal, values, unit=""):
    """Prints what a goal of README.md was measured at, in the form that bench.py reads."""
    print(f"goal: {goal}: {statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"
          f" {unit}".rstrip(), flush=True)


def launch(figures, command):
    start = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - start
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    with open(figures, "w") as file:
        file.write(f"{wall} {used.ru_utime + used.ru_stime} {peak}"
                   f" {os.waitstatus_to_exitcode(status) & 255}")


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2:])
