import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import h5py
import numpy as np
import pytest
import torch

import assay_torch
import assay_torch.checking
import assay_torch.provenance  # all that a test in this process would load, and let go of again
import assay_torch.recording
from assay_torch.errors import GoldenError
from assay_torch.goldens import MODES, TOOL, fault_of_name, nearest, record_mode
from assay_torch.program import failure_text
from reading import in_file, same

pytest_plugins = ["pytester"]

PYTHON = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(os.path.dirname(PYTHON), "Golden")
PLUGIN = ("-p", "assay_torch.pytest_plugin", "-p", "no:cacheprovider")

NET = """
import torch
from torch import nn

X = torch.tensor([[1.0, -2.0, 0.5]])

class Net(nn.Module):
    factor = 1
    def __init__(self):
        super().__init__()
        torch.manual_seed(7)
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.second(self.first(x).tanh()) * self.factor
"""
BUG = "net.second.weight[1] *= 1.05"


def net():
    names = {}
    exec(NET, names)
    return names["Net"](), names["X"]


class Project:
    """A project of another's with one test, that runs in this process."""

    def __init__(self, pytester, program):
        self.pytester, self.path, self.program = pytester, pytester.path, program
        self.golden = self.path / "Golden" / "net.h5"
        self.artifacts = self.path / ".build" / "assay"

    def write(self, change="", options="", name="net", body="net(X)"):
        self.pytester.makepyfile(test_net=NET + f"""
def test_net(assay_golden):
    net = Net()
    with torch.no_grad():
        {change or "pass"}
        with assay_golden({name!r}, net{options}):
            {body}
""")

    def run(self, *arguments):
        return self.pytester.runpytest_inprocess(*PLUGIN, *arguments)

    def run_alone(self, *arguments):
        """In a process of its own: pytester lets go of what the test loaded."""
        return self.pytester.runpytest_subprocess(*PLUGIN, *arguments)

    def record(self, tool=TOOL, change=None, **options):
        """The golden, without the plugin."""
        model, x = net()
        os.makedirs(self.golden.parent, exist_ok=True)
        with torch.no_grad():
            if change:
                exec(change, {"net": model})
            with assay_torch.record(model, golden=self.golden, root="root",
                                    provenance={"tool": tool}, **options):
                model(x)

    def files(self, ending):
        return sorted(path.name for path in self.artifacts.rglob("*" + ending))


@pytest.fixture
def project(pytester, monkeypatch):
    program = os.environ.get("ASSAY") or shutil.which("assay")
    if not program:
        pytest.skip("no program assay to compare with")
    for name in list(os.environ):
        if name == "CI" or name.startswith(("ASSAY_", "GITHUB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY", os.path.abspath(program))
    monkeypatch.setenv("PYTHONPATH", PYTHON)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    project = Project(pytester, program)
    project.write()
    return project


def red(result, *lines):
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*" + line + "*" for line in lines])


def provenance(path):
    with h5py.File(path) as file:
        return json.loads(file.attrs["provenance"])


# Passing and failing

def test_a_recorded_golden_fails_once_and_holds_what_torch_computes(project):
    red(project.run(), 'Golden "net": *Golden/net.h5 did not exist and was recorded',
        "assay: 1 golden checked: 1 recorded")
    model, x = net()
    with torch.no_grad():
        hidden = model.first(x)
        output = model.second(hidden.tanh())
    for module, taken, given in (("first", x, hidden), ("second", hidden.tanh(), output),
                                 ("root", x, output)):
        tensors, _ = in_file(project.golden, module)
        assert set(tensors) == {"inputs_0", "outputs"}
        assert same(tensors["inputs_0"], taken) and same(tensors["outputs"], given)
    made = provenance(project.golden)
    assert made["tool"] == TOOL and made["framework"] == "pytorch"
    assert made["approvals"][0]["reason"] == "recorded by test_net.py::test_net"
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["assay: 1 golden checked: 1 matched"])
    assert not project.artifacts.exists() and os.listdir(project.golden.parent) == ["net.h5"]


