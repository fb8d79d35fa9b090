"""What is refused, because hooks would see nothing of it."""

from __future__ import annotations

import functools
import types

import torch

from assay_torch.errors import RecordError


def refuse_what_hooks_cannot_see(model: torch.nn.Module) -> None:
    """Raises ``RecordError`` for a model of which hooks would see nothing, or calls of many at once."""
    for name, module in model.named_modules():
        where = f"the module {name}" if name else "the model"
        if type(module).__name__ == "OptimizedModule" or \
                getattr(module, "_compiled_call_impl", None) is not None:
            raise RecordError(
                f"{where} is compiled by torch.compile, which runs modules without their hooks; "
                "record the model before it is compiled")
        if method := compiled_method(module):
            raise RecordError(
                f"{method} of {where} is compiled by torch.compile, which runs the modules inside "
                "without their hooks; record the model before it is compiled")
        if isinstance(module, torch.jit.ScriptModule):
            raise RecordError(f"{where} is TorchScript, which runs modules without these hooks; "
                              "record the Python model that it was made of")
        if isinstance(module, torch.nn.DataParallel):
            raise RecordError(f"{where} is a DataParallel, which runs replicas at once; record "
                              "its .module on one device, or use DistributedDataParallel")


def refuse_capture() -> None:
    """Raises ``RecordError`` where a graph is being made that will later run without hooks."""
    if torch.compiler.is_compiling():
        raise RecordError("torch.compile is tracing the model; record it before it is compiled")
    if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
        raise RecordError("a CUDA graph is being captured, whose replays run no hooks; record with "
                          "CUDA graphs off (vLLM: --enforce-eager)")


def compiled_method(module: torch.nn.Module) -> str | None:
    """The name of a compiled method that may run modules below; of a leaf nothing would be lost."""
    if next(module.children(), None) is None:
        return None
    for name in compiled_members(type(module)):
        if name not in vars(module):
            return name
    for name, value in vars(module).items():
        if is_compiled(value):
            owner = getattr(value._torchdynamo_orig_callable, "__self__", None)
            if name == "forward" or isinstance(owner, torch.nn.Module):
                return name
    return None


@functools.cache
def compiled_members(kind: type) -> list[str]:
    """The names of a class's compiled methods."""
    return [name for owner in kind.__mro__ for name, value in vars(owner).items()
            if is_compiled(value)]


def is_compiled(value: object) -> bool:
    """Whether a value is a function that torch.compile made."""
    return isinstance(value, types.FunctionType) \
        and "_torchdynamo_orig_callable" in vars(value) \
        and not vars(value).get("_torchdynamo_disable", False)
