import os
import subprocess
import sys

import pytest

from segstudio.models.shared_libraries import load_shared_libraries

WATCH = """
import importlib, sys, threading, time
from segstudio.models.shared_libraries import load_shared_libraries

def held(work):
    \"\"\"How long another thread had to wait at most, in seconds, and what the work gave.\"\"\"
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    longest, last = 0.0, time.perf_counter()
    while thread.is_alive():
        time.sleep(0.0005)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest, found[0]

waited, count = held(lambda: load_shared_libraries("torch"))
maps = open("/proc/self/maps").read()
print(count, "libtorch_cpu" in maps, "torch" in sys.modules)
import torch
print(float(torch.ones(2).sum()), load_shared_libraries("torch"))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_pytorchs_libraries_are_there_before_it_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", WATCH], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.split("\n")[:2] == ["2 True False", "2.0 0"]


def test_what_is_imported_already_is_left_alone():
    import torch  # noqa: F401

    assert load_shared_libraries("torch") == 0
