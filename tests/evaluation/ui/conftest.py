"""Windows, and what they leave behind."""

import pytest
from evaluation_desk import as_found, bring, dock, new_folder, new_panel, open_kept, undo_all
from windows import (  # noqa: F401 - fixtures
    bench,
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
def kept(keep_window, tmp_path_factory):  # noqa: F811
    """A window with the folder worked out by hand evaluated, which the tests of a module share."""
    yield from open_kept(keep_window, tmp_path_factory.mktemp("kept"))


@pytest.fixture
def seen(kept):
    """The window as it was found: tests look at it, and may choose what there is to choose."""
    yield as_found(kept)
    dock(kept)


@pytest.fixture
def corrected(seen):
    """The same for tests that correct an image and leave it open: that is undone."""
    yield seen
    undo_all(seen)


@pytest.fixture
def spoilt(seen):
    """The same for tests after which the folder, its marks or its figures are not as before."""
    yield seen
    seen.plates = None


@pytest.fixture
def fresh(kept):
    """A new copy of the folder in the window: nothing was evaluated in it."""
    bring(kept)
    new_folder(kept)
    yield kept
    kept.engine.gate.set()
    dock(kept)


@pytest.fixture
def first(fresh):
    """The same with a panel that was just asked for."""
    new_panel(fresh)
    fresh.settle()
    return fresh


@pytest.fixture
def anew(seen):
    """The window as it was found, with a panel that was just asked for."""
    new_panel(seen)
    seen.settle()
    return seen