def test_a_planted_bug_is_red_and_leaves_the_golden(project):
    project.record()
    before = project.golden.read_bytes()
    project.write(BUG)
    red(project.run(),
        'Golden "net" does not match: second in step 0: outputs on cpu has 1 of 2 elements',
        "cause:     introduced here", "counts:    of 6 tensors 4 match, 2 differ",
        "worst:     [[]0, 1]", "tolerance: rtol 1e-5, atol 1e-8", "golden: */Golden/net.h5",
        f"made by:   {TOOL} *; approved by nobody", "actual: */net.test_net-*.h5",
        "report: */net.test_net-*.md",
        "re-record: pytest --assay-record=failed test_net.py::test_net", "test_net.py:*: Failed",
        "assay: 1 golden checked: 1 failed; reports in */.build/assay")
    assert project.golden.read_bytes() == before
    [kept] = project.artifacts.glob("*.h5")
    model, x = net()
    with torch.no_grad():
        model.second.weight[1] *= 1.05
        assert same(in_file(kept, "second")[0]["outputs"], model(x))
    [report] = project.artifacts.glob("*.md")
    text = report.read_text()
    assert text.startswith("# Assay comparison: mismatch") and str(kept) in text
    project.write()
    project.run().assert_outcomes(passed=1)
    assert project.files(".h5") == project.files(".md") == []


def test_what_the_model_itself_does_is_checked(project):
    project.record()
    project.write("net.factor = 2")
    red(project.run(), 'Golden "net" does not match: root in step 0')


def test_a_golden_without_the_model_itself_is_checked_without(project):
    model, x = net()
    os.makedirs(project.golden.parent)
    with assay_torch.record(model, golden=project.golden), torch.no_grad():
        model(x)
    project.run().assert_outcomes(passed=1)
    project.write(options=", root='net'")
    red(project.run(), "module net is extra in step 0")


def test_a_layer_alone(project):
    project.write(options="", body="net.second(torch.ones(1, 4))")
    red(project.run(), "nothing was recorded: no forward of the model ended")
    assert not project.golden.exists()
    leaf = NET + """
def test_leaf(assay_golden):
    layer = Net().second
    with torch.no_grad():
        layer.bias += BIAS
        with assay_golden("layers/second", layer):
            layer(torch.ones(1, 4))
"""
    (project.path / "test_net.py").unlink()
    project.pytester.makepyfile(test_leaf=leaf.replace("BIAS", "0"))
    red(project.run())
    project.run().assert_outcomes(passed=1)
    project.pytester.makepyfile(test_leaf=leaf.replace("BIAS", "0.1"))
    red(project.run(), 'Golden "layers/second" does not match: root in step 0')
    assert [path.parent.name for path in project.artifacts.rglob("*.md")] == ["layers"]


def test_steps_that_are_missing_or_too_many_are_red(project):
    project.record()
    project.write(body="net(X); net(X)")
    red(project.run(), "the actual run has 2 steps, but the expected run only 1")
    project.write(body="pass")
    red(project.run(), 'GoldenError: Golden "net": nothing was recorded')


@pytest.mark.parametrize("keep", ["sample", "digest"])
def test_a_golden_of_digests(project, keep):
    # Of a small tensor all is kept.
    wide = "net.second = nn.Sequential(nn.Linear(4, 2000), nn.Linear(2000, 2))"
    project.write(wide, f", keep={keep!r}")
    red(project.run(), "was recorded")
    with h5py.File(project.golden) as file:
        assert file["step_0/second.0/call_0/cpu/outputs"].shape is None
    project.run().assert_outcomes(passed=1)
    project.write(wide + "; net.second[0].weight[7] *= 2")
    red(project.run(), 'Golden "net" does not match: second.0 in step 0')


def test_a_model_that_throws_leaves_no_golden(project):
    project.write(body="net(X); raise ArithmeticError('mine')")
    red(project.run(), "E *ArithmeticError: mine")
    assert not project.golden.exists()


