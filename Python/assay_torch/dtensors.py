"""What DTensors tell of how the ranks hold the tensors of modules."""

import functools
import threading

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from assay_torch.errors import Unrecordable
from assay_torch.placements import PARTIAL, REPLICATE, fold, matches, shard

_UNKNOWN = None


def is_dtensor(value):
    return isinstance(value, torch.Tensor) and hasattr(value, "placements") \
        and hasattr(value, "device_mesh")


def placed(tensor):
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
    it is what the modules that ``parallelize_module`` changed return. Of any other plain tensor
    nothing is known.
    """

    def __init__(self, model):
        self.mesh, self.has_news = None, False
        self._found = {}
        self._locals = WeakTensorKeyDictionary()
        #: Whether each tensor is to be looked at: a plan copies without doing so.
        self.is_open = any(map(is_dtensor, model.parameters()))

    def know_local(self, dtensor, local):
        """Keeps what a DTensor says of its local tensor; two that differ say nothing."""
        try:
            told = placed(dtensor)
        except Unrecordable:
            told = _UNKNOWN
        self.is_open = True
        self._locals[local] = told if self._locals.get(local, told) == told else _UNKNOWN

    def note(self, module, slot, tensor):
        """Notes one tensor. Raises ``Unrecordable`` for a DTensor of another mesh than others."""
        axes = _UNKNOWN
        if is_dtensor(tensor):
            self.is_open = True
            mesh, axes = placed(tensor)
            if axes and self.mesh not in (None, mesh):
                raise Unrecordable(f"a DTensor of the mesh {mesh} in a recording whose others are "
                                   f"of {self.mesh}")
        elif isinstance(tensor, torch.Tensor) and (told := self._locals.get(tensor)):
            mesh, axes = told
            axes = axes if self.mesh in (None, mesh) else _UNKNOWN
        if axes:
            self.mesh = mesh
        axes = axes or _UNKNOWN
        if not self.is_open:
            return
        slots = self._found.setdefault(module, {})
        known = common(slots.get(slot, axes), axes)
        if slot not in slots or slots[slot] != known:
            slots[slot], self.has_news = known, True

    def placements(self):
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

    def unknown(self, given):
        """Modules and slots that no rule found out, nor one of those that were given, matches."""
        rules = [] if given is None else given["rules"]
        return [(module, slot) for module, slots in self._found.items()
                for slot, axes in slots.items() if axes is _UNKNOWN
                and not any(matches(rule, module, slot) for rule in rules)]


def common(first, then):
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


def listen(book):
    """Tells a book of every local tensor that is taken of a DTensor, until ``stop``."""
    global _original
    from torch.distributed.tensor import DTensor

    with _lock:
        if not _books:
            _original = original = DTensor.to_local

            @functools.wraps(original)
            def to_local(self, **keywords):
                local = original(self, **keywords)
                for one in list(_books):
                    one.know_local(self, local)
                return local

            DTensor.to_local = to_local
        _books.append(book)


def stop(book):
    from torch.distributed.tensor import DTensor

    with _lock:
        if book in _books:
            _books.remove(book)
            if not _books:
                DTensor.to_local = _original
