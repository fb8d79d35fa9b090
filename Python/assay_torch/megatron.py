"""What the parallel layers of Megatron tell of how tensor parallelism splits their tensors.

They are known by the names of their classes and their attributes: Megatron is not imported.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from assay_torch.placements import REPLICATE, Declaration, column, fold, layer, parts, shard


def placements(model: torch.nn.Module, world_size: int) -> dict[str, Any] | None:
    """Rules for such layers where all ranks share each of them; else ``None``.

    With data or pipeline parallelism beside it, nothing in a layer tells which ranks share it.
    """
    declarations, sizes = {}, set()
    for name, module in model.named_modules(remove_duplicate=False):
        kind, found = type(module), None
        # Those of vLLM have the names and not all of the attributes: its plugin knows them.
        if kind.__name__ in DECLARATIONS and not kind.__module__.startswith("vllm."):
            with contextlib.suppress(AttributeError):  # a class of the same name
                found = DECLARATIONS[kind.__name__](module)
        size, declaration = found or (1, None)
        declarations[name] = declaration if size > 1 else None
        if size > 1:
            sizes.add(size)
    rules = fold(declarations)
    if not rules or sizes != {world_size}:
        return None
    return {"mesh": [{"tp": world_size}], "rules": rules}


def column_parallel(module: Any) -> tuple[int, Declaration]:
    """What a layer that is cut along its outputs declares, and on how many ranks."""
    width, stride = module.output_size, getattr(module.weight, "partition_stride", 1)
    cut = shard(-1, width) if stride == 1 else parts(-1, *[width // stride] * stride)
    return width // module.output_size_per_partition, column(
        cut, module.gather_output, getattr(module, "skip_bias_add", False),
        shard(0) if getattr(module, "sequence_parallel", False) else REPLICATE)


def row_parallel(module: Any) -> tuple[int, Declaration]:
    """What a layer that is cut along its inputs declares, and on how many ranks."""
    width = module.input_size
    return width // module.input_size_per_partition, layer(
        shard(-1, width) if module.input_is_parallel else REPLICATE,
        shard(0) if getattr(module, "sequence_parallel", False) else REPLICATE)


def embedding(module: Any) -> tuple[int, Declaration]:
    """What an embedding whose vocabulary is cut declares, and on how many ranks."""
    is_scattered = getattr(module, "reduce_scatter_embeddings", False)
    size = module.num_embeddings // module.num_embeddings_per_partition
    return size, layer(REPLICATE, shard(0) if is_scattered else REPLICATE)


DECLARATIONS = {"ColumnParallelLinear": column_parallel, "RowParallelLinear": row_parallel,
                "VocabParallelEmbedding": embedding}