# The table of modes

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("golden", ["absent", "same", "other", "foreign same", "foreign other"])
def test_every_mode(project, mode, golden):
    foreign, differs = "foreign" in golden, "other" in golden
    before = None
    if golden != "absent":
        project.record("assay_torch" if foreign else TOOL, BUG if differs else None)
        before = project.golden.read_bytes()
    result = project.run(f"--assay-record={mode}")
    records = (golden == "absent" and mode != "never") or not foreign and (
        mode == "all" and before or mode == "failed" and differs)
    if records:
        red(result, "was recorded")
        assert project.golden.read_bytes() != before
        # What was recorded is the model's.
        model, x = net()
        assert same(in_file(project.golden, "second")[0]["outputs"], model(x))
        if before:
            red(result, "net.h5 was recorded anew; look at what changed",
                "tensors: 2 changed, 4 unchanged." if differs else
                "no changes: 6 tensors as before.")
            [approval] = provenance(project.golden)["approvals"]
            assert approval["replaced"]["tool"] == TOOL
            assert project.files(".md") and not project.files(".h5")
        return
    assert (project.golden.read_bytes() if before else None) == before
    assert project.golden.exists() == bool(before)
    if golden == "absent":
        red(result, "net.h5 does not exist, and the record mode is never; to record it: pytest "
            "--assay-record=missing test_net.py::test_net")
    elif foreign and mode == "all":
        red(result, "is not recorded by a test: assay_torch *made it; record another run there")
    elif differs:
        red(result, "does not match",
            "to change: never by a test: record a run with assay_torch again, and: assay approve "
            "RUN */net.h5 --message WHY" if foreign else "re-record: ")
    else:
        result.assert_outcomes(passed=1)


def test_a_golden_that_took_anothers_place_is_never_recorded(project):
    project.record("assay_torch")
    model, x = net()
    with assay_torch.record(model, golden=project.path / "run.h5", root="root",
                            provenance={"tool": TOOL}), torch.no_grad():
        model(x)
    subprocess.run([os.environ["ASSAY"], "approve", project.path / "run.h5", project.golden,
                    "--yes"], check=True, capture_output=True)
    red(project.run("--assay-record=all"), "it took the place of what assay_torch * made")


def test_a_recipe_of_another_model_is_never_recorded_over(project):
    project.record(recipe={"model_hash": "sha256:1"})
    project.write(options=", recipe={'model_hash': 'sha256:2'}")
    red(project.run("--assay-record=all"),
        "it is of the model sha256:1, and the test's is sha256:2")


@pytest.mark.parametrize("value", ["true", "TRUE", "1"])
def test_ci_records_nothing_and_runs_nothing(project, monkeypatch, value):
    monkeypatch.setenv("CI", value)
    project.write(body="open('ran', 'w')", options=", record='all'")
    red(project.run("--assay-record=all"), "does not exist, and the record mode is never")
    assert not project.golden.parent.exists() and not (project.path / "ran").exists()
    assert not project.artifacts.exists()


@pytest.mark.parametrize("argument, run, environment, mode", [
    (None, None, {}, "missing"),
    (None, None, {"CI": "false"}, "missing"),
    (None, None, {"CI": ""}, "missing"),
    (None, None, {"CI": "1"}, "never"),
    ("all", "failed", {"CI": "true"}, "never"),
    ("all", "failed", {"CI": "true", "ASSAY_RECORD": ""}, "never"),
    (None, None, {"CI": "true", "ASSAY_RECORD": "missing"}, "missing"),
    (None, "failed", {"CI": "true", "ASSAY_RECORD": "missing"}, "failed"),
    ("all", "failed", {"ASSAY_RECORD": "never"}, "never"),
    ("all", "failed", {"ASSAY_RECORD": "missing"}, "all"),
    (None, "failed", {"ASSAY_RECORD": "all"}, "failed"),
    (None, None, {"ASSAY_RECORD": "all"}, "all"),
    ("all", "never", {}, "never"),
    ("never", "all", {}, "never"),
])
def test_who_chooses_the_mode(argument, run, environment, mode):
    assert record_mode(argument, run, environment) == mode


def test_what_is_no_mode(project, monkeypatch):
    result = project.run("--assay-record=some")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--assay-record*invalid choice*some*"])
    project.write(options=", record='some'")
    red(project.run(), 'record is "some"; it can be missing, failed, all, never')
    monkeypatch.setenv("ASSAY_RECORD", "always")
    red(project.run(), 'ASSAY_RECORD is "always"; it can be missing, failed, all, never')
    project.pytester.makeini("[pytest]\nassay_record = sometimes")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(['*assay_record is "sometimes"; it can be missing,*'])


def test_the_configuration_chooses_and_the_command_line_beats_it(project):
    project.pytester.makeini("[pytest]\nassay_record = never\nassay_golden_dir = data/goldens")
    red(project.run(), "data/goldens/net.h5 does not exist, and the record mode is never")
    red(project.run("--assay-record=missing"), "data/goldens/net.h5 did not exist and was recorded")
    assert (project.path / "data/goldens/net.h5").exists()


