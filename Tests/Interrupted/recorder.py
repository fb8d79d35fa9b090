#!/usr/bin/env python3
"""Kills recordings of a PyTorch model at every kind of moment: recorder.py ASSAY LIBRARY FOLDER KILLS

Runs with moments.c preloaded; `interrupted.py` does that.
"""

import os
import random
import sys
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Python"))

import torch  # noqa: E402

import assay_torch  # noqa: E402

import forks  # noqa: E402
from commands import expect  # noqa: E402
from process import Program, emptied  # noqa: E402
from tally import Tally  # noqa: E402

STEPS = 3


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.embed = torch.nn.Embedding(10, 16)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(16, 16) for _ in range(4))

    def forward(self, ids):
        x = self.embed(ids)
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x


class Recording:
    """One way to record: which formats, and who converts."""

    def __init__(self, program, folder, name, formats, golden, by_program):
        self.program, self.name, self.folder = program, name, os.path.join(folder, name)
        self.formats, self.golden = formats, golden
        self.by_program = by_program
        self.out = os.path.join(self.folder, "out")
        self.golden_path = os.path.join(self.folder, "golden.h5") if golden else None

    def body(self, ended):
        os.environ["ASSAY"] = self.program.path if self.by_program else ""
        warnings.simplefilter("ignore")
        config = None if self.golden else \
            {"output_dir": self.out, "formats": self.formats, "log_step_ids": []}
        model = Model()
        with torch.no_grad(), assay_torch.record(model, config, golden=self.golden_path):
            for step in range(STEPS):
                model(torch.tensor([step, 5, 7]))
                ended()

    def prepare(self):
        emptied(self.folder)

    def runs(self):
        return sorted(os.path.join(self.out, name) for name in os.listdir(self.out)) \
            if os.path.isdir(self.out) else []

    def check(self, code, steps):
        program = self.program
        if self.golden:
            left = [name for name in os.listdir(self.folder) if not name.startswith(".")]
            expect(left in ([], ["golden.h5"]), f"left {left}")
            if left:
                found = program.tensors(self.golden_path)
                expect(found == self.wanted, f"half a golden: {code}, {steps}")
                expect(code != 3 or steps == STEPS, "a golden of a refused recording")
            else:
                expect(code != 0, "a green recording without its golden")
                program("compare", self.folder, self.reference, status=2)
            return
        runs = self.runs()
        expect(len(runs) <= 1, f"one recording left {runs}")
        if not runs:
            expect(steps == 0, f"nothing is left of {steps} steps")
            return
        found = program.tensors(runs[0])
        if found is None:
            expect(steps == 0, f"{steps} steps cannot be read")
            return
        is_complete, tensors = found
        expect(sorted(tensors) == list(range(len(tensors))), f"steps {sorted(tensors)}")
        expect(len(tensors) >= steps, f"{len(tensors)} steps of {steps} that were recorded")
        for step, one in tensors.items():
            expect(one == self.wanted[1][step], f"step {step} is another")
        expect(code != 0 or is_complete, "a green recording that is not complete")
        status = program("compare", runs[0], self.reference)[0]
        expect(status == 0 if is_complete else status in (1, 2),
               f"compared: {status}, complete: {is_complete}")
        # What it makes of itself later is whole, and no more than it is.
        copy = os.path.join(self.folder, "copy.h5")
        if tensors:
            program("convert", runs[0], copy, status=0)
            expect(program.tensors(copy) == found, "its copy is another")

    def learn(self, reference):
        """What an undisturbed recording holds."""
        self.reference = reference
        self.wanted = self.program.tensors(reference)


def main(assay, library, folder, kills):
    torch.set_num_threads(1)
    program = Program(assay, library, folder)
    tally = Tally()
    model = Model()
    reference = os.path.join(folder, "reference-torch.h5")
    os.environ["ASSAY"] = ""
    with torch.no_grad(), assay_torch.record(model, golden=reference):
        for step in range(STEPS):
            model(torch.tensor([step, 5, 7]))
    ways = [("spool", ["spool"], False, False), ("pt-and-hdf5", ["pt", "hdf5"], False, False),
            ("pt-and-hdf5-by-assay", ["pt", "hdf5"], False, True), ("golden", None, True, False),
            ("golden-by-assay", None, True, True)]
    for index, way in enumerate(ways):
        recording = Recording(program, folder, *way)
        recording.learn(reference)
        forked = forks.Forks(recording.body, lambda error: isinstance(
            error, (assay_torch.RecordError, OSError)))
        forks.kill(f"assay_torch {recording.name}", forked, recording.prepare, recording.check,
                   -(-kills // len(ways)), random.Random(index), tally)
        # Whatever was left, the next recording is as if nothing were.
        recording.prepare()
        forked.fork("kill", 5)
        code, steps, _ = forked.fork()
        expect((code, steps) == (0, STEPS), f"a second recording: {code}")
    tally.end(program)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
