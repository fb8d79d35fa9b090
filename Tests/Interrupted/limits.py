"""What the system does not give: room, files, a place to write, a reader, an even clock."""

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import threading

import commands
from commands import FLOAT32, OTHER, PROMPT, expect
from process import PATIENCE, emptied, tree

CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = \
    0x20000, 1, 32, 4096, 16384, 1 << 18


def run(program, arguments, before=None, **options):
    """Runs a command of which `before` has limited the process: its status and what it said."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} \
        | options
    process = subprocess.Popen([program.path, *arguments], preexec_fn=before, **options)
    out, error = process.communicate(timeout=PATIENCE)
    return process.returncode, (out or b"").decode(errors="replace"), \
        (error or b"").decode(errors="replace")


def is_refusal(program, arguments, status, error, *words):
    program.judge(arguments, status, error)
    expect(status == 2 and any(word in error for word in words),
           f"assay {' '.join(arguments)}: {status}, no word of {words}: {error}")


# The system's own full and read-only disks

def mount(source, target, kind, flags=0, data=""):
    library = ctypes.CDLL(None, use_errno=True)
    if library.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def has_mounts():
    """Whether this process may mount: then it does so where nobody else sees it."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNS):
        return False
    try:
        mount("none", "/", "", MS_REC | MS_PRIVATE)
        return True
    except OSError:
        return False


def small_disks(tally, program, root, sizes):
    """Each command on a disk of each size, which has room for what is there at first."""
    found = {}
    for kind in commands.ALL:
        command = kind(program, root)
        for size in sizes:
            def case():
                command.prepare()
                things = [(name, open(os.path.join(command.folder, name), "rb").read())
                          for name in os.listdir(command.folder)]
                room = sum(len(data) for _, data in things) // 1024 + 32 * len(things)
                mount("none", command.folder, "tmpfs", data=f"size={size + room}k")
                try:
                    for name, data in things:
                        with open(os.path.join(command.folder, name), "wb") as file:
                            file.write(data)
                    status, _, error = run(program, command.arguments())
                    program.judge(command.arguments(), status, error)
                    if status == 2:
                        is_refusal(program, command.arguments(), status, error, "No space left",
                                   "full", "rror")
                    found[status == 2] = found.get(status == 2, 0) + 1
                    mount("none", command.folder, "tmpfs", MS_REMOUNT, "size=64m")
                    command.judge(status)
                finally:
                    ctypes.CDLL(None).umount2(command.folder.encode(), 2)
            tally.case(kind.__name__, f"disk of {size} KiB", case)
    print(f"small disks: {found.get(True, 0)} refused, {found.get(False, 0)} had room", flush=True)


def read_only(tally, program, root):
    """Each command where nothing can be written."""
    for kind in commands.ALL:
        command = kind(program, root)

        def case():
            command.prepare()
            if kind is commands.Record:
                os.makedirs(os.path.join(command.folder, "out"))
            before = tree(command.folder)
            mount(command.folder, command.folder, "", MS_BIND)
            mount("none", command.folder, "", MS_BIND | MS_REMOUNT | MS_RDONLY)
            try:
                status, _, error = run(program, command.arguments())
                is_refusal(program, command.arguments(), status, error, "Read-only file system")
            finally:
                ctypes.CDLL(None).umount2(command.folder.encode(), 2)
            expect(tree(command.folder) == before, "something was written")
            command.judge(status)
        tally.case(kind.__name__, "read-only", case)
    print("read-only folders: refused", flush=True)


# Limits of the process

def limited(kind, value):
    return lambda: resource.setrlimit(kind, (value, value))


def few_files(tally, program, root):
    """So many open files as are there already, and a few more."""
    found = [0, 0]
    for kind in commands.ALL:
        command = kind(program, root)
        for count in range(3, 15):
            def case():
                command.prepare()
                # Swift's own report of that end would mix with the sentence.
                status, _, error = run(program, command.arguments(),
                                       limited(resource.RLIMIT_NOFILE, count),
                                       env=os.environ | {"SWIFT_BACKTRACE": "enable=no"})
                if status == 127 and "shared libraries" in error:
                    return  # not even the loader could begin
                # The system's dispatch library ends a process in which it cannot open its own file.
                if status != -signal.SIGILL or count > 7:
                    program.judge(command.arguments(), status, error)
                found[status != 0] += 1
                command.judge(status)
            tally.case(kind.__name__, f"{count} open files", case)
    print(f"few open files: {found[1]} refused, {found[0]} had enough", flush=True)