def test_a_test_that_chooses_gets_no_command_that_does_nothing(project):
    project.record()
    project.write(BUG, ", record='missing'")
    result = project.run()
    red(result, "does not match")
    result.stdout.no_fnmatch_line("*re-record*")


# Places

def test_the_nearest_folder_of_goldens(tmp_path):
    for folder in ("Golden", "sub/Golden", "sub/tests"):
        os.makedirs(tmp_path / folder)
    root = str(tmp_path)
    assert nearest(str(tmp_path / "sub/tests/test_a.py"), root) == str(tmp_path / "sub/Golden")
    assert nearest(str(tmp_path / "tests/test_a.py"), root) == str(tmp_path / "Golden")
    # Not above the root, and the root's own where there is none.
    assert nearest(str(tmp_path / "sub/tests/t.py"), str(tmp_path / "sub/tests")) == \
        str(tmp_path / "sub/tests/Golden")
    assert nearest("/elsewhere/test_a.py", root) == str(tmp_path / "Golden")


def test_the_environment_names_the_folders(project, monkeypatch):
    project.record()
    project.golden.parent.rename(project.path / "moved")
    monkeypatch.setenv("ASSAY_GOLDEN_DIR", str(project.path / "moved"))
    monkeypatch.setenv("ASSAY_ARTIFACTS", str(project.path / "left"))
    project.run().assert_outcomes(passed=1)
    project.write(BUG)
    red(project.run(), "report: */left/net.test_net-*.md", "*reports in */left")
    assert list((project.path / "left").glob("*.md"))


@pytest.mark.parametrize("name, reason", [
    ("", "it is empty"), ("/a", "it is absolute"), ("a\nb", "it has a control character"),
    ("a\\b", "parts are separated by"), ("a.h5", "the file's ending"),
    ("a//b", "it has an empty part"), ("../a", "no part may begin with a dot"), ("a/b", None),
    ("tiny-llama/prefill v1.2", None)])
def test_names(name, reason):
    fault = fault_of_name(name)
    assert fault is None if reason is None else fault.startswith(reason)


def test_a_bad_name_and_a_near_one(project):
    project.record()
    project.write(name="../net")
    red(project.run(), 'Golden "../net": this cannot name a golden: no part may begin with a dot')
    project.write(name="nett")
    red(project.run("--assay-record=never"),
        'nett.h5 does not exist (did you mean "net"?), and the record mode is never')
    red(project.run(), 'did not exist (did you mean "net"? Then remove the new file.)')


def test_reports_of_tests_of_one_name_are_two(project):
    project.record()
    project.write(BUG)
    os.makedirs(project.path / "sub")
    shutil.copy(project.path / "test_net.py", project.path / "sub" / "test_other.py")
    project.run().assert_outcomes(failed=2)
    assert len(project.files(".md")) == len(project.files(".h5")) == 2


def test_a_report_that_cannot_be_written_hides_no_verdict(project, monkeypatch):
    project.record()
    project.write(BUG)
    (project.path / "file").write_text("")
    monkeypatch.setenv("ASSAY_ARTIFACTS", str(project.path / "file"))
    red(project.run(), "does not match: second in step 0", "the run could not be kept: ",
        "the report could not be written: ")


# Tolerances and the other options of the comparison

def test_rules_beside_the_golden_and_what_beats_them(project):
    project.record()
    project.write(BUG)
    rules = project.golden.parent / "tolerances.yml"
    rules.write_text("rules:\n  - {module: '.', rtol: 0.5, atol: 0.5}\n")
    project.run().assert_outcomes(passed=1)
    project.write(BUG, ", rtol=1e-4, atol=1e-5")
    red(project.run(), "tolerance: rtol 0.0001, atol 1e-5")
    project.write(BUG, ", tolerance='torch'")
    red(project.run(), "does not match")
    rules.write_text("rules: [{module: '[', rtol: 1}]\n")
    project.write(BUG)
    red(project.run(), 'GoldenError: Golden "net": *tolerances.yml*')


