"""Makes the layouts that were asked for of a spool."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import uuid
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import torch

from assay_torch.digest import Digested
from assay_torch.directory import DirectoryWriter
from assay_torch.errors import RecordError
from assay_torch.hdf5 import HDF5Writer
from assay_torch.spool import MANIFEST, SCHEMA, STEPS, TENSORS
from assay_torch.values import NotRecorded, Skipped

SIDES = ("post_fwd_inputs", "inputs", "outputs")


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a module within a step."""
    module: str
    index: int  # how many times the module ran before within the step


def convert(spool: str, targets: list[str]) -> None:
    """Makes a run of each target: an HDF5 file of one that ends in ``.h5``, else a directory.

    The program ``assay`` does it, which ``ASSAY`` names or ``PATH`` has: it is many times faster.
    Where there is none, ``ASSAY`` is empty, or it fails, this library does. Raises ``RecordError`` or ``OSError``.
    """
    program = os.environ.get("ASSAY", shutil.which("assay"))
    working = [(target, started(program, spool, target) if program else None)
               for target in targets]
    for target, process in working:
        if process is not None:
            output, _ = process.communicate()
            if process.returncode == 0 and os.path.exists(target):
                continue
            warnings.warn(f"{program} could not convert the recording, which is done slowly now: "
                          + (output.strip() or f"it ended with status {process.returncode}"))
        copied(spool, target)


def started(program: str, spool: str, target: str) -> subprocess.Popen[str] | None:
    """Starts the program that converts; ``None`` where it cannot be run."""
    try:
        return subprocess.Popen([program, "convert", spool, target], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                errors="replace")
    except OSError as error:
        warnings.warn(f"cannot run {program}, so that the recording is converted slowly: {error}")
        return None


def is_hdf5(target: str) -> bool:
    """Whether a path is that of an HDF5 file."""
    return os.path.splitext(target)[1].lower() in (".h5", ".hdf5")


def copied(spool: str, target: str) -> None:
    """The same without the program ``assay``: the target appears whole or not at all."""
    if os.path.lexists(target):
        raise RecordError(f"{target} already exists; remove it or choose another place")
    run = Spool(spool)
    folder, name = os.path.split(os.path.abspath(target))
    temporary = os.path.join(folder, f".{name}.{str(uuid.uuid4()).upper()}.tmp")
    os.makedirs(folder, exist_ok=True)
    try:
        writer = (HDF5Writer if is_hdf5(target) else DirectoryWriter)(temporary, run.manifest)
        for step in run.steps():
            run.copy(step, writer)
        writer.finish(run.is_complete)
        os.rename(temporary, target)
    except BaseException:
        if os.path.isdir(temporary):
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise


class Spool:
    """A recorded spool: its manifest, whether it is complete, and its steps."""

    def __init__(self, path: str) -> None:
        self.path = path
        with self.reading(MANIFEST), open(os.path.join(path, MANIFEST), encoding="utf-8") as file:
            members = json.load(file)
            if members.pop("schema") != SCHEMA:
                raise ValueError(f"its schema is not {SCHEMA}")
        # A line without its end is of a step that did not end.
        with self.reading(STEPS), open(os.path.join(path, STEPS), "rb") as file:
            self.lines = file.read().split(b"\n")[:-1]
            last = json.loads(self.lines[-1]) if self.lines else {}
        self.is_complete = "complete" in last
        if self.is_complete:
            self.lines.pop()
        self.manifest = members | {"recipe": last["recipe"]} if "recipe" in last else members

    def steps(self) -> Iterator[dict[str, Any]]:
        """The lines of the steps that ended."""
        for number, line in enumerate(self.lines, 1):
            with self.reading(f"{STEPS}, line {number}"):
                step = json.loads(line)
            yield step

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Names the spool and one of its files in what reading raises."""
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{self.path} is no recording that can be read: {name}: {error}") \
                from error

    def copy(self, step: dict[str, Any], writer: HDF5Writer | DirectoryWriter) -> None:
        """Hands a step to a writer."""
        writer.begin_step(step["step"])
        calls = []
        with open(os.path.join(self.path, TENSORS), "rb") as file:
            for listed in step["calls"]:
                call = Call(listed["module"], listed["call"])
                calls.append(call)
                for side in (side for side in listed if side in SIDES):
                    found = [(one["slot"], one["device"], self.value(one, file))
                             for one in listed["tensors"] if side_of(one["slot"]) == side]
                    writer.write(call, side, listed[side], found)
        writer.end_step(calls, step["completion_order"], step.get("rows"))

    def value(self, entry: dict[str, Any], file: BinaryIO) -> torch.Tensor | Skipped | NotRecorded:
        """What an entry stands for: a tensor, or what is known of it."""
        if "not_recorded" in entry:
            return NotRecorded(entry["not_recorded"])
        shape = tuple(entry["shape"])
        if "digest" in entry:
            figures = dict(entry["digest"])
            projection, sample = figures.pop("projection", None), figures.pop("sample", None)
            return Digested(
                entry["dtype"], shape, entry["device"], entry["skipped"], figures,
                None if projection is None else np.array(projection, np.float32),
                None if sample is None else np.frombuffer(base64.b64decode(sample), np.uint8))
        if "skipped" in entry:
            return Skipped(entry["dtype"], shape, entry["device"], entry["skipped"])
        data = torch.empty(entry["bytes"], dtype=torch.uint8)
        file.seek(entry["offset"])
        if file.readinto(data.numpy()) != entry["bytes"]:
            raise RecordError(f"{os.path.join(self.path, TENSORS)} ends before {entry['slot']}")
        tensor = data.view(getattr(torch, entry["dtype"].removeprefix("torch."))).reshape(shape)
        # Back to where it was: a `.pt` says so.
        return tensor if entry["device"] == "cpu" else tensor.to(entry["device"])


def side_of(slot: str) -> str:
    """The side of a call that a slot is of."""
    return next(side for side in SIDES if slot.startswith(side))
