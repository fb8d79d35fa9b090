"""Makes sick.h5 and healthy.h5, recorded by assay_torch, found.json: what torch finds in the first,
and census.json: what torch counts in tensors of all kinds of bits.

Every module of Sick has one thing wrong; every module of Healthy only looks as if it had. Run with
PYTHONPATH=Python; the same tensors come out at every run.
"""
import json
import os
import tempfile

import assay_torch
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
INF = float("inf")


class Op(nn.Module):
    """A function as a module, with what it is given by name."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *given, **named):
        return self.function(*given, **named)


def linear(inputs, outputs, weight, bias=None):
    layer = nn.Linear(inputs, outputs, bias=bias is not None)
    nn.init.constant_(layer.weight, weight)
    if bias is not None:
        nn.init.constant_(layer.bias, bias)
    return layer


def attend(x, attention_mask=None):
    return torch.softmax(x @ x.T + attention_mask, -1) @ x


class Between(nn.Module):
    """Makes NaN in its own code, between two modules that are sound."""

    def __init__(self):
        super().__init__()
        self.q = linear(8, 8, 0.1)
        self.o = linear(8, 8, 0.2)

    def forward(self, x):
        q = self.q(x)
        return self.o((q - q) / (q - q))


class Cache(nn.Module):
    """Makes infinity in the first step, and gives it again in the next from what it keeps."""

    def __init__(self):
        super().__init__()
        self.norm = Op(lambda x: 1 / x)
        self.mix = Op(lambda x, kept: x + kept)
        self.kept = None

    def forward(self, x):
        if self.kept is None:
            self.kept = self.norm(x)
        return self.mix(x, self.kept)


class Sick(nn.Module):
    def __init__(self):
        super().__init__()
        self.square = Op(lambda x: x * x)
        self.difference = Op(lambda x: x - x)
        self.log = Op(torch.log)
        self.ratio = Op(lambda x: x / x)
        self.explode = nn.Sequential(*(linear(8, 8, 1e6) for _ in range(4)))
        self.clamp = Op(lambda x: torch.clamp(x * 1e3, -65504, 65504))
        self.quantize = Op(lambda x: (x * 1000).clamp(-448, 448).to(torch.float8_e4m3fn))
        self.near = Op(lambda x: x * 60)
        self.all = Op(attend)
        self.row = Op(attend)
        self.sum = Op(attend)
        self.dead = linear(8, 8, 0.0)
        self.after = nn.ReLU()
        self.constant = linear(8, 8, 0.0, 0.5)
        self.weighted = Op(lambda x, weight: x + weight)
        self.vanish = Op(lambda x: x * 1e-30)
        self.between = Between()
        self.cache = Cache()

    def forward(self, x, step):
        half = x.to(torch.float16) * 100
        self.difference(self.square(half))
        ramp = (torch.arange(64).reshape(8, 8) % 7).float()
        self.log(ramp)
        self.ratio(ramp)
        self.explode(x)
        self.clamp(half)
        self.quantize(x)
        self.near(half)
        causal = torch.full((8, 8), -INF).triu(1)
        self.all(x, attention_mask=torch.full((8, 8), -INF))
        rows = causal.clone()
        rows[2] = -INF
        self.row(x, attention_mask=rows)
        lowest = torch.finfo(torch.float32).min
        self.sum(x, attention_mask=torch.full((8, 8), lowest).triu(1) + torch.full((8, 8), lowest).triu(4))
        self.after(self.dead(x))
        self.constant(x)
        self.weighted(x, torch.linspace(-1e-39, 1e-39, 16).reshape(2, 8).repeat(4, 1))
        self.vanish(x)
        self.between(x)
        self.cache(ramp)


class Healthy(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()
        self.softmax = nn.Softmax(-1)
        self.causal = Op(attend)
        self.lowest = Op(attend)
        self.position = Op(lambda x, mask: torch.softmax(x @ x.T + mask, -1) @ x)
        self.biased = Op(lambda x, bias: torch.softmax(x @ x.T + bias, -1) @ x)
        self.rotary = Op(lambda p: (torch.cos(p), torch.sin(p)))
        self.one_key = nn.Softmax(-1)
        self.probabilities = Op(lambda x: torch.softmax(x * 300, -1, dtype=torch.float16))
        self.quantize = Op(lambda x: (x / x.abs().amax(-1, keepdim=True) * 448).to(torch.float8_e4m3fn))
        self.argmax = Op(lambda x: x.argmax(-1) * 0)
        self.padded = Op(lambda x, attention_mask, key_padding_mask: x)
        self.drop = nn.Dropout(0.0)
        self.scalar = Op(lambda x: x.sum() * 0)

    def forward(self, x, step):
        self.relu(x - 2)
        scores = x @ x.T
        causal = torch.full((8, 8), -INF).triu(1)
        lowest = torch.finfo(torch.float32).min
        self.softmax(scores + causal)
        self.causal(x, attention_mask=causal)
        # Rows of padding are masked by the lowest number, and attend to everything alike.
        masked = torch.full((8, 8), lowest).triu(1)
        masked[:2] = lowest
        self.lowest(x, attention_mask=masked)
        self.position(x, causal)
        self.biased(x, causal - torch.arange(8.0))
        self.rotary(torch.full((1, 8), float(step)))
        self.one_key(x[:, :1])
        self.probabilities(x)
        self.quantize(x)
        self.argmax(x)
        self.padded(x, attention_mask=torch.ones(1, 8, dtype=torch.int64),
                    key_padding_mask=torch.zeros(1, 8, dtype=torch.bool))
        # Zeros in, zeros out: the step was given nothing.
        self.drop(torch.zeros(2, 8))
        self.scalar(x)


def inputs():
    """What the models are given: one tensor for each of two steps."""
    generator = torch.Generator().manual_seed(0)
    xs = [torch.randn(8, 8, generator=generator) for _ in range(2)]
    for x in xs:
        x[0, 5] = 3.0
    return xs


def record(model, name):
    path = os.path.join(HERE, name)
    if os.path.exists(path):
        os.remove(path)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        with assay_torch.record(model.eval(), {"output_dir": folder, "log_step_ids": []}, golden=path):
            for step, x in enumerate(inputs()):
                model(x, step)


# What is to be found: kind, module, slot, the cause, and in how many steps.
FOUND = [
    ("non_finite", "square", "outputs", "made", 2),
    ("non_finite", "log", "outputs", "made", 2),
    ("non_finite", "ratio", "outputs", "made", 2),
    ("non_finite", "all", "outputs", "made", 2),
    ("non_finite", "row", "outputs", "made", 2),
    ("non_finite", "between.o", "inputs_0", "made", 2),
    ("non_finite", "cache.norm", "outputs", "made", 1),
    ("saturated", "clamp", "outputs", "made", 2),
    ("saturated", "quantize", "outputs", "made", 2),
    ("near_largest", "explode.2", "outputs", "made", 2),
    ("near_largest", "near", "outputs", "made", 2),
    ("near_smallest", "vanish", "outputs", "made", 2),
    ("near_smallest", "weighted", "inputs_1", "given", 2),
    ("all_zero", "dead", "outputs", "made", 2),
    ("constant", "constant", "outputs", "made", 2),
    ("mask_everything", "all", "inputs_attention_mask", "given", 2),
    ("masked_rows", "row", "inputs_attention_mask", "given", 2),
    ("mask_overflow", "sum", "inputs_attention_mask", "given", 2),
]
LARGE = {torch.float16: 16376.0, torch.bfloat16: 2.0**64, torch.float32: 2.0**64, torch.float64: 2.0**512}


def figures(t):
    """What torch counts in a tensor."""
    wide = t.to(torch.float64)
    finite = wide[wide.isfinite()]
    size = wide.abs()
    info = torch.finfo(t.dtype)
    odd = (~wide.isfinite()).flatten().nonzero().flatten().tolist()
    return {
        "shape": list(t.shape), "dtype": str(t.dtype), "elements": t.numel(),
        "nan": int(wide.isnan().sum()), "inf": int(wide.isinf().sum()),
        "negative_inf": int((wide == -INF).sum()), "zero": int((wide == 0).sum()),
        "subnormal": int(((size > 0) & (size < info.smallest_normal)).sum()),
        "large": int(((size >= LARGE.get(t.dtype, INF)) & wide.isfinite()).sum()),
        "largest": int((size == info.max).sum()),
        "min": float(finite.min()) if len(finite) else None,
        "max": float(finite.max()) if len(finite) else None,
        "first_non_finite": odd[0] if odd else None,
    }


def census():
    """Tensors of bits as they come, a third of them zeros or near the ends."""
    generator = torch.Generator().manual_seed(1)
    cases = []
    for dtype in [*LARGE, torch.float8_e4m3fn, torch.float8_e5m2]:
        size = torch.finfo(dtype).bits // 8
        info = torch.finfo(dtype)
        for count in [1, 7, 16, 33, 130]:
            raw = torch.randint(0, 256, (count * size,), generator=generator, dtype=torch.uint8)
            t = raw.view(dtype).clone()
            odd = [0.0, -0.0, info.max, info.min, info.smallest_normal, -info.smallest_normal / 2]
            for i in range(0, count, 3):
                t[i] = odd[i // 3 % len(odd)]
            case = figures(t)
            case["bits"] = t.view(torch.uint8).numpy().tobytes().hex()
            cases.append(case)
    return cases


def captured(model, x):
    """The inputs and outputs of every module, by the names that a recording gives them."""
    seen = {}

    def add(name, value, slot):
        if isinstance(value, torch.Tensor):
            seen[name, slot] = value.clone()

    def hook(name):
        def keep(module, given, named, output):
            for position, value in enumerate(given):
                add(name, value, f"inputs_{position}")
            for key, value in named.items():
                add(name, value, f"inputs_{key}")
            add(name, output, "outputs")
        return keep

    handles = [m.register_forward_hook(hook(n), with_kwargs=True) for n, m in model.named_modules() if n]
    with torch.no_grad():
        model(x, 0)
    for handle in handles:
        handle.remove()
    return seen


if __name__ == "__main__":
    seen = captured(Sick().eval(), inputs()[0])
    with open(os.path.join(HERE, "found.json"), "w") as file:
        json.dump(
            [dict(figures(seen[module, slot]), kind=kind, module=module, slot=slot, cause=cause, steps=steps)
             for kind, module, slot, cause, steps in FOUND],
            file, indent=1)
        file.write("\n")
    with open(os.path.join(HERE, "census.json"), "w") as file:
        json.dump(census(), file)
        file.write("\n")
    record(Sick(), "sick.h5")
    record(Healthy(), "healthy.h5")
