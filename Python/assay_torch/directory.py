"""vLLM's directory of ``.pt`` files, with a ``run.json`` that holds the exact names."""

import contextlib
import os
import shutil

import torch

from assay_torch.digest import Digested
from assay_torch.disk import Names, escaped, replace_file
from assay_torch.errors import RecordError
from assay_torch.text import device_on_disk, json_text
from assay_torch.values import NotRecorded, Skipped


class DirectoryWriter:
    """Every file appears whole or not at all, and a step that has ended has a ``step.json``.

    ``run.json`` lists the steps when the run is over, so that each is written once more and no
    oftener; until then their entries stand in ``step_<n>/step.json``.
    """

    def __init__(self, path, manifest):
        self.path, self.manifest, self.steps = path, manifest, {}
        os.makedirs(path, exist_ok=True)
        if any(name == "run.json" or name.startswith("step_") for name in os.listdir(path)):
            raise RecordError(f"{path} holds a run already")
        self.write_index(complete=False)

    def write_index(self, complete):
        """Writes ``run.json`` with the steps' entries as they were encoded when they ended."""
        members = {"schema": "assay.run/1", "complete": complete, "steps": [],
                   **self.manifest.json()}
        texts = {key: json_text(value) for key, value in members.items()}
        texts["steps"] = "[" + ",".join(self.steps.values()) + "]"
        replace_file(os.path.join(self.path, "run.json"),
                     "{" + ",".join(f'"{key}":{texts[key]}' for key in sorted(texts)) + "}\n")

    def step_path(self, step):
        return os.path.join(self.path, f"step_{step}")

    def begin_step(self, step):
        self.step = step
        self.calls, self.directories = {}, Names("module_calls.txt", "step.json")
        os.mkdir(self.step_path(step))

    def write(self, call, side, description, tensors):
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
                if isinstance(value, Digested):
                    note["digest"] = value.json()
                replace_file(os.path.join(folder, file), json_text(note) + "\n")
            else:
                save(value, folder, file)
        replace_file(os.path.join(folder, side + ".json"), json_text(description) + "\n")

    def entry(self, call):
        """What ``run.json`` will say of a call, whose directory is made on first use."""
        if call not in self.calls:
            stem = escaped(call.module) + (f"_{call.index}" if call.index else "")
            # The module `a_1` and call 1 of the module `a` ask for the same name.
            name = self.directories.add(stem)
            os.mkdir(os.path.join(self.step_path(self.step), name))
            self.calls[call] = {"module": call.module, "call": call.index, "directory": name,
                                "tensors": []}, Names()
        return self.calls[call]

    def end_step(self, calls, completion_order):
        listed = [self.entry(call)[0] for call in calls]
        folder = self.step_path(self.step)
        replace_file(os.path.join(folder, "module_calls.txt"),
                     "".join(call["directory"] + "\n" for call in listed))
        text = json_text({"step": self.step, "completion_order": completion_order,
                          "calls": listed})
        replace_file(os.path.join(folder, "step.json"), text + "\n")
        self.steps[self.step] = text

    def discard_step(self):
        shutil.rmtree(self.step_path(self.step))

    def finish(self):
        self.close(complete=True)

    def abandon(self):
        """Leaves the steps that ended; ``run.json`` says that the run is not complete."""
        with contextlib.suppress(OSError):
            self.close(complete=False)

    def close(self, complete):
        self.write_index(complete)
        for step in self.steps:
            os.unlink(os.path.join(self.step_path(step), "step.json"))
        self.steps = {}


def save(tensor, folder, file):
    """Writes a whole ``.pt``; torch names a folder inside after the file, which so keeps its name."""
    partial = os.path.join(folder, ".partial")
    os.mkdir(partial)
    torch.save(tensor, os.path.join(partial, file))
    os.replace(os.path.join(partial, file), os.path.join(folder, file))
    os.rmdir(partial)
