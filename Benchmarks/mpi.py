"""Times one comparison by processes that share it: ranks under mpirun, and shards that are merged.

Usage: mpi.py ASSAY [--gigabytes N] [--turns N] [--folder DISK]
       mpi.py --simulate RANKS TERABYTES TENSORS RATE OPEN FOLD
       (ASSAY as `make build MPI=1` builds it; needs numpy, Open MPI's mpirun and two cores)
Two spools of N GB each, all of whose tensors differ by rounding, of 2 to 8 MiB of bfloat16. What follows from the
figures for more machines is computed by the formula of README.md. As root each turn is also timed with
nothing in the page cache, and what each process read from the disk is counted. --simulate hands out the
pieces of a run as the first rank does: RATE is the GB/s of a rank, OPEN and FOLD the microseconds a pair
that every rank takes to open the runs and pair, and the first one to read the results and fold.
"""
import argparse
import heapq
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--quiet", "--bind-to", "core"]


def write(folder, size, change, count=None):
    """A spool of about `size` bytes, or of `count` tensors of 1 KiB; returns its number of tensors."""
    rng = np.random.default_rng(7)
    noise = np.random.default_rng(1)
    os.makedirs(folder)
    with open(f"{folder}/spool.json", "w") as file:
        json.dump({"schema": "assay.spool/1", "id": os.path.basename(folder)}, file)
    base = rng.standard_normal(1 << 22, dtype=np.float32)
    calls, offset = [], 0
    with open(f"{folder}/tensors.bin", "wb") as file:
        while offset < size if count is None else len(calls) < count:
            elements = int(rng.integers(1 << 20, 1 << 22)) if count is None else 512
            rows = elements // 256
            values = base[:rows * 256] * np.float32(1 + len(calls) / 1000)
            # bfloat16, rounded down; the last bit of some differs.
            values = (values.view(np.uint32) >> 16).astype(np.uint16)
            if change:
                values ^= noise.integers(0, 8, values.size, dtype=np.uint16) == 0
            file.write(values.tobytes())
            calls.append({
                "module": f"model.layers.{len(calls)}", "call": 0, "tensors": [{
                    "slot": "outputs", "device": "cpu", "dtype": "torch.bfloat16",
                    "shape": [rows, 256], "offset": offset, "bytes": values.nbytes}]})
            offset += values.nbytes
    with open(f"{folder}/steps.jsonl", "w") as file:
        file.write(json.dumps({"step": 0, "completion_order": list(range(len(calls))),
                               "calls": calls}) + "\n" + json.dumps({"complete": True}) + "\n")
    return len(calls)


def seconds(command, cold):
    """Wall time of a command, and what each of its processes read from the disk, in MB."""
    if cold:
        subprocess.run(["sync"], check=True)
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
    with tempfile.TemporaryDirectory() as folder:
        # What a shell waited for counts as its own.
        count = f"{folder}/rank$OMPI_COMM_WORLD_RANK"
        if "mpirun" in command:
            program = command.index("--") + 1
            command = command[:program] + [
                "sh", "-c", f'"$@"; status=$?; cat /proc/$$/io > {count}; exit $status', "sh",
                *command[program:]]
        else:
            command = ["sh", "-c", f'"$@"; status=$?; cat /proc/$$/io > {count}; exit $status',
                       "sh", *command]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        wall = time.perf_counter() - start
        if done.returncode not in (0, 1):
            sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
        read = []
        for name in sorted(os.listdir(folder)):
            with open(f"{folder}/{name}") as file:
                read += [int(line.split()[1]) / 1e6 for line in file
                         if line.startswith("read_bytes")]
    return wall, read


def simulate(ranks, terabytes, tensors, rate, opening, folding):
    """Seconds until the last of some ranks is done, and what the parts of the formula come to."""
    # Of a transformer: most tensors are small beside those of the MLP and the logits.
    sizes = np.random.default_rng(7).lognormal(0, 1, tensors)
    sizes *= terabytes * 1e12 / sizes.sum()
    ends = np.cumsum(sizes)
    pieces = 32 * ranks
    places = np.minimum(((ends - sizes / 2) * pieces / ends[-1]).astype(int), pieces - 1)
    work = sorted(np.bincount(places, sizes, pieces) / (rate * 1e9), reverse=True)
    free = [0.0] * ranks
    for piece in work:
        heapq.heappush(free, heapq.heappop(free) + piece)
    judging, opening, folding = max(free), tensors * opening / 1e6, tensors * folding / 1e6
    alone = sum(work) + opening
    print(f"{ranks} ranks: {opening:.1f} s opening and pairing, {judging:.1f} s reading and judging"
          f" ({sum(work) / ranks:.1f} s if all ended at once), {folding:.1f} s folding:"
          f" {opening + judging + folding:.0f} s; one rank {alone:.0f} s,"
          f" {alone / (opening + judging + folding):.1f} times as long")


