"""The program ``assay``: where it is, and what it says of two runs."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from assay_torch.errors import GoldenError

MATCH, MISMATCH = 0, 1
HEADLINES = {MATCH: "# Assay comparison: match\n", MISMATCH: "# Assay comparison: mismatch\n"}


def find(configured: str | None, environment: Mapping[str, str]) -> str:
    """The program's path.

    The variable ``ASSAY`` names it, or pytest's configuration; else it is beside this Python, where
    a wheel puts it, or on ``PATH``. Raises ``GoldenError``.
    """
    for source, value in (("ASSAY", environment.get("ASSAY")), ("assay_command", configured)):
        if not value:
            continue
        found = shutil.which(value)
        if found is None:
            raise GoldenError(f"{source} names {value}, which is no program that can be run")
        return found
    found = shutil.which("assay", path=os.path.dirname(sys.executable)) or shutil.which("assay")
    if found is None:
        raise GoldenError(
            "the program `assay`, which compares, was not found: name it by the environment "
            "variable ASSAY or by assay_command in pytest's configuration, or put it on PATH; "
            "`make build` in Assay's repository makes .build/release/assay")
    return found


def run(program: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command of the program. Raises ``GoldenError`` where it cannot be run."""
    # The words that it would annotate a failure with on GitHub are those of a test's failure. The
    # summary is written by who knows the test.
    environment = {name: value for name, value in os.environ.items()
                   if name != "GITHUB_STEP_SUMMARY"} | {"GITHUB_ACTIONS": "true"}
    try:
        return subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              encoding="utf-8", errors="replace", env=environment, check=False)
    except OSError as error:
        raise GoldenError(f"{program} cannot be run: {error}") from None


def succeed(program: str, arguments: Sequence[str]) -> str:
    """Runs a command that must succeed, and returns what it printed. Raises ``GoldenError``."""
    done = run(program, arguments)
    if done.returncode != 0:
        raise GoldenError(complaint(done))
    return done.stdout


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Why a command failed, in its own words."""
    text = done.stderr.strip().removeprefix("Error: ")
    return text or f"{done.args[0]} {done.args[1]} ended with status {done.returncode}"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What comparing two runs came to."""
    is_match: bool
    text: str  # of a mismatch, as a test says it; without the runs' paths
    report: str  # markdown


def compare(program: str, actual: str, expected: str, options: Sequence[str],
            report: str) -> Comparison:
    """Compares two runs, and writes the whole report to a file.

    Raises ``GoldenError`` for status 2 and whatever else is neither a match nor a mismatch.
    """
    done = run(program, ["compare", actual, expected, *options, f"--output={report}",
                         "--format=md"])
    if done.returncode not in HEADLINES:
        raise GoldenError(complaint(done))
    try:
        with open(report, encoding="utf-8") as file:
            markdown = file.read()
    except OSError as error:
        raise GoldenError(f"{program} wrote no report: {error}") from None
    # A program of that name that is another's may succeed at anything.
    if not markdown.startswith(HEADLINES[done.returncode]):
        raise GoldenError(f"the report of {program} does not say what its status "
                          f"{done.returncode} says; is it Assay's?")
    return Comparison(done.returncode == MATCH, failure_text(done.stderr), markdown)


def failure_text(errors: str) -> str:
    """The message of the annotation, without the paths at its end."""
    found = re.search(r"^::error [^\n]*?::(.*)$", errors, re.MULTILINE)
    if not found:
        return "the run differs"
    escapes = {"%0A": "\n", "%0D": "\r", "%25": "%"}
    lines = re.sub("%(0A|0D|25)", lambda code: escapes[code[0]], found[1]).split("\n")
    while re.match("  (actual|expected|report):", lines[-1]):
        lines.pop()
    return "\n".join(lines)
