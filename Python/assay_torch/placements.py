"""How the ranks of a run hold each of its tensors: ``provenance["placements"]``.

    {"mesh": [{"tp": 2}], "rules": [
        {"module": r"layers\\.\\d+\\.up", "slot": "outputs", "tp": {"shard": -1, "width": 64}},
        {"module": "norm", "tp": "replicate"}]}

The first rule whose patterns match all of a tensor's module and slot decides. A tensor without a
rule fails where the ranks are put together: nothing is guessed.

A *declaration* is what one module is known to do: a list of pairs, slots (patterns, or ``None`` for
all of them) and a dict from the axes of the mesh to values.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

from assay_torch.errors import RecordError

REPLICATE, PARTIAL, STAGE = "replicate", "partial", "stage"
KEYS = {"version", "mesh", "ranks", "replicas", "rules"}
SHARD_KEYS = {"shard", "width", "widths", "padding", "replicas", "parts", "order", "indices"}

# Slots, or ``None`` for all of them, and what is declared of them along each axis of the mesh.
Declaration = Sequence[tuple[Sequence[str] | None, Mapping[str, Any]]]


def shard(axis: int, width: int | None = None, **more: Any) -> dict[str, Any]:
    """A tensor that is cut along an axis, ``width`` wide as a whole."""
    return {"shard": axis} | ({} if width is None else {"width": width}) | more


def parts(axis: int, *found: Any) -> dict[str, Any]:
    """Interleaved parts: a rank's shard of the first, then of the second, and so on."""
    return {"shard": axis, "parts": list(found)}


def inputs(*names: str) -> str:
    """A pattern of the slots of inputs, as they are before and after the forward."""
    return f"(post_fwd_)?inputs_({'|'.join(names)})" if names else "(post_fwd_)?inputs_.*"


def layer(given: Any, output: Any) -> Declaration:
    """What is made of inputs of one placement, of another; whatever else there is, is whole."""
    return [*([([inputs()], {"tp": given})] if given != REPLICATE else []),
            *([(["outputs(_0)?"], {"tp": output})] if output != REPLICATE else []),
            (None, {"tp": REPLICATE})]


def column(cut: dict[str, Any], is_gathered: bool, has_bias: bool,
           given: Any = REPLICATE) -> Declaration:
    """A layer whose weight is cut along its outputs; a bias that it returns is, gathered or not."""
    bias = [(["outputs_1"], {"tp": cut | {"shard": 0}})] if has_bias else []
    return bias + layer(given, REPLICATE if is_gathered else cut)


# Rules

def fold(declarations: Mapping[str, Declaration | None]) -> list[dict[str, Any]]:
    """The fewest rules that say of each module what it declares, and nothing of any other.

    Args:
        declarations: A declaration for each module's dotted name; ``None`` for a module that no
            rule may match.

    Modules whose names differ in numbers alone share a pattern where all of them agree.
    """
    families = {}
    for name, declaration in declarations.items():
        template = tuple(None if re.fullmatch("[0-9]+", part) else part
                         for part in name.split("."))
        key = json.dumps(declaration, sort_keys=True)
        families.setdefault(template, {}).setdefault(key, []).append(name)
    rules = []
    for template, groups in families.items():
        for names in groups.values():
            declaration = declarations[names[0]]
            pattern = pattern_of(template) if len(groups) == 1 else alternatives(template, names)
            for slots, axes in declaration or ():
                rule = {"module": pattern}
                if slots is not None:
                    rule["slot"] = slots[0] if len(slots) == 1 else list(slots)
                rules.append(rule | axes)
    return rules


def pattern_of(template: tuple[str | None, ...]) -> str:
    """A pattern of the names of a family, whatever their numbers."""
    return r"\.".join(r"\d+" if part is None else re.escape(part) for part in template)


def alternatives(template: tuple[str | None, ...], names: list[str]) -> str:
    """A pattern that matches these names of a family, and no others."""
    split = [name.split(".") for name in names]
    varying = [place for place, part in enumerate(template)
               if part is None and len({one[place] for one in split}) > 1]
    if len(varying) > 1:
        return "|".join(map(re.escape, names))
    if varying:
        numbers = "|".join(one[varying[0]] for one in split)
        return r"\.".join(f"(?:{numbers})" if place == varying[0] else re.escape(part)
                          for place, part in enumerate(split[0]))
    return re.escape(names[0])


def matches(rule: dict[str, Any], module: str, slot: str) -> bool:
    """Whether a rule is of a module's slot."""
    slots = rule.get("slot", ".*")
    return re.fullmatch(rule["module"], module) is not None and any(
        re.fullmatch(one, slot) for one in (slots if isinstance(slots, list) else [slots]))


