"""Holds recordings of several ranks of an unmodified vLLM to those of one.

Usage: ranks.py ASSAY FOLDER [SMOLLM2]   SMOLLM2 is the checkpoint of a real model, with which
further models are recorded too. Every tensor is put together twice: by numpy and by Assay.
"""

import json
import os
import sys

import numpy as np
import transformers

import check  # finds the recorder and the checks
from checks import Checks
import joining
import theirs

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
SIZES = dict(vocab_size=500, hidden_size=128, intermediate_size=344, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, head_dim=32,
             max_position_embeddings=512, tie_word_embeddings=False, bos_token_id=1,
             eos_token_id=2, pad_token_id=0)


def model_of(folder, name, kind=transformers.LlamaConfig, **changed):
    path = os.path.join(folder, f"model-{name}")
    theirs.make_random(path, kind(**SIZES | changed))
    return path


def recorded(folder, name, model, ranks, prompts=check.PROMPTS):
    """Records a run of so many ranks into a folder of its own; returns it, and the tokens."""
    folder = os.path.join(folder, f"{name}-{ranks}")
    os.makedirs(folder)
    engine = check.Engine(folder, model)
    several = {"tensor_parallel_size": ranks, "distributed_executor_backend": "mp"}
    # In one process requests come at once, so that the batches are the same.
    _, text = engine.run(name, batches=[prompts], **several if ranks > 1 else {})
    tokens = [line for line in text.splitlines() if line.startswith("TOKENS")]
    return os.path.join(folder, "runs"), tokens


def against_one(checks, folder, name, model, *worlds, close=CLOSE, **options):
    """Runs of several ranks are those of one, tensor by tensor."""
    runs, tokens = recorded(folder, name, model, 1, **options)
    one = os.path.join(runs, name)
    _, whole = joining.read(one)
    for ranks in worlds:
        what = f"{name} on {ranks} ranks"
        group, found = recorded(folder, name, model, ranks, **options)
        checks.equal(found, tokens, f"{what}: tokens")
        names = [os.path.join(group, f"{name}-rank{rank}") for rank in range(ranks)]
        checks.equal(sorted(os.listdir(group)), sorted(map(os.path.basename, names)),
                     f"{what}: the runs")
        with open(os.path.join(names[0], "spool.json"), encoding="utf-8") as file:
            rules = json.load(file)["provenance"]["placements"]["rules"]
        checks.equal(len(rules) <= 50, True, f"{what}: {len(rules)} rules")
        by_numpy(checks, what, names, whole, close)
        tensors = json.loads(checks.assay(
            "compare", group, one, "--rtol", str(close["rtol"]), "--atol", str(close["atol"]),
            "--format", "json"))["summary"]["tensors"]
        checks.equal((tensors["matched"], tensors["compared"]), (len(whole), len(whole)),
                     f"{what}: tensors that match")


def by_numpy(checks, what, runs, whole, close):
    found, failures = joining.joined(runs)
    checks.equal(failures, {}, f"{what}: what cannot be put together")
    checks.equal(found.keys() ^ whole.keys(), set(), f"{what}: tensors of one side alone")
    differing = [key for key in found.keys() & whole.keys()
                 if found[key].dtype != whole[key].dtype or found[key].shape != whole[key].shape
                 or not np.allclose(found[key], whole[key], **close)]
    checks.equal(differing, [], f"{what}: tensors that differ")
    print(f"{what}: {len(found)} tensors put together, {len(differing)} differ")


def test_llama(checks, folder):
    """Padded vocabularies; two ranks, and four that share two key-value heads."""
    against_one(checks, folder, "llama", model_of(folder, "llama"), 2, 4)


def test_one_head(checks, folder):
    """One key-value head, which both ranks hold."""
    against_one(checks, folder, "one-head", model_of(folder, "one-head", num_key_value_heads=1), 2)


EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 96}


def test_experts(checks, folder):
    """Mixtures of experts: norms of heads, and shared experts that leave partial sums."""
    against_one(checks, folder, "experts", model_of(
        folder, "experts", transformers.Qwen3MoeConfig, **EXPERTS), 2)
    against_one(checks, folder, "shared", model_of(
        folder, "shared", transformers.Qwen2MoeConfig, shared_expert_intermediate_size=96,
        **EXPERTS), 2)


def test_smollm2(checks, folder, checkpoint):
    """A real model of nine heads and three key-value heads on three ranks."""
    against_one(checks, folder, "smollm2", checkpoint, 3, prompts=[[504, 3575, 282, 4649, 314]],
                close={"rtol": 1e-3, "atol": 1e-4})


def main():
    program, folder = sys.argv[1:3]
    checks = Checks(program)
    # Ranks of one machine share its cores.
    os.environ |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
    parts = [(test_llama, ())]
    if len(sys.argv) > 3:
        parts += [(test_one_head, ()), (test_experts, ()), (test_smollm2, sys.argv[3:4])]
    for test, arguments in parts:
        checks.begin(test.__name__.removeprefix("test_"))
        try:
            test(checks, folder, *arguments)
        except Exception as error:
            checks.fail(f"{type(error).__name__}: {error}")
        checks.end()
    print(f"{checks.passed} checks passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
