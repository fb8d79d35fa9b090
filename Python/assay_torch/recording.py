"""Hooks on the modules of a model, and what they hand to the writers."""

import dataclasses
import os
import uuid
import warnings

import torch

from assay_torch import provenance as provenances
from assay_torch.configuration import Configuration
from assay_torch.digest import kept
from assay_torch.directory import DirectoryWriter
from assay_torch.errors import RecordError
from assay_torch.hdf5 import HDF5Writer
from assay_torch.refusals import refuse_capture, refuse_what_hooks_cannot_see
from assay_torch.tensors import Unrecordable
from assay_torch.values import NotRecorded, Side, Skipped, captured


@dataclasses.dataclass(frozen=True)
class Call:
    module: str
    index: int  # how many times the module ran before within the step


@dataclasses.dataclass
class Manifest:
    id: str
    provenance: dict
    recipe: dict | None
    configuration: dict

    def json(self):
        members = {"id": self.id, "provenance": self.provenance, "recipe": self.recipe,
                   "configuration": self.configuration}
        return {key: value for key, value in members.items() if value is not None}


def record(model, config=None, *, golden=None, recipe=None, provenance=None, run_id=None,
           keep=None, root=None, strict=False):
    """Records every forward of a model while the context is open.

    A step is one forward of ``model``. Every module inside it is recorded: inputs, keyword inputs
    and outputs; the model itself only under the name ``root``. Tensors are found in containers of
    every kind and in the fields of objects; a key-value cache is state, and is only described.

    A tensor that no layout holds, such as a sparse one, or that hangs on what cannot be opened,
    such as a generator, is marked as not recorded, with the reason, and the recording goes on: the
    run fails where it is compared, and a warning says so at the end.

    Under ``torch.distributed`` each rank writes a run of its own, ``<id>-rank<n>`` and
    ``<golden>.rank<n>.h5``.

    Args:
        model: The root module.
        config: A dict of vLLM's intermediate-logging keys, a JSON text, or the path of a file;
            ``None`` records all steps of all modules. The run is written to
            ``<output_dir>/<id>/``.
        golden: A path where nothing is yet: the run is written to this HDF5 file, which takes its
            name only when it is whole. It is all that is written unless ``config`` names an
            ``output_dir``.
        recipe: What it takes to run it again, such as ``token_ids``; ``steps``, ``dtype`` and
            ``devices`` are filled in. It may be changed while the context is open.
        provenance: Further members of the provenance, such as ``seed`` or ``model_hash``.
        run_id: The run's id; a random UUID unless given.
        keep: ``"full"``, ``"sample"`` or ``"digest"``, whatever the configuration says: a digest of
            each tensor, and a sample of it, make a small golden of a model that is too big to keep.
        root: A name under which the model's own inputs and outputs are recorded as well, as of a
            module. vLLM records no root.
        strict: Whether the first tensor that cannot be recorded ends the recording.

    Returns:
        A context manager, a ``Recording``. Leaving it completes the run; leaving it by an exception
        does not.

    Raises:
        RecordError: for what cannot be recorded, such as a function or a compiled model, or a run
            that would hold no tensor.
    """
    return Recording(model, config, golden, recipe, provenance, run_id, keep, root, strict)


