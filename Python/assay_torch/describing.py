"""What ``inputs.json`` and ``outputs.json`` say of values that are no containers."""

from __future__ import annotations

import math
import re
from typing import Any

import torch

from assay_torch.tensors import PACKED

INLINE_ELEMENTS = 16  # the most that a tensor may have to stand in the description
REPR_LENGTH = 2000


def described_tensor(tensor: torch.Tensor) -> dict[str, Any]:
    """What is said of a tensor; of a small one its elements."""
    text = {"type": "tensor", "shape": list(tensor.shape), "dtype": str(tensor.dtype),
            "numel": tensor.numel()}
    if tensor.numel() <= INLINE_ELEMENTS and tensor.dtype != PACKED:
        text["values"] = [number(element) for element in elements(tensor)]
    return text


def described_facts(value: Any) -> dict[str, Any]:
    """What can be told of a tensor or an array that is not recorded."""
    text = {"type": "tensor"}
    for key, fact in (("shape", lambda: [int(size) for size in value.shape]),
                      ("dtype", lambda: str(value.dtype)),
                      ("numel", lambda: int(value.numel() if isinstance(value, torch.Tensor)
                                            else value.size))):
        try:
            text[key] = fact()
        except Exception:
            pass  # such as the shape of a nested tensor
    return text


def elements(tensor: torch.Tensor) -> list[Any]:
    """A tensor's elements as Python's numbers."""
    flat = tensor.flatten()
    return (flat.float() if flat.dtype.is_floating_point and flat.dtype.itemsize == 1
            else flat).tolist()


def number(value: Any) -> Any:
    """What JSON can hold of a number."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, complex):
        return [number(value.real), number(value.imag)]
    if isinstance(value, float):
        value = float(value)
        return value if math.isfinite(value) else \
            "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    value = int(value)
    return value if -1 << 63 <= value < 1 << 63 else str(value)  # many readers know no such integer


def without_addresses(text: str) -> str:
    """A text without what changes with every run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def described_state(value: Any) -> dict[str, Any]:
    """A key-value cache, with how much it holds already in the layer that holds least."""
    # The key says that it is a cache; None, that how much it holds is not known.
    text = {"type": type(value).__name__, "string_repr": stable_repr(value), "seq_length": None}
    try:
        layers = [layer.get_seq_length() for layer in value.layers] if hasattr(value, "layers") \
            else [value.get_seq_length()]
        text["seq_length"] = min((int(length) for length in layers), default=0)
    except Exception:
        pass  # what is not told is not known
    return text


def stable_repr(value: Any) -> str:
    """How a value prints, without the addresses that change with every run."""
    try:
        text = repr(value)
    except Exception as error:
        return f"repr raised {type(error).__name__}"
    text = without_addresses(text)
    return text if len(text) <= REPR_LENGTH else text[:REPR_LENGTH] + "…"
