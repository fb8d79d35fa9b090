"""Makes figures.json: pairs of tensors and what numpy, Python's integers and torch say of them.

Needs numpy and torch; the same figures come out at every run.
Bits are hexadecimal, row-major, little-endian.
"""
import hashlib
import json
import math
import os

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(20261123)

FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
# Found after the first ones: their cases come last, so that no other changes.
SMALL = ["float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2"]
RULES = [(1e-5, 1e-8, False), (1e-2, 1e-3, True), (0.0, 0.0, False)]


def bits(t):
    return t.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes().hex()


def number(x):
    x = float(x)
    return x if math.isfinite(x) else str(x)


def float_pairs(name):
    """Named (actual, expected) tensors of a float dtype."""
    dtype = getattr(torch, name)
    info = torch.finfo(dtype)
    n = 60

    def make(x):
        return torch.from_numpy(np.asarray(x, np.float64)).to(dtype)

    e = rng.standard_normal(n)
    yield "noisy", make(e * (1 + 0.02 * rng.standard_normal(n))).reshape(4, 15), make(e).reshape(4, 15)
    # Around the bound of rtol 1e-2, atol 1e-3, where the last bit decides.
    bound = 1e-3 + 1e-2 * np.abs(e)
    yield "near_bound", make(e + bound * (1 + 1e-7 * rng.integers(-3, 4, n))), make(e)
    tiny = info.smallest_normal
    yield "subnormal", make(tiny * rng.random(24)).reshape(2, 3, 4), make(tiny * rng.random(24)).reshape(2, 3, 4)
    big = info.max
    yield "extreme", make([big, -big, big, 0, -0.0, 1]), make([-big, big, big / 2, -0.0, 0, 0])
    if name != "float8_e4m3fn":
        inf, nan = math.inf, math.nan
        yield ("specials", make([inf, -inf, inf, 1, nan, nan, 1, 0, 2, inf]),
               make([inf, inf, 1, inf, nan, 1, nan, 0, 2.5, nan]))
    yield "scalar", make(1.5), make(1.25)
    yield "empty", make(np.zeros((0, 3))), make(np.zeros((0, 3)))


def integer_pairs(name):
    dtype = getattr(torch, name)
    info = np.iinfo(name)
    low, high = info.min, info.max

    def make(x):
        return torch.from_numpy(np.asarray(x, name)).view(dtype)

    yield ("extremes", make([low, high, low, high, 0, 7, high, high - 1]),
           make([high, low, low, high, 1, 7, high - 1, high]))
    e = rng.integers(low, high, 30, dtype=name, endpoint=True)
    yield "random", make(e).reshape(5, 6), make(rng.permutation(e)).reshape(5, 6)


def small_pairs(name):
    """Pairs of the formats that have no infinity, and mostly no other bits than 8 of a value."""
    if name.endswith("fnuz"):
        yield from float_pairs(name)
        return

    def make(codes):
        return torch.tensor(np.asarray(codes, np.uint8)).view(getattr(torch, name))

    e = rng.integers(0, 256, 60)
    if name == "float8_e8m0fnu":
        e = rng.integers(100, 150, 60)
        yield "extremes", make([0, 254, 1, 127, 127]), make([254, 0, 0, 128, 127])
        yield "specials", make([255, 255, 0, 130]), make([255, 3, 255, 130])
    a = np.where(rng.random(60) < 0.2, e ^ rng.integers(1, 32, 60), e)
    yield "random", make(a).reshape(4, 15), make(e).reshape(4, 15)
    yield "scalar", make([33]).reshape(()), make([35]).reshape(())
    yield "empty", make(np.zeros((0, 3))), make(np.zeros((0, 3)))


def halves():
    e = (rng.standard_normal(20) + 1j * rng.standard_normal(20)).astype("complex64")
    a = (e * (1 + 0.01 * rng.standard_normal(20))).astype("complex64")
    s = np.array([complex(math.inf, 1), complex(math.nan, 0), 3 + 4j, 0], "complex64")
    x = np.array([complex(math.inf, 1), complex(0, math.nan), 3 + 4j, 1j], "complex64")
    for kind, a, e in (("complex32", a, e), ("complex32_specials", s, x)):
        yield kind, *(torch.from_numpy(v).to(torch.complex32).reshape(4, -1) for v in (a, e))


def other_pairs():
    b = rng.integers(0, 2, 20).astype(bool)
    yield "bool", torch.from_numpy(b).reshape(4, 5), torch.from_numpy(b ^ (rng.random(20) < 0.3)).reshape(4, 5)
    for name in ("complex64", "complex128"):
        e = (rng.standard_normal(20) + 1j * rng.standard_normal(20)).astype(name)
        a = (e * (1 + 0.01 * rng.standard_normal(20))).astype(name)
        yield name, torch.from_numpy(a).reshape(4, 5), torch.from_numpy(e).reshape(4, 5)
        s = np.array([complex(math.inf, 1), complex(math.nan, 0), 3 + 4j, 0], name)
        x = np.array([complex(math.inf, 1), complex(0, math.nan), 3 + 4j, 1j], name)
        yield name + "_specials", torch.from_numpy(s), torch.from_numpy(x)


