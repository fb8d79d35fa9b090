"""What the modules of vLLM tell of how its ranks hold their tensors.

Modules are known by the names of their classes, as a release has them. Hidden states are whole on
every tensor-parallel rank, and replicas must agree where they are compared: so a module that is not
parallel is declared whole, and one that looks parallel and is not known is not declared.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch

from assay_torch.placements import (PARTIAL, REPLICATE, STAGE, Declaration, column, fold,
                                    inputs, layer, parts, shard)

logger = logging.getLogger("vllm.assay")

WHOLE = [(None, {"tp": REPLICATE})]
# The classes whose own `forward` and `__init__` are known to do what is declared.
COLUMN = {"ColumnParallelLinear", "MergedColumnParallelLinear", "QKVParallelLinear"}
ACTIVATIONS = {"act", "act_fn", "activation", "activation_fn", "intermediate_act_fn"}
OPERATION = ("forward", "__init__")
# Ten times what replicas of 30 layers on three ranks differed by: 1e-5 of 1 + |x|.
REORDERED = {"rtol": 1e-5, "atol": 1e-4}


def placements(
        model: torch.nn.Module, parallel: Any, world_size: int,
        gathered: Callable[[Any], list[Any]] = lambda value: [value]) -> dict[str, Any] | None:
    """The placements of all modules of a model, or ``None`` where they are not known.

    Args:
        parallel: vLLM's ``parallel_config``.
        world_size: How many ranks there are.
        gathered: Hands a value to all ranks, and returns the values of all, by rank.
    """
    stages, ranks = parallel.pipeline_parallel_size, parallel.tensor_parallel_size
    if world_size == 1:
        return None
    if stages * ranks != world_size:
        logger.warning("assay: of %d ranks only tensor and pipeline parallelism are known, and not "
                       "how these hold their tensors", world_size)
        return None
    declarations, unknown = declared(model, ranks)
    if unknown:
        logger.warning("assay: how the ranks hold the tensors of %d modules is not known, and they "
                       "will fail where these are compared as one run: %s", len(unknown),
                       ", ".join(unknown[:5]))
    if stages > 1:
        # vLLM counts its ranks stage by stage.
        declarations = staged(gathered(declarations)[::ranks])
    if ranks == 1:
        declarations = {name: None if declaration is None else [
            (slots, {axis: value for axis, value in axes.items() if axis != "tp"})
            for slots, axes in declaration] for name, declaration in declarations.items()}
    sizes = [{"pp": stages}, {"tp": ranks}]
    found = {"mesh": [axis for axis in sizes if 1 not in axis.values()],
             "rules": fold(declarations)}
    weight = next(model.parameters(), None)
    if ranks > 2 and weight is not None and (weight.device.type, weight.dtype) == \
            ("cpu", torch.float32):
        # On the processor each rank adds the others' sums to its own: in an order of its own.
        found["replicas"] = REORDERED
    return found


def staged(stages: list[dict[str, Declaration | None]]) -> dict[str, Declaration | None]:
    """The declarations of a model that is cut into stages, of those that each stage has.

    A module of one stage is recorded there. Of one that runs on several only the output of the last
    is the model's own: between the stages go values that the whole model does not have.
    """
    merged = {}
    for name in dict.fromkeys(name for stage in stages for name in stage):
        found = [stage[name] for stage in stages if name in stage]
        if found[0] is None or any(one != found[0] for one in found):
            merged[name] = None
        elif len(found) == 1:
            merged[name] = [(slots, axes | {"pp": STAGE}) for slots, axes in found[0]]
        else:
            merged[name] = [(["outputs"], axes | {"pp": STAGE}) for slots, axes in found[0]
                            if slots is None] or None
    return merged


def declared(model: torch.nn.Module, ranks: int) -> tuple[dict[str, Declaration | None], list[str]]:
    """A declaration of each module that runs, by name, and the names of those not known."""
    modules = dict(model.named_modules(remove_duplicate=False))
    declarations, unknown = {}, []
    for name, module in modules.items():
        if not name or not runs(module) or is_rotary(modules[name.rpartition(".")[0]]):
            continue
        declarations[name] = declaration = declared_of(name, module, modules, ranks)
        if declaration is None:
            unknown.append(name)
    return declarations, unknown


def runs(module: torch.nn.Module) -> bool:
    """Whether a module has a forward, and is on this stage."""
    return type(module).forward is not torch.nn.Module.forward \
        and not kinds(module) & {"PPMissingLayer", "ParallelLMHead"}


def declared_of(name: str, module: torch.nn.Module, modules: dict[str, Any],
                ranks: int) -> Declaration | None:
    """What a module's class and attributes tell, and its siblings'; ``None`` for nothing."""
    known, size = kinds(module), getattr(module, "tp_size", 1)
    if ranks == 1:
        return WHOLE
    if "ReplicatedLinear" in known:
        return WHOLE
    if known & COLUMN or "RowParallelLinear" in known:
        if size == 1:
            return WHOLE
        if size != ranks:
            return None
        if "RowParallelLinear" in known:
            return row_parallel(module) if does_as(module, {"RowParallelLinear"}) else None
        return column_parallel(module, ranks) if does_as(module, COLUMN) else None
    if "VocabParallelEmbedding" in known:
        is_reduced = size == 1 or getattr(module, "reduce_results", True)
        return layer(REPLICATE, REPLICATE if is_reduced else PARTIAL)
    if "LogitsProcessor" in known:
        # Gathered on all ranks, or on one.
        return layer(REPLICATE, REPLICATE if module.use_all_gather else STAGE)
    if known & {"MoERunner", "FusedMoE"}:
        return experts(module)
    if known & {"MLAAttention", "MMEncoderAttention"}:
        return None
    if "Attention" in known:
        return attention(name, module, modules, ranks)
    if is_rotary(module):
        return rotary(name, modules, ranks)
    return unparallel(name, module, modules, ranks)


def kinds(module: torch.nn.Module) -> set[str]:
    """The names of a module's classes."""
    return {base.__name__ for base in type(module).__mro__}


