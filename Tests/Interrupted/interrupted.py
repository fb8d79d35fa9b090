#!/usr/bin/env python3
"""Ends commands at every kind of moment, and fails where something is lost, half or falsely green.

Usage: interrupted.py ASSAY [--kills N] [--only WORD]     (a C compiler and Linux are enough)
Each command that writes is killed N times (500 unless given): half of them at a call of the file
system, spread from its first to its last, before the call or with half of its bytes written, and
half of them at a random time. Then its disk fills, or one call fails, at so many more moments.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile

import commands
import limits
from process import Program, Wrong, compiled, evenly, tree
from tally import Tally


def kill(tally, program, command, kills, chance):
    """Kills a command at moments and at times."""
    name = type(command).__name__
    command.prepare()
    total, seconds = program.moments(*command.arguments(), status=command.status)
    met = 0

    def at_moment(number, what):
        nonlocal met
        command.prepare()
        status, _ = program.at_moment(number, what, *command.arguments())
        met += status < 0
        command.judge(status)

    def at_time(when):
        nonlocal met
        command.prepare()
        status = program.at_time(when, *command.arguments())
        met += status < 0
        command.judge(status)

    numbers = evenly((kills + 1) // 2, 2 * total)
    for number in numbers:
        what = "torn" if number % 2 else "kill"
        tally.case(name, f"{what} at {(number + 1) // 2} of {total}",
                   lambda: at_moment((number + 1) // 2, what))
    at_moments, times = met, kills - len(numbers)
    for _ in range(times):
        when = chance.uniform(0, 1.1 * seconds)
        tally.case(name, f"killed after {when:.3f} s of {seconds:.3f}", lambda: at_time(when))
    print(f"{name}: killed at {at_moments} of {total} moments, {met - at_moments} times of "
          f"{times} tried", flush=True)


def starve(tally, program, command, count):
    """Fills the disk of a command, or has one call of it fail, at moments."""
    name = type(command).__name__
    ended = {"full": [0, 0], "fail": [0, 0]}

    def at_moment(number, what):
        command.prepare()
        before = tree(command.folder)
        status, error = program.at_moment(number, what, *command.arguments())
        program.judge(command.arguments(), status, error)
        is_refused = status == 2
        ended[what][is_refused] += 1
        if is_refused:
            reason = "No space left" if what == "full" else "nput/output error"
            if reason not in error and "error" not in error.lower():
                raise Wrong(f"no word of the cause: {error}")
            # A process that lives takes away what it made; a recording keeps its steps.
            left = set(tree(command.folder)) - set(before)
            if not isinstance(command, commands.Record):
                left = {name for name in left if os.path.basename(name).startswith(".")}
            else:
                left = {name for name in left if name.endswith(".tmp")}
            if left and what == "full":
                raise Wrong(f"left {sorted(left)[:3]}")
        command.judge(status)

    command.prepare()
    total, _ = program.moments(*command.arguments(), status=command.status)
    cases = [(number, "fail" if index % 2 else "full")
             for index, number in enumerate(evenly(count, total))]
    # The file is closed by its last calls: what then fails, libhdf5 holds half closed.
    cases += [(number, "full") for number in range(max(1, total - 9), total + 1)]
    for number, what in sorted(set(cases)):
        tally.case(name, f"{what} at {number} of {total}", lambda: at_moment(number, what))
    print(f"{name}: disk full at {sum(ended['full'])} moments, {ended['full'][1]} refused; a call "
          f"failed at {sum(ended['fail'])}, {ended['fail'][1]} refused", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("assay")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--only", default="")
    parser.add_argument("--python", help="one that has torch and h5py: kills its recorder too")
    parser.add_argument("--vllm", help="one that has vLLM: kills its worker too")
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    tally, chance = Tally(), random.Random(options.seed)
    # In memory where that can be: a kill takes nothing from a file system, and a disk is slow.
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="assay-interrupted-", dir=place) as root:
        program = Program(os.path.abspath(options.assay), compiled(root), root)
        program("record", *commands.PROMPT, "--golden", os.path.join(root, "reference.h5"), status=0)
        for kind in commands.ALL:
            if not kind.__name__.startswith(options.only):
                continue
            command = kind(program, root)
            kill(tally, program, command, options.kills, chance)
            starve(tally, program, command, max(6, options.kills // 5))
        if "limits".startswith(options.only):
            limits.all_limits(tally, program, root, options.kills)
        for python, script in [(options.python, "recorder"), (options.vllm, "engine")]:
            if python and script.startswith(options.only):
                done = subprocess.run(
                    [python, os.path.join(os.path.dirname(os.path.abspath(__file__)), script + ".py"),
                     program.path, program.library, root, str(options.kills)],
                    env=os.environ | {"LD_PRELOAD": program.library, "OMP_NUM_THREADS": "1"})
                tally.failed += done.returncode != 0
        tally.end(program)


if __name__ == "__main__":
    main()
