"""Puts the runs of ranks together as their placements say, with numpy and json alone.

It shares nothing with Assay: it is what Assay's own joining and the recorder's placements are held
to. It reads spools of plain dtypes, and knows the placements that the recorder writes.
"""

import json
import math
import os
import re

import numpy as np


def read(run):
    """The provenance of a spool, and its tensors by step, module, call and slot."""
    with open(os.path.join(run, "spool.json"), encoding="utf-8") as file:
        provenance = json.load(file)["provenance"]
    with open(os.path.join(run, "tensors.bin"), "rb") as file:
        data = file.read()
    found = {}
    with open(os.path.join(run, "steps.jsonl"), encoding="utf-8") as file:
        for line in map(json.loads, file):
            for call in line.get("calls", ()):
                for entry in call["tensors"]:
                    if "offset" not in entry:
                        raise ValueError(f"{run}: {call['module']} {entry['slot']}: "
                                         f"{entry.get('not_recorded', 'no elements')}")
                    part = data[entry["offset"]:entry["offset"] + entry["bytes"]]
                    dtype = np.dtype(entry["dtype"].removeprefix("torch."))
                    found[line["step"], call["module"], call["call"], entry["slot"]] = \
                        np.frombuffer(part, dtype).reshape(entry["shape"])
    return provenance, found


def joined(runs):
    """The whole tensors of the runs of all ranks, and why others cannot be put together."""
    spools = [read(run) for run in runs]
    placements = spools[0][0]["placements"]
    assert [provenance["rank"] for provenance, _ in spools] == list(range(len(spools)))
    assert all(provenance["placements"] == placements for provenance, _ in spools)
    mesh = [next(iter(axis.items())) for axis in placements["mesh"]]
    assert math.prod(size for _, size in mesh) == len(spools) == spools[0][0]["world_size"]
    ranks = placements.get("ranks", range(len(spools)))
    whole, failures = {}, {}
    for key in dict.fromkeys(key for _, tensors in spools for key in tensors):
        try:
            whole[key] = put_together(
                [spools[rank][1].get(key) for rank in ranks], mesh,
                rule_of(placements["rules"], key[1], key[3]), placements.get("replicas"))
        except ValueError as error:
            failures[key] = str(error)
    return whole, failures


def rule_of(rules, module, slot):
    for rule in rules:
        slots = rule.get("slot", ".*")
        if re.fullmatch(rule["module"], module) and any(
                re.fullmatch(one, slot) for one in ([slots] if isinstance(slots, str) else slots)):
            return rule
    raise ValueError("nobody declared")


def put_together(tensors, mesh, rule, bound):
    """Joins along the fastest axis first: what the slower one cut is then whole again."""
    for name, size in reversed(mesh):
        groups = [tensors[start:start + size] for start in range(0, len(tensors), size)]
        if size > 1 and name not in rule:
            raise ValueError(f"nobody declared {name}")
        tensors = [group[0] if size == 1 else along(rule[name], group, bound) for group in groups]
    return tensors[0]


def along(value, tensors, bound):
    there = [tensor for tensor in tensors if tensor is not None]
    if value == "stage":
        if len(there) > 1:
            raise ValueError("on more than one stage")
        return there[0] if there else None
    if not there:
        return None  # on another stage
    if len(there) != len(tensors):
        raise ValueError("missing on a rank")
    if value == "replicate":
        return same(tensors, bound)
    if value == "partial":
        return sum(tensor.astype(np.float64) for tensor in tensors).astype(tensors[0].dtype)
    axis = value["shard"]
    if "parts" not in value:
        return shards(value, tensors, axis, bound)
    pieces, start = [], 0
    for part in value["parts"]:
        part = part if isinstance(part, dict) else {"width": part}
        width = part["width"] * part.get("replicas", 1) // len(tensors)
        pieces.append(shards(part, [np.take(tensor, range(start, start + width), axis)
                                    for tensor in tensors], axis, bound))
        start += width
    if any(tensor.shape[axis] != start for tensor in tensors):
        raise ValueError(f"the parts are {start} wide and the tensor {tensors[0].shape[axis]}")
    return np.concatenate(pieces, axis)


def shards(value, tensors, axis, bound):
    count = value.get("replicas", 1)
    tensors = [same(tensors[start:start + count], bound)
               for start in range(0, len(tensors), count)]
    whole = np.concatenate(tensors, axis)
    if whole.shape[axis] != value.get("width", whole.shape[axis]):
        raise ValueError(f"{whole.shape[axis]} wide, not {value['width']}")
    return whole


def same(tensors, bound):
    first = tensors[0]
    if any(one.shape != first.shape or one.dtype != first.dtype
           or one.tobytes() != first.tobytes() and not (bound and np.allclose(one, first, **bound))
           for one in tensors):
        raise ValueError("replicas differ")
    return first