def is_rotary(module: torch.nn.Module) -> bool:
    """Whether a module turns queries and keys; those of transformers make cosines and sines."""
    return bool(kinds(module) & {"RotaryEmbedding", "RotaryEmbeddingBase"})


def does_as(module: torch.nn.Module, names: Iterable[str]) -> bool:
    """Whether what a module computes, and its sizes, are those of one of these classes."""
    return all(next(base.__name__ for base in type(module).__mro__ if method in vars(base)) in names
               for method in OPERATION)


def row_parallel(module: Any) -> Declaration:
    """What a layer that is cut along its inputs declares."""
    return layer(shard(-1, module.input_size) if module.input_is_parallel else REPLICATE,
               REPLICATE if module.reduce_results else PARTIAL)


def column_parallel(module: Any, ranks: int) -> Declaration:
    """What a layer that is cut along its outputs declares."""
    known = kinds(module)
    if "QKVParallelLinear" in known:
        replicas = {} if module.num_kv_head_replicas == 1 else {
            "replicas": module.num_kv_head_replicas}
        cut = parts(
            -1, {"name": "q", "width": ranks * module.num_heads * module.head_size},
            {"name": "k", "width": module.total_num_kv_heads * module.head_size} | replicas,
            {"name": "v", "width": module.total_num_kv_heads * module.v_head_size} | replicas)
    elif "MergedColumnParallelLinear" in known:
        cut = parts(-1, *module.output_sizes)
    else:
        cut = shard(-1, module.output_size)
    return column(cut, module.gather_output,
                  module.skip_bias_add and getattr(module, "bias", None) is not None)


def experts(module: Any) -> Declaration | None:
    """A mixture of experts: tokens and router's logits are whole, whatever holds the experts."""
    configuration = getattr(module, "moe_config", None)
    if getattr(configuration, "is_sequence_parallel", False):
        return None
    is_reduced = not getattr(configuration, "skip_final_all_reduce", False) \
        and getattr(module, "reduce_results", True)
    return layer(REPLICATE, REPLICATE if is_reduced else PARTIAL)


# Modules between parallel layers, which know nothing of the ranks themselves

def attention(name: str, module: Any, modules: dict[str, Any], ranks: int) -> Declaration | None:
    """The attention itself, between its projections: what its heads are."""
    found = producer(name, modules)
    if found is None or module.num_kv_heads != found.num_kv_heads:
        return None
    return grouped([
        (inputs("0", "query"), shard(-1, ranks * module.num_heads * module.head_size)),
        ("outputs", shard(-1, ranks * module.num_heads * module.head_size_v)),
        (inputs("1", "key"), heads(found, -1, module.head_size)),
        (inputs("2", "value"), heads(found, -1, module.head_size_v))])


def rotary(name: str, modules: dict[str, Any], ranks: int) -> Declaration | None:
    """The rotary embedding, which takes and returns queries and keys."""
    found = producer(name, modules)
    if found is None:
        return None
    sibling = next((one for path, one in siblings(name, modules) if "Attention" in kinds(one)),
                   found)
    query = shard(-1, ranks * sibling.num_heads * sibling.head_size)
    key = heads(found, -1, found.head_size)
    return grouped([(inputs("0", "positions"), REPLICATE),
                    (inputs("1", "query"), query), ("outputs_0", query),
                    (inputs("2", "key"), key), ("outputs_1", key)])


