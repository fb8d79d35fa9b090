#!/usr/bin/env python3
"""Writes down what Assay says, so that a change of the house can be held to saying the same.

Usage: freeze.py ASSAY FOLDER        (Python's standard library is enough)
Before the change: freeze.py .build/debug/assay /tmp/before. After each step of it the same with
another folder, and then: diff -r /tmp/before /tmp/after.

Each case is a folder with its command, exit status, standard output and error, and what it wrote:
texts as they are, other files by their SHA-256. Every golden is compared with every other of its
model, in every format, under every kind of tolerance, rule, mapping and digest that the repository
has; every fixture is opened; every golden is converted, checked, inspected and replayed.
"""

import concurrent.futures
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TINY = "Golden/tiny-llama"
FIXTURES = "Tests/AssayComparisonTests/Fixtures"
TEXTS = (".xml", ".svg", ".md", ".json", ".html", ".yml", ".txt")

RULES = "Tests/Interop/rules"
TOLERANCES = {
    "default": [],
    "loose": ["--rtol", "1e-2", "--atol", "1e-3"],
    "torch": ["--tolerance", "torch", "--equal-nan"],
    "vllm": ["--tolerance", "vllm"],
    "numpy": ["--tolerance", "numpy"],
    "rules": ["--tolerance-file", f"{RULES}/tolerances.yml"],
    "integers": ["--tolerance-file", f"{RULES}/integers.yml"],
    "drop": ["--mapping", f"{RULES}/drop.yml"],
    "floor": ["--floor", f"{TINY}/float32-math.h5"],
    "selection": ["--steps", "0,2-3,7", "--modules", "mlp,lm_head"],
    "logits": ["--logits", "down_proj$"],
    "device": ["--device-map", "cpu=cpu"],
}
FORMATS = {
    "md": ["--format", "md"],
    "verbose": ["--format", "md", "--verbose"],
    "summary": ["--summary"],
    "json": ["--format", "json"],
    "text": ["--format", "text"],
    "html": ["--format", "html"],
    "files": ["-o", "OUT/report.json", "--junit", "OUT/junit.xml", "--plots", "OUT"],
}


# A recording's own name, and what tells when and where it was made.
NAME = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PROVENANCE = ("run.json", "run.h5")


def named(path):
    return path.replace("/", "-")


def comparisons(goldens):
    """Every pair as it is, every golden under each tolerance, and the bugs in each format too."""
    for actual in goldens:
        for expected in goldens:
            runs = [f"{TINY}/{actual}", f"{TINY}/{expected}"]
            whole = expected == "float32.h5"
            for rules, options in TOLERANCES.items() if whole else [("default", [])]:
                for format in FORMATS if whole and "bugs" in actual else ("json", "md"):
                    yield (f"compare/{named(actual)}/{named(expected)}/{rules}.{format}",
                           ["compare", *runs, *options, *FORMATS[format]])


