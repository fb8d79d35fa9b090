"""Records what every module of a PyTorch model computed, for Assay to compare and replay.

    import assay_torch

    with assay_torch.record(model, {"output_dir": "runs"}) as run:
        model(x)
    print(run.paths)

Torch is loaded when the first name is used: the plugins that pytest and vLLM load wherever this
package is installed cost them nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay_torch.configuration import Configuration as Configuration
    from assay_torch.errors import GoldenError as GoldenError
    from assay_torch.errors import RecordError as RecordError
    from assay_torch.provenance import model_hash as model_hash
    from assay_torch.recording import Recording as Recording
    from assay_torch.recording import record as record

_MODULES = {
    "Configuration": "configuration", "GoldenError": "errors", "RecordError": "errors",
    "Recording": "recording", "model_hash": "provenance", "record": "recording"}

__all__ = ["Configuration", "GoldenError", "RecordError", "Recording", "model_hash", "record"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError("the recorder needs PyTorch, which is not installed: "
                          'pip install "assay-torch[torch]"', name="torch") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