def small_files(tally, program, root):
    """No file may be larger: the system sends SIGXFSZ, or says so where that is ignored."""
    found = {}
    for kind in commands.ALL:
        command = kind(program, root)
        for size in (0, 1 << 10, 10 << 10, 100 << 10, 300 << 10):
            def case():
                command.prepare()
                status, _, error = run(program, command.arguments(),
                                       limited(resource.RLIMIT_FSIZE, size))
                if status != -signal.SIGXFSZ:
                    program.judge(command.arguments(), status, error)
                found[status] = found.get(status, 0) + 1
                command.judge(status)
            tally.case(kind.__name__, f"files of {size} bytes", case)
    print(f"small files: statuses {found}", flush=True)


# Where a report goes

def closed(*descriptors):
    return lambda: [os.close(descriptor) for descriptor in descriptors]


def outputs(tally, program, root):
    """A report that nobody can read is none: status 2 and a sentence, and no file of ours is taken
    for standard output."""
    reading = [["compare", FLOAT32, FLOAT32], ["compare", OTHER, FLOAT32, "--format", "json"],
               ["inspect", FLOAT32], ["check", FLOAT32], ["log", FLOAT32], ["--help"],
               ["compare", FLOAT32, FLOAT32, "--format", "html"], ["mappings"], ["--version"]]
    for arguments in reading:
        name = " ".join(os.path.basename(word) for word in arguments)

        def full():
            with open("/dev/full", "wb") as file:
                status, _, error = run(program, arguments, stdout=file)
            is_refusal(program, arguments, status, error, "No space left")

        def shut():
            status, _, error = run(program, arguments, closed(1), stdout=None)
            is_refusal(program, arguments, status, error, "Bad file descriptor", "closed")

        def silent():
            status, _, _ = run(program, arguments, closed(2), stderr=None)
            expect(status in (0, 1), f"status {status} without standard error")

        def both():
            status, _, _ = run(program, arguments, closed(0, 1, 2), stdout=None, stderr=None,
                               stdin=None)
            expect(status == 2, f"status {status} with all closed")

        def cut():
            ends = os.pipe()
            os.close(ends[0])
            with os.fdopen(ends[1], "wb") as file:
                status, _, error = run(program, arguments, stdout=file)
            # As any command before `head`; or a sentence, where who started it ignores the signal.
            expect(status == -signal.SIGPIPE or status == 2 and "Broken pipe" in error,
                   f"status {status}: {error}")

        for what, case in [("/dev/full", full), ("stdout closed", shut), ("stderr closed", silent),
                           ("all closed", both), ("no reader", cut)]:
            tally.case(name, what, case)
    for kind in commands.ALL:
        command = kind(program, root)
        for descriptors in [(1,), (2,), (0, 1, 2)]:
            def case():
                command.prepare()
                status, _, _ = run(program, command.arguments(), closed(*descriptors), stdin=None,
                                   **{name: None for number, name in ((1, "stdout"), (2, "stderr"))
                                      if number in descriptors})
                expect(status in (0, 1, 2), f"status {status}")
                # What is said last is not the work.
                command.judge(status)
            tally.case(kind.__name__, f"closed {descriptors}", case)
    print("reports to /dev/full, to nobody, to what is closed", flush=True)


# Others at work

def two_at_once(tally, program, root, rounds):
    """Two commands that write to one place: the result is one of theirs, whole."""
    found = {}
    for kind in commands.ALL:
        command = kind(program, root)
        for turn in range(rounds):
            def case():
                command.prepare()
                both = [program.start(*command.arguments(), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE) for _ in range(2)]
                ended = []
                for one in both:
                    _, error = one.communicate(timeout=PATIENCE)
                    program.judge(command.arguments(), one.returncode, error.decode())
                    ended.append(one.returncode)
                key = (kind.__name__, *sorted(ended))
                found[key] = found.get(key, 0) + 1
                expect(min(ended) in command.status, f"none was done: {ended}")
                command.judge(min(ended))
            tally.case(kind.__name__, f"two at once, round {turn}", case)
    print("two at once: " + ", ".join(f"{name} {one}/{other}: {count}"
                                      for (name, one, other), count in found.items()), flush=True)


