"""A bound on the time that a configuration's patterns take."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from assay_torch.errors import RecordError

SECONDS = 5
# Says which search is under way, so that the last line names the one that did not end.
_TRIAL = """\
import json, re, sys
patterns, names = json.load(sys.stdin)
for number, pattern in enumerate(patterns):
    search = re.compile(pattern).search
    for place, name in enumerate(names):
        if not place % 1000 or len(name) > 100:
            print(number, place, flush=True)
        search(name)
"""


def refuse_endless(patterns: list[str], names: list[str]) -> None:
    """Raises ``RecordError`` for a pattern that takes longer than ``SECONDS`` on a model's names.

    Python's matcher backtracks and cannot be interrupted: ``(a+)+$`` takes time that doubles with
    each letter, in the middle of a server's start. So patterns that repeat or choose more than once
    are tried in a process that can be ended. Where none can be started, nothing is tried.
    """
    doubtful = [pattern for pattern in patterns if len(re.findall(r"[*+?{|]", pattern)) > 1]
    if not doubtful or not sys.executable:
        return
    try:
        trial = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TRIAL], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
    except OSError:
        return
    with trial:
        try:
            trial.communicate(json.dumps([doubtful, names]), timeout=SECONDS)
        except subprocess.TimeoutExpired:
            trial.kill()
            lines = trial.communicate()[0].splitlines()
            number, place = (int(word) for word in lines[-1].split()) if lines else (0, 0)
            name = names[place]
            shown = name if len(name) <= 80 else f"{name[:80]}… ({len(name)} characters)"
            raise RecordError(
                f'"module_call_match" in the capture configuration cannot be {doubtful[number]!r}: '
                f'after {SECONDS} seconds nobody knows whether it matches "{shown}" or a name '
                "after it; repeat nothing that repeats itself, as (a+)+ does") from None
