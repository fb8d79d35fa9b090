"""What torch.testing.assert_close says of integers and booleans: Fixtures/integers.json.

    python make_integers.py > integers.json
"""

import json

import torch

# Pairs that some relative tolerance in use would call close: 1e-5, 1e-7, 1.6e-2.
PAIRS = [
    ("int64", [7, 151644], [7, 151643]),
    ("int64", [10_000_050, 1], [10_000_000, 1]),
    ("int64", [2**62 + 1], [2**62]),
    ("int32", [119, 3], [120, 3]),
    ("int16", [-12000], [-12001]),
    ("int8", [100, -100], [101, -100]),
    ("uint8", [200, 0], [203, 0]),
    ("uint16", [65535], [65534]),
    ("uint32", [2**32 - 1], [2**32 - 2]),
    ("bool", [True, False], [True, True]),
    ("int64", [7, 151643], [7, 151643]),
    ("uint8", [200, 0], [200, 0]),
    ("bool", [True, False], [True, False]),
]


def hexadecimal(tensor):
    return tensor.view(torch.uint8).numpy().tobytes().hex()


def is_close(actual, expected):
    try:
        torch.testing.assert_close(actual, expected)
    except AssertionError:
        return False
    return True


cases = []
for dtype, actual, expected in PAIRS:
    dtype = getattr(torch, dtype)
    actual, expected = torch.tensor(actual, dtype=dtype), torch.tensor(expected, dtype=dtype)
    cases.append(
        {
            "dtype": str(dtype).removeprefix("torch."),
            "actual": hexadecimal(actual),
            "expected": hexadecimal(expected),
            "count": actual.numel(),
            "close": is_close(actual, expected),
        }
    )
print(json.dumps(cases, indent=0))
