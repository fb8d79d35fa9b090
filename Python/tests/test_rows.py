"""Which rows are told of batches, and under which names modules are recorded."""

import json
import os
import warnings

import pytest
import torch

import assay_torch
from assay_torch.rows import RowBook, layout


def spans(rows):
    return [one["spans"] for one in rows["layouts"]]


class Cache:
    def __init__(self, length):
        self.length = length

    def get_seq_length(self):
        return self.length


def test_consecutive_rows_are_one_span():
    rows = [None, None, (0, 0), (0, 1), (1, 2), (1, 3), (1, 5), None]
    assert layout((2, 4), rows)["spans"] == [
        [None, 0, 2], [0, 0, 2], [1, 2, 2], [1, 5, 1], [None, 0, 1]]


def test_a_prefill_begins_requests_and_a_decode_goes_on():
    book = RowBook()
    first = book.rows((), {"input_ids": torch.ones(2, 3, dtype=torch.long)})
    assert spans(first) == [[[0, 0, 3], [1, 0, 3]]] * 2 + [[[0, 2, 1], [1, 2, 1]]]
    assert [one["shape"] for one in first["layouts"]] == [[2, 3], [6], [2, 1]]
    then = book.rows((), {"input_ids": torch.ones(2, 1, dtype=torch.long),
                          "past_key_values": Cache(3)})
    assert spans(then)[0] == [[0, 3, 1], [1, 3, 1]]
    other = book.rows((torch.ones(1, 2, dtype=torch.long),), {})
    assert spans(other)[0] == [[2, 0, 2]]
    # Another batch with a cache is none of the requests that are known.
    assert book.rows((), {"input_ids": torch.ones(3, 1, dtype=torch.long),
                          "past_key_values": Cache(2)}) is None


@pytest.mark.parametrize("mask, expected", [
    ([[0, 1, 1], [1, 1, 1]], [[None, 0, 1], [0, 0, 2], [1, 0, 3]]),
    ([[1, 1, 0], [1, 1, 1]], [[0, 0, 2], [None, 0, 1], [1, 0, 3]]),
])
def test_padding_is_no_row(mask, expected):
    book = RowBook()
    rows = book.rows((), {"input_ids": torch.ones(2, 3, dtype=torch.long),
                          "attention_mask": torch.tensor(mask)})
    assert spans(rows)[0] == expected
    # The mask goes on over what the cache holds, and positions count what is no padding.
    longer = torch.tensor([row + [1] for row in mask])
    then = book.rows((), {"input_ids": torch.ones(2, 1, dtype=torch.long),
                          "attention_mask": longer, "past_key_values": Cache(3)})
    assert spans(then)[0] == [[0, 2, 1], [1, 3, 1]]


@pytest.mark.parametrize("arguments, keywords", [
    ((), {}), ((torch.ones(3),), {}), ((torch.ones(2, 3),), {}),
    ((torch.ones(3, 8, 8),), {}),
    ((torch.ones(2, 3, dtype=torch.long),), {"attention_mask": torch.ones(2, 1, 3, 3)}),
    ((torch.ones(2, 3, dtype=torch.long),), {"attention_mask": {"full": None}}),
    ((torch.ones(2, 3, dtype=torch.long),), {"past_key_values": object()}),
])
def test_what_does_not_tell_its_rows_has_none(arguments, keywords):
    assert RowBook().rows(arguments, keywords) is None


class Rotary(torch.nn.Module):
    def forward(self, x):
        return x * 2


class Layer(torch.nn.Module):
    def __init__(self, rotary):
        super().__init__()
        self.rotary_emb = rotary

    def forward(self, x):
        return self.rotary_emb(x) + 1


class Around(torch.nn.Module):
    """A module whose class runs its forward without hooks, as vLLM's compiled models do."""

    def __init__(self):
        super().__init__()
        rotary = Rotary()
        self.layers = torch.nn.ModuleList([Layer(rotary), Layer(rotary)])

    def __call__(self, *arguments, **keywords):
        return self.forward(*arguments, **keywords)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Root(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Around()

    def forward(self, input_ids):
        return self.model(input_ids.float())


def recorded(model, folder, *inputs):
    with assay_torch.record(model, {"output_dir": str(folder), "formats": ["spool"]},
                            run_id="run"):
        model(*inputs)
    with open(os.path.join(folder, "run", "steps.jsonl"), encoding="utf-8") as file:
        return json.loads(file.readline())


def test_shared_and_wrapped_modules_are_recorded_under_their_names(tmp_path):
    model = Root()
    ids = torch.tensor([[1, 2, 3]])
    step = recorded(model, tmp_path, ids)
    assert [(call["module"], call["call"]) for call in step["calls"]] == [
        ("model", 0), ("model.layers.0", 0), ("model.layers.0.rotary_emb", 0),
        ("model.layers.1", 0), ("model.layers.1.rotary_emb", 0)]
    assert step["completion_order"] == [2, 1, 4, 3, 0]
    assert step["rows"]["layouts"][0] == {"shape": [1, 3], "spans": [[0, 0, 3]]}
    data = torch.from_file(str(tmp_path / "run" / "tensors.bin"), size=os.path.getsize(
        tmp_path / "run" / "tensors.bin") // 4, dtype=torch.float32)
    last = next(tensor for tensor in step["calls"][0]["tensors"] if tensor["slot"] == "outputs")
    start = last["offset"] // 4
    assert data[start:start + 3].tolist() == [7, 11, 15]
    # Nothing of the recording stays on the model.
    assert "forward" not in vars(model.model)
    assert model(ids).tolist() == [[7, 11, 15]]


def test_a_module_whose_forward_is_never_called_is_named(tmp_path):
    class Elsewhere(torch.nn.Module):
        def __call__(self, x):
            return x * 3

        def forward(self, x):
            raise AssertionError

    model = torch.nn.Sequential(torch.nn.Identity(), Elsewhere())
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        recorded(model, tmp_path, torch.ones(1, 2))
    assert any("no call of theirs came by: 1" in str(one.message) for one in found)


def test_the_plugin_does_nothing_without_its_variable(monkeypatch):
    import sys

    from assay_torch import vllm

    monkeypatch.delenv(vllm.VARIABLE, raising=False)
    vllm.register()
    assert "assay_torch.vllm.worker" not in sys.modules
