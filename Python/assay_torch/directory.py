"""vLLM's directory of ``.pt`` files, with a ``run.json`` that holds the exact names."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from typing import Any, TYPE_CHECKING

import torch

from assay_torch.disk import Names, escaped
from assay_torch.errors import RecordError
from assay_torch.tensors import bits
from assay_torch.text import device_on_disk, json_text
from assay_torch.values import Found, NotRecorded, Skipped

if TYPE_CHECKING:
    from assay_torch.conversion import Call


class DirectoryWriter:
    """Writes a new directory; of its ``.pt`` files those of the same bytes are hard links."""

    def __init__(self, path: str, manifest: dict[str, Any]) -> None:
        self.path, self.manifest, self.steps = path, manifest, []
        self.files = {}  # the path of each content
        os.mkdir(path)

    def step_path(self, step: int) -> str:
        """The directory of a step."""
        return os.path.join(self.path, f"step_{step}")

    def begin_step(self, step: int) -> None:
        """Makes the directory of a step."""
        self.step = step
        self.calls, self.directories = {}, Names("module_calls.txt", "step.json")
        os.mkdir(self.step_path(step))

    def write(self, call: Call, side: str, description: Any, tensors: Iterable[Found]) -> None:
        """Writes one side of a call."""
        entry, names = self.entry(call)
        folder = os.path.join(self.step_path(self.step), entry["directory"])
        for slot, device, value in tensors:
            listed = {"slot": slot, "device": device}
            entry["tensors"].append(listed)
            if isinstance(value, NotRecorded):
                listed["not_recorded"] = value.reason
                continue
            extension = ".json" if isinstance(value, Skipped) else ".pt"
            stem = f"{escaped(slot)}_{escaped(device_on_disk(device))}"
            file = listed["file"] = names.add(stem, extension) + extension
            if isinstance(value, Skipped):
                listed["skipped"] = True
                note = {"type": "tensor", "shape": value.shape, "dtype": value.dtype,
                        "device": device, "numel": value.numel, "skipped": value.reason}
                if (digest := value.json()) is not None:
                    note["digest"] = digest
                write_text(os.path.join(folder, file), json_text(note) + "\n")
            else:
                self.save(value, device, os.path.join(folder, file))
        write_text(os.path.join(folder, side + ".json"), json_text(description) + "\n")

    def entry(self, call: Call) -> tuple[dict[str, Any], Names]:
        """What ``run.json`` will say of a call, whose directory is made on first use."""
        if call not in self.calls:
            stem = escaped(call.module) + (f"_{call.index}" if call.index else "")
            # The module `a_1` and call 1 of the module `a` ask for the same name.
            name = self.directories.add(stem)
            os.mkdir(os.path.join(self.step_path(self.step), name))
            self.calls[call] = {"module": call.module, "call": call.index, "directory": name,
                                "tensors": []}, Names()
        return self.calls[call]

    def end_step(self, calls: list[Call], completion_order: list[int], rows: Any) -> None:
        """Writes the order of a step's calls."""
        listed = [self.entry(call)[0] for call in calls]
        folder = self.step_path(self.step)
        write_text(os.path.join(folder, "module_calls.txt"),
                     "".join(call["directory"] + "\n" for call in listed))
        entry = {"step": self.step, "completion_order": completion_order, "calls": listed}
        self.steps.append(json_text(entry if rows is None else entry | {"rows": rows}))

    def finish(self, is_complete: bool) -> None:
        """Writes ``run.json`` with the steps' entries as they were encoded when they ended."""
        members = {"schema": "assay.run/1", "complete": is_complete, "steps": [], **self.manifest}
        texts = {key: json_text(value) for key, value in members.items()}
        texts["steps"] = "[" + ",".join(self.steps) + "]"
        write_text(os.path.join(self.path, "run.json"),
                   "{" + ",".join(f'"{key}":{texts[key]}' for key in sorted(texts)) + "}\n")

    def save(self, tensor: torch.Tensor, device: str, path: str) -> None:
        """Writes a ``.pt``, or links to the one that has the same bytes.

        Torch names a folder inside after the file, where the path is ASCII, so that only files of
        one name are the same.
        """
        content = (os.path.basename(path), path.isascii(), device, tensor.dtype, tuple(tensor.shape),
                   hashlib.sha256(bits(tensor)).digest())
        if content in self.files:
            with contextlib.suppress(OSError):  # a file system without links, or too many of them
                os.link(self.files[content], path)
                return
        try:
            torch.save(tensor, path)
        except RuntimeError as error:  # what torch makes of a full disk
            raise RecordError(f"cannot write {path}: {error}") from error
        self.files[content] = path


def move_run(source: str, target: str) -> None:
    """Moves a whole run into a directory, where it is one as soon as all of it is there."""
    for name in sorted(os.listdir(source), key=lambda name: name == "run.json"):
        os.rename(os.path.join(source, name), os.path.join(target, name))
    os.rmdir(source)


def write_text(path: str, text: str) -> None:
    """Writes a whole file of UTF-8."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
