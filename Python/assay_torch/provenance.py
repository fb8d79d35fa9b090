"""Where a run comes from: enough to explain why two runs may differ."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import platform
from typing import Any

import h5py
import torch

VERSION = "0.2.0"  # of the tool too: Provenance+Current.swift

# The processor's features that choose between kernels: the rest cannot change a number.
FEATURES = {
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_bf16",
    "avx512_vnni", "avx512_fp16", "amx_bf16", "amx_tile", "asimd", "bf16", "sve", "sve2"}


def current() -> dict[str, Any]:
    """The provenance of a recording that begins now on this machine."""
    cpu, features = processor()
    found = {
        "tool": "assay_torch", "tool_version": VERSION,
        "created": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "os": operating_system(), "cpu": cpu, "cpu_features": features,
        "framework": "pytorch", "framework_version": torch.__version__,
        "libraries": libraries(), "threads": torch.get_num_threads(), "seed": seed()}
    return {key: value for key, value in found.items() if value is not None}


def libraries() -> dict[str, str]:
    """The versions of the libraries that compute and write, and the device."""
    found = {"h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version}
    if torch.version.cuda:
        found["cuda"] = torch.version.cuda
    if torch.backends.cudnn.is_available():
        found["cudnn"] = str(torch.backends.cudnn.version())
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def seed() -> int | None:
    """Torch's seed, where it is a number that every reader knows."""
    value = torch.initial_seed()
    return value if value < 1 << 63 else None


def operating_system() -> str:
    """The system's name, as it tells it."""
    with contextlib.suppress(OSError), open("/etc/os-release", encoding="utf-8") as file:
        for line in file:
            if line.startswith("PRETTY_NAME="):
                return line.removeprefix("PRETTY_NAME=").strip().strip('"')
    return f"{platform.system()} {platform.release()}"


def processor() -> tuple[str | None, list[str] | None]:
    """The processor's name, and those of its features that choose between kernels."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        fields = {}
        for line in file:
            key, separator, value = line.partition(":")
            if separator:
                fields.setdefault(key.strip(), value.strip())
        flags = fields.get("flags", fields.get("Features"))
        return fields.get("model name"), None if flags is None else \
            sorted(FEATURES & set(flags.split()))
    return platform.processor() or None, None


def model_hash(directory: str | os.PathLike[str]) -> str:
    """The identity of a checkpoint: ``sha256:`` over its ``config.json`` and ``*.safetensors``.

    It is the hash of the lines ``<file name>``, ``<hex SHA-256 of the file>``, sorted by name.
    """
    names = sorted(name for name in os.listdir(directory)
                   if name == "config.json" or name.endswith(".safetensors"))
    if not names:
        raise FileNotFoundError(f"{directory} has neither config.json nor *.safetensors")
    total = hashlib.sha256()
    for name in names:
        one = hashlib.sha256()
        with open(os.path.join(directory, name), "rb") as file:
            while part := file.read(1 << 20):
                one.update(part)
        total.update(f"{name}\n{one.hexdigest()}\n".encode())
    return "sha256:" + total.hexdigest()
