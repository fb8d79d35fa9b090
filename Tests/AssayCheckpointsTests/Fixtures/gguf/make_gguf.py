"""Makes the GGUF fixtures beside this file with the gguf package, and what it unpacks of them.

Needs gguf 0.19, numpy, safetensors, torch and transformers. The bytes are the same every time.

    python make_gguf.py
"""

import json
import math
import os

import gguf
import numpy
import safetensors.torch
import torch
import transformers
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = gguf.GGMLQuantizationType
RANDOM = numpy.random.default_rng(7)


def path(name):
    return os.path.join(HERE, name)


def random_blocks(kind, rows, columns):
    """Blocks of random bits, but finite scales: every quantised value occurs."""
    size, byte_count = gguf.GGML_QUANT_SIZES[kind]
    blocks = RANDOM.integers(0, 256, (rows, columns // size, byte_count), dtype=numpy.uint8)
    scales = {TYPES.Q4_0: [0], TYPES.Q4_1: [0, 2], TYPES.Q8_0: [0], TYPES.Q6_K: [208]}[kind]
    for offset in scales:
        halves = RANDOM.normal(0, 0.1, blocks.shape[:2]).astype(numpy.float16)
        blocks[..., offset:offset + 2] = halves[..., None].view(numpy.uint8)
    blocks[0, 0, scales[0]:scales[0] + 2] = [1, 0]  # the least subnormal number
    return blocks.reshape(rows, -1)


def write_types():
    """One tensor of each type that is read, and values of each type of the metadata."""
    writer = gguf.GGUFWriter(path("types.gguf"), "test")
    writer.add_uint8("test.uint8", 200)
    writer.add_int8("test.int8", -100)
    writer.add_uint16("test.uint16", 60000)
    writer.add_int16("test.int16", -30000)
    writer.add_uint32("test.uint32", 4000000000)
    writer.add_int32("test.int32", -2000000000)
    writer.add_uint64("test.uint64", 2**64 - 1)
    writer.add_int64("test.int64", -2**62)
    writer.add_float32("test.float32", 1e-5)
    writer.add_float64("test.float64", 1e-5)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "naïve 🦙")
    writer.add_array("test.strings", ["a", "", "ß"])
    writer.add_array("test.integers", [3, -1, 2])
    expected = {}
    for kind, columns in ((TYPES.Q4_0, 64), (TYPES.Q4_1, 64), (TYPES.Q8_0, 64), (TYPES.Q6_K, 512)):
        blocks = random_blocks(kind, 3, columns)
        writer.add_tensor(kind.name, blocks, raw_dtype=kind)
        expected[kind.name] = gguf.dequantize(blocks, kind).astype(numpy.float32)
    values = RANDOM.normal(0, 1, (2, 3, 5)).astype(numpy.float32)
    values.flat[:3] = [numpy.inf, -0.0, 1e-42]
    writer.add_tensor("F32", values)
    writer.add_tensor("F16", values.astype(numpy.float16))
    halves = (values.view(numpy.uint32) >> 16).astype(numpy.uint16)
    writer.add_tensor("BF16", halves.view(numpy.uint8), raw_dtype=TYPES.BF16)
    expected["F32"] = values
    expected["F16"] = values.astype(numpy.float16).astype(numpy.float32)
    expected["BF16"] = (halves.astype(numpy.uint32) << 16).view(numpy.float32)
    writer.add_tensor("empty", numpy.zeros((0, 4), numpy.float32))
    expected["empty"] = numpy.zeros((0, 4), numpy.float32)
    finish(writer)
    save_file(expected, path("types-expected.safetensors"))


# What llama.cpp's converter calls a Llama's tensors.
NAMES = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)