def grouped(pairs: list[tuple[str, Any]]) -> Declaration:
    """A declaration of slots, each with its value, in which those of one value stand together."""
    found = []
    for slot, value in pairs:
        axes = {"tp": value}
        group = next((slots for slots, known in found if known == axes), None)
        if group is None:
            found.append(([slot], axes))
        else:
            group.append(slot)
    return found


def heads(producer: Any, axis: int, width: int) -> dict[str, Any]:
    """The placement of keys or values; heads are held more than once where there are too few."""
    replicas = producer.num_kv_head_replicas
    return shard(axis, producer.total_num_kv_heads * width,
                 **{} if replicas == 1 else {"replicas": replicas})


def producer(name: str, modules: dict[str, Any]) -> Any:
    """The fused projection of queries, keys and values of the attention that a module lies in.

    A module that all layers share has that of any of them, where these are alike.
    """
    parent = name
    for _ in range(2):
        parent = parent.rpartition(".")[0]
        found = [one for path, one in children(parent, modules)
                 if "QKVParallelLinear" in kinds(one)]
        if found:
            return found[0] if len(found) == 1 else None
    found = [one for one in modules.values() if "QKVParallelLinear" in kinds(one)]
    shapes = {(one.num_heads, one.total_num_kv_heads, one.head_size, one.v_head_size)
              for one in found}
    return found[0] if len(shapes) == 1 else None


def unparallel(name: str, module: Any, modules: dict[str, Any], ranks: int) -> Declaration | None:
    """What a module that is not parallel declares."""
    last, is_leaf = name.rpartition(".")[2], not any(True for _ in module.children())
    if last in ACTIVATIONS:
        return activation(name, module, modules)
    if is_leaf and (found := re.fullmatch("([qk])_(?:norm|layernorm)", last)):
        return head_norm(found[1], name, module, modules, ranks)
    if is_leaf and getattr(module, "tp_size", 1) > 1 and "TPAwareNormMixin" not in kinds(module):
        return None
    if any("RowParallelLinear" in kinds(one) and one.tp_size > 1 and not one.reduce_results
           for one in module.children()):
        # They are what it returns, where the name of its class says what it does.
        is_known = type(module).__name__.endswith(("MLP", "Attention"))
        return layer(REPLICATE, PARTIAL) if is_known else None
    return WHOLE


def activation(name: str, module: torch.nn.Module, modules: dict[str, Any]) -> Declaration | None:
    """Between the two projections of a feed-forward network, of the width of the first."""
    made = [one for _, one in siblings(name, modules) if kinds(one) & COLUMN
            and "QKVParallelLinear" not in kinds(one)]
    if not made or all(one.tp_size == 1 or one.gather_output for one in made):
        return WHOLE
    first = made[0]
    if first.tp_size == 1 or first.gather_output or not all(
            does_as(one, COLUMN) and one.output_size == first.output_size for one in made):
        return None
    given = output = shard(-1, first.output_size)
    if "MergedColumnParallelLinear" in kinds(first):
        sizes = first.output_sizes
        if len(sizes) != 2 or sizes[0] != sizes[1] or "And" not in type(module).__name__:
            return None
        given, output = parts(-1, *sizes), shard(-1, sizes[0])
    return grouped([(inputs(), given), ("outputs", output)])


def head_norm(which: str, name: str, module: Any, modules: dict[str, Any],
              ranks: int) -> Declaration | None:
    """A norm of each head's query or key, [tokens, heads, size], or of all heads at once."""
    found, weight = producer(name, modules), getattr(module, "weight", None)
    if found is None or weight is None:
        return None
    count = ranks * found.num_heads if which == "q" else found.total_num_kv_heads
    if weight.numel() == found.head_size:
        value = shard(-2, count) if which == "q" else heads(found, -2, 1)
    elif "TPAwareNormMixin" in kinds(module) and weight.numel() == count * found.head_size:
        value = shard(-1, count * found.head_size)  # gathered inside, and cut again
    else:
        return None
    return [(None, {"tp": value})]


def children(parent: str, modules: dict[str, Any]) -> list[tuple[str, Any]]:
    """The modules right below one, with their names."""
    return [(f"{parent}.{name}" if parent else name, one)
            for name, one in modules[parent].named_children()] if parent in modules else []


def siblings(name: str, modules: dict[str, Any]) -> list[tuple[str, Any]]:
    """The modules beside one, with their names."""
    return [(path, one) for path, one in children(name.rpartition(".")[0], modules) if path != name]
