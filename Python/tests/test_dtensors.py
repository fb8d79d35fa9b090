"""Ranks of models of DTensors, put together by numpy alone, are the model in one process."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import torch
from torch import nn

from assay_torch import record
from reading import in_spool, read_json

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../Tests/VLLM"))
import joining  # noqa: E402  (shares no code with the recorder)

RANKS = 4
X = torch.arange(36.0).reshape(2, 3, 6) / 10


class Feed(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.act, self.down = nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 6)

    def forward(self, x):
        return self.down(self.act(self.up(x)))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.layers = nn.ModuleList([Feed(), Feed()])
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x)
        return self.norm(x)


def recorded(model, folder, name, *calls, **options):
    """Records a step for each call's input, and returns the texts of warnings."""
    with warnings.catch_warnings(record=True) as found, torch.no_grad():
        warnings.simplefilter("always")
        with record(model, {"output_dir": folder, "log_step_ids": [], "formats": ["spool"]},
                    run_id=name, **options) as run:
            for values in calls:
                model(values)
                if not os.path.exists(f"{folder}/first-{run.id}"):
                    with open(os.path.join(folder, run.id, "spool.json")) as file, \
                            open(f"{folder}/first-{run.id}", "w") as copy:
                        copy.write(file.read())
    return [str(one.message) for one in found]


class Cut(nn.Linear):
    """Computes with the local part of its weight, and sums what it makes, as transformers does."""

    def forward(self, x):
        weight, bias = self.weight.to_local(), self.bias.to_local()
        if self.weight.placements[0].dim == 0:
            return nn.functional.linear(x, weight, bias)
        whole = nn.functional.linear(x, weight)
        torch.distributed.all_reduce(whole)
        return whole + bias


def cut(model, mesh):
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor
    for layer in model.layers:
        for linear, dimension in ((layer.up, 0), (layer.down, 1)):
            linear.__class__ = Cut
            linear.weight = nn.Parameter(
                distribute_tensor(linear.weight.detach(), mesh, [Shard(dimension)]))
            linear.bias = nn.Parameter(distribute_tensor(
                linear.bias.detach(), mesh, [Replicate() if dimension else Shard(0)]))
    return model


def fully_sharded(folder, mesh):
    """The parameters alone are cut, and each rank has a batch of its own."""
    from torch.distributed.fsdp import fully_shard
    model = Model()
    for layer in model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    assert recorded(model, folder, "fsdp", X + mesh.get_rank()) == []


GIVEN = {"mesh": [{"tp": RANKS}], "ranks": [0, 1, 2, 3], "rules": [
    {"module": r"layers\.\d+\.act", "slot": "outputs", "tp": {"shard": -1, "width": 8}},
    {"module": r"layers\.\d+|norm", "tp": "replicate"}]}


def parallelized(folder, mesh):
    from torch.distributed.tensor.parallel import (ColwiseParallel, RowwiseParallel,
                                                   parallelize_module)
    model = parallelize_module(Model(), mesh, {
        "layers.*.up": ColwiseParallel(), "layers.*.down": RowwiseParallel()})
    found = recorded(model, folder, "hooks", X, X[:1])
    assert any("nothing tells how the ranks hold" in text for text in found), found
    assert recorded(model, folder, "given", X, X[:1], placements=GIVEN) == []
    recorded(cut(Model(), mesh), folder, "cut", X, X[:1])
    fully_sharded(folder, mesh)


class Root(nn.Module):
    def __init__(self):
        super().__init__()
        self.call = nn.Identity()

    def forward(self, values):
        return self.call(values)


def whole_values():
    whole = torch.arange(30.0).reshape(5, 6)
    return {"cut": whole, "twice": whole + 1, "columns": whole + 2, "sums": whole + 3,
            "cut sums": whole + 4, "whole": whole + 5, "few": whole[:1]}


def placed_values(mesh):
    """The same as DTensors of a mesh of two by two."""
    from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
    first, second = mesh.get_coordinate()

    def spread(name, *placements):
        return distribute_tensor(whole_values()[name], mesh, placements)

    # Three fourths and one fourth of the whole; the columns of the other are cut.
    sums = whole_values()["sums"] * (0.75, 0.25)[first]
    cut = (whole_values()["cut sums"] * (0.25, 0.75)[first])[:, 3 * second:3 * second + 3]
    return {
        "cut": spread("cut", Shard(0), Shard(1)), "twice": spread("twice", Shard(0), Shard(0)),
        "columns": spread("columns", Replicate(), Shard(1)),
        "sums": DTensor.from_local(sums, mesh, [Partial(), Replicate()]),
        "cut sums": DTensor.from_local(cut, mesh, [Partial(), Shard(1)]),
        "whole": spread("whole", Replicate(), Replicate()), "few": spread("few", Shard(0),
                                                                         Shard(1))}


