"""What stands for a tensor that is too big to keep; Assay's ``TensorDigest`` says the same.

A digest has figures over the elements, the SHA-256 of their bytes and a random projection: 128 sums of
all elements with random signs. As the projection is linear, the difference of two projections is that
of the difference, whose norm they tell by the Johnson-Lindenstrauss lemma. Signs come from a generator
whose outputs depend on nothing but the seed and their position.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import math
from typing import Any

import numpy as np
import torch

from assay_torch.describing import number
from assay_torch.tensors import PACKED, bits, components
from assay_torch.values import Skipped

DIRECTIONS = 128
SAMPLE = 256
NOTES = {"sample": "only a digest and a sample were kept", "digest": "only a digest was kept"}
BLOCK = 2048  # components that are projected at once


def splitmix64(seed: int, positions: np.ndarray) -> np.ndarray:
    """The outputs of the generator splitmix64 at some positions, from 0, as an array of uint64."""
    z = np.uint64(seed) + (positions.astype(np.uint64) + np.uint64(1)) * np.uint64(
        0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def flips(seed: int, first: int, count: int) -> np.ndarray:
    """Which signs are minus, a row for each component: bit b of output 2 i + w is of sum 64 w + b."""
    words = splitmix64(seed, np.arange(2 * first, 2 * (first + count), dtype=np.uint64))
    octets = words.astype("<u8").view(np.uint8).reshape(count, DIRECTIONS // 8)
    return np.unpackbits(octets, axis=1, bitorder="little")


@functools.lru_cache(maxsize=24)  # of 2 MiB each; tensors of one model begin with the same ones
def halves(seed: int, first: int) -> np.ndarray:
    """The signs of a block of components: 0.5 or -0.5."""
    return 0.5 - flips(seed, first, BLOCK)


def projected(values: np.ndarray, seed: int) -> np.ndarray | None:
    """The sums of float64 components as float32; ``None`` where float32 cannot hold one."""
    sums = np.zeros(DIRECTIONS)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(values), BLOCK):
            part = values[start:start + BLOCK]
            sums += part @ halves(seed, start)[:len(part)]
        rounded = (2 * sums).astype(np.float32)
    return rounded if np.isfinite(rounded).all() else None


def sample_positions(count: int, seed: int) -> list[int]:
    """One element of each of 256 runs of about equal length."""
    starts = [run * count // SAMPLE for run in range(SAMPLE + 1)]
    random = splitmix64(seed + (1 << 63), np.arange(SAMPLE, dtype=np.uint64))
    return [start + int(value) % (end - start)
            for start, end, value in zip(starts, starts[1:], random)]


@dataclasses.dataclass(frozen=True)
class Digested(Skipped):
    """A tensor of which a digest is kept."""
    figures: dict
    projection: np.ndarray | None
    sample: np.ndarray | None  # bytes in the tensor's dtype

    def json(self) -> dict[str, Any]:
        """The whole digest, as a note of the directory layout holds it."""
        members = dict(self.figures)
        if self.projection is not None:
            members["projection"] = [float(value) for value in self.projection]
        if self.sample is not None:
            members["sample"] = base64.b64encode(self.sample.tobytes()).decode()
        return members


def kept(tensor: torch.Tensor, keep: str, seed: int = 0) -> torch.Tensor | Digested:
    """A contiguous tensor, or its digest where that is smaller."""
    count = tensor.numel()
    if keep == "full" or tensor.dtype == PACKED or count <= (SAMPLE if keep == "sample" else DIRECTIONS):
        return tensor
    data = bits(tensor)
    values = components(tensor)
    parts = values.reshape(count, -1)  # two of a complex element
    finite, not_a_number = np.isfinite(parts).all(axis=1), np.isnan(parts).any(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        elements = np.hypot(parts[:, 0], parts[:, 1]) if tensor.is_complex() else values
    projection = None
    if tensor.dtype.is_floating_point or tensor.is_complex():
        projection = projected(np.where(finite[:, None], parts, 0.0).reshape(-1), seed)
    sample = None
    if keep == "sample":
        rows = data.reshape(count, -1)
        sample = rows[sample_positions(count, seed)].reshape(-1).copy()
    figures = {"version": 1, "seed": seed, "count": count,
               "sha256": hashlib.sha256(data).hexdigest()}
    figures |= {"nan": int(not_a_number.sum()), "inf": int((~finite & ~not_a_number).sum())}
    figures |= statistics(elements[finite])
    return Digested(str(tensor.dtype), tuple(tensor.shape), str(tensor.device), NOTES[keep],
                    figures, projection, sample)


def statistics(values: np.ndarray) -> dict[str, Any]:
    """Figures over finite values, whose squares may be out of range."""
    if not len(values):
        return {"min": None, "max": None, "mean": None, "std": None, "l2": 0.0}
    scale = float(np.abs(values).max()) or 1.0
    scaled = values / scale
    return {"min": number(float(values.min()) + 0.0), "max": number(float(values.max()) + 0.0),
            "mean": number(float(scaled.mean()) * scale),
            "std": number(float(scaled.std()) * scale),
            "l2": number(math.sqrt(float(np.dot(scaled, scaled))) * scale)}
