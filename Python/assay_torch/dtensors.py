"""What DTensors tell of how the ranks hold the tensors of modules."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary

from assay_torch.errors import Unrecordable
from assay_torch.placements import PARTIAL, REPLICATE, fold, matches, shard

_UNKNOWN = None


def is_dtensor(value: object) -> bool:
    """Whether a value is a DTensor, told by its attributes: the class need not be loaded."""
    return isinstance(value, torch.Tensor) and hasattr(value, "placements") \
        and hasattr(value, "device_mesh")


def placed(tensor: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mesh of a DTensor, and its placement along each axis of more than one rank.

    The mesh is as placements have it: ``{"mesh": [{"dp": 2}, {"tp": 2}], "ranks": [0, 1, 2, 3]}``.
    Of a tensor that is whole on some of the ranks, and not known of the others, there are none.
    Raises ``Unrecordable`` where the local tensors and placements do not tell the whole one.
    """
    mesh = tensor.device_mesh
    sizes = tuple(mesh.shape)
    names = mesh.mesh_dim_names or tuple(f"axis{index}" for index in range(len(sizes)))
    ranks = mesh.mesh.flatten().tolist()
    axes, widths = {}, set()
    for name, size, placement in zip(names, sizes, tensor.placements):
        if size == 1:
            continue
        kind = type(placement).__name__  # those of other classes mean something else
        if kind == "Replicate":
            axes[name] = REPLICATE
        elif kind == "Partial" and placement.reduce_op == "sum":
            axes[name] = PARTIAL
        elif kind == "Shard":
            # Of two axes that cut one, the second cuts what the first left.
            is_first = placement.dim not in widths
            widths.add(placement.dim)
            axes[name] = shard(placement.dim, tensor.shape[placement.dim] if is_first else None)
        else:
            raise Unrecordable(f"a DTensor placed {placement} along {name} cannot be put together")
    if axes and len(ranks) != torch.distributed.get_world_size():
        if any(value != REPLICATE for value in axes.values()):
            raise Unrecordable(f"a DTensor of the ranks {ranks} tells nothing of the other "
                               f"{torch.distributed.get_world_size() - len(ranks)} ranks")
        axes = {}
    for entry in getattr(tensor._spec, "shard_order", None) or ():
        if list(entry.mesh_dims) != sorted(entry.mesh_dims):
            raise Unrecordable("a DTensor whose axes are cut in another order than the mesh's "
                               "cannot be put together")
    return {"mesh": [{name: size} for name, size in zip(names, sizes)], "ranks": ranks}, axes


