"""Writes sglang/: what SGLang's own two dumpers write of a tiny model, and what they were given.

    pip download --no-deps sglang==0.5.23 && python3 -m zipfile -e sglang-*.whl WHEEL
    python3 make_sglang_dumps.py WHEEL        (needs torch)

The files `dumper.py` and `tensor_dump_forward_hook.py` of the wheel run as they are. What they import
of SGLang needs a GPU's packages, so stand-ins with the fields that they read take its place: the
batch, the logits and the ranks. expected.json has the values that the model's forwards had, by pass.

sglang/ranks/ has dumps of several ranks, each of which got its part of a whole tensor with SGLang's
`dims`; the whole ones are in ranks/expected.json, by dump and name.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import shutil
import sys
import types

import torch

ROOT = pathlib.Path(__file__).parent / "sglang"
WHEEL = pathlib.Path(sys.argv[1])


@dataclasses.dataclass
class LogitsProcessorOutput:
    next_token_logits: torch.Tensor


@dataclasses.dataclass
class ForwardBatch:
    input_ids: torch.Tensor
    positions: torch.Tensor
    seq_lens: torch.Tensor
    req_pool_indices: torch.Tensor
    rids: list


@dataclasses.dataclass
class PPProxyTensors:
    tensors: dict


class Ranks:
    """What SGLang says of a single process."""

    def __getattr__(self, name):
        if name.endswith("_rank"):
            return 0
        if name.endswith("_size"):
            return 1
        raise AttributeError(name)


def stand_in(name, **members):
    module = types.ModuleType(name)
    module.__path__ = []
    vars(module).update(members)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def stand_ins():
    for name in ["sglang", "sglang.srt", "sglang.srt.managers", "sglang.srt.layers",
                 "sglang.srt.layers.layer_boundary", "sglang.srt.layers.layer_boundary.residual",
                 "sglang.srt.model_executor", "sglang.srt.distributed"]:
        stand_in(name)
    stand_in("zmq")
    stand_in("sglang.srt.managers.io_struct", sock_recv=None, sock_send=None, wrap_as_pickle=None)
    stand_in("sglang.srt.runtime_context", get_parallel=Ranks, get_server_args=lambda: None,
             get_serving=None)
    stand_in("sglang.srt.utils", get_device=lambda: "cpu")
    stand_in("sglang.srt.layers.logits_processor", LogitsProcessorOutput=LogitsProcessorOutput)
    stand_in("sglang.srt.layers.dp_attention", get_moe_cp_size=lambda: 1,
             is_dp_attention_enabled=lambda: False)
    stand_in("sglang.srt.layers.layer_boundary.output", UnreducedOutput=type("U", (), {}))
    stand_in("sglang.srt.layers.layer_boundary.residual.stream", OwedOutput=type("O", (), {}))
    stand_in("sglang.srt.model_executor.forward_batch_info", ForwardBatch=ForwardBatch,
             PPProxyTensors=PPProxyTensors)


def load(name):
    path = WHEEL / "sglang/srt/debug_utils" / (name + ".py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Norm(torch.nn.LayerNorm):
    """A fused norm: what it was given comes back, as the residual."""

    def forward(self, x):
        return super().forward(x), x


class Proj(torch.nn.Linear):
    """A linear of SGLang, which returns its bias too, here none."""

    def forward(self, x):
        return super().forward(x), None


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = Norm(4)
        self.proj = Proj(4, 4, bias=False)

    def forward(self, x, forward_batch):
        x, residual = self.norm(x)
        # One module that is called twice.
        return self.proj(self.proj(x)[0])[0] + residual


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(8, 4)
        self.layers = torch.nn.ModuleList([Layer()])

    def forward(self, input_ids, positions, forward_batch):
        x = self.embed_tokens(input_ids)
        for layer in self.layers:
            x = layer(x, forward_batch)
        return x


class LogitsProcessor(torch.nn.Module):
    def forward(self, x, weight, forward_batch):
        # The last row of each request.
        lengths, positions = forward_batch.seq_lens, forward_batch.positions
        ends, row = [], -1
        for length in lengths.tolist():
            row += length - int(positions[row + 1])
            ends.append(row)
        return LogitsProcessorOutput(x[ends] @ weight.T)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Inner()
        self.logits_processor = LogitsProcessor()

    def forward(self, input_ids, positions, forward_batch):
        x = self.model(input_ids, positions, forward_batch)
        return self.logits_processor(x, self.model.embed_tokens.weight, forward_batch)


def batch(*requests):
    """Of each request its id, its tokens, and the position of the first."""
    return ForwardBatch(
        torch.tensor([token for _, tokens, _ in requests for token in tokens]),
        torch.tensor([at + i for _, tokens, at in requests for i in range(len(tokens))]),
        torch.tensor([at + len(tokens) for _, tokens, at in requests]),
        torch.arange(len(requests)),
        [name for name, _, _ in requests])


# Two prompts together, one token of each, a third prompt, and a batch that the second has left.
BATCHES = [
    batch(("a", [1, 2, 3], 0), ("b", [4, 5], 0)),
    batch(("a", [6], 3), ("b", [7], 2)),
    batch(("c", [1, 0], 0)),
    batch(("a", [2], 4), ("c", [3], 2)),
]


def values(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().double().flatten().tolist()}


@torch.no_grad()
def expected(model):
    passes = []
    for b in BATCHES:
        seen = {}

        def keep(name):
            def hook(module, args, output):
                seen.setdefault(name, []).append(
                    ([a for a in args if isinstance(a, torch.Tensor)], output))
            return hook

        handles = [m.register_forward_hook(keep(n)) for n, m in model.named_modules() if n]
        model(b.input_ids, b.positions, b)
        for handle in handles:
            handle.remove()
        norm, proj = seen["model.layers.0.norm"][0], seen["model.layers.0.proj"]
        passes.append({
            "input_ids": values(b.input_ids), "positions": values(b.positions),
            "seq_lens": values(b.seq_lens),
            "embed": values(seen["model.embed_tokens"][0][1]),
            "normed": values(norm[1][0]), "residual": values(norm[1][1]),
            "first_proj": values(proj[0][1][0]), "second_proj": values(proj[1][1][0]),
            "model": values(seen["model"][0][1]),
            "logits": values(seen["logits_processor"][0][1].next_token_logits),
        })
    return passes


@torch.no_grad()
def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir()
    stand_ins()
    os.environ.update(
        DUMPER_ENABLE="1", DUMPER_DIR=str(ROOT), DUMPER_NON_INTRUSIVE_MODE="all",
        DUMPER_ENABLE_MODEL_VALUE="1", DUMPER_ENABLE_OUTPUT_CONSOLE="0",
        DUMPER_EXP_NAME="dump_20260102_030405_678901")
    dumper = load("dumper").dumper
    torch.manual_seed(0)
    model = Model()
    (ROOT / "expected.json").write_text(json.dumps(expected(model), separators=(",", ":")) + "\n")

    dumper.register_non_intrusive_dumper(model)
    for step, b in enumerate(BATCHES[:2]):
        if step:
            dumper.configure(filter="search('__', name) is None or search('norm', name)")
        model.forward(b.input_ids, b.positions, b)
        dumper.step()
    dumper.dump_model(torch.nn.ModuleDict({"norm": model.model.layers[0].norm}))
    dumper.dump("scales", {"low": torch.zeros(1), "pair": [torch.ones(2), torch.ones(2)]}, layer_id=3)
    dumper.dump("kind", "thd")
    dumper.reset()

    hooks = load("tensor_dump_forward_hook")
    hooks.os.getpid = lambda: 42
    hooks.register_forward_hook_for_model(model, str(ROOT / "passes"), None, 1, 0, 0)
    for b in BATCHES:
        model(b.input_ids, b.positions, b)


class Framework:
    """What stands in the dumper for a framework that knows where each rank is."""

    def __init__(self, name, places):
        self.name, self.places = name, places

    def collect_parallel_info(self):
        return self.places

    def detect_recompute_status(self):
        return sys.modules["dumper"]._RecomputeStatus.DISABLED

    def get_tokenizer_path(self):
        return None


def dump_ranks(name, framework, places, values):
    """Has each rank dump its part of each value: (name, dims, the parts by rank, None for none)."""
    for rank, place in enumerate(places):
        module = load("dumper")
        module._get_rank, module._get_world_size = lambda: rank, lambda: len(places)
        module._plugins[:] = [Framework(framework, place)]
        module.dumper.configure(dir=str(ROOT / "ranks"), exp_name=name)
        for value, dims, parts in values:
            if parts[rank] is not None:
                module.dumper.dump(value, parts[rank].clone(), dims=dims)


def whole(*shape):
    return torch.randn(*shape)


def rows_and_columns(tensor):
    """Rows 0 to 2 and the others, each in two halves of columns."""
    return [columns for rows in (tensor[:3], tensor[3:]) for columns in rows.chunk(2, 1)]


def dump_attention():
    """Four ranks: tp of 4 is attn_dp of 2 by attn_tp of 2, and moe_ep of 2 by moe_tp of 2."""
    places = [{
        "tp_rank": rank, "tp_size": 4, "pp_rank": 0, "pp_size": 1,
        "attn_dp_rank": rank // 2, "attn_dp_size": 2, "attn_tp_rank": rank % 2, "attn_tp_size": 2,
        "moe_ep_rank": rank // 2, "moe_ep_size": 2, "moe_tp_rank": rank % 2, "moe_tp_size": 2,
        "moe_dp_rank": 0, "moe_dp_size": 1, "attn_dp_enabled": True} for rank in range(4)]
    wholes = {
        "requests": whole(5, 4), "lone": whole(3, 4), "fused": whole(3, 8), "summed": whole(2, 3),
        "same": whole(2, 3), "experts": whole(4, 2), "squeezed": whole(2, 1, 8)}
    # Sums of these are exact in any order.
    terms = [torch.arange(6.0).reshape(2, 3) * 4**rank for rank in range(4)]
    wholes["summed"] = sum(terms)
    odd = [torch.ones(2, 3)] * 4
    dump_ranks("dump_1", "sglang", places, [
        ("requests", "t h[attn_tp] # dp:=attn_dp", rows_and_columns(wholes["requests"])),
        ("lone", "t h[attn_tp:sharded] # dp:=attn_dp", rows_and_columns(wholes["lone"])),
        ("fused", "t (num_heads*head_dim)[tp]", wholes["fused"].chunk(4, 1)),
        ("summed", "t h[tp:partial]", terms),
        ("same", "t h # attn_tp:replicated attn_dp:replicated", [wholes["same"]] * 4),
        ("experts", "e[moe_ep] h # moe_tp:replicated",
         [part for part in wholes["experts"].chunk(2) for _ in range(2)]),
        ("squeezed", "b 1 h[tp]", wholes["squeezed"].chunk(4, 2)),
        ("silent", None, odd),
        ("unknown", "t h[xp]", odd),
        ("packed", "t[tp:zigzag] h", odd),
        ("other_axes", "b t h[tp]", odd),
        ("overlapping", "t[tp] h # moe_ep:replicated", odd),
        ("half", "t h[attn_tp] # moe_ep:replicated", [torch.eye(2), torch.eye(2)] * 2),
        ("left_out", "h[attn_tp] d", odd),
    ])
    wholes["half"] = torch.cat([torch.eye(2), torch.eye(2)], 1)
    return wholes


def dump_megatron():
    """Eight ranks: pp of 2, cp of 2, tp of 2, the last the fastest; sp is tp."""
    places = [{
        "tp_rank": rank % 2, "tp_size": 2, "sp_rank": rank % 2, "sp_size": 2,
        "cp_rank": rank // 2 % 2, "cp_size": 2, "pp_rank": rank // 4, "pp_size": 2,
        "tp_src_rank": rank // 2 * 2} for rank in range(8)]
    hidden, logits = whole(8, 1, 2), whole(8, 1, 6)

    def zigzag(tensor):
        chunks = tensor.chunk(4)
        return [torch.cat([chunks[0], chunks[3]]), torch.cat([chunks[1], chunks[2]])]

    dump_ranks("dump_2", "megatron", places, [
        ("hidden", "s[cp:zigzag,sp] b h",
         [part for rows in zigzag(hidden) for part in rows.chunk(2)] + [None] * 4),
        ("logits", "s[cp:zigzag] b v[tp]",
         [None] * 4 + [part for rows in zigzag(logits) for part in rows.chunk(2, 2)]),
        ("swapped", "s[sp,cp] b h", [torch.ones(2, 1, 2)] * 4 + [None] * 4),
    ])
    return {"hidden": hidden, "logits": logits}


def dump_places_unknown():
    """Two ranks whose framework could not say where they are."""
    dump_ranks("dump_3", "sglang", [{"distributed_error": True}] * 2, [
        ("same", "t h # tp:replicated", [torch.ones(2, 3)] * 2)])


def ranks():
    dumps = {"dump_1": dump_attention(), "dump_2": dump_megatron()}
    dump_places_unknown()
    (ROOT / "ranks/expected.json").write_text(json.dumps(
        {dump: {name: values(tensor) for name, tensor in wholes.items()}
         for dump, wholes in dumps.items()}, separators=(",", ":")) + "\n")


main()
ranks()
