"""Writes digests.json with numpy and Python's integers: python make_digests.py

A plain reading of the definition in Golden/README.md, one sign at a time. Bytes are hexadecimal,
row-major, little-endian.
"""

import hashlib
import json
import math
import os

import numpy as np

MASK = (1 << 64) - 1


def splitmix64(seed, index):
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def projection(components, seed):
    sums = []
    for row in range(128):
        terms = []
        for i, value in enumerate(components):
            bit = splitmix64(seed, 2 * i + row // 64) >> row % 64 & 1
            terms.append(-value if bit else value)
        sums.append(math.fsum(terms))  # exact, then rounded once to float64
    with np.errstate(over="ignore"):
        return np.array(sums).astype(np.float32)


def positions(count, seed):
    starts = [run * count // 256 for run in range(257)]
    return [start + splitmix64(seed + (1 << 63), run) % (end - start)
            for run, (start, end) in enumerate(zip(starts, starts[1:]))]


def case(name, dtype, array, seed=0, view=None):
    """`array` has the dtype's own bits for bfloat16, whose values are given by `view`."""
    values = (array if view is None else view).reshape(-1)
    size = np.abs(values.astype(np.complex128 if np.iscomplexobj(values) else np.float64))
    finite = np.isfinite(size)
    elements = (size if np.iscomplexobj(values) else values.astype(np.float64))[finite]
    result = {"name": name, "dtype": dtype, "shape": list(array.shape), "seed": seed,
              "bytes": array.tobytes().hex(), "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
              "nan": int(np.isnan(size).sum()), "inf": int(np.isinf(size).sum())}
    if len(elements):
        scale = np.abs(elements).max() or 1.0
        result |= {"min": float(elements.min()), "max": float(elements.max()),
                   "mean": float((elements / scale).mean() * scale),
                   "std": float((elements / scale).std() * scale),
                   "l2": float(np.sqrt(((elements / scale) ** 2).sum()) * scale)}
    if values.dtype.kind in "fc":
        kept = np.where(finite, values, 0)
        flat = kept.view(kept.real.dtype) if np.iscomplexobj(kept) else kept
        sums = projection([float(value) for value in flat], seed)
        if np.isfinite(sums).all():
            result["projection"] = [float(value) for value in sums]
    if array.size > 256:
        result["positions"] = positions(array.size, seed)
        result["sample"] = array.reshape(-1)[result["positions"]].tobytes().hex()
    return result


def main():
    random = np.random.default_rng(7)
    normal = random.standard_normal
    odd = normal(300).astype(np.float32)
    odd[[3, 77]], odd[150], odd[299] = np.nan, np.inf, -np.inf
    bits = (normal((20, 15)).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    cases = [
        case("normal", "float32", normal((7, 43)).astype(np.float32)),
        case("another seed", "float32", normal(260).astype(np.float32), seed=12345678901234567),
        case("massive activation", "float32",
             np.where(np.arange(400) == 123, 22552, 1e-3 * normal(400)).astype(np.float32)),
        case("NaN and infinity", "float32", odd),
        case("nothing finite", "float32", np.full(300, np.nan, np.float32)),
        case("sums beyond float32", "float32", np.full(300, 3e38, np.float32)),
        case("one element", "float32", np.array([-2.5], np.float32)),
        case("scalar", "float64", np.array(0.1)),
        case("float64", "float64", normal(270)),
        case("float16", "float16", normal((4, 70)).astype(np.float16)),
        case("bfloat16", "bfloat16", bits, view=(bits.astype(np.uint32) << 16).view(np.float32)),
        case("complex64", "complex64",
             (normal((3, 90)) + 1j * normal((3, 90))).astype(np.complex64)),
        case("int64", "int64", random.integers(-10**12, 10**12, 300)),
        case("uint64", "uint64", random.integers(1 << 63, 1 << 64, 300, dtype=np.uint64)),
        case("uint8", "uint8", random.integers(0, 256, 257).astype(np.uint8)),
        case("bool", "bool", random.integers(0, 2, 300).astype(bool)),
    ]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digests.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
