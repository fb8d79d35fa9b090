"""Records a checkpoint of a real model's size, and holds its first two layers to PyTorch's.

Usage: engine.py ASSAY CHECKPOINT        (a checkpoint of make_checkpoint.py; needs torch and transformers)
Prints the memory that is the process's own (RssAnon), that of mapped files, and the seconds; then what
`assay compare` says of the first two layers in bfloat16, where no row may be off by 1 % of its norm.
PyTorch loads two layers only, so that it needs no more memory than they do.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

from measuring import say

TOKENS = "128000,9906,11,1917"
FIRST_LAYERS = [r"^model\.embed_tokens$", r"^model\.layers\.[01]($|\.)"]


def record(assay, checkpoint, folder, tokens, modules):
    config = {"enabled": True, "output_dir": folder, "formats": ["hdf5"], "log_step_ids": [],
              "module_call_match": modules}
    start, peak = time.perf_counter(), {}
    process = subprocess.Popen(
        [assay, "record", "--model", checkpoint, "--dtype", "bfloat16", "--prompt-token-ids", TOKENS,
         "--max-tokens", str(tokens), "--threads", str(os.cpu_count()),
         "--intermediate-log-config", json.dumps(config)],
        stdout=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as file:
                for line in file:
                    name, _, value = line.partition(":")
                    if name in ("RssAnon", "RssFile"):
                        peak[name] = max(peak.get(name, 0), int(value.split()[0]) / 1024)
        except OSError:
            pass
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"assay record: status {process.returncode}")
    return time.perf_counter() - start, peak


def first_layers(checkpoint, folder):
    """The same checkpoint as a model of two layers."""
    os.makedirs(folder)
    for name in os.listdir(checkpoint):
        if name != "config.json":
            os.symlink(os.path.abspath(os.path.join(checkpoint, name)), os.path.join(folder, name))
    with open(os.path.join(checkpoint, "config.json")) as file:
        config = json.load(file)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config | {"num_hidden_layers": 2}, file)
    return folder


def main(assay, checkpoint):
    size = sum(os.path.getsize(os.path.join(checkpoint, name)) for name in os.listdir(checkpoint))
    with tempfile.TemporaryDirectory(prefix="assay-engine-") as root:
        seconds = {}
        for tokens in (1, 3):
            seconds[tokens], peak = record(
                assay, checkpoint, f"{root}/run{tokens}", tokens, FIRST_LAYERS)
            print(f"{size / 1e9:.1f} GB, {tokens} steps: {seconds[tokens]:.1f} s, own memory "
                  f"{peak['RssAnon']:.0f} MiB, mapped {peak['RssFile']:.0f} MiB", flush=True)
        print(f"a decoded token: {(seconds[3] - seconds[1]) / 2:.1f} s")
        say(f"own memory of the engine, checkpoint of {size / 1e9:.0f} GB, MiB", [peak["RssAnon"]])
        small = first_layers(checkpoint, f"{root}/first")
        config = {"enabled": True, "output_dir": f"{root}/torch", "formats": ["hdf5"],
                  "log_step_ids": [], "module_call_match": FIRST_LAYERS}
        subprocess.run(
            [sys.executable, "-m", "assay_torch", "record", "--model", small, "--dtype", "bfloat16",
             "--prompt-token-ids", TOKENS, "--max-tokens", "1", "--intermediate-log-config",
             json.dumps(config)], check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.path.join(os.path.dirname(__file__), "../Python")})
        # Elements near zero are rounded sums of large ones: rows are judged by their size.
        with open(f"{root}/rules.yml", "w") as file:
            file.write("rules:\n  - module: .\n    bound: worst_row <= 0.01\n")
        done = subprocess.run(
            [assay, "compare", f"{root}/run1", f"{root}/torch", "--tolerance-file",
             f"{root}/rules.yml", "--format", "text"], stdout=subprocess.PIPE, text=True)
        print(done.stdout)
        sys.exit(done.returncode)


if __name__ == "__main__":
    main(*sys.argv[1:])