def cases():
    goldens = ["float32.h5", "float32-math.h5", "bfloat16.h5", "float32", "sample.h5", "digest.h5",
               "bugs/weight-row.h5", "bugs/rope-theta.h5", "bugs/norm-epsilon.h5"]
    yield from comparisons(goldens)
    mapping = f"{FIXTURES}/mapping"
    for actual in ("fused", "fused-bug"):
        runs = [f"{mapping}/{actual}.h5", f"{mapping}/separate.h5"]
        for format, options in FORMATS.items():
            rules = ["--mapping", f"{mapping}/mapping.yml"]
            yield f"mapping/{actual}.{format}", ["compare", *runs, *rules, *options]
        yield f"mapping/{actual}.none", ["compare", *runs]
        yield f"mapping/{actual}.suggested", ["compare", *runs, "--suggest-mapping"]
    port = "Examples/SwiftPort/Golden/digit-reader"
    for run in glob.glob(f"{FIXTURES}/**/*.h5", recursive=True, root_dir=ROOT) + \
            glob.glob("Tests/AssayRunsTests/Fixtures/**/*.h5", recursive=True, root_dir=ROOT) + \
            [f"{TINY}/{golden}" for golden in goldens] + \
            ["Golden/smollm2/float32.h5", "Golden/smollm2/digest.h5", f"{port}/float32.h5"]:
        yield f"inspect/{named(run)}", ["inspect", run]
        yield f"inspect/{named(run)}.json", ["inspect", run, "--format", "json"]
        yield f"log/{named(run)}", ["log", run]
        yield f"self/{named(run)}", ["compare", run, run]
        yield f"check/{named(run)}", ["check", run]
        yield f"check/{named(run)}.json", ["check", run, "--format", "json"]
        for keep in ("full", "sample", "digest"):
            yield f"convert/{named(run)}.{keep}", ["convert", run, "OUT/run.h5", "--keep", keep]
        yield f"convert/{named(run)}.pt", ["convert", run, "OUT/run"]
    for dtype in ("float32", "bfloat16", "float16"):
        for golden in ("float32.h5", "bfloat16.h5", "sample.h5", "digest.h5", "bugs/rope-theta.h5"):
            for format in ("md", "json"):
                yield (f"replay/{dtype}/{named(golden)}.{format}",
                       ["replay", f"{TINY}/{golden}", "--model", f"{TINY}/checkpoint", "--dtype",
                        dtype, "--format", format])
        yield (f"record/{dtype}",
               ["record", "--model", f"{TINY}/checkpoint", "--prompt", "Apache License",
                "--max-tokens", "3", "--dtype", dtype, "--intermediate-log-config",
                '{"enabled": true, "output_dir": "OUT", "log_step_ids": []}'])
    yield (f"replay/isolated",
           ["replay", f"{TINY}/bugs/weight-row.h5", "--model", f"{TINY}/checkpoint", "--isolated"])
    for rules in (f"{RULES}/tolerances.yml", f"{RULES}/integers.yml", f"{port}/tolerances.yml"):
        yield (f"lint/{named(rules)}",
               ["lint-tolerances", rules, f"{TINY}/float32-math.h5", f"{TINY}/float32.h5"])
    yield ("calibrate/tiny", ["calibrate", f"{TINY}/float32.h5", f"{TINY}/float32-math.h5",
                              "-o", "OUT/tolerances.yml"])


def freeze(assay, folder, work, name, arguments):
    """Runs one case and writes down everything that it left."""
    out = os.path.join(folder, name)
    os.makedirs(out)
    made = tempfile.mkdtemp(prefix="made-", dir=work)
    inside = os.path.basename(made)
    command = [argument.replace("OUT", inside) for argument in arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": work, "NO_COLOR": "1"}
    done = subprocess.run([assay, *command], cwd=work, capture_output=True, env=environment)

    def steady(data):
        data = NAME.sub(b"RUN", data) if arguments[0] == "record" else data
        return data.replace(inside.encode(), b"OUT").replace(work.encode(), b"WORK")

    with open(os.path.join(out, "said"), "wb") as file:
        file.write(f"{' '.join(arguments)}\nexit status {done.returncode}\n".encode())
        file.write(b"--- standard error\n" + steady(done.stderr))
        file.write(b"--- standard output\n" + steady(done.stdout))
    for path in sorted(glob.glob(f"{made}/**", recursive=True, include_hidden=True)):
        if os.path.isdir(path):
            continue
        if arguments[0] == "record" and os.path.basename(path) in PROVENANCE:
            continue
        with open(path, "rb") as file:
            data = steady(file.read())
        place = os.path.relpath(path, made)
        if place.endswith(TEXTS) and "/" not in place:
            with open(os.path.join(out, place), "wb") as file:
                file.write(data)
        else:
            with open(os.path.join(out, "files"), "a") as file:
                place = steady(place.encode()).decode()
                file.write(f"{hashlib.sha256(data).hexdigest()} {place}\n")
    shutil.rmtree(made)


def main(assay, folder):
    assay = os.path.abspath(assay)
    if os.path.exists(folder):
        sys.exit(f"{folder} exists already: name a new folder")
    with tempfile.TemporaryDirectory() as work:
        for top in ("Tests", "Examples"):
            os.symlink(os.path.join(ROOT, top), os.path.join(work, top))
        shutil.copytree(os.path.join(ROOT, "Golden"), os.path.join(work, "Golden"))
        for keep in ("sample", "digest"):
            subprocess.run([assay, "convert", f"{TINY}/float32.h5", f"{TINY}/{keep}.h5",
                            "--keep", keep], cwd=work, check=True, stdout=subprocess.DEVNULL)
        found = dict(cases())
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda case: freeze(assay, folder, work, *case), found.items()))
    print(f"{len(found)} cases are written to {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
