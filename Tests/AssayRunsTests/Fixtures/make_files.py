"""Writes `files`: what numpy, safetensors and MLX make of arrays, and what they say these hold.

    python make_files.py         with h5py, numpy, safetensors and torch
    python make_files.py mlx     with mlx[cpu] and numpy
"""

import hashlib
import io
import json
import pathlib
import struct
import sys
import zipfile

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "files"
DTYPES = ("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 "
          "complex64 complex128").split()


def facts(array):
    """What Assay must say: little-endian bytes in row-major order."""
    plain = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    return {"dtype": str(array.dtype.newbyteorder("=")), "shape": list(array.shape),
            "sha256": hashlib.sha256(plain.tobytes()).hexdigest()}


def write_json(name, value):
    (FOLDER / name).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def examples():
    """Every dtype, order of bytes and of axes, and the shapes that are easily forgotten."""
    draw = np.random.default_rng(1)
    arrays = {}
    for name in DTYPES:
        values = draw.integers(0, 2 if name == "bool" else 100, (2, 3, 4))
        array = (values * (1 - 2j) if name.startswith("complex") else values).astype(name)
        arrays[f"little.{name}"] = array.astype(array.dtype.newbyteorder("<"))
        arrays[f"big.{name}"] = array.astype(array.dtype.newbyteorder(">"))
        arrays[f"fortran.{name}"] = np.asfortranarray(array)
        arrays[f"both.{name}"] = np.asfortranarray(array.astype(array.dtype.newbyteorder(">")))
    arrays["odd.float32"] = np.array([np.nan, -np.inf, -0.0, 1e-45], np.float32)
    arrays["scalar"] = np.array(2.5)
    arrays["empty"] = np.zeros((3, 0, 2), np.float32)
    arrays["empty_fortran"] = np.zeros((3, 0, 2), np.float32, order="F")
    arrays["compressible"] = np.zeros((100, 1000), np.float32)
    return arrays


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def by_hand(header, data, version=(1, 0)):
    text = header.encode() + b"\n"
    return (b"\x93NUMPY" + bytes(version)
            + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text + data)


def archive(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            file.writestr(info, data)


def main():
    FOLDER.mkdir(exist_ok=True)
    arrays = examples()
    np.savez(FOLDER / "arrays.npz", **{k: v for k, v in arrays.items() if k != "compressible"})
    np.savez_compressed(FOLDER / "packed.npz", **arrays)
    np.save(FOLDER / "alone.npy", arrays["both.float32"])
    write_json("arrays.json", {name: facts(array) for name, array in arrays.items()})

    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = array.tobytes()
    archive(FOLDER / "versions.npz", {
        "one.npy": npy(array, (1, 0)), "two.npy": npy(array, (2, 0)), "three.npy": npy(array, (3, 0)),
        "python2.npy": by_hand("{'shape': (2L, 3L), 'fortran_order': False, 'descr': '<f4'}", data),
        "quotes.npy": by_hand('{"descr":"<f4","fortran_order":False,"shape":(2,3,),}', data, (3, 0)),
        "bfloat16.npy": by_hand("{'descr': '<V2', 'fortran_order': False, 'shape': (2, 6), }", data),
    })

    field = np.zeros(2, [("a", "f4"), ("b", "i2")])
    refused = {
        "objects": np.array([{}, 1], object), "texts": np.array(["a", "b"]), "bytes": np.array([b"a"]),
        "fields": field, "times": np.array(["2026-01-01"], "M8[D]"), "raw": np.zeros(3, "V2"),
        "long": np.zeros(2, np.longdouble),
    }
    np.savez(FOLDER / "refused.npz", good=array, **refused)
    names = {
        "model.layers.0": 1, "model.layers.0.mlp.inputs_0": 2, "model/norm/outputs": 3, "outputs_1": 4,
        "inputs_embeds": 5, "lm_head.inputs_hidden_states": 6, "step_2/model.layers.0": 7,
        "step_0/model.a%2Fb/call_3/cuda_1/post_fwd_inputs_0": 8, "step_03/x": 9, ".outputs": 10,
    }
    np.savez(FOLDER / "keys.npz", **{name: np.array([value]) for name, value in names.items()})
    import h5py
    import torch
    from safetensors.torch import save_file
    golden = pathlib.Path(__file__).parents[3] / "Golden/tiny-llama/float32.h5"
    with h5py.File(golden) as file:
        np.savez(FOLDER / "stages.npz", **{
            name: file[f"step_0/{name}/call_0/cpu/outputs"][()] for name in ["model.layers.1", "model.layers.2"]})
    save_file({name: torch.tensor([value]) for name, value in names.items()},
              FOLDER / "keys.safetensors")


def mlx():
    import mlx.core as mx
    arrays = {
        "model.layers.0": mx.arange(6).reshape(2, 3).T.astype(mx.float32),
        "model.layers.1": mx.array([1.5, -2, 3e38]).astype(mx.bfloat16),
        "half": mx.array([1.5, -2]).astype(mx.float16), "flag": mx.array([True, False]),
        "complex": mx.array([1 + 2j]), "scalar": mx.array(2.5), "long": mx.array([1 << 40], mx.int64),
    }
    mx.savez(str(FOLDER / "mlx.npz"), **arrays)
    mx.save_safetensors(str(FOLDER / "mlx.safetensors"), arrays)
    expected = {}
    for name, array in arrays.items():
        # numpy has no bfloat16: its bytes are those of 16-bit integers.
        plain = np.array(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)
        expected[name] = facts(plain) | {"dtype": str(array.dtype).removeprefix("mlx.core.").replace("bool_", "bool")}
    write_json("mlx.json", expected)


if __name__ == "__main__":
    mlx() if sys.argv[1:] == ["mlx"] else main()
