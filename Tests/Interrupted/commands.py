"""The commands that write, and what must hold after each was ended at any moment."""

import json
import os
import re
import shutil

from process import CHECKPOINT, TINY, Wrong, digest, emptied, tree

PROMPT = ["--model", CHECKPOINT, "--prompt-token-ids", "76,105,99,101", "--max-tokens", "3"]
STEPS = 3
FLOAT32 = os.path.join(TINY, "float32.h5")
OTHER = os.path.join(TINY, "bugs/weight-row.h5")
# What a killed process may leave: hidden, and of names that nobody else gives.
STRAY = re.compile(r"\.(?:assay-[0-9a-f-]{36}(?:\.gone)?|.+\.[0-9a-f]{1,16}\.tmp)$")


def visible(folder):
    """The names in a folder; hidden ones must be such that may stay behind."""
    names = os.listdir(folder)
    for name in names:
        if name.startswith(".") and not STRAY.match(name):
            raise Wrong(f"{name} stayed behind")
    return sorted(name for name in names if not name.startswith("."))


def expect(holds, text):
    if not holds:
        raise Wrong(text)


class Command:
    """A command under test: `arguments` in a folder that `prepare` makes, and then `check`."""

    status = (0,)

    def __init__(self, program, root):
        self.program = program
        self.folder = os.path.join(root, type(self).__name__)
        self.reference = os.path.join(root, "reference.h5")
        self.seen = set()
        self.setup()

    def setup(self):
        """Makes what all runs of the command share."""

    def place(self, name):
        return os.path.join(self.folder, name)

    def prepare(self):
        emptied(self.folder)

    def judge(self, status):
        """Checks what a command left, unless it left just that before."""
        numbers = re.compile(r"[0-9a-f]{8,}(?:-[0-9a-f]+)*")
        state = (status, *((numbers.sub("#", name), found if "/." not in name else None)
                           for name, found in sorted(tree(self.folder).items())))
        if state not in self.seen:
            self.check(status)
            self.seen.add(state)

    def same_run(self, path, run):
        """Whether a file is whole: complete, and with the tensors of another run."""
        found, wanted = self.program.tensors(path), self.program.tensors(run)
        expect(found is not None, f"{path} cannot be read")
        expect(found[0], f"{path} is not complete")
        expect(found[1] == wanted[1], f"{path} has not the tensors of {run}")

    def must_fail(self, *arguments, because=""):
        """A refusal, in a sentence that names the cause."""
        error = self.program(*arguments, status=2)[2]
        expect(because in error, f"assay {' '.join(arguments)}: no word of {because}: {error}")


class Record(Command):
    """A recording in both layouts."""

    def arguments(self):
        self.out = self.place("out")
        capture = {"enabled": True, "output_dir": self.out, "log_step_ids": []}
        return ["record", *PROMPT, "--intermediate-log-config", json.dumps(capture)]

    def check(self, status):
        program, wanted = self.program, self.program.tensors(self.reference)[1]
        for name in visible(self.out) if os.path.isdir(self.out) else ():
            run = os.path.join(self.out, name)
            # A step that was begun says that the one before it is on the disk in both layouts.
            begun = sum(os.path.isdir(os.path.join(run, f"step_{step}")) for step in range(STEPS))
            ended = STEPS if status == 0 else max(0, begun - 1)
            for path in (run, os.path.join(run, "run.h5")):
                found = program.tensors(path)
                if found is None:
                    expect(ended == 0, f"{path} cannot be read, and {ended} steps were recorded")
                    continue
                is_complete, steps = found
                expect(sorted(steps) == list(range(len(steps))), f"{path} has steps {list(steps)}")
                expect(len(steps) >= ended, f"{path} lost a step: {len(steps)} of {ended}")
                for step, tensors in steps.items():
                    expect(tensors == wanted[step], f"{path}: step {step} is another")
                expect(not is_complete or len(steps) == STEPS, f"{path} is said to be complete")
                code = program("compare", path, self.reference)[0]
                expect(code == 0 if is_complete else code in (1, 2),
                       f"{path} compared: {code}, complete: {is_complete}")
                code = program("check", path)[0]
                expect(code == 0 or not is_complete, f"{path} checked: {code}")
                expect(code != 0 or is_complete, f"a cut {path} is in good health")
                if not is_complete and steps:
                    self.must_fail("approve", path, self.place("golden.h5"), "--yes")
                    program("convert", path, self.place("converted.h5"), status=0)
                    again = program.tensors(self.place("converted.h5"))
                    expect(again == found, f"{path} converts to another run")
                    os.unlink(self.place("converted.h5"))
        before = set(visible(self.out)) if os.path.isdir(self.out) else set()
        program(*self.arguments(), status=0)
        new = set(visible(self.out)) - before
        expect(len(new) == 1, f"a second recording makes {new}")
        self.same_run(os.path.join(self.out, *new), self.reference)