def test_the_options_of_the_comparison(project):
    project.record()
    rules = project.path / "wide.yml"
    rules.write_text("rules:\n  - {module: '.', rtol: 0.5, atol: 0.5}\n")
    passing = (", rtol=2", ", atol=1", ", modules='first'", ", modules=['first', 'a,b|first']",
               f", tolerance_file={str(rules)!r}",
               f", tolerance_file=__import__('pathlib').Path({str(rules)!r})",
               ", device_map={'cpu': 'cpu'}, steps=[0], rtol=1, align='steps', equal_nan=True")
    for options in passing:
        project.write(BUG, options)
        project.run().assert_outcomes(passed=1)
    for options, text in ((", modules='nothing'", "matches no module of either run"),
                          (", steps=[3]", "does not match"),
                          (", modules=['first', 'second']", "second in step 0"),
                          (", rtol='wide'", "The value 'wide' is invalid for '--rtol"),
                          (", rtol=1, tolerance='torch'", "--tolerance excludes --rtol and --atol"),
                          (", tolerance_file='none.yml'", "none.yml"),
                          (", modules='['", "invalid regular expression"),
                          (", wide=1", "TypeError: *unexpected keyword argument 'wide'")):
        project.write(BUG, options)
        red(project.run(), text)
    project.write(options=", mapping='vllm-llama'")
    red(project.run("--assay-record=failed"), "is not recorded: with a mapping it is the golden of")


def test_a_mapping_pairs_other_names(project):
    project.record()
    text = project.path / "test_net.py"
    text.write_text(text.read_text().replace("self.second", "self.last"))
    red(project.run(), "does not match")
    (project.path / "mapping.yml").write_text(
        "rules:\n  - {actual: 'last', expected: 'second'}\n")
    text.write_text(text.read_text().replace('"net", net', '"net", net, mapping="mapping.yml"')
                    .replace("'net', net", "'net', net, mapping='mapping.yml'"))
    project.run().assert_outcomes(passed=1)


# What must never be green

def test_a_test_that_checks_nothing(project):
    project.pytester.makepyfile(test_net=NET + """
import pytest
def test_unused(assay_golden):
    pass
def test_never_entered(assay_golden):
    assay_golden("net", Net())
def test_twice(assay_golden):
    assay_golden("net", Net())
    assay_golden("net", Net())
def test_skipped(assay_golden):
    pytest.skip("not here")
def test_raised(assay_golden):
    with pytest.raises(ArithmeticError):
        with assay_golden("raised", Net()):
            raise ArithmeticError
""")
    result = project.run()
    result.assert_outcomes(failed=4, skipped=1)
    result.stdout.fnmatch_lines([
        "the test asks for assay_golden and checks nothing by it*",
        'Golden "net" was not checked: run the model in the block of*',
        '*GoldenError: the test checks the golden "net" twice*',
        'Golden "raised" was not checked: *'])


def test_a_failure_that_is_caught_is_red_and_one_that_is_expected_is_not(project):
    project.record(change=BUG)
    project.pytester.makepyfile(test_net=NET + """
import pytest
def test_mismatch(assay_golden):
    with pytest.raises(pytest.fail.Exception):
        with assay_golden("net", net := Net()):
            net(X)
def test_recording(assay_golden):
    try:
        with assay_golden("new", net := Net()):
            net(X)
    except BaseException:
        pass
def test_error(assay_golden):
    try:
        with assay_golden("../net", Net()):
            pass
    except Exception:
        pass
@pytest.mark.xfail(strict=True)
def test_known(assay_golden):
    with assay_golden("net", net := Net()):
        net(X)
""")
    result = project.run()
    result.assert_outcomes(failed=3, xfailed=1)
    result.stdout.fnmatch_lines(['Golden "net" does not match: second in step 0*',
                                 'Golden "new": *new.h5 did not exist*and was recorded*',
                                 'Golden "../net": this cannot name a golden*'])


def test_no_program(project, monkeypatch):
    project.record()
    monkeypatch.setenv("ASSAY", str(project.path / "nothing"))
    red(project.run(), "ASSAY names */nothing, which is no program that can be run")
    monkeypatch.delenv("ASSAY")
    project.pytester.makeini("[pytest]\nassay_command = nowhere/assay")
    red(project.run(), "assay_command names */nowhere/assay, which is no program")
    (project.path / "tox.ini").unlink()
    monkeypatch.setenv("PATH", str(project.path))
    monkeypatch.setattr(sys, "executable", str(project.path / "python"))
    red(project.run(), "the program `assay`, which compares, was not found: name it by")
    os.symlink(os.path.abspath(project.program), project.path / "assay")  # where a wheel puts it
    project.run().assert_outcomes(passed=1)
    (project.path / "assay").rename(project.path / "mine")
    project.pytester.makeini("[pytest]\nassay_command = ./mine")
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("script, text", [
    ("exit 0", "wrote no report"), ("exit 1", "wrote no report"),
    ("echo 'Error: too bad' >&2; exit 2", 'GoldenError: Golden "net": too bad'),
    ("kill -9 $$", "compare ended with status -9"),
    ("echo fine >\"${5#--output=}\"; exit 0", "is it Assay's?"),
    ("echo '# Assay comparison: mismatch' >\"${5#--output=}\"; exit 0", "is it Assay's?")])
