"""Runs the contestants in turn on the same data and prints GB/s and ratios (medians)."""
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ELEMENTS = int(os.environ.get("ASSAY_BENCH_ELEMENTS", 1 << 25))
TURNS = 5


def data(dtype, directory):
    rng = np.random.default_rng(1)
    expected = rng.standard_normal(ELEMENTS, dtype=np.float32)
    actual = expected * (1 + 1e-3 * rng.standard_normal(ELEMENTS, dtype=np.float32))
    paths = []
    for name, values in (("actual", actual), ("expected", expected)):
        if dtype == "bfloat16":
            values = (values.view(np.uint32) >> 16).astype(np.uint16)
        elif dtype == "float16":
            values = values.astype(np.float16)
        paths.append(os.path.join(directory, name))
        values.tofile(paths[-1])
    return paths


def main():
    assay = sys.argv[1]
    contestants = {"assay": [assay]}
    for which in ("numpy", "torch"):
        found = subprocess.run(
            [sys.executable, "-c", f"import {which}"], capture_output=True).returncode == 0
        if found:
            contestants[which] = [sys.executable, os.path.join(HERE, "contestants.py"), which]
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    print(f"{ELEMENTS} elements a side, one thread, GB/s of both sides (and as a share of assay)")
    for dtype in ("float32", "bfloat16", "float16"):
        with tempfile.TemporaryDirectory() as directory:
            paths = data(dtype, directory)
            size = sum(os.path.getsize(path) for path in paths)
            seconds = {name: [] for name in contestants}
            counts = {}
            for _ in range(TURNS):
                for name, command in contestants.items():
                    rounds = "5" if name == "assay" else "1"
                    out = subprocess.run(
                        command + [dtype, rounds] + paths, env=environment, check=True,
                        capture_output=True, text=True).stdout.split()
                    seconds[name] += map(float, out[::2])
                    counts[name] = int(out[1])
        if len(set(counts.values())) != 1:
            print(f"  the contestants disagree on {dtype}: {counts}")
        rate = {name: size / statistics.median(s) / 1e9 for name, s in seconds.items()}
        print(f"  {dtype:9}" + "".join(
            f" {name} {r:6.2f} ({r / rate['assay']:.3f})" for name, r in rate.items()))


if __name__ == "__main__":
    main()
