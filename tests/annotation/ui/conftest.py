"""Windows, and what they leave behind."""

import pytest
from shared_window import as_at_first
from windows import (  # noqa: F401 - fixtures
    clock,
    fake_engine,
    folder,
    keep_window,
    make_window,
    messages_stay,
    nothing_left_behind,
    qtbot,
    studio,
    user_folders,
)


@pytest.fixture(scope="module")
def kept(keep_window):  # noqa: F811
    """A window that the tests of a module share."""
    return keep_window()


@pytest.fixture
def bench(kept, folder):  # noqa: F811
    """The window with the first image of `folder` open."""
    as_at_first(kept).open(folder)
    return kept