def refused_values(mesh, parts):
    from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
    whole = torch.arange(8.0)
    return {
        "average": DTensor.from_local(whole, mesh, [Partial("avg"), Replicate()]),
        "part": distribute_tensor(whole, parts["b"], [Shard(0)]),
        "other": distribute_tensor(whole, parts, [Shard(0), Shard(0)]),
        "known": distribute_tensor(whole, mesh, [Shard(0), Shard(0)]),
        "plain": whole}


class Linears(nn.Module):
    def __init__(self, spread=lambda tensor, *placements: tensor):
        super().__init__()
        torch.manual_seed(6)
        self.layers = nn.ModuleList([nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6)])
        for index, dimension in ((0, 0), (2, 1)):
            layer = self.layers[index]
            layer.weight = nn.Parameter(spread(layer.weight.detach(), dimension))
            layer.bias = nn.Parameter(spread(layer.bias.detach(), 0 if dimension == 0 else None))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def explicit(folder, mesh):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    recorded(Root(), folder, "values", placed_values(mesh))
    parts = init_device_mesh("cpu", (2, 2), mesh_dim_names=("a", "b"))
    recorded(Root(), folder, "refused", {"known": refused_values(mesh, parts)["known"]},
             refused_values(mesh, parts))
    known = refused_values(mesh, parts)["known"]
    recorded(Root(), folder, "changed", {"known": known}, {"known": known.to_local().clone()})
    model = Linears(lambda tensor, dimension: distribute_tensor(
        tensor, mesh, [Replicate(), Replicate() if dimension is None else Shard(dimension)]))
    recorded(model, folder, "linears", *[distribute_tensor(x, mesh, [Shard(0), Replicate()])
                                         for x in (X[0], X.reshape(6, 6)[:5])])


def main(rank, folder):
    import torch.distributed as distributed
    from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
    from torch.distributed.tensor import DTensor
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank,
                                   world_size=RANKS)
    original = DTensor.to_local
    parallelized(folder, init_device_mesh("cpu", (RANKS,), mesh_dim_names=("tp",)))
    # Ranks that stand in the mesh in another order than theirs.
    explicit(folder, DeviceMesh("cpu", [[0, 2], [1, 3]], mesh_dim_names=("dp", "tp")))
    assert DTensor.to_local is original
    distributed.destroy_process_group()


def test_ranks_put_together_are_the_model_in_one_process(tmp_path):
    torch.multiprocessing.spawn(main, (str(tmp_path),), nprocs=RANKS)
    one = str(tmp_path / "one")
    recorded(Model(), one, "hooks", X, X[:1])
    recorded(Root(), one, "values", whole_values())
    recorded(Linears(), one, "linears", X[0], X.reshape(6, 6)[:5])
    check_hooks(tmp_path, "hooks", 2)
    check_hooks(tmp_path, "cut", -1)
    assert "placements" not in read_json(tmp_path, "fsdp-rank0", "spool.json")["provenance"]
    check_given(tmp_path)
    check_values(tmp_path)
    check_linears(tmp_path)
    check_refused(tmp_path)
    check_changed(tmp_path)
    if os.environ.get("ASSAY"):
        check_by_assay(tmp_path, os.environ["ASSAY"])


def runs(folder, name):
    return [str(folder / f"{name}-rank{rank}") for rank in range(RANKS)]


def rules(folder, name):
    return read_json(folder, f"{name}-rank0", "spool.json")["provenance"].get("placements")


def same(found, whole):
    assert found.keys() == whole.keys()
    for key in whole:
        assert found[key].dtype == whole[key].dtype and found[key].shape == whole[key].shape, key
        assert np.allclose(found[key], whole[key], rtol=1e-5, atol=1e-6), key


