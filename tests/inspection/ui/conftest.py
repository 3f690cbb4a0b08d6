"""Windows, and what they leave behind."""

import pytest
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
    write_pictures,
)


@pytest.fixture(scope="module")
def traced_studio(qapp, tiny_specs, tmp_path_factory):
    """A studio that has traced the tiny U-Net, for all tests of a module: see `traced_desk`."""
    from traced_desk import kept_desk

    home = tmp_path_factory.mktemp("kept")
    with kept_desk(home, tiny_specs, write_pictures(home / "pictures")) as desk:
        yield desk
