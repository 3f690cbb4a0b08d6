"""What a process of its own is given to do in tests: functions that can be found by their names."""

import multiprocessing
import os
import time
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.models.apart import wait_while_halted, worked_s


def answer(report, given):
    report(1, 2, "half")
    elsewhere = multiprocessing.parent_process() is not None
    return {"value": given + 1, "elsewhere": elsewhere, "pid": os.getpid()}


def refuse(_report, given):
    raise SegstudioError(f"{given} is no good.", "Take another.")


def bad(_report, given):
    return 1 / given


def crash(_report, _given):
    os.abort()


def forever(_report, path):
    Path(path).write_text(str(os.getpid()))
    while True:
        time.sleep(1)


def counting(_report, path):
    """Counts hundredths of seconds in a file until its own clock says 0.6 s; the real seconds."""
    start, own = time.perf_counter(), worked_s()
    count = 0
    while worked_s() - own < 0.6:
        wait_while_halted()
        count += 1
        Path(path).write_text(str(count))
        time.sleep(0.01)
    return time.perf_counter() - start
