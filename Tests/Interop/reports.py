"""Reports as other programs read them: JSON by its schema, JUnit by a CI's parser, markdown by GitHub's rules."""

import json
import os

import jsonschema
import junitparser
from markdown_it import MarkdownIt

from checks import GOLDEN, ROOT

SCHEMA = os.path.join(
    ROOT, "Sources/AssayReports/AssayReports.docc/assay.comparison-1.schema.json")

RULES = os.path.join(ROOT, "Tests/Interop/rules")

# Of each kind of report one: the runs, the options, the exit status.
CASES = [
    ("match", "float32-math.h5", "float32.h5", ["--rtol", "1e-4", "--atol", "1e-5"], 0),
    ("values", "bugs/weight-row.h5", "float32.h5", [], 1),
    ("dtype", "bfloat16.h5", "float32.h5", [], 1),
    ("torch", "float32-math.h5", "float32.h5", ["--tolerance", "torch", "--equal-nan"], 0),
    ("selection", "bugs/rope-theta.h5", "float32.h5", ["--steps", "0,2,7", "--modules", "mlp"], 1),
]


def reports(checks, folder, actual, expected, options, status):
    """The three texts of one comparison."""
    junit = os.path.join(folder, "junit.xml")
    runs = ["--dir1", os.path.join(GOLDEN, actual), "--dir2", os.path.join(GOLDEN, expected)]
    document = checks.assay(
        "compare", *runs, *options, "--format", "json", "--junit", junit, status=status)
    markdown = checks.assay("compare", *runs, *options, "--format", "md", status=status)
    return json.loads(document), junit, markdown


def cases(checks, folder):
    yield from CASES
    rules = os.path.join(RULES, "tolerances.yml")
    yield "rules", "bugs/norm-epsilon.h5", "float32.h5", ["--tolerance-file", rules], 1
    floor = ["--floor", os.path.join(GOLDEN, "bfloat16.h5")]
    digests = os.path.join(folder, "digests.h5")
    if not os.path.exists(digests):
        checks.assay("convert", os.path.join(GOLDEN, "float32.h5"), digests, "--keep", "sample")
    yield "digests", "bugs/weight-row.h5", digests, ["--rtol", "1e-3", "--atol", "1e-4"], 1
    yield "floor", "bfloat16.h5", "float32.h5", floor, 0
    mapping = os.path.join(RULES, "drop.yml")
    yield "mapping", "float32.h5", "float32.h5", ["--mapping", mapping], 0
    ranks, whole = os.path.join(folder, "ranks"), os.path.join(folder, "whole.h5")
    if not os.path.exists(whole):
        for golden in (["--ranks", "2", "--golden", os.path.join(ranks, "tp.h5")],
                       ["--golden", whole]):
            checks.assay("record", "--model", os.path.join(GOLDEN, "checkpoint"),
                         "--prompt-token-ids", "1,5,9", "--max-tokens", "1", *golden)
    close = ["--rtol", "1e-4", "--atol", "1e-5"]
    yield "ranks", ranks, whole, close, 0
    wrong = os.path.join(ROOT, "Tests/AssayComparisonTests/Fixtures/all-reduced.placements.yml")
    yield "replicas", ranks, whole, [*close, "--placements", wrong], 1


def test_json_is_valid_by_its_schema(checks, folder):
    with open(SCHEMA) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name, *case in cases(checks, folder):
        document, _, _ = reports(checks, folder, *case)
        errors = [f"{error.json_path}: {error.message[:200]}"
                  for error in validator.iter_errors(document)]
        checks.equal(errors[:5], [], name)
    document["summary"]["surplus"] = 1
    checks.equal(validator.is_valid(document), False, "an unknown key")


def test_checks_json_is_valid_by_its_schema(checks, folder):
    docs = os.path.join(ROOT, "Sources/AssayReports/AssayReports.docc")
    with open(os.path.join(docs, "assay.check-1.schema.json")) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    sick = os.path.join(ROOT, "Tests/AssayComparisonTests/Fixtures/health/sick.h5")
    for run, options, status in [
        (sick, [], 1), (os.path.join(GOLDEN, "float32.h5"), ["--steps", "0", "--modules", "mlp"], 0),
        (sick, ["--modules", "no such"], 2),
    ]:
        document = json.loads(
            checks.assay("check", run, *options, "--format", "json", status=status))
        errors = [f"{error.json_path}: {error.message[:200]}"
                  for error in validator.iter_errors(document)]
        checks.equal(errors[:5], [], run)
    document["summary"]["surplus"] = 1
    checks.equal(validator.is_valid(document), False, "an unknown key")


def test_junit_is_what_its_parser_expects(checks, folder):
    for name, *case in cases(checks, folder):
        document, junit, _ = reports(checks, folder, *case)
        suites = junitparser.JUnitXml.fromfile(junit)
        parsed = [test for suite in suites for test in suite]
        calls = [module for step in document["steps"] for module in step["modules"]]
        checks.equal(len(parsed), len(calls) + 1, f"{name}: cases")
        failing = [test for test in parsed if test.is_failure or test.is_error]
        wanted = sum(call["verdict"] not in ("match", "skipped") for call in calls)
        checks.equal(len(failing), wanted + (document["verdict"] == "mismatch"), f"{name}: failures")
        checks.equal(suites.failures + suites.errors, len(failing), f"{name}: the file's own count")
        checks.equal(suites.tests, len(parsed), f"{name}: the file's own number of tests")


def test_markdown_renders_as_tables(checks, folder):
    markdown = MarkdownIt("gfm-like", {"linkify": False})
    for name, *case in cases(checks, folder):
        _, _, text = reports(checks, folder, *case)
        tokens = markdown.parse(text)
        kinds = [token.type for token in tokens]
        lines = text.split("\n")
        checks.equal(
            kinds.count("table_open"), sum(line.startswith("| ---") for line in lines),
            f"{name}: tables")
        rows = sum(line.startswith("| ") and not line.startswith("| ---") for line in lines)
        checks.equal(kinds.count("tr_open"), rows, f"{name}: rows")
        checks.equal(
            kinds.count("heading_open"), sum(line.startswith("#") for line in lines),
            f"{name}: headings")
        stray = [token.content for token in tokens
                 if token.type == "inline" and token.content.lstrip().startswith("|")]
        checks.equal(stray, [], f"{name}: rows outside of a table")