class RecordGolden(Command):
    """A recording that becomes a golden, beside a golden that is none of its business."""

    def prepare(self):
        super().prepare()
        shutil.copyfile(OTHER, self.place("other.h5"))

    def arguments(self):
        return ["record", *PROMPT, "--golden", self.place("golden.h5")]

    def check(self, status):
        golden = self.place("golden.h5")
        names = visible(self.folder)
        expect(names in (["golden.h5", "other.h5"], ["other.h5"]), f"left {names}")
        expect(digest(self.place("other.h5")) == digest(OTHER), "another golden changed")
        if os.path.exists(golden):
            self.same_run(golden, self.reference)
            self.must_fail(*self.arguments(), because="exists")
        else:
            expect(status != 0, "a green recording without its golden")
            self.must_fail("compare", self.reference, golden)
            self.program(*self.arguments(), status=0)
        self.program("compare", golden, self.reference, status=0)


class Convert(Command):
    """To HDF5, whose file is there whole or not at all."""

    name = "copy.h5"

    def setup(self):
        self.destination = self.place(self.name)

    def arguments(self):
        return ["convert", self.reference, self.destination]

    def check(self, status):
        names = visible(self.folder)
        if names:
            expect(names == [os.path.basename(self.destination)], f"left {names}")
            self.same_run(self.destination, self.reference)
            self.must_fail(*self.arguments(), because="exist")
        else:
            expect(status != 0, "a green conversion without its copy")
            # Not even what stayed behind is found as a run.
            self.must_fail("compare", self.folder, self.reference)
            self.program(*self.arguments(), status=0)
        self.program("compare", self.destination, self.reference, status=0)


class ConvertToDirectory(Convert):
    """To the directory layout, the same."""

    name = "copy"


class Approve(Command):
    """A golden that is replaced, by a whole one or not at all."""

    def prepare(self):
        super().prepare()
        shutil.copyfile(OTHER, self.place("golden.h5"))

    def arguments(self):
        return ["approve", FLOAT32, self.place("golden.h5"), "--yes", "--message", "because"]

    def check(self, status):
        golden = self.place("golden.h5")
        expect(visible(self.folder) == ["golden.h5"], f"left {visible(self.folder)}")
        if digest(golden) == digest(OTHER):
            expect(status != 0, "a green approval of nothing")
            self.program("compare", FLOAT32, golden, status=1)
            log = self.program("log", golden, status=0)[1]
            expect("because" not in log, "an approval that did not happen is in the log")
            self.program(*self.arguments(), status=0)
        self.same_run(golden, FLOAT32)
        log = self.program("log", golden, status=0)[1]
        expect(log.count("because") == 1, f"approved more or less than once: {log}")
        self.program("compare", FLOAT32, golden, status=0)


class ApproveNew(Approve):
    """A golden that was not there."""

    def prepare(self):
        Command.prepare(self)

    def check(self, status):
        golden = self.place("golden.h5")
        names = visible(self.folder)
        expect(names in ([], ["golden.h5"]), f"left {names}")
        if not names:
            expect(status != 0, "a green approval of nothing")
            self.must_fail("compare", FLOAT32, golden)
            self.program(*self.arguments(), status=0)
        self.same_run(golden, FLOAT32)