class PlacementBook:
    """What is known of the tensors of a recording, by module and slot.

    A DTensor tells its placements. The tensor that ``to_local`` returned is known by its identity:
    it is what the modules that ``parallelize_module`` changed return. So is what a linear layer
    takes or makes of plain tensors that are cut as its weight is, a DTensor. Of any other plain
    tensor nothing is known.

    The book is open from the first DTensor on: then each tensor is to be looked at.
    """

    def __init__(self) -> None:
        self.mesh, self.has_news, self.is_open = None, False, False
        self._found = {}
        self._locals = WeakTensorKeyDictionary()
        self._cut = set()  # linear layers that took inputs cut as their weights are

    def look_at(self, module: torch.nn.Module) -> None:
        """Opens the book where a module computes with DTensors.

        Those of ``fully_shard`` are plain while they are computed with: nothing of it is cut.
        """
        self.is_open = self.is_open or any(map(is_dtensor, module._parameters.values()))

    def know_local(self, dtensor: torch.Tensor, local: torch.Tensor) -> None:
        """Keeps what a DTensor says of its local tensor; two that differ say nothing."""
        try:
            told = placed(dtensor)
        except Unrecordable:
            told = _UNKNOWN
        self.is_open = True
        self._locals[local] = told if self._locals.get(local, told) == told else _UNKNOWN

    def note(self, name: str, module: torch.nn.Module, slot: str, tensor: Any) -> None:
        """Notes one tensor of a module.

        Raises ``Unrecordable`` for a DTensor of another mesh than the others.
        """
        axes = _UNKNOWN
        self.is_open = self.is_open or is_dtensor(tensor)
        if not self.is_open:
            return
        if is_dtensor(tensor):
            mesh, axes = placed(tensor)
            if axes and self.mesh not in (None, mesh):
                raise Unrecordable(f"a DTensor of the mesh {mesh} in a recording whose others are "
                                   f"of {self.mesh}")
        elif isinstance(tensor, torch.Tensor) and (
                known := self._locals.get(tensor) or self._by_weight(name, module, slot, tensor)):
            self._locals[tensor] = known
            mesh, axes = known
            axes = axes if self.mesh in (None, mesh) else _UNKNOWN
        axes = axes or _UNKNOWN
        if axes is not _UNKNOWN:
            self.mesh = mesh
        slots = self._found.setdefault(name, {})
        known = common(slots.get(slot, axes), axes)
        if slot not in slots or slots[slot] != known:
            slots[slot], self.has_news = known, True

    def _by_weight(self, name: str, module: torch.nn.Module, slot: str,
                   tensor: torch.Tensor) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """What the weight of a linear layer that is a DTensor tells of a plain tensor."""
        weight = module._parameters.get("weight") if isinstance(module, nn.Linear) else None
        if not is_dtensor(weight) or not tensor.dim():
            return _UNKNOWN
        try:
            mesh, axes = placed(weight)
        except Unrecordable:
            return _UNKNOWN
        if len(axes) != 1:
            return _UNKNOWN  # along a second axis nothing is known of the tensor
        (axis, value), = axes.items()
        if not isinstance(value, dict):
            return _UNKNOWN
        dimension, is_input = value["shard"], "inputs" in slot
        local, found = weight.to_local().shape[dimension], tensor.shape[-1]
        is_cut = found == local != value["width"]
        if dimension == 0 and is_input:
            return mesh, {axis: REPLICATE}
        if is_cut and (dimension == 1) == is_input:
            self._cut.add(name)
            return mesh, {axis: shard(-1, value["width"])}
        # Summed before it is returned; replicas that are partial sums would not agree.
        return (mesh, {axis: REPLICATE}) if dimension == 1 and not is_input \
            and name in self._cut else _UNKNOWN

    def placements(self) -> dict[str, Any] | None:
        """Rules for all that is known, or ``None`` where nothing is."""
        if self.mesh is None:
            return None
        declarations = {}
        for module, slots in self._found.items():
            groups = []
            for slot, axes in sorted(slots.items()):
                if axes is _UNKNOWN:
                    continue
                group = next((one for one in groups if one[1] == axes), None)
                if group is None:
                    groups.append(group := ([], axes))
                group[0].append(slot)
            declarations[module] = groups or None
        rules = fold(declarations)
        return self.mesh | {"rules": rules} if rules else None

    def unknown(self, given: dict[str, Any] | None) -> list[tuple[str, str]]:
        """Modules and slots that no rule found out, nor one of those that were given, matches."""
        rules = [] if given is None else given["rules"]
        return [(module, slot) for module, slots in self._found.items()
                for slot, axes in slots.items() if axes is _UNKNOWN
                and not any(matches(rule, module, slot) for rule in rules)]


def common(first: dict[str, Any] | None, then: dict[str, Any] | None) -> dict[str, Any] | None:
    """What holds for two tensors of one module and slot: a width where both have it."""
    if first == then:
        return first
    if first is _UNKNOWN or then is _UNKNOWN:
        return _UNKNOWN
    merged = {}
    for axis, value in first.items():
        other = then.get(axis)
        if value == other:
            merged[axis] = value
        elif isinstance(value, dict) and isinstance(other, dict) \
                and value["shard"] == other["shard"]:
            merged[axis] = shard(value["shard"])
        else:
            return _UNKNOWN
    return merged


_lock, _books, _original = threading.Lock(), [], None


def dtensor_class() -> Any:
    """The class where it is loaded: a model that uses it has done so."""
    for name in ("torch.distributed.tensor", "torch.distributed._tensor"):  # before torch 2.5
        if found := getattr(sys.modules.get(name), "DTensor", None):
            return found
    return None


def listen(book: PlacementBook) -> None:
    """Tells a book of every local tensor that is taken of a DTensor, until ``stop``."""
    global _original
    kind = dtensor_class()
    if kind is None:
        return
    with _lock:
        if not _books:
            _original = kind.to_local
            kind.to_local = told(_original)
        _books.append(book)


def told(original: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The method ``to_local``, which tells the books what it returns."""
    @functools.wraps(original)
    def to_local(self: torch.Tensor, **keywords: Any) -> torch.Tensor:
        local = original(self, **keywords)
        for book in list(_books):
            book.know_local(self, local)
        return local

    return to_local


def stop(book: PlacementBook) -> None:
    """Tells a book no more."""
    with _lock:
        if book in _books:
            _books.remove(book)
            if not _books:
                dtensor_class().to_local = _original
