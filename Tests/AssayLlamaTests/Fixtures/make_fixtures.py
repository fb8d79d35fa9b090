"""Makes the fixtures beside this file: what PyTorch computes, for AssayLlama to compute again.

Needs torch, transformers and safetensors. Seeded and on one thread.

    python make_fixtures.py
"""

import json
import os
import shutil

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding

HERE = os.path.dirname(os.path.abspath(__file__))
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PROMPT = [3, 14, 15, 9, 26, 5, 35, 8, 9]
STEPS = 4
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192, "rope_theta": 500000.0}


def text(path, value):
    with open(os.path.join(HERE, path), "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def expected(directory):
    """Logits of each step and the tokens, in every dtype, as transformers computes them."""
    tensors = {}
    for name, dtype in DTYPES.items():
        model = transformers.AutoModelForCausalLM.from_pretrained(
            directory, dtype=dtype, attn_implementation="sdpa").eval()
        cache = transformers.DynamicCache(config=model.config)
        ids, generated = torch.tensor([PROMPT]), []
        with torch.no_grad():
            for step in range(STEPS):
                logits = model(input_ids=ids, past_key_values=cache, use_cache=True).logits
                tensors[f"{name}.logits.{step}"] = logits.clone()
                generated.append(int(logits[0, -1].float().argmax()))
                ids = torch.tensor([generated[-1:]])
        tensors[f"{name}.tokens"] = torch.tensor(generated)
        print(directory.rsplit("/", 1)[1], name, generated)
    save_file(tensors, directory + "-expected.safetensors")


def checkpoint(name, dtype, shard_size=None, **options):
    directory = os.path.join(HERE, name)
    shutil.rmtree(directory, ignore_errors=True)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        initializer_range=0.2, **options))
    with torch.no_grad():
        for key, value in model.named_parameters():
            if "norm" in key:
                value.uniform_(0.5, 1.5)
            if "bias" in key:
                value.normal_(0, 0.3)
    model.to(dtype).save_pretrained(directory, max_shard_size=shard_size or "1GB")
    os.remove(os.path.join(directory, "generation_config.json"))
    return directory


def grouped_tied():
    """One key/value head, tied head, Llama 3's RoPE; the configuration in the keys of old."""
    directory = checkpoint(
        "grouped-tied", torch.bfloat16, intermediate_size=48, num_key_value_heads=1,
        tie_word_embeddings=True, max_position_embeddings=64,
        rope_parameters={**LLAMA3, "original_max_position_embeddings": 16})
    path = os.path.join(directory, "config.json")
    with open(path) as file:
        config = json.load(file)
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope
    config["torch_dtype"] = config.pop("dtype")
    config["eos_token_id"] = [61, 62]
    del config["head_dim"]
    text(path, config)
    expected(directory)


def biased_sharded():
    """Biases everywhere, heads longer than hidden / heads, three weight files."""
    expected(checkpoint(
        "biased-sharded", torch.float16, "18KB", intermediate_size=40, num_key_value_heads=2,
        head_dim=12, attention_bias=True, mlp_bias=True, tie_word_embeddings=False,
        max_position_embeddings=64))


def rotary(tensors):
    ropes = {
        "default": {"rope_type": "default", "rope_theta": 10000.0},
        "llama3": LLAMA3, "llama32": {**LLAMA3, "factor": 32.0},
        "short": {**LLAMA3, "factor": 3.0, "original_max_position_embeddings": 100}}
    positions = torch.tensor([[0, 1, 17, 300]])
    for name, rope in ropes.items():
        module = LlamaRotaryEmbedding(transformers.LlamaConfig(
            hidden_size=64, num_attention_heads=1, max_position_embeddings=131072,
            rope_parameters=dict(rope)))
        tensors[f"rotary.{name}.inv_freq"] = module.inv_freq
        if name in ("default", "llama3"):
            for dtype in DTYPES:
                cos, sin = module(torch.zeros(1, 4, 64, dtype=DTYPES[dtype]), positions)
                tensors[f"rotary.{name}.{dtype}.cos"] = cos
                tensors[f"rotary.{name}.{dtype}.sin"] = sin


def pieces(tensors):
    """Modules by themselves, in each dtype, from the same float32 inputs."""
    x = torch.randn(5, 48) * torch.tensor([[1.0], [1e-3], [300.0], [1e-30], [0.0]])
    weight = torch.rand(48) + 0.5
    tensors["norm.input"], tensors["norm.weight"] = x, weight
    matrix, bias = torch.randn(20, 48) * 0.3, torch.randn(20)
    tensors["linear.weight"], tensors["linear.bias"] = matrix, bias
    special = torch.tensor([0.0, -0.0, 1e-8, -1e-8, 88.0, -88.0, -104.0, 3e4, float("inf")])
    tensors["silu.input"] = torch.cat([special, torch.linspace(-12, 12, 241)])
    tensors["rounding.input"] = torch.cat([
        torch.randn(200) * torch.logspace(-9, 5, 200),
        torch.tensor([65504.0, 65519.99, 65520.0, -65520.0, 3.4e38, 2.0**-14, 2.0**-24,
                      2.0**-25, -(2.0**-25), 1.5 * 2.0**-25, 6.0975e-05, 1.0009765625,
                      1.00048828125, 1.00146484375, 1.00390625, 1.01171875, 1e-45,
                      float("inf"), float("-inf"), float("nan"), -0.0])])
    for name, dtype in DTYPES.items():
        norm = LlamaRMSNorm(48, eps=1e-5)
        norm.weight.data = weight
        norm = norm.to(dtype)
        with torch.no_grad():
            tensors[f"norm.{name}"] = norm(x.to(dtype))
        tensors[f"linear.{name}"] = F.linear(
            x[None, :3].to(dtype), matrix.to(dtype), bias.to(dtype))
        tensors[f"silu.{name}"] = F.silu(tensors["silu.input"].to(dtype))
        tensors[f"rounding.{name}"] = tensors["rounding.input"].to(dtype, copy=True)


def attention(tensors):
    """Three queries on 600 keys: more than one block of the flash kernel, two heads on one."""
    q, k, v = torch.randn(1, 2, 3, 8) * 2, torch.randn(1, 1, 600, 8), torch.randn(1, 1, 600, 8)
    tensors["attention.query"] = q.to(torch.bfloat16)
    tensors["attention.keys"], tensors["attention.values"] = (
        k.to(torch.bfloat16), v.to(torch.bfloat16))
    mask = torch.ones(3, 600, dtype=torch.bool).tril(597)
    for name, dtype in DTYPES.items():
        inputs = [tensors[f"attention.{part}"].to(dtype) for part in ("query", "keys", "values")]
        output = F.scaled_dot_product_attention(
            inputs[0], inputs[1].repeat(1, 2, 1, 1), inputs[2].repeat(1, 2, 1, 1), attn_mask=mask)
        tensors[f"attention.{name}"] = output.transpose(1, 2).reshape(1, 3, 16).contiguous()


def main():
    torch.manual_seed(7)
    torch.set_num_threads(1)
    tensors = {}
    rotary(tensors)
    pieces(tensors)
    attention(tensors)
    save_file(tensors, os.path.join(HERE, "pieces.safetensors"))
    grouped_tied()
    biased_sharded()


if __name__ == "__main__":
    main()
