"""Counting checks, running the program, and what all parts need to know of tensors."""

import hashlib
import json
import os
import subprocess
import sys

import torch

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
GOLDEN = os.path.join(ROOT, "Golden/tiny-llama")
sys.path.insert(0, GOLDEN)

import layouts  # noqa: E402  (the goldens' own writer knows the schema)

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
          torch.float8_e5m2]
INTEGERS = [torch.int8, torch.int16, torch.int32, torch.int64,
            torch.uint8, torch.uint16, torch.uint32, torch.uint64]
PACKED = torch.float4_e2m1fn_x2
DTYPES = FLOATS + INTEGERS + [
    torch.bool, torch.complex64, torch.complex128, torch.complex32, torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz, torch.float8_e8m0fnu, PACKED]

PROMPT = "Licensed under the Apache License"


class Checks:
    def __init__(self, program):
        self.program = program
        self.passed = self.failed = 0

    def begin(self, name):
        self.name, self.before = name, (self.passed, self.failed)

    def end(self):
        passed, failed = self.passed - self.before[0], self.failed - self.before[1]
        print(f"{self.name}: {passed} checks passed" + (f", {failed} FAILED" if failed else ""))

    def fail(self, message):
        self.failed += 1
        if self.failed - self.before[1] <= 10:
            print(f"{self.name}: {message}", file=sys.stderr)

    def equal(self, found, expected, what):
        if found == expected:
            self.passed += 1
        else:
            self.fail(f"{what}: found {brief(found)}, expected {brief(expected)}")

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments], capture_output=True, timeout=300)

    def assay(self, *arguments, status=0):
        """Runs the program, which must end with this status, and returns what it printed."""
        done = self.run(*arguments)
        if done.returncode != status:
            raise RuntimeError(
                f"assay {' '.join(arguments)}: status {done.returncode}, expected {status}\n"
                + done.stderr.decode(errors="replace"))
        self.passed += 1
        return done.stdout.decode()

    def inspect(self, path):
        return json.loads(self.assay("inspect", path, "--format", "json"))["tensors"]


def brief(value):
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def bits(tensor):
    return layouts.bits(tensor.detach().resolve_conj().resolve_neg())


def facts(tensor):
    """What `assay inspect` must say of a tensor."""
    return (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape),
            hashlib.sha256(bits(tensor)).hexdigest())


def listed(entry):
    return (entry["dtype"].removeprefix("torch."), tuple(entry["shape"]), entry["sha256"])


def key(entry):
    return tuple(entry[name] for name in ("step", "module", "call", "device", "slot"))


def random(dtype, *shape, seed=0):
    """Any bits at all, NaNs with payloads among them; a bool is 0 or 1."""
    generator = torch.Generator().manual_seed(seed + 31 * DTYPES.index(dtype))
    count = torch.Size(shape).numel()
    if dtype == torch.bool:
        return torch.randint(0, 2, shape, generator=generator).bool()
    size = torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, 256, (count * size,), generator=generator, dtype=torch.uint8)
    return raw.view(dtype).reshape(shape)
