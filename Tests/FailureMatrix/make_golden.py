"""Makes doubled.h5: one step with one call of a module `double`, as PyTorch computes it.

Needs torch, h5py and numpy.
"""

import os
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../../Golden/tiny-llama"))
import layouts  # noqa: E402

inputs = torch.arange(6, dtype=torch.float32).reshape(2, 3)
step = layouts.Step([layouts.Call("double", 0, (inputs,), {}, inputs * 2)], [0])
manifest = layouts.Manifest(
    "doubled",
    {"tool": "make_golden.py", "tool_version": "1", "created": "2026-01-01T00:00:00Z",
     "framework": "pytorch", "framework_version": torch.__version__},
    {"token_ids": [], "steps": 1, "dtype": "float32", "devices": ["cpu"]},
    {"enabled": True, "formats": ["hdf5"], "log_step_ids": []})
layouts.write_hdf5(os.path.join(HERE, "doubled.h5"), manifest, [step])
layouts.check_hdf5(os.path.join(HERE, "doubled.h5"), [step])
