"""Tensors of every kind: those that are recorded, and those that are marked."""

import json
import os

import h5py
import pytest
import torch
from torch import nn

from assay_torch import RecordError, record
from assay_torch.tensors import DTYPES
from reading import in_directory, in_file, read_json, same
from test_containers import recorded

RAW = torch.arange(64, dtype=torch.uint8)
ALL_DTYPES = sorted({value for value in vars(torch).values() if isinstance(value, torch.dtype)},
                    key=str)


def of_dtype(dtype):
    if dtype == torch.bool:
        return RAW > 30
    if "q" in str(dtype):
        return torch._empty_affine_quantized([4], scale=1.0, zero_point=0, dtype=dtype)
    return RAW.view(dtype)


@pytest.mark.filterwarnings("ignore:not recorded")
@pytest.mark.parametrize("dtype", ALL_DTYPES, ids=str)
def test_dtypes_of_torch_are_recorded_or_marked(dtype, tmp_path):
    value = of_dtype(dtype)
    run = recorded([value, RAW], tmp_path)
    description = read_json(run.paths[0], "step_0/call/outputs.json")["items"][0]
    for found in (in_directory(run.paths[0], "call"), in_file(run.paths[1], "call")[0]):
        assert same(found["outputs_1"], RAW)
        if dtype in DTYPES:
            assert same(found["outputs_0"], value)
        else:
            assert found["outputs_0"] in (f"{dtype} is held by no layout",
                                          "a quantized tensor is held by no layout")
            assert description["not_recorded"] == found["outputs_0"]
            assert description["dtype"] == str(dtype)
            assert description["shape"] == list(value.shape)


def test_dtypes_of_both_layouts_are_all_but_those_that_torch_cannot_save():
    lacking = {str(dtype).removeprefix("torch.") for dtype in ALL_DTYPES if dtype not in DTYPES}
    odd = {"bit", "quint2x4", "quint4x2", "quint8", "qint8", "qint32"}
    assert {name for name in lacking if not name.startswith(("int", "uint", "bits"))} <= odd
    assert not lacking & {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}


@pytest.mark.parametrize("keep", ["digest", "sample"])
def test_digests_of_new_dtypes(keep, tmp_path):
    names = ("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "complex32",
             "float4_e2m1fn_x2")
    raw = torch.arange(2048, dtype=torch.int64).to(torch.uint8)
    values = {name: raw.view(getattr(torch, name)) for name in names}
    run = recorded(values, tmp_path, keep=keep)
    found = in_directory(run.paths[0], "call")
    # Nothing can be computed of pairs of four bits, so they are kept.
    assert same(found["outputs_float4_e2m1fn_x2"], values["float4_e2m1fn_x2"])
    for name in names[:3]:
        digest, numbers = found[f"outputs_{name}"]["digest"], values[name].float().double()
        finite = numbers[numbers.isfinite()]
        assert digest["nan"] == numbers.isnan().sum() and digest["inf"] == 0
        assert (digest["min"], digest["max"]) == (finite.min(), finite.max())
        assert digest["mean"] == pytest.approx(finite.mean().item(), rel=1e-12)
    digest = found["outputs_complex32"]["digest"]
    numbers = torch.view_as_real(values["complex32"]).double()
    finite = numbers[numbers.isfinite().all(-1)].norm(dim=-1)
    assert digest["max"] == pytest.approx(finite.max().item(), rel=1e-12)
    with h5py.File(run.paths[1]) as file:
        dataset = file["step_0/call/call_0/cpu/outputs_complex32"]
        kind = dataset.id.get_type()
        assert kind.get_size() == 4 and kind.get_member_name(0) == b"r"
        assert json.loads(dataset.attrs["digest"])["sha256"] == digest["sha256"]


def nested(layout):
    return torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(1, 3)], layout=layout)


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged], ids=str)
def test_nested_tensor_is_a_list_of_tensors(layout, tmp_path):
    run = recorded((nested(layout), torch.ones(1)), tmp_path)
    found = in_directory(run.paths[0], "call")
    assert same(found["outputs_0_0"], torch.ones(2, 3))
    assert same(found["outputs_0_1"], torch.zeros(1, 3)) and same(found["outputs_1"], torch.ones(1))
    assert read_json(run.paths[0], "step_0/call/outputs.json")["items"][0]["type"] == "tuple"


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_transformer_encoder_with_a_padding_mask_is_recorded(tmp_path):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(nn.TransformerEncoder(layer, 2)).eval()
    x, mask = torch.randn(2, 3, 8), torch.tensor([[False, False, True], [False] * 3])

    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = model[0]

        def forward(self):
            return self.encoder(x, src_key_padding_mask=mask)

    with torch.no_grad():
        expected = model[0](x, src_key_padding_mask=mask)
        with record(Root(), {"output_dir": str(tmp_path)}, strict=True) as run:
            run.model()
    assert torch.equal(in_directory(run.paths[0], "encoder")["outputs"], expected)
    inner = in_directory(run.paths[0], "encoder.layers.1")
    assert [inner[f"outputs_{row}"].shape for row in (0, 1)] == [(2, 8), (3, 8)]
    assert torch.equal(inner["outputs_1"], expected[1])