def test_a_program_that_is_none(project, monkeypatch, script, text):
    project.record()
    program = project.path / "assay"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    monkeypatch.setenv("ASSAY", str(program))
    project.write(options=", rtol=1e-5")
    red(project.run(), text)


def test_a_damaged_golden(project):
    project.record()
    project.golden.write_bytes(project.golden.read_bytes()[:200])
    red(project.run("--assay-record=all"), "net.h5 is no golden that can be read")


def test_an_unreadable_tensor_is_an_error(project):
    project.record()
    with h5py.File(project.golden, "r+") as file:
        del file["step_0/second/call_0/cpu/outputs"]
    red(project.run(), 'GoldenError: Golden "net": *')


def test_no_module_is_no_model(project):
    project.write("net = (lambda x: x)")
    red(project.run(), 'GoldenError: Golden "net": record takes the torch.nn.Module')


def test_what_the_program_says():
    text = "::error file=a,title=b::The actual run does not match the expected one: x%25%0A" \
        "  actual:    p%0A  cause: c%0A  actual:    a%0A  expected:  b%0A  report:    r"
    assert failure_text("noise\n" + text + "\n") == \
        "The actual run does not match the expected one: x%\n  actual:    p\n  cause: c"
    assert failure_text("noise") == "the run differs"


# Where failures are told

def test_junit(project):
    project.record()
    project.write(BUG)
    project.run("--junitxml=junit.xml")
    [case] = ElementTree.parse(project.path / "junit.xml").iter("testcase")
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    [report] = project.artifacts.glob("*.md")
    assert properties == {"assay_golden": "failed net", "assay_report": str(report),
                          "assay_report_text": report.read_text()}
    assert "second in step 0" in case.find("failure").get("message")


def test_github(project, monkeypatch):
    project.record()
    project.write(BUG)
    summary = project.path / "summary.md"
    summary.write_text("before")
    for name, value in (("GITHUB_ACTIONS", "true"), ("GITHUB_WORKSPACE", str(project.path)),
                        ("GITHUB_STEP_SUMMARY", str(summary))):
        monkeypatch.setenv(name, value)
    result = project.run()
    [line] = [line for line in result.outlines if line.startswith("::error ")]
    number = 1 + (project.path / "test_net.py").read_text().split("\n").index(
        "        with assay_golden('net', net):")
    assert line.startswith(
        f'::error file=test_net.py,line={number},title=golden net::Golden "net" does not match: ')
    assert "%0A  cause:     introduced here" in line
    [report] = project.artifacts.glob("*.md")
    assert summary.read_text() == "before\n\n" + report.read_text()
    summary.write_text("x" * ((1 << 20) - 300))
    project.run()
    assert summary.read_text().endswith(f"too long to be shown here: `{report}`\n")
    summary.write_text("x" * ((1 << 20) - 10))
    red(project.run(), "the step's summary could not be written")
    project.write()
    summary.unlink()
    project.run().assert_outcomes(passed=1)
    assert not summary.exists()


# Beside other plugins

def test_workers_never_take_each_others_golden(project):
    pytest.importorskip("xdist")
    # Both begin while there is no golden.
    project.pytester.makepyfile(test_net=NET + """
import pathlib, pytest, time
@pytest.mark.parametrize("one, other", ["ab", "ba"])
def test_net(assay_golden, one, other):
    net = Net()
    with assay_golden("net", net), torch.no_grad():
        net(X if one == "a" else 2 * X)
        pathlib.Path(one).touch()
        deadline = time.monotonic() + 120
        while not pathlib.Path(other).exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
""")
    result = project.run_alone("-p", "xdist", "-n", "2")
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert text.count("net.h5 did not exist and was recorded") == 1
    assert text.count("net.h5 while this one ran; run it again") == 1
    assert "assay: 2 goldens checked: 1 recorded, 1 failed" in text
    first = in_file(project.golden, "first")[0]["inputs_0"]
    _, x = net()
    assert same(first, x) or same(first, 2 * x)