def one_directory(tally, program, root):
    """Two recorders of one golden: who comes second must not take the first one's place."""
    folder = emptied(os.path.join(root, "one-golden"))
    for turn in range(5):
        golden = os.path.join(folder, f"{turn}.h5")

        def case():
            both = [program.start("record", *PROMPT[:-1], str(3 + number), "--golden", golden,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                    for number in range(2)]
            ended = []
            for one in both:
                _, error = one.communicate(timeout=PATIENCE)
                program.judge(["record"], one.returncode, error.decode())
                ended.append((one.returncode, error.decode()))
            statuses = [status for status, _ in ended]
            expect(sorted(statuses) == [0, 2], f"both made the golden: {ended}")
            winner = statuses.index(0)
            run_ = program.tensors(golden)
            expect(run_[0] and len(run_[1]) <= 3 + winner, "the golden is not who said so")
        tally.case("record --golden", f"two at once, round {turn}", case)


def replaced(tally, program, root, rounds):
    """Comparisons of one golden in several processes, while it is replaced: none is torn."""
    folder = emptied(os.path.join(root, "replaced"))
    golden = os.path.join(folder, "golden.h5")
    shutil.copyfile(FLOAT32, golden)
    counts = {}

    def case():
        is_over = threading.Event()

        def replace():
            turn = 0
            while not is_over.is_set():
                turn += 1
                other = os.path.join(folder, f"{turn % 2}.h5")
                shutil.copyfile(OTHER if turn % 2 else FLOAT32, other)
                os.replace(other, golden)
        thread = threading.Thread(target=replace)
        thread.start()
        try:
            for _ in range(rounds):
                many = [program.start("compare", FLOAT32, golden, "--format", "json",
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                        for _ in range(4)]
                for one in many:
                    out, error = one.communicate(timeout=PATIENCE)
                    program.judge(["compare"], one.returncode, error.decode())
                    counts[one.returncode] = counts.get(one.returncode, 0) + 1
                    expect(one.returncode in (0, 1), f"status {one.returncode}: {error.decode()}")
                    summary = json.loads(out)["summary"]["tensors"]
                    expect(summary["compared"] == summary["total"], "a torn golden")
        finally:
            is_over.set()
            thread.join()
    tally.case("compare", "a golden that is replaced", case)
    print(f"a golden that is replaced: statuses {counts}", flush=True)


def clocks(tally, program, root):
    """Years before and after what clocks are made for, and a clock that goes back."""
    shim = os.path.join(root, "clock.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock.c")
    compiler = shutil.which("cc") or shutil.which("clang") or "cc"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", shim, source, "-ldl"], check=True)
    for start, pace in [("0", "1"), ("-3600", "1"), ("4291747200", "1"), ("9223372036", "1"),
                        ("1700000000", "-100000"), ("1700000000", "100000")]:
        variables = {"LD_PRELOAD": shim, "CLOCK_START": start, "CLOCK_PACE": pace}
        for kind in (commands.Record, commands.RecordGolden, commands.Approve, commands.Convert):
            command = kind(program, root)

            def case():
                command.prepare()
                status, _, error = program(*command.arguments(), status=0, variables=variables)
                command.judge(status)
            tally.case(kind.__name__, f"a clock from {start} at {pace}", case)
    print("clocks of 1970, 2106 and 2262, going back and racing", flush=True)


def all_limits(tally, program, root, kills):
    rounds = max(2, kills // 50)
    outputs(tally, program, root)
    few_files(tally, program, root)
    small_files(tally, program, root)
    two_at_once(tally, program, root, rounds)
    one_directory(tally, program, root)
    replaced(tally, program, root, rounds)
    clocks(tally, program, root)
    if has_mounts():
        count = max(3, kills // 12)
        small_disks(tally, program, root, [1 + round(2000 * (index / count) ** 2)
                                           for index in range(count)])
        read_only(tally, program, root)
    else:
        print("small and read-only disks: left out, since this user may not mount", flush=True)
