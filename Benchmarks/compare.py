"""Times whole comparisons of recordings against what people use instead, turn by turn.

Usage: compare.py ASSAY [--full] [--turns N] [--keep FOLDER]
Contestants: `assay compare` of both layouts; torch.load and torch.testing.assert_close of every pair,
one thread; h5diff; and a reader that does nothing but read every file from end to end. Wall time and
resident size are of whole processes, with the files in the page cache; of Python's contestants the
imports do not count. Ratios are of the same turn. --full takes 256 tensors of 1 to 8 MiB that are equal
(huge) or differ, 760, 3,000 and 20,000 smaller ones; without it a quarter of them. --keep leaves the
data in a folder and uses what is there.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

from measuring import say, timed

# Per layer of SmolLM2-135M: the widths of the tensors of one decoded token.
LAYER = [576] * 12 + [192] * 4 + [1536] * 6 + [64, 64, 9, 576, 576]


def shapes(case, scale):
    """The shapes of a case's tensors, by steps."""
    rng = np.random.default_rng(7)
    if case in ("huge", "differing"):
        return [[(1, int(n), 1024) for n in rng.integers(256, 2049, int(256 * scale))]]
    if case == "large":
        count = max(4, int(760 * scale))
        return [[(1, int(n), 768) for n in rng.integers(32, 235, count)]]
    if case == "smollm2":
        step = [(1, 1, width) for _ in range(int(28 * max(scale, 0.25))) for width in LAYER]
        return [step + [(1, 1, 49152)]] * 4
    return [[(1, int(n), 256) for n in rng.integers(16, 65, int(20000 * scale))]]


def write_runs(case, root, scale):
    """Two runs in vLLM's layout: all but a fiftieth of the tensors differ, or none."""
    rng = np.random.default_rng(1)
    for step, tensors in enumerate(shapes(case, scale)):
        names = [f"model.layers.{i // 27}.m{i % 27}" for i in range(len(tensors))]
        for run in ("actual", "expected"):
            os.makedirs(f"{root}/{run}/step_{step}", exist_ok=True)
            with open(f"{root}/{run}/step_{step}/module_calls.txt", "w") as file:
                file.write("\n".join(names) + "\n")
        for position, (name, shape) in enumerate(zip(names, tensors)):
            expected = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
            actual = expected
            if case not in ("huge", "many") and position % 50:
                actual = expected * (1 + 1e-3 * torch.from_numpy(
                    rng.standard_normal(shape, dtype=np.float32)))
            for run, tensor in (("actual", actual), ("expected", expected)):
                os.mkdir(f"{root}/{run}/step_{step}/{name}")
                torch.save(tensor, f"{root}/{run}/step_{step}/{name}/outputs_cpu.pt")


def pairs(root):
    for folder, _, files in sorted(os.walk(f"{root}/actual")):
        for file in files:
            if file.endswith(".pt"):
                path = os.path.join(folder, file)
                yield path, path.replace(f"{root}/actual", f"{root}/expected", 1)


def torch_pass(root):
    """What a script of an afternoon does."""
    torch.set_num_threads(1)
    failed, start = 0, time.perf_counter()
    for actual, expected in pairs(root):
        try:
            torch.testing.assert_close(
                torch.load(actual), torch.load(expected), rtol=1e-5, atol=1e-8)
        except AssertionError:
            failed += 1
    print(time.perf_counter() - start, failed)


def read_pass(root, layout):
    buffer, start = bytearray(1 << 20), time.perf_counter()
    files = [file for pair in pairs(root) for file in pair] if layout == "pt" else [
        f"{root}/actual.h5", f"{root}/expected.h5"]
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        while os.readv(descriptor, [buffer]):
            pass
        os.close(descriptor)
    print(time.perf_counter() - start)


def measure(assay, case, root, turns):
    python = [sys.executable, os.path.abspath(__file__)]
    contestants = {
        "assay .pt": [assay, "compare", f"{root}/actual", f"{root}/expected"],
        "assay .h5": [assay, "compare", f"{root}/actual.h5", f"{root}/expected.h5"],
        "torch": [*python, "--torch", root],
        "h5diff": ["h5diff", "-q", "-p", "1e-5", f"{root}/actual.h5", f"{root}/expected.h5"],
        "read .pt": [*python, "--read", "pt", root],
        "read .h5": [*python, "--read", "h5", root],
    }
    found = {name: [] for name in contestants}
    for turn in range(turns):
        for name, command in contestants.items():
            if name == "torch" and turn >= 2:
                continue
            wall, processor, peak, printed = timed(command)
            if command[0] == sys.executable:
                wall = float(printed.split()[0])
            found[name].append((wall, processor, peak))
    print(f"{case}: wall s (spread), CPU s, peak MiB")
    walls = {name: [run[0] for run in runs] for name, runs in found.items()}
    for name, runs in found.items():
        print(f"  {name:10} {statistics.median(walls[name]):7.3f}"
              f" ({max(walls[name]) - min(walls[name]):.3f})"
              f" {statistics.median(run[1] for run in runs):7.3f} {max(run[2] for run in runs):7.0f}")

    def ratios(slow, fast):
        return [one / other for one, other in zip(walls[slow], walls[fast])]

    say(f"compare of {case}, times as fast as torch", ratios("torch", "assay .pt"))
    say(f"compare of {case}, times as fast as h5diff", ratios("h5diff", "assay .h5"))
    for layout in (".pt", ".h5"):
        say(f"compare of {case}, {layout}, times as long as reading",
            ratios(f"assay {layout}", f"read {layout}"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("assay", nargs="?")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--keep")
    parser.add_argument("--torch")
    parser.add_argument("--read", nargs=2)
    arguments = parser.parse_args()
    if arguments.torch:
        return torch_pass(arguments.torch)
    if arguments.read:
        return read_pass(arguments.read[1], arguments.read[0])
    scale = 1 if arguments.full else 0.25
    folder = arguments.keep or tempfile.mkdtemp(prefix="assay-bench-")
    try:
        for case in ("huge", "differing", "large", "smollm2", "many"):
            root = f"{folder}/{case}"
            if not os.path.exists(f"{root}/expected.h5"):
                shutil.rmtree(root, ignore_errors=True)
                write_runs(case, root, scale)
                for run in ("actual", "expected"):
                    subprocess.run([arguments.assay, "convert", f"{root}/{run}", f"{root}/{run}.h5"],
                                   check=True, capture_output=True)
            measure(arguments.assay, case, root, arguments.turns)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
