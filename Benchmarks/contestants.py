"""The comparison of AssayBench in numpy and in torch, block by block, one thread.

Usage: contestants.py numpy|torch DTYPE ROUNDS ACTUAL EXPECTED
Prints the seconds of each round and the number of mismatches, as AssayBench does.
Computed: mismatches, max abs and max rel with their index, sum |d|, the sums of squares, the dot
product, min, max and sum of each side, NaN and infinity counts. (AssayBench also finds worst
row, ULPs and the smallest tolerances that pass.)
"""
import sys
import time

import numpy as np

BLOCK = 1 << 16
RTOL, ATOL = 1e-5, 1e-8


def numpy_pass(actual, expected, widen):
    mismatched, totals, best, best_rel = 0, np.zeros(8), (-1.0, -1), (-1.0, -1)
    for start in range(0, actual.size, BLOCK):
        a, e = widen(actual[start : start + BLOCK]), widen(expected[start : start + BLOCK])
        d, size = np.abs(a - e), np.abs(e)
        mismatched += int(np.count_nonzero(~(d <= np.float32(ATOL) + np.float32(RTOL) * size)))
        i = int(d.argmax())
        if d[i] > best[0]:
            best = (float(d[i]), start + i)
        with np.errstate(divide="ignore", invalid="ignore"):
            rel = np.where(d == 0, np.float32(0), d / size)
        i = int(rel.argmax())
        if rel[i] > best_rel[0]:
            best_rel = (float(rel[i]), start + i)
        totals += [d.sum(), np.dot(d, d), np.dot(a, a), np.dot(e, e), np.dot(a, e),
                   a.sum(), e.sum(), np.isfinite(a).sum() + np.isfinite(e).sum()]
        a.min(), a.max(), e.min(), e.max()
    return mismatched


def torch_pass(torch, actual, expected):
    mismatched, totals, best, best_rel = 0, [0.0] * 8, (-1.0, -1), (-1.0, -1)
    for start in range(0, actual.numel(), BLOCK):
        a, e = actual[start : start + BLOCK].float(), expected[start : start + BLOCK].float()
        d, size = (a - e).abs(), e.abs()
        mismatched += int((~(d <= ATOL + RTOL * size)).count_nonzero())
        value, i = d.max(0)
        if value > best[0]:
            best = (float(value), start + int(i))
        value, i = torch.where(d == 0, 0, d / size).max(0)
        if value > best_rel[0]:
            best_rel = (float(value), start + int(i))
        parts = (d.sum(), d.dot(d), a.dot(a), e.dot(e), a.dot(e), a.sum(), e.sum(),
                 a.isfinite().sum() + e.isfinite().sum())
        totals = [t + float(p) for t, p in zip(totals, parts)]
        a.aminmax(), e.aminmax()
    return mismatched


def main():
    which, dtype, rounds, *paths = sys.argv[1:]
    stored = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}[dtype]
    actual, expected = (np.fromfile(path, stored) for path in paths)
    if which == "numpy":
        def widen(x):
            if dtype == "bfloat16":
                return (x.astype(np.uint32) << 16).view(np.float32)
            return x.astype(np.float32, copy=False)

        run = lambda: numpy_pass(actual, expected, widen)
    else:
        import torch

        torch.set_num_threads(1)
        tensors = [torch.from_numpy(x) for x in (actual, expected)]
        if dtype == "bfloat16":
            tensors = [x.view(torch.bfloat16) for x in tensors]
        run = lambda: torch_pass(torch, *tensors)
    for _ in range(int(rounds)):
        start = time.perf_counter()
        mismatched = run()
        print(time.perf_counter() - start, mismatched)


if __name__ == "__main__":
    main()
