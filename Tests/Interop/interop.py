"""Assay against the real programs: what either side writes, the other reads, bit by bit.

    python interop.py ASSAY_BINARY
"""

import sys
import tempfile
import traceback

import comparing
import converting
import digests
import fixtures
import mappings
import odd
import python_recorder
import python_values
import ranks
import reading
import recording
import reports
import sizes
from checks import Checks


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    checks = Checks(sys.argv[1])
    for part in (recording, reading, converting, comparing, digests, fixtures, mappings, odd, python_recorder,
                 python_values, ranks, reports, sizes):
        for name, test in list(vars(part).items()):
            if name.startswith("test_"):
                with tempfile.TemporaryDirectory(prefix="assay-interop-") as folder:
                    checks.begin(f"{part.__name__}.{name.removeprefix('test_')}")
                    try:
                        test(checks, folder)
                    except Exception:
                        checks.fail(traceback.format_exc())
                    checks.end()
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed or not checks.passed else 0)


if __name__ == "__main__":
    main()
