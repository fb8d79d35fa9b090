"""vLLM's directory of ``.pt`` files, with a ``run.json`` that holds the exact names."""

import os
import shutil

import torch

from assay_torch.digest import Digested
from assay_torch.errors import RecordError
from assay_torch.text import device_on_disk, escaped, json_text, replace_file
from assay_torch.values import Skipped


class DirectoryWriter:
    """Every file appears whole or not at all, and ``run.json`` lists a step when it has ended."""

    def __init__(self, path, manifest):
        self.path, self.manifest, self.steps = path, manifest, []
        os.makedirs(path, exist_ok=True)
        if any(name == "run.json" or name.startswith("step_") for name in os.listdir(path)):
            raise RecordError(f"{path} holds a run already")
        self.write_index(complete=False)

    def write_index(self, complete):
        run = {"schema": "assay.run/1", "complete": complete, "steps": self.steps,
               **self.manifest.json()}
        replace_file(os.path.join(self.path, "run.json"), json_text(run) + "\n")

    def begin_step(self, step):
        self.step = step
        self.step_path = os.path.join(self.path, f"step_{step}")
        self.calls, self.directories = {}, set()
        os.mkdir(self.step_path)

    def write(self, call, side, description, tensors):
        entry = self.entry(call)
        folder = os.path.join(self.step_path, entry["directory"])
        for slot, device, value in tensors:
            file = f"{escaped(slot)}_{device_on_disk(device)}"
            listed = {"slot": slot, "device": device}
            if any(other["file"].rpartition(".")[0] == file for other in entry["tensors"]):
                raise RecordError(f"{call.module} has two tensors in the slot {slot}")
            if isinstance(value, Skipped):
                file, listed["skipped"] = file + ".json", True
                note = {"type": "tensor", "shape": value.shape, "dtype": value.dtype,
                        "device": device, "numel": value.numel, "skipped": value.reason}
                if isinstance(value, Digested):
                    note["digest"] = value.json()
                replace_file(os.path.join(folder, file), json_text(note) + "\n")
            else:
                file += ".pt"
                save(value, folder, file)
            entry["tensors"].append(listed | {"file": file})
        replace_file(os.path.join(folder, side + ".json"), json_text(description) + "\n")

    def entry(self, call):
        """What ``run.json`` will say of a call, whose directory is made on first use."""
        if call not in self.calls:
            name = escaped(call.module) + (f"_{call.index}" if call.index else "")
            # The module `a_1` and call 1 of the module `a` ask for the same name.
            while name in self.directories:
                name += "%"
            if name == "module_calls.txt":
                raise RecordError(f"a file of the layout has the name of the module {name}")
            self.directories.add(name)
            os.mkdir(os.path.join(self.step_path, name))
            self.calls[call] = {"module": call.module, "call": call.index, "directory": name,
                                "tensors": []}
        return self.calls[call]

    def end_step(self, calls, completion_order):
        listed = [self.entry(call) for call in calls]
        replace_file(os.path.join(self.step_path, "module_calls.txt"),
                     "".join(call["directory"] + "\n" for call in listed))
        self.steps.append({"step": self.step, "completion_order": completion_order,
                           "calls": listed})
        self.write_index(complete=False)

    def discard_step(self):
        shutil.rmtree(self.step_path)

    def finish(self):
        self.write_index(complete=True)

    def abandon(self):
        """Leaves the steps that ended; ``run.json`` says that the run is not complete."""


def save(tensor, folder, file):
    """Writes a whole ``.pt``; torch names a folder inside after the file, which so keeps its name."""
    partial = os.path.join(folder, ".partial")
    os.mkdir(partial)
    torch.save(tensor, os.path.join(partial, file))
    os.replace(os.path.join(partial, file), os.path.join(folder, file))
    os.rmdir(partial)
