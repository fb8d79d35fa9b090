#!/usr/bin/env python3
"""Fails where a command's work grows faster than the run that it is given.

Usage: scaling.py ASSAY [--full]     (Python's standard library and a C compiler are enough)
Each command runs on a run and on one of four times the tensors in a step, or four times the steps.
What is counted is what it allocates, in bytes and in blocks, which is the same on every machine: a
loop that copies what it has gathered allocates sixteen times as much. --full takes 20,000 tensors
and 2,000 steps instead of 2,000 and 200.
"""

import io
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATE = os.path.join(
    HERE, "../../Golden/tiny-llama/float32/step_0/model.layers.0/outputs_cpu.pt")
FACTOR = 4
# Four times the tensors; what a hash table or a sort adds is within a fifth.
LIMIT = FACTOR * 1.2

COMMANDS = {
    "convert to HDF5": ["convert", "{run}", "{folder}/copy.h5"],
    "convert to .pt": ["convert", "{folder}/copy.h5", "{folder}/copy"],
    "convert to digests": ["convert", "{folder}/copy.h5", "{folder}/digest.h5", "--keep", "digest"],
    "inspect": ["inspect", "{folder}/copy.h5"],
    "compare": ["compare", "{folder}/copy.h5", "{run}"],
    "compare in full": ["compare", "{folder}/copy.h5", "{run}", "--verbose"],
    "compare to JSON": ["compare", "{folder}/copy.h5", "{run}", "--format", "json"],
    "compare by names": ["compare", "{folder}/copy.h5", "{run}", "--mapping", "{folder}/map.yml"],
    "compare with digests": ["compare", "{folder}/copy.h5", "{folder}/digest.h5"],
    "check": ["check", "{folder}/copy.h5"],
}
MAPPING = "rules:\n  - actual: model.layers.(\\d+)\n    expected: model.layers.\\1\n"


def tensor_file(template, number):
    """A .pt file like the template, whose first element is this number."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(template)) as old, zipfile.ZipFile(made, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename.endswith("/data/0"):
                data = struct.pack("<f", number) + data[4:]
            new.writestr(item, data)
    return made.getvalue()


def write_run(folder, steps, modules):
    """A run in vLLM's layout, every module of every step with one input and one output."""
    with open(TEMPLATE, "rb") as file:
        template = file.read()
    number = 0
    for step in range(steps):
        names = [f"model.layers.{i}" for i in range(modules)]
        for name in names:
            place = os.path.join(folder, f"step_{step}", name)
            os.makedirs(place)
            for slot in ("inputs_0", "outputs"):
                number += 1
                with open(os.path.join(place, f"{slot}_cpu.pt"), "wb") as file:
                    file.write(tensor_file(template, number))
        with open(os.path.join(folder, f"step_{step}", "module_calls.txt"), "w") as file:
            file.write("\n".join(names) + "\n")


def allocations(assay, library, folder, arguments):
    """What one command allocates: bytes and blocks."""
    counted = os.path.join(folder, "allocations")
    variables = {"LD_PRELOAD": library, "ALLOCATIONS": counted}
    done = subprocess.run([assay, *arguments], env=os.environ | variables,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"assay {' '.join(arguments)}: status {done.returncode}\n{done.stderr}")
    with open(counted) as file:
        return [int(word) for word in file.read().split()]


def measure(assay, library, root, steps, modules):
    """What each command allocates on a run of this size."""
    folder = os.path.join(root, f"{steps}x{modules}")
    write_run(os.path.join(folder, "run"), steps, modules)
    with open(os.path.join(folder, "map.yml"), "w") as file:
        file.write(MAPPING)
    places = {"folder": folder, "run": os.path.join(folder, "run")}
    found = {name: allocations(assay, library, folder, [word.format(**places) for word in words])
             for name, words in COMMANDS.items()}
    shutil.rmtree(folder)
    return found


def main(assay, full=False):
    scale = 10 if full else 1
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="assay-scaling-") as root:
        library = os.path.join(root, "allocations.so")
        compiler = shutil.which("cc") or shutil.which("clang") or "cc"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library,
                        os.path.join(HERE, "allocations.c")], check=True)
        for what, small, large in [
            ("tensors in a step", (1, 250 * scale), (1, 1000 * scale)),
            ("steps", (50 * scale, 1), (200 * scale, 1)),
        ]:
            print(f"{what}, {FACTOR} times as many: bytes, blocks", flush=True)
            before, after = (measure(assay, library, root, *size) for size in (small, large))
            for name in COMMANDS:
                ratios = [b / a for a, b in zip(before[name], after[name])]
                bad = max(ratios) > LIMIT
                passed, failed = passed + (not bad), failed + bad
                print(f"  {name}: {ratios[0]:.2f}, {ratios[1]:.2f}" + ("  FAILED" if bad else ""),
                      flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--full"]):
        sys.exit(__doc__)
    main(os.path.abspath(sys.argv[1]), full=len(sys.argv) == 3)
