"""Holds recordings of an unmodified vLLM to transformers, and batches to prompts run alone.

Usage: check.py ASSAY FOLDER [SMOLLM2]   SMOLLM2 is the checkpoint of a real model.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../Python"), os.path.join(HERE, "../Interop")]

import torch  # noqa: E402
import transformers  # noqa: E402

from checks import Checks  # noqa: E402

import theirs  # noqa: E402

PROMPTS = [[1, 5, 9, 13, 77, 200, 311, 42, 8, 99], [1, 300, 17, 4]]
TOKENS = 4
CLOSE = ("--rtol", "1e-4", "--atol", "1e-5")


class Engine:
    """Starts vLLM in processes of its own, with the plugin's variable set."""

    def __init__(self, folder, tiny):
        self.folder, self.tiny = folder, tiny
        self.configuration = os.path.join(folder, "capture.json")
        with open(self.configuration, "w", encoding="utf-8") as file:
            json.dump({"output_dir": os.path.join(folder, "runs"), "log_step_ids": []}, file)

    def environment(self, name, in_process):
        return os.environ | {
            "ASSAY_INTERMEDIATE_LOG_CONFIG_PATH": self.configuration, "ASSAY_RUN_ID": name,
            "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "WARNING",
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0" if in_process else "1"}

    def run(self, name, batches=(PROMPTS,), model=None, in_process=True, status=0,
            dtype="float32", **options):
        """Records a run, and returns it with what vLLM printed."""
        job = {"model": model or self.tiny, "dtype": dtype, "tokens": TOKENS,
               "batches": list(batches), "options": options}
        done = subprocess.run(
            [sys.executable, os.path.join(HERE, "engine.py"), json.dumps(job)], timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=self.environment(name, in_process))
        if (done.returncode != 0) != (status != 0):
            raise RuntimeError(f"vLLM ended with {done.returncode}:\n{done.stdout[-4000:]}")
        return os.path.join(self.folder, "runs", name), done.stdout

    def serve(self, name, requests):
        """Records a server that answers requests one by one and is then told to stop."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = open(os.path.join(self.folder, f"{name}.log"), "w", encoding="utf-8")
        server = subprocess.Popen(
            [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", self.tiny,
             "--dtype", "float32", "--enforce-eager", "--skip-tokenizer-init", "--max-model-len",
             "256", "--gpu-memory-utilization", "0.3", "--port", str(port)],
            stdout=log, stderr=log, env=self.environment(name, in_process=False))
        try:
            wait_for(server, f"http://127.0.0.1:{port}/health", log.name)
            for ids in requests:
                body = {"model": self.tiny, "prompt": ids, "max_tokens": TOKENS, "temperature": 0,
                        "ignore_eos": True, "detokenize": False, "return_token_ids": True}
                urllib.request.urlopen(urllib.request.Request(
                    f"http://127.0.0.1:{port}/v1/completions", json.dumps(body).encode(),
                    {"Content-Type": "application/json"}), timeout=120).read()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
            log.close()
        return os.path.join(self.folder, "runs", name)


def wait_for(server, url, log):
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return
        except OSError:
            time.sleep(0.25)
    with open(log, encoding="utf-8") as file:
        raise RuntimeError(f"the server did not come up:\n{file.read()[-4000:]}")


def compared(checks, ours, theirs, *options, status=0):
    return json.loads(checks.assay(
        "compare", ours, theirs, *(options or CLOSE), "--format", "json", status=status))


def against_transformers(checks, run, alone, what, rows, not_computed=0):
    """A recording of vLLM matches transformers', row by row, and every row is accounted for."""
    found = compared(checks, run, alone, "--mapping", "vllm-llama", *CLOSE)
    tensors = found["summary"]["tensors"]
    checks.equal(found["rows"]["compared"], rows, f"{what}: rows")
    checks.equal(found["rows"]["not_computed_in_actual"], not_computed, f"{what}: not computed")
    checks.equal(found["rows"]["not_computed_in_expected"], 0, f"{what}: rows of vLLM alone")
    checks.equal(tensors["matched"], tensors["compared"], f"{what}: tensors that match")
    # 33 tensors of each layer, and those around the layers.
    checks.equal(tensors["compared"] > 500, True, f"{what}: {tensors['compared']} tensors")
    logits = [tensor for step in found["steps"] for module in step["modules"]
              if module["module"] in ("lm_head", "logits_processor") for tensor in module["tensors"]]
    checks.equal({tensor["verdict"] for tensor in logits} <= {"match", "not_computed"}
                 and any(tensor["verdict"] == "match" for tensor in logits), True,
                 f"{what}: logits")


def test_batches(checks, engine, alone, padded):
    rows = sum(len(ids) + TOKENS - 1 for ids in PROMPTS)
    batched, _ = engine.run("batched", in_process=False)
    against_transformers(checks, batched, alone, "batched", rows)
    chunked, _ = engine.run("chunked", max_num_batched_tokens=6, max_num_seqs=4,
                            enable_prefix_caching=False)
    against_transformers(checks, chunked, alone, "chunked", rows)
    against_transformers(checks, batched, padded, "batched against padded", rows)
    server = engine.serve("server", PROMPTS)
    against_transformers(checks, server, alone, "server", rows)
    spans = [step["rows"]["layouts"][0]["spans"] for step in steps_of(chunked)]
    checks.equal(spans[:2], [[[0, 0, 6]], [[0, 6, 4], [1, 0, 2]]], "the rows of the first batches")
    test_invariance(checks, batched, chunked)


def test_invariance(checks, batched, chunked):
    """The report's line on rows says what numpy finds in the files."""
    found = compared(checks, batched, chunked, "--rtol", "0", "--atol", "0",
                     status=0 if same_rows(batched, chunked) else 1)
    first = found["rows"]["first_differing"]
    if first is None:
        return
    ours, others = (values(run, first["module"], first["call"], first["slot"])
                    for run in (batched, chunked))
    differing = [row for row in ours if row in others and (ours[row] != others[row]).any()]
    checks.equal((first["request"], first["position"]) in differing, True,
                 f"the row that differs first: {first}")
    checks.equal(any("whose values are not all equal" in note for note in found["notes"]), True,
                 "the line on batch invariance")


def test_prefix(checks, engine, model, folder):
    """A cached prefix is never computed again: its rows are not missing."""
    prefix = [1 + (7 * i) % 500 for i in range(128)]
    prompts = [prefix + [11, 12, 13], prefix + [21, 22]]
    run, _ = engine.run("prefix", batches=[[prompts[0]], [prompts[1]]], block_size=32)
    expected = theirs.recorded(model, folder, "prefix", [[ids] for ids in prompts], TOKENS)
    rows = len(prompts[0]) + 2 + 2 * (TOKENS - 1)
    against_transformers(checks, run, expected, "prefix", rows, not_computed=128)


def test_padding(checks, alone, padded):
    """Padding on the left in transformers; only the mask has no counterpart."""
    rules = os.path.join(os.path.dirname(padded), "mask.yml")
    with open(rules, "w", encoding="utf-8") as file:
        file.write("version: 1\nrules:\n"
                   "  - {drop: actual, module: '.*', slot: inputs_attention_mask}\n")
    found = compared(checks, padded, alone, "--mapping", rules, *CLOSE)
    checks.equal(found["rows"]["padding_in_actual"], 6, "padding")
    checks.equal(found["rows"]["compared"], 20, "rows beside padding")


def epsilon(config, weights):
    config["rms_norm_eps"] = 0.01


def theta(config, weights):
    config["rope_parameters"] = config["rope_parameters"] | {"rope_theta": 500.0}


def row(config, weights):
    weights["model.layers.2.mlp.up_proj.weight"][17] = 0


# Each bug, and the modules at which it may be named.
BUGS = [("epsilon", epsilon, r"model\.layers\.0\.input_layernorm"),
        ("theta", theta, r"model\.layers\.0\.self_attn(\..*)?"),
        ("row", row, r"model\.layers\.2\.mlp\.(up_proj|gate_up_proj)")]


def named(checks, run, expected, name, modules, *options):
    found = compared(checks, run, expected, "--mapping", "vllm-llama", *options, status=1)
    first = found["first_divergence"]
    born = (first["born_in"] or first)["module"]
    checks.equal(bool(re.fullmatch(modules, born)), True, f"the bug {name} is named at {born}")


def test_bugs(checks, engine, alone, folder):
    """Bugs in a copy of the checkpoint are named at their modules."""
    for name, change, modules in BUGS:
        run, _ = engine.run(f"bug-{name}", model=changed(engine.tiny, folder, name, change))
        named(checks, run, alone, name, modules, *CLOSE)


def test_bfloat16(checks, engine, folder):
    """In bfloat16 rules that were measured on right runs pass a right one, and name the same bugs."""
    prompts = [[ids] for ids in PROMPTS]
    there = os.path.join(folder, "transformers")
    model = theirs.load(engine.tiny, torch.bfloat16)
    expected = theirs.recorded(model, there, "bfloat16", prompts, TOKENS)
    right = [engine.run(f"bfloat16-{name}", prompts, dtype="bfloat16", **options)[0]
             for name, options in (("a", {}), ("b", {"max_num_seqs": 1}))]
    rules = os.path.join(folder, "bfloat16.yml")
    checks.assay("calibrate", expected, right[0], "--mapping", "vllm-llama", "--output", rules)
    compared(checks, right[1], expected, "--mapping", "vllm-llama", "--tolerance-file", rules)
    for name, _, modules in BUGS:
        run, _ = engine.run(f"bfloat16-{name}", prompts, dtype="bfloat16",
                            model=os.path.join(folder, f"tiny-{name}"))
        named(checks, run, expected, f"{name} in bfloat16", modules, "--tolerance-file", rules)


def changed(checkpoint, folder, name, change):
    from safetensors.torch import load_file, save_file

    copy = os.path.join(folder, f"tiny-{name}")
    shutil.copytree(checkpoint, copy)
    with open(os.path.join(copy, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    weights = load_file(os.path.join(copy, "model.safetensors"))
    change(config, weights)
    with open(os.path.join(copy, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    save_file(weights, os.path.join(copy, "model.safetensors"), metadata={"format": "pt"})
    return copy


def test_presets(checks, engine, folder):
    """Each preset pairs a model of random weights in vLLM with the same in transformers."""
    sizes = dict(vocab_size=512, hidden_size=128, intermediate_size=160, num_hidden_layers=3,
                 num_attention_heads=4, num_key_value_heads=2, head_dim=32,
                 max_position_embeddings=512, tie_word_embeddings=False, bos_token_id=1,
                 eos_token_id=2, pad_token_id=0)
    kinds = {
        "vllm-mistral": (transformers.MistralConfig, {"sliding_window": None}),
        "vllm-qwen2": (transformers.Qwen2Config, {}),
        "vllm-qwen3": (transformers.Qwen3Config, {}),
        "vllm-mixtral": (transformers.MixtralConfig, {
            "sliding_window": None, "num_local_experts": 4, "num_experts_per_tok": 2}),
        "vllm-qwen3-moe": (transformers.Qwen3MoeConfig, {
            "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 96})}
    for preset, (kind, more) in kinds.items():
        path = os.path.join(folder, preset)
        theirs.make_random(path, kind(**sizes | more))
        run, _ = engine.run(preset, model=path)
        expected = theirs.recorded(theirs.load(path), os.path.join(folder, "transformers"), preset,
                                   [[ids] for ids in PROMPTS], TOKENS)
        tensors = compared(checks, run, expected, "--mapping", preset, *CLOSE)["summary"]["tensors"]
        checks.equal(tensors["matched"] >= 380, True, f"{preset}: {tensors['matched']} match")


def test_one_request(checks, batched, model, folder):
    """A bug in the rows of one request is named with request and position."""
    def change(output, call):
        # The prefill of request 1 comes after the four steps of request 0.
        if call == TOKENS:
            output = output.clone()
            output[0, 2:] *= 1.5
        return output

    expected = theirs.recorded(model, folder, "one", [[ids] for ids in PROMPTS], TOKENS,
                               ("model.layers.1.mlp.down_proj", change))
    found = compared(checks, batched, expected, "--mapping", "vllm-llama", *CLOSE, status=1)
    checks.equal(found["first_divergence"]["module"], "model.layers.1.mlp.down_proj",
                 "the module of the bug in one request")
    note = next(note for note in found["notes"] if "first failing tensor" in note)
    checks.equal(": 2 of " in note and "at position 2 of request 1" in note, True, note)
    checks.equal(found["rows"]["first_failing"]["position"], 2, "the position of the bug")


def test_refusals(checks, engine):
    """What would record nothing is refused in a sentence."""
    _, text = engine.run("compiled", status=1, enforce_eager=False)
    checks.equal("--enforce-eager" in text, True, f"the refusal: {text[-600:]}")
    checks.equal(os.path.exists(os.path.join(engine.folder, "runs", "compiled")), False,
                 "a refused run leaves nothing")


def test_smollm2(checks, engine, folder, checkpoint):
    """A real model: rounding near zero is all that separates both, so the tolerance is wider."""
    prompt = [504, 3575, 282, 4649, 314]  # The capital of France is
    run, text = engine.run("smollm2", batches=[[prompt]], model=checkpoint)
    expected = theirs.recorded(theirs.load(checkpoint), folder, "smollm2", [[prompt]], TOKENS)
    found = compared(checks, run, expected, "--mapping", "vllm-llama", "--rtol", "1e-3", "--atol",
                     "1e-4")
    matched = found["summary"]["tensors"]["matched"]
    checks.equal(matched >= 3000, True, f"{matched} tensors of SmolLM2 match")
    checks.equal("7042, 30, 198" in text, True, "the tokens are those of PyTorch's golden")


def steps_of(run):
    with open(os.path.join(run, "steps.jsonl"), encoding="utf-8") as file:
        return [step for step in map(json.loads, file) if "step" in step]


def values(run, module, call, slot):
    """The rows of a tensor by request and position, read without Assay."""
    import numpy as np

    rows = {}
    data = np.memmap(os.path.join(run, "tensors.bin"), dtype=np.uint8, mode="r")
    for step in steps_of(run):
        for entry in step["calls"]:
            if (entry["module"], entry["call"]) != (module, call):
                continue
            for tensor in entry["tensors"]:
                if tensor["slot"] != slot:
                    continue
                layout = next(one for one in step["rows"]["layouts"]
                              if one["shape"] == tensor["shape"][:len(one["shape"])])
                part = data[tensor["offset"]:tensor["offset"] + tensor["bytes"]]
                place, size = 0, tensor["bytes"] // tensor["shape"][0]
                for request, position, count in layout["spans"]:
                    for i in range(count):
                        rows[request, position + i] = part[place * size:(place + 1) * size]
                        place += 1
    return rows


def same_rows(first, second):
    """Whether no row of any tensor differs, but in which of two steps it stands."""
    names = {(entry["module"], entry["call"], tensor["slot"]) for step in steps_of(first)
             for entry in step["calls"] for tensor in entry["tensors"]}
    for name in names:
        ours, others = values(first, *name), values(second, *name)
        if any((ours[row] != others[row]).any() for row in ours if row in others):
            return False
    return True


def main():
    program, folder = sys.argv[1:3]
    checks = Checks(program)
    tiny = os.path.join(folder, "tiny")
    theirs.make_tiny(tiny)
    engine = Engine(folder, tiny)
    model = theirs.load(tiny)
    there = os.path.join(folder, "transformers")
    alone = theirs.recorded(model, there, "alone", [[ids] for ids in PROMPTS], TOKENS)
    padded = theirs.recorded(model, there, "padded", [PROMPTS], TOKENS)
    parts = [
        (test_padding, (alone, padded)), (test_batches, (engine, alone, padded)),
        (test_one_request, (os.path.join(folder, "runs", "batched"), model, there)),
        (test_prefix, (engine, model, there)), (test_bugs, (engine, alone, folder)),
        (test_bfloat16, (engine, folder)),
        (test_presets, (engine, folder)), (test_refusals, (engine,))]
    if len(sys.argv) > 3:
        parts.append((test_smollm2, (engine, there, sys.argv[3])))
    for test, arguments in parts:
        checks.begin(test.__name__.removeprefix("test_"))
        try:
            test(checks, *arguments)
        except Exception as error:
            checks.fail(f"{type(error).__name__}: {error}")
        checks.end()
    print(f"{checks.passed} checks passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
