"""Kills of a process that has loaded what it needs, once: each kill is of a fork of it."""

import ctypes
import os
import select
import signal
import sys
import time

from process import PATIENCE, Wrong, evenly

ACTS = {"none": 0, "kill": 1, "torn": 2, "full": 3, "fail": 4}


class Forks:
    """Runs a body in forks, each of which is ended at a moment or a time.

    The body is given a function to call after each step, and returns nothing; a fork ends with 0,
    with 3 after an error that it has put into words, or as it was ended.
    """

    def __init__(self, body, is_refusal):
        self.body, self.is_refusal = body, is_refusal
        library = ctypes.CDLL(None)
        self.arm = library.moments_arm

    def fork(self, act="none", at=-1, seconds=None):
        """The status of one fork, how many steps it said it had, and how long it took."""
        reading, writing = os.pipe()
        complaints = os.memfd_create("complaints")
        sys.stdout.flush()
        child = os.fork()
        if not child:
            os.close(reading)
            os.dup2(complaints, 2)
            status = 0
            self.arm(ctypes.c_long(at), ACTS[act])
            try:
                self.body(lambda: os.write(writing, b"."))
            except BaseException as error:
                os.write(2, repr(error).encode())
                status = 3 if self.is_refusal(error) else 4
            os._exit(status)
        os.close(writing)
        began, steps = time.monotonic(), 0
        deadline = began + (PATIENCE if seconds is None else seconds)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                os.kill(child, signal.SIGKILL)
                if seconds is None:
                    os.waitpid(child, 0)
                    raise Wrong("it hangs")
                deadline = time.monotonic() + PATIENCE
                continue
            if select.select([reading], [], [], left)[0]:
                found = os.read(reading, 100)
                if not found:
                    break
                steps += len(found)
        _, status = os.waitpid(child, 0)
        took = time.monotonic() - began
        os.close(reading)
        self.said = os.pread(complaints, 4000, 0).decode(errors="replace")
        os.close(complaints)
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        if code == 4 or code < 0 and code != -signal.SIGKILL:
            raise Wrong(f"ended with {code}: {self.said}")
        return code, steps, took


def count_moments(forks, prepare):
    """How many moments the body has: the first at which a fork is not killed, by bisection."""
    low, high = 0, 1
    while True:
        prepare()
        if forks.fork("kill", high)[0] == 0:
            break
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        prepare()
        if forks.fork("kill", middle)[0] == 0:
            high = middle
        else:
            low = middle
    return low


def kill(name, forks, prepare, check, kills, chance, tally):
    """Ends forks at moments and at times, and lets each be checked; then fills the disk."""
    prepare()
    code, steps, seconds = forks.fork()
    check(code, steps)
    total = count_moments(forks, prepare)
    met = {"moments": 0, "times": 0, "refused": 0}

    def case(kind, *moment):
        prepare()
        code, steps, _ = forks.fork(*moment)
        if kind == "refused":
            met[kind] += code == 3
        else:
            met[kind] += code < 0
        check(code, steps)

    for number in evenly((kills + 1) // 2, 2 * total):
        act = "torn" if number % 2 else "kill"
        tally.case(name, f"{act} at {(number + 1) // 2} of {total}",
                   lambda: case("moments", act, (number + 1) // 2))
    for _ in range(kills // 2):
        when = chance.uniform(0, 1.1 * seconds)
        tally.case(name, f"killed after {when:.4f} s of {seconds:.4f}",
                   lambda: case("times", "none", -1, when))
    numbers = evenly(max(6, kills // 5), total)
    for index, number in enumerate(numbers):
        act = "fail" if index % 2 else "full"
        tally.case(name, f"{act} at {number} of {total}", lambda: case("refused", act, number))
    print(f"{name}: killed at {met['moments']} of {total} moments, {met['times']} times of "
          f"{kills // 2} tried; disk full or failing at {len(numbers)}, {met['refused']} refused",
          flush=True)
