"""Running the program, ending it at a moment, and counting what was seen."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
TINY = os.path.join(ROOT, "Golden/tiny-llama")
CHECKPOINT = os.path.join(TINY, "checkpoint")
PATIENCE = 120  # seconds, after which a command hangs


class Wrong(Exception):
    """Something does not hold that must."""


class Program:
    """The binary under test; every use of it checks how it ends."""

    def __init__(self, path, library, folder):
        self.path, self.library, self.folder = path, library, folder
        self.checks = 0

    def start(self, *arguments, variables=None, **options):
        return subprocess.Popen(
            [self.path, *arguments], env=os.environ | (variables or {}),
            stdin=subprocess.DEVNULL, start_new_session=True, **options)

    def __call__(self, *arguments, status=None, variables=None):
        """What a command prints, and how it ends: with a status that it has a right to, and with a
        sentence where it could not do its work."""
        process = self.start(*arguments, variables=variables, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        out, error = process.communicate(timeout=PATIENCE)
        out, error = out.decode(errors="replace"), error.decode(errors="replace")
        self.judge(arguments, process.returncode, error)
        allowed = (0, 1, 2) if status is None else status if isinstance(status, tuple) else (status,)
        if process.returncode not in allowed:
            raise Wrong(f"assay {' '.join(arguments)}: status {process.returncode}, "
                        f"expected {allowed}: {error or out[:500]}")
        return process.returncode, out, error

    def judge(self, arguments, status, error):
        self.checks += 1
        if status not in (0, 1, 2) or "Fatal error" in error or "stack dump" in error.lower():
            raise Wrong(f"assay {' '.join(arguments)}: ended with {status}: {error[-2000:]}")
        if status == 2 and not any(line.startswith("Error: ") and len(line) > 12
                                   for line in error.splitlines()):
            raise Wrong(f"assay {' '.join(arguments)}: status 2 without a sentence: {error}")

    # Moments

    def moments(self, *arguments, status=(0,)):
        """How many moments a command has, and how many seconds it takes."""
        began = time.monotonic()
        self(*arguments, status=status, variables=self.variables())
        return self.counted(), time.monotonic() - began

    def variables(self, at=None, what=None):
        """The environment in which a process counts its moments, and meets one."""
        found = {"LD_PRELOAD": self.library, "MOMENTS": os.path.join(self.folder, "moments")}
        return found if at is None else found | {"MOMENTS_AT": str(at), "MOMENTS_DO": what}

    def counted(self):
        with open(os.path.join(self.folder, "moments"), "rb") as file:
            return int.from_bytes(file.read(8), "little")

    def at_moment(self, number, what, *arguments):
        """Runs a command that meets one of its moments: its status and what it complains of."""
        process = self.start(*arguments, variables=self.variables(number, what),
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, error = process.communicate(timeout=PATIENCE)
        return process.returncode, error.decode(errors="replace")

    def at_time(self, seconds, *arguments):
        """Kills a command so many seconds after its start: its status."""
        process = self.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        return process.wait(timeout=PATIENCE)

    # Runs

    def tensors(self, path):
        """Whether a run is complete, and the digest of each of its tensors, by step; `None` where
        the program cannot read it, and says so."""
        status, out, _ = self("inspect", path, "--format", "json", status=(0, 2))
        if status:
            return None
        run = json.loads(out)
        steps = {}
        for tensor in run["tensors"]:
            key = tuple(tensor.get(name) for name in ("module", "call", "device", "slot"))
            steps.setdefault(tensor["step"], {})[key] = (
                tensor.get("dtype"), str(tensor.get("shape")), tensor.get("sha256"))
        return run["complete"], steps


def evenly(count, total):
    """Numbers from 1 to a total, spread over all of it, its end included."""
    if count >= total:
        return list(range(1, total + 1))
    return sorted({1 + round(index * (total - 1) / max(1, count - 1)) for index in range(count)})


def digest(path):
    """Of a file's bytes; `None` where there is none."""
    if not os.path.lexists(path):
        return None
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def tree(folder):
    """All names below a folder, and the digests of files."""
    found = {}
    for place, folders, files in os.walk(folder):
        inside = os.path.relpath(place, folder)
        for name in folders:
            found[os.path.join(inside, name)] = "folder"
        for name in files:
            found[os.path.join(inside, name)] = digest(os.path.join(place, name))
    return found


def emptied(path):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def compiled(folder):
    library = os.path.join(folder, "moments.so")
    compiler = shutil.which("cc") or shutil.which("clang") or "cc"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library,
                    os.path.join(os.path.dirname(os.path.abspath(__file__)), "moments.c"), "-ldl"],
                   check=True)
    return library
