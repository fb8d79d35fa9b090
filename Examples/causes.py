#!/usr/bin/env python3
"""Plants bugs in copies of the tiny Llama, one or two at a time, and shows which modules Assay blames.

Usage: causes.py path/to/assay        (Python's standard library is enough)
Prints a markdown table, and fails where a planted bug is not named or another module is blamed.
"""

import json
import math
import os
import shutil
import struct
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
CHECKPOINT = os.path.join(ROOT, "Golden/tiny-llama/checkpoint")
WORK = os.path.join(ROOT, ".build/causes")
PROMPT = "Licensed under the Apache License"


def change_weights(folder, tensor, change, rows=None):
    """Applies `change` to the float32 elements of some rows of a matrix, or of a vector."""
    path = os.path.join(folder, "model.safetensors")
    with open(path, "r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entry = json.loads(file.read(length))[tensor]
        columns = entry["shape"][-1]
        for row in rows if rows is not None else range(math.prod(entry["shape"][:-1])):
            start = 8 + length + entry["data_offsets"][0] + row * columns * 4
            file.seek(start)
            values = struct.unpack(f"<{columns}f", file.read(columns * 4))
            file.seek(start)
            file.write(struct.pack(f"<{columns}f", *[change(value) for value in values]))


def change_configuration(folder, old, new):
    path = os.path.join(folder, "config.json")
    text = open(path).read()
    assert old in text, f"{path} has no {old}"
    open(path, "w").write(text.replace(old, new))


def zero_row(module):
    return lambda folder: change_weights(folder, f"{module}.weight", lambda _: 0.0, rows=[5])


def scale(module, factor):
    return lambda folder: change_weights(folder, f"{module}.weight", lambda x: x * factor)


LAYERS = "model.layers."
# The same bug in several places hides the later ones from a comparison: what they are handed differs
# by as much already. Judged by itself, each module is named.
TRIPLES = [
    (f"{kind} times {factor} in layers {', '.join(layers)}",
     [scale(f"{LAYERS}{layer}.{kind}", factor) for layer in layers],
     [f"{LAYERS}{layer}.{kind}" for layer in layers])
    for kind, factor, layers in [
        ("input_layernorm", 1.01, "123"), ("mlp.up_proj", 1.02, "012"),
        ("mlp.down_proj", 1.1, "013"), ("self_attn.o_proj", 1.5, "023")]
]
# What is planted, the dtype, and the modules that must be blamed, the largest error first.
BUGS = [
    ("one weight row zeroed", "float32", [zero_row(LAYERS + "2.mlp.down_proj")],
     [LAYERS + "2.mlp.down_proj"]),
    ("RoPE theta 20,000 for 10,000", "float32",
     [lambda folder: change_configuration(folder, "10000.0", "20000.0")], ["model.rotary_emb"]),
    ("a norm's weight off by 1 %", "float32", [scale(LAYERS + "1.input_layernorm", 1.01)],
     [LAYERS + "1.input_layernorm"]),
    ("two bugs, the second 100 times larger", "float32",
     [scale(LAYERS + "0.mlp.down_proj", 1.001), scale(LAYERS + "3.mlp.up_proj", 1.1)],
     [LAYERS + "3.mlp.up_proj", LAYERS + "0.mlp.down_proj"]),
    ("two bugs in bfloat16", "bfloat16",
     [scale(LAYERS + "0.self_attn.o_proj", 1.02), scale(LAYERS + "3.self_attn.v_proj", 1.6)],
     [LAYERS + "3.self_attn.v_proj", LAYERS + "0.self_attn.o_proj"]),
    ("a NaN among the weights", "float32",
     [lambda folder: change_weights(folder, LAYERS + "1.mlp.up_proj.weight",
                                    lambda _: math.nan, rows=[7])], [LAYERS + "1.mlp.up_proj"]),
    ("float16 overflows after a small bug", "float16",
     [scale(LAYERS + "0.mlp.down_proj", 1.05), scale(LAYERS + "2.mlp.up_proj", 1e5)],
     [LAYERS + "2.mlp.up_proj", LAYERS + "0.mlp.down_proj"]),
]


def assay(program, *arguments, statuses=(0,)):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode not in statuses:
        sys.exit(f"assay {' '.join(arguments)} left with {done.returncode}:\n{done.stderr}")


def record(program, checkpoint, dtype, golden):
    assay(program, "record", "--model", checkpoint, "--prompt", PROMPT, "--max-tokens", "4",
          "--dtype", dtype, "--golden", golden)


def blamed_by(report):
    """Who introduced an error, with the largest that they added, and their names by that."""
    blamed = {}
    for step in report["steps"]:
        for module in step["modules"]:
            if module["cause"] == "introduced":
                error = float(module["introduced_error"])
                blamed[module["module"]] = max(error, blamed.get(module["module"], 0))
    return blamed, sorted(blamed, key=lambda module: -blamed[module])


def main(program):
    program = os.path.realpath(program)
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    for dtype in sorted({bug[1] for bug in BUGS}):
        record(program, CHECKPOINT, dtype, f"{WORK}/{dtype}.h5")
    print("| planted | dtype | first divergence | blamed, by the error that they add | others |")
    print("| --- | --- | --- | --- | ---: |")
    failures = []
    for number, (name, dtype, changes, wanted) in enumerate(BUGS):
        folder = f"{WORK}/{number}"
        shutil.copytree(CHECKPOINT, folder)
        for change in changes:
            change(folder)
        record(program, folder, dtype, f"{folder}.h5")
        assay(program, "compare", "--dir1", f"{folder}.h5", "--dir2", f"{WORK}/{dtype}.h5",
              "--format", "json", "--output", f"{folder}.json", statuses=(1,))
        report = json.load(open(f"{folder}.json"))
        blamed, ranking = blamed_by(report)
        others = [module for module in ranking if module not in wanted]
        first = report["first_divergence"]
        shown = ", ".join(f"`{module}` {blamed[module]:.3g}" for module in ranking
                          if module in wanted)
        print(f"| {name} | {dtype} | `{first['module']}`, {first['cause']} | {shown} "
              f"| {len(others)} |")
        if ranking != wanted:
            failures.append(f"{name}: blamed {ranking}, planted in {wanted}")
    print("\n| planted | blamed by a comparison | by an isolated replay | others |")
    print("| --- | --- | --- | ---: |")
    for number, (name, changes, wanted) in enumerate(TRIPLES):
        folder = f"{WORK}/triple-{number}"
        shutil.copytree(CHECKPOINT, folder)
        for change in changes:
            change(folder)
        record(program, folder, "float32", f"{folder}.h5")
        golden = f"{WORK}/float32.h5"
        for kind, arguments in [
                ("compare", ["compare", f"{folder}.h5", golden]),
                ("isolated", ["replay", golden, "--isolated", "--model", folder,
                              "--allow-other-weights"])]:
            assay(program, *arguments, "--format", "json", "--output", f"{folder}.{kind}.json",
                  statuses=(1,))
        compared, isolated = (
            blamed_by(json.load(open(f"{folder}.{kind}.json")))[1]
            for kind in ("compare", "isolated"))
        others = (set(compared) | set(isolated)) - set(wanted)
        print(f"| {name} | {len(compared)} | {len(isolated)} | {len(others)} |")
        if wanted[0] not in compared or set(isolated) != set(wanted) or others:
            failures.append(f"{name}: blamed {compared}, isolated {isolated}")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main(sys.argv[1])