class Calibrate(Command):
    """Rules, and the floor that they come from."""

    def setup(self):
        self.prepare()
        self.program(*self.arguments(), status=0)
        self.whole = {name: digest(self.place(name)) for name in self.outputs}

    outputs = ("float32.floor.json", "tolerances.yml")

    def prepare(self):
        super().prepare()
        for name in ("float32.h5", "float32-math.h5"):
            shutil.copyfile(os.path.join(TINY, name), self.place(name))

    def arguments(self):
        return ["calibrate", self.place("float32.h5"), self.place("float32-math.h5"),
                "-o", self.place("tolerances.yml")]

    def check(self, status):
        for name in ("float32.h5", "float32-math.h5"):
            expect(digest(self.place(name)) == digest(os.path.join(TINY, name)), f"{name} changed")
        names = set(visible(self.folder)) - {"float32.h5", "float32-math.h5"}
        expect(names <= set(self.outputs), f"left {names}")
        for name in names:
            expect(digest(self.place(name)) == self.whole[name], f"half of {name}")
        comparison = ["compare", self.place("float32-math.h5"), self.place("float32.h5"),
                      "--tolerance-file", self.place("tolerances.yml")]
        if "tolerances.yml" in names:
            self.program(*comparison, status=0)
        else:
            expect(status != 0, "a green calibration without its rules")
            self.must_fail(*comparison, because="tolerances.yml")
        if names:
            self.must_fail(*self.arguments(), because=next(iter(names)))
            for name in names:
                os.unlink(self.place(name))
        self.program(*self.arguments(), status=0)


class Merge(Command):
    """Parts of a comparison made one, over a part that is there already."""

    def setup(self):
        emptied(self.folder)
        self.parts = []
        for number in (1, 2, 3):
            part = os.path.join(os.path.dirname(self.reference), f"part{number}.json")
            self.program("compare", OTHER, FLOAT32, "--shard", f"{number}/3", "-o", part)
            self.parts.append(part)
        self.old = digest(self.parts[0])
        self.program("merge", *self.parts, "--partial", self.place("merged.json"), status=0)
        self.new = digest(self.place("merged.json"))

    def prepare(self):
        super().prepare()
        shutil.copyfile(self.parts[0], self.place("merged.json"))

    def arguments(self):
        return ["merge", *self.parts, "--partial", self.place("merged.json")]

    def check(self, status):
        merged = self.place("merged.json")
        expect(visible(self.folder) == ["merged.json"], f"left {visible(self.folder)}")
        if digest(merged) == self.old:
            expect(status != 0, "a green merge of nothing")
            self.must_fail("merge", merged, because="shard")
        else:
            expect(digest(merged) == self.new, "half of a part")
        self.program(*self.arguments(), status=0)
        self.program("merge", merged, status=1)


class MergeReport(Merge):
    """The reports of parts, over reports that are there already."""

    status = (1,)
    outputs = ("report.md", "report.xml")

    def setup(self):
        super().setup()
        self.prepare()
        self.program(*self.arguments(), status=1)
        self.whole = {name: digest(self.place(name)) for name in self.outputs}

    def prepare(self):
        Command.prepare(self)
        for name in self.outputs:
            with open(self.place(name), "w", encoding="utf-8") as file:
                file.write("of another day\n")
        self.before = {name: digest(self.place(name)) for name in self.outputs}

    def arguments(self):
        return ["merge", *self.parts, "-o", self.place("report.md"),
                "--junit", self.place("report.xml")]

    def check(self, status):
        expect(status != 0, "a green merge of what differs")
        expect(visible(self.folder) == list(self.outputs), f"left {visible(self.folder)}")
        for name in self.outputs:
            found = digest(self.place(name))
            expect(found == self.whole[name] or status != 1 and found == self.before[name],
                   f"half of {name}, or an old one")
        self.program(*self.arguments(), status=1)


ALL = (Record, RecordGolden, Convert, ConvertToDirectory, Approve, ApproveNew, Calibrate, Merge, MergeReport)
