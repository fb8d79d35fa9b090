"""Measures what a probe that is off costs, and recording against writing the same bytes.

Usage: recording.py [--full] [--turns N] [--folder DISK]       (after building the package of this folder)
Tensors of 1, 4 and 16 MiB, 1 GiB in all with --full and 128 MiB without, go through a recorder into
both layouts, on a file system in memory (/dev/shm) and on the disk; plain `write` calls of the same
bytes come in turn with it. Ratios are of the two in the same turn.
"""
import argparse
import os
import statistics
import subprocess
import tempfile

from measuring import PROGRAMS, say

MODULES = 224  # the width of a module's matrix: about 20 us


def rounds(program, *arguments):
    done = subprocess.run([os.path.join(PROGRAMS, program), *map(str, arguments)],
                          check=True, stdout=subprocess.PIPE, text=True)
    return [tuple(map(float, line.split())) for line in done.stdout.splitlines()]


def probe(turns):
    found = rounds("ProbeBench", 6 * turns, MODULES)
    microseconds = 1e6 * statistics.median(plain for plain, _ in found)
    print(f"a module of {microseconds:.1f} us with a probe that is off, against none:")
    say("probe off, % of a module of 20 us",
        [100 * (probed / plain - 1) for plain, probed in found])
    # Of modules that compute next to nothing, the difference is the probe.
    say("probe off, ns a call", [1e9 * (probed - plain) for plain, probed in rounds(
        "ProbeBench", 2 * turns, 1)])


def record(total, turns, places):
    for layout in ("pt", "hdf5"):
        for place, folder in places.items():
            for size in (1, 4, 16):
                with tempfile.TemporaryDirectory(prefix="assay-bench-", dir=folder) as root:
                    found = rounds("RecordBench", layout, size, total // size, root, turns + 1)
                # The first round finds cold memory.
                found = found[1:]
                rate = [total / 1024 / seconds for seconds, _ in found]
                print(f"{layout}, {size} MiB, {place}: {statistics.median(rate):.2f} GiB/s")
                say(f"recording, {layout}, {size} MiB, {place}, times as long as write",
                    [recorded / written for recorded, written in found])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="a folder on the disk")
    options = parser.parse_args()
    probe(options.turns)
    places = {"memory": "/dev/shm"} if os.path.isdir("/dev/shm") else {}
    record(1024 if options.full else 128, options.turns, places | {"disk": options.folder})


if __name__ == "__main__":
    main()
