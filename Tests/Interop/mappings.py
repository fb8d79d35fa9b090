"""The presets of `--mapping` against models of transformers and of vLLM's structure."""

import json
import os
import re
import sys

import torch
import transformers

from checks import ROOT
from vllm_like import VLLMLike

sys.path.insert(0, os.path.join(ROOT, "Python"))

import assay_torch  # noqa: E402

PROMPT = [5, 17, 3, 41, 8, 29]
SIZES = dict(vocab_size=80, hidden_size=64, intermediate_size=96, num_hidden_layers=3,
             num_attention_heads=4, num_key_value_heads=2, head_dim=16)
EXPERTS = dict(num_experts_per_tok=2, moe_intermediate_size=48)
# Each preset, the model of transformers, and what its configuration has besides.
MODELS = {
    "vllm-llama": (transformers.LlamaConfig, {}),
    "vllm-mistral": (transformers.MistralConfig, {"sliding_window": None}),
    "vllm-qwen2": (transformers.Qwen2Config, {}),
    "vllm-qwen3": (transformers.Qwen3Config, {}),
    "vllm-mixtral": (transformers.MixtralConfig, {"num_local_experts": 4, **EXPERTS}),
    "vllm-qwen3-moe": (transformers.Qwen3MoeConfig, {"num_experts": 4, **EXPERTS}),
}


def pair(preset, dtype=torch.float32, attention="sdpa"):
    """A tiny model with random weights, and the same in vLLM's structure."""
    torch.manual_seed(7)
    kind, more = MODELS[preset]
    config = kind(**SIZES | more, attn_implementation=attention)
    theirs = transformers.AutoModelForCausalLM.from_config(config).to(dtype).eval()
    with torch.no_grad():
        for name, weight in theirs.named_parameters():
            if "norm" in name or name.endswith("bias"):
                weight.copy_(1 + 0.1 * torch.randn_like(weight))
            else:
                weight.normal_(std=0.1)
    return VLLMLike(theirs).to(dtype).eval(), theirs


def recorded(folder, name, model, run, steps=2):
    """Records a prefill and decode steps, each given the step's ids and how many came before."""
    configuration = {"enabled": True, "output_dir": os.path.join(folder, name),
                     "formats": ["hdf5"], "log_step_ids": []}
    with torch.no_grad(), assay_torch.record(model, configuration) as recording:
        run(PROMPT, 0)
        for step in range(steps - 1):
            run([11 + step], len(PROMPT) + step)
    return str(recording.paths[0])


def both(folder, ours, theirs):
    """Both runs of one model."""
    cache = transformers.DynamicCache()

    def run(ids, start):
        theirs(torch.tensor([ids]), position_ids=torch.arange(start, start + len(ids))[None],
               past_key_values=cache, use_cache=True)

    return (recorded(folder, "ours", ours, lambda ids, start: ours([ids], [start])),
            recorded(folder, "theirs", theirs, run))


def compared(checks, folder, preset, ours, theirs, status=0, tolerance=("1e-4", "1e-5")):
    runs = both(folder, ours, theirs)
    rtol, atol = tolerance
    return json.loads(checks.assay(
        "compare", *runs, "--mapping", preset, "--rtol", rtol, "--atol", atol, "--format", "json",
        status=status))


def test_presets_match(checks, folder):
    for preset in MODELS:
        place = os.path.join(folder, preset)
        report = compared(checks, place, preset, *pair(preset))
        checks.equal(report["verdict"], "match", preset)
        tensors = report["summary"]["tensors"]
        checks.equal(tensors["matched"], tensors["total"], f"{preset}: matched of all")
        checks.equal([note for note in report["notes"] if "in part only" not in note
                      and "whose tensors are not recorded" not in note], [], f"{preset}: notes")


def test_eager_attention_matches(checks, folder):
    """It takes a mask and returns its weights, which vLLM has not."""
    report = compared(checks, folder, "vllm-llama", *pair("vllm-llama", attention="eager"))
    checks.equal(report["summary"]["tensors"]["matched"], 204, "matched")


def layer(model, number):
    return model.model.layers[number]


def other_epsilon(ours):
    layer(ours, 1).post_attention_layernorm.epsilon = 1e-2


def other_theta(ours):
    layer(ours, 0).self_attn.rotary_emb.theta = 500.0


def zeroed(name, row):
    """Zeroes a row of a weight of layer 1."""
    def plant(ours):
        with torch.no_grad():
            layer(ours, 1).get_submodule(name).weight[row] = 0
    return plant


