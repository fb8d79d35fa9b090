"""The plugin that vLLM loads into each of its processes.

It does nothing, and imports nothing, unless ``ASSAY_INTERMEDIATE_LOG_CONFIG_PATH`` names a capture
configuration.
"""

from __future__ import annotations

import os

VARIABLE = "ASSAY_INTERMEDIATE_LOG_CONFIG_PATH"


def register() -> None:
    """The entry point of the group ``vllm.general_plugins``; vLLM may call it more than once."""
    path = os.environ.get(VARIABLE)
    if path:
        from assay_torch.vllm.worker import install
        install(path)
