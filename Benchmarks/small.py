"""Measures what does not depend on the size of tensors: start-up, small tensors, opening.

Usage: small.py ASSAY [--full] [--turns N]         (after building the package of this folder)
"""
import argparse
import os
import statistics
import subprocess
import tempfile

from measuring import PROGRAMS, say, timed


def make(folder, name, tensors, size, layout="hdf5"):
    """A run of one step, and its path."""
    subprocess.run([os.path.join(PROGRAMS, "MakeRun"), layout, "1", str(tensors), str(size), folder,
                    name], check=True)
    return os.path.join(folder, name, "run.h5") if layout == "hdf5" else os.path.join(folder, name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("assay")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    say("start-up, ms", [1e3 * timed([options.assay, "--version"])[0]
                         for _ in range(2 * options.turns)])
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        for layout in ("pt", "hdf5"):
            pair = [make(folder, f"{layout}_{name}", 560, 2304, layout) for name in "ab"]
            runs = [timed([options.assay, "compare", *pair]) for _ in range(options.turns)]
            say(f"compare of 560 tensors of 2 KiB, {layout}, CPU ms", [1e3 * run[1] for run in runs])
        count = 20_000
        path = make(folder, "many", count, 1024)
        golden = os.path.join(folder, "golden.h5")
        subprocess.run([options.assay, "convert", path, golden], check=True,
                       stdout=subprocess.DEVNULL)
        for kind, run in ("recording", path), ("golden", golden):
            found = subprocess.run(
                [os.path.join(PROGRAMS, "OpenBench"), run, str(options.turns)], check=True,
                stdout=subprocess.PIPE, text=True).stdout.split()
            say(f"opening 20,000 datasets of a {kind}, ms",
                [1e3 * float(seconds) for seconds in found[::2]])
        larger = 200_000 if options.full else 60_000
        paths = path, make(folder, "more", larger, 1024)
        few, more = ([timed([options.assay, "compare", p, p])[2] for _ in range(3)] for p in paths)
        base = statistics.median(few)
        say("memory of a compared tensor, KiB",
            [1024 * (peak - base) / (larger - count) for peak in more])
        say(f"memory of comparing {larger:,} tensors, MiB", more)


if __name__ == "__main__":
    main()