BUGS = {
    "epsilon": (other_epsilon, "model.layers.1.post_attention_layernorm", "introduced"),
    # What is rotated is in no module of transformers: the error is born before o_proj.
    "theta": (other_theta, "model.layers.0.self_attn.o_proj", None),
    "row of q": (zeroed("self_attn.qkv_proj", 3), "model.layers.1.self_attn.q_proj", "introduced"),
    "row of v": (zeroed("self_attn.qkv_proj", 97), "model.layers.1.self_attn.v_proj", "introduced"),
    "row of up": (zeroed("mlp.gate_up_proj", 100), "model.layers.1.mlp.up_proj", "introduced"),
    "row of down": (zeroed("mlp.down_proj", 5), "model.layers.1.mlp.down_proj", "introduced"),
}


def test_bugs_are_named(checks, folder):
    for number, (name, (plant, module, cause)) in enumerate(BUGS.items()):
        ours, theirs = pair("vllm-llama")
        plant(ours)
        report = compared(checks, os.path.join(folder, str(number)), "vllm-llama", ours, theirs,
                          status=1)
        first = report["first_divergence"]
        checks.equal(first["module"], module, f"{name}: where it began")
        if name == "theta":
            born = [module["born"] for step in report["steps"][:1] for module in step["modules"]
                    if module["module"] == "model.layers.0.self_attn"]
            checks.equal(born, ["inside model.layers.0.self_attn, after v_proj, before o_proj"],
                         "theta: where it was born")
        if cause:
            checks.equal(first["cause"], cause, f"{name}: cause")
            checks.equal(len({entry["module"] for entry in report["introduced"]}), 1,
                         f"{name}: modules that are blamed, {report['introduced']}")


def test_a_bug_in_an_expert_is_named(checks, folder):
    ours, theirs = pair("vllm-mixtral")
    with torch.no_grad():
        layer(ours, 1).block_sparse_moe.experts.down[:, 3] = 0
    report = compared(checks, folder, "vllm-mixtral", ours, theirs, status=1)
    checks.equal(report["first_divergence"]["module"], "model.layers.1.mlp.experts", "where")


def test_half_precision(checks, folder):
    """Sums are rounded once to bfloat16; rounding alone is within its tolerance."""
    ours, theirs = pair("vllm-llama", torch.bfloat16)
    report = compared(checks, folder, "vllm-llama", ours, theirs, status=0,
                      tolerance=("1e-1", "1e-1"))
    checks.equal(report["verdict"], "match", "bfloat16")


def test_the_preset_is_suggested(checks, folder):
    ours, theirs = both(folder, *pair("vllm-qwen3"))
    file = os.path.join(folder, "suggested.yml")
    text = checks.assay("compare", ours, theirs, "--suggest-mapping")
    with open(file, "w") as out:
        out.write(text)
    checks.equal(bool(re.match("# --mapping vllm-qwen3 pairs", text)), True, text[:200])
    checks.assay("compare", ours, theirs, "--mapping", file, "--rtol", "1e-4", "--atol", "1e-5")
    checks.assay("compare", theirs, ours, "--suggest-mapping", status=1)


def interleaved(theirs):
    """Gives q and k the order of rotary pairs that checkpoints of Meta and llama.cpp have."""
    with torch.no_grad():
        for layer in theirs.model.layers:
            for part in (layer.self_attn.q_proj, layer.self_attn.k_proj):
                rows = part.weight.view(-1, 2, 8, part.weight.shape[-1])
                part.weight.copy_(rows.transpose(1, 2).reshape(part.weight.shape))


def test_other_orders_are_named(checks, folder):
    torch.manual_seed(7)
    _, theirs = pair("vllm-llama")
    expected = both_of(folder, "expected", theirs)
    interleaved(theirs)
    actual = both_of(folder, "actual", theirs)
    report = json.loads(checks.assay("compare", actual, expected, "--format", "json", status=1))
    note = next((note for note in report["notes"] if "in pairs" in note), "")
    checks.equal("q_proj outputs on cpu of the actual run is that of the expected run with each 16 "
                 "entries of its last axis in pairs" in note, True, report["notes"])
    text = checks.assay("compare", actual, expected, "--suggest-mapping")
    checks.equal(text.count("{transpose: [-1, -2]}"), 2, text)


def both_of(folder, name, theirs):
    def run(ids, start):
        theirs(torch.tensor([ids]), use_cache=False)
    return recorded(folder, name, theirs, run, steps=1)
