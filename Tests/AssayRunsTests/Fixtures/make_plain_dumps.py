"""Writes plain/: dumps as vLLM's hooks write them, without a run.json, and what they hold.

    python3 make_plain_dumps.py        (needs torch)

Three dumps of one tiny model: `complete` has everything, `bare` has neither JSON nor
module_calls.txt, `unlisted` has a module_calls.txt with repeated lines, a module without a directory
and a directory that it does not list. expected.json holds every tensor's values.
"""

import json
import pathlib
import shutil

import torch

ROOT = pathlib.Path(__file__).parent / "plain"
LIMIT = 20


class Rotary(torch.nn.Module):
    def forward(self, x):
        return x.cos(), x.sin()


class Head(torch.nn.Linear):
    def forward(self, x):
        # Too large to be logged; and what is requires_grad.
        return super().forward(x), self.weight[0]


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(4)
        self.rotary_emb = Rotary()
        self.proj_1 = torch.nn.Linear(4, 4, bias=False)

    def forward(self, x):
        x = self.norm(x)
        cos, _ = self.rotary_emb(x)
        _, sin = self.rotary_emb(x)
        return {"hidden": self.proj_1(cos + sin), "cache": None}


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(8, 4)
        self.layers = torch.nn.ModuleList([Block() for _ in range(1)])
        self.head = Head(4, 12, dtype=torch.bfloat16)

    def forward(self, ids):
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x)["hidden"]
        # A view into the middle of a larger storage.
        return self.head(x[:, 1:].to(torch.bfloat16)), x[:, 1:]


def describe(value):
    if isinstance(value, torch.Tensor):
        return {
            "type": "tensor",
            "shape": list(value.shape),
            "dtype": str(value.dtype),
            "numel": value.numel(),
        }
    if isinstance(value, (tuple, list)):
        return {"type": "tuple", "items": [describe(v) for v in value]}
    if isinstance(value, dict):
        return {"type": "dict", "items": {k: describe(v) for k, v in value.items()}}
    return value


class Dump:
    def __init__(self, name, with_json, with_list, steps):
        """`steps` gives each step's number and the modules that it logs, None for all."""
        self.root, self.with_json, self.with_list = ROOT / name, with_json, with_list
        self.steps, self.counts, self.expected = steps, {}, []

    def folder(self, name, call):
        path = self.root / f"step_{self.number}" / (name + (f"_{call}" if call else ""))
        path.mkdir(parents=True, exist_ok=True)
        return path

    def save(self, value, folder, slot, key):
        if isinstance(value, torch.Tensor):
            device = "cuda:0" if key["module"] == "head" else "cpu"
            stem = slot if value.numel() > LIMIT else f"{slot}_{device.replace(':', '_')}"
            entry = dict(key, slot=slot, device=device, dtype=str(value.dtype).split(".")[1])
            entry["shape"] = list(value.shape)
            if value.numel() > LIMIT:
                note = dict(describe(value), device=device, skipped=f"Tensor too large (> {LIMIT})")
                (folder / (stem + ".json")).write_text(json.dumps(note, indent=2))
                entry["skipped"] = note["skipped"]
            else:
                torch.save(value, folder / (stem + ".pt"))
                entry["values"] = value.detach().to(torch.float64).flatten().tolist()
            self.expected.append(entry)
        elif isinstance(value, (tuple, list)):
            for i, item in enumerate(value):
                self.save(item, folder, f"{slot}_{i}", key)
        elif isinstance(value, dict):
            for name, item in value.items():
                self.save(item, folder, f"{slot}_{name}", key)

    def wants(self, name):
        return self.modules is None or name in self.modules

    def record(self, model, ids):
        def before(name):
            def hook(module, args):
                if not self.wants(name):
                    return
                call = self.counts[name] = self.counts.get(name, -1) + 1
                folder = self.folder(name, call)
                if self.with_list:
                    with open(folder.parent / "module_calls.txt", "a") as file:
                        file.write(folder.name + "\n")
                self.side("inputs", args, name, call)

            return hook

        def after(name):
            def hook(module, args, output):
                if self.wants(name):
                    self.side("outputs", output, name, self.counts[name])

            return hook

        handles = []
        for name, module in model.named_modules():
            if name and not isinstance(module, torch.nn.ModuleList):
                handles.append(module.register_forward_pre_hook(before(name)))
                handles.append(module.register_forward_hook(after(name)))
        for self.number, self.modules in self.steps.items():
            self.counts = {}
            model(ids)
        for handle in handles:
            handle.remove()
        return self.expected

    def side(self, side, value, name, call):
        folder = self.folder(name, call)
        key = {"step": self.number, "module": name, "call": call}
        self.save(value, folder, side, key)
        if self.with_json:
            (folder / (side + ".json")).write_text(json.dumps(describe(value), indent=2))


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    torch.manual_seed(0)
    model, ids = Model(), torch.tensor([[1, 5, 2]])
    expected = {
        "complete": Dump("complete", True, True, {2: None, 10: ["embed"]}).record(model, ids),
        "bare": Dump("bare", False, False, {0: None}).record(model, ids),
        "unlisted": Dump("unlisted", False, True, {0: ["embed", "layers.0", "head"]}).record(model, ids),
    }
    calls = ROOT / "unlisted/step_0/module_calls.txt"
    lines = [line for line in calls.read_text().splitlines() if line != "head"]
    calls.write_text("\n".join(lines + lines[:2] + ["", "layers.0.gone"]) + "\r\n")
    (ROOT / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


main()
