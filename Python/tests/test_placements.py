"""Which placements are told of the modules of a run, and how rules are folded and checked."""

import re
import types

import pytest
import torch
from torch import nn

import assay_torch
from assay_torch import RecordError, megatron
from assay_torch.dtensors import common
from assay_torch.placements import checked, fold, matches, merged
from assay_torch.vllm import placements as engine

A, B = [(None, {"tp": "replicate"})], [(None, {"tp": "partial"})]


def test_layers_that_agree_share_a_pattern():
    assert fold({"embed": A, "layers.0.mlp": A, "layers.1.mlp": A, "layers.10.mlp": A}) == [
        {"module": "embed", "tp": "replicate"},
        {"module": r"layers\.\d+\.mlp", "tp": "replicate"}]
    cut = [(["outputs"], {"tp": {"shard": -1}}), (["inputs_0", "inputs_1"], {"tp": "partial"})]
    assert fold({"layers.0": cut, "layers.1": cut}) == [
        {"module": r"layers\.\d+", "slot": "outputs", "tp": {"shard": -1}},
        {"module": r"layers\.\d+", "slot": ["inputs_0", "inputs_1"], "tp": "partial"}]


def test_layers_that_differ_are_named_one_by_one():
    rules = fold({"layers.0.mlp": A, "layers.1.mlp": B, "layers.2.mlp": A, "layers.x.mlp": B})
    assert rules == [{"module": r"layers\.(?:0|2)\.mlp", "tp": "replicate"},
                     {"module": r"layers\.1\.mlp", "tp": "partial"},
                     {"module": r"layers\.x\.mlp", "tp": "partial"}]


def test_nothing_is_said_of_a_module_without_a_declaration():
    rules = fold({"layers.0.experts.0": A, "layers.0.experts.1": None, "layers.1.experts.0": A})
    assert rules == [{"module": r"layers\.(?:0|1)\.experts\.0", "tp": "replicate"}]
    rules = fold({"a.0.b.0": A, "a.0.b.1": None, "a.1.b.1": A})
    assert rules == [{"module": r"a\.0\.b\.0|a\.1\.b\.1", "tp": "replicate"}]
    assert fold({"layers.0": None, "layers.1": []}) == []


@pytest.mark.parametrize("name", ["a.b", "h.0", "0.1", "a-b.1x", "x1.2"])
def test_a_pattern_matches_its_module_and_no_neighbour(name):
    pattern = fold({name: A})[0]["module"]
    assert re.fullmatch(pattern, name)
    assert not re.fullmatch(pattern, name.replace(".", "_"))
    assert not re.fullmatch(pattern, name + ".weight")


def test_rules_match_whole_names_and_slots():
    rule = {"module": r"a\.\d+", "slot": ["inputs_0", "outputs(_0)?"], "tp": "partial"}
    assert matches(rule, "a.12", "outputs") and matches(rule, "a.1", "inputs_0")
    assert not matches(rule, "b.a.1", "outputs") and not matches(rule, "a.1", "outputs_01")


def test_given_rules_come_before_those_found_of_the_same_mesh():
    given = {"mesh": [{"tp": 2}], "rules": [{"module": "a", "tp": "partial"}]}
    found = {"mesh": [{"tp": 2}], "rules": [{"module": "b", "tp": "replicate"}]}
    assert merged(given, found)["rules"] == given["rules"] + found["rules"]
    assert merged(None, found) == found and merged(given, None) == given
    assert merged(given, found | {"mesh": [{"axis0": 2}]}) == given


RULE = {"module": "a", "tp": "replicate"}


