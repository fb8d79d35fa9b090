"""The layout ``assay.spool/1``, in which a run is recorded: ``Golden/README.md`` describes it.

The forward only copies tensors; a thread writes them one after another, and a line of JSON for each
step that ended. A line without its end is of a step that did not.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from assay_torch.digest import Digested, kept
from assay_torch.disk import replace_file
from assay_torch.errors import RecordError
from assay_torch.plans import Plan, noted
from assay_torch.text import json_text

SCHEMA = "assay.spool/1"
MANIFEST, TENSORS, STEPS = "spool.json", "tensors.bin", "steps.jsonl"
ALIGNMENT = 64
QUEUE_BYTES = 256 << 20  # that wait for the thread before the forward does
# Of the tensors that are handed over at once: few, since a thread that runs Python while the forward
# does makes each of its operations wait.
PART_BYTES = 16 << 20

_ZEROS = bytes(ALIGNMENT)
_BUFFERS = 1024  # that the system writes at once
# What numpy knows no dtype for is seen as integers of its size.
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_NUMPY = {torch.float64, torch.float32, torch.float16, torch.int8, torch.int16, torch.int32,
          torch.int64, torch.uint8, torch.bool, torch.complex64, torch.complex128}


class SpoolWriter:
    """Writes a run while it is recorded; what fails in its thread raises at the next call."""

    def __init__(self, path: str, manifest: dict[str, Any], keep: str) -> None:
        self.path, self._keep = path, keep
        os.makedirs(path, exist_ok=True)
        if any(name in (MANIFEST, "run.json", "run.h5") or name.startswith("step_")
               for name in os.listdir(path)):
            raise RecordError(f"{path} holds a run already")
        self._tensors = self._create(TENSORS)
        self._steps = self._create(STEPS)
        self.describe(manifest)
        # The forward's own.
        self._sides, self._side_bytes = [], 0
        # The thread's own.
        self._offset, self._step_offset, self._texts = 0, 0, {}
        # Guarded by the condition, which is notified whenever any of it changes.
        self._condition = threading.Condition()
        self._queue, self._queued_bytes, self._is_busy, self._is_over = [], 0, False, False
        self.failure = None
        # Not waited for when the process ends: a recording that nobody ends is as if killed.
        self._thread = threading.Thread(target=self._run, name="assay recorder", daemon=True)
        self._thread.start()

    def _create(self, name: str) -> int:
        try:
            return os.open(os.path.join(self.path, name),
                           os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            raise RecordError(
                f"{self.path} holds a run already, or another recorder begins one there") from None

    # The forward's side

    def describe(self, manifest: dict[str, Any]) -> None:
        """Writes the manifest, whole or not at all. Raises ``RecordError``."""
        try:
            replace_file(os.path.join(self.path, MANIFEST),
                         json_text({"schema": SCHEMA} | manifest) + "\n")
        except OSError as error:
            raise RecordError(f"cannot write {self.path}: {error}") from error

    def begin_step(self) -> None:
        """Begins a step, whose tensors follow."""
        self._hand(self._begin)

    def write(self, position: int, plan: Plan, tensors: list[torch.Tensor],
              states: list[Any]) -> None:
        """Takes one side of the call at a position of the step's calls."""
        self._sides.append((position, plan, tensors, states))
        self._side_bytes += plan.byte_count
        if self._side_bytes >= PART_BYTES:
            self._flush()

    def end_step(self, step: int, calls: list[str], completion_order: list[int], rows: Any) -> None:
        """Returns when the step is in the files: a process that is killed then has it.

        Calls are JSON members; rows are any value that JSON holds, or ``None``.
        """
        rows = "" if rows is None else f'"rows":{json_text(rows)},'
        self._flush()
        self._hand(self._end, step, calls, completion_order, rows)
        self._drain()

    def discard_step(self) -> None:
        """Takes back what was written of the step."""
        self._sides, self._side_bytes = [], 0
        self._hand(self._discard)
        self._drain()

    def finish(self, recipe: dict[str, Any], is_durable: bool) -> None:
        """Says that the run is complete, and closes it."""
        self._hand(self._complete, recipe, is_durable)
        self._drain()
        self.close()

    def close(self) -> None:
        """Leaves the steps that ended."""
        with self._condition:
            if self._is_over:
                return
            self._is_over = True
            self._condition.notify_all()
        self._thread.join()
        for descriptor in (self._tensors, self._steps):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _flush(self) -> None:
        if self._sides:
            sides, count = self._sides, self._side_bytes
            self._sides, self._side_bytes = [], 0
            self._hand(self._write, sides, byte_count=count)

    def _hand(self, work: Callable[..., None], *values: Any, byte_count: int = 0) -> None:
        with self._condition:
            while self.failure is None and self._queued_bytes \
                    and self._queued_bytes + byte_count > QUEUE_BYTES:
                self._condition.wait()
            if self.failure is not None:
                raise self.failure
            self._queue.append((work, values, byte_count))
            self._queued_bytes += byte_count
            self._condition.notify_all()

    def _drain(self) -> None:
        with self._condition:
            while self.failure is None and (self._queue or self._is_busy):
                self._condition.wait()
            if self.failure is not None:
                raise self.failure

    # The thread's side

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._is_over:
                    self._condition.wait()
                if self._is_over:
                    return
                work, values, byte_count = self._queue.pop(0)
                self._is_busy = True
            try:
                work(*values)
                failure = None
            except OSError as error:
                failure = RecordError(f"cannot write {self.path}: {error}")
            except BaseException as error:
                failure = error
            del work, values  # and with them the tensors
            with self._condition:
                self._queued_bytes -= byte_count
                self._is_busy = False
                if failure is not None:
                    self.failure = failure
                    self._queue.clear()
                self._condition.notify_all()
            if failure is not None:
                return

    def _begin(self) -> None:
        self._step_offset, self._texts = self._offset, {}

    def _discard(self) -> None:
        os.ftruncate(self._tensors, self._step_offset)
        self._offset = os.lseek(self._tensors, self._step_offset, os.SEEK_SET)
        self._texts = {}

    def _write(self, sides: list[tuple[int, Plan, list[torch.Tensor], list[Any]]]) -> None:
        buffers, offset = [], self._offset
        for position, plan, tensors, states in sides:
            description = plan.description(tensors, states)
            entries, index = [], 0
            for entry in plan.entries:
                if type(entry) is str:
                    entries.append(entry)
                    continue
                before, after, slot = entry
                tensor = kept(tensors[index], self._keep) if self._keep != "full" \
                    else tensors[index]
                index += 1
                if isinstance(tensor, Digested):
                    entries.append(noted(slot, plan.devices[index - 1], tensor))
                    continue
                entries.append(f"{before}{offset}{after}")
                data = bytes_of(tensor)
                if count := data.nbytes:
                    buffers.append(data)
                    offset += count
                    if rest := offset % ALIGNMENT:
                        buffers.append(_ZEROS[rest:])
                        offset += ALIGNMENT - rest
            text = self._texts.get(position)
            if text is None:
                text = self._texts[position] = ([], [])
            text[0].append(f'"{plan.side}":{description},')
            text[1].extend(entries)
        if len(buffers) <= _BUFFERS:
            write_all(self._tensors, buffers, offset - self._offset)
        else:
            for start in range(0, len(buffers), _BUFFERS):
                some = buffers[start:start + _BUFFERS]
                write_all(self._tensors, some,
                          sum(len(one) if type(one) is bytes else one.nbytes for one in some))
        self._offset = offset

    def _end(self, step: int, calls: list[str], completion_order: list[int], rows: str) -> None:
        listed = []
        for position, call in enumerate(calls):
            sides, entries = self._texts.get(position, ((), ()))
            listed.append(f'{{{call},{"".join(sides)}"tensors":[{",".join(entries)}]}}')
        self._append(f'{{"step":{step},{rows}"completion_order":{json_text(completion_order)},'
                     f'"calls":[{",".join(listed)}]}}\n')
        self._texts = {}

    def _complete(self, recipe: dict[str, Any], is_durable: bool) -> None:
        if is_durable:
            os.fsync(self._tensors)
        self._append(json_text({"complete": True, "recipe": recipe}) + "\n")
        if is_durable:
            os.fsync(self._steps)

    def _append(self, line: str) -> None:
        data = line.encode()
        write_all(self._steps, [data], len(data))


def remove_spool(path: str) -> None:
    """Removes the files of a spool; what stands beside them is a run from the first of them on."""
    for name in (MANIFEST, STEPS, TENSORS):
        os.unlink(os.path.join(path, name))


def bytes_of(tensor: torch.Tensor) -> np.ndarray:
    """A contiguous tensor's bytes, as an array that shares them."""
    if tensor.dtype not in _NUMPY:
        tensor = tensor.view(_INTEGERS[tensor.dtype.itemsize])
    return tensor.numpy()


def write_all(descriptor: int, buffers: Sequence[bytes | np.ndarray], byte_count: int) -> None:
    """Writes buffers one after another; systems may take less than they are given."""
    written = os.writev(descriptor, buffers)
    if written == byte_count:
        return
    for buffer in buffers:
        rest = np.frombuffer(buffer, dtype=np.uint8)
        skipped = min(written, len(rest))
        written -= skipped
        rest = rest[skipped:]
        while len(rest):
            rest = rest[os.write(descriptor, rest):]