def values(t):
    """The elements as exact wide numpy values: integers as Python integers."""
    if t.dtype == torch.float4_e2m1fn_x2:
        return FLOAT4[nibbles(t)]
    if t.dtype == torch.complex32:
        t = t.to(torch.complex64)
    if t.dtype in (torch.uint16, torch.uint32, torch.uint64) or t.dtype.is_floating_point is False:
        if not t.dtype.is_complex:
            return np.array([int(v) for v in t.numpy().reshape(-1)], object)
        return t.numpy().reshape(-1).astype(np.complex128)
    return t.to(torch.float64).numpy().reshape(-1)


# The values of the codes 0 to 7: OCP Microscaling Formats 1.0, table 5. Bit 3 is the sign.
FLOAT4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
FLOAT4 = np.concatenate([FLOAT4, -FLOAT4])


def nibbles(t):
    """The codes two to a byte, the first in the low half: c10/util/Float4_e2m1fn_x2.h."""
    raw = t.reshape(-1).view(torch.uint8).numpy()
    return np.stack([raw & 15, raw >> 4], 1).reshape(-1)


def verdicts(t, a, e, rtol, atol, equal_nan):
    """Element verdicts by the library that defines them for the dtype."""
    dtype = str(t.dtype)[6:]
    if dtype in ("float64", "float32"):
        kind = np.float64 if dtype == "float64" else np.float32
        a, e = a.astype(kind), e.astype(kind)
        own = np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=equal_nan)
        ours = torch.isclose(torch.from_numpy(a), torch.from_numpy(e), rtol=rtol, atol=atol,
                             equal_nan=equal_nan).numpy()
        assert (own == ours).all(), dtype
        return own
    if dtype in FLOATS + SMALL:
        a, e = (torch.from_numpy(x).to(torch.float32) for x in (a, e))
        return torch.isclose(a, e, rtol=rtol, atol=atol, equal_nan=equal_nan).numpy()
    if dtype == "bool":
        return np.array([x == y for x, y in zip(a, e)], bool)
    if dtype in INTEGERS:
        from fractions import Fraction
        return np.array([abs(x - y) <= Fraction(atol) + Fraction(rtol) * abs(y)
                         for x, y in zip(a, e)], bool)
    return np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=equal_nan)


def ordered(t):
    """Each element's place in the order of its dtype's values."""
    if str(t.dtype)[6:] in INTEGERS:
        return values(t)
    if t.dtype == torch.float4_e2m1fn_x2:
        return [-(v & 7) if v & 8 else int(v) for v in map(int, nibbles(t))]
    if t.dtype == torch.float8_e8m0fnu:
        return t.reshape(-1).view(torch.uint8).tolist()
    width = t.element_size() * 8
    raw = t.reshape(-1).contiguous().view({8: torch.uint8, 16: torch.int16, 32: torch.int32, 64: torch.int64}[width])
    out = []
    for v in raw.reshape(-1).tolist():
        v &= 2 ** width - 1
        magnitude = v & (2 ** (width - 1) - 1)
        out.append(-magnitude if v >> (width - 1) else magnitude)
    return out


