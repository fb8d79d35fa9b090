import hashlib
import json
import math
import os
import threading

import h5py
import numpy as np
import pytest
import torch
from torch import nn

import assay_torch
from assay_torch import RecordError, record
from models import Block, InPlace, Model
from reading import spool_lines

IDS = torch.tensor([[1, 5, 2]])
ALL = {"log_step_ids": []}


def read_json(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return json.load(file)


def read_lines(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read().splitlines()


def load(*parts):
    return torch.load(os.path.join(*parts), weights_only=True)


@pytest.fixture
def config(tmp_path):
    return ALL | {"output_dir": str(tmp_path / "runs")}


def recorded(config, model=None, forwards=1, **options):
    model = Model() if model is None else model
    with record(model, config, **options) as run, torch.no_grad():
        for _ in range(forwards):
            model(IDS)
    return run


def test_directory_holds_what_every_module_took_and_gave(config):
    run = recorded(config, forwards=2)
    assert run.paths[0] == os.path.join(config["output_dir"], run.id)
    root = run.paths[0]
    assert read_lines(root, "step_1/module_calls.txt") == [
        "embed", "block", "block.linear", "block.twice", "block.scale", "block.twice_1",
        "block.in_place"]
    index = read_json(root, "run.json")
    assert index["complete"] is True and index["schema"] == "assay.run/1"
    assert [step["step"] for step in index["steps"]] == [0, 1]
    # Children complete before the parent that contains them.
    assert index["steps"][0]["completion_order"] == [0, 2, 3, 4, 5, 6, 1]
    model = Model()
    x = model.embed(IDS)
    assert torch.equal(load(root, "step_0/embed/outputs_cpu.pt"), x)
    x = x[0]
    for module, name in ((model.block.linear, "block.linear"), (torch.tanh, "block.twice")):
        assert torch.equal(load(root, "step_0", name, "inputs_0_cpu.pt"), x)
        x = module(x)
        assert torch.equal(load(root, "step_0", name, "outputs_cpu.pt"), x)
    assert torch.equal(load(root, "step_0/block.scale/inputs_factor_cpu.pt"), torch.tensor(3.0))
    x = x * 3
    assert torch.equal(load(root, "step_0/block.scale/outputs_scaled_0_cpu.pt"), x)
    x = torch.tanh(x)
    # The input as it was before the module changed it, and only what the view shows.
    taken = load(root, "step_0/block.in_place/inputs_0_cpu.pt")
    assert torch.equal(taken, x[:, ::2])
    assert taken.untyped_storage().nbytes() == taken.numel() * 4 and not taken.requires_grad
    assert torch.equal(load(root, "step_0/block.in_place/outputs_cpu.pt"), 2 * x[:, ::2])


def test_descriptions_say_what_is_no_tensor(config):
    root = recorded(config).paths[0]
    inputs = read_json(root, "step_0/block.scale/inputs.json")
    assert inputs["type"] == "tuple" and len(inputs["items"]) == 1
    assert inputs["kwargs"] == {"factor": {
        "type": "tensor", "shape": [], "dtype": "torch.float32", "numel": 1, "values": [3.0]}}
    outputs = read_json(root, "step_0/block.scale/outputs.json")["items"]
    assert outputs["mode"] == "plain" and outputs["nothing"] is None and outputs["half"] == 0.5
    assert [item["shape"] for item in outputs["scaled"]["items"]] == [[3, 4], []]


def test_hdf5_holds_the_same(config):
    run = recorded(config, forwards=2)
    root, path = run.paths
    index = read_json(root, "run.json")
    with h5py.File(path, "r") as file:
        assert file.attrs["complete"] == 1 and file.attrs["id"].decode() == run.id
        assert json.loads(file.attrs["provenance"]) == index["provenance"]
        count = 0
        for step in index["steps"]:
            calls = json.loads(file[f"step_{step['step']}/.calls"][()])
            assert calls["completion_order"] == step["completion_order"]
            for call, described in zip(step["calls"], calls["calls"], strict=True):
                folder = os.path.join(root, f"step_{step['step']}", call["directory"])
                assert described["outputs"] == read_json(folder, "outputs.json")
                assert [(one["slot"], one["device"]) for one in described["tensors"]] == \
                    [(one["slot"], one["device"]) for one in call["tensors"]]
                for tensor in call["tensors"]:
                    stored = file[f"step_{step['step']}/{call['module']}/call_{call['call']}/cpu/"
                                  + tensor["slot"]]
                    expected = load(folder, tensor["file"])
                    assert stored.attrs["dtype"].decode() == str(expected.dtype)
                    assert torch.equal(torch.from_numpy(stored[()]) if stored.shape else
                                       torch.tensor(stored[()]), expected)
                    count += 1
        assert count == sum(len(call["tensors"]) for step in index["steps"]
                            for call in step["calls"]) > 20
        # An output that is the next module's input is stored once.
        assert file["step_0/block.linear/call_0/cpu/outputs"].id.get_offset() == \
            file["step_0/block.twice/call_0/cpu/inputs_0"].id.get_offset()


def test_golden_alone_appears_whole_and_replaces_nothing(tmp_path):
    golden = tmp_path / "deep" / "model.h5"
    recipe = {"token_ids": [1, 5, 2]}
    run = recorded(None, golden=golden, recipe=recipe, forwards=2)
    assert run.paths == [str(golden)]
    with h5py.File(golden, "r") as file:
        assert json.loads(file.attrs["recipe"]) == {
            "token_ids": [1, 5, 2], "steps": 2, "dtype": "float32", "devices": ["cpu"]}
        assert sorted(file) == ["step_0", "step_1"]
    before = golden.read_bytes()
    with pytest.raises(ArithmeticError):
        recorded(None, Model(fails=True), golden=golden.with_name("other.h5"))
    with pytest.raises(RecordError, match="changes only by approval.*assay approve"):
        recorded(None, golden=golden)
    link = golden.with_name("link.h5")
    link.symlink_to("nowhere.h5")
    with pytest.raises(RecordError, match="changes only by approval"):
        recorded(None, golden=link)
    link.unlink()
    assert golden.read_bytes() == before
    assert os.listdir(golden.parent) == ["model.h5"]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_golden_that_comes_to_be_meanwhile_stays(tmp_path, monkeypatch, has_links):
    golden = tmp_path / "model.h5"

    def no_link(*_):
        raise PermissionError(1, "Operation not permitted")

    if not has_links:
        monkeypatch.setattr(os, "link", no_link)
    model = Model()
    with pytest.raises(RecordError, match="came to be while this was recorded"):
        with record(model, golden=golden), torch.no_grad():
            model(torch.tensor([[1, 2]]))
            golden.write_bytes(b"another's")
    assert golden.read_bytes() == b"another's"
    assert os.listdir(tmp_path) == ["model.h5"]


def test_failed_forward_leaves_no_step(config):
    model = Model(fails=True)
    with record(model, config) as run:
        with pytest.raises(ArithmeticError):
            model(IDS)
        model.fails = False
        model(IDS)
    assert [step["step"] for step in read_json(run.paths[0], "run.json")["steps"]] == [0]
    assert sorted(os.listdir(run.paths[0])) == ["run.h5", "run.json", "step_0"]
    with h5py.File(run.paths[1], "r") as file:
        assert list(file) == ["step_0"]


def test_left_by_an_exception_the_run_is_incomplete(config):
    with pytest.raises(KeyboardInterrupt):
        with record(Model(), config) as run:
            run.model(IDS)
            raise KeyboardInterrupt
    assert run.paths == [os.path.join(config["output_dir"], run.id)]
    assert sorted(os.listdir(run.paths[0])) == ["spool.json", "steps.jsonl", "tensors.bin"]
    assert [line["step"] for line in spool_lines(run.paths[0])] == [0]


def test_hooks_are_gone_afterwards(config):
    model = Model()
    recorded(config, model)
    assert not any(module._forward_hooks or module._forward_pre_hooks
                   for module in model.modules())


@pytest.mark.parametrize("match, expected", [
    (r"^block\.linear$", ["block.linear"]),
    (["twice:1"], ["block.twice_1"]),
    (["twice:1", "block"], ["block", "block.linear", "block.twice_1", "block.scale",
                            "block.in_place"]),
    (r"(?:lin|em)", ["embed", "block.linear"]),
])
def test_modules_are_searched_and_the_first_rule_decides(config, match, expected):
    root = recorded(config | {"module_call_match": match}).paths[0]
    assert sorted(read_lines(root, "step_0/module_calls.txt")) == sorted(expected)


def test_a_pattern_that_takes_for_ever_is_refused(config, monkeypatch):
    monkeypatch.setattr("assay_torch.matching.SECONDS", 1)
    model = nn.ModuleDict({"fine": nn.Linear(2, 2), "a" * 60: nn.Linear(2, 2)})
    with pytest.raises(RecordError, match=r"cannot be '\(a\+\)\+b': after 1 seconds nobody knows"):
        record(model, config | {"module_call_match": ["fine|x+", "(a+)+b"]})
    record(model, config | {"module_call_match": ["fine|x+", "(?:a+x)+b"]})


def test_steps_sizes_and_inputs_after_the_forward(config):
    run = recorded(config | {"log_step_ids": [1], "max_tensor_size": 10,
                             "log_post_fwd_inputs": True}, forwards=3)
    root, path = run.paths
    assert sorted(os.listdir(root)) == ["run.h5", "run.json", "step_1"]
    note = read_json(root, "step_1/embed/outputs_cpu.json")
    assert note["shape"] == [1, 3, 4] and note["device"] == "cpu"
    assert note["skipped"] == "Tensor too large: 12 elements, max_tensor_size is 10"
    before = load(root, "step_1/block.in_place/inputs_0_cpu.pt")
    after = load(root, "step_1/block.in_place/post_fwd_inputs_0_cpu.pt")
    assert torch.equal(after, 2 * before)
    with h5py.File(path, "r") as file:
        skipped = file["step_1/embed/call_0/cpu/outputs"]
        assert skipped.shape is None and list(skipped.attrs["shape"]) == [1, 3, 4]


def test_every_dtype_is_held(config):
    class Cast(nn.Module):
        def forward(self, x):
            return x

    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.cast = Cast()

        def forward(self, tensors):
            return [self.cast(tensor) for tensor in tensors]

    names = ("float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 int8 int16 int32 int64 "
             "uint8 uint16 uint32 uint64 bool complex64 complex128").split()
    bits = torch.arange(64, dtype=torch.uint8)
    values = [bits.view(getattr(torch, name)) if name != "bool" else bits > 30 for name in names]
    values += [torch.zeros(3, 0), torch.tensor(1.5).conj(), torch.ones(2, dtype=torch.cfloat).conj()]
    model = Root()
    with record(model, config) as run:
        model(values)
    for index, value in enumerate(values):
        folder = "cast" + (f"_{index}" if index else "")
        found = load(run.paths[0], "step_0", folder, "outputs_cpu.pt")
        assert found.dtype == value.dtype and found.shape == value.shape
        assert torch.equal(found.contiguous().view(-1).view(torch.uint8),
                           value.resolve_conj().contiguous().view(-1).view(torch.uint8))
    assert len(read_lines(run.paths[0], "step_0/module_calls.txt")) == len(values)


class Sparse(nn.Module):
    def forward(self, x):
        return x.to_sparse()


def test_what_no_layout_holds_is_named(config):
    model = nn.Sequential(Sparse())
    with pytest.raises(RecordError, match=r"cannot record outputs of 0: a torch.sparse_coo tensor"):
        with record(model, config, strict=True):
            model(torch.ones(2, 2))


def test_an_error_that_the_model_swallows_is_raised_at_the_end(config):
    class Swallowing(nn.Module):
        def __init__(self):
            super().__init__()
            self.sparse = Sparse()

        def forward(self, x):
            try:
                self.sparse(x)
            except RecordError:
                pass
            return x

    model = Swallowing()
    with pytest.raises(RecordError, match="sparse_coo"):
        with record(model, config, strict=True) as run:
            model(torch.ones(2, 2))
    assert spool_lines(run.paths[0]) == []


def test_module_that_raises_and_is_caught_has_no_outputs(config):
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.model, self.last = Model(fails=True), nn.Tanh()

        def forward(self, ids):
            try:
                self.model(ids)
            except ArithmeticError:
                pass
            return self.last(ids.float())

    model = Careful()
    with record(model, config) as run:
        model(IDS)
    root = run.paths[0]
    assert "outputs.json" not in os.listdir(os.path.join(root, "step_0/model"))
    assert "outputs.json" in os.listdir(os.path.join(root, "step_0/last"))
    order = read_json(root, "run.json")["steps"][0]["completion_order"]
    assert sorted(order) == list(range(len(order)))


def test_nothing_recorded_is_an_error(config):
    for change, reason in [
        ({"module_call_match": "nowhere"}, 'no module call matches module_call_match "nowhere"'),
        ({"log_step_ids": [7]}, r"log_step_ids selects \[7\], and the last step was 0"),
        ({"device_names": ["cuda:0"]}, "device_names selects cuda:0, and all tensors are on cpu"),
    ]:
        with pytest.raises(RecordError, match=reason):
            recorded(config | change)
    with pytest.raises(RecordError, match="no forward of the model ended"):
        with record(Model(), config):
            pass


def test_idle_patterns_and_stray_calls_warn(config):
    with pytest.warns(UserWarning, match='the pattern "nowhere" recorded no module call'):
        recorded(config | {"module_call_match": ["embed", "nowhere"]})
    model = Model()
    with pytest.warns(UserWarning, match="outside of a forward of the recorded model.*embed"):
        with record(model, config):
            model(IDS)
            model.embed(IDS)


def test_disabled_records_nothing(config):
    run = recorded(config | {"enabled": False})
    assert run.paths == [] and not os.path.exists(config["output_dir"])


@pytest.mark.parametrize("bad, message", [
    ({"unknown": 1}, 'unknown key "unknown"'),
    ({"log_step_ids": 1}, '"log_step_ids" .* must be an array of integers'),
    ({"log_step_ids": [-1]}, "must not be negative"),
    ({"log_step_ids": [True]}, "must be an array of integers"),
    ({"module_call_match": ["("]}, '"module_call_match" .* cannot be'),
    ({"module_call_match": ["a:-1"]}, "must be a number from 0"),
    ({"formats": ["npz"]}, "valid formats: pt, hdf5"),
    ({"formats": []}, "valid formats: pt, hdf5"),
    ({"output_dir": ""}, "it names no directory"),
    ({"enabled": "yes"}, "must be true or false"),
    ('{"enabled": true, "enabled": false}', 'the key "enabled" occurs twice'),
    ("{", "not valid JSON"),
    ("/nowhere/config.json", "cannot read the capture configuration /nowhere/config.json"),
    (7, "a dict, a JSON text or the path of a file"),
])
def test_bad_configurations_are_named(bad, message):
    with pytest.raises(RecordError, match=message):
        record(Model(), bad)


def test_configuration_from_text_and_file(tmp_path):
    text = json.dumps({"output_dir": str(tmp_path / "runs"), "log_step_ids": [0]})
    file = tmp_path / "config.json"
    file.write_text(text)
    for config in (text, file, str(file)):
        assert len(recorded(config).paths) == 2


def test_what_hooks_cannot_see_is_refused(config):
    compiled = torch.compile(Model(), backend="eager")
    with pytest.raises(RecordError, match="torch.compile"):
        recorded(config, compiled)
    inner = Model()
    inner.block.compile(backend="eager")
    with pytest.raises(RecordError, match="the module block is compiled by torch.compile"):
        recorded(config, inner)
    with pytest.raises(RecordError, match="TorchScript"):
        recorded(config, nn.Sequential(torch.jit.script(nn.Tanh())))
    with pytest.raises(RecordError, match="DataParallel"):
        recorded(config, nn.DataParallel(Model()))
    assert not os.path.exists(config["output_dir"])


def plain_attribute(model):
    model.block.forward = torch.compile(model.block.forward, backend="eager")


def compiled_method(model):
    model.block.run = torch.compile(model.block.forward, backend="eager")


def compiled_class(model):
    class Compiled(Block):
        forward = torch.compile(Block.forward, backend="eager")
    model.block = Compiled()


@pytest.mark.parametrize("change", [plain_attribute, compiled_method, compiled_class])
def test_compiled_methods_that_run_modules_are_refused(config, change):
    model = Model()
    change(model)
    with pytest.raises(RecordError, match="of the module block is compiled by torch.compile"):
        recorded(config, model)
    assert not os.path.exists(config["output_dir"])


def test_compiled_leaves_and_functions_lose_nothing(config):
    model = Model()
    model.embed.forward = torch.compile(model.embed.forward, backend="eager")
    model.block.twice.helper = torch.compile(torch.tanh, backend="eager")
    model.block.forward = torch.compiler.disable(model.block.forward)
    root = recorded(config, model).paths[0]
    assert len(read_lines(root, "step_0/module_calls.txt")) == 7
    assert torch.equal(load(root, "step_0/embed/outputs_cpu.pt"), model.embed(IDS))


@pytest.mark.parametrize("what", [torch.relu, lambda x: x, Model, None, "model"])
def test_what_is_no_module_is_refused(config, what):
    with pytest.raises(RecordError, match="record takes the torch.nn.Module that is called, not"):
        record(what, config)


def test_a_golden_is_all_that_is_written_unless_a_place_is_named(tmp_path, monkeypatch):
    golden = str(tmp_path / "golden.h5")
    monkeypatch.setattr(assay_torch.Configuration, "directory", str(tmp_path / "unwanted"))
    for config in (None, {}, {"log_step_ids": []}, {"formats": ["pt"]}):
        if os.path.exists(golden):
            os.remove(golden)
        assert recorded(config, golden=golden).paths == [golden]
    assert os.listdir(tmp_path) == ["golden.h5"]
    monkeypatch.undo()
    os.remove(golden)
    assert len(recorded({"output_dir": str(tmp_path / "runs")}, golden=golden).paths) == 3


def test_root_is_recorded_under_a_name(config):
    run = recorded(config, root="port", forwards=2)
    root = run.paths[0]
    assert read_lines(root, "step_1/module_calls.txt")[0] == "port"
    assert torch.equal(load(root, "step_1/port/inputs_0_cpu.pt"), IDS)
    assert torch.equal(load(root, "step_1/port/outputs_cpu.pt"),
                       load(root, "step_1/block/outputs_cpu.pt"))
    assert read_json(root, "run.json")["steps"][1]["completion_order"] == [1, 3, 4, 5, 6, 7, 2, 0]
    for name in ("embed", "", 3):
        with pytest.raises(RecordError, match="the root cannot be recorded as"):
            record(Model(), config, root=name)


def test_a_forward_that_fails_within_a_module_is_let_go(config):
    class Fragile(nn.Module):
        def forward(self, x):
            if x.sum() > 6:
                raise ArithmeticError("too much")
            return x

    model = nn.Sequential(nn.Identity(), nn.Sequential(Fragile()), nn.Identity())
    for root in (None, "root"):
        with record(model, config, root=root) as run:
            for scale in (1, 3, 0.5, 4):
                try:
                    model(scale * torch.ones(3))
                except ArithmeticError:
                    pass
        assert run.steps == 2
        assert torch.equal(load(run.paths[0], "step_1/2/outputs_cpu.pt"), 0.5 * torch.ones(3))
        assert len(read_lines(run.paths[0], "step_1/module_calls.txt")) == 4 + (root is not None)


def test_an_interrupted_forward_is_not_passed_over(config):
    class Interrupted(nn.Module):
        def forward(self, x):
            raise KeyboardInterrupt

    model = nn.Sequential(Interrupted())
    with pytest.raises(RecordError, match="a forward of the model was interrupted"):
        with record(model, config):
            try:
                model(torch.ones(1))
            except KeyboardInterrupt:
                pass


def test_interrupting_the_program_shows_no_traceback(tmp_path, monkeypatch, capsys):
    from assay_torch import __main__ as program
    monkeypatch.setattr("sys.argv", ["assay_torch", "record", "--model", str(tmp_path),
                                     "--prompt-token-ids", "1"])

    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "record_generation", interrupted)
    assert program.main() == 130
    assert capsys.readouterr().err.startswith("Interrupted: ")


def test_given_id_names_the_run_and_is_not_overwritten(config):
    assert recorded(config, run_id="mine").id == "mine"
    with pytest.raises(RecordError, match="holds a run already"):
        recorded(config, run_id="mine")
    with pytest.raises(RecordError, match="the name of its directory"):
        recorded(config, run_id="a/b")


def test_provenance_explains_the_run(config):
    torch.manual_seed(11)
    run = recorded(config, provenance={"seed": 11, "model_hash": "sha256:0"})
    found = read_json(run.paths[0], "run.json")["provenance"]
    assert found["tool"] == "assay_torch" and found["framework_version"] == torch.__version__
    assert found["dtype"] == "float32" and found["seed"] == 11
    assert found["threads"] == torch.get_num_threads() and found["libraries"]["h5py"]


def test_model_hash_is_that_of_the_named_lines(tmp_path):
    import hashlib
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "tokenizer.json").write_bytes(b"not hashed")
    lines = "".join(f"{name}\n{hashlib.sha256(data).hexdigest()}\n" for name, data in
                    (("config.json", b"{}"), ("model.safetensors", b"weights")))
    assert assay_torch.model_hash(tmp_path) == \
        "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def rank_main(rank, folder):
    import torch.distributed as distributed
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    model = Model()
    with record(model, {"output_dir": folder + "/runs"}, golden=folder + "/model.h5") as run:
        model(IDS + rank)
    with open(f"{folder}/paths{rank}.json", "w") as file:
        json.dump(run.paths, file)
    distributed.destroy_process_group()


