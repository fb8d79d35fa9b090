#!/usr/bin/env python3
"""Makes a checkpoint of a real model's shape with random bfloat16 weights, for measuring.

Usage: make_checkpoint.py [--shape 8b|1b] [--seed N] DIRECTORY        (needs numpy)

Writes config.json and sharded safetensors as transformers does: of Llama 3.1 8B (16 GB) or of
Llama 3.2 1B (2.5 GB). There is no tokenizer: record with --prompt-token-ids. What is written
depends on the shape and the seed only.
"""

import argparse
import json
import os
from statistics import NormalDist

import numpy as np

SHAPES = {
    "8b": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
           "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
           "tie_word_embeddings": False},
    "1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
           "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
           "tie_word_embeddings": True},
}
SHARD = 5_000_000_000  # bytes, transformers' limit
CHUNK = 1 << 24  # elements


def config(shape):
    scaling = {"rope_type": "llama3", "factor": 32.0 if shape["tie_word_embeddings"] else 8.0,
               "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 8192}
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **shape,
            "attention_bias": False, "attention_dropout": 0.0, "mlp_bias": False,
            "hidden_act": "silu", "vocab_size": 128256, "max_position_embeddings": 131072,
            "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "rope_scaling": scaling,
            "bos_token_id": 128000, "eos_token_id": 128001, "initializer_range": 0.02,
            "torch_dtype": "bfloat16", "use_cache": True}


def tensors(config):
    """Names and shapes in the model's order."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    size = config["head_dim"]
    queries, keys = config["num_attention_heads"] * size, config["num_key_value_heads"] * size
    yield "model.embed_tokens.weight", [config["vocab_size"], hidden]
    for index in range(config["num_hidden_layers"]):
        layer = f"model.layers.{index}."
        yield layer + "input_layernorm.weight", [hidden]
        yield layer + "self_attn.q_proj.weight", [queries, hidden]
        yield layer + "self_attn.k_proj.weight", [keys, hidden]
        yield layer + "self_attn.v_proj.weight", [keys, hidden]
        yield layer + "self_attn.o_proj.weight", [hidden, queries]
        yield layer + "post_attention_layernorm.weight", [hidden]
        yield layer + "mlp.gate_proj.weight", [inner, hidden]
        yield layer + "mlp.up_proj.weight", [inner, hidden]
        yield layer + "mlp.down_proj.weight", [hidden, inner]
    yield "model.norm.weight", [hidden]
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", [config["vocab_size"], hidden]


def bfloat16(values):
    """The bits of the nearest bfloat16 values, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def spread(name, shape):
    """Mean and standard deviation: every product keeps the scale of its input."""
    if len(shape) == 1:
        return 1, 0.1
    return 0, 1 if name == "model.embed_tokens.weight" else shape[1] ** -0.5


def shards(entries):
    parts, size = [[]], 0
    for name, shape in entries:
        count = 2 * int(np.prod(shape))
        if parts[-1] and size + count > SHARD:
            parts.append([])
            size = 0
        parts[-1].append((name, shape))
        size += count
    return parts


def write(path, entries, random, quantiles):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in entries:
        start, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in entries:
            mean, deviation = spread(name, shape)
            # Sixteen random bits choose one of as many quantiles of the normal distribution.
            table = bfloat16(mean + deviation * quantiles)
            count = int(np.prod(shape))
            for first in range(0, count, CHUNK):
                length = min(CHUNK, count - first)
                chosen = np.frombuffer(random.bytes(2 * length), np.uint16)
                file.write(table[chosen].data)
    return end


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="8b")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("directory")
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    shape = config(SHAPES[options.shape])
    random = np.random.Generator(np.random.SFC64(options.seed))
    quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / 65536) for i in range(65536)])
    parts = shards(list(tensors(shape)))
    total, files = 0, {}
    for number, entries in enumerate(parts, 1):
        name = f"model-{number:05}-of-{len(parts):05}.safetensors"
        total += write(os.path.join(options.directory, name), entries, random, quantiles)
        files.update((tensor, name) for tensor, _ in entries)
    index = {"metadata": {"total_size": total}, "weight_map": files}
    for name, value in ("model.safetensors.index.json", index), ("config.json", shape):
        with open(os.path.join(options.directory, name), "w") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
    print(f"{options.directory}: {total:,} bytes in {len(parts)} files")


if __name__ == "__main__":
    main()
