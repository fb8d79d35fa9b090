"""Changes a target in every small way, one at a time, and sees that a test notices.

The target's sources are rewritten once so that each change is made when its number is in the
environment (Sources/Mutation), compiled beside the debug build that stands, and linked with its
objects: no other target is built again. Each change then costs a run of the tests that reach it.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / ".build-mutation"
# Of the tests with random cases; more take too long for each change.
CASES = "100"
SECONDS = 20
# A change may make a loop endless; what it allocates must end too.
BYTES = 6 << 30


def main():
    options = arguments()
    target = Target(options.target)
    if options.again:
        target.read()
    else:
        target.write()
    numbers = {mutant["key"]: mutant for mutant in target.mutants}
    explained = Explained(HERE / "explained.txt")
    # What the list names must be there, or the list is old.
    old = [key for key in explained.keys if key.startswith(target.name) and key not in numbers]
    all_chosen = chosen = choose(target.mutants, options)
    if not options.explained:
        chosen = [m for m in chosen if m["key"] not in explained]
    print(f"{len(target.mutants)} changes, {len(target.skipped)} that the compiler does not take,"
          f" {len(chosen)} to run", flush=True)
    binary = WORK / "binaries/assayPackageTests.xctest"
    if not options.again:
        target.link_all()
    results = Results(WORK / f"results-{target.name}.jsonl", options)
    todo = [m for m in chosen if m["key"] not in results.known]
    tests = Tests(binary, options.tests, options.slowest, by_suite=bool(options.sample))
    tests.see_what_is_reached()
    started = time.time()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        pending = {pool.submit(tests.fate, m["number"]): m for m in todo}
        for count, future in enumerate(concurrent.futures.as_completed(pending), 1):
            results.add(pending[future], future.result())
            if count % 50 == 0:
                print(f"{count} of {len(todo)}, {time.time() - started:.0f} s", flush=True)
    report(chosen, len(all_chosen) - len(chosen), results, explained, target, old)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="AssayComparison")
    parser.add_argument("--under", help="folders of the target, with commas between")
    parser.add_argument("--keys", type=pathlib.Path, metavar="FILE", help="the changes of a file"
                        " alone, a key a line, '#' before remarks; survivors are run again")
    parser.add_argument("--slowest", type=float, default=float("inf"), metavar="SECONDS",
                        help="without the tests that take longer when run alone; survivors are"
                        " not kept (default: all tests)")
    parser.add_argument("--explained", action="store_true",
                        help="those of explained.txt too, which are else only counted")
    parser.add_argument("--sample", type=int, help="so many changes, chosen by the seed")
    parser.add_argument("--seed", default=time.strftime("%Y%m%d"))
    parser.add_argument("--tests", default="AssayComparisonTests", help="test targets, with commas")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--again", action="store_true", help="use what was built before")
    parser.add_argument("--fresh", action="store_true", help="forget what was run before")
    return parser.parse_args()


def choose(mutants, options):
    """The mutants to run, in the order of the folders or chosen by a seed."""
    if options.under:
        folders = options.under.split(",")
        mutants = [m for m in mutants if m["file"].split("/")[0] in folders]
        mutants.sort(key=lambda m: folders.index(m["file"].split("/")[0]))
    if options.keys:
        keys = keys_of(options.keys)
        mutants = [m for m in mutants if m["key"] in keys]
    if options.sample:
        print(f"seed {options.seed}: make mutants SAMPLE={options.sample} SEED={options.seed}")
        mutants = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
    return mutants


def keys_of(path):
    """The keys of a file, one a line, without the lines that begin with `#`."""
    return {line.strip() for line in path.read_text().splitlines()
            if line.strip() and not line.startswith("#")}


class Manifest:
    """How the package manager builds: its own list of commands for the debug build."""

    def __init__(self):
        self.folder = (ROOT / ".build/debug").resolve()
        self.text = (ROOT / ".build/debug.yaml").read_text()

    def command(self, name):
        found = re.search(rf'"C\.{name}[^"]*":\n(?:    .*\n)*?    args: (\[.*\])', self.text)
        if not found:
            sys.exit(f"no command {name} in .build/debug.yaml: first swift build --build-tests")
        return json.loads(found.group(1))


class Target:
    """A Swift target's changed sources."""

    def __init__(self, name):
        self.name = name
        self.manifest = Manifest()
        self.folder = WORK / name
        self.objects = WORK / f"{name}.objects"
        self.skipped = []

    def write(self):
        """Writes and compiles the changed sources, without the changes that do not compile."""
        skips = WORK / f"skipped-{self.name}.txt"
        # Begun with those of the last run, for a second pass costs as much as the first.
        self.skipped = skips.read_text().splitlines() if skips.exists() else []
        for _ in range(6):
            shutil.rmtree(self.folder, ignore_errors=True)
            skips.write_text("".join(key + "\n" for key in self.skipped))
            tool = WORK / "debug/Mutation"
            subprocess.run(
                [tool, f"Sources/{self.name}", self.folder, WORK / "list.jsonl", skips],
                cwd=ROOT, check=True)
            self.read()
            refused = self.refused()
            if not refused:
                return
            print(f"the compiler does not take {len(refused)}", flush=True)
            self.skipped += sorted(refused)
        sys.exit("the changed sources do not compile")

    def read(self):
        """Reads which changes the sources have that were written last."""
        lines = (WORK / "list.jsonl").read_text().splitlines()
        self.mutants = [json.loads(line) for line in lines]
        for mutant in self.mutants:
            mutant["key"] = f"{self.name}/{mutant['key']}"

    def compiler(self):
        """The command that compiles the target, without what it would write."""
        command = self.manifest.command(self.name + "-")
        valued = {"-output-file-map", "-emit-module-path", "-index-store-path",
                  "-emit-objc-header-path"}
        bare = {"-emit-dependencies", "-emit-module", "-incremental", "-c", "-emit-objc-header",
                "-serialize-diagnostics", "-parseable-output", "-g"}
        kept = []
        rest = iter(command)
        for word in rest:
            if word == "-Xcc":
                kept += [word, next(rest)]
            elif word in valued:
                next(rest)
            elif word not in bare and not word.startswith("@"):
                kept.append(word)
        sources = sorted(str(path) for path in self.folder.rglob("*.swift"))
        made = self.manifest.folder / f"{self.name}.build/DerivedSources"
        sources += [str(path) for path in made.glob("*.swift")]
        return [*kept, "-suppress-warnings", *sources, str(HERE / "Support/Changes.swift")]

    def refused(self):
        """The keys of changes at which the compiler finds an error."""
        shutil.rmtree(self.objects, ignore_errors=True)
        self.objects.mkdir(parents=True)
        checked = subprocess.run(
            [*self.compiler(), "-c"], cwd=self.objects, capture_output=True, text=True)
        if checked.returncode == 0:
            return set()
        keys = {mutant["number"]: mutant["key"] for mutant in self.mutants}
        refused = set()
        places = set(re.findall(r"^(/.*?\.swift):(\d+):(\d+): error:", checked.stderr, re.M))
        for path, line, column in places:
            text = pathlib.Path(path).read_text().splitlines()[int(line) - 1]
            numbers = numbers_at(text, int(column) - 1)
            refused |= {keys[number].split("/", 1)[1] for number in numbers}
        if not refused:
            sys.exit(checked.stderr[-4000:])
        return refused

    def link_all(self):
        """Links the tests and the tool with the changed target."""
        subprocess.run(
            ["clang", "-O2", "-c", HERE / "Support/reached.c"], cwd=self.objects, check=True)
        ours = [str(path) for path in self.objects.glob("*.o")]
        for name, output in [
            ("assayPackageTests-[^\"]*test", "assayPackageTests.xctest"),
            ("assay-[^\"]*exe", "assay"),
        ]:
            self.link(self.manifest.command(name), ours, WORK / "binaries" / output)

    def link(self, command, ours, output):
        output.parent.mkdir(exist_ok=True)
        theirs = f"/{self.name}.build/"
        linked = []
        for word in command:
            if word.startswith("@"):
                objects = pathlib.Path(word[1:]).read_text().splitlines()
                kept = [o for o in objects if theirs not in o or ".swiftmodule." in o]
                listed = WORK / "objects.list"
                listed.write_text("\n".join(kept + ours) + "\n")
                linked.append(f"@{listed}")
            else:
                linked.append(word)
        linked[linked.index("-o") + 1] = str(output)
        subprocess.run(linked, cwd=ROOT, check=True)


