"""Runs every benchmark and prints one table of goals and what was measured.

Usage: bench.py ASSAY [--full] [--folder DISK] [--only NAME ...]
Without --full the sizes are small and only the table is printed; with --full it is also written into
README.md, between its two marks. What the programs print by the way goes to standard error. A benchmark
that fails leaves its goals unmeasured, and the status is 1.
"""
import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
import tempfile

from measuring import HERE, PROGRAMS

MARKS = "<!-- figures: written by bench.py -->", "<!-- end of figures -->"
# The name of what is measured, how the median must compare, and with what.
GOALS = [
    (r"kernel of ", ">=", 0.5),
    (r"compare of .*as fast as torch", ">=", 20),
    (r"compare of .*as fast as h5diff", ">=", 4),
    # Smaller tensors cost more than their bytes; the goal is of 1 MiB and more.
    (r"compare of huge.*times as long as reading", "<=", 1.5),
    (r"compare of 560 tensors", "<=", 40),
    (r"start-up", "<=", 10),
    (r"opening 20,000 datasets", "<=", 50),
    (r"memory of a compared tensor", "<=", 1),
    (r"memory of comparing 200,000 tensors", "<=", 400),
    (r"steepest growth", "<=", 1.15),
    (r"probe off, %", "<=", 1),
    (r"recording, ", "<=", 1.5),
    (r"Python recorder", "<=", 1.5),
    (r"own memory of the engine, checkpoint of 16 GB", "<=", 1907),  # 2 GB in MiB
]
NUMBER = r"(-?[\d.e+-]+)"
GOAL = re.compile(rf"goal: (.+): {NUMBER} \({NUMBER} to {NUMBER}\)")


def commands(assay, full, folder):
    """The benchmarks in order: names and command lines."""
    def script(name, *arguments):
        return [sys.executable, os.path.join(HERE, name), *arguments]

    size, checkpoint = ["--full"] if full else [], os.path.join(folder, "checkpoint")
    yield "kernels", [script("run.py", os.path.join(PROGRAMS, "AssayBench"))]
    yield "compare", [script("compare.py", assay, *size)]
    yield "small", [script("small.py", assay, *size)]
    yield "recording", [script("recording.py", "--folder", folder, *size)]
    if os.path.exists(os.path.join(HERE, "recorder.py")):
        yield "recorder", [script("recorder.py", "--assay", assay)]
    yield "engine", [
        script("make_checkpoint.py", "--shape", "8b" if full else "1b", checkpoint),
        script("engine.py", assay, checkpoint)]
    yield "scaling", [script(
        "scaling.py", assay, "--folder", folder, *([] if full else ["--quick"]))]


def measured(name, text):
    """What a benchmark printed: names, medians, and the smallest and largest."""
    found = [(goal, *map(float, numbers)) for goal, *numbers in GOAL.findall(text)]
    if name == "kernels":
        rates = dict(re.findall(r"^ +(\S+) +[\d.]+ of float32 +assay +([\d.]+)", text, re.M))
        for dtype, rate in rates.items():
            share = float(rate) / float(rates["float32"])
            found.append((f"kernel of {dtype}, share of float32's rate", share, share, share))
    if name == "recorder":
        for kind, *ratios in re.findall(
                r"^\| (\w+) \| [\d.]+ \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", text, re.M):
            found.append((f"Python recorder, {kind}, times a decode step", *map(float, ratios)))
    return found


def row(goal, median, least, most):
    """A line of the table."""
    wanted, verdict = "", ""
    for pattern, sign, limit in GOALS:
        if re.match(pattern, goal):
            wanted = f"{'at least' if sign == '>=' else 'at most'} {limit:g}"
            missed = limit / median if sign == ">=" else median / limit
            verdict = "yes" if missed <= 1 else f"no, by {missed:.2f}x"
    return f"| {goal} | {wanted} | {median:.4g} | {least:.4g} to {most:.4g} | {verdict} |"


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = re.search(r"model name\s*: (.*)", file.read())[1]
    except (OSError, TypeError):
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def page(rows, failed):
    lines = [f"{datetime.date.today()}; {machine()}.", "",
             "| what | goal | median | spread | reached |", "|---|---|---|---|---|", *rows]
    if failed:
        lines += ["", f"Not measured: {', '.join(failed)}."]
    return "\n".join(lines)


def keep(text):
    path = os.path.join(HERE, "README.md")
    with open(path) as file:
        before, rest = file.read().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    with open(path, "w") as file:
        file.write(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


def run(command):
    """What a program prints, which is shown as it comes; and whether it succeeded."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = []
    for line in process.stdout:
        print(line, end="", file=sys.stderr, flush=True)
        lines.append(line)
    return "".join(lines), process.wait() == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("assay")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="a folder on the disk")
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    rows, failed = [], []
    with tempfile.TemporaryDirectory(prefix="assay-bench-", dir=options.folder) as folder:
        for name, steps in commands(os.path.abspath(options.assay), options.full, folder):
            if options.only and name not in options.only:
                continue
            print(f"== {name}", file=sys.stderr, flush=True)
            for step in steps:
                text, succeeded = run(step)
                rows += [row(*figures) for figures in measured(name, text)]
                if not succeeded:
                    failed.append(name)
                    break
    text = page(rows, failed)
    print(text)
    if options.full and not options.only:
        keep(text)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
