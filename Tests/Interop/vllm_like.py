"""Models with the modules of vLLM and the weights of transformers.

What vLLM's modules are called, take and return, in plain PyTorch: a flat axis of tokens, fused
projections that return (output, bias), norms that add the residual and return (normed, residual),
one rotary embedding for all layers, a `model` that is called around its hooks, logits of the last
row of each request and an `lm_head` that is never called. Nothing of vLLM's code is in it.
"""

import torch
from torch import nn
from torch.nn.functional import linear, scaled_dot_product_attention, silu, softmax


class Linear(nn.Module):
    """Returns (output, bias), of which the bias is None: it is added."""

    def __init__(self, *parts):
        super().__init__()
        self.weight = nn.Parameter(torch.cat([part.weight for part in parts]).detach().clone())
        self.bias = None
        if parts[0].bias is not None:
            self.bias = nn.Parameter(torch.cat([part.bias for part in parts]).detach().clone())

    def forward(self, x):
        return linear(x, self.weight, self.bias), None


class VocabParallelEmbedding(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone())

    def forward(self, ids):
        return self.weight[ids.long()]


class RMSNorm(nn.Module):
    def __init__(self, other):
        super().__init__()
        self.weight = nn.Parameter(other.weight.detach().clone())
        self.epsilon = other.variance_epsilon

    def forward(self, x, residual=None):
        dtype = x.dtype
        x = x.float()
        if residual is not None:
            x = x + residual.float()
            residual = x.to(dtype)
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon)
        x = x.to(dtype) * self.weight
        return x if residual is None else (x, residual)


class RotaryEmbedding(nn.Module):
    def __init__(self, head_size, theta):
        super().__init__()
        self.head_size, self.theta = head_size, theta

    def forward(self, positions, query, key):
        half = self.head_size // 2
        powers = torch.arange(half, dtype=torch.float32) / half
        angles = positions[:, None].float() * self.theta ** -powers
        cos, sin = angles.cos()[:, None].to(query.dtype), angles.sin()[:, None].to(query.dtype)

        def rotated(x):
            first, second = x.view(x.shape[0], -1, self.head_size).chunk(2, -1)
            return torch.cat(
                [first * cos - second * sin, second * cos + first * sin], -1).view(x.shape)

        return rotated(query), rotated(key)


class Attention(nn.Module):
    """Attention over all tokens of each request so far, which it keeps."""

    def __init__(self, head_size, requests):
        super().__init__()
        self.head_size, self.requests, self.cache = head_size, requests, {}

    def forward(self, query, key, value):
        outputs = []
        for request, rows in self.requests():
            q, k, v = (x[rows].view(-1, x.shape[-1] // self.head_size, self.head_size)
                       .transpose(0, 1) for x in (query, key, value))
            if request in self.cache:
                k, v = (torch.cat([old, new], 1)
                        for old, new in zip(self.cache[request], (k, v)))
            self.cache[request] = (k, v)
            repeats = q.shape[0] // k.shape[0]
            mask = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool).tril(
                k.shape[1] - q.shape[1])
            out = scaled_dot_product_attention(
                q, k.repeat_interleave(repeats, 0), v.repeat_interleave(repeats, 0), mask)
            outputs.append(out.transpose(0, 1).reshape(q.shape[1], -1))
        return torch.cat(outputs)


class SelfAttention(nn.Module):
    def __init__(self, other, rotary, requests):
        super().__init__()
        self.qkv_proj = Linear(other.q_proj, other.k_proj, other.v_proj)
        self.o_proj = Linear(other.o_proj)
        self.rotary_emb = rotary
        if hasattr(other, "q_norm"):
            self.q_norm, self.k_norm = RMSNorm(other.q_norm), RMSNorm(other.k_norm)
        self.attn = Attention(other.head_dim, requests)
        self.sizes = [part.weight.shape[0] for part in (other.q_proj, other.k_proj, other.v_proj)]

    def normed(self, name, x):
        norm = getattr(self, name, None)
        if norm is None:
            return x
        return norm(x.view(x.shape[0], -1, self.attn.head_size)).view(x.shape)

    def forward(self, positions, hidden_states):
        qkv, _ = self.qkv_proj(hidden_states)
        query, key, value = qkv.split(self.sizes, -1)
        query, key = self.normed("q_norm", query), self.normed("k_norm", key)
        query, key = self.rotary_emb(positions, query, key)
        output, _ = self.o_proj(self.attn(query, key, value))
        return output


class SiluAndMul(nn.Module):
    def forward(self, x):
        gate, up = x.chunk(2, -1)
        return silu(gate) * up


class MLP(nn.Module):
    def __init__(self, other):
        super().__init__()
        self.gate_up_proj = Linear(other.gate_proj, other.up_proj)
        self.down_proj = Linear(other.down_proj)
        self.act_fn = SiluAndMul()

    def forward(self, x):
        x, _ = self.gate_up_proj(x)
        x, _ = self.down_proj(self.act_fn(x))
        return x