def numbers_at(text, column):
    """The numbers of the innermost call around a column that is no condition, or of the line."""
    best = None
    for call in re.finditer(r"assay([A-Z]\w*)\(((?:-?\d+, )*\d+)", text):
        depth = 0
        for end in range(call.end(1), len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if depth == 0:
                break
        if call.start() <= column <= end and call.group(1) not in ("Always", "Never", "Runs"):
            best = call.group(2)
    listed = [best] if best else re.findall(r"assay[A-Z]\w*\(((?:-?\d+, )*\d+)", text)
    return [int(n) for numbers in listed for n in numbers.split(", ") if int(n) > 0]


class Tests:
    """The tests, and which changes each of them reaches."""

    def __init__(self, binary, targets, slowest, by_suite):
        self.binary = binary
        self.targets = targets.split(",")
        self.slowest = slowest
        self.by_suite = by_suite
        self.seconds = {}
        self.reaching = collections.defaultdict(list)

    def names(self):
        listed = subprocess.run(
            [self.binary, "--testing-library", "swift-testing", "--list-tests"],
            cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        names = [line for line in listed if line.split(".")[0] in self.targets]
        if self.by_suite:
            names = sorted({name.split("/")[0] for name in names})
        return names

    def see_what_is_reached(self):
        """Runs each test by itself; what a run before found of the same binary holds."""
        started = time.time()
        names = self.names()
        kept = WORK / "reached.json"
        mark = f"{self.binary.stat().st_mtime} {self.by_suite}"
        known = json.loads(kept.read_text()) if kept.exists() else {}
        if known.get("mark") != mark:
            known = {"mark": mark, "tests": {}}
        missing = [name for name in names if name not in known["tests"]]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            known["tests"].update(pool.map(self.reached, missing))
        kept.write_text(json.dumps(known))
        for name in names:
            self.seconds[name], numbers = known["tests"][name]
            for number in numbers:
                self.reaching[number].append(name)
        for names in self.reaching.values():
            names.sort(key=self.seconds.get)
        print(f"{len(self.seconds)} tests reach {len(self.reaching)} changes;"
              f" {time.time() - started:.0f} s", flush=True)

    def reached(self, name):
        path = WORK / "reached" / re.sub(r"\W", "_", name)
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        started = time.time()
        if self.fails([name], 0, 600, {"ASSAY_REACHED": str(path)}):
            sys.exit(f"{name} fails without a change")
        data = path.read_bytes() if path.exists() else b""
        path.unlink(missing_ok=True)
        return name, (time.time() - started, [n for n, byte in enumerate(data) if byte])

    def fate(self, number):
        """By which test a change is killed, `None` where it survives; tests that are fast first."""
        reaching = self.reaching.get(number, [])
        if not reaching:
            return "unreached", ""
        names = [name for name in reaching if self.seconds[name] <= self.slowest]
        # What a test costs besides its start; what is quick goes first, many at a time.
        least = min(self.seconds.values())
        for limit in (0.5, 3, float("inf")):
            batch = []
            spent = 0
            while names and spent <= limit:
                spent += max(self.seconds[names[0]] - 1.5 * least, 0.005)
                batch.append(names.pop(0))
            killer = batch and self.fails(batch, number, SECONDS + 4 * spent)
            if killer:
                return "killed", killer
        return "survived", ""

    def fails(self, names, number, seconds, extra=None):
        """What failed of some tests with a change made; an empty text where nothing did."""
        command = [self.binary, "--testing-library", "swift-testing"]
        ends = r"\b" if self.by_suite else ""
        command += ["--filter", f"^(?:{'|'.join(re.escape(name) + ends for name in names)})"]
        environment = {
            **os.environ, "ASSAY_MUTANT": str(number), "ASSAY_CASES": CASES,
            # Nobody reads where a change trapped, and to find out takes seconds.
            "SWIFT_BACKTRACE": "enable=no", **(extra or {})}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES)))
        os.set_blocking(process.stdout.fileno(), False)
        failed = ""
        text = b""
        end = time.time() + seconds
        while True:
            part = process.stdout.read()
            if part:
                text += part
                issue = re.search(rb"Test (.*?) recorded an issue", text)
                if issue:
                    failed = issue.group(1).decode(errors="replace")
                    break
                text = text[-4000:]
            status = process.poll()
            if status is not None:
                last = process.stdout.read() or b""
                issue = re.search(rb"Test (.*?) recorded an issue", text + last)
                if issue:
                    failed = issue.group(1).decode(errors="replace")
                elif status:
                    failed = f"status {status}"
                break
            if time.time() > end:
                failed = "time"
                break
            time.sleep(0.01)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        process.stdout.close()
        return failed


