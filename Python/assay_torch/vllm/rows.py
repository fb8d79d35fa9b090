"""The rows of a batch, from vLLM's own bookkeeping."""

from __future__ import annotations

from typing import Any


class Requests:
    """The requests of a worker, counted in the order in which they were first scheduled."""

    def __init__(self) -> None:
        self._ordinals = {}

    def see(self, scheduler_output: Any) -> None:
        """Counts the requests that are scheduled for the first time."""
        for request in scheduler_output.scheduled_new_reqs:
            self._ordinals.setdefault(request.req_id, len(self._ordinals))

    def rows(self, runner: Any, token_count: int) -> dict[str, Any]:
        """What the rows of the batch that runs are, in a step's JSON; ``token_count`` with padding.

        Row r is of request i where ``query_start_loc[i] <= r < query_start_loc[i + 1]``, at position
        ``num_computed_tokens[i] + r - query_start_loc[i]``; logits have the last row of each.
        """
        batch = runner.input_batch
        count = batch.num_reqs
        starts = runner.query_start_loc.np[:count + 1].tolist()
        computed = batch.num_computed_tokens_cpu[:count].tolist()
        names = list(batch.req_ids[:count])
        spans, last, ids = [], [], {}
        for i, name in enumerate(names):
            request, length = self._ordinals.setdefault(name, len(self._ordinals)), \
                starts[i + 1] - starts[i]
            if length > 0:
                spans.append([request, computed[i], length])
                last.append([request, computed[i] + length - 1, 1])
            ids[str(request)] = name
        total = sum(span[2] for span in spans)
        if token_count > total:
            spans.append([None, 0, token_count - total])
        return {"layouts": [{"shape": [max(token_count, total)], "spans": spans},
                            {"shape": [len(last)], "spans": last}], "requests": ids}
