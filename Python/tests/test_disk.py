"""Names on disk, and what is written when."""

import hashlib
import json
import os
import unicodedata

import pytest
import torch
from torch import nn

from assay_torch import record
from assay_torch.disk import Names, escaped, fitted
from reading import in_directory, in_file, read_lines, same, spool_lines

NAMES = {
    "model.layers.0": "model.layers.0", "a/b": "a%2Fb", "50%": "50%25", ".hidden": "%2Ehidden",
    "é": "é", "a.": "a%2E", "a ": "a%20", "a..": "a.%2E", "a. b": "a. b", "con_1": "con_1",
    "con": "%63on", "Aux.layers": "%41ux.layers", "com1": "%63om1", "lpt9.x": "%6Cpt9.x",
    "nul .x": "%6Eul .x", "console": "console", "a:b": "a%3Ab", "a\\b": "a%5Cb",
    "tab\there": "tab%09here", "line\nbreak": "line%0Abreak", "COM²": "%43OM²", "\0": "%00",
    "a\ud800": "a?".replace("?", "%3F")}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_file_may_have_are_escaped(name):
    assert escaped(name) == NAMES[name]


@pytest.mark.parametrize("stem, extension, expected", [
    ("m" * 255, "", "m" * 255),
    ("m" * 256, "", "m" * 200 + "%~04e6003138b0493df4d5786ebd119fc9"),
    ("é" * 128, "", "é" * 100 + "%~e42dd264fd5cf1bc947505b995dceb9a"),
    ("m" * 199 + "%2F" + "n" * 100, "", "m" * 199 + "%~d1b239e104a19a80f99dcdbaf29b673b"),
    ("m" * 199 + "é" * 60, "", "m" * 199 + "%~389c314dd541cb717bf26ae6ef307e7c"),
    ("outputs_" + "k" * 240 + "_cpu", ".pt", "outputs_" + "k" * 240 + "_cpu"),
    ("outputs_" + "k" * 241 + "_cpu", ".pt",
     "outputs_" + "k" * 192 + "%~3863a731defacd937b9dec7a4a272bc0"),
    ("outputs_" + "k" * 239 + "_cpu", ".json",
     "outputs_" + "k" * 192 + "%~8920b1b120705c6d287e39915987aa05"),
])
def test_long_names_are_cut_and_hashed(stem, extension, expected):
    assert fitted(stem, extension) == expected
    if expected != stem:
        assert expected.endswith("%~" + hashlib.sha256(stem.encode()).hexdigest()[:32])
    assert len((expected + extension).encode()) <= 255


def test_no_two_names_are_one_to_a_file_system():
    composed, decomposed = "é", unicodedata.normalize("NFD", "é")
    given = ["A", "a", "a_1", "a_1", "a", "Σ", "σ", "ς", composed, decomposed, "ß", "ss",
             "step.json", "module_calls.txt", "X" * 255, "x" * 255]
    names = Names("module_calls.txt", "step.json")
    found = [names.add(name) for name in given]
    assert found[:14] == ["A", "a%", "a_1", "a_1%", "a%%", "Σ", "σ%", "ς%%", composed,
                          decomposed + "%", "ß", "ss%", "step.json%", "module_calls.txt%"]
    assert len({unicodedata.normalize("NFC", name).casefold() for name in found}) == len(given)
    assert max(len(name.encode()) for name in found) <= 255


class Echo(nn.Module):
    def forward(self, x):
        return {"k" * 300: x, "K" * 300: x + 1, "con": x + 2, "A.": x + 3, "a.": x + 4}


class Odd(nn.Module):
    NAMES = ["m" * 300, "M" * 300, "con", "Con", "trailing ", "module_calls", "é" * 130, "A/b"]

    def __init__(self):
        super().__init__()
        for name in self.NAMES:
            self.add_module(name, Echo())

    def forward(self, x):
        for module in self.children():
            module(x), module(x + 10)