class Router(nn.Module):
    def __init__(self, other):
        super().__init__()
        self.weight = nn.Parameter(other.weight.detach().clone())

    def forward(self, x):
        return linear(x, self.weight), None


class FusedMoE(nn.Module):
    """Chooses the experts and runs them, at once."""

    def __init__(self, other, count, normalizes):
        super().__init__()
        self.gate_up = nn.Parameter(other.gate_up_proj.detach().clone())
        self.down = nn.Parameter(other.down_proj.detach().clone())
        self.count, self.normalizes = count, normalizes

    def forward(self, hidden_states, router_logits):
        weights, chosen = softmax(router_logits.float(), -1).topk(self.count, -1)
        if self.normalizes:
            weights = weights / weights.sum(-1, keepdim=True)
        output = torch.zeros_like(hidden_states)
        for expert in range(self.gate_up.shape[0]):
            rows, place = torch.where(chosen == expert)
            gate, up = linear(hidden_states[rows], self.gate_up[expert]).chunk(2, -1)
            out = linear(silu(gate) * up, self.down[expert])
            output.index_add_(0, rows, out * weights[rows, place, None].to(out.dtype))
        return output


class SparseMoE(nn.Module):
    def __init__(self, other, normalizes):
        super().__init__()
        self.gate = Router(other.gate)
        self.experts = FusedMoE(other.experts, other.gate.top_k, normalizes)

    def forward(self, hidden_states):
        logits, _ = self.gate(hidden_states)
        return self.experts(hidden_states=hidden_states, router_logits=logits)


class DecoderLayer(nn.Module):
    def __init__(self, other, config, rotary, requests):
        super().__init__()
        self.self_attn = SelfAttention(other.self_attn, rotary, requests)
        self.input_layernorm = RMSNorm(other.input_layernorm)
        self.post_attention_layernorm = RMSNorm(other.post_attention_layernorm)
        if not hasattr(other.mlp, "experts"):
            self.mlp = MLP(other.mlp)
        elif config.model_type == "mixtral":
            self.block_sparse_moe = SparseMoE(other.mlp, True)
        else:
            self.mlp = SparseMoE(other.mlp, config.norm_topk_prob)

    def forward(self, positions, hidden_states, residual):
        if residual is None:
            residual = hidden_states
            hidden_states = self.input_layernorm(hidden_states)
        else:
            hidden_states, residual = self.input_layernorm(hidden_states, residual)
        hidden_states = self.self_attn(positions=positions, hidden_states=hidden_states)
        hidden_states, residual = self.post_attention_layernorm(hidden_states, residual)
        mlp = self.mlp if hasattr(self, "mlp") else self.block_sparse_moe
        return mlp(hidden_states), residual


class Model(nn.Module):
    def __init__(self, other, config, requests):
        super().__init__()
        self.embed_tokens = VocabParallelEmbedding(other.embed_tokens.weight)
        head_size = other.layers[0].self_attn.head_dim
        rotary = RotaryEmbedding(head_size, config.rope_parameters["rope_theta"])
        self.layers = nn.ModuleList(
            DecoderLayer(layer, config, rotary, requests) for layer in other.layers)
        self.norm = RMSNorm(other.norm)

    def __call__(self, *arguments):
        """As vLLM's decorator has it, around the hooks."""
        return self.forward(*arguments)

    def forward(self, input_ids, positions):
        hidden_states, residual = self.embed_tokens(input_ids), None
        for layer in self.layers:
            hidden_states, residual = layer(positions, hidden_states, residual)
        return self.norm(hidden_states, residual)[0]


class LogitsProcessor(nn.Module):
    def forward(self, lm_head, hidden_states):
        return linear(hidden_states, lm_head.weight)


class VLLMLike(nn.Module):
    """A model of transformers as vLLM would run it."""

    def __init__(self, other):
        super().__init__()
        self.model = Model(other.model, other.config, lambda: self.requests)
        self.lm_head = VocabParallelEmbedding(other.lm_head.weight)
        self.logits_processor = LogitsProcessor()
        self.requests = []

    def forward(self, ids, starts):
        """Runs one step.

        ids: the new token ids of each request; starts: how many tokens each had before.
        """
        ends = [sum(map(len, ids[:position + 1])) for position in range(len(ids))]
        self.requests = [(request, slice(end - len(part), end))
                         for request, (part, end) in enumerate(zip(ids, ends))]
        flat = torch.tensor([token for part in ids for token in part], dtype=torch.int32)
        positions = torch.cat([torch.arange(start, start + len(part))
                               for part, start in zip(ids, starts)])
        hidden_states = self.model(flat, positions)
        return self.logits_processor(self.lm_head, hidden_states[[end - 1 for end in ends]])
