"""Changes the kernels in C in every small way, one at a time, and sees that a test notices.

The tests are linked with the kernels as a library, which another is loaded before: one with many
changes, each made when its number is in the environment. What cannot be chosen at run time is
compiled by itself.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import platform
import random
import re
import shutil
import subprocess
import sys
import time

import kernel_changes
from mutants import HERE, ROOT, WORK, Explained, Tests

SOURCES = ROOT / "Sources/CAssayKernels"
FOLDER = WORK / "kernels"
# Built as by `make cases`: unoptimized, these tests take minutes.
BUILD = ROOT / ".build-cases"
# The changes of a library: with more, the choices take longer to compile and to run.
GROUP = 150
# The suites that a file's changes are run with, by how its name begins.
CONVERSIONS = ["ConversionTests", "TensorTests"]
COMPARISONS = [
    "KernelTests", "KernelBoundsTests", "LaterBlockTests", "FigureTests", "TensorComparisonTests",
    "TensorDetailTests"]
SUITES = {
    "census": ["TensorCensusTests", "KernelBoundsTests"],
    "projection": ["SignProjectionTests", "TensorDigestTests", "KernelBoundsTests"],
    "conversion_vectors": [*CONVERSIONS, *COMPARISONS],
    "conversion": [*CONVERSIONS, "KernelBoundsTests"],
    "comparison": COMPARISONS,
}


def main():
    options = arguments()
    kernels = Kernels()
    explained = Explained(HERE / "explained-kernels.txt")
    keys = {change["key"] for change in kernels.changes}
    old = sorted(key for key in explained.keys if key not in keys)
    chosen = choose(kernels.changes, options)
    results = Results(WORK / "results-kernels.jsonl", options)
    todo = [change for change in chosen if change["key"] not in results.known]
    print(f"{len(kernels.changes)} changes, {len(chosen)} chosen, {len(todo)} to run", flush=True)
    if todo:
        kernels.build(options)
        tests = KernelTests(kernels)
        for start in range(0, len(todo), GROUP):
            run(todo[start:start + GROUP], kernels, tests, results, options.jobs)
    report(chosen, results, explained, old)


def run(group, kernels, tests, results, jobs):
    """Makes a library with some changes, and sees what becomes of each."""
    started = time.time()
    kernels.compile_group(group, jobs)
    # With the changes there and none of them made.
    if failed := tests.fails(list(tests.seconds), -1, 600):
        sys.exit(f"{failed} fails without a change")
    compiled = time.time() - started
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        pending = {
            pool.submit(tests.fate_of, change, change["key"] in results.different): change
            for change in group}
        for future in concurrent.futures.as_completed(pending):
            results.add(pending[future], future.result())
    print(f"{len(group)} run: {compiled:.0f} s to compile,"
          f" {time.time() - started - compiled:.0f} s of tests", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--under", help="files of the kernels, with commas between")
    parser.add_argument("--sample", type=int, help="so many changes, chosen by the seed")
    parser.add_argument("--seed", default=time.strftime("%Y%m%d"))
    parser.add_argument("--keys", type=pathlib.Path, metavar="FILE",
                        help="the changes of a file alone, a key a line; survivors are run again")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--again", action="store_true", help="use what was built before")
    parser.add_argument("--fresh", action="store_true", help="forget what was run before")
    return parser.parse_args()


def choose(changes, options):
    if options.under:
        changes = [c for c in changes if c["file"] in options.under.split(",")]
    if options.keys:
        keys = set(options.keys.read_text().splitlines())
        changes = [c for c in changes if c["key"] in keys]
    if options.sample:
        print(f"seed {options.seed}: make mutants TARGET=kernels SAMPLE={options.sample}"
              f" SEED={options.seed}")
        changes = random.Random(options.seed).sample(changes, min(options.sample, len(changes)))
    return changes


class Kernels:
    """The kernels with all changes that can be chosen at run time, and by themselves."""

    def __init__(self):
        self.manifest = (BUILD / "release.yaml").read_text()
        self.texts = {path.name: path.read_text() for path in sorted(SOURCES.glob("*.[ch]"))}
        self.changes = [change for name, text in self.texts.items()
                        for change in kernel_changes.changes(name, text)]
        for number, change in enumerate(self.changes, 1):
            change["number"] = number
        self.units = [name for name in self.texts if name.endswith(".c")]
        # Of changes: what the compiler does not take, what it takes by itself alone.
        self.refused, self.alone, self.absent = set(), set(), set()

    def build(self, options):
        """Links the tests with the kernels as they are, as a library."""
        originals = FOLDER / "original"
        library = FOLDER / "bin/libAssayKernels.so"
        if options.again:
            return
        shutil.rmtree(FOLDER, ignore_errors=True)
        library.parent.mkdir(parents=True)
        self.write(originals, self.texts)
        self.link_library(self.compile_all(originals, options.jobs), library)
        self.link_tests(library)

    def compile_group(self, group, jobs):
        """Compiles a library with some changes."""
        self.refused, self.alone, self.absent = set(), set(), set()
        self.write_what_compiles(group)
        self.see_what_is_absent(group)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            single = sorted(self.alone)
            taken = pool.map(self.compiles, single)
            self.refused = {number for number, is_taken in zip(single, taken) if not is_taken}
        self.alone -= self.refused
        files = {change["file"] for change in group}
        objects = self.compile_all(FOLDER / "changed", jobs, {
            unit for name in files for unit in self.units_of(name)})
        self.link_library(objects, FOLDER / "bin/changed.so")

    def compile_all(self, folder, jobs, units=None):
        """The objects of all files, of which only some may be changed."""
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(
                lambda unit: self.compile(folder, unit) if units is None or unit in units
                else FOLDER / "original" / f"{unit}.o", self.units))

    def command(self, unit):
        """How the package manager compiles a file, without what goes with its place."""
        found = re.search(
            rf'args: (\[.*"-c","[^"]*/CAssayKernels/{re.escape(unit)}".*\])', self.manifest)
        if not found:
            sys.exit(f"no command for {unit} in {BUILD}/release.yaml: first build the tests")
        command = []
        words = iter(json.loads(found.group(1)))
        for word in words:
            if word in ("-MT", "-MF", "-c", "-o", "-I", "-index-store-path"):
                next(words)
            elif word not in ("-g", "-MD"):
                command.append(word)
        return [*command, "-w"]

    def written(self, folder, unit):
        support = [] if folder.name != "changed" else ["-include", HERE / "Support/kernels.h"]
        return [*self.command(unit), *support, "-I", SOURCES / "include", folder / unit]

    def compile(self, folder, unit):
        output = folder / f"{unit}.o"
        subprocess.run(
            [*self.written(folder, unit), "-c", "-o", output], check=True)
        return output

    @staticmethod
    def write(folder, texts):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, text in texts.items():
            (folder / name).write_text(text)

    def write_what_compiles(self, group):
        """Writes the changed sources, without the changes that the compiler does not take there."""
        for _ in range(10):
            taken = [change for change in group if change["number"] not in self.alone]
            self.write(FOLDER / "changed", {
                name: self.changed(text, [c for c in taken if c["file"] == name])
                for name, text in self.texts.items()})
            found = set()
            for unit in self.units:
                found |= self.complaints(unit)
            if not found:
                return
            self.alone |= found
        sys.exit("the changed sources do not compile")

    def complaints(self, unit):
        """The numbers of the changes where the compiler finds an error."""
        checked = subprocess.run(
            [*self.written(FOLDER / "changed", unit), "-fsyntax-only", "-ferror-limit=0",
             "-fdiagnostics-print-source-range-info", "-fno-caret-diagnostics"],
            capture_output=True, text=True)
        if checked.returncode == 0:
            return set()
        found = set()
        for complaint in re.split(r"\n(?=\S+: (?:fatal )?error: )", "\n" + checked.stderr):
            if "error: " not in complaint:
                continue
            numbers = set()
            for path, line, column, ranges in re.findall(
                    rf"({re.escape(str(FOLDER))}\S+?):(\d+):(\d+):([{{}}\d:-]*) ", complaint):
                lines = pathlib.Path(path).read_text().splitlines()
                numbers |= numbers_at(lines[int(line) - 1], int(column) - 1)
                for line, column in re.findall(r"\{(\d+):(\d+)-", ranges):
                    numbers |= numbers_at(lines[int(line) - 1], int(column) - 1)
            if not numbers:
                sys.exit(complaint)
            found |= numbers
        return found

    @staticmethod
    def changed(text, changes):
        """A file's text with changes, each made where it is chosen."""
        changes = sorted(changes, key=lambda change: (change["start"], -change["end"]))
        result, end = "", 0
        while changes:
            first = changes[0]
            stop = first["end"]
            group = []
            # Of expressions in each other, the outermost has all.
            while changes and changes[0]["start"] < stop:
                stop = max(stop, changes[0]["end"])
                group.append(changes.pop(0))
            start = first["start"]
            whole = kernel_changes.flat(text[start:stop])
            others = [(c["number"], kernel_changes.flat(
                text[start:c["start"]] + c["new"] + text[c["end"]:stop])) for c in group]
            result += text[end:start]
            if any(c["statement"] for c in group):
                chain = "".join(f"if (ASSAY_IS({n})) {{ {other} }} else " for n, other in others)
                result += f"{{ {chain}{{ {whole} }} }}"
            else:
                chain = "".join(f"ASSAY_IS({n}) ? ({other}) : " for n, other in others)
                result += f"({chain}({whole}))"
            end = stop
        return result + text[end:]

    def see_what_is_absent(self, group):
        """Which changes are in code for other machines than this."""
        seen = set()
        for unit in self.units:
            text = subprocess.run(
                [*self.written(FOLDER / "changed", unit), "-E"],
                capture_output=True, text=True, check=True).stdout
            seen |= {int(n) for n in re.findall(r"assay_chosen == \((\d+)\)", text)}
        best = best_level()
        self.absent = {
            c["number"] for c in group if c["level"] > best
            or c["number"] not in seen and c["number"] not in self.alone}

    def single(self, number):
        """The sources with one change, and the files to compile for it."""
        change = self.changes[number - 1]
        name, text = change["file"], self.texts[change["file"]]
        texts = dict(self.texts)
        texts[name] = text[:change["start"]] + change["new"] + text[change["end"]:]
        folder = FOLDER / f"single-{number}"
        self.write(folder, texts)
        return folder, self.units_of(name)

    def units_of(self, name):
        """The files to compile where one is changed."""
        return [unit for unit in self.units if unit == name or self.includes(unit, name)]

    def includes(self, unit, name):
        return any(included == name or included in self.texts and self.includes(included, name)
                   for included in re.findall(r'#include "(.*?)"', self.texts[unit]))

    def compiles(self, number):
        folder, units = self.single(number)
        try:
            return all(subprocess.run(
                [*self.written(folder, unit), "-fsyntax-only"],
                capture_output=True).returncode == 0 for unit in units)
        finally:
            shutil.rmtree(folder)

    def objects(self, number):
        """The objects with one change by itself, `None` where they are those without it."""
        folder, units = self.single(number)
        objects = self.compile_all(folder, 1, units)
        is_same = all(
            made.read_bytes() == (FOLDER / "original" / made.name).read_bytes() for made in objects)
        return folder, None if is_same else objects

    def link_library(self, objects, output):
        subprocess.run(
            ["clang", "-shared", "-fPIC", "-O2", "-o", output, *objects,
             HERE / "Support/kernels.c", "-lm"], check=True)

    def link_tests(self, library):
        found = re.search(
            r'"C\.assayPackageTests-[^"]*test":?\n(?:    .*\n)*?    args: (\[.*\])', self.manifest)
        linked = []
        for word in json.loads(found.group(1)):
            if word.startswith("@"):
                objects = pathlib.Path(word[1:]).read_text().splitlines()
                kept = [o for o in objects if "/CAssayKernels.build/" not in o]
                listed = FOLDER / "objects.list"
                listed.write_text("\n".join([*kept, str(library)]) + "\n")
                word = f"@{listed}"
            linked.append(word)
        # Beside the library, which is sought there.
        linked[linked.index("-o") + 1] = str(library.parent / "assayPackageTests.xctest")
        subprocess.run(linked, cwd=ROOT, check=True)


