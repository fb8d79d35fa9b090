"""Texts as Assay writes them: the same value makes the same bytes in Python and Swift."""

from __future__ import annotations

import json
from typing import Any


def json_text(value: Any) -> str:
    """Compact JSON with sorted keys; whole numbers have no fraction."""
    if isinstance(value, dict):
        members = sorted((clean(key), item) for key, item in value.items())
        return "{" + ",".join(f"{quoted(key)}:{json_text(item)}" for key, item in members) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(json_text(item) for item in value) + "]"
    if isinstance(value, str):
        return quoted(clean(value))
    if isinstance(value, float):
        return number_text(value)
    return json.dumps(value)


def number_text(value: float) -> str:
    """A number as JSON; a whole one has no fraction."""
    if 1e16 <= abs(value) <= 2**54:
        return str(int(value))
    text = json.dumps(value, allow_nan=False)
    return text.removesuffix(".0")


def quoted(text: str) -> str:
    """A text as JSON."""
    return json.dumps(text, ensure_ascii=False)


def clean(text: object) -> str:
    """Without the halves of characters that UTF-8 cannot hold."""
    return str(text).encode("utf-8", "replace").decode()


def escaped(name: str) -> str:
    """A module or slot as the name of a link: as ``%`` and two digits what cannot be one."""
    name = clean(name).replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return "%2E" + name[1:] if name.startswith(".") else name


def device_on_disk(device: str) -> str:
    """A device's name in a path."""
    return device.replace(":", "_")
