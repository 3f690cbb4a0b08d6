"""What all tests share."""

from __future__ import annotations

import atexit
import gc
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

# One thread for torch, set before anything imports it: small networks gain nothing from more, and
# threads that wait for each other take seconds where the computer is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

# While modules are loaded there is hardly any garbage, but with PyTorch there is much to look at.
gc.disable()

from desks import desk, empty, new_desk  # noqa: E402, F401 - fixtures

from segstudio.models.lean_torchvision import compiler_left_out  # noqa: E402

_NUMBERS = itertools.count()


@pytest.fixture
def tmp_path(request, tmp_path_factory) -> Path:
    """A folder of the test's own, as pytest's, which takes 5 ms where there are 3,000 of them.

    It looks through all for a number that is free.
    """
    name = re.sub(r"\W", "_", request.node.name)[:27]
    path = tmp_path_factory.getbasetemp() / f"{name}{next(_NUMBERS):04}"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture(scope="session")
def tiny_specs(tmp_path_factory):
    """Descriptions of the tiny networks, by id; their weights are on disk."""
    from tiny_networks import write_tiny_networks

    return write_tiny_networks(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny_engine(tiny_specs):
    """The real engine with the tiny networks only."""
    from tiny_networks import TinyEngine

    return TinyEngine(tiny_specs)


_YOUNGEST = 10_000
"""So many new objects are a reason to look for garbage; by itself Python looks after 700.

A network of PyTorch is many thousand objects, none of them garbage.
"""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules of tests that import torchvision before segstudio do as segstudio does."""
    with compiler_left_out():
        return (yield)


def pytest_collection_finish() -> None:
    """Collect garbage from here on, but never look again at what is loaded and stays."""
    gc.freeze()
    gc.set_threshold(_YOUNGEST, *gc.get_threshold()[1:])
    gc.enable()


# Let Python take all down as usual; libraries complain of what nobody frees. Not before pytest has
# looked for garbage ten times at its end, which takes seconds with all modules among it.
atexit.register(gc.unfreeze)


_HARMLESS = r"This plugin does not support"
"""The offscreen platform says so of size hints and of raising windows."""
_QT = {"canvas", "kit", "ui", "window"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let Qt's warnings fail tests, but for what only the offscreen platform says."""
    for item in items:
        if _QT.intersection(item.path.parts):
            item.add_marker(pytest.mark.qt_log_ignore(_HARMLESS, extend=True))
