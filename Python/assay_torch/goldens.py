"""Where a test's golden and reports are, and when the golden is recorded."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import itertools
import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from assay_torch.errors import GoldenError

MODES = ("missing", "failed", "all", "never")
TOOL = "assay_torch.pytest_plugin"  # the tool of goldens that tests record
ROOT = "root"  # the module under whose name the model itself is recorded


def is_ci(environment: Mapping[str, str]) -> bool:
    """Whether the tests run under continuous integration."""
    return environment.get("CI", "").lower() in ("true", "1")


def record_mode(argument: str | None, run: str | None, environment: Mapping[str, str]) -> str:
    """Settles the mode of one check.

    The environment can only tighten: ``ASSAY_RECORD`` is the last to choose, but ``never`` in it,
    or ``CI=true`` without it, beats every other choice; so does ``never`` for the whole run.

    Args:
        argument: What the test itself chose.
        run: What the command line chose, or else pytest's configuration.
        environment: The environment variables.

    Raises:
        GoldenError: for what is no mode.
    """
    variable = environment.get("ASSAY_RECORD") or None
    for source, value in (("ASSAY_RECORD", variable), ("record", argument)):
        if value is not None and value not in MODES:
            raise GoldenError(f'{source} is "{value}"; it can be {", ".join(MODES)}')
    if variable == "never" or run == "never" or variable is None and is_ci(environment):
        return "never"
    return argument or run or variable or "missing"


def fault_of_name(name: str) -> str | None:
    """Why a text cannot name a golden, a path below the folder of the goldens."""
    if not name:
        return "it is empty"
    if name.startswith("/"):
        return "it is absolute"
    if any(unicodedata.category(scalar) == "Cc" for scalar in name):
        return "it has a control character"
    if "\\" in name:
        return "parts are separated by /, not by \\"
    if name.endswith(".h5"):
        return "the file's ending .h5 is not part of the name"
    parts = name.split("/")
    if "" in parts:
        return "it has an empty part"
    if any(part.startswith(".") for part in parts):
        return "no part may begin with a dot"
    return None


@dataclasses.dataclass(frozen=True)
class Places:
    """The folders of one test."""
    goldens: str
    artifacts: str
    test: str  # the test in a file's name

    @classmethod
    def of(cls, test: str, file: str, root: str, configured: str | None,
           environment: Mapping[str, str]) -> Places:
        """Finds the folders by the environment, pytest's configuration, or above the test's file.

        Args:
            test: The test's id, as pytest prints it.
            file: The test's file.
            root: pytest's ``rootdir``.
            configured: The folder of the goldens that pytest's configuration names.
            environment: The environment variables.
        """
        chosen = environment.get("ASSAY_GOLDEN_DIR")
        goldens = os.path.abspath(chosen) if chosen else \
            os.path.join(root, configured) if configured else nearest(file, root)
        plain = re.sub(r"\W+", "-", test.rpartition("::")[2], flags=re.ASCII).strip("-")
        # Tests of one name in two files, or whose parameters differ by a sign, have two reports.
        digits = hashlib.sha256(test.encode()).hexdigest()[:6]
        return cls(goldens, artifacts_folder(root, environment),
                   f"{plain[:80]}-{digits}")

    def golden(self, name: str) -> str:
        """The golden's file."""
        return os.path.join(self.goldens, *name.split("/")) + ".h5"

    def artifact(self, name: str, extension: str) -> str:
        """What a check leaves of a golden: its report, or the run that failed."""
        *folders, last = name.split("/")
        return os.path.join(self.artifacts, *folders, f"{last}.{self.test}{extension}")

    def names_near(self, name: str) -> list[str]:
        """The names of other goldens that one was perhaps meant for."""
        # A folder of goldens may hold checkpoints and dumps of any size.
        names = set(itertools.islice(self._names(), 100_000)) - {name}
        holding = sorted(one for one in names if name.lower() in one.lower())
        near = difflib.get_close_matches(name, sorted(names))
        return list(dict.fromkeys(near + holding))[:3]

    def _names(self) -> Iterator[str]:
        for folder, _, files in os.walk(self.goldens):
            for file in files:
                if file.endswith(".h5"):
                    yield os.path.relpath(os.path.join(folder, file), self.goldens)[:-3]


def artifacts_folder(root: str, environment: Mapping[str, str]) -> str:
    """Where failing tests leave their reports."""
    return os.path.abspath(
        environment.get("ASSAY_ARTIFACTS") or os.path.join(root, ".build", "assay"))


def nearest(file: str, root: str) -> str:
    """The folder ``Golden`` above a file, not above the root; where there is none, the root's."""
    folder = os.path.dirname(os.path.abspath(file))
    while os.path.commonpath([folder, root]) == root:
        if os.path.isdir(os.path.join(folder, "Golden")):
            return os.path.join(folder, "Golden")
        if folder == root:
            break
        folder = os.path.dirname(folder)
    return os.path.join(root, "Golden")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a golden says of itself."""
    id: str
    provenance: dict[str, Any] | None
    recipe: dict[str, Any]
    configuration: dict[str, Any] | None
    has_root: bool

    @classmethod
    def of(cls, path: str) -> Manifest:
        """Reads an HDF5 file. Raises ``GoldenError``."""
        import h5py
        try:
            with h5py.File(path, "r") as file:
                def member(name: str) -> Any:
                    text = file.attrs[name] if name in file.attrs else \
                        file["." + name][()] if "." + name in file else b"null"
                    return json.loads(text)
                return cls(file.attrs["id"].decode(), member("provenance"),
                           member("recipe") or {}, member("configuration"),
                           any(name.startswith("step_") and ROOT in file[name] for name in file))
        except (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError) as error:
            raise GoldenError(f"{path} is no golden that can be read: {error}") from None

    def reason_not_to_record(self, model_hash: str | None) -> str | None:
        """Why no test may record this golden anew, as the rest of a sentence.

        A model that records over another program's golden is from then on compared with itself.
        Whatever does not say that a test made it is taken for another's.
        """
        provenance = self.provenance or {}
        if provenance.get("tool") != TOOL:
            return f"{maker(self.provenance)} made it"
        for approval in provenance.get("approvals") or []:
            if approval.get("from") is None:
                continue
            earlier = approval.get("replaced")
            if not earlier:
                return "nobody knows what made it at first"
            if earlier.get("tool") != TOOL:
                return f"it took the place of what {maker(earlier)} made"
        own = self.recipe.get("model_hash") or provenance.get("model_hash")
        if model_hash and own and own != model_hash:
            return f"it is of the model {own}, and the test's is {model_hash}"
        return None

    @property
    def origin(self) -> str:
        """Where the golden comes from, and who answers for it."""
        approvals = (self.provenance or {}).get("approvals") or [None]
        last = approvals[-1]
        return f"{maker(self.provenance)}; approved by " \
            + (f"{last.get('by')} at {last.get('date')}" if last else "nobody")


def maker(provenance: Mapping[str, Any] | None) -> str:
    """What made a run, in words: ``assay_torch 0.1.0 with pytorch 2.13.0 at 2026-01-01T…``."""
    if not provenance or "tool" not in provenance:
        return "an unknown tool"
    text = f"{provenance['tool']} {provenance.get('tool_version', '')}".strip()
    if provenance.get("framework"):
        version = provenance.get("framework_version")
        text += f" with {provenance['framework']}" + (f" {version}" if version else "")
    if provenance.get("created"):
        text += f" at {provenance['created']}"
    if provenance.get("model_hash"):
        text += f", model {provenance['model_hash'][:19]}"
    return text