class Recording:
    """A run being recorded; ``paths`` are those of what is written."""

    def __init__(self, model, config, golden, recipe, provenance, run_id, keep, root, strict):
        if not isinstance(model, torch.nn.Module):
            raise RecordError(
                f"record takes the torch.nn.Module that is called, not a {type(model).__name__}; "
                "of a function, record the module that it calls")
        self.configuration = Configuration.of(config).keeping(keep)
        self.model, self.recipe, self.paths, self.steps = model, dict(recipe or {}), [], 0
        self._golden = None if golden is None else os.fspath(golden)
        self._writes_run = golden is None or self.configuration.output_dir is not None
        self._provenance, self._id = dict(provenance or {}), run_id
        self._handles, self._writers = [], []
        self._names = {module: name for name, module in model.named_modules() if name}
        self._is_strict = strict
        if root is not None:
            if not isinstance(root, str) or not root or root in self._names.values():
                raise RecordError(f"the root cannot be recorded as {root!r}: "
                                  + ("a module has that name" if root else "it is no name"))
            self._names[model] = root
        self._rules = {name: self.configuration.rule(name) for name in self._names.values()}
        self._depth, self._is_recorded, self._has_returned = 0, False, False
        self._failure, self._lost = None, {}
        self._used_rules, self._strays, self._devices = set(), set(), set()
        self._excluded, self._has_calls, self._has_tensors = set(), False, False

    def __enter__(self):
        if not self.configuration.enabled:
            return self
        refuse_what_hooks_cannot_see(self.model)
        rank = distributed_rank()
        suffix = "" if rank is None else f"-rank{rank}"
        if rank is not None:
            self._provenance |= {"rank": rank,
                                 "world_size": torch.distributed.get_world_size()}
        self.id = shared_id(self._id, rank) + suffix
        if not self.id or self.id.startswith(".") or "/" in self.id or "\0" in self.id:
            raise RecordError(f"a run's id is the name of its directory, and {self.id!r} is none")
        self._manifest = Manifest(
            self.id, provenances.current() | {"dtype": dtype_of(self.model)} | self._provenance,
            None, self.configuration.json())
        try:
            self._open_writers(rank)
            self._add_hooks()
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(self, kind, error, trace):
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if not self._writers:
            return
        if kind is not None:
            self._abandon()
            return
        try:
            if self._failure is not None:  # the model swallowed it
                raise self._failure
            if self._depth:
                raise RecordError("a forward of the model was interrupted, and what ran after it "
                                  "was not recorded")
            self._refuse_nothing()
            self._finish()
        except BaseException:
            self._abandon()
            raise
        self._warn()

    def _open_writers(self, rank):
        if self._writes_run:
            root = os.path.join(self.configuration.directory, self.id)
            for format_ in self.configuration.formats:
                if format_ == "pt":
                    self._add(DirectoryWriter(root, self._manifest))
                else:
                    path = os.path.join(root, "run.h5")
                    if os.path.lexists(path):
                        raise RecordError(f"{path} is there already")
                    self._add(HDF5Writer(path, self._manifest, is_golden=False))
        if self._golden is not None:
            path = self._golden
            if rank is not None:
                stem, extension = os.path.splitext(path)
                path = f"{stem}.rank{rank}{extension}"
            if os.path.lexists(path):
                raise RecordError(
                    f"{path} exists, and a golden changes only by approval: record another file, "
                    f"and make it the golden with `assay approve FILE {path}`, which shows what "
                    "changes")
            self._add(HDF5Writer(path, self._manifest, is_golden=True))

    def _add(self, writer):
        self._writers.append(writer)
        self.paths.append(writer.path)

    def _add_hooks(self):
        self._handles.append(self.model.register_forward_pre_hook(
            lambda *_: self._begin_step(), prepend=True))
        for module, name in self._names.items():
            self._handles.append(module.register_forward_pre_hook(
                lambda module, arguments, keywords, name=name:
                self._begin(module, name, arguments, keywords), with_kwargs=True))
            self._handles.append(module.register_forward_hook(
                lambda module, arguments, keywords, output, name=name:
                self._end(module, name, arguments, keywords, output), with_kwargs=True))
        self._handles.append(self.model.register_forward_hook(lambda *_: self._end_step()))
        self._handles.append(self.model.register_forward_hook(
            lambda *_: self._leave_forward(), always_call=True))

    # A step

    def _begin_step(self):
        refuse_capture()
        self._depth += 1
        if self._depth > 1:
            return
        self._is_recorded = self.configuration.includes_step(self.steps)
        self._calls, self._completion, self._counts, self._open = [], [], {}, []
        if self._is_recorded:
            self._hand("begin_step", self.steps)

    def _end_step(self):
        self._has_returned = True
        self._depth -= 1
        if self._depth:
            return
        if self._is_recorded:
            self._close_down_to(0)
            self._hand("end_step", self._calls, self._completion)
        self.steps += 1
        self._is_recorded = False

    def _leave_forward(self):
        """Lets go of a step whose forward raised: the next forward takes its number."""
        has_returned, self._has_returned = self._has_returned, False
        if has_returned or not self._depth:
            return
        self._depth -= 1
        if not self._depth:
            is_recorded, self._is_recorded = self._is_recorded, False
            if is_recorded and self._failure is None:
                self._hand("discard_step")

    # A call

    def _begin(self, module, name, arguments, keywords):
        if not self._depth:
            self._strays.add(name)
            return
        if not self._is_recorded:
            return
        index = self._counts.get(name, 0)
        self._counts[name] = index + 1
        rule = self._rules[name]
        is_wanted = rule.call in (None, index) if rule else \
            not self.configuration.module_call_match
        if not is_wanted:
            self._open.append((module, None, None))
            return
        if rule:
            self._used_rules.add(rule.source)
        self._has_calls = True
        call = Call(name, index)
        self._open.append((module, call, len(self._calls)))
        self._calls.append(call)
        self._write(call, "inputs", tuple(arguments), keywords)

    def _end(self, module, name, arguments, keywords, output):
        position = next((position for position in reversed(range(len(self._open)))
                         if self._open[position][0] is module), None) if self._is_recorded else None
        if position is None:
            return
        self._close_down_to(position + 1)
        call = self._open[position][1]
        if call is not None:
            if self.configuration.log_post_fwd_inputs:
                self._write(call, "post_fwd_inputs", tuple(arguments), keywords)
            self._write(call, "outputs", output)
        self._close_down_to(position)

    def _close_down_to(self, count):
        """Completes the calls above; those that raised, and were caught, have no outputs."""
        while len(self._open) > count:
            _, call, position = self._open.pop()
            if call is not None:
                self._completion.append(position)

    def _write(self, call, name, value, keywords=None):
        try:
            side = Side(name, value, keywords)
        except Exception as error:  # in the user's own classes
            side = Side.unopened(name, error)
        wanted = []
        for slot, device, tensor in side.found:
            if not self.configuration.includes_device(device):
                self._excluded.add(device)
                continue
            self._devices.add(device)
            value = self._captured(tensor)
            if isinstance(value, NotRecorded):
                self._lose(call, slot, value.reason)
            else:
                self._has_tensors = True
            wanted.append((slot, device, value))
        self._hand("write", call, name, side.description, wanted)

    def _captured(self, tensor):
        """What is written of a tensor: a copy, a digest, a note of its size, or why it is not."""
        if isinstance(tensor, NotRecorded):
            return tensor
        try:
            value = captured(tensor, self.configuration.max_tensor_size)
            return value if isinstance(value, Skipped) else kept(value, self.configuration.keep)
        except Unrecordable as error:
            return NotRecorded(str(error))

    def _lose(self, call, slot, reason):
        if self._is_strict:
            self._failure = RecordError(
                f"cannot record {slot} of {call.module}: {reason}; leave the module out by "
                "module_call_match, hand it a plain tensor, or record without strict")
            raise self._failure
        self._lost.setdefault(reason, [0, f"{slot} of {call.module}"])[0] += 1

    def _hand(self, method, *values):
        if self._failure is not None:
            raise self._failure
        try:
            for writer in self._writers:
                getattr(writer, method)(*values)
        except BaseException as error:
            self._failure = error
            raise

    # The end

    def _finish(self):
        recipe = {"steps": self.steps, "dtype": self._manifest.provenance["dtype"],
                  "devices": sorted(self._devices), "token_ids": []} | self.recipe
        self._manifest.recipe = recipe
        for writer in self._writers:
            writer.finish()

    def _abandon(self):
        for writer in self._writers:
            writer.abandon()
        self._writers = []

    def _refuse_nothing(self):
        if self._has_tensors:
            return
        configuration = self.configuration
        if not self.steps:
            reason = "no forward of the model ended"
        elif not any(configuration.includes_step(step) for step in range(self.steps)):
            reason = (f"log_step_ids selects {sorted(configuration.log_step_ids)}, and the last "
                      f"step was {self.steps - 1}")
        elif not self._has_calls:
            sources = ", ".join(f'"{rule.source}"' for rule in configuration.module_call_match)
            reason = f"no module call matches module_call_match {sources}" if sources else \
                "the model called no module"
        elif self._lost:
            cause, (_, place) = next(iter(self._lost.items()))
            reason = f"none of the tensors could be; {place}: {cause}"
        elif self._excluded:
            reason = (f"device_names selects {', '.join(sorted(configuration.device_names))}, and "
                      f"all tensors are on {', '.join(sorted(self._excluded))}")
        else:
            reason = "the recorded module calls had no tensors"
        raise RecordError(f"nothing was recorded: {reason}")

    def _warn(self):
        for rule in self.configuration.module_call_match:
            if rule.source not in self._used_rules:
                warnings.warn(f'module_call_match: the pattern "{rule.source}" recorded no module '
                              "call", stacklevel=3)
        for reason, (count, place) in list(self._lost.items())[:5]:
            warnings.warn("not recorded, and a failure where the run is compared: "
                          f"{place}: {reason}"
                          + (f" ({count} tensors)" if count > 1 else ""), stacklevel=3)
        if self._strays:
            names = ", ".join(sorted(self._strays)[:5])
            warnings.warn(f"{len(self._strays)} modules ran outside of a forward of the recorded "
                          f"model, and those calls were not recorded: {names}; record the module "
                          "that is called", stacklevel=3)


def distributed_rank():
    """This process's rank among several, or ``None``."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return None
    return distributed.get_rank() if distributed.get_world_size() > 1 else None


def shared_id(given, rank):
    """The given id or a random one, the same on all ranks."""
    ids = [given or str(uuid.uuid4())]
    if rank is not None:
        torch.distributed.broadcast_object_list(ids, src=0)
    return ids[0]


def dtype_of(model):
    """The name of the dtype of most parameters: what the model computes in."""
    counts = {}
    for parameter in model.parameters():
        name = str(parameter.dtype).removeprefix("torch.")
        counts[name] = counts.get(name, 0) + parameter.numel()
    return max(counts, key=counts.get, default="float32")
