"""What a module received and returned: its tensors, each with its slot, and its description."""

import dataclasses
import math
import re

import torch

from assay_torch.errors import RecordError

INLINE_ELEMENTS = 16  # the most that a tensor may have to stand in the description
DESCRIBED_ITEMS = 20  # the most items of a tuple that are described one by one
REPR_LENGTH = 2000


def tensors(slot, value):
    """Each tensor inside a value, depth first, with its slot."""
    if isinstance(value, torch.Tensor):
        yield slot, value
    elif isinstance(value, dict):  # a ModelOutput is one
        for key, item in value.items():
            yield from tensors(f"{slot}_{key}", item)
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from tensors(f"{slot}_{index}", item)


def described(value):
    """A value as ``inputs.json`` and ``outputs.json`` say it."""
    if isinstance(value, torch.Tensor):
        text = {"type": "tensor", "shape": list(value.shape), "dtype": str(value.dtype),
                "numel": value.numel()}
        if value.numel() <= INLINE_ELEMENTS and value.layout == torch.strided \
                and not value.is_meta and not value.is_quantized:
            text["values"] = [number(element) for element in elements(value)]
        return text
    if isinstance(value, dict):
        return {"type": "dict",
                "items": {str(key): described(item) for key, item in value.items()}}
    if isinstance(value, (tuple, list)):
        if len(value) > DESCRIBED_ITEMS:
            return {"type": "tuple", "length": len(value),
                    "sample": [described(item) for item in value[:DESCRIBED_ITEMS]],
                    "note": f"the first {DESCRIBED_ITEMS} of {len(value)} items"}
        return {"type": "tuple", "items": [described(item) for item in value]}
    if value is None or isinstance(value, (bool, int, float)):
        return number(value)
    if isinstance(value, str):
        return str(value)
    return {"type": type(value).__name__, "string_repr": stable_repr(value)}


def described_call(arguments, keywords):
    text = described(tuple(arguments))
    if keywords:
        text["kwargs"] = {key: described(item) for key, item in keywords.items()}
    return text


def elements(tensor):
    flat = tensor.detach().flatten()
    return (flat.float() if flat.dtype.is_floating_point and flat.dtype.itemsize == 1
            else flat).tolist()


def number(value):
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


def stable_repr(value):
    """How a value prints, without the addresses that change with every run."""
    try:
        text = repr(value)
    except Exception as error:
        return f"repr raised {type(error).__name__}"
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", text)
    return text if len(text) <= REPR_LENGTH else text[:REPR_LENGTH] + "…"


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A tensor that is too large to be recorded."""
    dtype: str
    shape: tuple
    device: str
    reason: str

    @property
    def numel(self):
        return math.prod(self.shape)


def captured(tensor, limit):
    """A tensor's own contiguous copy on its device, or the note that it is too large.

    The copy is no view, so that it stores only itself, and later changes in place do not reach it.
    Raises ``RecordError`` for what no layout holds.
    """
    if limit is not None and tensor.numel() > limit:
        reason = f"Tensor too large: {tensor.numel()} elements, max_tensor_size is {limit}"
        return Skipped(str(tensor.dtype), tuple(tensor.shape), str(tensor.device), reason)
    if hasattr(tensor, "__tensor_flatten__") or hasattr(tensor, "to_local"):
        raise RecordError(f"a {type(tensor).__name__} wraps tensors of its own")
    if tensor.is_meta:
        raise RecordError("a tensor on the meta device has no elements")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        kind = "quantized" if tensor.is_quantized else \
            "nested" if tensor.is_nested else str(tensor.layout)
        raise RecordError(f"a {kind} tensor is held by no layout")
    plain = tensor.detach().as_subclass(torch.Tensor).resolve_conj().resolve_neg()
    return plain.clone(memory_format=torch.contiguous_format)


def bits(tensor):
    """The row-major little-endian bytes of a contiguous tensor, as a numpy array of uint8."""
    return tensor.cpu().reshape(-1).view(torch.uint8).numpy()