@pytest.mark.parametrize("changed, text", [
    ({"mesh": None}, "mesh must be a list of axes"),
    ({"mesh": [{"tp": 2, "pp": 2}]}, "mesh must be a list of axes"),
    ({"mesh": [{"tp": 0}]}, "mesh must be a list of axes"),
    ({"mesh": [{"module": 4}]}, "mesh must be a list of axes"),
    ({"mesh": [{"tp": 2}, {"tp": 2}]}, "axes of different names"),
    ({"mesh": [{"tp": 2}]}, "product is the world's size, 4"),
    ({"ranks": [0, 1, 2]}, "a list of the 4 ranks"),
    ({"ranks": [0, 1, 2, 2]}, "a list of the 4 ranks"),
    ({"replicas": {"rtol": -1}}, "rtol and atol"),
    ({"replicas": {"tolerance": 1}}, "replicas.tolerance is unknown"),
    ({"rule": []}, "rule is unknown; known are mesh, ranks"),
    ({"version": 2}, "version must be 1"),
    ({"rules": {}}, "rules must be a list"),
    ({"rules": [{"tp": "replicate"}]}, r"rules\[0\].module must be a pattern"),
    ({"rules": [RULE, {"module": "("}]}, r"rules\[1\].module must be a pattern"),
    ({"rules": [RULE | {"slot": 3}]}, r"rules\[0\].slot must be a pattern"),
    ({"rules": [RULE | {"dp": "replicate"}]}, r"rules\[0\].dp is unknown"),
    ({"rules": [RULE | {"tp": "whole"}]}, r"rules\[0\].tp must be replicate"),
    ({"rules": [RULE | {"tp": {"shard": "last"}}]}, r"rules\[0\].tp must be replicate"),
    ({"rules": [RULE | {"tp": {"shard": 0, "wide": 3}}]}, r"rules\[0\].tp.wide is unknown"),
    ({"rules": [RULE | {"tp": {"stage": 3}}]}, r"rules\[0\].tp.stage must be a list"),
])
def test_what_is_given_is_checked(changed, text):
    with pytest.raises(RecordError, match=text):
        checked({"mesh": [{"tp": 4}], "rules": [RULE]} | changed, 4)


def test_what_is_given_stays_as_it_is():
    given = {"version": 1, "mesh": [{"pp": 2}, {"tp": 2}], "ranks": [0, 2, 1, 3],
             "replicas": {"rtol": 0, "atol": 1e-6}, "rules": [
                 {"module": r"h\.(?P<index>\d+)", "slot": ["outputs"],
                  "tp": {"shard": -1, "parts": [8, {"width": 4, "replicas": 2}]},
                  "pp": {"stage": [[0, 1], [2, 3]]}}]}
    assert checked(given, 4) == given


def test_one_process_has_no_placements(tmp_path):
    with pytest.raises(RecordError, match="product is the world's size, 1"):
        with assay_torch.record(nn.Tanh(), {"output_dir": str(tmp_path)}, placements={
                "mesh": [{"tp": 2}], "rules": []}):
            pass


def test_two_calls_share_what_they_agree_in():
    first, then = {"tp": {"shard": 1, "width": 8}}, {"tp": {"shard": 1, "width": 9}}
    assert common(first, first) == first
    assert common(first, then) == {"tp": {"shard": 1}} == common({"tp": {"shard": 1}}, first)
    assert common(first, {"tp": {"shard": 0, "width": 8}}) is None
    assert common({"dp": {"shard": 0, "width": 3}} | first, {"dp": {"shard": 0, "width": 4}}
                  | first) == {"dp": {"shard": 0}} | first
    assert common(first, {"tp": "replicate"}) is None and common(None, first) is None


# Modules of the classes' names and attributes that engines have

def made(class_name, *bases, children=(), called=True, **attributes):
    """A module of a class of a name, which has these attributes."""
    methods = {"forward": lambda self, *values: values} if called else {}
    module = type(class_name, bases or (nn.Module,), methods)()
    for name, child in dict(children).items():
        module.add_module(name, child)
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


def projection(kind, ranks, **attributes):
    base = {"tp_size": ranks, "skip_bias_add": False, "bias": None}
    return made(kind, **base | attributes)


