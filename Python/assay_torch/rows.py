"""Which token each row of a step's tensors belongs to, as the schema of a step has it.

``{"layouts": [{"shape": [2, 3], "spans": [[null, 0, 1], [0, 0, 2], [1, 5, 3]]}]}``: of each way in
which tensors hold rows the extents of the axes, and the rows in row-major order: request, position
of the first, and how many follow each other; padding has no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch


def layout(shape: Sequence[int], rows: Iterable[tuple[int, int] | None]) -> dict[str, Any]:
    """The layout of rows, each a pair of request and position or ``None`` for padding."""
    spans = []
    for row in rows:
        request, position = row or (None, 0)
        if spans and spans[-1][0] == request \
                and (request is None or position == spans[-1][1] + spans[-1][2]):
            spans[-1][2] += 1
        else:
            spans.append([request, position, 1])
    return {"shape": list(shape), "spans": spans}


class RowBook:
    """The rows of the forwards of a model that is called as transformers calls its own.

    Requests are the entries of batches, counted in order of arrival. A forward without earlier
    tokens begins new ones; any other goes on with those of the forward before.
    """

    def __init__(self) -> None:
        self._arrived, self._requests = 0, []

    def rows(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any] | None:
        """The rows of a forward; ``None`` where its arguments do not tell them."""
        tokens = keywords.get("input_ids", arguments[0] if arguments else None)
        if tokens is None:
            tokens = keywords.get("inputs_embeds")
            is_batch = isinstance(tokens, torch.Tensor) and tokens.dim() == 3
        else:
            # Of floating point it may be anything, such as an image.
            is_batch = isinstance(tokens, torch.Tensor) and tokens.dim() == 2 \
                and not tokens.is_floating_point()
        if not is_batch:
            self._requests = []
            return None
        batch, length = tokens.shape[:2]
        mask = keywords.get("attention_mask")
        past = past_length(keywords)
        if past is None or not batch or not length:
            return None
        if past == 0:
            self._requests = list(range(self._arrived, self._arrived + batch))
            self._arrived += batch
        if len(self._requests) != batch:
            return None
        if isinstance(mask, torch.Tensor):
            if tuple(mask.shape) != (batch, past + length):
                return None
            seen = mask.to(torch.bool).cumsum(1)[:, -length:].tolist()
            is_token = mask.to(torch.bool)[:, -length:].tolist()
            rows = [[(request, seen[i][j] - 1) if is_token[i][j] else None for j in range(length)]
                    for i, request in enumerate(self._requests)]
        elif mask is None:
            rows = [[(request, past + j) for j in range(length)] for request in self._requests]
        else:
            return None
        flat = [row for one in rows for row in one]
        last = [one[-1] for one in rows]
        return {"layouts": [layout((batch, length), flat), layout((batch * length,), flat),
                            layout((batch, 1), last)]}


def past_length(keywords: dict[str, Any]) -> int | None:
    """How many tokens came before those of a forward; ``None`` where that is not known."""
    past = keywords.get("past_key_values")
    if past is None:
        return 0
    length = getattr(past, "get_seq_length", None)
    try:
        return int(length()) if length else None
    except Exception:  # of a cache that counts otherwise
        return None