def test_nothing_is_loaded_where_the_fixture_is_not_used(project):
    project.pytester.makepyfile(test_net="""
import sys
def test_plain(request):
    assert "assay_torch.pytest_plugin" in sys.modules
    assert not {"torch", "numpy", "h5py", "assay_torch.checking"} & set(sys.modules)
""")
    project.run_alone().assert_outcomes(passed=1)


def test_pytest_finds_the_plugin():
    tomllib = pytest.importorskip("tomllib")  # of Python 3.11
    with open(os.path.join(PYTHON, "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)["project"]
    assert project["entry-points"]["pytest11"] == {"assay": "assay_torch.pytest_plugin"}
    assert os.path.exists(os.path.join(PYTHON, "assay_torch", "py.typed"))


# A model of transformers, and a golden that PyTorch made without this library

LLAMA = f"""
import pytest, torch, transformers

@pytest.fixture
def model():
    return transformers.AutoModelForCausalLM.from_pretrained(
        {os.path.join(GOLDEN, "tiny-llama", "checkpoint")!r}, dtype=torch.float32,
        attn_implementation="sdpa").eval()

TOKENS = torch.tensor([[0, 46, 306, 70, 448, 268, 393, 493, 71, 324]])

def continued(model):
    cache, tokens = transformers.DynamicCache(config=model.config), TOKENS
    with torch.no_grad():
        for _ in range(4):
            logits = model(input_ids=tokens, past_key_values=cache, use_cache=True).logits
            tokens = logits[:, -1].argmax(-1, keepdim=True)
"""


@pytest.fixture
def llama(project, monkeypatch):
    pytest.importorskip("transformers")
    (project.path / "test_net.py").unlink()
    monkeypatch.setenv("ASSAY_GOLDEN_DIR", GOLDEN)
    return project


def test_a_generation_against_pytorchs_golden(llama):
    before = provenance(os.path.join(GOLDEN, "tiny-llama", "float32.h5"))
    llama.pytester.makepyfile(test_llama=LLAMA + """
def test_good(assay_golden, model):
    with assay_golden("tiny-llama/float32", model, rtol=1e-4, atol=1e-5):
        continued(model)

def test_bad(assay_golden, model):
    model.model.layers[2].mlp.down_proj.weight.data[5] *= 1.05
    with assay_golden("tiny-llama/float32", model, rtol=1e-4, atol=1e-5):
        continued(model)
""")
    result = llama.run_alone("--assay-record=failed")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([
        '*Golden "tiny-llama/float32" does not match: model.layers.2.mlp.down_proj in step 0:*',
        "*to change: never by a test: record a run with assay-record.py again, and: assay approve*",
        "assay: 2 goldens checked: 1 matched, 1 failed; *"])
    assert provenance(os.path.join(GOLDEN, "tiny-llama", "float32.h5")) == before


def test_generate_and_a_layer_of_transformers(llama, monkeypatch):
    monkeypatch.delenv("ASSAY_GOLDEN_DIR")
    llama.pytester.makepyfile(test_llama=LLAMA + """
def test_generate(assay_golden, model):
    with assay_golden("generated", model):
        model.generate(TOKENS, max_new_tokens=4, do_sample=False)

def test_mlp(assay_golden, model):
    mlp = model.model.layers[0].mlp
    with assay_golden("mlp", mlp), torch.no_grad():
        mlp(torch.linspace(-1, 1, 128).reshape(1, 2, 64))
""")
    llama.run_alone().assert_outcomes(failed=2)
    llama.run_alone().assert_outcomes(passed=2)
    # The values of PyTorch's own recording of the same prompt.
    generated = llama.path / "Golden" / "generated.h5"
    expected = os.path.join(GOLDEN, "tiny-llama", "float32.h5")
    with h5py.File(generated) as found, h5py.File(expected) as golden:
        for step in range(4):
            name = f"step_{step}/model.layers.3.mlp/call_0/cpu/outputs"
            np.testing.assert_allclose(found[name], golden[name], rtol=1e-4, atol=1e-5)


def test_errors_are_of_this_library():
    assert issubclass(assay_torch.GoldenError, Exception) and assay_torch.GoldenError is GoldenError
