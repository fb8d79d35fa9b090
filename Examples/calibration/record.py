"""Records the tiny Llama with kernels that are all right and yet differ by rounding, and with bugs.

Usage: record.py CHECKPOINT FOLDER      (writes FOLDER/<dtype>-<name>.h5)
"""

import contextlib
import os
import sys
import tempfile
import types

import torch
import transformers

import assay_torch

PROMPT, STEPS = "Licensed under the Apache License", 4


def each(model, kind):
    return (module for module in model.modules() if type(module).__name__ == kind)


def fused_norm(model):
    """RMSNorm in float32 up to its end, rounded once, as fused kernels do."""
    def forward(self, hidden):
        values = hidden.float()
        values = values * torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return (values * self.weight.float()).to(hidden.dtype)
    for module in each(model, "LlamaRMSNorm"):
        module.forward = types.MethodType(forward, module)


def float32_product(model):
    """Matrix products in float32, in two parts, rounded once."""
    def forward(self, x):
        half = x.shape[-1] // 2
        weight = self.weight.float()
        parts = x[..., :half].float() @ weight[:, :half].T + x[..., half:].float() @ weight[:, half:].T
        return parts.to(x.dtype)
    for module in each(model, "Linear"):
        module.forward = types.MethodType(forward, module)


def split_product(model):
    """Matrix products in two parts, each rounded: split-K with a workspace of the model's dtype."""
    def forward(self, x):
        half = x.shape[-1] // 2
        return x[..., :half] @ self.weight[:, :half].T + x[..., half:] @ self.weight[:, half:].T
    for module in each(model, "Linear"):
        module.forward = types.MethodType(forward, module)


def fused_mlp(model):
    """SiLU and its product with the gate in float32, rounded once."""
    def forward(self, x):
        gate, up = self.gate_proj(x), self.up_proj(x)
        self.act_fn(gate)  # as the recorder knows it
        product = torch.nn.functional.silu(gate.float()) * up.float()
        return self.down_proj(product.to(x.dtype))
    for module in each(model, "LlamaMLP"):
        module.forward = types.MethodType(forward, module)


def all_fused(model):
    fused_norm(model), fused_mlp(model), float32_product(model)


def zeroed_row(model):
    model.model.layers[2].mlp.down_proj.weight[5] = 0


def row_by_five_percent(model):
    model.model.layers[2].mlp.down_proj.weight[5] *= 1.05


def epsilon(model):
    for module in each(model, "LlamaRMSNorm"):
        module.variance_epsilon = 1e-3


def one_epsilon(model):
    model.model.layers[1].input_layernorm.variance_epsilon = 1e-3


def math_attention():
    return torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)


# Name, change, attention, threads, RoPE theta.
RUNS = [
    ("reference", None, None, 1, None), ("math", None, math_attention, 1, None),
    ("fused-norm", fused_norm, None, 1, None), ("float32-product", float32_product, None, 1, None),
    ("threads", None, None, 2, None), ("split-product", split_product, None, 1, None),
    ("fused-mlp", fused_mlp, None, 1, None), ("all-fused", all_fused, math_attention, 2, None),
    ("zeroed-row", zeroed_row, None, 1, None), ("row-5-percent", row_by_five_percent, None, 1, None),
    ("epsilon", epsilon, None, 1, None), ("one-epsilon", one_epsilon, None, 1, None),
    ("rope-theta", None, None, 1, 20000.0),
]


def main(checkpoint, folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    token_ids = tokenizer.encode(PROMPT)
    for dtype in ("float32", "bfloat16"):
        for name, change, attention, threads, theta in RUNS:
            torch.manual_seed(0)
            torch.set_num_threads(threads)
            config = transformers.AutoConfig.from_pretrained(checkpoint)
            if theta:
                config.rope_parameters["rope_theta"] = theta
            model = transformers.AutoModelForCausalLM.from_pretrained(
                checkpoint, config=config, dtype=getattr(torch, dtype)).eval()
            golden = os.path.join(folder, f"{dtype}-{name}.h5")
            with torch.no_grad():
                if change:
                    change(model)
                with tempfile.TemporaryDirectory() as runs, contextlib.ExitStack() as stack:
                    if attention:
                        stack.enter_context(attention())
                    configuration = {"log_step_ids": [], "output_dir": runs, "formats": ["hdf5"]}
                    stack.enter_context(assay_torch.record(model, configuration, golden=golden))
                    cache, inputs = transformers.DynamicCache(config=config), token_ids
                    for _ in range(STEPS):
                        logits = model(input_ids=torch.tensor([inputs]), past_key_values=cache,
                                       use_cache=True).logits
                        inputs = [int(logits[0, -1].argmax())]


if __name__ == "__main__":
    main(*sys.argv[1:])