class Results:
    """What was found, a line each, so that a stopped run goes on."""

    def __init__(self, path, options):
        self.path = path
        # What survives some of the tests may not survive all.
        self.keeps_survivors = options.slowest == float("inf")
        if options.fresh:
            path.unlink(missing_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        # Who asks for some changes has added tests for them.
        self.known = {r["key"]: r for r in map(json.loads, lines)
                      if r["fate"] == "killed" or not options.keys}

    def add(self, mutant, fate):
        result = {**mutant, "fate": fate[0], "by": fate[1]}
        self.known[mutant["key"]] = result
        if fate[0] != "killed" and not self.keeps_survivors:
            return
        with self.path.open("a") as file:
            file.write(json.dumps(result) + "\n")


class Explained:
    """Why survivors may survive: keys, under lines that begin with `#` and say why."""

    def __init__(self, path):
        self.keys = keys_of(path)

    def __contains__(self, key):
        return key in self.keys


def report(chosen, unrun, results, explained, target, old):
    counts = collections.Counter({"explained, not run": unrun} if unrun else {})
    survivors = []
    killed = []
    for mutant in chosen:
        fate = results.known[mutant["key"]]["fate"]
        if fate == "killed" and mutant["key"] in explained:
            killed.append(mutant["key"])
        if fate != "killed" and mutant["key"] in explained:
            fate = "explained"
        counts[fate] += 1
        if fate in ("survived", "unreached"):
            survivors.append((fate, mutant))
    for fate, mutant in survivors:
        print(f"{fate}: {target.name}/{mutant['file']}:{mutant['line']}: {mutant['key']}")
    for key in old:
        print(f"explained, and no longer there: {key}")
    for key in killed:
        print(f"explained, and killed: {key}")
    print(", ".join(f"{count} {fate}" for fate, count in sorted(counts.items())))
    if survivors or old or killed:
        sys.exit(1)


if __name__ == "__main__":
    main()
