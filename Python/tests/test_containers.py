"""Tensors in containers and objects of every kind, as inputs, keyword inputs and outputs."""

import collections
import dataclasses
import functools
import os
import random
import subprocess
import sys
import types
import typing

import numpy as np
import pytest
import torch
from torch import nn
from transformers import DynamicCache
from transformers.modeling_outputs import CausalLMOutput

from assay_torch import record
from assay_torch.values import Side
from reading import in_directory, in_file, read_json, same

A, B = torch.tensor([1.0, 2.0]), torch.tensor([[3, 4]])


class Call(nn.Module):
    def forward(self, *arguments, result=None, **keywords):
        return result


class Root(nn.Module):
    """Calls a module with a value in every place that there is."""

    def __init__(self):
        super().__init__()
        self.call = Call()

    def forward(self, value):
        return self.call(torch.ones(1), value, key=value, result=value)


def recorded(value, tmp_path, **options):
    root = Root()
    with record(root, {"output_dir": str(tmp_path), "log_step_ids": []}, **options) as run:
        root(value)
    return run


@dataclasses.dataclass
class Data:
    logits: torch.Tensor
    rest: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    logits: torch.Tensor
    rest: object = None


class Plain:
    def __init__(self, logits, rest=None):
        self.logits, self.rest = logits, rest

    @property
    def trap(self):
        raise AssertionError("a property was run")


class Slots:
    __slots__ = ("logits", "rest", "never_set")

    def __init__(self, logits, rest=None):
        self.logits, self.rest = logits, rest


class Attrs:  # as attrs makes it: named in a tuple, held in slots
    __slots__ = ("logits", "rest")
    __attrs_attrs__ = ("logits", "rest")

    def __init__(self, logits, rest=None):
        self.logits, self.rest = logits, rest


class Mapping(collections.abc.Mapping):
    def __init__(self, **items):
        self.kept = items

    def __getitem__(self, key):
        return self.kept[key]

    def __iter__(self):
        return iter(self.kept)

    def __len__(self):
        return len(self.kept)


class Named(typing.NamedTuple):
    logits: torch.Tensor
    rest: object = None


