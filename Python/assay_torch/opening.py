"""What hangs on a value that is no plain container, found without running any of its code."""

from __future__ import annotations

import collections
import gc
import logging
import types
from collections.abc import Container
from typing import Any

import numpy as np
import torch

SEARCH_LIMIT = 10_000  # values that are looked at before a search is given up

# What holds no tensor of a call: code, and the modules whose weights are the model's.
_LEAVES = (
    type, types.ModuleType, types.CodeType, types.FrameType, types.TracebackType,
    types.BuiltinFunctionType, logging.Logger, torch.nn.Module, torch.Generator, torch.dtype,
    torch.device, torch.layout, torch.memory_format, str, bytes, bytearray, int, float, complex,
    range, type(None))
# What holds elements, but to Python no tensor.
_HIDING = (torch.UntypedStorage, torch._C.Future)
_CODE = (type, types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType,
         torch.nn.Module)


def is_state(value: Any) -> bool:
    """Whether a value is a key-value cache: state that calls share, and no value of one of them."""
    kind = type(value)
    return hasattr(kind, "update") and hasattr(kind, "get_seq_length") or \
        hasattr(kind, "set_kv_buffer")


def is_code(value: Any) -> bool:
    """Whether a value is code: a class, a module or a function."""
    return issubclass(type(value), _CODE)


def is_array(value: Any) -> bool:
    """Whether a value is a numpy array of anything but objects and texts."""
    return issubclass(type(value), np.ndarray) and value.dtype.kind not in "OUS"


def fields(value: Any) -> dict[str, Any]:
    """The named fields of an object: its ``__dict__`` and its slots; no property is run."""
    found = {}
    for owner in type(value).__mro__:
        if "__slots__" in vars(owner):
            for name, member in vars(owner).items():
                if isinstance(member, types.MemberDescriptorType):
                    try:
                        found[name] = member.__get__(value)
                    except AttributeError:
                        pass  # not set
    try:
        members = object.__getattribute__(value, "__dict__")
    except Exception:
        return found
    if isinstance(members, dict):
        found |= {name: item for name, item in list(members.items()) if isinstance(name, str)}
    return found


class Search:
    """The first tensor or array that hangs on a value, breadth first.

    ``found`` is it, or ``None``; ``is_whole`` says whether everything was looked at, but for what
    has one of the known ids.
    """

    def __init__(self, value: Any, *known: Container[int]) -> None:
        self.found, self.is_whole = None, True
        seen, queue = {id(value)}, collections.deque([value])
        alive = []  # ids are those of values that live
        while queue:
            value = queue.popleft()
            if issubclass(type(value), (torch.Tensor, *_HIDING)) or is_array(value):
                self.found = value
                return
            if issubclass(type(value), _LEAVES) or is_state(value):
                continue
            for item in references(value):
                if id(item) in seen or issubclass(type(item), _LEAVES) \
                        or any(id(item) in ids for ids in known):
                    continue
                if len(seen) >= SEARCH_LIMIT:
                    self.is_whole = False
                    return
                seen.add(id(item))
                alive.append(item)
                queue.append(item)


def references(value: Any) -> list[Any]:
    """What a value refers to; of a function not its module's names."""
    if isinstance(value, types.FunctionType):
        cells = []
        for cell in value.__closure__ or ():
            try:
                cells.append(cell.cell_contents)
            except ValueError:
                pass  # empty
        return [*cells, value.__defaults__, value.__kwdefaults__, vars(value)]
    found = gc.get_referents(value)
    for name in ("gi_frame", "cr_frame", "ag_frame"):
        if isinstance(value, (types.GeneratorType, types.CoroutineType,
                              types.AsyncGeneratorType)):
            frame = getattr(value, name, None)
            if frame is not None:
                found.extend(frame.f_locals.values())
    if issubclass(type(value), np.ndarray) and value.dtype == object:
        found.extend(value.flat)
    return found
