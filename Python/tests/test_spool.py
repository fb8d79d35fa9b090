"""A recording under way, and the layouts that are made of it."""

import os
import resource
import signal
import subprocess
import sys
import time

import h5py
import pytest
import torch
from torch import nn
from transformers import DynamicCache

import assay_torch
from assay_torch import RecordError, conversion, record, spool
from assay_torch.tensors import DTYPES
from models import Model
from reading import in_directory, in_file, in_spool, read_json, same, spool_lines

SPOOL = {"log_step_ids": [], "formats": ["spool"]}


@pytest.fixture
def config(tmp_path):
    return SPOOL | {"output_dir": str(tmp_path / "runs")}


class Echo(nn.Module):
    def forward(self, *values, **keywords):
        return values


class Root(nn.Module):
    def __init__(self):
        super().__init__()
        self.echo = Echo()

    def forward(self, *values, **keywords):
        return self.echo(*values, **keywords)


def tensors():
    bits = torch.arange(64, dtype=torch.uint8)
    found = {str(dtype): (bits > 30) if dtype == torch.bool else bits.view(dtype)
             for dtype in DTYPES}
    matrix = torch.arange(24.0).reshape(4, 6)
    found |= {"scalar": torch.tensor(2.5), "scalar bf16": torch.tensor(2.5, dtype=torch.bfloat16),
              "empty": torch.zeros(3, 0), "transposed": matrix.t(), "strided": matrix[:, ::2],
              "offset": matrix[1:], "conjugate": torch.tensor([1 + 2j]).conj(),
              "negative": torch.tensor([1 + 2j]).conj().imag,
              "expanded": torch.ones(1).expand(5), "graph": torch.ones(2, requires_grad=True) * 3,
              "parameter": nn.Parameter(torch.ones(3))}
    return found


@pytest.mark.parametrize("name", tensors())
def test_every_tensor_is_held_bit_by_bit(config, name):
    model = Root()
    with record(model, config) as run:
        for _ in range(3):  # from the second step on by the plan of the first
            value = tensors()[name]
            model(value, [value, None])
    for step in range(3):
        found, _ = in_spool(run.paths[0], "echo", step=step)
        assert sorted(found) == ["inputs_0", "inputs_1_0", "outputs_0", "outputs_1_0"]
        for slot in found:
            assert same(found[slot], tensors()[name]), slot


def test_what_changes_is_described_anew(config):
    model, cache = Root(), DynamicCache()
    values = [(torch.tensor([1, 2]), 1), (torch.tensor([3, 4]), 1), (torch.tensor([3, 4]), True),
              (torch.tensor([3, 4]), 1.0), (torch.tensor([3.0, torch.nan]), -0.0),
              (torch.tensor([3.0, torch.nan]), 0.0), (torch.zeros(17), "text"), (None, None)]
    with record(model, config) as run:
        for turn in range(2):
            for tensor, scalar in values:
                model(tensor, (scalar,), cache=cache)
                cache.update(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 2), 0)
    for step in range(2 * len(values)):
        tensor, scalar = values[step % len(values)]
        listed = in_spool(run.paths[0], "echo", step=step)[1]
        first, second = listed["inputs"]["items"]
        if tensor is None:
            assert first is None
        else:
            assert first.get("values") == (
                None if tensor.numel() > 16 else ["nan" if value != value else value
                                                  for value in tensor.tolist()])
            assert first["dtype"] == str(tensor.dtype)
        found = second["items"][0]
        # As the layouts have it, a whole number has no fraction.
        assert found == scalar and (type(found) is bool) == (type(scalar) is bool)
        assert listed["inputs"]["kwargs"]["cache"]["seq_length"] == step