def interleaved(weight, heads):
    """The order of rows in which llama.cpp keeps q and k."""
    shape = (heads, 2, weight.shape[0] // heads // 2) + weight.shape[1:]
    return weight.reshape(shape).swapaxes(1, 2).reshape(weight.shape)


def write_llama():
    """The weights of ../grouped-tied, as llama.cpp's converter would have written them."""
    weights = safetensors.torch.load_file(path("../grouped-tied/model.safetensors"))
    writer = gguf.GGUFWriter(path("llama.gguf"), "llama")
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(48)
    writer.add_head_count(4)
    writer.add_head_count_kv(1)
    writer.add_rope_dimension_count(8)
    writer.add_rope_freq_base(500000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(61)
    for name, weight in weights.items():
        if name == "lm_head.weight":
            continue
        weight = weight.float().numpy()
        if "q_proj" in name:
            weight = interleaved(weight, 4)
        if "k_proj" in name:
            weight = interleaved(weight, 1)
        writer.add_tensor(NAMES.get_name(name, (".weight",)), weight)
    finish(writer)


def write_tokenizer():
    """The tokenizer of ../tokenizers/smollm2.json, as llama.cpp's converter would have written it."""
    with open(path("../tokenizers/smollm2.json"), encoding="utf-8") as file:
        tokenizer = json.load(file)
    vocab = tokenizer["model"]["vocab"]
    tokens = sorted(vocab, key=vocab.get)
    special = {token["content"] for token in tokenizer["added_tokens"]}
    writer = gguf.GGUFWriter(path("tokenizer.gguf"), "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(2)
    writer.add_feed_forward_length(2)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{{ messages }}")
    writer.add_tensor("token_embd.weight", numpy.zeros((len(tokens), 2), numpy.float32))
    for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{part}.weight", numpy.zeros((2, 2), numpy.float32))
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", numpy.zeros(2, numpy.float32))
    finish(writer)


def rope_factors(rope, dimension):
    """The rope_freqs.weight that llama.cpp's converter writes for Llama 3's rule, in its arithmetic."""
    exponents = torch.arange(0, dimension, 2, dtype=torch.float32) / dimension
    frequencies = 1.0 / (rope["rope_theta"] ** exponents)
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    positions, factor = rope["original_max_position_embeddings"], rope["factor"]
    factors = []
    for frequency in frequencies:
        length = 2 * math.pi / frequency
        if length < positions / high:
            factors.append(1)
        elif length > positions / low:
            factors.append(factor)
        else:
            smooth = (positions / length - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return torch.tensor(factors, dtype=torch.float32)


def llama3(factor, low, high, positions, base=500000.0):
    return {"rope_type": "llama3", "rope_theta": base, "factor": factor, "low_freq_factor": low,
            "high_freq_factor": high, "original_max_position_embeddings": positions}


ROPES = {
    "llama31": (128, llama3(8.0, 1.0, 4.0, 8192)), "llama32": (64, llama3(32.0, 1.0, 4.0, 8192)),
    "short": (64, llama3(3.0, 1.0, 4.0, 100)), "sharp": (128, llama3(4.5, 1.0, 2.5, 4096)),
    "doubled": (128, llama3(8.0, 2.0, 8.0, 16384)), "base": (96, llama3(16.0, 1.0, 4.0, 2048, 10000.0)),
    "tiny": (8, llama3(8.0, 1.0, 4.0, 16)), "jump": (4, llama3(8.0, 1.0, 4.0, 64)),
    "linear": (64, {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}),
}


def write_ropes():
    """What rope_freqs.weight is for several rules, and the frequencies of transformers."""
    expected = {}
    for name, (dimension, rope) in ROPES.items():
        module = transformers.models.llama.modeling_llama.LlamaRotaryEmbedding(
            transformers.LlamaConfig(hidden_size=dimension, num_attention_heads=1,
                                     max_position_embeddings=131072, rope_parameters=dict(rope)))
        expected[f"{name}.frequencies"] = module.inv_freq.numpy()
        if rope["rope_type"] == "llama3":
            expected[f"{name}.factors"] = rope_factors(rope, dimension).numpy()
    save_file(expected, path("ropes.safetensors"))


def write_scaled(name, rope, describe):
    """A Llama of one layer with every bias and stretched frequencies; its logits in transformers."""
    torch.manual_seed(11)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, attention_bias=True,
        mlp_bias=True, rope_parameters=dict(rope), attn_implementation="eager", tie_word_embeddings=False))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    writer = gguf.GGUFWriter(path(f"{name}.gguf"), "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(16)
    writer.add_feed_forward_length(8)
    writer.add_head_count(2)
    writer.add_rope_dimension_count(8)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(1e-5)
    describe(writer)
    for key, weight in model.state_dict().items():
        weight = weight.numpy()
        if "q_proj" in key or "k_proj" in key:
            weight = interleaved(weight, 2)
        writer.add_tensor(NAMES.get_name(key, (".weight", ".bias")), weight)
    finish(writer)
    with torch.no_grad():
        return model.eval()(torch.tensor([[1, 7, 15, 2, 3, 3, 9, 0, 11, 4]])).logits[0].numpy()


def write_all_scaled():
    linear = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}
    # Short enough that ten positions meet all three parts of the rule.
    stretched = llama3(8.0, 1.0, 4.0, 16)
    expected = {
        "linear": write_scaled("linear", linear, lambda writer: (
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR), writer.add_rope_scaling_factor(2.5))),
        "scale-linear": write_scaled("scale-linear", linear, lambda writer:
                                     writer.add_float32("llama.rope.scale_linear", 2.5)),
        "rope-freqs": write_scaled("rope-freqs", stretched, lambda writer:
                                   writer.add_tensor("rope_freqs.weight", rope_factors(stretched, 8).numpy())),
    }
    save_file(expected, path("scaled-expected.safetensors"))


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write_types()
    write_llama()
    write_tokenizer()
    write_ropes()
    write_all_scaled()
