"""Windows, and what they leave behind."""

import itertools

import pytest
from shared_window import first_opened, newly_opened
from windows import (  # noqa: F401 - fixtures
    clock,
    fake_engine,
    keep_window,
    make_window,
    nothing_left_behind,
    qtbot,
    studio,
    user_folders,
    write_pictures,
)

_TINTS = itertools.count(1)


@pytest.fixture
def folder(tmp_path):
    """Images that the window has not seen yet: it knows no predictions of them."""
    return write_pictures(tmp_path / "pictures", next(_TINTS))


@pytest.fixture(scope="module")
def kept(keep_window, tmp_path_factory):  # noqa: F811 - the fixture of that name
    """A window that the tests of a module share."""
    return first_opened(keep_window(), write_pictures(tmp_path_factory.mktemp("kept") / "pictures"))


@pytest.fixture
def bench(kept, folder):
    """The window as it was found, with the first image of `folder` open."""
    return newly_opened(kept, folder)
