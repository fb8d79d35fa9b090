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


INTEGERS = ("int8", "uint8", "int16", "int32", "int64")
SMALL_FLOATS = ("float8_e4m3fn", "float8_e5m2")
# What the contestants can compute too.
SHARED = ("float32", "bfloat16", "float16")
DTYPES = SHARED + ("float64",) + SMALL_FLOATS + INTEGERS + ("bool",)


def data(dtype, directory):
    rng = np.random.default_rng(1)
    if dtype in INTEGERS:
        low, high = (1, 100) if dtype == "uint8" else (-50, 51) if dtype == "int8" else (0, 30000)
        expected = rng.integers(low, high, ELEMENTS, dtype=dtype)
        actual = expected + (rng.integers(0, 8, ELEMENTS, dtype="uint8") == 0).astype(dtype)
    elif dtype == "bool":
        expected = rng.integers(0, 2, ELEMENTS, dtype="uint8")
        actual = expected ^ (rng.integers(0, 64, ELEMENTS, dtype="uint8") == 0)
    elif dtype in SMALL_FLOATS:
        # Either sign, no NaN and no infinity; one in eight is a unit away.
        expected = rng.integers(0, 0x60, ELEMENTS, dtype="uint8")
        expected |= rng.integers(0, 2, ELEMENTS, dtype="uint8") << 7
        actual = expected ^ (rng.integers(0, 8, ELEMENTS, dtype="uint8") == 0)
    else:
        wide = np.float64 if dtype == "float64" else np.float32
        expected = rng.standard_normal(ELEMENTS, dtype=wide)
        actual = expected * (1 + wide(1e-3) * rng.standard_normal(ELEMENTS, dtype=wide))
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
    rate_of_float32 = None
    for dtype in DTYPES:
        with tempfile.TemporaryDirectory() as directory:
            paths = data(dtype, directory)
            size = sum(os.path.getsize(path) for path in paths)
            present = contestants if dtype in SHARED else {"assay": contestants["assay"]}
            seconds = {name: [] for name in present}
            counts = {}
            for _ in range(TURNS):
                for name, command in present.items():
                    rounds = "5" if name == "assay" else "1"
                    out = subprocess.run(
                        command + [dtype, rounds] + paths, env=environment, check=True,
                        capture_output=True, text=True).stdout.split()
                    seconds[name] += map(float, out[::2])
                    counts[name] = int(out[1])
        if len(set(counts.values())) != 1:
            print(f"  the contestants disagree on {dtype}: {counts}")
        rate = {name: size / statistics.median(s) / 1e9 for name, s in seconds.items()}
        rate_of_float32 = rate_of_float32 or rate["assay"]
        print(f"  {dtype:13} {rate['assay'] / rate_of_float32:5.2f} of float32 " + "".join(
            f" {name} {r:6.2f} ({r / rate['assay']:.3f})" for name, r in rate.items()))


if __name__ == "__main__":
    main()