def test_a_copy_is_taken_at_the_call(config):
    class Mutating(nn.Module):
        def forward(self, x):
            x += 1
            return x

    model = nn.Sequential(Mutating(), Mutating())
    with record(model, config | {"log_post_fwd_inputs": True}) as run, torch.no_grad():
        for _ in range(2):
            model(torch.zeros(100))
    for step in range(2):
        for index in (0, 1):
            found, _ = in_spool(run.paths[0], str(index), step=step)
            assert same(found["inputs_0"], torch.full((100,), float(index)))
            assert same(found["outputs"], torch.full((100,), index + 1.0))
            assert same(found["post_fwd_inputs_0"], found["outputs"])


def test_filters_hold_for_plans_too(config):
    model = Root()
    with record(model, config | {"max_tensor_size": 10}) as run:
        for _ in range(2):
            model(torch.ones(11), torch.ones(2), torch.ones(12))
    for step in range(2):
        found, listed = in_spool(run.paths[0], "echo", step=step)
        assert found["inputs_0"]["skipped"] == \
            "Tensor too large: 11 elements, max_tensor_size is 10"
        assert same(found["inputs_1"], torch.ones(2)) and found["inputs_2"]["shape"] == [12]
        assert [item["values"] for item in listed["inputs"]["items"]] == [
            [1] * 11, [1, 1], [1] * 12]


KILLED = """
import os, signal, torch
from torch import nn
import assay_torch
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs in the background
model = nn.Sequential(nn.Tanh(), nn.Tanh())
with assay_torch.record(model, {"output_dir": r"FOLDER", "log_step_ids": []}, run_id="run"):
    for step in range(3):
        model(torch.full((2,), float(step)))
    model[1].register_forward_hook(lambda *_: os.kill(os.getpid(), signal.SIGSIGNAL))
    model(torch.ones(2))
"""


@pytest.mark.parametrize("name", ["KILL", "INT"])
def test_a_killed_run_keeps_the_steps_that_ended(tmp_path, name):
    script = KILLED.replace("FOLDER", str(tmp_path)).replace("SIGNAL", name)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          cwd=os.path.join(os.path.dirname(assay_torch.__file__), ".."))
    assert done.returncode == -getattr(signal, f"SIG{name}")
    root = str(tmp_path / "run")
    assert [line["step"] for line in spool_lines(root)] == [0, 1, 2]
    for step in range(3):
        found, _ = in_spool(root, "1", step=step)
        assert same(found["outputs"], torch.full((2,), float(step)).tanh().tanh())
    for target in ("made.h5", "made"):
        conversion.convert(root, [str(tmp_path / target)])
    assert read_json(tmp_path, "made", "run.json")["complete"] is False
    for step in range(3):
        for made in (in_directory(str(tmp_path / "made"), "0", step=step),
                     in_file(str(tmp_path / "made.h5"), "0", step=step)[0]):
            assert same(made["inputs_0"], torch.full((2,), float(step)))


def test_a_forward_that_raises_leaves_no_bytes(config):
    model = Model()
    with record(model, config) as run, torch.no_grad():
        for fails in (False, True, True, False):
            model.fails = fails
            try:
                model(torch.tensor([[1, 5, 2]]))
            except ArithmeticError:
                pass
    lines = spool_lines(run.paths[0])
    assert [line.get("step") for line in lines] == [0, 1, None] and run.steps == 2
    ends = [[one["offset"] + one["bytes"] for call in line["calls"] for one in call["tensors"]]
            for line in lines[:2]]
    size = os.path.getsize(os.path.join(run.paths[0], "tensors.bin"))
    assert max(ends[1]) <= size < max(ends[1]) + 64 and size <= 2 * (max(ends[0]) + 64)
    first, second = (in_spool(run.paths[0], "block.linear", step=step)[0] for step in (0, 1))
    assert all(same(first[slot], second[slot]) for slot in first)


