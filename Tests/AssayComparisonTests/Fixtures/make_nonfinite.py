"""Tensors in which NaN and infinity are right, as torch makes them: Fixtures/nonfinite.json.

    python make_nonfinite.py > nonfinite.json

Each is computed in float32 and, as another machine would, in float64 rounded to float32. `broken`
holds copies with one value that is not finite gained, lost or turned; numpy says that they differ.
"""

import json

import numpy
import torch

torch.manual_seed(3)


def hexadecimal(tensor):
    return tensor.contiguous().view(torch.uint8).numpy().tobytes().hex()


def masked_mean(dtype, x, mask):
    x, mask = x.to(dtype), mask.to(dtype)
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def additive_mask(dtype, x, mask):
    bias = x[0].to(dtype) @ x[0].to(dtype).T
    return bias.masked_fill(torch.ones_like(bias).triu(1).bool(), float("-inf"))


def masked_softmax(dtype, x, mask):
    scores = (x.to(dtype) @ x.to(dtype).transpose(1, 2)) / 3
    return scores.masked_fill(mask[:, None] == 0, float("-inf")).softmax(-1)


def nothing_finite(dtype, x, mask):
    return torch.full((3, 4), float("nan"), dtype=dtype)


def is_close(actual, expected):
    try:
        numpy.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-3, equal_nan=True)
    except AssertionError:
        return False
    return True


x = torch.randn(3, 5, 6)
mask = torch.tensor([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
cases = []
for function in [masked_mean, additive_mask, masked_softmax, nothing_finite]:
    golden = function(torch.float32, x, mask)
    other = function(torch.float64, x, mask).float()
    assert is_close(other, golden)
    broken = []

    def add(index, value):
        copy = other.clone().flatten()
        copy[index] = value
        assert not is_close(copy.reshape(other.shape), golden)
        broken.append(hexadecimal(copy))

    odd = int((~golden.flatten().isfinite()).nonzero()[-1])
    add(odd, 0.0)
    add(odd, torch.finfo(torch.float32).min)
    add(odd, float("inf"))
    if golden.isfinite().any():
        even = int(golden.flatten().isfinite().nonzero()[0])
        for value in ["nan", "inf", "-inf"]:
            add(even, float(value))
    cases.append(
        {
            "name": function.__name__,
            "shape": list(golden.shape),
            "nan": int(golden.isnan().sum()),
            "inf": int(golden.isinf().sum()),
            "golden": hexadecimal(golden),
            "other": hexadecimal(other),
            "broken": broken,
        }
    )
print(json.dumps(cases, indent=0))
