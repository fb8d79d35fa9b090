"""Makes `dtypes.safetensors` with the safetensors package: every dtype that Assay reads.

    python make_safetensors.py
"""

import os

import torch
from safetensors.torch import save_file

NAMES = ("float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 int64 int32 int16 int8 "
         "uint64 uint32 uint16 uint8 bool complex64 float8_e4m3fnuz float8_e5m2fnuz").split()
CODES = ("float8_e8m0fnu", "float4_e2m1fn_x2")


def main():
    tensors = {}
    for name in NAMES:
        dtype = getattr(torch, name)
        signed = not name.startswith(("uint", "bool"))
        values = torch.tensor([[0, 1, 2], [3, -4 if signed else 4, 96]], dtype=torch.float64)
        tensors[name] = (values * (1 + 2j) if dtype.is_complex else values).to(dtype)
    codes = torch.tensor([[0, 0x21, 0x7F], [0xFF, 0xE8, 0x54]], dtype=torch.uint8)
    for name in CODES:
        tensors[name] = codes.clone().view(getattr(torch, name))
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(3, 0, 2)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dtypes.safetensors")
    save_file(tensors, path, metadata={"format": "pt", "naïve \"key\"": "tab\tand 😀"})


if __name__ == "__main__":
    main()