def limited(bytes_):
    """Files of at most so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, before[1]))
    return before


def test_a_full_disk_is_an_error_and_leaves_whole_steps(config):
    model, before = Root(), resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(RecordError, match="cannot write .*File too large"):
        with record(model, config) as run:
            before = limited(1 << 20)
            try:
                for step in range(100):
                    model(torch.full((10_000,), float(step)))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
    lines = spool_lines(run.paths[0])
    assert 0 < len(lines) < 100 and all("step" in line for line in lines)
    for step in range(len(lines)):
        found, _ = in_spool(run.paths[0], "echo", step=step)
        assert same(found["outputs_0"], torch.full((10_000,), float(step)))


def test_a_failure_that_the_model_swallows_is_raised_at_the_end(config):
    model, before = Root(), resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(RecordError, match="cannot write"):
        with record(model, config):
            before = limited(4096)
            try:
                model(torch.ones(10_000))
            except RecordError:
                pass
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_queue_makes_the_forward_wait(config, monkeypatch):
    monkeypatch.setattr(spool, "QUEUE_BYTES", 1000)
    monkeypatch.setattr(spool, "PART_BYTES", 400)
    waiting, write = [], spool.write_all

    def slow(descriptor, buffers, byte_count):
        waiting.append(run._spool._queued_bytes)
        time.sleep(0.001)
        write(descriptor, buffers, byte_count)

    monkeypatch.setattr(spool, "write_all", slow)
    model = nn.Sequential(*[nn.Tanh() for _ in range(40)])
    with record(model, config) as run:
        model(torch.ones(100))
    assert max(waiting) <= 1000
    x = torch.ones(100)
    for index in range(40):
        found, _ = in_spool(run.paths[0], str(index))
        assert same(found["inputs_0"], x)
        x = x.tanh()


def test_steps_may_be_the_caller_s(config):
    class Engine(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Tanh(), nn.Tanh()

        def forward(self, x):
            return self.body(x)

    model = Engine()
    with record(model, config, manual_steps=True) as run:
        model(torch.zeros(1))  # a warm-up
        for step in range(3):
            run.begin_step()
            run.head = model.head(model(torch.full((2,), float(step))))
            run.rows = [{"request": "a", "position": step}]
            if step == 1:
                run.discard_step()
            else:
                run.end_step()
        run.discard_step()  # nothing is open
    lines = spool_lines(run.paths[0])
    assert [line.get("step") for line in lines] == [0, 1, None]
    assert [line["rows"] for line in lines[:2]] == [
        [{"request": "a", "position": 0}], [{"request": "a", "position": 2}]]
    assert [call["module"] for call in lines[1]["calls"]] == ["body", "head"]
    assert same(in_spool(run.paths[0], "body", step=1)[0]["inputs_0"], torch.full((2,), 2.0))


def test_a_run_is_not_recorded_over(config):
    # The last is what another recorder makes before it says what it is.
    for name in ("spool.json", "run.json", "run.h5", "step_0", "tensors.bin"):
        folder = os.path.join(config["output_dir"], name)
        os.makedirs(os.path.join(folder, name))
        with pytest.raises(RecordError, match="holds a run already"):
            with record(Root(), config, run_id=name):
                pass


# The layouts that are made of it

@pytest.fixture
def recorded(config):
    model = Model()
    with record(model, config | {"formats": ["spool", "pt", "hdf5"], "max_tensor_size": 10},
                provenance={"engine": {"name": "x"}}, recipe={"engine": "x"}) as run, \
            torch.no_grad():
        for ids in ([[1, 5, 2]], [[1, 5, 2]], [[3]]):
            model(torch.tensor(ids))
    return run


def test_both_layouts_hold_what_the_spool_does(recorded):
    root = recorded.paths[0]
    assert recorded.paths == [root, root, os.path.join(root, "run.h5")]
    index, lines = read_json(root, "run.json"), spool_lines(root)
    head = read_json(root, "spool.json")
    for key in ("id", "provenance", "configuration"):
        assert index[key] == head[key]
    assert index["recipe"] == lines[-1]["recipe"] and index["complete"] is True
    with h5py.File(recorded.paths[2]) as file:
        assert file.attrs["complete"] == 1
        assert b'"engine":{"name":"x"}' in file.attrs["provenance"]
    for line, step in zip(lines, index["steps"], strict=False):
        assert line["completion_order"] == step["completion_order"]
        for call in line["calls"]:
            key = call["module"], call["call"], line["step"]
            expected = in_spool(root, *key)[0]
            listed = in_file(recorded.paths[2], *key)
            assert listed[1]["outputs"] == call["outputs"]
            for found in (in_directory(root, *key), listed[0]):
                assert list(found) == list(expected)
                for slot, value in expected.items():
                    if isinstance(value, torch.Tensor):
                        assert same(found[slot], value)
                    else:
                        assert found[slot]["skipped"] in (value["skipped"],
                                                          value["skipped"].encode())


def test_files_of_the_same_bytes_are_links(recorded):
    root = recorded.paths[0]
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".pt"):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found.setdefault((file.read()), set()).add(os.stat(path).st_ino)
    assert all(len(files) == 1 for files in found.values())
    assert os.stat(os.path.join(root, "step_0/block/inputs_0_cpu.json")).st_nlink == 1
    small = os.path.join(root, "step_2/block.linear/inputs_0_cpu.pt")
    assert os.stat(small).st_nlink > 1  # the block's own input is the same


def test_without_a_spool_it_is_removed(config):
    model = Root()
    with record(model, config | {"formats": ["pt"]}) as run:
        model(torch.ones(2))
    assert sorted(os.listdir(run.paths[0])) == ["run.json", "step_0"]


@pytest.mark.parametrize("program", ["false", "nowhere", "true"])
def test_where_the_program_fails_this_library_converts(config, tmp_path, monkeypatch, program):
    monkeypatch.setenv("ASSAY", program)
    model = Root()
    with pytest.warns(UserWarning, match=program):
        with record(model, config | {"formats": ["pt", "hdf5"]},
                    golden=str(tmp_path / "golden.h5")) as run:
            model(torch.ones(2))
    for path in (run.paths[1], str(tmp_path / "golden.h5")):
        assert same(in_file(path, "echo")[0]["inputs_0"], torch.ones(2))
    assert same(in_directory(run.paths[0], "echo")["inputs_0"], torch.ones(2))


# Torch tells of a full disk by an error of its own.
@pytest.mark.parametrize("error", [OSError(28, "No space left"), RuntimeError("No space left")])
def test_a_recording_that_cannot_be_converted_stays(config, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setenv("ASSAY", "")
    monkeypatch.setattr(torch, "save", full)
    model = Root()
    with pytest.raises(RecordError, match="cannot be converted: .*No space.*`assay convert"):
        with record(model, config | {"formats": ["pt", "hdf5"]}) as run:
            model(torch.ones(2))
    assert sorted(os.listdir(run.paths[0])) == ["spool.json", "steps.jsonl", "tensors.bin"]
    assert spool_lines(run.paths[0])[-1]["complete"] is True


def test_the_command_converts(config, tmp_path):
    model = Root()
    with record(model, config) as run:
        model(torch.ones(2))
    command = [sys.executable, "-m", "assay_torch", "convert", run.paths[0]]
    folder = os.path.join(os.path.dirname(assay_torch.__file__), "..")
    for target, read in (("a.h5", lambda path: in_file(path, "echo")[0]),
                         ("a", lambda path: in_directory(path, "echo"))):
        path = str(tmp_path / target)
        for status in (0, 2):  # the second time it is there
            done = subprocess.run([*command, path], cwd=folder, capture_output=True, text=True)
            assert done.returncode == status, done.stderr
        assert same(read(path)["inputs_0"], torch.ones(2))
    done = subprocess.run([*command[:-1], str(tmp_path), str(tmp_path / "b")], cwd=folder,
                          capture_output=True, text=True)
    assert done.returncode == 2 and "no recording that can be read" in done.stderr
