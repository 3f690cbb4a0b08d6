"""Memory that models have freed goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from segstudio.models.devices import FreedMemory, give_back_freed_memory

MB = 1 << 20


def test_it_is_given_back_when_much_has_gathered():
    now, calls = [700 * MB], []

    def give_back() -> None:
        calls.append(now[0])
        now[0] = 800 * MB

    memory = FreedMemory(lambda: now[0], give_back)
    for megabytes in (900, 950, 956):  # 256 MB are not much
        now[0] = megabytes * MB
        memory.give_back()
    assert calls == []
    now[0] = 957 * MB
    memory.give_back()
    assert calls == [957 * MB]
    now[0] = 1050 * MB  # 800 are in use now
    memory.give_back()
    assert len(calls) == 1
    now[0] = 300 * MB  # a model was let go
    memory.give_back()
    now[0] = 600 * MB
    memory.give_back()
    assert len(calls) == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others do it themselves")
def test_the_process_becomes_smaller():
    give_back_freed_memory()
    # pieces of 100 kB come from the heap; one that stays at its end keeps them all there
    pieces = [np.ones(100_000, np.uint8) for _ in range(4000)]
    last = np.ones(100_000, np.uint8)
    before = resident()
    del pieces
    give_back_freed_memory()
    assert before - resident() > 300 * MB
    assert last.all()


def resident() -> int:
    fields = Path("/proc/self/status").read_text().split()
    return int(fields[fields.index("VmRSS:") + 1]) * 1024