def check_hooks(folder, name, axis):
    """What is certain of a plain tensor is told, and of others nothing."""
    told = rules(folder, name)
    assert told["mesh"] == [{"tp": 4}] and told["ranks"] == [0, 1, 2, 3]
    cut = {"shard": axis, "width": 8}
    assert {(rule["module"], rule["slot"]): rule["tp"] for rule in told["rules"]} == {
        (r"layers\.\d+\.up", "inputs_0"): "replicate", (r"layers\.\d+\.up", "outputs"): cut,
        (r"layers\.\d+\.act", "inputs_0"): cut, (r"layers\.\d+\.down", "inputs_0"): cut,
        (r"layers\.\d+\.down", "outputs"): "replicate",
        (r"layers\.\d+", "outputs"): "replicate"}
    _, whole = joining.read(str(folder / "one" / "hooks"))
    found, failures = joining.joined(runs(folder, name))
    assert set(failures.values()) == {"nobody declared"}
    assert {(module, slot) for _, module, _, slot in failures} == {
        ("layers.0", "inputs_0"), ("layers.1", "inputs_0"), ("layers.0.act", "outputs"),
        ("layers.1.act", "outputs"), ("norm", "inputs_0"), ("norm", "outputs")}
    same(found, {key: whole[key] for key in whole if key not in failures})


def check_given(folder):
    assert rules(folder, "given")["rules"][:2] == GIVEN["rules"]
    _, whole = joining.read(str(folder / "one" / "hooks"))
    found, failures = joining.joined(runs(folder, "given"))
    assert failures == {}
    same(found, whole)


def check_values(folder):
    found, failures = joining.joined(runs(folder, "values"))
    assert failures == {}
    same(found, joining.read(str(folder / "one" / "values"))[1])
    told = rules(folder, "values")
    assert told["mesh"] == [{"dp": 2}, {"tp": 2}] and told["ranks"] == [0, 2, 1, 3]
    by_slot = {slot: rule for rule in told["rules"] for slot in rule["slot"]}
    # The axis that cuts second has no width of the whole.
    assert (by_slot["outputs_twice"]["dp"], by_slot["outputs_twice"]["tp"]) == (
        {"shard": 0, "width": 5}, {"shard": 0})
    # Of one row the second rank along the first axis has none.
    _, last = joining.read(runs(folder, "values")[3])
    assert last[0, "call", 0, "outputs_few"].shape == (0, 3)


def check_linears(folder):
    """Modules that hand each other DTensors, and rows whose count changes with the step."""
    found, failures = joining.joined(runs(folder, "linears"))
    assert failures == {}
    same(found, joining.read(str(folder / "one" / "linears"))[1])
    told = {(rule["module"], slot): (rule["dp"], rule["tp"]) for rule in
            rules(folder, "linears")["rules"]
            for slot in ([rule["slot"]] if isinstance(rule["slot"], str) else rule["slot"])}
    assert told[r"layers\.0", "outputs"] == ({"shard": 0}, {"shard": 1, "width": 6})
    assert told[r"layers\.2", "outputs"] == ({"shard": 0}, "partial")
    # The first step's placements were in the run when it ended.
    first = read_json(folder, "first-linears-rank0")["provenance"]["placements"]["rules"]
    assert {"shard": 0, "width": 3} in [rule["dp"] for rule in first]


def check_changed(folder):
    """What the second step was silent of is not told of the first either."""
    assert rules(folder, "changed") is None
    first = read_json(folder, "first-changed-rank0")["provenance"]["placements"]
    assert first["rules"] == [{"module": "call", "slot": ["inputs_0_known", "outputs_known"],
                               "dp": {"shard": 0, "width": 8}, "tp": {"shard": 0}}]


def check_by_assay(folder, program):
    """The program joins what numpy does."""
    for group, one in (("given", "hooks"), ("values", "values"), ("linears", "linears")):
        done = subprocess.run(
            [program, "compare", str(folder / f"{group}-rank*"), str(folder / "one" / one),
             "--rtol", "1e-5", "--atol", "1e-6", "--format", "json"],
            stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout)
        tensors = found["summary"]["tensors"]
        assert done.returncode == 0 and found["verdict"] == "match", (group, tensors)
        assert tensors["matched"] == tensors["total"] == len(
            joining.read(str(folder / "one" / one))[1]), (group, tensors)


def check_refused(folder):
    found, _ = in_spool(folder / "refused-rank1", "call", step=1)
    assert "cannot be put together" in found["outputs_average"]
    assert "tells nothing of the other 2 ranks" in found["outputs_part"]
    assert "a recording whose others are of" in found["outputs_other"]
    assert found["outputs_known"].tolist() == [4, 5]
    assert found["outputs_plain"].tolist() == list(range(8))
    slots = [slot for rule in rules(folder, "refused")["rules"] for slot in (
        [rule["slot"]] if isinstance(rule["slot"], str) else rule["slot"])]
    assert sorted(slots) == ["inputs_0_known", "outputs_known"]
