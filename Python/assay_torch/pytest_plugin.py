"""The plugin that pytest loads: the fixture ``assay_golden``.

It imports nothing of torch: pytest loads it wherever it is installed. What checks is loaded when a
test asks for the fixture.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from assay_torch.goldens import MODES, artifacts_folder

if TYPE_CHECKING:
    from assay_torch.checking import GoldenChecker

DATA = "%\r\n"
PROPERTY = DATA + ":,"  # in which a comma or a colon ends a value of an annotation
CHECKER: pytest.StashKey[GoldenChecker] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option and the keys of pytest's configuration."""
    group = parser.getgroup("assay")
    group.addoption(
        "--assay-record", choices=MODES, default=None,
        help="When tests record their goldens (default: missing; never with CI=true)")
    parser.addini("assay_record", f"When tests record their goldens: {', '.join(MODES)}")
    parser.addini("assay_golden_dir", "The folder of the goldens, relative to rootdir")
    parser.addini("assay_command", "The program `assay`: a name on PATH, or a path")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses a configuration that names no record mode."""
    mode = config.getini("assay_record")
    if mode and mode not in MODES:
        raise pytest.UsageError(f'assay_record is "{mode}"; it can be {", ".join(MODES)}')
    config.pluginmanager.register(Tally(str(config.rootpath)), "assay-tally")


@pytest.fixture
def assay_golden(request: pytest.FixtureRequest) -> GoldenChecker:
    """Holds what a model computes to a golden.

        def test_prefill(assay_golden, model, tokens):
            with assay_golden("tiny-llama/prefill", model, rtol=1e-4, atol=1e-5):
                model(tokens)
    """
    from assay_torch.checking import GoldenChecker, Settings

    config, root = request.config, str(request.config.rootpath)
    command, goldens = config.getini("assay_command"), config.getini("assay_golden_dir")
    if os.sep in command:
        command = os.path.join(root, command)
    checker = GoldenChecker(request.node, Settings(
        root=root, record=config.getoption("assay_record") or config.getini("assay_record") or None,
        golden_dir=goldens or None, command=command or None))
    request.node.stash[CHECKER] = checker
    return checker


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fails a test that passed, though not every golden that it asked for matches."""
    result = yield
    if (checker := item.stash.get(CHECKER, None)) is not None:
        checker.complain()
    return result


class Tally:
    """Counts the goldens that were checked, also by the workers of pytest-xdist."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._outcomes = {"matched": 0, "recorded": 0, "failed": 0}
        self._has_reports = False
        self._annotations: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts the goldens of one test when it is over."""
        outcomes = [str(value).partition(" ")[0] for name, value in report.user_properties
                    if name == "assay_golden"]
        if report.when == "teardown":  # whose properties are those of the whole test
            self._has_reports |= any(name == "assay_report" for name, _ in report.user_properties)
            for outcome in outcomes:
                self._outcomes[outcome] += 1
        elif report.failed and set(outcomes) - {"matched"}:
            self._annotations += annotation(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says how many goldens were checked, and annotates what failed on GitHub."""
        if os.environ.get("GITHUB_ACTIONS", "").lower() == "true":
            for line in self._annotations:
                terminalreporter.write_line(line)
        total = sum(self._outcomes.values())
        if not total:
            return
        text = ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes.items() if count)
        is_good = self._outcomes["matched"] == total
        if self._has_reports:
            text += f"; reports in {artifacts_folder(self._root, os.environ)}"
        terminalreporter.write_line(
            f"assay: {total} golden{'' if total == 1 else 's'} checked: {text}",
            green=is_good, red=not is_good)


def annotation(report: pytest.TestReport) -> list[str]:
    """The command of GitHub Actions that shows a failed check beside the test's line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    found = None if crash is None else re.search(r'Golden "(.*?)".*', crash.message, re.DOTALL)
    if crash is None or found is None:
        return []
    path, workspace = str(crash.path), os.environ.get("GITHUB_WORKSPACE")
    if workspace and path.startswith(workspace + "/"):
        path = path[len(workspace) + 1:]
    title = "golden " + found[1]
    return [f"::error file={escaped(path, PROPERTY)},line={crash.lineno},"
            f"title={escaped(title, PROPERTY)}::{escaped(found[0], DATA)}"]


def escaped(text: str, ends: str) -> str:
    """Text without what would end a part of a command."""
    return "".join(f"%{ord(one):02X}" if one in ends else one for one in text)