def merged(given: dict[str, Any] | None, found: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a user gave, before what was found out, where both are of one mesh."""
    if given is None or found is None:
        return given if found is None else found
    if [given.get(key) for key in ("mesh", "ranks")] != [found.get(key) for key in
                                                         ("mesh", "ranks")]:
        return given
    return given | {"rules": given["rules"] + found["rules"]}


# What a user gives

def checked(value: Any, world_size: int) -> dict[str, Any]:
    """Placements as they were given. Raises ``RecordError``, which names the key."""
    if not isinstance(value, dict):
        raise invalid("", "a dict with mesh and rules", value)
    refuse_others("", value, KEYS)
    axes = mesh_of(value.get("mesh"), world_size)
    if value.get("version", 1) != 1:
        raise invalid("version", "1", value["version"])
    if "ranks" in value and (not isinstance(value["ranks"], list) or not all(
            map(is_count, value["ranks"])) or sorted(value["ranks"]) != list(range(world_size))):
        raise invalid("ranks", f"a list of the {world_size} ranks", value["ranks"])
    if "replicas" in value:
        bound = value["replicas"]
        if not isinstance(bound, dict) or not all(
                isinstance(one, (int, float)) and 0 <= one < math.inf for one in bound.values()):
            raise invalid("replicas", "rtol and atol, from 0", bound)
        refuse_others("replicas", bound, {"rtol", "atol"})
    if not isinstance(value.get("rules"), list):
        raise invalid("rules", "a list", value.get("rules"))
    for index, rule in enumerate(value["rules"]):
        check_rule(f"rules[{index}]", rule, axes)
    return value


def mesh_of(mesh: Any, world_size: int) -> set[str]:
    """The names of a mesh's axes. Raises ``RecordError``."""
    if not isinstance(mesh, list) or not all(
            isinstance(axis, dict) and len(axis) == 1
            and all(isinstance(name, str) and name not in ("module", "slot") and is_count(size, 1)
                    for name, size in axis.items()) for axis in mesh):
        raise invalid("mesh", 'a list of axes, such as [{"pp": 2}, {"tp": 4}]', mesh)
    axes = [name for axis in mesh for name in axis]
    product = math.prod(size for axis in mesh for size in axis.values())
    if len(set(axes)) != len(axes):
        raise invalid("mesh", "axes of different names", mesh)
    if product != world_size:
        raise invalid("mesh", f"axes whose product is the world's size, {world_size}", mesh)
    return set(axes)


def check_rule(place: str, rule: Any, axes: set[str]) -> None:
    """Raises ``RecordError`` for what is no rule."""
    if not isinstance(rule, dict) or not isinstance(rule.get("module"), str):
        raise invalid(f"{place}.module", "a pattern", rule)
    refuse_others(place, rule, {"module", "slot"} | axes)
    slots = rule.get("slot", [])
    for key, pattern in [("module", rule["module"]), *(
            ("slot", one) for one in (slots if isinstance(slots, list) else [slots]))]:
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            raise invalid(f"{place}.{key}", f"a pattern ({error})", pattern) from None
    for axis in axes & rule.keys():
        check_value(f"{place}.{axis}", rule[axis])


def check_value(place: str, value: Any) -> None:
    """Raises ``RecordError`` for what is no placement along an axis."""
    if value in (REPLICATE, PARTIAL, STAGE):
        return
    if isinstance(value, dict) and value.keys() == {STAGE}:
        if isinstance(value[STAGE], list) and all(
                isinstance(one, list) and all(map(is_count, one)) for one in value[STAGE]):
            return
        raise invalid(f"{place}.stage", "a list of lists of numbers", value[STAGE])
    if not isinstance(value, dict) or type(value.get("shard")) is not int:
        raise invalid(place, 'replicate, partial, stage or {"shard": AXIS}', value)
    refuse_others(place, value, SHARD_KEYS)


def is_count(value: Any, least: int = 0) -> bool:
    """Whether a value is an integer, from the least on."""
    return type(value) is int and value >= least


def refuse_others(place: str, value: Mapping[str, Any], known: Set[str]) -> None:
    """Raises ``RecordError`` for a key that is not known."""
    for key in value.keys() - known:
        raise RecordError(f"placements: {place + '.' if place else ''}{key} is unknown; known are "
                          + ", ".join(sorted(known)))


def invalid(place: str, expected: str, found: object) -> RecordError:
    """The error that something else was expected at a place."""
    text = repr(found)
    return RecordError(f"placements{': ' + place if place else ''} must be {expected}, not "
                       + (text if len(text) <= 200 else text[:200] + "…"))
