"""What is taken of one side of a call, and how it is taken again from values of the same structure.

A model calls its modules with values of a few structures, again and again: what is said of one is
made once, as text, and only its tensors are copied from then on.
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from typing import Any

import torch

from assay_torch.describing import described_state, elements, number
from assay_torch.opening import is_state
from assay_torch.tensors import PLAIN_CLASSES, is_simple, on_host
from assay_torch.text import json_text
from assay_torch.values import Found, NotRecorded, Skipped

NESTING = 4  # containers within containers
ITEMS = 20
TEXT = 200  # characters
PLANS = 64  # structures that are known of one side of a module's calls

_TUPLES = (tuple, list)
_MARK = uuid.uuid4().hex  # no text of a user's has it
_HOLE = re.compile(f'"{_MARK}:([a-z]+)([0-9]*)"')


@dataclasses.dataclass(slots=True)
class Plan:
    """One side of a call as JSON, with holes for what only its tensors and states tell.

    ``pieces`` stand around the ``holes`` of the description, each the number of a tensor whose
    elements are written out, or of a state. An entry is the JSON of a tensor, or that before its
    offset and that after it.
    """
    side: str
    pieces: list
    holes: list
    entries: list
    taken: list | None  # which leaves are copied; ``None`` for all of them
    is_on_host: bool
    byte_count: int
    devices: list  # of the tensors that are copied

    def copies(self, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
        """Contiguous copies of the tensors on the host. Raises what torch does."""
        if self.taken is not None:
            leaves = [leaves[index] for index in self.taken]
        if self.is_on_host:
            # Most are contiguous and of no graph: what they need not be asked for is half the time.
            return [leaf.clone() if leaf.is_contiguous() and not leaf.requires_grad else
                    leaf.detach().clone(memory_format=torch.contiguous_format) for leaf in leaves]
        return [on_host(leaf.detach()) for leaf in leaves]

    def description(self, tensors: list[torch.Tensor], states: list[Any]) -> str:
        """What is said of the side, as JSON."""
        if not self.holes:
            return self.pieces[0]
        parts = [self.pieces[0]]
        for (kind, index), piece in zip(self.holes, self.pieces[1:]):
            parts.append(json_text(states[index] if kind == "state" else
                                   [number(element) for element in elements(tensors[index])]))
            parts.append(piece)
        return "".join(parts)


def signature(value: Any, leaves: list[torch.Tensor], states: list[Any], depth: int = 0) -> Any:
    """What a plan depends on, or ``...`` for a value that has to be opened anew.

    Tensors, and what is said of states, are appended in the order in which ``Side`` finds them.
    """
    kind = type(value)
    if kind in PLAIN_CLASSES:
        if not is_simple(value):
            return ...
        leaves.append(value)
        return value.shape, value.dtype, value.device
    if value is None:
        return None
    if kind in _TUPLES:
        if depth >= NESTING or len(value) > ITEMS:
            return ...
        found = tuple([signature(item, leaves, states, depth + 1) for item in value])
        return ... if ... in found else found
    if kind is bool or kind is int:
        return kind, value
    if kind is float:
        return kind, repr(value)  # 0.0 equals -0.0, and NaN nothing
    if kind is str:
        return (kind, value) if len(value) <= TEXT else ...
    if is_state(value):
        states.append(described_state(value))
        return kind
    return ...


def signature_of_side(value: Any, keywords: dict[str, Any] | None, leaves: list[torch.Tensor],
                      states: list[Any]) -> Any:
    """The signature of what a side has: its values, and those with a keyword."""
    first = signature(value, leaves, states)
    if first is ... or not keywords:
        return first
    found = tuple([(name, signature(item, leaves, states)) for name, item in keywords.items()])
    # Told from a value of two items: there, no name stands beside a signature.
    return ... if any([item is ... for _, item in found]) else (first, found)


def plan_of(side: str, description: Any, found: list[Found],
            leaf_count: int | None) -> tuple[Plan, bool]:
    """A plan of what was found in a value, and whether it serves for others of its structure.

    Args:
        description: What ``Side`` says of the value.
        found: Slot, device, and a copied tensor, a note or the reason for its absence, or ``None``
            for a tensor of a device that is not recorded.
        leaf_count: How many tensors a signature found; ``None`` where there is none.
    """
    entries, taken, devices, is_on_host, byte_count = [], {}, [], True, 0
    is_reusable = len(found) == leaf_count
    for index, (slot, device, value) in enumerate(found):
        if isinstance(value, NotRecorded):
            entries.append(json_text({"slot": slot, "device": device,
                                      "not_recorded": value.reason}))
            is_reusable = False
        elif isinstance(value, Skipped):
            entries.append(noted(slot, device, value))
        elif value is not None:
            entries.append(_stored(slot, device, value))
            taken[index] = len(taken)
            devices.append(device)
            is_on_host = is_on_host and device == "cpu"
            byte_count += value.nbytes
    pieces, holes = [json_text(description)], []
    if is_reusable:
        pieces, holes = _with_holes(description)
        is_reusable = all(kind == "state" or index in taken for kind, index in holes)
        if is_reusable:
            holes = [(kind, index if kind == "state" else taken[index]) for kind, index in holes]
        else:
            pieces, holes = [json_text(description)], []
    return Plan(side, pieces, holes, entries, None if len(taken) == leaf_count else list(taken),
                is_on_host, byte_count, devices), is_reusable


def noted(slot: str, device: str, note: Skipped) -> str:
    """The entry of a tensor that was skipped or digested."""
    members = {"slot": slot, "device": device, "dtype": note.dtype, "shape": note.shape,
               "skipped": note.reason}
    digest = note.json()
    return json_text(members if digest is None else members | {"digest": digest})


def _stored(slot: str, device: str, tensor: torch.Tensor) -> tuple[str, str, str]:
    """The entry of a tensor, around its offset."""
    text = json_text({"slot": slot, "device": device, "dtype": str(tensor.dtype),
                      "shape": tensor.shape, "bytes": tensor.nbytes, "offset": f"{_MARK}:offset"})
    before, _, _, after = _HOLE.split(text)
    return before, after, slot


def _with_holes(description: Any) -> tuple[list[str], list[tuple[str, int]]]:
    """A description's JSON around its holes: elements that are written out, and states."""
    counts = {"tensor": 0, "state": 0}

    def hole(kind: str, index: int) -> str:
        return f"{_MARK}:{kind}{index}"

    def marked(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        kind = "state" if "seq_length" in node else node["type"]
        if kind == "tuple":
            items = {key: [marked(item) for item in node[key]] for key in ("items", "sample")
                     if key in node}
            if "kwargs" in node:
                items["kwargs"] = {key: marked(item) for key, item in node["kwargs"].items()}
            return node | items
        index = counts[kind]
        counts[kind] += 1
        if kind == "state":
            return hole(kind, index)
        return node | {"values": hole(kind, index)} if "values" in node else node

    parts = _HOLE.split(json_text(marked(description)))
    return parts[::3], [(kind, int(index)) for kind, index in zip(parts[1::3], parts[2::3])]