def test_each_rank_has_a_run_of_its_own(tmp_path):
    torch.multiprocessing.spawn(rank_main, (str(tmp_path),), nprocs=2)
    paths = [read_json(tmp_path, f"paths{rank}.json") for rank in (0, 1)]
    ids = [os.path.basename(path[0]) for path in paths]
    assert ids[0].removesuffix("-rank0") == ids[1].removesuffix("-rank1")
    assert [os.path.basename(path[2]) for path in paths] == ["model.rank0.h5", "model.rank1.h5"]
    for rank, path in enumerate(paths):
        taken = load(path[0], "step_0/embed/inputs_0_cpu.pt")
        assert torch.equal(taken, IDS + rank)
        found = read_json(path[0], "run.json")["provenance"]
        assert (found["rank"], found["world_size"]) == (rank, 2)
        assert "placements" not in found  # nothing tells what the ranks share


def test_root_that_calls_itself_is_one_step(config):
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.tanh = nn.Tanh()
            self.again = Again(self)

        def forward(self, x, depth=0):
            x = self.tanh(x)
            return x if depth else self.again(x)

    class Again(nn.Module):
        def __init__(self, root):
            super().__init__()
            self.root = [root]

        def forward(self, x):
            return self.root[0](x, depth=1)

    model = Nested()
    with record(model, config) as run:
        model(torch.ones(2))
        model(torch.ones(2))
    assert run.steps == 2
    assert read_lines(run.paths[0], "step_1/module_calls.txt") == ["tanh", "again", "tanh_1"]