def figures(actual, expected):
    a, e = values(actual), values(expected)
    dtype = str(actual.dtype)[6:]
    if a.dtype == object:
        finite = np.ones(len(a), bool)
    else:
        finite = np.isfinite(a) & np.isfinite(e)
    out = {"finite": int(finite.sum())}
    out["nan"] = [0, 0] if a.dtype == object else [int(np.isnan(x).sum()) for x in (a, e)]
    if not finite.any():
        return out
    index = np.flatnonzero(finite)
    with np.errstate(all="ignore"):
        if a.dtype == object:
            d = np.array([abs(x - y) for x, y in zip(a, e)], object)
            size = np.array([abs(y) for y in e], object)
            rel = np.array([0.0 if x == 0 else math.inf if y == 0 else x / y for x, y in zip(d, size)])
        elif dtype in FLOATS + SMALL and dtype != "float64":
            d32 = np.abs(a.astype(np.float32) - e.astype(np.float32))
            d = np.where(np.isfinite(d32), d32.astype(np.float64), np.abs(a - e))[finite]
            size = np.abs(e[finite])
            rel = np.where(d == 0, 0, d / size)
        else:
            d, size = np.abs(a - e)[finite], np.abs(e[finite])
            rel = np.where(d == 0, 0, d / size)
        out["max_abs"] = [number(d.max()), int(index[list(d).index(d.max())])]
        out["max_rel"] = [number(rel.max()), int(index[list(rel).index(rel.max())])]
        if dtype not in ("bool", "complex32", "complex64", "complex128"):
            ulp = [abs(x - y) if ok else -1
                   for x, y, ok in zip(ordered(actual), ordered(expected), finite)]
            out["max_ulp"] = [str(max(ulp)), ulp.index(max(ulp))]
        # Sums in extended precision, whose range holds the squares of float64.
        wide = np.clongdouble if dtype.startswith("complex") else np.longdouble
        x, y = a[finite].astype(wide), e[finite].astype(wide)
        d = d.astype(np.longdouble)
        norm = lambda v: np.sqrt((np.abs(v) ** 2).sum())
        nd, na, ne = norm(d), norm(x), norm(y)
        out["mean_abs"] = number(d.sum() / len(d))
        out["rmse"] = number(nd / np.sqrt(np.longdouble(len(d))))
        out["rel_l2"] = 0.0 if nd == 0 else number(nd / ne)
        out["rel_linf"] = 0.0 if nd == 0 else number(d.max() / np.abs(y).max())
        dot = (x * np.conj(y)).real.sum()
        out["cosine"] = number(dot / (na * ne)) if na > 0 and ne > 0 else float(na == ne)
        out["sgl_rel"] = 0.0 if na == 0 and ne == 0 else number(1 - 2 * dot / (na ** 2 + ne ** 2))
        out["snr"] = math.inf if nd == 0 else number(20 * np.log10(ne / nd)) if ne > 0 else -math.inf
        out["snr"] = number(out["snr"])
        shape = actual.shape
        row_length = shape[-1] if len(shape) else 1
        row_length *= 2 if dtype == "float4_e2m1fn_x2" else 1
        full = np.zeros(len(a), np.longdouble)
        full[finite] = d
        ref = np.zeros(len(a), np.longdouble)
        ref[finite] = np.abs(y)
        rows = [0.0 if norm(p) == 0 else number(norm(p) / norm(q))
                for p, q in zip(full.reshape(-1, row_length), ref.reshape(-1, row_length))]
        keys = [math.inf if r == "inf" else r for r in rows]
        out["worst_row"] = [rows[keys.index(max(keys))], keys.index(max(keys))]
        out["quantiles"] = [number(q) for q in np.quantile(
            np.sort(d.astype(np.float64)), [0.5, 0.9, 0.99, 0.999], method="lower")]
    side = []
    for v in (a, e):
        if dtype.startswith("complex"):
            v = np.abs(v)
        v = v.astype(np.longdouble)
        v = v[np.isfinite(v)]
        if len(v):
            side.append([number(q) for q in (v.min(), v.max(), v.mean(), v.std(), norm(v))])
    out["sides"] = side
    return out


def case(name, actual, expected):
    a, e = values(actual), values(expected)
    judged = []
    for rtol, atol, equal_nan in RULES:
        ok = verdicts(actual, a, e, rtol, atol, equal_nan)
        judged.append({"rtol": rtol, "atol": atol, "equal_nan": equal_nan,
                       "mismatched": [int(i) for i in np.flatnonzero(~ok)]})
    return {"name": name, "dtype": str(actual.dtype)[6:], "shape": list(actual.shape),
            "actual": bits(actual), "expected": bits(expected), "verdicts": judged,
            "sha256": hashlib.sha256(bytes.fromhex(bits(actual))).hexdigest(), "figures": figures(actual, expected)}


def main():
    cases = []
    for name in FLOATS:
        cases += [case(kind, a, e) for kind, a, e in float_pairs(name)]
    for name in INTEGERS:
        cases += [case(kind, a, e) for kind, a, e in integer_pairs(name)]
    cases += [case(kind, a, e) for kind, a, e in other_pairs()]
    # What assert_close says by its own table, for the dtypes whose arithmetic is also ours.
    asserted = []
    for dtype in (torch.float32, torch.float64):
        rtol = 1.3e-6 if dtype == torch.float32 else 1e-7
        atol = 1e-5 if dtype == torch.float32 else 1e-7
        for _ in range(150):
            e = torch.from_numpy(rng.standard_normal(1)).to(dtype)
            step = (atol + rtol * e.abs().double()) * (1 + 3e-8 * rng.integers(-4, 5))
            a = (e.double() + step).to(dtype)
            try:
                torch.testing.assert_close(a, e)
                close = True
            except AssertionError:
                close = False
            asserted.append([str(dtype)[6:], bits(a), bits(e), close])
    for name in SMALL:
        cases += [case(kind, a, e) for kind, a, e in small_pairs(name)]
    cases += [case(kind, a, e) for kind, a, e in halves()]
    path = os.path.join(HERE, "figures.json")
    with open(path, "w") as out:
        json.dump({"cases": cases, "assert_close": asserted}, out, separators=(",", ":"))
        out.write("\n")
    print(len(cases), "cases,", os.path.getsize(path), "bytes")


main()
