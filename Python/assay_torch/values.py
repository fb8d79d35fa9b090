"""What a module received and returned: its tensors, each with its slot, and its description."""

from __future__ import annotations

import collections.abc
import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from assay_torch.describing import (described_facts, described_state, described_tensor, number,
                                    stable_repr, without_addresses)
from assay_torch.opening import Search, fields, is_array, is_code, is_state
from assay_torch.tensors import (DTYPES, PACKED, Unrecordable, bits, components, copied, of_array,
                                 plain)
from assay_torch.text import clean, json_text

DESCRIBED_ITEMS = 20  # the most items of a tuple that are described one by one
NESTING = 25  # containers within containers; readers of JSON have limits too
CONTAINERS = 200_000  # of one side of a call, before no more are opened
REOPENED = 100  # objects that are opened again in another place

# Slot, device, and a tensor, what stands for it, or why it is not there.
Found = tuple[str, str, Any]

_VIEWS = (collections.abc.KeysView, collections.abc.ValuesView, collections.abc.ItemsView)
_TEXTS = (str, bytes, bytearray, memoryview, range)


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A tensor that is too large to be recorded."""
    dtype: str
    shape: tuple
    device: str
    reason: str

    @property
    def numel(self) -> int:
        """How many elements the tensor had."""
        return math.prod(self.shape)

    def json(self) -> dict[str, Any] | None:
        """The digest that stands for the elements; none does."""
        return None


@dataclasses.dataclass(frozen=True)
class NotRecorded:
    """What a module had and the run has not, with the reason: a sentence without a full stop."""
    reason: str


class Side:
    """One side of a call: ``description``, and ``found``: slot, device, and a tensor or the reason.

    Tensors are the module's own, or plain ones with the same elements; nothing is copied yet.
    ``originals`` are the module's own by slot.
    """

    def __init__(self, name: str, value: Any, keywords: dict[str, Any] | None = None) -> None:
        self.found, self.originals = [], {}
        self._is_output = name == "outputs"
        self._slots, self._path, self._objects, self._containers = {}, set(), set(), 0
        self._reopened = 0
        self._known, self._alive = set(), []  # ids of what was dealt with, and what keeps them
        with torch._C.DisableTorchFunctionSubclass():  # which are the user's code
            self.description = self._visit(name, value)
            if keywords:
                self.description["kwargs"] = {key: self._visit(f"{name}_{key}", item)
                                              for key, item in dict_of(keywords.items()).items()}

    @classmethod
    def unopened(cls, name: str, error: Exception) -> Side:
        """The side of a call whose values raised where none should."""
        side = cls(name, ())
        side._lose(name, "cpu", f"its values cannot be opened: {type(error).__name__}",
                   side.description)
        return side

    def _visit(self, slot: str, value: Any, is_described: bool = True) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is int or kind is float:
            return number(value)
        if isinstance(value, torch.Tensor):
            return self._tensor(slot, value, is_described)
        if kind is tuple or kind is list:
            return self._container(slot, value, "tuple", lambda: value, is_described)
        if isinstance(value, str):
            return str(value)
        if isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
            return number(value.item() if isinstance(value, np.generic) else value)
        if isinstance(value, np.ndarray) and is_array(value):
            return self._tensor(slot, value, is_described)
        if is_state(value):
            return described_state(value)
        form, items = opened(value)
        if items is not None:
            return self._container(slot, value, form, items, is_described)
        return self._opaque(slot, value)

    # Tensors

    def _tensor(self, slot: str, value: Any, is_described: bool) -> Any:
        if isinstance(value, torch.Tensor) and value.is_nested:  # a list of tensors
            return self._container(slot, value, "tuple", lambda: value.detach().unbind(),
                                   is_described)
        self._know(value)
        try:
            tensor = plain(value) if isinstance(value, torch.Tensor) else of_array(value)
        except Unrecordable as error:
            return self._lose(slot, device_of(value), str(error), described_facts(value))
        self.originals[self._add(slot, str(tensor.device), tensor)] = value
        return described_tensor(tensor) if is_described else None

    def _add(self, slot: str, device: str, value: torch.Tensor | NotRecorded) -> str:
        slot = unique(slot, self._slots)
        self.found.append((slot, device, value))
        return slot

    def _know(self, value: Any) -> None:
        self._known.add(id(value))
        self._alive.append(value)

    def _container(self, slot: str, value: Any, form: str, items: Callable[[], Any],
                   is_described: bool) -> Any:
        """Opens a mapping or an object (``dict``) or a sequence (``tuple``)."""
        if id(value) in self._path or self._is_old_object(value, form):
            return {"type": form, "items": {} if form == "dict" else [], "repeated": True}
        if len(self._path) >= NESTING:
            return self._opaque(slot, value, f"it lies more than {NESTING} containers deep")
        self._containers += 1
        if self._containers > CONTAINERS:
            return self._opaque(slot, value, f"its call has more than {CONTAINERS} containers")
        try:
            keys, items = (), items()
            if form == "dict":
                pairs = list(items)
                keys, items = [key for key, _ in pairs if type(key) is not str], dict_of(pairs)
        except Exception as error:
            return self._opaque(slot, value, f"its items cannot be read: {type(error).__name__}")
        self._know(items)
        self._path.add(id(value))
        if form == "dict":
            text = {"type": form, "items": {key: self._visit(f"{slot}_{key}", item, is_described)
                                            for key, item in items.items()}}
            items = items.values()
        else:
            text = self._items(slot, items, is_described)
        self._path.remove(id(value))
        if any(Search(key).found is not None for key in keys):
            self._lose(slot, "cpu", "tensors hang on its keys", text)
        if type(value) not in (dict, tuple, list):
            self._mark_rest(slot, value, items, text)
        self._know(value)
        return text

    def _is_old_object(self, value: Any, form: str) -> bool:
        """Whether an object was opened and is not again: a graph of objects has no end of paths."""
        if form != "dict" or isinstance(value, collections.abc.Mapping):
            return False
        if id(value) in self._objects:
            self._reopened += 1
            return self._reopened > REOPENED
        self._objects.add(id(value))
        return False

    def _items(self, slot: str, items: Sequence[Any], is_described: bool) -> dict[str, Any]:
        first = [self._visit(f"{slot}_{index}", item, is_described)
                 for index, item in enumerate(items[:DESCRIBED_ITEMS])]
        if len(items) <= DESCRIBED_ITEMS:
            return {"type": "tuple", "items": first}
        for index, item in enumerate(items[DESCRIBED_ITEMS:], DESCRIBED_ITEMS):
            self._visit(f"{slot}_{index}", item, False)
        return {"type": "tuple", "length": len(items), "sample": first,
                "note": f"the first {DESCRIBED_ITEMS} of {len(items)} items"}

    def _mark_rest(self, slot: str, value: Any, items: Iterable[Any], text: dict[str, Any]) -> None:
        """Marks a container on which tensors hang that are none of its items."""
        if isinstance(value, (torch.Tensor, collections.abc.KeysView)):
            return
        found = Search(value, self._known, set(map(id, items))).found
        if found is not None:
            self._lose(slot, device_of(found),
                       f"a {type(value).__name__} holds tensors beside its items", text)

    # Anything else

    def _opaque(self, slot: str, value: Any, reason: str | None = None) -> dict[str, Any]:
        """A value that is only described; where tensors hang on it, it is not recorded."""
        text = {"type": type(value).__name__, "string_repr": stable_repr(value)}
        search = Search(value)
        self._know(value)
        if search.found is not None:
            reason = reason or f"a {type(value).__name__} cannot be opened, and holds tensors"
        elif search.is_whole:
            return text | {"no_tensors": True}
        elif self._is_output:
            reason = "too much hangs on it to be searched for tensors"
        else:
            return text
        return self._lose(slot, device_of(search.found), reason, text)

    def _lose(self, slot: str, device: str, reason: str, text: dict[str, Any]) -> dict[str, Any]:
        self._add(slot, device, NotRecorded(reason))
        text["not_recorded"] = reason
        return text


def opened(value: Any) -> tuple[str | None, Callable[[], Any] | None]:
    """Whether a value opens as a ``dict`` or a ``tuple``, and what reads its items; or ``None``."""
    if isinstance(value, collections.abc.Mapping):
        return "dict", value.items
    if isinstance(value, _TEXTS):
        return None, None
    if isinstance(value, (collections.abc.Sequence, collections.deque, *_VIEWS)):
        return "tuple", lambda: list(value)
    if isinstance(value, collections.abc.Set):
        return "tuple", lambda: sorted(value, key=order)
    if isinstance(value, np.ndarray):
        return "tuple", (lambda: list(value.flat)) if value.dtype == object else None
    if not is_code(value) and (named := fields(value)) and Search(value).found is not None:
        return "dict", named.items
    return None, None


def unique(text: str, taken: dict[str, int]) -> str:
    """A text that is none of those taken: the second `a` is `a~2`."""
    text = clean(text)
    found, count = text, taken.get(text, 0)
    while found in taken:
        count = max(count, 1) + 1
        found = f"{text}~{count}"
    taken[text] = max(count, 1)
    taken.setdefault(found, 1)
    return found


def dict_of(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """A mapping with texts for keys, none of them twice."""
    taken = {}
    return {unique(key if type(key) is str else without_addresses(str(key)), taken): item
            for key, item in pairs}


def order(item: Any) -> tuple[Any, ...]:
    """What a set's items are sorted by: their kind, then numbers, which rounding moves little."""
    side = Side("", item)
    if side.found:
        return 2, 0, "", [leaf(*one) for one in side.found]
    if isinstance(side.description, (int, float)):
        return 0, side.description, "", []
    return 1, 0, json_text(side.description), []