class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function, kinds, arguments=(), keywords=None):
        raise AssertionError(f"{function} was run")


class Named(torch.Tensor):
    """As harmless as nn.Parameter: it computes as a tensor does."""

    @classmethod
    def __torch_function__(cls, function, kinds, arguments=(), keywords=None):
        raise AssertionError(f"{function} was run")


def fake():
    from torch._subclasses import FakeTensorMode
    with FakeTensorMode() as mode:
        return mode.from_tensor(torch.ones(2))


def freed():
    tensor = torch.ones(2)
    tensor.untyped_storage().resize_(0)
    return tensor


MARKED = {
    "meta": (lambda: torch.ones(2, 3, device="meta"), "a tensor on the meta device has no elements"),
    "coo": (lambda: torch.eye(2).to_sparse(), "a torch.sparse_coo tensor is held by no layout"),
    "csr": (lambda: torch.eye(2).to_sparse_csr(), "a torch.sparse_csr tensor is held by no layout"),
    "csc": (lambda: torch.eye(2).to_sparse_csc(), "a torch.sparse_csc tensor is held by no layout"),
    "bsr": (lambda: torch.eye(2).to_sparse_bsr((1, 1)),
            "a torch.sparse_bsr tensor is held by no layout"),
    "bsc": (lambda: torch.eye(2).to_sparse_bsc((1, 1)),
            "a torch.sparse_bsc tensor is held by no layout"),
    "quantized": (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
                  "a quantized tensor is held by no layout"),
    "per channel": (lambda: torch.quantize_per_channel(
        torch.ones(2, 2), torch.ones(2), torch.zeros(2), 0, torch.quint8),
        "a quantized tensor is held by no layout"),
    "fake": (fake, "a fake tensor has no elements"),
    "wrapper": (lambda: Wrapper(torch.ones(2)),
                "a Wrapper decides by __torch_dispatch__ what it holds"),
    "freed": (freed, "its storage was freed"),
}


@pytest.mark.filterwarnings("ignore:not recorded", "ignore:Sparse", "ignore:.*quantize")
@pytest.mark.parametrize("kind", MARKED)
def test_what_no_layout_holds_is_marked_and_the_recording_goes_on(kind, tmp_path):
    make, reason = MARKED[kind]
    value = make()
    run = recorded({"odd": [value], "plain": RAW}, tmp_path)
    found, listed = in_file(run.paths[1], "call")
    for one in (found, in_directory(run.paths[0], "call")):
        for root in ("inputs_1", "inputs_key", "outputs"):
            assert one[f"{root}_odd_0"] == reason and same(one[f"{root}_plain"], RAW)
    item = listed["outputs"]["items"]["odd"]["items"][0]
    assert item["type"] == "tensor" and item["shape"] == list(value.shape)
    assert item["not_recorded"] == reason and "values" not in item
    device = next(one["device"] for one in listed["tensors"] if one["slot"] == "outputs_odd_0")
    assert device == ("meta" if kind == "meta" else "cpu")
    with pytest.raises(RecordError, match=f"cannot record inputs_1 of call: {reason}; leave"):
        recorded(value, tmp_path / "strict", strict=True)


def test_tensors_that_stand_for_themselves_are_recorded(tmp_path):
    dense = torch.randn(3, 4)
    values = {
        "mkldnn": (dense.to_mkldnn(), dense), "named": (dense.as_subclass(Named), dense),
        "parameter": (nn.Parameter(dense), dense), "transposed": (dense.t(), dense.t()),
        "conjugate": (torch.view_as_complex(dense.reshape(6, 2)).conj(),
                      torch.view_as_complex(dense.reshape(6, 2)).conj()),
        "negative": (torch.view_as_complex(dense.reshape(6, 2)).conj().imag,
                     -dense.reshape(6, 2)[:, 1]),
        "expanded": (dense[:1].expand(5, 4), dense[:1].expand(5, 4)),
        "inference": (torch.inference_mode()(torch.ones)(2), torch.ones(2))}
    run = recorded({name: value for name, (value, _) in values.items()}, tmp_path)
    for found in (in_directory(run.paths[0], "call"), in_file(run.paths[1], "call")[0]):
        for name, (_, expected) in values.items():
            assert same(found[f"outputs_{name}"], expected.resolve_neg().contiguous()), name