def llama(ranks, heads, kv_heads, size, width):
    """Two layers; every class and attribute as vLLM 0.32 has them."""
    rotary = made("RotaryEmbedding", head_size=size, children={
        "apply_rotary_emb": made("ApplyRotaryEmb")})
    local = max(kv_heads // ranks, 1)

    def layer():
        attention = made("LlamaAttention", children={
            "qkv_proj": projection(
                "QKVParallelLinear", ranks, num_heads=heads // ranks, num_kv_heads=local,
                total_num_kv_heads=kv_heads, num_kv_head_replicas=max(ranks // kv_heads, 1),
                head_size=size, v_head_size=size, gather_output=False),
            "o_proj": projection("RowParallelLinear", ranks, input_size=heads * size,
                                 input_is_parallel=True, reduce_results=True),
            "rotary_emb": rotary,
            "attn": made("Attention", num_heads=heads // ranks, num_kv_heads=local, head_size=size,
                         head_size_v=size)})
        mlp = made("LlamaMLP", children={
            "gate_up_proj": projection("MergedColumnParallelLinear", ranks, output_size=2 * width,
                                       output_sizes=[width, width], gather_output=False),
            "down_proj": projection("RowParallelLinear", ranks, input_size=width,
                                    input_is_parallel=True, reduce_results=True),
            "act_fn": made("SiluAndMul")})
        return made("LlamaDecoderLayer", children={
            "self_attn": attention, "mlp": mlp, "input_layernorm": made("RMSNorm")})

    model = made("LlamaModel", children={
        "embed_tokens": projection("VocabParallelEmbedding", ranks),
        "layers": nn.ModuleList([layer(), layer()])})
    lm_head = type("ParallelLMHead", (type(model.embed_tokens),), {})()
    return made("LlamaForCausalLM", children={
        "model": model, "lm_head": lm_head,
        "logits_processor": made("LogitsProcessor", use_all_gather=True)})


def parallel(tensors=1, stages=1):
    return types.SimpleNamespace(tensor_parallel_size=tensors, pipeline_parallel_size=stages)


def first(rules, module, slot):
    return next(({key: value for key, value in rule.items() if key not in ("module", "slot")}
                 for rule in rules if matches(rule, module, slot)), None)


@pytest.fixture(autouse=True)
def known_classes(monkeypatch):
    """A class of this file has its own ``__init__`` as ``nn.Module`` has it."""
    monkeypatch.setattr(engine, "OPERATION", ("forward",))


def test_a_llama_on_four_ranks_with_two_key_value_heads():
    found = engine.placements(llama(4, 8, 2, 16, 96), parallel(4), 4)
    assert found["mesh"] == [{"tp": 4}] and len(found["rules"]) <= 24
    twice = {"shard": -1, "width": 32, "replicas": 2}
    layer = "model.layers.1"
    expected = {
        ("model", "inputs_0"): "replicate", ("model", "outputs"): "replicate",
        ("model.embed_tokens", "outputs"): "replicate",
        (layer, "outputs_1"): "replicate", (f"{layer}.input_layernorm", "outputs"): "replicate",
        (f"{layer}.self_attn", "inputs_hidden_states"): "replicate",
        (f"{layer}.self_attn.qkv_proj", "inputs_0"): "replicate",
        (f"{layer}.self_attn.qkv_proj", "outputs_0"): {"shard": -1, "parts": [
            {"name": "q", "width": 128}, {"name": "k", "width": 32, "replicas": 2},
            {"name": "v", "width": 32, "replicas": 2}]},
        (f"{layer}.self_attn.rotary_emb", "inputs_0"): "replicate",
        (f"{layer}.self_attn.rotary_emb", "inputs_1"): {"shard": -1, "width": 128},
        (f"{layer}.self_attn.rotary_emb", "post_fwd_inputs_2"): twice,
        (f"{layer}.self_attn.rotary_emb", "outputs_0"): {"shard": -1, "width": 128},
        (f"{layer}.self_attn.rotary_emb", "outputs_1"): twice,
        (f"{layer}.self_attn.attn", "inputs_0"): {"shard": -1, "width": 128},
        (f"{layer}.self_attn.attn", "inputs_1"): twice,
        (f"{layer}.self_attn.attn", "inputs_2"): twice,
        (f"{layer}.self_attn.attn", "outputs"): {"shard": -1, "width": 128},
        (f"{layer}.self_attn.o_proj", "inputs_0"): {"shard": -1, "width": 128},
        (f"{layer}.self_attn.o_proj", "outputs_0"): "replicate",
        (f"{layer}.mlp.gate_up_proj", "outputs_0"): {"shard": -1, "parts": [96, 96]},
        (f"{layer}.mlp.act_fn", "inputs_0"): {"shard": -1, "parts": [96, 96]},
        (f"{layer}.mlp.act_fn", "outputs"): {"shard": -1, "width": 96},
        (f"{layer}.mlp.down_proj", "inputs_0"): {"shard": -1, "width": 96},
        (f"{layer}.mlp.down_proj", "outputs_0"): "replicate",
        ("logits_processor", "outputs"): "replicate"}
    for (module, slot), value in expected.items():
        assert first(found["rules"], module, slot) == {"tp": value}, (module, slot)
    # Never called, or part of what is known.
    assert first(found["rules"], "lm_head", "outputs") is None
    assert first(found["rules"], f"{layer}.self_attn.rotary_emb.apply_rotary_emb",
                 "outputs") is None
    # Another slot of attention is nothing that was declared.
    assert first(found["rules"], f"{layer}.self_attn.attn", "inputs_3") is None


def test_key_value_heads_that_suffice_have_no_replicas():
    rules = engine.placements(llama(2, 8, 4, 16, 96), parallel(2), 2)["rules"]
    assert first(rules, "model.layers.0.self_attn.attn", "inputs_1") == {
        "tp": {"shard": -1, "width": 64}}


@pytest.mark.parametrize("module, slots", [
    (projection("ColumnParallelLinear", 2, output_size=8, gather_output=True),
     {"outputs_0": "replicate", "inputs_0": "replicate"}),
    (projection("ColumnParallelLinear", 2, output_size=8, gather_output=True, skip_bias_add=True,
                bias=torch.ones(4)), {"outputs": "replicate",
                                      "outputs_1": {"shard": 0, "width": 8}}),
    (projection("ColumnParallelLinear", 2, output_size=8, gather_output=False),
     {"outputs": {"shard": -1, "width": 8}}),
    (projection("ColumnParallelLinear", 1, output_size=8, gather_output=False),
     {"outputs": "replicate"}),  # tensor parallelism is disabled
    (projection("RowParallelLinear", 2, input_size=8, input_is_parallel=False,
                reduce_results=False), {"inputs_0": "replicate", "outputs_0": "partial"}),
    (projection("ReplicatedLinear", 2), {"outputs_0": "replicate"}),
    (projection("VocabParallelEmbedding", 2, reduce_results=False),
     {"inputs_0": "replicate", "outputs": "partial"}),
    (made("LogitsProcessor", use_all_gather=False),
     {"inputs_1": "replicate", "outputs": "stage"}),
    (made("MoERunner", moe_config=types.SimpleNamespace(
        is_sequence_parallel=False, skip_final_all_reduce=True)),
     {"inputs_1": "replicate", "outputs": "partial"}),
    (made("MoERunner", tp_size=2), {"outputs": "replicate"}),
    (made("SharedMLP", children={"down_proj": projection(
        "RowParallelLinear", 2, input_size=8, input_is_parallel=True, reduce_results=False)}),
     {"inputs_0": "replicate", "outputs": "partial"}),
])
def test_attributes_of_layers_decide(module, slots):
    rules = engine.placements(made("Root", children={"one": module}), parallel(2), 2)["rules"]
    for slot, value in slots.items():
        assert first(rules, "one", slot) == {"tp": value}, slot


@pytest.mark.parametrize("module", [
    projection("NewParallelLayer", 2),
    projection("ColumnParallelLinear", 3, output_size=8, gather_output=False),
    made("Attention", num_heads=2, num_kv_heads=2, head_size=4, head_size_v=4),
    made("MoERunner", moe_config=types.SimpleNamespace(is_sequence_parallel=True)),
    made("Block", children={"down": projection(
        "RowParallelLinear", 2, input_size=8, input_is_parallel=True, reduce_results=False)}),
    made("DCPColumn", type(projection("ColumnParallelLinear", 2)), tp_size=2),
])
def test_what_is_not_known_has_no_rule(module, caplog):
    with caplog.at_level("WARNING", "vllm.assay"):
        found = engine.placements(made("Root", children={"one": module}), parallel(2), 2)
    assert first(found["rules"], "one", "outputs") is None
    assert first(found["rules"], "one", "inputs_0") is None
    assert "is not known" in caplog.text and "one" in caplog.text


@pytest.mark.parametrize("producer, name, given, output", [
    (projection("ColumnParallelLinear", 2, output_size=8, gather_output=False), "GELU",
     {"shard": -1, "width": 8}, {"shard": -1, "width": 8}),
    (projection("ColumnParallelLinear", 2, output_size=8, gather_output=True), "GELU",
     "replicate", "replicate"),
    (projection("MergedColumnParallelLinear", 2, output_size=12, output_sizes=[8, 4],
                gather_output=False), "SiluAndMul", None, None),
    (projection("MergedColumnParallelLinear", 2, output_size=16, output_sizes=[8, 8],
                gather_output=False), "SiLU", None, None),
])
def test_an_activation_has_what_its_producer_makes(producer, name, given, output):
    mlp = made("NewMLP", children={"up": producer, "act": made(name)})
    rules = engine.placements(made("Root", children={"mlp": mlp}), parallel(2), 2)["rules"]
    assert first(rules, "mlp.act", "inputs_0") == (given and {"tp": given})
    assert first(rules, "mlp.act", "outputs") == (output and {"tp": output})


def test_norms_of_heads_are_cut_by_heads():
    model = llama(4, 8, 2, 16, 96)
    attention = model.model.layers[0].self_attn
    attention.q_norm = made("RMSNorm", weight=torch.ones(16))
    attention.k_norm = made("RMSNorm", weight=torch.ones(16))
    rules = engine.placements(model, parallel(4), 4)["rules"]
    at = "model.layers.0.self_attn"
    assert first(rules, f"{at}.q_norm", "inputs_0") == {"tp": {"shard": -2, "width": 8}}
    assert first(rules, f"{at}.k_norm", "outputs") == {
        "tp": {"shard": -2, "width": 2, "replicas": 2}}
    assert first(rules, f"{at}.qkv_proj", "inputs_0") == {"tp": "replicate"}


def test_norms_of_the_backend_of_transformers():
    model, norm = llama(2, 8, 4, 16, 96), type(made("TPAwareNormMixin"))
    layer = model.model.layers[0]
    layer.self_attn.q_norm = made("TPAwareRMSNorm", norm, weight=torch.ones(128), tp_size=2)
    layer.self_attn.k_norm = made("TPAwareRMSNorm", norm, weight=torch.ones(64), tp_size=2)
    layer.norm = made("TPAwareRMSNorm", norm, weight=torch.ones(64), tp_size=2)
    model.model.layers[1].self_attn.q_norm = made("RMSNorm", weight=torch.ones(128))
    model.model.rotary_emb = made("Olmo2RotaryEmbedding")
    rules = engine.placements(model, parallel(2), 2)["rules"]
    at = "model.layers.0.self_attn"
    assert first(rules, f"{at}.q_norm", "outputs") == {"tp": {"shard": -1, "width": 128}}
    assert first(rules, f"{at}.k_norm", "inputs_0") == {"tp": {"shard": -1, "width": 64}}
    assert first(rules, "model.layers.0.norm", "outputs") == {"tp": "replicate"}
    assert first(rules, "model.layers.1.self_attn.q_norm", "outputs") is None
    assert first(rules, "model.rotary_emb", "outputs_0") == {"tp": "replicate"}


def test_ranks_that_are_neither_tensor_nor_pipeline_parallel_are_not_told():
    assert engine.placements(llama(2, 8, 2, 16, 96), parallel(2), 4) is None
    assert engine.placements(llama(1, 8, 2, 16, 96), parallel(), 1) is None


def test_modules_of_stages_are_there_once():
    def stage(index):
        model = llama(2, 8, 2, 16, 96)
        model.model.layers[1 - index] = made("PPMissingLayer")
        if index:
            model.model.embed_tokens = made("PPMissingLayer")
        return model

    others = [engine.declared(stage(index), 2)[0] for index in (0, 0, 1, 1)]
    found = engine.placements(stage(1), parallel(2, 2), 4, lambda value: others)
    assert found["mesh"] == [{"pp": 2}, {"tp": 2}]
    rules = found["rules"]
    assert first(rules, "model.embed_tokens", "outputs") == {"tp": "replicate", "pp": "stage"}
    assert first(rules, "model.layers.1.mlp.down_proj", "inputs_0") == {
        "tp": {"shard": -1, "width": 96}, "pp": "stage"}
    # What the last stage returns is the model's; between the stages there are other values.
    assert first(rules, "model", "outputs") == {"tp": "replicate", "pp": "stage"}
    assert first(rules, "model", "inputs_0") is None
    assert first(rules, "model", "outputs_tensors_residual") is None


def test_stages_alone_have_no_axis_of_tensors():
    model = llama(1, 8, 2, 16, 96)
    found = engine.placements(model, parallel(1, 2), 2, lambda value: [value, {}])
    assert found["mesh"] == [{"pp": 2}]
    assert first(found["rules"], "model.layers.0.self_attn.qkv_proj", "outputs_0") == {
        "pp": "stage"}


def test_floats_on_the_processor_are_summed_in_another_order_on_each_rank():
    model = llama(4, 8, 2, 16, 96)
    model.weight = nn.Parameter(torch.ones(2))
    assert engine.placements(model, parallel(4), 4)["replicas"] == {"rtol": 1e-5, "atol": 1e-4}
    assert "replicas" not in engine.placements(model.half(), parallel(4), 4)


# Megatron

def megatron_model(ranks, is_cut_by_sequence=False, stride=1):
    weight = nn.Parameter(torch.ones(2))
    weight.partition_stride = stride
    return made("Root", children={
        "fc1": made("ColumnParallelLinear", output_size=16, output_size_per_partition=16 // ranks,
                    gather_output=False, sequence_parallel=is_cut_by_sequence, weight=weight,
                    skip_bias_add=True),
        "fc2": made("RowParallelLinear", input_size=8, input_size_per_partition=8 // ranks,
                    input_is_parallel=True, sequence_parallel=is_cut_by_sequence),
        "norm": made("LayerNorm")})


def test_layers_of_megatron():
    assert megatron.placements(megatron_model(2), 2) == {"mesh": [{"tp": 2}], "rules": [
        {"module": "fc1", "slot": "outputs_1", "tp": {"shard": 0, "width": 16}},
        {"module": "fc1", "slot": "outputs(_0)?", "tp": {"shard": -1, "width": 16}},
        {"module": "fc1", "tp": "replicate"},
        {"module": "fc2", "slot": "(post_fwd_)?inputs_.*", "tp": {"shard": -1, "width": 8}},
        {"module": "fc2", "tp": "replicate"}]}
    rules = megatron.placements(megatron_model(2, True, stride=2), 2)["rules"]
    assert first(rules, "fc1", "inputs_0") == {"tp": {"shard": 0}}
    assert first(rules, "fc1", "outputs_0") == {"tp": {"shard": -1, "parts": [8, 8]}}
    assert first(rules, "fc2", "outputs_0") == {"tp": {"shard": 0}}
    # Which of four ranks share a layer that is cut in two is not told.
    assert megatron.placements(megatron_model(2), 4) is None
    assert megatron.placements(nn.Linear(2, 2), 2) is None
