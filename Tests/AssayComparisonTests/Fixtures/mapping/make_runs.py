"""Records one tiny model twice with PyTorch: as transformers builds it, and as inference engines do.

`separate.h5` is a LlamaForCausalLM with its own module names and a batch axis. `fused.h5` has the same
weights under other names, q, k and v in one projection, gate and up in another, and no batch axis;
`fused-bug.h5` is the same with one row of layer 1's k projection scaled.

Needs torch, transformers and h5py: python make_runs.py
"""

import json
import os

import h5py
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = LlamaConfig(
    vocab_size=24, hidden_size=16, intermediate_size=20, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32, use_cache=False,
    attn_implementation="eager")
TOKENS = [3, 14, 1, 5, 9, 2]


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(CONFIG.hidden_size))

    def forward(self, x):
        return functional.rms_norm(x, x.shape[-1:], self.weight, CONFIG.rms_norm_eps)


class Rope(nn.Module):
    def forward(self, count):
        size = CONFIG.hidden_size // CONFIG.num_attention_heads
        rates = 10000.0 ** -(torch.arange(0, size, 2).float() / size)
        angles = torch.arange(count).float()[:, None] * rates
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cos[:, None] + turned * sin[:, None]


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.size = CONFIG.hidden_size // CONFIG.num_attention_heads
        self.rows = [count * self.size for count in (
            CONFIG.num_attention_heads, CONFIG.num_key_value_heads, CONFIG.num_key_value_heads)]
        self.qkv_proj = nn.Linear(CONFIG.hidden_size, sum(self.rows), bias=False)
        self.wo = nn.Linear(CONFIG.hidden_size, CONFIG.hidden_size, bias=False)

    def forward(self, x, cos, sin):
        count = x.shape[0]
        q, k, v = (part.reshape(count, -1, self.size)
                   for part in self.qkv_proj(x).split(self.rows, dim=-1))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k, v = (part.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for part in (k, v))
        scores = torch.einsum("qhd,khd->hqk", q, k) * self.size ** -0.5
        scores = scores.masked_fill(torch.ones(count, count).triu(1).bool(), float("-inf"))
        mixed = torch.einsum("hqk,khd->qhd", scores.softmax(-1), v)
        return self.wo(mixed.reshape(count, -1))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_up_proj = nn.Linear(
            CONFIG.hidden_size, 2 * CONFIG.intermediate_size, bias=False)
        self.w2 = nn.Linear(CONFIG.intermediate_size, CONFIG.hidden_size, bias=False)

    def forward(self, x):
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.w2(functional.silu(gate) * up)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = Norm(), Norm()
        self.attn, self.mlp = Attention(), FeedForward()

    def forward(self, x, cos, sin):
        x = x + self.attn(self.norm1(x), cos, sin)
        return x + self.mlp(self.norm2(x))


class Fused(nn.Module):
    def __init__(self, other):
        super().__init__()
        self.embed = nn.Embedding(CONFIG.vocab_size, CONFIG.hidden_size)
        self.rope = Rope()
        self.blocks = nn.ModuleList(Block() for _ in other.model.layers)
        self.norm = Norm()
        self.head = nn.Linear(CONFIG.hidden_size, CONFIG.vocab_size, bias=False)
        pairs = [(self.embed, other.model.embed_tokens), (self.norm, other.model.norm),
                 (self.head, other.lm_head)]
        for ours, theirs in zip(self.blocks, other.model.layers):
            attention, mlp = theirs.self_attn, theirs.mlp
            pairs += [(ours.norm1, theirs.input_layernorm),
                      (ours.norm2, theirs.post_attention_layernorm),
                      (ours.attn.wo, attention.o_proj), (ours.mlp.w2, mlp.down_proj),
                      (ours.attn.qkv_proj, attention.q_proj, attention.k_proj, attention.v_proj),
                      (ours.mlp.gate_up_proj, mlp.gate_proj, mlp.up_proj)]
        with torch.no_grad():
            for ours, *theirs in pairs:
                ours.weight.copy_(torch.cat([module.weight for module in theirs]))

    def forward(self, tokens):
        x = self.embed(tokens)
        cos, sin = self.rope(len(tokens))
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.head(self.norm(x))


def tensors(slot, value):
    if isinstance(value, torch.Tensor):
        yield slot, value.detach().clone().contiguous()
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(f"{slot}_{key}", item)
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from tensors(f"{slot}_{index}", item)


def record(name, model, *arguments):
    calls, completion, running = [], [], []

    def before(module, positional, keywords):
        running.append(len(calls))
        calls.append((names[module], dict(
            list(tensors("inputs", positional)) + list(tensors("inputs", keywords)))))

    def after(module, positional, keywords, output):
        position = running.pop()
        calls[position][1].update(tensors("outputs", output))
        completion.append(position)

    names = {module: name for name, module in model.named_modules() if name}
    for module in names:
        module.register_forward_pre_hook(before, with_kwargs=True)
        module.register_forward_hook(after, with_kwargs=True)
    with torch.no_grad():
        model(*arguments)
    assert len({name for name, _ in calls}) == len(calls)

    order = {"completion_order": completion,
             "calls": [{"module": name, "call": 0} for name, _ in calls]}
    with h5py.File(os.path.join(HERE, name + ".h5"), "w", libver=("v110", "v110")) as file:
        file.attrs["assay_schema"] = np.bytes_("assay.hdf5/1")
        file.attrs["id"] = np.bytes_(name)
        file.attrs["provenance"] = np.bytes_(json.dumps(
            {"tool": "make_runs.py", "tool_version": "1", "created": "2026-11-24T00:00:00Z",
             "framework": "pytorch", "framework_version": torch.__version__}))
        file.attrs["complete"] = np.int8(1)
        step = file.create_group("step_0")
        step.create_dataset(".calls", data=np.bytes_(json.dumps(order)))
        for module, found in calls:
            group = step.create_group(f"{module}/call_0/cpu")
            group.attrs["device"] = np.bytes_("cpu")
            for slot, tensor in found.items():
                dataset = group.create_dataset(slot, data=tensor.numpy())
                dataset.attrs["dtype"] = np.bytes_(str(tensor.dtype))


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    separate = LlamaForCausalLM(CONFIG).eval()
    with torch.no_grad():
        for name, parameter in separate.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(std=0.3)
    tokens = torch.tensor(TOKENS)
    fused, bug = Fused(separate), Fused(separate)
    with torch.no_grad():
        difference = (fused(tokens) - separate(tokens[None]).logits[0]).abs().max().item()
        q_rows = bug.blocks[1].attn.rows[0]
        bug.blocks[1].attn.qkv_proj.weight[q_rows + 2] *= 1.1
    assert difference < 1e-5, difference
    record("separate", separate, tokens[None])
    record("fused", fused, tokens)
    record("fused-bug", bug, tokens)
    print(f"largest difference of the logits {difference:.1e}")


if __name__ == "__main__":
    main()