def test_tensors_within_transforms_are_marked():
    from assay_torch.tensors import Unrecordable, plain

    def look(x):
        with pytest.raises(Unrecordable, match="torch.func"):
            plain(x)
        return x
    torch.func.vmap(look)(torch.ones(3, 2))


def test_a_run_of_marks_alone_is_refused(tmp_path):
    with pytest.raises(RecordError, match="none of the tensors could be; inputs_0 of 0: a tensor on "
                                          "the meta device has no elements"):
        with record(nn.Sequential(nn.Tanh()), {"output_dir": str(tmp_path)}) as run:
            run.model(torch.ones(2, device="meta"))


def test_devices_filter_marks_too(tmp_path):
    config = {"output_dir": str(tmp_path), "device_names": ["cpu"]}
    from test_containers import Root
    with record(Root(), config, strict=True) as run:
        run.model({"meta": torch.ones(2, device="meta"), "cpu": RAW})
    assert set(in_directory(run.paths[0], "call")) == {
        "inputs_0", "inputs_1_cpu", "inputs_key_cpu", "inputs_result_cpu", "outputs_cpu"}


def distributed_main(rank, folder, count):
    import torch.distributed as distributed
    from torch.distributed import _functional_collectives as collectives
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Partial, Replicate, Shard, distribute_tensor, DTensor
    distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank,
                                   world_size=count)
    mesh = init_device_mesh("cpu", (count,))
    whole = torch.arange(4.0)
    waited = collectives.all_reduce(whole.clone(), "sum", mesh)
    values = {
        "replicated": distribute_tensor(whole, mesh, [Replicate()]),
        "sharded": distribute_tensor(whole, mesh, [Shard(0)]),
        "partial": DTensor.from_local(whole, mesh, [Partial()]),
        "gathered": distribute_tensor(whole, mesh, [Shard(0)]).redistribute(
            placements=[Replicate()], async_op=True),
        "async": waited}
    kinds = {name: type(value).__name__ for name, value in values.items()}
    from test_containers import Root
    with record(Root(), {"output_dir": folder + "/runs"}) as run, torch.no_grad():
        run.model(values)
    found = in_directory(run.paths[0], "call")
    with open(f"{folder}/found{rank}.json", "w") as file:
        json.dump([kinds, {name: found[f"outputs_{name}"] if isinstance(
            found[f"outputs_{name}"], str) else found[f"outputs_{name}"].tolist()
            for name in values}], file)
    distributed.destroy_process_group()


@pytest.mark.parametrize("count", [1, 2])
def test_distributed_tensors(count, tmp_path):
    torch.multiprocessing.spawn(distributed_main, (str(tmp_path), count), nprocs=count)
    whole = [0.0, 1.0, 2.0, 3.0]
    for rank in range(count):
        kinds, found = read_json(tmp_path, f"found{rank}.json")
        assert kinds["async"] == "AsyncCollectiveTensor" and kinds["sharded"] == "DTensor"
        assert found["replicated"] == found["gathered"] == whole
        assert found["async"] == [count * value for value in whole]
        if count == 1:
            assert found["sharded"] == found["partial"] == whole
        else:
            assert found["sharded"] == whole[2 * rank:2 * rank + 2]
            assert found["partial"] == whole
    runs = sorted(os.listdir(tmp_path / "runs"))
    assert len(runs) == count
    for run in runs:
        provenance = read_json(tmp_path, "runs", run, "run.json")["provenance"]
        placements = provenance.get("placements")
        if count == 1:
            assert placements is None
            continue
        assert (placements["mesh"], placements["ranks"]) == ([{"axis0": 2}], [0, 1])
        told = {slot: rule["axis0"] for rule in placements["rules"] for slot in rule["slot"]}
        assert {name: told.get(f"outputs_{name}") for name in found} == {
            "replicated": "replicate", "gathered": "replicate", "partial": "partial",
            "sharded": {"shard": 0, "width": 4}, "async": None}
