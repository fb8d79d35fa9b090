"""vLLM's intermediate-logging configuration, read as strictly as Assay reads it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from assay_torch.errors import RecordError

FORMATS = ("pt", "hdf5")
SPOOL = "spool"  # what every run is while it is recorded, and stays where it is named
KEEPS = ("full", "sample", "digest")


@dataclasses.dataclass(frozen=True)
class Rule:
    """A pattern that is searched in a module's dotted name, and the one call that is wanted."""
    source: str
    pattern: re.Pattern
    call: int | None

    @classmethod
    def of(cls, source: str) -> Rule:
        """Reads a pattern, and the call behind its colon. Raises ``RecordError``."""
        text, call = source, None
        # A colon limits the calls only where digits alone follow it up to the end.
        if found := re.search(r"(?<!\\)((?:\\\\)*):(-?[0-9]*)\Z", source):
            text, digits = source[:found.end(1)], found[2]
            if not digits.isdigit():
                raise invalid("module_call_match", source,
                              'the call after ":" must be a number from 0')
            call = int(digits)
        try:
            return cls(source, re.compile(text), call)
        except re.error as error:
            raise invalid("module_call_match", source, str(error)) from None


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What a recording takes in and where it goes.

    Without an ``output_dir`` runs go to ``/tmp/vllm_intermediates``. An empty ``log_step_ids`` or
    ``device_names`` means all; no ``module_call_match`` means all modules, and of several patterns
    the first that matches a module decides its call.
    """
    enabled: bool = True
    output_dir: str | None = None
    module_call_match: tuple[Rule, ...] = ()
    log_step_ids: frozenset[int] = frozenset({0})
    max_tensor_size: int | None = None
    device_names: frozenset[str] = frozenset()
    log_post_fwd_inputs: bool = False
    formats: tuple[str, ...] = FORMATS
    keep: str = "full"

    @classmethod
    def of(cls, value: Any, enabled: bool = True) -> Configuration:
        """Reads a dict of vLLM's keys, a JSON text that begins with ``{``, or a file's path.

        ``None`` records every step of every module. ``enabled`` is what that key is when it is not
        there. Raises ``RecordError``, which names the key.
        """
        if isinstance(value, Configuration):
            return value
        if value is None:
            return cls(log_step_ids=frozenset())
        if isinstance(value, dict):
            return cls._of_members(value, enabled)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            return cls._of_members(parsed(value, "the capture configuration"), enabled)
        if isinstance(value, (str, os.PathLike)):
            try:
                with open(value, encoding="utf-8") as file:
                    text = file.read()
            except (OSError, UnicodeDecodeError) as error:
                raise RecordError(
                    f"cannot read the capture configuration {os.fspath(value)}: {error}") from None
            return cls._of_members(parsed(text, os.fspath(value)), enabled)
        raise RecordError("a capture configuration is a dict, a JSON text or the path of a file, "
                          f"not {type(value).__name__}")

    @classmethod
    def _of_members(cls, members: Mapping[str, Any], enabled: bool) -> Configuration:
        names = [field.name for field in dataclasses.fields(cls)]
        read = {"enabled": enabled}
        for key, value in members.items():
            if key not in names:
                raise RecordError(f'unknown key "{key}" in the capture configuration; valid keys: '
                                  + ", ".join(names))
            read[key] = READERS[key](key, value)
        return cls(**read)

    def json(self) -> dict[str, Any]:
        """The configuration with its keys, as a run's manifest keeps it."""
        # Only where it says something: readers of before do not know it.
        keep = {} if self.keep == "full" else {"keep": self.keep}
        return keep | {
            "enabled": self.enabled, "output_dir": self.directory,
            "module_call_match": [rule.source for rule in self.module_call_match] or None,
            "log_step_ids": sorted(self.log_step_ids), "max_tensor_size": self.max_tensor_size,
            "device_names": sorted(self.device_names),
            "log_post_fwd_inputs": self.log_post_fwd_inputs, "formats": list(self.formats)}

    @property
    def directory(self) -> str:
        """The directory in which runs have theirs."""
        return self.output_dir or "/tmp/vllm_intermediates"

    def keeping(self, value: str | None) -> Configuration:
        """The same with another ``keep``, if one is given."""
        return self if value is None else dataclasses.replace(self, keep=keep("keep", value))

    def includes_step(self, step: int) -> bool:
        """Whether a step is recorded."""
        return not self.log_step_ids or step in self.log_step_ids

    def includes_device(self, device: str) -> bool:
        """Whether the tensors of a device are recorded."""
        return not self.device_names or device in self.device_names

    def rule(self, module: str) -> Rule | None:
        """The rule that decides which calls of a module are recorded; ``None`` without one."""
        return next((rule for rule in self.module_call_match if rule.pattern.search(module)), None)