def main():
    if sys.argv[1:2] == ["--simulate"]:
        ranks, terabytes, tensors, rate, opening, folding = map(float, sys.argv[2:])
        simulate(int(ranks), terabytes, int(tensors), rate, opening, folding)
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("assay")
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    assay = os.path.abspath(arguments.assay)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        runs = [f"{folder}/actual", f"{folder}/expected"]
        for run in runs:
            tensors = write(run, int(arguments.gigabytes * 1e9), run == runs[0])
        size = sum(os.path.getsize(f"{run}/tensors.bin") for run in runs)
        print(f"{tensors} pairs, {size / 1e9:.2f} GB of both sides")
        compare = [assay, "compare", *runs, "--rtol", "1e-2", "-o", f"{folder}/report.md"]
        ways = {
            "one process, one core": ["taskset", "-c", "0", *compare],
            "one process, two cores": compare,
            "one rank, one core": [*MPIRUN, "-n", "1", "--", *compare],
            "two ranks, one core each": [*MPIRUN, "-n", "2", "--", *compare],
        }
        caches = [False] + ([True] if os.geteuid() == 0 else [])
        for cold in caches:
            found = {way: [] for way in ways}
            for _ in range(arguments.turns):
                for way, command in ways.items():
                    found[way].append(seconds(command, cold))
            print("nothing in the page cache" if cold else "all in the page cache")
            for way, turns in found.items():
                walls = [wall for wall, _ in turns]
                read = ", ".join(f"{mega:.0f}" for mega in turns[-1][1])
                print(f"  {way:26} {statistics.median(walls):6.2f} s ({min(walls):.2f} to"
                      f" {max(walls):.2f}), {size / statistics.median(walls) / 1e9:5.2f} GB/s,"
                      f" read {read} MB")
        least = [f"{folder}/actual-1", f"{folder}/expected-1"]
        for run in least:
            write(run, 0, run == least[0], 1)
        walls = {name: statistics.median(seconds([*way, assay, "compare", *least], False)[0]
                                         for _ in range(arguments.turns))
                 for name, way in (("one process", []), ("two ranks", [*MPIRUN, "-n", "2", "--"]))}
        print("one small pair: " + ", ".join(f"{name} {wall:.2f} s" for name, wall in walls.items()))
        parts(assay, folder, arguments.turns)


def parts(assay, folder, turns):
    """What a tensor costs that is not read: opening, pairing, writing and reading parts, folding."""
    for count in 10_000, 50_000:
        runs = [f"{folder}/actual-{count}", f"{folder}/expected-{count}"]
        for run in runs:
            write(run, 0, run == runs[0], count)
        compare = [assay, "compare", *runs, "--rtol", "1e-2"]
        found = {
            "compare": [], "an empty shard": [], "a shard of all": [], "merge to a part": [],
            "merge to a report": []}
        for _ in range(turns):
            part, report = f"{folder}/part", f"{folder}/report.md"
            for name, command in (
                    ("compare", [*compare, "-o", report]),
                    ("an empty shard", [*compare, "--modules", "model.layers.0$", "--shard", "2/2",
                                        "-o", part]),
                    ("a shard of all", [*compare, "--shard", "1/1", "-o", part]),
                    ("merge to a part", [assay, "merge", part, "--partial", f"{folder}/other"]),
                    ("merge to a report", [assay, "merge", part, "-o", report])):
                found[name].append(seconds(command, False)[0])
        print(f"{count} pairs of 1 KiB, a part of {os.path.getsize(part) / count:.0f} bytes a pair")
        for name, walls in found.items():
            print(f"  {name:26} {statistics.median(walls):6.3f} s ({min(walls):.3f} to"
                  f" {max(walls):.3f})")


if __name__ == "__main__":
    main()