def test_two_runs_in_threads_do_not_mix(config):
    runs = {}

    def work(name):
        model = nn.Sequential(Block(), InPlace())
        with record(model, config, run_id=name) as run, torch.no_grad():
            for _ in range(5):
                model(torch.ones(3, 4))
        runs[name] = run

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [runs[name].steps for name in ("a", "b")] == [5, 5]


class Wide(torch.nn.Module):
    """Gives a large and a small tensor, and an odd one."""

    def forward(self, x):
        odd = torch.linspace(-1, 1, 300)
        odd[[3, 5]], odd[7] = torch.nan, torch.inf
        return x.repeat(100, 4), x, odd


class WideModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = Wide()

    def forward(self, ids):
        return self.wide(ids.float())


def test_digests_stand_for_large_tensors(config, tmp_path):
    golden = str(tmp_path / "golden.h5")
    run = recorded(config | {"keep": "digest"}, WideModel(), golden=golden)
    note = read_json(run.paths[0], "step_0/wide/outputs_0_cpu.json")
    assert note["skipped"] == "only a digest was kept" and note["shape"] == [100, 12]
    digest = note["digest"]
    large = IDS.float().repeat(100, 4)
    assert (digest["count"], digest["min"], digest["max"]) == (1200, 1, 5)
    assert digest["mean"] == pytest.approx(large.double().mean().item(), rel=1e-14)
    assert digest["l2"] == pytest.approx(large.double().norm().item(), rel=1e-14)
    assert digest["std"] == pytest.approx(large.double().std(correction=0).item(), rel=1e-14)
    assert digest["sha256"] == hashlib.sha256(large.numpy().tobytes()).hexdigest()
    # The sums with random signs keep the length, by the lemma within 1.41.
    length = math.sqrt(sum(value ** 2 for value in digest["projection"]) / 128)
    assert 0.7 < length / digest["l2"] < 1.41
    assert torch.equal(load(run.paths[0], "step_0/wide/outputs_1_cpu.pt"), IDS.float())
    odd = read_json(run.paths[0], "step_0/wide/outputs_2_cpu.json")["digest"]
    assert (odd["nan"], odd["inf"], odd["min"], odd["max"]) == (2, 1, -1, 1)
    assert read_json(run.paths[0], "run.json")["configuration"]["keep"] == "digest"
    for path in (run.paths[1], golden):
        with h5py.File(path) as file:
            dataset = file["step_0/wide/call_0/cpu/outputs_0"]
            assert dataset.shape is None and dataset.attrs["shape"].tolist() == [100, 12]
            assert json.loads(dataset.attrs["digest"]) == {
                name: value for name, value in digest.items() if name != "projection"}
            assert dataset.attrs["projection"].tolist() == digest["projection"]
            assert "sample" not in dataset.attrs
            assert file["step_0/wide/call_0/cpu/outputs_1"].shape == (1, 3)


def test_samples_are_elements(tmp_path):
    golden = str(tmp_path / "golden.h5")
    recorded(None, WideModel(), golden=golden, keep="sample")
    with h5py.File(golden) as file:
        sample = file["step_0/wide/call_0/cpu/outputs_0"].attrs["sample"]
        assert len(sample) == 256 and set(sample.tolist()) == {1, 5, 2}


def test_equal_tensors_have_one_digest(tmp_path):
    golden = str(tmp_path / "golden.h5")
    recorded(None, WideModel(), forwards=2, golden=golden, keep="digest")
    with h5py.File(golden) as file:
        places = [h5py.h5o.get_info(file[f"step_{step}/wide/call_0/cpu/outputs_0"].id).addr
                  for step in (0, 1)]
    assert places[0] == places[1]


def test_generator_is_splitmix64():
    """What the generator's reference code in C prints for the seed 1234567."""
    from assay_torch.digest import splitmix64
    assert splitmix64(1234567, np.arange(3)).tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423]