def parsed(text: str, what: str) -> dict[str, Any]:
    """The members of a JSON object, none of them twice. Raises ``RecordError``."""
    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise RecordError(f'{what}: the key "{twice}" occurs twice')
        return dict(pairs)
    try:
        value = json.loads(text, object_pairs_hook=members)
    except ValueError as error:
        raise RecordError(f"{what} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise RecordError(f"{what} must be a JSON object")
    return value


def invalid(key: str, value: object, reason: str) -> RecordError:
    """The error that a key cannot have a value."""
    return RecordError(f'"{key}" in the capture configuration cannot be {value!r}: {reason}')


def typed(key: str, value: Any, kind: type | tuple[type, ...], expected: str) -> Any:
    """A value of a kind; to no other is ``True`` a number. Raises ``RecordError``."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise RecordError(f'"{key}" in the capture configuration must be {expected}, '
                          f"not {value!r}")
    return value


def flag(key: str, value: Any) -> bool:
    """Reads a truth value."""
    return typed(key, value, bool, "true or false")


def directory(key: str, value: Any) -> str:
    """Reads a directory's path."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not typed(key, text, str, "a string"):
        raise invalid(key, "", "it names no directory")
    return text


def natural(key: str, value: Any, expected: str = "an integer or null") -> int:
    """Reads a number from 0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if typed(key, value, int, expected) < 0:
        raise invalid(key, value, "it must not be negative")
    return value


def naturals(key: str, value: Any) -> frozenset[int]:
    """Reads numbers from 0."""
    expected = "an array of integers"
    items = typed(key, value, (list, tuple, set, frozenset), expected)
    return frozenset(natural(key, item, expected) for item in items)


def strings(key: str, value: Any, expected: str = "an array of strings") -> list[str]:
    """Reads an array of texts."""
    return [typed(key, item, str, expected)
            for item in typed(key, value, (list, tuple), expected)]


def rules(key: str, value: Any) -> tuple[Rule, ...]:
    """Reads one pattern or several."""
    if value is None:
        return ()
    sources = [value] if isinstance(value, str) else strings(key, value)
    return tuple(Rule.of(source) for source in sources)


def formats(key: str, value: Any) -> tuple[str, ...]:
    """Reads the names of formats, each once."""
    names, valid = strings(key, value), (*FORMATS, SPOOL)
    for name in names:
        if name not in valid:
            raise invalid(key, name, f"valid formats: {', '.join(valid)}")
    if not names:
        raise invalid(key, names, f"valid formats: {', '.join(valid)}")
    return tuple(dict.fromkeys(names))


def keep(key: str, value: Any) -> str:
    """Reads what is kept of each tensor."""
    valid = f"valid values: {', '.join(KEEPS)}"
    if typed(key, value, str, f"one of {', '.join(KEEPS)}") not in KEEPS:
        raise invalid(key, value, valid)
    return value


READERS = {
    "enabled": flag, "output_dir": directory, "module_call_match": rules,
    "log_step_ids": naturals,
    "max_tensor_size": lambda key, value: None if value is None else natural(key, value),
    "device_names": lambda key, value: frozenset(strings(key, value)),
    "log_post_fwd_inputs": flag, "formats": formats, "keep": keep}