def leaf(slot: str, device: str, tensor: torch.Tensor | NotRecorded) -> tuple[Any, ...]:
    """What a tensor is sorted by: its slot and device, its form, its first numbers, its bytes."""
    if isinstance(tensor, NotRecorded):
        return slot, device, tensor.reason, (), [], b""
    tensor = tensor.resolve_conj().resolve_neg().contiguous()
    data = bits(tensor)
    numbers = [] if tensor.dtype == PACKED else components(tensor.reshape(-1)[:64]).tolist()
    return (slot, device, DTYPES[tensor.dtype], tuple(tensor.shape),
            [(value != value, 0.0 if value != value else value) for value in numbers],
            data.tobytes())


def device_of(value: Any) -> str:
    """A tensor's device, or the processor's where it has none."""
    try:
        return str(value.device) if isinstance(value, torch.Tensor) else "cpu"
    except Exception:
        return "cpu"


def captured(tensor: torch.Tensor, limit: int | None) -> torch.Tensor | Skipped:
    """A plain tensor's own copy, or the note that it is too large. Raises ``Unrecordable``."""
    if limit is not None and tensor.numel() > limit:
        reason = f"Tensor too large: {tensor.numel()} elements, max_tensor_size is {limit}"
        return Skipped(str(tensor.dtype), tuple(tensor.shape), str(tensor.device), reason)
    return copied(tensor)
