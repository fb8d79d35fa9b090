"""Measures what recording costs a decode step of SmolLM2-135M's shape, with random weights.

    python Benchmarks/recorder.py [--assay .build/release/assay] [--threads 1] [--turns 5]

Every figure is a ratio to the same steps without recording, in the same turn: the median of the
turns, and the smallest and largest. With CPU=1 in the environment it is the processor's time, which other
programs disturb less.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "Python"))

import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from assay_torch import record
from assay_torch.spool import SpoolWriter

WARM = 2  # steps before the clock runs
CLOCK = time.process_time if os.environ.get("CPU") else time.perf_counter


class Nowhere(SpoolWriter):
    """Takes what the hooks copy, and writes none of it."""

    def write(self, position, plan, tensors, states):
        pass


def smollm2(attention):
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, vocab_size=49152, tie_word_embeddings=True,
        max_position_embeddings=8192)
    config._attn_implementation = attention
    return LlamaForCausalLM(config).eval()


def decode(model, steps):
    """Milliseconds of each decode step after a prompt of ten tokens."""
    cache, times = DynamicCache(config=model.config), []
    inputs = torch.arange(1, 11)[None]
    with torch.no_grad():
        for _ in range(WARM + 1 + steps):
            start = CLOCK()
            logits = model(input_ids=inputs, past_key_values=cache, use_cache=True).logits
            times.append(1000 * (CLOCK() - start))
            inputs = logits[0, -1].argmax()[None, None]
    return times[WARM + 1:]


def measured(model, steps, name, options):
    """The median time of a step, and seconds that the end takes."""
    if name == "none":
        return statistics.median(decode(model, steps)), 0
    with tempfile.TemporaryDirectory() as folder:
        config = {"output_dir": folder, "log_step_ids": [],
                  "formats": [name if name in ("pt", "hdf5") else "spool"]}
        if name == "digest":
            config["keep"] = "digest"
        run = record(model, config)
        with run:
            if name == "hooks":
                run._spool.__class__ = Nowhere
            time_ = statistics.median(decode(model, steps))
            start = CLOCK()
        return time_, CLOCK() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assay", help="the program that converts; without it Python does")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--attention", default="sdpa", choices=["sdpa", "eager"])
    parser.add_argument("--only", nargs="*",
                        default=["hooks", "spool", "hdf5", "pt", "digest"])
    options = parser.parse_args()
    if options.assay:
        os.environ["ASSAY"] = os.path.abspath(options.assay)
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    model = smollm2(options.attention)
    names = ["none", *options.only]
    times, ends = {name: [] for name in names}, {name: [] for name in names}
    for _ in range(options.turns):
        for name in names:
            step, end = measured(model, options.steps, name, options)
            times[name].append(step)
            ends[name].append(end)
    print(f"{options.threads} threads, {options.turns} turns of {options.steps} decode steps, "
          f"{options.attention}; without recording {statistics.median(times['none']):.1f} ms a step")
    print("| recording | ms a step | ratio | smallest | largest | end, ms a step |")
    print("|---|---|---|---|---|---|")
    for name in options.only:
        ratios = [one / none for one, none in zip(times[name], times["none"])]
        count = options.steps + WARM + 1
        print(f"| {name} | {statistics.median(times[name]):.1f} | {statistics.median(ratios):.2f} "
              f"| {min(ratios):.2f} | {max(ratios):.2f} "
              f"| {1000 * statistics.median(ends[name]) / count:.1f} |")


if __name__ == "__main__":
    main()
