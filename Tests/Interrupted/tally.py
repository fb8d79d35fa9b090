"""Counting cases."""

import sys

from process import Wrong


class Tally:
    def __init__(self):
        self.failed = self.passed = 0

    def case(self, name, what, body):
        """Runs one case; what fails is told and counted."""
        try:
            body()
            self.passed += 1
        except Wrong as error:
            self.failed += 1
            if self.failed <= 20:
                print(f"  FAILED {name}, {what}: {error}", flush=True)

    def end(self, program):
        print(f"{self.passed} cases passed, {self.failed} failed; "
              f"{program.checks} commands were run to see it", flush=True)
        sys.exit(1 if self.failed else 0)