def test_a_run_of_odd_names_is_whole_in_both_layouts(tmp_path):
    with record(Odd(), {"output_dir": str(tmp_path)}) as run:
        run.model(torch.zeros(2))
    names = [name for _, folders, files in os.walk(run.paths[0]) for name in [*folders, *files]]
    assert max(len(name.encode()) for name in names) <= 255
    for _, folders, files in os.walk(run.paths[0]):
        assert len({name.casefold() for name in [*folders, *files]}) == len(folders) + len(files)
    for name in Odd.NAMES:
        for call in (0, 1):
            expected = {f"outputs_{key}": torch.full((2,), value + 10.0 * call) for key, value in
                        (("k" * 300, 0), ("K" * 300, 1), ("con", 2), ("A.", 3), ("a.", 4))}
            expected["inputs_0"] = torch.full((2,), 10.0 * call)
            for found in (in_directory(run.paths[0], name, call),
                          in_file(run.paths[1], name, call)[0]):
                assert sorted(found) == sorted(expected)
                assert all(same(found[slot], tensor) for slot, tensor in expected.items())
    listed = read_lines(run.paths[0], "step_0/module_calls.txt")
    assert len(listed) == len(set(listed)) == 2 * len(Odd.NAMES)


def test_usual_names_are_what_they_were(tmp_path):
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh()))
    with record(model, {"output_dir": str(tmp_path)}) as run:
        model(torch.ones(1, 2))
    found = sorted(os.path.relpath(os.path.join(folder, name), run.paths[0])
                   for folder, _, names in os.walk(run.paths[0]) for name in names)
    assert found == sorted(["run.h5", "run.json", "step_0/module_calls.txt"] + [
        f"step_0/{module}/{name}" for module in ("0", "1", "1.0") for name in
        ("inputs.json", "inputs_0_cpu.pt", "outputs.json", "outputs_cpu.pt")])


def test_writing_is_linear_in_steps(tmp_path):
    sizes = {}
    for count in (10, 20, 40):
        model = nn.Sequential(nn.Tanh(), nn.Tanh())
        with record(model, {"output_dir": str(tmp_path), "log_step_ids": [],
                            "formats": ["spool"]}) as run:
            for _ in range(count):
                model(torch.ones(2))
        assert len(spool_lines(run.paths[0])) == count + 1
        sizes[count] = [os.path.getsize(os.path.join(run.paths[0], name))
                        for name in ("steps.jsonl", "tensors.bin")]
    for kind in (0, 1):
        first, second = (sizes[2 * count][kind] - sizes[count][kind] for count in (10, 20))
        assert second <= 2.1 * first


def test_run_json_has_the_bytes_that_one_text_would_have(tmp_path):
    from assay_torch.text import json_text
    model = nn.Sequential(nn.Tanh())
    with record(model, {"output_dir": str(tmp_path), "log_step_ids": []}) as run:
        for _ in range(3):
            model(torch.ones(2))
    with open(os.path.join(run.paths[0], "run.json"), encoding="utf-8") as file:
        text = file.read()
    assert text == json_text(json.loads(text)) + "\n"
    assert not any("step.json" in names for _, _, names in os.walk(run.paths[0]))


def test_many_discarded_steps_leave_nothing(tmp_path):
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.tanh = nn.Tanh()

        def forward(self, x, fails):
            x = self.tanh(x)
            if fails:
                raise ArithmeticError
            return x

    model = Root()
    with record(model, {"output_dir": str(tmp_path), "log_step_ids": []}) as run:
        for step in range(6):
            try:
                model(torch.full((2,), float(step)), step % 2 == 0)
            except ArithmeticError:
                pass
    assert run.steps == 3
    for step in range(3):
        for found in (in_directory(run.paths[0], "tanh", step=step),
                      in_file(run.paths[1], "tanh", step=step)[0]):
            assert same(found["inputs_0"], torch.full((2,), 2.0 * step + 1))