def numbers_at(text, column):
    """The changes in a line of changed code, at or before a column where that tells."""
    found = [(m.start(), int(m.group(1))) for m in re.finditer(r"ASSAY_IS\((\d+)\)", text)]
    before = [number for start, number in found if start <= column]
    return {before[-1]} if before else {number for _, number in found}


def best_level():
    """The best instruction set of this machine as the kernels number them."""
    if platform.machine() != "x86_64":
        return 0
    flags = set(re.search(
        r"^flags.*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M).group(1).split())
    if not flags >= {"avx2", "fma", "f16c"}:
        return 0
    return 2 if flags >= {"avx512f", "avx512bw", "avx512vl", "avx512dq"} else 1


class KernelTests(Tests):
    """The tests of the kernels."""

    def __init__(self, kernels):
        self.kernels = kernels
        self.binary = FOLDER / "bin/assayPackageTests.xctest"
        self.by_suite = False
        self.slowest = float("inf")
        self.seconds = {}
        # By the numbers of changes.
        self.reaching = {}
        self.libraries = {}
        self.see_how_long_each_takes()
        for change in kernels.changes:
            suites = next(SUITES[name] for name in SUITES if change["file"].startswith(name))
            self.reaching[change["number"]] = [
                name for name in self.seconds if name.split(".")[1].split("/")[0] in suites]

    def names(self):
        listed = subprocess.run(
            [self.binary, "--testing-library", "swift-testing", "--list-tests"],
            cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        suites = {suite for suites in SUITES.values() for suite in suites}
        return [name for name in listed if name.split(".")[1].split("/")[0] in suites]

    def see_how_long_each_takes(self):
        """Runs each test by itself; what a run before found of the same binary holds."""
        kept = FOLDER / "seconds.json"
        if kept.exists():
            seconds = json.loads(kept.read_text())
        else:
            seconds = {}
            for name in self.names():
                started = time.time()
                if self.fails([name], 0, 600):
                    sys.exit(f"{name} fails without a change")
                seconds[name] = time.time() - started
            kept.write_text(json.dumps(seconds))
        self.seconds = dict(sorted(seconds.items(), key=lambda item: item[1]))
        print(f"{len(self.seconds)} tests, {sum(self.seconds.values()):.0f} s", flush=True)

    def fails(self, names, number, seconds, extra=None):
        library = self.libraries.get(number, FOLDER / "bin/changed.so")
        preload = {"LD_PRELOAD": str(library)} if number else {}
        return super().fails(names, number, seconds, {**(extra or {}), **preload})

    def fate_of(self, change, is_different):
        """What becomes of a change, and by which test.

        - is_different: Whether it is known to change the object.
        """
        number = change["number"]
        if number in self.kernels.refused:
            return "not taken", ""
        if number in self.kernels.absent:
            return "not runnable here", ""
        fate = None
        if number not in self.kernels.alone:
            fate = self.fate(number)
            if fate[0] == "killed" or is_different:
                return fate
        folder, objects = self.kernels.objects(number)
        if objects is None:
            fate = "equivalent object", ""
        elif fate is None:
            self.libraries[number] = folder / "single.so"
            self.kernels.link_library(objects, self.libraries[number])
            fate = self.fate(number)
        shutil.rmtree(folder)
        return fate


class Results:
    """What was found, a line each, so that a stopped run goes on."""

    def __init__(self, path, options):
        self.path = path
        if options.fresh:
            path.unlink(missing_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        known = {r["key"]: r for r in map(json.loads, lines)}
        self.different = {key for key, r in known.items() if r["fate"] == "survived"}
        # Who asks for some changes has added tests for them.
        self.known = {key: r for key, r in known.items()
                      if not options.keys or key not in self.different}

    def add(self, change, fate):
        kept = {name: change[name] for name in ("key", "file", "line", "number")}
        self.known[change["key"]] = {**kept, "fate": fate[0], "by": fate[1]}
        with self.path.open("a") as file:
            file.write(json.dumps(self.known[change["key"]]) + "\n")


def report(chosen, results, explained, old):
    counts = collections.Counter()
    left = []
    for change in chosen:
        fate = results.known[change["key"]]["fate"]
        if fate in ("survived", "unreached"):
            if change["key"] in explained:
                fate = "explained"
            else:
                left.append((fate, change))
        counts[fate] += 1
    for fate, change in left:
        print(f"{fate}: {change['file']}:{change['line']}: {change['key']}")
    for key in old:
        print(f"explained, and no longer there: {key}")
    print(", ".join(f"{count} {fate}" for fate, count in sorted(counts.items())))
    if left or old:
        sys.exit(1)


if __name__ == "__main__":
    main()
