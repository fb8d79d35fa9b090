"""Measures how time and memory of compare, open and convert grow with a run, and draws it.

Usage: scaling.py ASSAY [--quick] [--folder DISK] [--figures FOLDER]
       (after building the package of this folder; needs numpy, h5py and, to draw, matplotlib)
Runs of 10 to 200,000 tensors of 1 KiB, of a tensor of 1 KiB to 8 GiB, and of 1 to 2,000 steps; with
--quick fewer and smaller ones. Wall and CPU time and the peak of resident memory are of whole processes;
each point is the median of several turns. Between neighbours the exponent of growth is fitted, the slope
in a doubly logarithmic picture: 1 is a straight line, less is what has a fixed part.
"""
import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from measuring import HERE, PROGRAMS, say, timed

LIMIT = 1.15  # the exponent from which on growth counts as more than linear
COMMANDS = {
    "compare": lambda run, copy, out: ["compare", run, copy],
    "inspect": lambda run, copy, out: ["inspect", run],
    "convert": lambda run, copy, out: ["convert", run, out],
}
# Of each series: sizes in full and quickly, and what is counted.
SERIES = {
    "tensors": ([10, 100, 1_000, 10_000, 50_000, 200_000], [10, 100, 1_000, 10_000],
                "tensors of 1 KiB"),
    "bytes": ([1 << power for power in range(10, 34, 3)] + [1 << 33],
              [1 << power for power in range(10, 29, 3)], "bytes of a tensor"),
    "steps": ([1, 10, 100, 500, 2_000], [1, 10, 100, 400], "steps of 20 tensors of 1 KiB"),
}
SMALLEST = {"wall": 0.05, "cpu": 0.05, "peak": 32}  # below, a difference is none


def recorded(folder, steps, tensors):
    subprocess.run([os.path.join(PROGRAMS, "MakeRun"), "hdf5", str(steps), str(tensors), "1024",
                    folder, "run"], check=True)
    return os.path.join(folder, "run", "run.h5")


def sparse(folder, size):
    """A run of one float32 tensor of zeros that takes no room on the disk."""
    import h5py
    import numpy as np

    path = os.path.join(folder, "run.h5")
    with h5py.File(path, "w", libver="earliest") as file:
        for name, text in ("assay_schema", "assay.hdf5/1"), ("id", "sparse"):
            file.attrs.create(name, np.bytes_(text))
        file.attrs.create("complete", 1, dtype=np.int8)
        step = file.create_group("step_0")
        device = step.create_group("model/call_0/cpu")
        device.attrs.create("device", np.bytes_("cpu"))
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        dataset = h5py.Dataset(h5py.h5d.create(
            device.id, b"outputs", h5py.h5t.IEEE_F32LE,
            h5py.h5s.create_simple((size // 1024, 256)), layout))
        dataset.attrs.create("dtype", np.bytes_("torch.float32"))
        calls = {"completion_order": [0], "calls": [
            {"module": "model", "call": 0, "tensors": [{"slot": "outputs", "device": "cpu"}]}]}
        step.create_dataset(".calls", data=np.bytes_(json.dumps(calls)))
    return path


def prepared(series, size, folder):
    """A run of the series, and another of the same content."""
    if series == "bytes":
        pair = [os.path.join(folder, name) for name in ("a", "b")]
        for place in pair:
            os.mkdir(place)
        return [sparse(place, size) for place in pair]
    run = recorded(folder, *((1, size) if series == "tensors" else (size, 20)))
    return run, shutil.copyfile(run, os.path.join(folder, "copy.h5"))


def point(assay, command, run, copy, folder):
    """The medians of one command on one run."""
    out, turns = os.path.join(folder, "out.h5"), []
    while len(turns) < 3 and sum(turn[0] for turn in turns) < 20:
        turns.append(timed([assay, *COMMANDS[command](run, copy, out)])[:3])
        if os.path.exists(out):
            os.remove(out)
    return dict(zip(SMALLEST, (statistics.median(kind) for kind in zip(*turns))))


def exponents(sizes, values, smallest):
    """The growth between neighbours; None where there is too little to measure."""
    return [math.log(after / before) / math.log(larger / smaller) if after > smallest else None
            for smaller, larger, before, after in zip(sizes, sizes[1:], values, values[1:])]


def measure(assay, series, sizes, disk):
    found = {command: [] for command in COMMANDS}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="assay-scaling-", dir=disk) as folder:
            run, copy = prepared(series, size, folder)
            for command, points in found.items():
                points.append(point(assay, command, run, copy, folder))
                print(f"  {command:8} {size:>13,}  wall {points[-1]['wall']:8.3f} s"
                      f"  CPU {points[-1]['cpu']:8.3f} s  peak {points[-1]['peak']:7.0f} MiB",
                      flush=True)
    return found


def judge(series, sizes, found):
    """Prints the exponents, and how many are more than linear."""
    steepest = []
    for command, points in found.items():
        for kind, smallest in SMALLEST.items():
            slopes = exponents(sizes, [p[kind] for p in points], smallest)
            known = [(slope, size) for slope, size in zip(slopes, sizes[1:]) if slope is not None]
            steepest += [slope for slope, _ in known]
            text = " ".join("    -" if slope is None else f"{slope:5.2f}" for slope in slopes)
            print(f"  {command:8} {kind:4} grows by {text}")
            for slope, size in known:
                if slope > LIMIT:
                    print(f"    more than linear: {command}, {kind}, up to {size:,}")
    if steepest:
        say(f"steepest growth with {series}, exponent", [max(steepest)])


def draw(series, label, sizes, found, path):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "assay"  # the same figures make the same bytes
    from matplotlib import pyplot

    figure, (times, sizes_) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axes, kind, title in ((times, "wall", "seconds"), (sizes_, "peak", "peak resident MiB")):
        for command, points in found.items():
            axes.loglog(sizes, [p[kind] for p in points], marker="o", markersize=4, label=command)
        last = max(points[-1][kind] for points in found.values())
        axes.loglog(sizes, [last * size / sizes[-1] for size in sizes], "--", color="0.7",
                    label="a straight line", zorder=0)
        axes.set_ylim(bottom=min(p[kind] for points in found.values() for p in points) / 2)
        axes.set(xlabel=label, ylabel=title)
        axes.grid(alpha=0.3)
    times.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    print(f"  drawn: {os.path.relpath(path)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("assay")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="a folder on the disk")
    parser.add_argument("--figures", help="where pictures go; by default beside this script, and "
                        "nowhere with --quick")
    parser.add_argument("--only", nargs="*", choices=SERIES, default=list(SERIES))
    options = parser.parse_args()
    figures = options.figures or (None if options.quick else HERE)
    if not os.path.exists(os.path.join(PROGRAMS, "MakeRun")):
        sys.exit(f"scaling.py: build the benchmarks first: swift build -c release --package-path "
                 f"{os.path.relpath(HERE)}")
    for series in options.only:
        full, quick, label = SERIES[series]
        sizes = quick if options.quick else full
        print(f"{label}:")
        found = measure(options.assay, series, sizes, options.folder)
        judge(series, sizes, found)
        if series == "tensors":
            say(f"peak MiB of comparing {sizes[-1]:,} tensors", [found["compare"][-1]["peak"]])
        if figures:
            draw(series, label, sizes, found, os.path.join(figures, f"scaling-{series}.svg"))


if __name__ == "__main__":
    main()
