"""Records `checkpoint/` with PyTorch: the goldens beside this file, in both layouts.

Needs torch, transformers, safetensors, h5py and numpy. Running it again makes the same bytes, but
for what provenance says of the moment and the machine.

    python record.py
"""

import contextlib
import datetime
import hashlib
import os
import platform
import shutil
import uuid

import h5py
import torch
import transformers

import layouts

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINT = os.path.join(HERE, "checkpoint")
PROMPT = "Licensed under the Apache License"
STEPS = 4
NAMESPACE = uuid.UUID("5b1f7a52-6f0c-5d0e-9c55-7c1d0a2f4e11")


def described(value):
    """A captured value: tensors copied at once, for later code may change them in place."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone().contiguous()
    if isinstance(value, dict):  # a ModelOutput is one
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(described(item) for item in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    text = repr(value)
    assert " at 0x" not in text, f"the text of a {type(value).__name__} changes with every run"
    return layouts.Other(type(value).__name__, text)


class Recorder:
    """Hooks on every module but the root; one step for each forward of the root."""

    def __init__(self, model):
        self.steps, self.handles, self.open = [], [], []
        for name, module in model.named_modules():
            if name:
                before = lambda _, a, k, name=name: self.begin(name, a, k)
                after = lambda _, a, k, output: self.end(output)
                self.handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
                self.handles.append(module.register_forward_hook(after, with_kwargs=True))

    def begin_step(self):
        self.steps.append(layouts.Step())
        self.counts = {}

    def begin(self, name, arguments, keywords):
        step = self.steps[-1]
        index = self.counts.get(name, 0)
        self.counts[name] = index + 1
        self.open.append(len(step.calls))
        step.calls.append(layouts.Call(name, index, described(arguments), described(keywords)))

    def end(self, output):
        position = self.open.pop()
        step = self.steps[-1]
        step.calls[position].outputs = described(output)
        step.completion_order.append(position)


def generate(model, token_ids):
    """Greedy decoding by hand: the prefill, then one token a step."""
    recorder = Recorder(model)
    cache = transformers.DynamicCache(config=model.config)
    generated, margins = [], []
    inputs = torch.tensor([token_ids])
    with torch.no_grad():
        for _ in range(STEPS):
            recorder.begin_step()
            logits = model(input_ids=inputs, past_key_values=cache, use_cache=True).logits
            top = logits[0, -1].float().topk(2)
            generated.append(int(top.indices[0]))
            margins.append(float(top.values[0] - top.values[1]))
            inputs = torch.tensor([generated[-1:]])
    for handle in recorder.handles:
        handle.remove()
    return recorder.steps, generated, min(margins)


def model_hash():
    names = sorted(name for name in os.listdir(CHECKPOINT)
                   if name == "config.json" or name.endswith(".safetensors"))
    total = hashlib.sha256()
    for name in names:
        with open(os.path.join(CHECKPOINT, name), "rb") as file:
            total.update(f"{name}\n{hashlib.sha256(file.read()).hexdigest()}\n".encode())
    return "sha256:" + total.hexdigest()


def cpu():
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        fields = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines())
        fields = {key.strip(): value.strip() for key, value in fields.items()}
        known = {"avx", "avx2", "avx512f", "avx512_bf16", "f16c", "fma", "amx_bf16"}
        return fields.get("model name"), sorted(known & set(fields.get("flags", "").split()))
    return platform.machine(), []


def manifest(name, dtype, token_ids, generated, is_checkpoint):
    brand, features = cpu()
    provenance = {
        "tool": "assay-record.py", "tool_version": "1",
        "created": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "os": f"{platform.system()} {platform.machine()}", "cpu": brand, "cpu_features": features,
        "framework": "pytorch", "framework_version": torch.__version__,
        "libraries": {"transformers": transformers.__version__, "h5py": h5py.__version__},
        "dtype": dtype, "seed": 0, "threads": 1}
    recipe = {
        "prompt": PROMPT, "token_ids": token_ids, "steps": STEPS, "dtype": dtype,
        "devices": ["cpu"], "generated_token_ids": generated}
    if is_checkpoint:
        provenance["model_hash"] = recipe["model_hash"] = model_hash()
        recipe["model"] = "checkpoint"
    return layouts.Manifest(
        str(uuid.uuid5(NAMESPACE, name)), provenance, recipe,
        {"enabled": True, "formats": ["pt", "hdf5"], "log_step_ids": []})


def record(name, dtype="float32", change=None, theta=None, directory=False, context=None):
    config = transformers.AutoConfig.from_pretrained(CHECKPOINT)
    if theta:
        config.rope_parameters["rope_theta"] = theta
    model = transformers.AutoModelForCausalLM.from_pretrained(
        CHECKPOINT, config=config, dtype=getattr(torch, dtype), attn_implementation="sdpa").eval()
    if change:
        with torch.no_grad():
            change(model.model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(CHECKPOINT)
    token_ids = tokenizer.encode(PROMPT)
    with context or contextlib.nullcontext():
        steps, generated, margin = generate(model, token_ids)
    about = manifest(name, dtype, token_ids, generated, not (change or theta))
    file = os.path.join(HERE, name + ".h5")
    os.makedirs(os.path.dirname(file), exist_ok=True)
    layouts.write_hdf5(file, about, steps)
    layouts.check_hdf5(file, steps)
    if directory:
        target = os.path.join(HERE, name)
        shutil.rmtree(target, ignore_errors=True)
        layouts.write_directory(target, about, steps)
        layouts.check_directory(target, steps)
    print(f"{name}: {len(token_ids)} tokens, then {generated} {tokenizer.decode(generated)!r}, "
          f"least margin {margin:.2f}, {os.path.getsize(file)} bytes")


def changed_weight_row(model):
    model.layers[2].mlp.down_proj.weight[5] *= 1.05


def changed_norm_epsilon(model):
    model.layers[1].input_layernorm.variance_epsilon = 1e-3


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    record("float32", directory=True)
    record("bfloat16", "bfloat16", directory=True)
    # Another attention kernel: what noise without a bug looks like.
    math = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    record("float32-math", context=math)
    record("bugs/weight-row", change=changed_weight_row)
    record("bugs/norm-epsilon", change=changed_norm_epsilon)
    record("bugs/rope-theta", theta=20000.0)


if __name__ == "__main__":
    main()