NAMED = {"logits": A, "rest_0": B}
ORDERED = {"0": A, "1_0": B}
KINDS = {
    "dict": ({"logits": A, "rest": (B,)}, NAMED),
    "ordered": (collections.OrderedDict(logits=A, rest=[B]), NAMED),
    "default": (collections.defaultdict(list, logits=A, rest=[B]), NAMED),
    "user": (collections.UserDict(logits=A, rest=(B,)), NAMED),
    "proxy": (types.MappingProxyType({"logits": A, "rest": (B,)}), NAMED),
    "chain": (collections.ChainMap({"logits": A}, {"rest": (B,)}), NAMED),
    "mapping": (Mapping(logits=A, rest=(B,)), NAMED),
    "output": (CausalLMOutput(logits=A, hidden_states=(B,)), {"logits": A, "hidden_states_0": B}),
    "data": (Data(A, (B,)), NAMED),
    "slotted": (Slotted(A, (B,)), NAMED),
    "object": (Plain(A, [B]), NAMED),
    "namespace": (types.SimpleNamespace(logits=A, rest=(B,)), NAMED),
    "slots": (Slots(A, (B,)), NAMED),
    "attrs": (Attrs(A, (B,)), NAMED),
    "tuple": ((A, [B]), ORDERED),
    "list": ([A, (B,)], ORDERED),
    "deque": (collections.deque([A, [B]]), ORDERED),
    "user list": (collections.UserList([A, [B]]), ORDERED),
    "named": (Named(A, (B,)), ORDERED),
    "values": ({"logits": A, "rest": (B,)}.values(), ORDERED),
    "items": ({"logits": A}.items(), {"0_1": A}),
    "objects": (np.array([A, None], dtype=object), {"0": A}),
    "set": ({A}, {"0": A}),
    "frozenset": (frozenset([(A, B)]), {"0_0": A, "0_1": B}),
    "array": (np.array([[1.5, 2.5]]), {"": torch.tensor([[1.5, 2.5]], dtype=torch.float64)}),
    "scalar": (np.array(3, dtype=np.int16), {"": torch.tensor(3, dtype=torch.int16)}),
    "big-endian": (np.array([1, 2], dtype=">i4"), {"": torch.tensor([1, 2], dtype=torch.int32)}),
    "strided": (np.arange(6.0)[::-2], {"": torch.tensor([5.0, 3, 1], dtype=torch.float64)}),
    "nested": (Data({"a": collections.deque([Plain(A, {"b": np.zeros(2, np.float32)})])}, Slots(B)),
               {"logits_a_0_logits": A, "logits_a_0_rest_b": torch.zeros(2), "rest_logits": B}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_are_found_in(kind, tmp_path):
    value, expected = KINDS[kind]
    run = recorded(value, tmp_path)
    wanted = {"inputs_0": torch.ones(1)}
    for root in ("inputs_1", "inputs_key", "inputs_result", "outputs"):
        wanted |= {f"{root}_{slot}".rstrip("_"): tensor for slot, tensor in expected.items()}
    found, listed = in_file(run.paths[1], "call")
    for one in (found, in_directory(run.paths[0], "call")):
        assert sorted(one) == sorted(wanted)
        for slot, tensor in wanted.items():
            assert same(one[slot], tensor), slot
    assert "not_recorded" not in str(listed) and "string_repr" not in str(listed)
    outputs = read_json(run.paths[0], "step_0/call/outputs.json")
    assert outputs == listed["outputs"]
    assert outputs["type"] == ("tensor" if "" in expected else
                               "dict" if set(expected) & {"logits", "rest_logits"} else "tuple")


@pytest.mark.parametrize("keep", ["digest", "sample"])
def test_digests_stand_for_tensors_in_objects(keep, tmp_path):
    run = recorded(Data(torch.arange(300.0), [B]), tmp_path, keep=keep)
    for found in (in_directory(run.paths[0], "call"), in_file(run.paths[1], "call")[0]):
        assert "digest" in found["outputs_logits"] and same(found["outputs_rest_0"], B)


def grown(draw, depth):
    """A value of containers within containers, and the tensors in it by the names of their slots."""
    if depth == 0 or draw.random() < 0.3:
        leaf = draw.choice([torch.rand(draw.randrange(3)), torch.tensor(draw.random()), None, 3,
                            "text", np.float32(draw.random())])
        return leaf, {(): leaf} if isinstance(leaf, torch.Tensor) else {}
    kind = draw.choice([dict, list, tuple, collections.deque, collections.OrderedDict,
                        collections.UserList, types.SimpleNamespace, Mapping, Plain, Slotted, Named])
    if kind in (Plain, Slotted, Named):
        names = ["logits", "rest"]
    elif kind in (dict, collections.OrderedDict, types.SimpleNamespace, Mapping):
        names = draw.sample(["a", "b", "k v", "é", "e\u0301", "x.y", "Å", "A"], draw.randrange(4))
    else:
        names = list(range(draw.randrange(4)))
    items, found = [], {}
    for place, name in enumerate(names):
        value, tensors = grown(draw, depth - 1)
        items.append(value)
        by = place if kind is Named else name
        found |= {(str(by), *path): tensor for path, tensor in tensors.items()}
    if kind in (Plain, Slotted, Named):
        return kind(*items), found
    if kind in (types.SimpleNamespace, Mapping):
        return kind(**dict(zip(names, items))), found
    if kind in (dict, collections.OrderedDict):
        return kind(zip(names, items)), found
    return kind(items), found


@pytest.mark.parametrize("seed", range(int(os.environ.get("ASSAY_SEED", 1)),
                                       int(os.environ.get("ASSAY_SEED", 1))
                                       + int(os.environ.get("ASSAY_CASES", 30))))
def test_containers_that_chance_made(seed, tmp_path):
    value, tensors = grown(random.Random(seed), 4)
    run = recorded(value, tmp_path)
    wanted = {"inputs_0": torch.ones(1)} | {
        "_".join((root, *path)): tensor for path, tensor in tensors.items()
        for root in ("inputs_1", "inputs_key", "inputs_result", "outputs")}
    found, listed = in_file(run.paths[1], "call")
    assert "not_recorded" not in str(listed)
    for one in (found, in_directory(run.paths[0], "call")):
        assert sorted(one) == sorted(wanted)
        assert all(same(one[slot], tensor) for slot, tensor in wanted.items())


def generator():
    kept = A
    yield kept
    yield B


def closure():
    kept = A
    return lambda: kept


def done():
    future = torch.futures.Future()
    future.set_result(A)
    return future


class Fails(dict):
    def items(self):
        raise ValueError("not now")


class List(list):
    pass


def with_a_field():
    value = List([B])
    value.more = A
    return value


def started():
    value = generator()
    next(value)
    return value


OPAQUE = {
    "generator": (started, "a generator cannot be opened, and holds tensors"),
    "iterator": (lambda: iter([A]), "a list_iterator cannot be opened, and holds tensors"),
    "map": (lambda: map(abs, [A]), "a map cannot be opened, and holds tensors"),
    "expression": (lambda: (one for one in [A]), "a generator cannot be opened, and holds tensors"),
    "closure": (closure, "a function cannot be opened, and holds tensors"),
    "default": (lambda: (lambda one=A: one), "a function cannot be opened, and holds tensors"),
    "partial": (lambda: functools.partial(abs, A), "a partial cannot be opened, and holds tensors"),
    "method": (lambda: Plain(A).__eq__, "a method-wrapper cannot be opened, and holds tensors"),
    "mapping": (lambda: Fails(a=A), "its items cannot be read: ValueError"),
    "keys": (lambda: {A: 1, (2, B): 2}, "tensors hang on its keys"),
    "storage": (lambda: A.untyped_storage(), "a UntypedStorage cannot be opened, and holds tensors"),
    "future": (done, "a Future cannot be opened, and holds tensors"),
    "array": (lambda: np.array(["2020-01-01"], "M8[D]"),
              "an array of datetime64[D] is held by no layout"),
    "masked": (lambda: np.ma.masked_array([1.0], [True]), "a masked array is held by no layout"),
    "longdouble": (lambda: np.zeros(2, np.longdouble),
                   f"an array of {np.dtype(np.longdouble)} is held by no layout"),
}


@pytest.mark.filterwarnings("ignore:not recorded")
@pytest.mark.parametrize("kind", OPAQUE)
def test_what_cannot_be_opened_is_marked(kind, tmp_path):
    make, reason = OPAQUE[kind]
    run = recorded((make(), Data(B, make())), tmp_path)
    found, listed = in_file(run.paths[1], "call")
    for one in (found, in_directory(run.paths[0], "call")):
        for slot in ("inputs_1_0", "inputs_key_0", "outputs_0", "outputs_1_rest"):
            assert one[slot] == reason
        assert same(one["outputs_1_logits"], B)
    assert listed["outputs"]["items"][0]["not_recorded"] == reason
    assert {"device": "cpu", "slot": "outputs_0", "not_recorded": reason} in listed["tensors"]


@pytest.mark.filterwarnings("ignore:not recorded")
def test_what_hangs_on_a_container_beside_its_items_is_marked(tmp_path):
    found = in_directory(recorded(with_a_field(), tmp_path).paths[0], "call")
    assert same(found["outputs_0"], B)
    assert found["outputs"] == "a List holds tensors beside its items"


def test_no_generator_is_run_and_no_iterator_moved(tmp_path):
    values = [generator(), iter([A, B])]
    with pytest.warns(UserWarning, match="not recorded, and a failure where the run is compared"):
        recorded(values, tmp_path)
    assert [len(list(value)) for value in values] == [2, 2]


@pytest.mark.parametrize("value", [
    torch.float32, nn.Linear, nn.Linear(2, 2), nn.Linear(2, 2).forward, len, closure,
    functools.partial(abs), Plain(1.5), Data(None), range(3), b"ab", 1j, iter([1]), types, "text",
    slice(1, 2), np.array(["a"]), DynamicCache(), {"cache": DynamicCache()}])
def test_what_holds_no_tensor_of_the_call_is_described(value, tmp_path):
    run = recorded(value, tmp_path)
    assert set(in_directory(run.paths[0], "call")) == {"inputs_0"}
    assert "not_recorded" not in str(read_json(run.paths[0], "step_0/call/outputs.json"))


def test_description_says_whether_a_search_came_to_its_end():
    assert Side("outputs", Plain(1)).description["no_tensors"] is True
    large = Plain([object() for _ in range(20_000)])
    assert Side("inputs", (large,)).description["items"][0].keys() == {"type", "string_repr"}
    (slot, device, lost), = Side("outputs", large).found
    assert (slot, device) == ("outputs", "cpu") and "too much" in lost.reason
    assert "no_tensors" not in Side("inputs", DynamicCache()).description


def test_a_cache_is_state_wherever_it_lies(tmp_path):
    cache = DynamicCache()
    cache.update(torch.ones(1, 1, 2, 4), torch.ones(1, 1, 2, 4), 0)
    for value in (cache, Data(A, cache), {"a": A, "cache": cache}):
        side = Side("outputs", value)
        assert [slot for slot, *_ in side.found] == ([] if value is cache else side.found
                                                     and [side.found[0][0]])
        assert "not_recorded" not in str(side.description)


def test_containers_that_hold_themselves_end(tmp_path):
    loop = [A]
    loop.append(loop)
    ring = {"a": A}
    ring["ring"] = (ring, B)
    one, two = Plain(A), Plain(B)
    one.rest, two.rest = two, one
    run = recorded((loop, ring, one), tmp_path)
    found = in_directory(run.paths[0], "call")
    outputs = {slot for slot in found if slot.startswith("outputs")}
    assert outputs == {"outputs_0_0", "outputs_1_a", "outputs_1_ring_1", "outputs_2_logits",
                       "outputs_2_rest_logits"}
    items = read_json(run.paths[0], "step_0/call/outputs.json")["items"]
    assert items[0]["items"][1] == {"type": "tuple", "items": [], "repeated": True}
    assert items[1]["items"]["ring"]["items"][0] == {"type": "dict", "items": {}, "repeated": True}
    assert items[2]["items"]["rest"]["items"]["rest"]["repeated"] is True


def test_graphs_of_objects_have_an_end():
    nodes = [types.SimpleNamespace(tensor=A) for _ in range(40)]
    for node in nodes:
        node.all = nodes
    side = Side("outputs", nodes[0])
    assert len({id(tensor) for _, _, tensor in side.found}) <= len(side.found) <= 140
    assert "'repeated': True" in str(side.description)


@pytest.mark.filterwarnings("ignore:not recorded")
def test_deep_nesting_is_marked(tmp_path):
    value = A
    for _ in range(500):
        value = [value]
    found = in_directory(recorded([A, value], tmp_path).paths[0], "call")
    lost = [item for item in found.values() if isinstance(item, str)]
    assert len(lost) == 4 and set(lost) == {"it lies more than 25 containers deep"}


def test_slots_never_collide(tmp_path):
    run = recorded({1: A, "1": B, "1~2": A + 1, "a_b": A + 2, "a": {"b": A + 3}}, tmp_path)
    expected = {"outputs_1": A, "outputs_1~2": B, "outputs_1~2~2": A + 1, "outputs_a_b": A + 2,
                "outputs_a_b~2": A + 3}
    found, listed = in_file(run.paths[1], "call")
    assert list(listed["outputs"]["items"]) == sorted(["1", "1~2", "1~2~2", "a_b", "a"])
    for one in (found, in_directory(run.paths[0], "call")):
        assert {slot for slot in one if slot.startswith("outputs")} == set(expected)
        for slot, tensor in expected.items():
            assert same(one[slot], tensor), slot


def test_slots_have_no_addresses():
    side = Side("outputs", {object(): A, 3: B, None: A, torch.float32: B})
    assert [slot for slot, *_ in side.found] == ["outputs_<object object>", "outputs_3",
                                                 "outputs_None", "outputs_torch.float32"]


def test_keywords_and_positions_do_not_collide():
    side = Side("inputs", (A,), {"0": B, "\ud800": A, "\ud801": B})
    assert [slot for slot, *_ in side.found] == ["inputs_0", "inputs_0~2", "inputs_?",
                                                 "inputs_?~2"]
    assert list(side.description["kwargs"]) == ["0", "?", "?~2"]


ORDER = """
import random, torch
from assay_torch.values import Side
random.seed({seed})
values = [torch.tensor([v, 1.0]) for v in (3.0, -1.0, float("nan"), 2.0)]
values += [(torch.tensor(2), "x"), "b", "a", 10, 9, None, torch.tensor([1, 2])]
random.shuffle(values)
side = Side("outputs", set(values))
print([(slot, tensor.tolist()) for slot, _, tensor in side.found], side.description)
"""


def test_order_of_a_set_depends_on_its_items_alone():
    texts = {subprocess.run([sys.executable, "-c", ORDER.format(seed=seed)], check=True, text=True,
                            capture_output=True, cwd=__file__.rpartition("/tests")[0]).stdout
             for seed in range(3)}
    assert len(texts) == 1
    assert texts.pop().startswith("[('outputs_5', [-1.0, 1.0]), ('outputs_6', [2.0, 1.0]), "
                                  "('outputs_7', [3.0, 1.0]), ('outputs_8', [nan, 1.0]), "
                                  "('outputs_9', [1, 2]), ('outputs_10_0', 2)]")


def test_scalars_of_numpy_are_numbers(tmp_path):
    run = recorded((np.float32(0.5), np.int64(3), np.bool_(True), np.float64("nan")), tmp_path)
    assert read_json(run.paths[0], "step_0/call/outputs.json")["items"] == [0.5, 3, True, "nan"]


def test_ten_thousand_objects_are_opened_in_linear_time(monkeypatch):
    from assay_torch import opening
    counts = []
    references = opening.references
    monkeypatch.setattr(opening, "references", lambda value: counts.append(1) or references(value))
    for count in (1000, 2000, 4000):
        counts.clear()
        side = Side("outputs", [Plain(torch.ones(1)) for _ in range(count)])
        assert len(side.found) == count and len(counts) <= 8 * count


def test_plain_values_are_not_searched(monkeypatch):
    from assay_torch import values
    monkeypatch.setattr(values, "Search", lambda *_: pytest.fail("searched"))
    Side("inputs", (A, [B, {"a": A}], None, 1, 2.5, "text", True), {"mask": None})


def test_a_cache_says_how_much_it_holds():
    cache = DynamicCache()
    assert Side("inputs", cache).description["seq_length"] == 0
    states = torch.zeros(1, 1, 3, 4)
    cache.update(states, states, 0)
    assert Side("inputs", cache).description["seq_length"] == 3
    cache.update(states, states, 1)
    cache.update(states[:, :, :1], states[:, :, :1], 0)
    assert Side("inputs", cache).description["seq_length"] == 3


def test_a_cache_that_does_not_say_how_much_it_holds_is_still_told_as_one():
    class Pool:
        def set_kv_buffer(self):
            pass

    text = Side("inputs", Pool()).description
    assert text["seq_length"] is None and text["type"] == "Pool"
