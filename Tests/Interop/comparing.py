"""Verdicts on what PyTorch recorded: the goldens, and bugs made in PyTorch."""

import json
import os

from checks import GOLDEN

BUGS = {
    "weight-row": "model.layers.2.mlp.down_proj",
    "norm-epsilon": "model.layers.1.input_layernorm",
    "rope-theta": "model.rotary_emb",
}


def compare(checks, actual, expected, *options, status):
    return json.loads(checks.assay(
        "compare", "--dir1", os.path.join(GOLDEN, actual), "--dir2",
        os.path.join(GOLDEN, expected), "--format", "json", *options, status=status))


def test_both_layouts_match(checks, folder):
    for dtype in ("float32", "bfloat16"):
        for actual, expected in ((dtype, dtype + ".h5"), (dtype + ".h5", dtype)):
            found = compare(checks, actual, expected, "--rtol", "0", "--atol", "0", status=0)
            checks.equal(found["verdict"], "match", f"{actual} {expected}")
            tensors = found["summary"]["tensors"]
            checks.equal(tensors["matched"], tensors["total"], f"{actual} {expected}")


def test_another_kernel_is_noise(checks, folder):
    compare(checks, "float32-math.h5", "float32.h5", "--rtol", "1e-4", "--atol", "1e-5", status=0)


def test_bugs_are_found_where_they_were_made(checks, folder):
    for bug, module in BUGS.items():
        found = compare(checks, f"bugs/{bug}.h5", "float32.h5", "--rtol", "1e-4", "--atol", "1e-5",
                        status=1)
        checks.equal(found["first_divergence"]["module"], module, bug)
        checks.equal(found["first_divergence"]["cause"], "introduced", bug)
        checks.equal(found["first_divergence"]["step"], 0, bug)
